"""Graph level: constants folded, nodes fused and dropped, and the input's normalisation folded into the first layer."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

from .errors import KitError, missing_extra
from .onnxfile.graph import strip, tidy
from .onnxfile.model import ModelFile


def simplify(model: onnx.ModelProto) -> onnx.ModelProto:
    """onnxslim's folding and fusing (batch norms into convolutions, dead and repeated nodes out)."""
    try:
        import onnxslim
    except ImportError as error:
        raise missing_extra("onnxslim", "optimise") from error
    slim = onnxslim.slim(model)
    result = strip(tidy(slim))
    onnx.checker.check_model(result, full_check=True)
    return result


def fold_normalisation(model: ModelFile) -> onnx.ModelProto:
    """A model that takes plain grey levels 0..255: its first convolution does (x - mean) / scale as well.

    Exact only where that convolution has no padding: its padding stands for `mean` before, and for black after. There
    the padding is made explicit with the value of `mean`, which costs one node.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model.proto)
    readers = [node for node in result.graph.node if model.input.name in node.input]
    if len(readers) != 1 or readers[0].op_type != "Conv":
        raise KitError(
            f"{model.path}: the input goes to {', '.join(n.op_type for n in readers) or 'nothing'}; only a float "
            "convolution can take the normalisation in (fold before quantising)"
        )
    conv = readers[0]
    weights = {t.name: t for t in result.graph.initializer}
    if conv.input[1] not in weights:
        raise KitError(
            f"{model.path}: the first convolution's weights are computed, not stored (fold before quantising)"
        )
    _fold_into(result, conv, weights, model.mean, model.scale)
    _pad_with(result, conv, model.input.name, model.mean)
    onnx.checker.check_model(result, full_check=True)
    return result


def _fold_into(
    proto: onnx.ModelProto, conv: onnx.NodeProto, weights: dict[str, onnx.TensorProto], mean: float, scale: float
) -> None:
    kernel = numpy_helper.to_array(weights[conv.input[1]]).astype(np.float64) / scale
    bias = (
        numpy_helper.to_array(weights[conv.input[2]]).astype(np.float64)
        if len(conv.input) > 2
        else np.zeros(len(kernel))
    )
    bias = bias - mean * kernel.sum((1, 2, 3))
    weights[conv.input[1]].CopyFrom(numpy_helper.from_array(kernel.astype(np.float32), conv.input[1]))
    if len(conv.input) > 2:
        weights[conv.input[2]].CopyFrom(numpy_helper.from_array(bias.astype(np.float32), conv.input[2]))
    else:
        name = f"{conv.input[1]}.bias"
        proto.graph.initializer.append(numpy_helper.from_array(bias.astype(np.float32), name))
        conv.input.append(name)


def _pad_with(proto: onnx.ModelProto, conv: onnx.NodeProto, source: str, mean: float) -> None:
    """Padding of `mean` in front of the convolution instead of zeros inside it."""
    pads = next((a for a in conv.attribute if a.name == "pads"), None)
    if pads is None or not any(pads.ints):
        return
    top, left, bottom, right = pads.ints
    sides = np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)
    names = {"sides": f"{source}/pads", "value": f"{source}/pad_value", "out": f"{source}/padded"}
    proto.graph.initializer.append(numpy_helper.from_array(sides, names["sides"]))
    proto.graph.initializer.append(numpy_helper.from_array(np.array(mean, np.float32), names["value"]))
    node = onnx.helper.make_node("Pad", [source, names["sides"], names["value"]], [names["out"]], name=f"{source}/Pad")
    pads.ints[:] = [0, 0, 0, 0]
    conv.input[0] = names["out"]
    proto.graph.node.insert(list(proto.graph.node).index(conv), node)
