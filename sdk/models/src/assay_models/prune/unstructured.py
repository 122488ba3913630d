"""Unstructured pruning: the smallest weights become zero, wherever they are.

Measured on this kit's own networks and in docs/model-kit.md: neither the file nor the time of an answer gets smaller,
because engines store and multiply zeros like any other number. Only what is compressed for transport shrinks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper

from ..errors import KitError

WEIGHTED = ("Conv", "Gemm", "MatMul")
NOTE = (
    "unstructured pruning saves transport size only (compare deflated_bytes): the file and the latency stay as they are"
)


@dataclass
class Sparse:
    """The result, and what share of the weights is zero now."""

    model: onnx.ModelProto
    zeros: float


def prune_unstructured(model: onnx.ModelProto, sparsity: float) -> Sparse:
    """Sets the smallest `sparsity` share of all weights to zero, by magnitude over the whole network.

    Works on float and on int8 graphs; int8 weights are compared by their real size, that is times their scale.
    """
    if not 0 < sparsity < 1:
        raise KitError(f"sparsity is {sparsity}: it is the share of weights to set to zero, between 0 and 1")
    result = onnx.ModelProto()
    result.CopyFrom(model)
    weights = _weights(result)
    if not weights:
        raise KitError("the model has no convolutions or products with stored weights")
    sizes = {
        name: np.abs(numpy_helper.to_array(tensor).astype(np.float32)) * scale
        for name, (tensor, scale) in weights.items()
    }
    every = np.concatenate([size.reshape(-1) for size in sizes.values()])
    limit = np.partition(every, int(sparsity * len(every)))[int(sparsity * len(every))]
    zeros = 0
    for name, (tensor, _) in weights.items():
        values = numpy_helper.to_array(tensor).copy()
        values[sizes[name] < limit] = 0
        zeros += int((values == 0).sum())
        tensor.CopyFrom(numpy_helper.from_array(values, name))
    return Sparse(result, zeros / len(every))


def _weights(model: onnx.ModelProto) -> dict[str, tuple[onnx.TensorProto, np.ndarray]]:
    """Weights of convolutions and products, each with the scale that makes it real, shaped to multiply it."""
    kept = {t.name: t for t in model.graph.initializer}
    behind = {node.output[0]: node for node in model.graph.node if node.op_type == "DequantizeLinear"}
    found: dict[str, tuple[onnx.TensorProto, np.ndarray]] = {}
    for node in model.graph.node:
        name = node.input[1] if node.op_type in WEIGHTED else ""
        if name in kept:
            found[name] = (kept[name], np.ones((), np.float32))
        elif name in behind and behind[name].input[0] in kept:
            tensor = kept[behind[name].input[0]]
            found[tensor.name] = (tensor, _scale(behind[name], kept, len(tensor.dims)))
    return found


def _scale(node: onnx.NodeProto, kept: dict[str, onnx.TensorProto], rank: int) -> np.ndarray:
    scale = numpy_helper.to_array(kept[node.input[1]])
    if scale.size == 1:
        return scale.reshape(())
    shape = [1] * rank
    shape[next((a.i for a in node.attribute if a.name == "axis"), 1) % rank] = -1
    return scale.reshape(shape)
