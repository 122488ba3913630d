"""Feature squeezing (Xu et al. 2018), the prototype of the station's detector.

A picture is shown to the model as it is and squeezed; an honest picture changes the model's opinion little.
The score is the largest L1 distance between the two softmax vectors over all squeezers, 0 to 2.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import median_filter

from .measure import Floats, Runner
from .render import Picture

JPEG_QUALITY = 75


def bit_depth(picture: Picture) -> Picture:
    """Five bits per channel, rounded half to even, and back to eight."""
    return np.rint(np.rint(picture * (31 / 255)) * (255 / 31)).astype(np.uint8)


def median(picture: Picture) -> Picture:
    """Median of 3 x 3 in each channel; the border is mirrored with the edge pixel repeated."""
    return median_filter(picture, size=(3, 3, 1), mode="reflect")


def jpeg(picture: Picture) -> Picture:
    """A JPEG round trip at quality 75 with halved colour resolution."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return np.asarray(Image.open(buffer))


SQUEEZERS = {"bit_depth_5": bit_depth, "median_3x3": median, "jpeg_75": jpeg}


def squeeze_distances(model: Runner, pictures: NDArray[np.uint8]) -> dict[str, Floats]:
    """L1 distance [N] between the opinions on [N, 224, 224, 3] pictures before and after each squeezer."""
    before = model.probabilities(pictures)
    return {
        name: np.abs(model.probabilities(np.stack([squeezer(p) for p in pictures])) - before).sum(1)
        for name, squeezer in SQUEEZERS.items()
    }


def scores(model: Runner, pictures: NDArray[np.uint8]) -> Floats:
    """Feature-squeezing score [N]."""
    return np.max(list(squeeze_distances(model, pictures).values()), axis=0)


def threshold_at(clean_scores: Floats, false_positive_rate: float) -> float:
    """The score that this share of clean pictures exceeds; a picture is flagged when its score is greater."""
    ordered = np.sort(clean_scores)
    return float(ordered[int(np.ceil(len(ordered) * (1 - false_positive_rate))) - 1])
