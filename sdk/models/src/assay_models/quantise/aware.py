"""Quantisation-aware training on the exported graph itself.

The weights of a QuantizeLinear / DequantizeLinear graph are trained in float behind its own rounding (scales and zero
points stay as calibration set them; gradients pass the rounding straight through), and written back as int8. What is
trained is to the operator what the station runs, and no checkpoint is needed.

NNCF's torch backend was tried and is not used: it exports `FakeQuantize` of OpenVINO's own domain, which neither ONNX
Runtime nor tract reads, and without a C++ compiler at hand its rounding is compiled for a minute on every start.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from ..errors import KitError
from ..onnxfile.differentiable import OnnxNet
from ..onnxfile.model import ModelFile
from ..progress import Progress, Stop, say
from ..train.augment import views
from ..train.objectives import Labels, Objective

WEIGHTED = ("Conv", "Gemm", "MatMul")


@dataclass(frozen=True)
class Awareness:
    """How long and how fast."""

    steps: int = 60
    batch: int = 16
    rate: float = 2e-5
    seed: int = 0


class TrainableOnnxNet(OnnxNet):
    """An `OnnxNet` whose quantised weights and biases learn."""

    def __init__(self, model: ModelFile, floats: dict[str, Tensor]):
        super().__init__(model)
        self.quantised = _quantised_weights(model.proto)
        if not self.quantised:
            raise KitError(f"{model.path} has no quantised weights; `--method qat` begins from a quantised model")
        self.latent = nn.ParameterDict()
        for name, node in self.quantised.items():
            scale = _scale(self._weights, node)
            start = self._weights[node.input[0]].float() * scale
            better = floats.get(node.input[0].removesuffix("_quantized"))
            if better is not None and better.shape == start.shape and (better - start).abs().max() <= 2 * scale.max():
                start = better.float()  # what was rounded away comes back to be learnt from
            self.latent[_key(name)] = nn.Parameter(start.clone())

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        for name, node in self.quantised.items():
            self._weights[name] = self._rounded(name, node)
        return super().forward(x)

    def _rounded(self, name: str, node: onnx.NodeProto) -> Tensor:
        scale = _scale(self._weights, node)
        low, high = _range(self._weights[node.input[0]].dtype)
        inside = (self.latent[_key(name)] / scale).clamp(low, high)
        return (inside + (inside.round() - inside).detach()) * scale

    def integers(self) -> dict[str, NDArray[np.generic]]:
        """The weights as the file keeps them."""
        found: dict[str, NDArray[np.generic]] = {}
        with torch.no_grad():
            for name, node in self.quantised.items():
                scale = _scale(self._weights, node)
                kept = self._weights[node.input[0]]
                values = (self.latent[_key(name)] / scale).round().clamp(*_range(kept.dtype))
                found[node.input[0]] = values.to(kept.dtype).numpy()
        return found


def _key(name: str) -> str:
    return name.replace(".", "/")


def _range(kind: torch.dtype) -> tuple[int, int]:
    return (-128, 127) if kind == torch.int8 else (-(2**31), 2**31 - 1)


def _scale(weights: dict[str, Tensor], node: onnx.NodeProto) -> Tensor:
    """The scale, shaped to multiply the weight; zero points of int8 weights are 0."""
    scale, like = weights[node.input[1]], weights[node.input[0]]
    axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
    if scale.numel() == 1:
        return scale.reshape(())
    shape = [1] * like.dim()
    shape[axis % like.dim()] = -1
    return scale.reshape(shape)


def _quantised_weights(proto: onnx.ModelProto) -> dict[str, onnx.NodeProto]:
    """Outputs of DequantizeLinear nodes that read int8 weights or int32 biases, for layers with weights."""
    graph = proto.graph
    kept = {t.name: t for t in graph.initializer}
    read = {name for node in graph.node if node.op_type in WEIGHTED for name in node.input[1:]}
    return {
        node.output[0]: node
        for node in graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] in kept and node.output[0] in read
        and kept[node.input[0]].data_type in (onnx.TensorProto.INT8, onnx.TensorProto.INT32)
    }  # fmt: skip


def train_aware(
    model: ModelFile,
    float_model: onnx.ModelProto | None,
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    how: Awareness,
    stop: Stop,
    objective: Objective | None = None,
) -> onnx.ModelProto:
    """Trains the weights of a quantised model behind its own rounding; returns the graph with the new weights."""
    floats = (
        {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in float_model.graph.initializer}
        if float_model
        else {}
    )
    torch.manual_seed(how.seed)
    net = TrainableOnnxNet(model, floats)
    say(f"qat: seed {how.seed}, {len(net.quantised)} quantised tensors, {len(labels)} pictures")
    optimiser = torch.optim.Adam(net.latent.parameters(), how.rate)
    asked, progress = objective or Labels(), Progress("qat", how.steps)
    for step in range(how.steps):
        stop.check("nothing was written; the same command begins anew")
        rng = np.random.default_rng([how.seed, step, 11])
        chosen = rng.choice(len(labels), how.batch)
        x = _inputs(model, views(pixels, chosen, model.size, rng))
        loss = asked(net, x, torch.from_numpy(labels[chosen]), step / how.steps)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise KitError(f"qat: the loss is {value} at step {step}; try a lower --rate. Nothing was written")
        for group in optimiser.param_groups:
            group["lr"] = how.rate * 0.5 * (1 + math.cos(math.pi * step / how.steps))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        progress.step(f"loss {value:.3f}")
    return _write_back(model.proto, net.integers())


def _inputs(model: ModelFile, pixels: NDArray[np.uint8]) -> Tensor:
    x = (pixels.astype(np.float32) - model.mean) / model.scale
    return torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))


def _write_back(proto: onnx.ModelProto, integers: dict[str, NDArray[np.generic]]) -> onnx.ModelProto:
    result = onnx.ModelProto()
    result.CopyFrom(proto)
    for tensor in result.graph.initializer:
        if tensor.name in integers:
            tensor.CopyFrom(numpy_helper.from_array(integers[tensor.name], tensor.name))
    onnx.checker.check_model(result, full_check=True)
    return result
