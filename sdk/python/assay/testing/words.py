"""The modules that a component is built against, written by hand with the same names: `wit_world` and
`componentize_py_types`. A test of the SDK holds them against the WIT."""

from __future__ import annotations

from dataclasses import make_dataclass
from enum import Enum
from types import ModuleType, SimpleNamespace
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class Err(Exception, Generic[Value]):
    """An error of the host, or of the plugin."""

    def __init__(self, value: Value) -> None:
        super().__init__(value)
        self.value = value


INTERFACES = ("types", "log", "config", "state", "imaging", "tensor", "graph", "inference", "errors")
EXPORTS = ("detect", "preprocess", "observe")

ENUMS = {
    "log.Level": "debug info warn error",
    "imaging.PixelFormat": "gray8 rgb8 bgr8 rgba8 gray16",
    "imaging.ResizeFilter": "nearest box bilinear catmull_rom lanczos3",
    "imaging.TensorLayout": "nchw nhwc",
    "imaging.ElementType": "fp32 uint8",
    "tensor.TensorType": "fp16 fp32 fp64 bf16 u8 i32 i64",
    "errors.ErrorCode": "invalid_argument invalid_encoding timeout runtime_error unsupported_operation too_large "
    "not_found security unknown",
}
RECORDS = {
    "types.FrameInfo": "station boot trigger captured_at_us source product serial attributes",
    "types.Region": "x y width height",
    "types.Finding": "label score raised region text attributes",
    "imaging.ImageInfo": "width height format",
    "imaging.TensorSpec": "layout element mean scale",
    "imaging.Statistics": "mean sd laplacian_variance dark_share bright_share channel_means",
    "detect.Evidence": "picture inputs outputs attributes",
    "detect.Detection": "findings images attributes",
    "preprocess.Prepared": "tensors picture images attributes",
    "observe.Inspection": "picture verdict label probabilities findings outputs attributes",
    "observe.Report": "feature statistic value threshold drifted window attributes",
    "observe.Observation": "reports attributes",
}
VARIANTS = {
    "types.PluginError": "UnsupportedInput BadSetting Inference Other",
    "config.Value": "Flag Integer Number Text Numbers Texts Other",
    "state.StateError": "Limit Other",
    "imaging.ImagingError": "InvalidArgument Limit Other",
}


def _make() -> SimpleNamespace:
    modules: dict[str, Any] = {name: ModuleType(f"wit_world.imports.{name}") for name in INTERFACES}
    modules |= {name: ModuleType(f"wit_world.exports.{name}") for name in EXPORTS}
    for path, words in ENUMS.items():
        module, name = path.split(".")
        setattr(modules[module], name, Enum(name, {word.upper(): at for at, word in enumerate(words.split())}))
    for path, words in RECORDS.items():
        module, name = path.split(".")
        setattr(modules[module], name, make_dataclass(name, words.split()))
    for path, words in VARIANTS.items():
        module, name = path.split(".")
        for word in words.split():
            setattr(modules[module], f"{name}_{word}", make_dataclass(f"{name}_{word}", ["value"]))
    return SimpleNamespace(**modules)


#: All modules by their last name.
wit = _make()
