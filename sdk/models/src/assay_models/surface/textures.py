"""Surfaces before anything went wrong with them.

A surface is an albedo map (how much light each point returns, linear, 0 to 1), a height map (in pixels,
so that slopes are true angles) and a gloss. Two materials come from photographs, three are computed.
Photographs are cut so that no two splits ever see the same part of one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from . import CAMERA_SIZE

Field = NDArray[np.float32]
Random = np.random.Generator

MATERIALS = ("brick", "aggregate", "metal", "concrete", "fabric")
"""Materials of the ordinary line. `turf` exists too, and only as a material the model has never seen."""

# Which rows and columns of a 512 x 512 photograph belong to which split.
PHOTO_REGIONS = {
    "train": (slice(0, 256), slice(0, 512)),
    "val": (slice(256, 512), slice(0, 256)),
    "test": (slice(256, 512), slice(256, 512)),
}


@dataclass
class Surface:
    """A piece of material, S x S pixels."""

    material: str
    albedo: Field  # [S, S, 3], linear RGB in 0..1
    height: Field  # [S, S], pixels
    gloss: float  # strength of the mirror-like highlight, 0 = chalk


def make_surface(material: str, split: str, rng: Random) -> Surface:
    """A fresh piece of `material` from the part of the world that `split` may see."""
    return _MAKERS[material](split, rng)


def fractal_noise(rng: Random, cells: int, octaves: int = 4, decay: float = 0.5) -> Field:
    """Smooth noise [S, S] with mean 0 and standard deviation 1: `cells` lumps across, then finer ones."""
    total = np.zeros((CAMERA_SIZE, CAMERA_SIZE), np.float32)
    for octave in range(octaves):
        grid = min(cells << octave, CAMERA_SIZE) + 3
        lumps = rng.standard_normal((grid, grid), np.float32)
        total += decay**octave * cv2.resize(lumps, (CAMERA_SIZE, CAMERA_SIZE), interpolation=cv2.INTER_CUBIC)
    return (total - total.mean()) / (total.std() + 1e-6)


def _white_noise(rng: Random, blur: float = 0.0) -> Field:
    noise = rng.standard_normal((CAMERA_SIZE, CAMERA_SIZE), np.float32)
    return cv2.GaussianBlur(noise, (0, 0), blur) if blur else noise


def _tint(grey: Field, rgb: tuple[float, float, float], rng: Random, spread: float = 0.03) -> Field:
    """Colours a grey field; `spread` is how much one delivery of material differs from the next."""
    colour = np.asarray(rgb, np.float32) * (1 + rng.normal(0, spread, 3).astype(np.float32))
    return np.clip(grey[..., None] * colour, 0.01, 1).astype(np.float32)


@cache
def _photograph(name: str) -> Field:
    """A CC0 photograph shipped with scikit-image, as linear light, [512, 512] in 0..1."""
    from skimage import data

    return (getattr(data, name)().astype(np.float32) / 255) ** 2.2


def _photo_patch(name: str, split: str, rng: Random) -> Field:
    """A random square of the split's own region, flipped, turned, and enlarged to the camera's size."""
    region = _photograph(name)[PHOTO_REGIONS[split]]
    side = int(rng.integers(190, 250))
    top, left = (int(rng.integers(0, extent - side + 1)) for extent in region.shape)
    patch = np.rot90(region[top : top + side, left : left + side], rng.integers(4))
    if rng.random() < 0.5:
        patch = patch[:, ::-1]
    return cv2.resize(np.ascontiguousarray(patch), (CAMERA_SIZE, CAMERA_SIZE), interpolation=cv2.INTER_CUBIC)


def _flatten(patch: Field, mean: float, contrast: float) -> Field:
    """Brings a patch to a given mean and scales its contrast, as grinding and sealing a surface does."""
    return np.clip(mean * (1 + contrast * (patch / patch.mean() - 1)), 0.02, 0.95)


def _brick(split: str, rng: Random) -> Surface:
    patch = _photo_patch("brick", split, rng)
    grey = _flatten(patch, mean=0.27 * rng.uniform(0.92, 1.08), contrast=0.75)
    grey *= 1 + 0.03 * fractal_noise(rng, 24) + 0.02 * _white_noise(rng)
    return Surface("brick", _tint(grey, (1.16, 0.96, 0.86), rng), 1.2 * patch, gloss=0.02)


def _aggregate(split: str, rng: Random) -> Surface:
    patch = _photo_patch("gravel", split, rng)
    grey = _flatten(patch, mean=0.33 * rng.uniform(0.92, 1.08), contrast=0.30)
    return Surface("aggregate", _tint(grey, (1.03, 1.0, 0.94), rng), 0.4 * patch, gloss=0.05)


def _metal(split: str, rng: Random) -> Surface:
    del split
    fine = cv2.GaussianBlur(_white_noise(rng), (0, 0), sigmaX=30, sigmaY=0.6)
    broad = cv2.GaussianBlur(_white_noise(rng), (0, 0), sigmaX=90, sigmaY=2.5)
    brushed = fine / fine.std() + 0.6 * broad / broad.std()
    if rng.random() < 0.5:
        brushed = np.ascontiguousarray(brushed.T)
    grey = 0.34 * rng.uniform(0.93, 1.07) * (1 + 0.055 * brushed)
    return Surface("metal", _tint(grey, (0.97, 1.0, 1.03), rng, 0.015), 0.04 * brushed, gloss=0.28)


def _concrete(split: str, rng: Random) -> Surface:
    del split
    mottle, grain = fractal_noise(rng, 4, 5, 0.6), _white_noise(rng, 0.7)
    grey = 0.36 * rng.uniform(0.93, 1.07) * (1 + 0.06 * mottle + 0.05 * grain / grain.std())
    pores = np.clip(_white_noise(rng, 1.2) / 0.23 - 2.9, 0, 1)
    grey *= 1 - 0.35 * pores
    return Surface("concrete", _tint(grey, (1.01, 1.0, 0.96), rng, 0.02), 0.15 * mottle - 0.6 * pores, gloss=0.02)


def _fabric(split: str, rng: Random) -> Surface:
    del split
    pitch, angle = rng.uniform(6.5, 9.0), rng.uniform(-0.12, 0.12) + rng.integers(2) * np.pi / 2
    v, u = np.mgrid[0:CAMERA_SIZE, 0:CAMERA_SIZE].astype(np.float32)
    bend_u, bend_v = 1.1 * fractal_noise(rng, 6, 3), 1.1 * fractal_noise(rng, 6, 3)
    warp = (np.cos(angle) * u + np.sin(angle) * v + bend_u) * np.pi / pitch
    weft = (-np.sin(angle) * u + np.cos(angle) * v + bend_v) * np.pi / pitch
    over = 0.5 + 0.5 * np.tanh(4 * np.sin(warp) * np.sin(weft))
    yarn = over * np.abs(np.cos(warp / 2 + np.pi / 4)) + (1 - over) * np.abs(np.cos(weft / 2 + np.pi / 4))
    grey = 0.36 * rng.uniform(0.93, 1.07) * (0.80 + 0.25 * yarn) * (1 + 0.03 * fractal_noise(rng, 40, 2))
    colour = ((0.80, 0.95, 1.18), (1.10, 1.0, 0.84), (0.98, 1.0, 0.98))[rng.integers(3)]
    return Surface("fabric", _tint(grey, colour, rng), 0.8 * yarn.astype(np.float32), gloss=0.0)


def _turf(split: str, rng: Random) -> Surface:
    patch = _photo_patch("grass", split, rng)
    grey = _flatten(patch, mean=0.24, contrast=0.9)
    return Surface("turf", _tint(grey, (0.80, 1.12, 0.66), rng), 1.5 * patch, gloss=0.0)


_MAKERS: dict[str, Callable[[str, Random], Surface]] = {
    "brick": _brick,
    "aggregate": _aggregate,
    "metal": _metal,
    "concrete": _concrete,
    "fabric": _fabric,
    "turf": _turf,
}
