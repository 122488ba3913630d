"""Makes one training picture into many: other poses, other lamps, other lenses, other sensors."""

from __future__ import annotations

import cv2
import numpy as np

from .render import Picture
from .textures import Random


def augment(picture: Picture, size: int, rng: Random) -> Picture:
    """A new view [size, size, 3] of `picture`."""
    return _sensor(_lens(_lamp(_pose(picture, size, rng), rng), rng), rng)


def _pose(picture: Picture, size: int, rng: Random) -> Picture:
    """Quarter turns and mirrors, then a small turn, zoom, stretch and shift."""
    picture = np.rot90(picture, rng.integers(4))
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    scale = size / picture.shape[0]
    turn = cv2.getRotationMatrix2D((0, 0), rng.uniform(-25, 25), scale * rng.uniform(0.85, 1.25))
    turn[:, 1] *= rng.uniform(0.9, 1.1)
    middle = (picture.shape[0] - 1) / 2
    turn[:, 2] = (size - 1) / 2 - turn[:, :2] @ (middle, middle) + rng.uniform(-0.05, 0.05, 2) * size
    picture = np.ascontiguousarray(picture)
    return cv2.warpAffine(picture, turn, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def _lamp(picture: Picture, rng: Random) -> Picture:
    """Brightness, contrast, gamma and colour cast, as one look-up table per channel."""
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
    middle = picture.mean() / 255
    cast = 1 + rng.normal(0, 0.04, 3)
    curve = (ramp ** rng.uniform(0.8, 1.25) - middle) * rng.uniform(0.7, 1.35) + middle * rng.uniform(0.75, 1.25)
    table = np.rint(np.clip(curve * cast, 0, 1) * 255).astype(np.uint8)
    if rng.random() < 0.1:
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        picture = np.repeat(grey[..., None], 3, 2)
    return np.stack([table[picture[..., c], c] for c in range(3)], -1)


def _lens(picture: Picture, rng: Random) -> Picture:
    """Now and then out of focus, or over-sharpened."""
    chance = rng.random()
    if chance < 0.25:
        return cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.0))
    if chance < 0.35:
        return cv2.addWeighted(picture, 1.6, cv2.GaussianBlur(picture, (0, 0), 1.0), -0.6, 0)
    return picture


def _sensor(picture: Picture, rng: Random) -> Picture:
    """Noise of a warm sensor, in half of the pictures."""
    if rng.random() < 0.5:
        return picture
    noise = rng.standard_normal(picture.shape, np.float32) * rng.uniform(1, 8)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)
