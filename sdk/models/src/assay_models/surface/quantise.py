"""Turns the float32 model into int8: static, per channel, with scales from training pictures.

    python -m surface.quantise --model build/surface-fp32.onnx --dataset build/dataset --out demo/surface-int8.onnx

The result is a plain QuantizeLinear / DequantizeLinear graph (opset 13 semantics, int8 weights, uint8
activations; the first two convolutions, poolings and the classifier in float32), which every engine can
read, also one that knows nothing of quantisation beyond these two operators.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from .make_dataset import read_picture, read_split, to_input_size
from .measure import normalise

CALIBRATION_PICTURES = 200
QUANTISED_OPERATORS = ["Conv", "Add"]

# The first two convolutions cost 1.1 points of accuracy in int8 (their channels differ too much in range for
# one scale), and next to nothing in float32.
KEEP_FLOAT = ("/stem/stem.1/Conv", "/blocks/blocks.0/depthwise/depthwise.0/Conv")


class Pictures(CalibrationDataReader):
    """Feeds calibration pictures, [16, 3, 224, 224] at a time."""

    def __init__(self, pictures: NDArray[np.uint8], batch: int = 16):
        self._batches: Iterator[NDArray] = (pictures[k : k + batch] for k in range(0, len(pictures), batch))

    def get_next(self) -> dict[str, NDArray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"input": normalise(batch)}


def quantise(model: Path, pictures: NDArray[np.uint8], out: Path, keep_float: tuple[str, ...] = KEEP_FLOAT) -> None:
    """Writes the int8 twin of `model`. `pictures` [N, 224, 224, 3] set the scales."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(model), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(out),
            Pictures(pictures),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=QUANTISED_OPERATORS,
            per_channel=True,
            weight_type=QuantType.QInt8,
            activation_type=QuantType.QUInt8,
            calibrate_method=CalibrationMethod.MinMax,
            nodes_to_exclude=list(keep_float),
        )
    onnx.save(_tidy(onnx.load(out)), out)


def _tidy(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drops what only the quantiser needed. tract takes the notes about inner shapes for orders."""
    del model.graph.value_info[:]
    standard = [opset for opset in model.opset_import if not opset.domain]
    del model.opset_import[:]
    model.opset_import.extend(standard)
    model.producer_name, model.doc_string = "assay model kit", "synthetic defects on real and procedural textures"
    onnx.checker.check_model(model, full_check=True)
    return model


def calibration_pictures(dataset: Path, count: int = CALIBRATION_PICTURES) -> NDArray[np.uint8]:
    """Training pictures, evenly spread over the split, [count, 224, 224, 3]."""
    rows = read_split(dataset, "train")
    chosen = rows[:: max(1, len(rows) // count)][:count]
    return np.stack([to_input_size(read_picture(dataset / row.file)) for row in chosen])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("build/surface-fp32.onnx"))
    parser.add_argument("--dataset", type=Path, default=Path("build/dataset"))
    parser.add_argument("--out", type=Path, default=Path("demo/surface-int8.onnx"))
    args = parser.parse_args()
    quantise(args.model, calibration_pictures(args.dataset), args.out)
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
