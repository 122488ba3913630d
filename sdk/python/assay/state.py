"""What a monitor remembers between frames. The host keeps it; it survives recycled instances and restarts, and it
changes only where the call succeeds. Needs the capability `state`.

    from assay import state
    seen = state.get_json("seen", default={"count": 0})
    seen["count"] += 1
    state.set_json("seen", seen)

What is kept counts against the plugin's limit `state_bytes`; `PluginError` where it would be passed.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable
from typing import Any

from componentize_py_types import Err
from wit_world.imports import state as wit

from ._call import raise_from_host


def get(key: str) -> bytes | None:
    """The bytes under `key`."""
    found = wit.get(key)
    return None if found is None else bytes(found)


def set(key: str, value: bytes) -> None:
    """Keeps `value` under `key`."""
    try:
        wit.set(key, bytes(value))
    except Err as error:
        raise_from_host(error)


def delete(key: str) -> None:
    """Forgets `key`."""
    wit.delete(key)


def get_json(key: str, *, default: Any = None) -> Any:
    """What was kept by `set_json`; `default` where there is nothing, or bytes that are no JSON."""
    found = get(key)
    try:
        return default if found is None else json.loads(found)
    except ValueError:
        return default


def set_json(key: str, value: Any) -> None:
    """Keeps what JSON can say."""
    set(key, json.dumps(value, separators=(",", ":")).encode())


def get_numbers(key: str) -> list[float] | None:
    """The numbers under `key`; None where there are none or the bytes are no numbers."""
    found = get(key)
    return None if found is None or len(found) % 8 else array("d", found).tolist()


def set_numbers(key: str, values: Iterable[float]) -> None:
    """Keeps numbers under `key`, 8 bytes each."""
    set(key, array("d", values).tobytes())
