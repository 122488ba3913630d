"""Small surgery on ONNX graphs. Nothing here needs torch."""

from __future__ import annotations

from pathlib import Path

import onnx

from ..files import write_bytes

PRODUCER = "assay model kit"


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
