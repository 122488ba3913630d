"""The plugin's own settings: the defaults of its manifest with the recipe's values over them, each in its own type.
Needs the capability `config`.

One by one:

    from assay import settings
    limit = settings.number("limit", default=200.0, low=0, high=255)

or all at once, with a dataclass whose fields say what each has to be. Words of a key are joined by hyphens, those of
a field by underscores:

    @dataclass
    class Limits:
        min_mean: float = settings.between(0, 255, default=40.0)     # setting `min-mean`
        label: str = "too-dark"

    limits = settings.load(Limits)

Every function raises `BadSetting` with the key, what was expected and what was found. A `default` of None means that
the setting has to be there.
"""

from __future__ import annotations

import dataclasses
import json as _json
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, get_type_hints

from wit_world.imports import config as wit

from .errors import BadSetting

Loaded = TypeVar("Loaded")


def get(key: str) -> Any:
    """The value as the type that it has (`bool`, `int`, `float`, `str`, `list`, or what its JSON text says), or None
    where neither manifest nor recipe has it."""
    raw = wit.setting(key)
    return None if raw is None else _plain(raw)


def number(key: str, *, default: float | None = None, low: float = -math.inf, high: float = math.inf) -> float:
    """A finite number from `low` to `high`."""
    expected = "a number" + _range(low, high)
    value = _read(key, default, expected)
    if not _is_number(value) or not low <= value <= high:
        raise BadSetting.of(key, expected, shown(value))
    return float(value)


def integer(key: str, *, default: int | None = None, low: int = 0, high: int = 2**63 - 1) -> int:
    """A whole number from `low` to `high`; 0 or more where nothing else is said."""
    expected = f"a whole number from {low} to {high}"
    value = _read(key, default, expected)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadSetting.of(key, expected, shown(value))
    return value


def flag(key: str, *, default: bool | None = None) -> bool:
    """True or false."""
    value = _read(key, default, "true or false")
    if not isinstance(value, bool):
        raise BadSetting.of(key, "true or false", shown(value))
    return value


def text(key: str, *, default: str | None = None, choices: Sequence[str] = ()) -> str:
    """A text; one of `choices` where there are any."""
    expected = " or ".join(choices) if choices else "a text"
    value = _read(key, default, expected)
    if not isinstance(value, str) or (choices and value not in choices):
        raise BadSetting.of(key, expected, shown(value))
    return value


def numbers(key: str, *, default: Sequence[float] | None = None) -> list[float]:
    """A list of numbers; one number is a list of one."""
    expected = "a number or a list of numbers"
    value = _read(key, default, expected)
    items = [value] if _is_number(value) else value
    if isinstance(items, str) or not isinstance(items, Sequence) or not all(_is_number(item) for item in items):
        raise BadSetting.of(key, expected, shown(value))
    return [float(item) for item in items]


def texts(key: str, *, default: Sequence[str] | None = None) -> list[str]:
    """A list of texts."""
    expected = "a list of texts"
    value = _read(key, default, expected)
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(item, str) for item in value):
        raise BadSetting.of(key, expected, shown(value))
    return list(value)


def json(key: str) -> Any:
    """What the setting's JSON text says, or None: for tables and lists of tables."""
    found = wit.get(key)
    return None if found is None else _json.loads(found)


def labels() -> list[str]:
    """Labels of the recipe's model, in the order of its outputs."""
    return list(wit.labels())


def between(low: float, high: float, *, default: float | int | None = None) -> Any:
    """A field of a dataclass for `load`: a number from `low` to `high`."""
    metadata = {"low": low, "high": high}
    return dataclasses.field(metadata=metadata) if default is None else dataclasses.field(default=default, metadata=metadata)


def load(kind: type[Loaded]) -> Loaded:
    """Fills a dataclass: fields of `float`, `int`, `bool`, `str`, `list[float]` or `list[str]`."""
    hints, values = get_type_hints(kind), {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        read = _READERS.get(hints[field.name])
        if read is None:
            raise TypeError(f"{kind.__name__}.{field.name}: no setting has the type {hints[field.name]}")
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        given = {} if default is dataclasses.MISSING else {"default": default}
        values[field.name] = read(field.name.replace("_", "-"), **given, **field.metadata)
    return kind(**values)


_READERS: dict[Any, Callable[..., Any]] = {
    float: number,
    int: integer,
    bool: flag,
    str: text,
    list[float]: numbers,
    list[str]: texts,
}


def shown(value: Any) -> str:
    """For a person."""
    return "nothing" if value is None else _json.dumps(value, ensure_ascii=False)


def _plain(raw: Any) -> Any:
    return _json.loads(raw.value) if isinstance(raw, wit.Value_Other) else raw.value


def _read(key: str, default: Any, expected: str) -> Any:
    value = get(key)
    if value is None:
        value = default
    if value is None:
        raise BadSetting.of(key, expected, "nothing")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _range(low: float, high: float) -> str:
    return "" if math.isinf(low) and math.isinf(high) else f" from {low} to {high}"
