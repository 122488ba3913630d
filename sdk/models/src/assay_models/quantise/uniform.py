"""Uniform int8 by ONNX Runtime: static, weights per channel, plain QuantizeLinear / DequantizeLinear pairs.

Every engine can read the result, also one that knows nothing of quantisation beyond these two operators.

Weights use seven of their eight bits unless asked otherwise. On x86 processors without VNNI, ONNX Runtime adds pairs
of products in 16 bits, and full eight-bit weights overflow there: the answers of such a file differ from one processor
to the next, by more than a logit on the demo's network. Seven bits cannot overflow.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from ..errors import KitError
from ..onnxfile.graph import strip
from ..onnxfile.runtime import Floats

OPERATORS = ["Conv", "Add"]
CALIBRATION_PICTURES = 200
CALIBRATION_BATCH = 16
METHODS = {
    "minmax": CalibrationMethod.MinMax,
    "entropy": CalibrationMethod.Entropy,
    "percentile": CalibrationMethod.Percentile,
}


class Batches(CalibrationDataReader):  # type: ignore[misc]
    """Feeds normalised pictures."""

    def __init__(self, name: str, inputs: Floats):
        self._name = name
        self._parts: Iterator[Floats] = (
            inputs[k : k + CALIBRATION_BATCH] for k in range(0, len(inputs), CALIBRATION_BATCH)
        )

    def get_next(self) -> dict[str, Floats] | None:
        part = next(self._parts, None)
        return None if part is None else {self._name: part}


def quantise_uniform(
    model: onnx.ModelProto,
    input_name: str,
    inputs: Floats,
    keep_float: Sequence[str] = (),
    method: str = "minmax",
    operators: Sequence[str] = tuple(OPERATORS),
    eight_bits: bool = False,
) -> onnx.ModelProto:
    """The int8 twin of a float model. `inputs` [N, 3, S, S] set the ranges; nodes in `keep_float` stay as they are."""
    if method not in METHODS:
        raise KitError(f"no calibration method is called {method!r}; there are {', '.join(METHODS)}")
    missing = set(keep_float) - {node.name for node in model.graph.node}
    if missing:
        raise KitError(f"no node is called {', '.join(sorted(missing))}")
    if any(node.op_type == "QuantizeLinear" for node in model.graph.node):
        raise KitError("the model is quantised already; give its float twin")
    with tempfile.TemporaryDirectory() as folder:
        plain, prepared, out = (Path(folder) / name for name in ("plain.onnx", "prepared.onnx", "out.onnx"))
        onnx.save(model, plain)
        quant_pre_process(str(plain), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(out),
            Batches(input_name, inputs),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(operators),
            per_channel=True,
            reduce_range=not eight_bits,
            weight_type=QuantType.QInt8,
            activation_type=QuantType.QUInt8,
            calibrate_method=METHODS[method],
            nodes_to_exclude=list(keep_float),
        )
        result = strip(onnx.load(out))
    result.doc_string = model.doc_string
    onnx.checker.check_model(result, full_check=True)
    return result


def quantisable(model: onnx.ModelProto) -> list[str]:
    """Names of the nodes that would become int8, in the order of the graph."""
    return [node.name for node in model.graph.node if node.op_type in OPERATORS]
