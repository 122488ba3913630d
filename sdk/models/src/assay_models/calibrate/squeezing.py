"""Feature squeezing, as the plugin `adv-squeeze` does it: how far the answers move when details go.

The score is the largest L1 distance between the softmax vectors of a picture and of its squeezed copies, 0 to 2.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import median_filter

from ..onnxfile.runtime import Floats

JPEG_QUALITY = 75

Pixels = NDArray[np.uint8]
Ask = Callable[[Pixels], Floats]
"""Pictures [N, S, S, 3]  ->  probabilities [N, classes]."""


def bit_depth(picture: Pixels) -> Pixels:
    """Five bits per channel, rounded half to even, and back to eight."""
    return np.rint(np.rint(picture * (31 / 255)) * (255 / 31)).astype(np.uint8)


def median(picture: Pixels) -> Pixels:
    """Median of 3 x 3 in each channel; the border is mirrored with the edge pixel repeated."""
    result: Pixels = median_filter(picture, size=(3, 3, 1), mode="reflect")
    return result


def jpeg(picture: Pixels) -> Pixels:
    """A JPEG round trip at quality 75 with halved colour resolution."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return np.asarray(Image.open(buffer))


SQUEEZERS = {"bit_depth_5": bit_depth, "median_3x3": median, "jpeg_75": jpeg}


def distances(ask: Ask, pictures: Pixels) -> dict[str, Floats]:
    """L1 distance [N] between the opinions before and after each squeezer."""
    before = ask(pictures)
    return {
        name: np.abs(ask(np.stack([squeezer(p) for p in pictures])) - before).sum(1)
        for name, squeezer in SQUEEZERS.items()
    }


def scores(ask: Ask, pictures: Pixels) -> Floats:
    """The detector's score [N]."""
    result: Floats = np.max(list(distances(ask, pictures).values()), axis=0)
    return result
