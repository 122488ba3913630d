"""One training picture made into many. The surface set's own augmentation does for any picture of a part."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..surface.augment import augment


def views(
    pixels: NDArray[np.uint8], chosen: NDArray[np.int64], size: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """A new view [size, size, 3] of each of the chosen pictures."""
    cv2.setNumThreads(1)
    return np.stack([augment(pixels[k], size, rng) for k in chosen])
