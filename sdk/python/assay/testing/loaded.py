"""Which interfaces of its world a plugin loads: for the build, which lets a component import no others."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from .host import Station
from .words import INTERFACES, wit

_CLASS = {"detector": "Detect", "preprocessor": "Preprocess", "monitor": "Observe"}


class _Recorded(ModuleType):
    """`wit_world.imports`, which notes what is taken out of it."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__("wit_world.imports")
        self.asked: set[str] = set()
        self._names = names

    def __getattr__(self, name: str) -> ModuleType:
        if name not in self._names:
            raise AttributeError(name)
        self.asked.add(name)
        return getattr(wit, name)


def interfaces(world: str) -> list[str]:
    """Imports `plugin` and gives the names of the interfaces that were loaded, in the order of the WIT."""
    Station()
    imports = sys.modules["wit_world.imports"] = _Recorded(INTERFACES)
    plugin = importlib.import_module("plugin")
    if not hasattr(plugin, _CLASS[world]):
        raise SystemExit(f"plugin.py exports no {world}: derive a class from assay.{world.title()} and mark it with @export")
    return [name for name in INTERFACES if name in imports.asked]


