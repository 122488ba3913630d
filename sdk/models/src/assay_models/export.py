"""Writes a network as ONNX: constants folded, padding absorbed, batch size free, size fixed."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from torch import nn

from .files import replacing
from .onnxfile.graph import PRODUCER, tidy

OPSET = 17
OUTPUTS = ("logits", "embedding")


def export(net: nn.Module, path: Path, size: int, outputs: tuple[str, ...] = OUTPUTS, note: str = "") -> None:
    """Input `input` float32 [N, 3, size, size]; checks the file before it takes its place."""
    example = torch.zeros(1, 3, size, size)
    with replacing(path) as part:
        torch.onnx.export(
            net.eval(),
            (example,),
            str(part),
            input_names=["input"],
            output_names=list(outputs),
            dynamic_axes={name: {0: "N"} for name in ("input", *outputs)},
            opset_version=OPSET,
            do_constant_folding=True,
            dynamo=False,
        )
        model = tidy(onnx.load(part))
        _state_shapes(model, net, example)
        model.producer_name, model.doc_string = PRODUCER, note
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, part)


def _state_shapes(model: onnx.ModelProto, net: nn.Module, example: torch.Tensor) -> None:
    """Every side of an output but the first has its size: a bundle's manifest names them, and the exporter knows not all."""
    with torch.inference_mode():
        found = net(example)
    for value, tensor in zip(model.graph.output, found if isinstance(found, tuple) else (found,), strict=True):
        sides = ["N", *tensor.shape[1:]]
        value.CopyFrom(onnx.helper.make_tensor_value_info(value.name, onnx.TensorProto.FLOAT, sides))
