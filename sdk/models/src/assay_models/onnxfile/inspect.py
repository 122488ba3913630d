"""Parameters and multiply-adds of an ONNX file, out of its graph."""

from __future__ import annotations

import math

import onnx
from onnx import TensorProto

from ..errors import KitError
from .model import ModelFile

COUNTED = ("Conv", "ConvTranspose", "Gemm", "MatMul", "QLinearConv", "QLinearMatMul")
# Scales, zero points and the bounds of a clip are not what people mean by parameters.
SCALE_PLACES = {"QuantizeLinear": (1, 2), "DequantizeLinear": (1, 2), "Clip": (1, 2)}


def parameters(model: ModelFile) -> int:
    """Numbers in the initialisers, without scales, zero points, bounds and shapes."""
    graph = model.proto.graph
    scales = {node.input[k] for node in graph.node for k in SCALE_PLACES.get(node.op_type, ()) if k < len(node.input)}
    shapes = {node.input[1] for node in graph.node if node.op_type == "Reshape"}
    kept = [t for t in graph.initializer if t.name not in scales | shapes and t.data_type != TensorProto.INT64]
    return sum(math.prod(t.dims) for t in kept)


def multiply_adds(model: ModelFile) -> int:
    """Multiply-adds of one picture: convolutions and products."""
    proto = onnx.ModelProto()
    proto.CopyFrom(model.proto)
    first = next(value for value in proto.graph.input if value.name == model.input.name)
    first.type.tensor_type.shape.dim[0].dim_value = 1
    for value in proto.graph.output:
        value.type.tensor_type.ClearField("shape")
    try:
        inferred = onnx.shape_inference.infer_shapes(proto, data_prop=True).graph
    except onnx.shape_inference.InferenceError as error:
        raise KitError(f"the shapes inside {model.path} contradict each other: {error}") from error
    shapes = {t.name: list(t.dims) for t in inferred.initializer}
    for value in [*inferred.value_info, *inferred.output, *inferred.input]:
        shapes[value.name] = [side.dim_value for side in value.type.tensor_type.shape.dim]
    behind = {node.output[0]: node.input[0] for node in inferred.node if node.op_type == "DequantizeLinear"}
    return sum(_of_node(node, shapes, behind) for node in inferred.node if node.op_type in COUNTED)


def _of_node(node: onnx.NodeProto, shapes: dict[str, list[int]], behind: dict[str, str]) -> int:
    out = math.prod(shapes.get(node.output[0]) or [0])
    weight_place = 3 if node.op_type.startswith("QLinear") else 1
    name = node.input[weight_place]
    weight = shapes.get(name) or shapes.get(behind.get(name, "")) or [0]
    if node.op_type in ("Conv", "QLinearConv"):
        return out * math.prod(weight[1:])
    if node.op_type == "ConvTranspose":
        return math.prod(shapes.get(node.input[0]) or [0]) * math.prod(weight[1:])
    transposed = any(a.name == "transB" and a.i for a in node.attribute)
    return out * (weight[-1] if transposed else weight[-2] if len(weight) > 1 else weight[0])
