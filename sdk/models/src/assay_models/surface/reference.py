"""reference.json: what the clean validation set looks like, for the plugins that watch for drift.

python -m assay_models.surface.reference --dataset build/dataset --model demo/surface-int8.onnx --out demo/reference.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from ..calibrate.statistics import describe
from ..calibrate.temperature import best_temperature
from . import LABELS
from .make_dataset import read_picture, read_split, to_input_size
from .measure import STATISTICS, Runner, softmax, statistics


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, default=Path("build/dataset"))
    parser.add_argument("--model", type=Path, default=Path("demo/surface-int8.onnx"))
    parser.add_argument("--out", type=Path, default=Path("demo/reference.json"))
    args = parser.parse_args()
    rows = read_split(args.dataset, "val")
    pictures = [read_picture(args.dataset / row.file) for row in rows]
    logits = Runner(args.model).logits(np.stack([to_input_size(picture) for picture in pictures]))
    measured = [statistics(picture) for picture in pictures]
    features = [describe(name, np.array([m[name] for m in measured])) for name in STATISTICS]
    features.append(describe("max_prob", softmax(logits).max(1).astype(np.float64)))
    labels = np.array([LABELS.index(row.label) for row in rows])
    reference = {
        "schema": 1,
        "model": "surface",
        "features": features,
        "labels": list(LABELS),
        "temperature": best_temperature(logits, labels),
    }
    args.out.write_text(json.dumps(reference, indent=1) + "\n")
    print(f"{args.out}: {len(rows)} pictures, temperature {reference['temperature']}")


if __name__ == "__main__":
    main()
