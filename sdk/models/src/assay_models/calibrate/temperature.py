"""The temperature that makes softmax(logits / t) as sure as it is right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..onnxfile.runtime import Floats, softmax

# A network that was trained on attacked pictures is far less sure than it is right: 0.25 was not low enough for one.
TEMPERATURES = np.geomspace(1 / 16, 16, 321)


def best_temperature(logits: Floats, labels: NDArray[np.int64]) -> float:
    """Least log loss on validation pictures.

    Platt's targets: with n pictures and no mistake, the right class may claim 1 - 1 / (n + 2) and no more.
    """
    count, classes = logits.shape
    targets = np.full((count, classes), 1 / (count + 2) / (classes - 1))
    targets[np.arange(count), labels] = 1 - 1 / (count + 2)
    losses = [-(targets * np.log(softmax(logits / t) + 1e-12)).sum(1).mean() for t in TEMPERATURES]
    return round(float(TEMPERATURES[int(np.argmin(losses))]), 4)
