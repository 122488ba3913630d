"""Writes the trained network as ONNX: constants folded, padding absorbed, batch size free.

    python -m assay_models.surface.export --weights build/surface.pt --out build/surface-fp32.onnx

Input `input` float32 [N, 3, 224, 224], (RGB - 127) / 128; outputs `logits` [N, 5] and `embedding` [N, 256].
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..export import export
from . import INPUT_SIZE
from .network import load

NOTE = "synthetic defects on real and procedural textures"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=Path("build/surface.pt"))
    parser.add_argument("--out", type=Path, default=Path("build/surface-fp32.onnx"))
    args = parser.parse_args()
    export(load(args.weights), args.out, INPUT_SIZE, note=NOTE)
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
