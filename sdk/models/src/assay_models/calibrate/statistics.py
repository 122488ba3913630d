"""Statistics of a picture, as the plugins compute them: of the 8-bit picture at its own size, with integer luma."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STATISTICS = ("brightness", "contrast", "focus", "saturation")
SAMPLES = 200


def luma(picture: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Integer luma [H, W]: (77 R + 150 G + 29 B + 128) >> 8."""
    result: NDArray[np.int64] = (picture.astype(np.int64) @ np.array([77, 150, 29]) + 128) >> 8
    return result


def statistics(picture: NDArray[np.uint8]) -> dict[str, float]:
    """Brightness, contrast, focus and saturation of one picture; README.md has the definitions."""
    y = luma(picture)
    laplacian = y[:-2, 1:-1] + y[2:, 1:-1] + y[1:-1, :-2] + y[1:-1, 2:] - 4 * y[1:-1, 1:-1]
    return {
        "brightness": float(y.mean()),
        "contrast": float(y.std()),
        "focus": float(laplacian.var()),
        "saturation": float(((y <= 4) | (y >= 251)).mean()),
    }


def describe(name: str, values: NDArray[np.float64]) -> dict[str, object]:
    """Moments, quantiles, deciles and a sorted sample of one feature."""
    edges = np.quantile(values, np.linspace(0, 1, 11))
    return {
        "name": name,
        "mean": float(values.mean()),
        "sd": float(values.std(ddof=1)),
        "min": float(values.min()),
        "max": float(values.max()),
        "quantiles": rounded(np.quantile(values, np.linspace(0, 1, 21))),
        "bins": {"edges": rounded(edges), "shares": rounded(_shares(values, edges))},
        "samples": rounded(np.quantile(values, (np.arange(SAMPLES) + 0.5) / SAMPLES, method="inverted_cdf")),
    }


def _shares(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of values in each bin: edge k < value <= edge k + 1; the first bin takes the minimum too."""
    bins = np.searchsorted(edges[1:-1], values, side="left")
    shares: NDArray[np.float64] = np.bincount(bins, minlength=10) / len(values)
    return shares


def rounded(values: NDArray[np.floating]) -> list[float]:  # type: ignore[type-arg]
    """Seven digits: what float32 knows."""
    return [float(f"{value:.7g}") for value in values]
