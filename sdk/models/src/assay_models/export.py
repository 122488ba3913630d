"""Writes a network as ONNX: constants folded, padding absorbed, batch size free, size fixed."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from torch import nn

from .files import replacing, write_bytes

OPSET = 17
OUTPUTS = ("logits", "embedding")
PRODUCER = "assay model kit"


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


def save(model: onnx.ModelProto, path: Path) -> None:
    """Checks and writes a graph."""
    onnx.checker.check_model(model, full_check=True)
    write_bytes(path, model.SerializeToString(deterministic=True))


def tidy(model: onnx.ModelProto) -> onnx.ModelProto:
    """Turns constant nodes into initialisers and explicit padding into the convolution's own."""
    graph = model.graph
    producers = {output: node for node in graph.node for output in node.output}
    for node in graph.node:
        source = producers.get(node.input[0]) if node.op_type == "Conv" else None
        if source is not None and source.op_type == "Pad":
            _absorb_padding(node, source)
        for name in node.input:
            constant = producers.get(name)
            if constant is not None and constant.op_type == "Constant":
                tensor = graph.initializer.add()
                tensor.CopyFrom(constant.attribute[0].t)
                tensor.name = name
                del producers[name]
    _drop_unused(graph)
    return model


def _absorb_padding(conv: onnx.NodeProto, pad: onnx.NodeProto) -> None:
    """SAME padding of a strided convolution: kernel - stride in all, the odd pixel right and bottom."""
    attributes = {attribute.name: attribute for attribute in conv.attribute}
    total = attributes["kernel_shape"].ints[0] - attributes["strides"].ints[0]
    before = total // 2
    attributes["pads"].ints[:] = [before, before, total - before, total - before]
    conv.input[0] = pad.input[0]


def _drop_unused(graph: onnx.GraphProto) -> None:
    """Removes nodes and initialisers that nothing reads, and constant nodes, which are initialisers by now."""
    wanted, kept = {output.name for output in graph.output}, []
    for node in reversed(graph.node):
        if node.op_type != "Constant" and wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    initializers = [tensor for tensor in graph.initializer if tensor.name in wanted]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(kept))
    graph.initializer.extend(initializers)


def strip(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drops what only a quantiser needed. tract takes the notes about inner shapes for orders."""
    del model.graph.value_info[:]
    used = {node.domain for node in model.graph.node}
    opsets = [opset for opset in model.opset_import if opset.domain in used or not opset.domain]
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    model.producer_name = PRODUCER
    return model
