"""Turns the float32 model into int8: static, per channel, with scales from training pictures.

    python -m assay_models.surface.quantise --model build/surface-fp32.onnx --dataset build/dataset --out demo/surface-int8.onnx

The result is a plain QuantizeLinear / DequantizeLinear graph (opset 13 semantics, int8 weights, uint8
activations; the first two convolutions, poolings and the classifier in float32), which every engine can
read, also one that knows nothing of quantisation beyond these two operators.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from ..onnxfile.graph import save
from ..quantise.uniform import quantise_uniform
from .make_dataset import read_picture, read_split, to_input_size
from .measure import normalise

CALIBRATION_PICTURES = 200

# The first two convolutions cost 1.1 points of accuracy in int8 (their channels differ too much in range for
# one scale), and next to nothing in float32.
KEEP_FLOAT = ("/stem/stem.1/Conv", "/blocks/blocks.0/depthwise/depthwise.0/Conv")


def quantise(model: Path, pictures: NDArray[np.uint8], out: Path, keep_float: tuple[str, ...] = KEEP_FLOAT) -> None:
    """Writes the int8 twin of `model`. `pictures` [N, 224, 224, 3] set the scales."""
    # The shipped file was made with weights of full width; a new one would be made with seven bits.
    found = quantise_uniform(onnx.load(model), "input", normalise(pictures), keep_float, eight_bits=True)
    found.doc_string = "synthetic defects on real and procedural textures"
    save(found, out)


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
