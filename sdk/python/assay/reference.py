"""The reference distributions that the model bundle carries: how each feature lay while the model was made. The host
has parsed them; a plugin asks for the values that it needs. Needs the capability `config`.

    from assay import reference
    mean = reference.feature("brightness").number("mean")
"""

from __future__ import annotations

from typing import Any

from wit_world.imports import config as wit

from .errors import BadSetting
from .settings import _is_number, _plain


def digest() -> str:
    """SHA-256 as 64 hexadecimal digits: the same digest, the same reference. `BadSetting` where there is none."""
    found = wit.reference_digest()
    if found is None:
        raise _no_reference()
    return found


def text() -> str:
    """All of it as JSON text: for what `value` does not reach. `BadSetting` where there is none."""
    found = wit.reference()
    if found is None:
        raise _no_reference()
    return found


def value(path: str) -> Any:
    """One value, or None. The path has a slash between its words: `features/brightness/mean`. An object is entered
    by its key, a list of objects by their `name`."""
    raw = wit.reference_value(path)
    return None if raw is None else _plain(raw)


class Feature:
    """One feature of the reference. Nothing is asked of the host before a value is read."""

    def __init__(self, name: str) -> None:
        self.name = name

    def number(self, key: str) -> float:
        """A number: `mean`, `sd`, `min`, `max`. `BadSetting` where it is missing."""
        found = value(f"features/{self.name}/{key}")
        if not _is_number(found):
            raise self._missing(key, "a number")
        return float(found)

    def numbers(self, path: str) -> list[float]:
        """A list of numbers, at least one: `quantiles`, `bins/edges`. `BadSetting` where it is missing or empty."""
        found = value(f"features/{self.name}/{path}")
        if not isinstance(found, list) or not found or not all(_is_number(item) for item in found):
            raise self._missing(path, "a list of numbers")
        return [float(item) for item in found]

    def _missing(self, key: str, expected: str) -> BadSetting:
        if wit.reference_digest() is None:
            return _no_reference()
        return BadSetting.of("reference", f"{key} of {self.name} as {expected}", "none")


def feature(name: str) -> Feature:
    """The feature of that name."""
    return Feature(name)


def _no_reference() -> BadSetting:
    return BadSetting.of("reference", 'a model bundle with a blob of role "reference"', "a model bundle without one")
