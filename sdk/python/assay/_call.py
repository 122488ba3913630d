"""What happens around a call of the station: handles end with it, and exceptions become the station's errors.

An instance may live for one frame or, when the recipe keeps it warm, for many. So nothing that belongs to a frame
outlives its call: every handle is released here, also after an exception.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NoReturn, Self, TypeVar

from componentize_py_types import Err
from wit_world.imports import types as wit

from .errors import BadSetting, InferenceError, PluginError, UnsupportedInput

Plugin = TypeVar("Plugin")
Answer = TypeVar("Answer")

#: Handles of the call in progress that somebody still refers to; None between calls.
_open: weakref.WeakSet[Handle] | None = None
#: Longest chain of places in an error's text.
_MOST_PLACES = 8


class Handle:
    """Something that the host holds. It is released when nobody refers to it any more, and at the end of the call at
    the latest; `close` or a `with` block does it earlier. After that every use raises `PluginError`."""

    __slots__ = ("_raw", "__weakref__")

    def __init__(self, raw: Any) -> None:
        self._raw = None
        if _open is None:
            raw.__exit__(None, None, None)
            raise PluginError(f"{type(self).__name__}: made outside of a call; make it where the frame is judged")
        self._raw = raw
        _open.add(self)

    def close(self) -> None:
        """Releases what the host holds, and frees its share of the plugin's limits."""
        raw, self._raw = self._raw, None
        if raw is not None:
            raw.__exit__(None, None, None)

    def __del__(self) -> None:
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _live(self) -> Any:
        if self._raw is None:
            raise PluginError(
                f"{type(self).__name__}: used after it was closed, handed to a model or to the station, "
                "or after its call ended"
            )
        return self._raw

    def _take(self) -> Any:
        """Hands it on: from now on somebody else releases it."""
        raw, self._raw = self._live(), None
        return raw


def hand_over(handles: Sequence[Handle]) -> list[Any]:
    """Hands handles on, all or none: a failure half-way would leave some that nobody releases."""
    for handle in handles:
        if not isinstance(handle, Handle):
            raise PluginError(f"expected a picture or a tensor, found {handle!r}")
        handle._live()
    if len({id(handle) for handle in handles}) != len(handles):
        raise PluginError(f"{type(handles[0]).__name__}: one handle cannot be handed on twice; make a copy")
    return [handle._take() for handle in handles]


class Slot(Generic[Plugin]):
    """Keeps the author's object for as long as the instance lives."""

    def __init__(self, make: Callable[[], Plugin]) -> None:
        self._make = make
        self._plugin: Plugin | None = None

    def run(self, work: Callable[[Callable[[], Plugin]], Answer]) -> Answer:
        """Runs one call. `work` gets a function that gives the author's object; its first use makes the object."""
        global _open
        redirect_prints()
        _open = weakref.WeakSet()
        failure = None
        try:
            return work(self._get)
        except BaseException as error:  # noqa: BLE001 - what leaves here is a trap
            failure = self._failed(error)
        finally:
            _close_all()
        # Outside of the handler: the exception and the frames that it holds are gone by now.
        raise Err(failure)

    def _get(self) -> Plugin:
        if self._plugin is None:
            self._plugin = self._make()
        return self._plugin

    def _failed(self, error: BaseException) -> Any:
        if isinstance(error, PluginError):
            return to_wit(error)
        # Nobody knows in which state the author's object is: the next call makes a new one.
        self._plugin = None
        log("error", "\n".join(_places(error)))
        return wit.PluginError_Other(describe(error))


def _close_all() -> None:
    global _open
    handles, _open = _open, None
    for handle in list(handles or ()):
        handle.close()


def to_wit(error: PluginError) -> Any:
    """The station's words for one of ours."""
    text = str(error) or type(error).__name__
    if isinstance(error, UnsupportedInput):
        return wit.PluginError_UnsupportedInput(text)
    if isinstance(error, BadSetting):
        return wit.PluginError_BadSetting(text)
    if isinstance(error, InferenceError):
        return wit.PluginError_Inference(text)
    return wit.PluginError_Other(text)


def raise_from_host(error: Err[Any]) -> NoReturn:
    """What the host's pictures and its state give, as ours: bad arguments are `UnsupportedInput`, limits and the rest
    are `PluginError`."""
    value = error.value
    kind = UnsupportedInput if type(value).__name__ == "ImagingError_InvalidArgument" else PluginError
    raise kind(value.value) from None


def describe(error: BaseException) -> str:
    """One line: what, and where. The text comes from the frames alone: there is no file to read at a station."""
    places = _places(error)
    return f"{type(error).__name__}: {error}" + (f" ({places[-1]})" if places else "")


def _places(error: BaseException) -> list[str]:
    places: list[str] = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        file = code.co_filename.rsplit("/", 1)[-1]
        places.append(f"{file} line {trace.tb_lineno}, in {code.co_name}")
        trace = trace.tb_next
    return places[-_MOST_PLACES:]


def log(level: str, text: str) -> None:
    """Logs where the plugin uses `assay.log`; a plugin that does not, needs no capability for it."""
    module = sys.modules.get("assay.log")
    if module is not None:
        module.write(module.Level[level.upper()], text)


class _Printed:
    """Takes the place of standard output, which a station does not have: whole lines go to the log."""

    encoding = "utf-8"

    def __init__(self, level: str) -> None:
        self._level = level
        self._rest = ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            log(self._level, line)
        return len(text)

    def flush(self) -> None:
        """Nothing waits but an unfinished line."""


def redirect_prints() -> None:
    """Inside a component, `print` would end the instance. Natively it stays as it is."""
    if sys.platform == "wasi" and not isinstance(sys.stdout, _Printed):
        sys.stdout = _Printed("info")  # type: ignore[assignment]
        sys.stderr = _Printed("warn")  # type: ignore[assignment]


def pairs(attributes: Mapping[str, object]) -> list[tuple[str, str]]:
    """Attributes as the station takes them."""
    return [(str(key), str(value)) for key, value in attributes.items()]
