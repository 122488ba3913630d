"""An ONNX file as a torch module, so that an attacker's gradients are those of the exported file.

Rounding of a quantised graph has no gradient: it is passed straight through (BPDA, Athalye et al. 2018), which is what
an attacker who has the file would do. Only the operators that image classifiers are made of are here; any other is
refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from ..errors import KitError
from .model import ModelFile

Args = list[Tensor | None]
Attributes = dict[str, Any]
Operator = Callable[[Args, Attributes], Tensor]

QUANTISED_RANGE = {torch.uint8: (0, 255), torch.int8: (-128, 127)}


class OnnxNet(nn.Module):
    """[N, 3, S, S] in the model's own units -> logits, and the embedding where there is one."""

    def __init__(self, model: ModelFile):
        super().__init__()
        graph = model.proto.graph
        unknown = sorted({node.op_type for node in graph.node} - set(OPERATORS))
        if unknown:
            raise KitError(
                f"{model.path} uses {', '.join(unknown)}, which this kit cannot differentiate; attack the checkpoint "
                "it was exported from (--checkpoint)"
            )
        self._input = model.input.name
        self._outputs = [model.logits] + ([model.embedding] if model.embedding else [])
        self._weights: dict[str, Tensor] = {t.name: _tensor(t) for t in graph.initializer}
        self._kinds = {t.name: self._weights[t.name].dtype for t in graph.initializer}
        self._nodes = [node for node in graph.node if not self._fold(node)]
        # nn.Module.parameters() of callers decides the device; a module needs at least one.
        self._anchor = nn.Parameter(torch.zeros(()), requires_grad=False)

    def _fold(self, node: onnx.NodeProto) -> bool:
        """Weights behind a DequantizeLinear, and constants, are computed once."""
        if node.op_type == "Constant":
            value = next(a for a in node.attribute if a.name in ("value", "value_float", "value_int"))
            self._weights[node.output[0]] = (
                _tensor(value.t) if value.name == "value" else torch.tensor(helper.get_attribute_value(value))
            )
            return True
        names = [name for name in node.input if name]
        if node.op_type in ("QuantizeLinear", "DequantizeLinear") and all(name in self._weights for name in names):
            self._weights[node.output[0]] = OPERATORS[node.op_type](self._args(node, {}), _attributes(node))
            return True
        return False

    def _args(self, node: onnx.NodeProto, values: dict[str, Tensor]) -> Args:
        return [(values[name] if name in values else self._weights[name]) if name else None for name in node.input]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        values = {self._input: x}
        for node in self._nodes:
            values[node.output[0]] = OPERATORS[node.op_type](self._args(node, values), _attributes(node))
        return tuple(values[name] for name in self._outputs)


def _tensor(tensor: onnx.TensorProto) -> Tensor:
    return torch.from_numpy(numpy_helper.to_array(tensor).copy())


def _attributes(node: onnx.NodeProto) -> Attributes:
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _need(args: Args, place: int) -> Tensor:
    value = args[place]
    assert value is not None
    return value


def _optional(args: Args, place: int) -> Tensor | None:
    return args[place] if place < len(args) else None


def _conv(args: Args, attributes: Attributes) -> Tensor:
    x, weight = _need(args, 0), _need(args, 1)
    if attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        raise KitError(f"a convolution with auto_pad {attributes['auto_pad'].decode()} cannot be differentiated here")
    pads = attributes.get("pads", [0, 0, 0, 0])
    if any(pads):
        x = functional.pad(x, (pads[1], pads[3], pads[0], pads[2]))
    options = {"stride": attributes.get("strides", [1, 1]), "dilation": attributes.get("dilations", [1, 1])}
    return functional.conv2d(x, weight, _optional(args, 2), groups=attributes.get("group", 1), **options)


def _gemm(args: Args, attributes: Attributes) -> Tensor:
    a, b = _need(args, 0), _need(args, 1)
    a = a.t() if attributes.get("transA") else a
    b = b.t() if attributes.get("transB") else b
    out = attributes.get("alpha", 1.0) * (a @ b)
    bias = _optional(args, 2)
    return out if bias is None else out + attributes.get("beta", 1.0) * bias


def _clip(args: Args, attributes: Attributes) -> Tensor:
    x = _need(args, 0)
    low, high = _optional(args, 1), _optional(args, 2)
    bounds = [attributes.get(name) if bound is None else bound.item() for name, bound in (("min", low), ("max", high))]
    return x.clamp(bounds[0], bounds[1]) if any(b is not None for b in bounds) else x


def _per_channel(values: Tensor, like: Tensor, attributes: Attributes) -> Tensor:
    """Scales as a column of the axis that they belong to."""
    if values.numel() == 1:
        return values.reshape(())
    shape = [1] * like.dim()
    shape[attributes.get("axis", 1) % like.dim()] = -1
    return values.reshape(shape)


def _quantise(args: Args, attributes: Attributes) -> Tensor:
    x, zero = _need(args, 0), _optional(args, 2)
    low, high = QUANTISED_RANGE[torch.uint8 if zero is None else zero.dtype]
    shifted = x / _per_channel(_need(args, 1), x, attributes)
    if zero is not None:
        shifted = shifted + _per_channel(zero.to(x.dtype), x, attributes)
    inside = shifted.clamp(low, high)
    return inside + (inside.round() - inside).detach()


def _dequantise(args: Args, attributes: Attributes) -> Tensor:
    scale = _need(args, 1)
    x, zero = _need(args, 0).to(scale.dtype), _optional(args, 2)
    if zero is not None:
        x = x - _per_channel(zero.to(scale.dtype), x, attributes)
    return x * _per_channel(scale, x, attributes)


def _max_pool(args: Args, attributes: Attributes) -> Tensor:
    x, pads = _need(args, 0), attributes.get("pads", [0, 0, 0, 0])
    x = functional.pad(x, (pads[1], pads[3], pads[0], pads[2]), value=float("-inf")) if any(pads) else x
    return functional.max_pool2d(x, attributes["kernel_shape"], attributes.get("strides", [1, 1]))


def _average_pool(args: Args, attributes: Attributes) -> Tensor:
    pads = attributes.get("pads", [0, 0, 0, 0])
    if any(pads) and (pads[0] != pads[2] or pads[1] != pads[3]):
        raise KitError("an average pooling with uneven padding cannot be differentiated here")
    counted = bool(attributes.get("count_include_pad", 0))
    strides = attributes.get("strides", [1, 1])
    return functional.avg_pool2d(
        _need(args, 0), attributes["kernel_shape"], strides, pads[:2], count_include_pad=counted
    )


def _reduce_mean(args: Args, attributes: Attributes) -> Tensor:
    given = _optional(args, 1)
    axes = attributes.get("axes") if given is None else [int(k) for k in given]
    x = _need(args, 0)
    return x.mean(axes or list(range(x.dim())), keepdim=bool(attributes.get("keepdims", 1)))


def _norm(args: Args, attributes: Attributes) -> Tensor:
    x, scale, bias, mean, var = (_need(args, k) for k in range(5))
    return functional.batch_norm(x, mean, var, scale, bias, eps=attributes.get("epsilon", 1e-5))


def _reshape(args: Args, attributes: Attributes) -> Tensor:
    x = _need(args, 0)
    sides = [int(side) for side in _need(args, 1)]
    return x.reshape([x.shape[k] if side == 0 else side for k, side in enumerate(sides)])


def _pad(args: Args, attributes: Attributes) -> Tensor:
    given = _optional(args, 1)
    pads = [int(p) for p in given] if given is not None else attributes["pads"]
    value = _optional(args, 2)
    half = len(pads) // 2
    flat = [side for k in reversed(range(half)) for side in (pads[k], pads[k + half])]
    return functional.pad(_need(args, 0), flat, value=0.0 if value is None else float(value))


def _global(pool: Callable[[Tensor], Tensor]) -> Operator:
    return lambda args, attributes: pool(_need(args, 0))


def _two(join: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    return lambda args, attributes: join(_need(args, 0), _need(args, 1))


OPERATORS: dict[str, Operator] = {
    "Add": _two(torch.add),
    "AveragePool": _average_pool,
    "BatchNormalization": _norm,
    "Clip": _clip,
    "Concat": lambda args, attributes: torch.cat([a for a in args if a is not None], attributes["axis"]),
    "Constant": lambda args, attributes: torch.zeros(()),
    "Conv": _conv,
    "DequantizeLinear": _dequantise,
    "Div": _two(torch.div),
    "Dropout": _global(lambda x: x),
    "Flatten": lambda args, attributes: _need(args, 0).flatten(attributes.get("axis", 1)),
    "Gemm": _gemm,
    "GlobalAveragePool": _global(lambda x: x.mean((2, 3), keepdim=True)),
    "GlobalMaxPool": _global(lambda x: x.amax((2, 3), keepdim=True)),
    "Identity": _global(lambda x: x),
    "MatMul": _two(torch.matmul),
    "MaxPool": _max_pool,
    "Mul": _two(torch.mul),
    "Pad": _pad,
    "QuantizeLinear": _quantise,
    "ReduceMean": _reduce_mean,
    "Relu": _global(torch.relu),
    "Reshape": _reshape,
    "Sigmoid": _global(torch.sigmoid),
    "Sub": _two(torch.sub),
}
