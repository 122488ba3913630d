"""Write a plugin for Assay in Python: derive one class, mark it with `export`.

    from assay import Detection, Detector, Finding, export, settings

    @export
    class TooBright(Detector):
        def __init__(self):
            self.limit = settings.number("limit", default=200.0, low=0, high=255)

        def detect(self, frame, evidence):
            mean = evidence.picture.statistics().mean
            return Detection([Finding("too-bright", mean / 255, raised=mean > self.limit)])

Names are loaded when they are asked for, because a component imports exactly what its plugin loads: a plugin that
never names `Model` needs no `inference:` capability. For the same reason everything is imported at the top of
`plugin.py`: inside a station there are no files to import from.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from .errors import BadSetting, InferenceError, PluginError, UnsupportedInput

if TYPE_CHECKING:
    from . import letterbox, log, numeric, reference, settings, state
    from .detector import Detection, Detector, Evidence
    from .frame import Finding, Frame, Region
    from .image import (
        ElementType,
        Image,
        ImageInfo,
        PixelFormat,
        ResizeFilter,
        Statistics,
        TensorLayout,
        TensorSpec,
    )
    from .letterbox import Letterbox
    from .model import Model
    from .monitor import Inspection, Monitor, Observation, Report
    from .preprocessor import Prepared, Preprocessor
    from .tensor import Tensor, Tensors, TensorType

_MODULES = ("letterbox", "log", "numeric", "reference", "settings", "state")
_NAMES = {
    "detector": ("Detection", "Detector", "Evidence"),
    "frame": ("Finding", "Frame", "Region"),
    "image": (
        "ElementType",
        "Image",
        "ImageInfo",
        "PixelFormat",
        "ResizeFilter",
        "Statistics",
        "TensorLayout",
        "TensorSpec",
    ),
    "letterbox": ("Letterbox",),
    "model": ("Model",),
    "monitor": ("Inspection", "Monitor", "Observation", "Report"),
    "preprocessor": ("Prepared", "Preprocessor"),
    "tensor": ("Tensor", "Tensors", "TensorType"),
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "BadSetting",
    "InferenceError",
    "PluginError",
    "UnsupportedInput",
    "export",
    *_MODULES,
    *_MODULE_OF,
]

Plugin = TypeVar("Plugin", bound=type)


def export(plugin: Plugin) -> Plugin:
    """Makes a class derived from `Detector`, `Preprocessor` or `Monitor` the plugin of this module, which has to be
    `plugin.py` itself."""
    if not hasattr(plugin, "_adapter"):
        raise TypeError(f"{plugin.__name__} has to be derived from Detector, Preprocessor or Monitor")
    setattr(sys.modules[plugin.__module__], plugin._exported, plugin._adapter())  # type: ignore[attr-defined]
    return plugin


def __getattr__(name: str) -> object:
    module = name if name in _MODULES else _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'assay' has no attribute {name!r}")
    try:
        loaded = import_module(f".{module}", __name__)
    except ImportError as error:
        raise ImportError(
            f"assay.{name} cannot be loaded ({error}): import it at the top of plugin.py, and use it only in a "
            "world that has it"
        ) from error
    return loaded if module == name else getattr(loaded, name)
