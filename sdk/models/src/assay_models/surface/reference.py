"""reference.json: what the clean validation set looks like, for the plugins that watch for drift.

    python -m surface.reference --dataset build/dataset --model demo/surface-int8.onnx --out demo/reference.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import LABELS
from .make_dataset import read_picture, read_split, to_input_size
from .measure import STATISTICS, Floats, Runner, softmax, statistics

SAMPLES = 200
TEMPERATURES = np.geomspace(0.25, 4, 161)


def describe(name: str, values: NDArray[np.float64]) -> dict[str, object]:
    """Moments, quantiles, deciles and a sorted sample of one feature."""
    edges = np.quantile(values, np.linspace(0, 1, 11))
    return {
        "name": name,
        "mean": float(values.mean()),
        "sd": float(values.std(ddof=1)),
        "min": float(values.min()),
        "max": float(values.max()),
        "quantiles": _rounded(np.quantile(values, np.linspace(0, 1, 21))),
        "bins": {"edges": _rounded(edges), "shares": _rounded(_shares(values, edges))},
        "samples": _rounded(np.quantile(values, (np.arange(SAMPLES) + 0.5) / SAMPLES, method="inverted_cdf")),
    }


def _shares(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of values in each bin: edge k < value <= edge k + 1; the first bin takes the minimum too."""
    bins = np.searchsorted(edges[1:-1], values, side="left")
    return np.bincount(bins, minlength=10) / len(values)


def _rounded(values: NDArray[np.float64]) -> list[float]:
    return [float(f"{value:.7g}") for value in values]


def best_temperature(logits: Floats, labels: NDArray[np.int64]) -> float:
    """The temperature that makes softmax(logits / t) the most honest on validation pictures (least log loss).

    Platt's targets: with n pictures and no mistake, the right class may claim 1 - 1 / (n + 2) and no more.
    """
    count, classes = logits.shape
    targets = np.full((count, classes), 1 / (count + 2) / (classes - 1))
    targets[np.arange(count), labels] = 1 - 1 / (count + 2)
    losses = [-(targets * np.log(softmax(logits / t) + 1e-12)).sum(1).mean() for t in TEMPERATURES]
    return round(float(TEMPERATURES[int(np.argmin(losses))]), 4)


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
