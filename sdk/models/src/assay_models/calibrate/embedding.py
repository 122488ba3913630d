"""Where the embeddings of clean pictures lie: mean, principal axes, and how far from the middle pictures usually are."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import KitError
from ..onnxfile.runtime import Floats
from .statistics import rounded

AXES = 16
QUANTILES = (0.5, 0.9, 0.95, 0.99, 0.999)


def describe_embedding(name: str, values: Floats, axes: int = AXES) -> dict[str, Any]:
    """Principal axes by singular values; a distance is Mahalanobis' along these axes."""
    count, width = values.shape
    axes = min(axes, width, count - 1)
    if axes < 1:
        raise KitError(f"{count} pictures are too few for the distribution of an embedding")
    middle = values.mean(0, dtype=np.float64)
    _, singular, rows = np.linalg.svd(values - middle, full_matrices=False)
    # A singular vector's sign is chance; the largest part is made positive.
    rows = rows[:axes] * np.sign(rows[np.arange(axes), np.abs(rows[:axes]).argmax(1)])[:, None]
    sd = np.maximum(singular[:axes] / np.sqrt(count - 1), 1e-6)
    far = distances(values, middle, rows, sd)
    return {
        "output": name,
        "mean": rounded(middle),
        "components": [rounded(row) for row in rows],
        "sd": rounded(sd),
        "explained": round(float((singular[:axes] ** 2).sum() / max((singular**2).sum(), 1e-12)), 4),
        "distance": {"quantiles": {f"{q:g}": float(f"{np.quantile(far, q):.7g}") for q in QUANTILES}, "n": count},
    }


def distances(values: Floats, middle: np.ndarray, rows: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Mahalanobis' distance along the axes [N]."""
    far: np.ndarray = np.sqrt((((values - middle) @ rows.T / sd) ** 2).sum(1))
    return far
