"""Feature squeezing (Xu et al. 2018), as `calibrate` measures it and the plugin `adv-squeeze` does it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..calibrate.squeezing import SQUEEZERS, distances
from ..stats import threshold_at
from .measure import Floats, Runner

__all__ = ["SQUEEZERS", "scores", "squeeze_distances", "threshold_at"]


def squeeze_distances(model: Runner, pictures: NDArray[np.uint8]) -> dict[str, Floats]:
    """L1 distance [N] between the opinions on [N, 224, 224, 3] pictures before and after each squeezer."""
    return distances(model.probabilities, pictures)


def scores(model: Runner, pictures: NDArray[np.uint8]) -> Floats:
    """Feature-squeezing score [N]."""
    return np.max(list(squeeze_distances(model, pictures).values()), axis=0)
