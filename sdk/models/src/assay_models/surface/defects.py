"""What goes wrong with a surface: scratches, pits, stains and cracks.

Every class has two families of shapes. Training and validation draw from one, the test from the other, so
that the test asks whether the model learnt what a scratch *is*, not how this program draws one:

    class     training and validation       test
    scratch   straight lines and polylines  Bezier curves
    pit       round craters                 ragged craters, several in a row
    stain     overlapping ellipses          blobs of thresholded fractal noise
    crack     random walks                  branching trees
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from . import CAMERA_SIZE
from .textures import Field, Random, Surface, fractal_noise

Path = NDArray[np.float32]
"""Points [K, 2] of an open line, (x, y) in pixels."""

FAMILIES = {
    "train": {"scratch": "polyline", "pit": "round", "stain": "ellipses", "crack": "walk"},
    "test": {"scratch": "bezier", "pit": "ragged", "stain": "noise-blob", "crack": "tree"},
}
FAMILIES["val"] = FAMILIES["train"]


def add_defect(surface: Surface, label: str, family: str, rng: Random) -> None:
    """Damages `surface` in place."""
    if label == "good":
        return
    shape = _SHAPES[label][family](rng)
    _EFFECTS[label](surface, shape, rng)


# --- shapes -----------------------------------------------------------------------------------------------


def _anchor(rng: Random, margin: int = 70) -> Path:
    """Where a defect sits: anywhere but the very edge of the picture."""
    return rng.uniform(margin, CAMERA_SIZE - margin, 2).astype(np.float32)


def _heading(angle: float) -> Path:
    return np.array([np.cos(angle), np.sin(angle)], np.float32)


def _centred(path: Path, rng: Random) -> Path:
    """Moves a line so that its middle lies at a random anchor."""
    return (path - (path.min(0) + path.max(0)) / 2 + _anchor(rng)).astype(np.float32)


def scratch_polyline(rng: Random) -> list[Path]:
    """One or two nearly parallel scratches of one to three straight pieces."""
    angle, bends = rng.uniform(0, 2 * np.pi), int(rng.integers(1, 4))
    steps, turn = [np.zeros(2, np.float32)], angle
    for _ in range(bends):
        steps.append(_heading(turn) * rng.uniform(90, 240) / bends)
        turn += rng.normal(0, 0.35)
    return _with_twin(_centred(np.cumsum(steps, 0), rng), rng)


def scratch_bezier(rng: Random) -> list[Path]:
    """One or two nearly parallel scratches along a cubic curve."""
    angle, length, sway = rng.uniform(0, 2 * np.pi), rng.uniform(100, 240), rng.uniform(-0.4, 0.4, 2)
    along, across = _heading(angle) * length, _heading(angle + np.pi / 2) * length
    control = np.stack([0 * along, along / 3 + across * sway[0], along * 2 / 3 + across * sway[1], along])
    t = np.linspace(0, 1, 40, dtype=np.float32)[:, None]
    weights = np.hstack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
    return _with_twin(_centred(weights @ control, rng), rng)


def _with_twin(path: Path, rng: Random) -> list[Path]:
    if rng.random() < 0.7:
        return [path]
    keep = max(2, int(len(path) * rng.uniform(0.5, 0.9)))
    return [path, path[:keep] + rng.uniform(5, 11, 2) * rng.choice((-1, 1), 2)]


def crack_walk(rng: Random) -> list[Path]:
    """A line that keeps changing its mind, with a short side line now and then."""
    trunk = _walk(rng, _anchor(rng), rng.uniform(0, 2 * np.pi), rng.uniform(110, 260))
    trunk = _centred(trunk, rng)
    if rng.random() < 0.5:
        return [trunk]
    start = trunk[rng.integers(len(trunk) // 4, len(trunk))]
    return [trunk, _walk(rng, start, rng.uniform(0, 2 * np.pi), rng.uniform(25, 70))]


def _walk(rng: Random, start: Path, angle: float, length: float) -> Path:
    points, travelled, drift = [start], 0.0, angle
    while travelled < length:
        step = rng.uniform(4, 11)
        points.append(points[-1] + step * _heading(drift + rng.normal(0, 0.65)))
        drift += rng.normal(0, 0.12)
        travelled += step
    return np.asarray(points, np.float32)


def crack_tree(rng: Random) -> list[Path]:
    """A trunk broken by midpoint displacement that forks and forks again."""
    paths: list[Path] = []
    _branch(rng, np.zeros(2, np.float32), rng.uniform(0, 2 * np.pi), rng.uniform(110, 210), 2, paths)
    everything = np.concatenate(paths)
    shift = _anchor(rng, 90) - (everything.min(0) + everything.max(0)) / 2
    return [path + shift for path in paths]


def _branch(rng: Random, start: Path, angle: float, length: float, depth: int, out: list[Path]) -> None:
    path = np.stack([start, start + length * _heading(angle)])
    jag = 0.16 * length
    while np.linalg.norm(path[1] - path[0]) > 9:
        middle = (path[:-1] + path[1:]) / 2 + rng.normal(0, jag / 2, (len(path) - 1, 2))
        path = np.insert(path, np.arange(1, len(path)), middle, axis=0)
        jag *= 0.55
    out.append(path.astype(np.float32))
    for _ in range(int(rng.integers(1, 3)) if depth else 0):
        fork = path[rng.integers(len(path) // 3, len(path) - 1)]
        side = angle + rng.choice((-1, 1)) * rng.uniform(0.5, 1.0)
        _branch(rng, fork, side, length * rng.uniform(0.3, 0.55), depth - 1, out)


def pit_round(rng: Random) -> Field:
    """One to three bowls; returns depth [S, S] in 0..1."""
    depth = np.zeros((CAMERA_SIZE, CAMERA_SIZE), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        radius = rng.uniform(7, 17)
        depth = np.maximum(depth, _bowl(_anchor(rng, 45), radius, rng.uniform(0.8, 1.25), rng.uniform(0, np.pi)))
    return depth


def pit_ragged(rng: Random) -> Field:
    """One to four bowls with uneven rims, one after the other along a line."""
    depth = np.zeros((CAMERA_SIZE, CAMERA_SIZE), np.float32)
    centre, spacing = _anchor(rng, 80), _heading(rng.uniform(0, 2 * np.pi)) * rng.uniform(26, 42)
    for k in range(int(rng.integers(1, 5))):
        lobes = rng.normal(0, 0.05, 4)
        bowl = _bowl(centre + k * spacing, rng.uniform(7, 16), rng.uniform(0.75, 1.35), rng.uniform(0, np.pi), lobes)
        depth = np.maximum(depth, bowl)
    return depth


def _bowl(centre: Path, radius: float, stretch: float, angle: float, lobes: NDArray | None = None) -> Field:
    """A smooth bowl; `lobes` are the amplitudes of waves 2, 3, ... around its rim, relative to the radius."""
    v, u = np.mgrid[0:CAMERA_SIZE, 0:CAMERA_SIZE].astype(np.float32)
    u, v = u - centre[0], v - centre[1]
    x, y = np.cos(angle) * u + np.sin(angle) * v, (-np.sin(angle) * u + np.cos(angle) * v) * stretch
    reach = np.float32(radius)
    if lobes is not None:
        around = np.arctan2(y, x)
        reach = radius * (1 + sum(a * np.cos((k + 2) * around + k) for k, a in enumerate(lobes)))
    inside = np.clip(1 - (x**2 + y**2) / reach**2, 0, 1)
    return (inside**0.8).astype(np.float32)


def stain_ellipses(rng: Random) -> Field:
    """One to three overlapping soft ellipses; returns coverage [S, S] in 0..1."""
    field = np.full((CAMERA_SIZE, CAMERA_SIZE), -1, np.float32)
    v, u = np.mgrid[0:CAMERA_SIZE, 0:CAMERA_SIZE].astype(np.float32)
    centre = _anchor(rng, 85)
    for _ in range(int(rng.integers(1, 4))):
        angle, (a, b) = rng.uniform(0, np.pi), rng.uniform(26, 64, 2)
        x, y = np.cos(angle) * (u - centre[0]) + np.sin(angle) * (v - centre[1]), 0
        y = -np.sin(angle) * (u - centre[0]) + np.cos(angle) * (v - centre[1])
        field = np.maximum(field, 1 - np.sqrt((x / a) ** 2 + (y / b) ** 2))
        centre = centre + rng.uniform(-45, 45, 2)
    return _soft_step(field * 60, rng.uniform(2, 6))


def stain_noise_blob(rng: Random) -> Field:
    """A patch of fractal noise above a threshold, kept near one place."""
    v, u = np.mgrid[0:CAMERA_SIZE, 0:CAMERA_SIZE].astype(np.float32)
    centre, reach = _anchor(rng, 95), rng.uniform(45, 75)
    hill = 1 - ((u - centre[0]) ** 2 + (v - centre[1]) ** 2) / reach**2
    return _soft_step((hill + 0.35 * fractal_noise(rng, 4, 4, 0.55)) * 40, rng.uniform(2, 6))


def _soft_step(distance: Field, softness: float) -> Field:
    return (1 / (1 + np.exp(-np.clip(distance / softness, -30, 30)))).astype(np.float32)


# --- effects ----------------------------------------------------------------------------------------------


def _distance_to(paths: list[Path]) -> Field:
    """Distance [S, S] in pixels from every point to the nearest line, to a quarter of a pixel."""
    scale = 2
    canvas = np.full((CAMERA_SIZE * scale, CAMERA_SIZE * scale), 255, np.uint8)
    for path in paths:
        points = np.round(path * scale * 16).astype(np.int32)
        cv2.polylines(canvas, [points[:, None]], False, 0, 1, cv2.LINE_8, shift=4)
    far = cv2.distanceTransform(canvas, cv2.DIST_L2, 5) / scale
    return cv2.resize(far, (CAMERA_SIZE, CAMERA_SIZE), interpolation=cv2.INTER_AREA)


def scratch(surface: Surface, paths: list[Path], rng: Random) -> None:
    """A groove with raised lips; fresh material shows brighter at its bottom."""
    distance, width = _distance_to(paths), rng.uniform(1.1, 2.1)
    pressure = np.clip(1 + 0.3 * fractal_noise(rng, 5, 2), 0.35, 1.5)
    groove = np.exp(-((distance / width) ** 2)) * pressure
    lips = np.exp(-(((distance - 2.2 * width) / width) ** 2)) * pressure
    surface.height += rng.uniform(0.9, 1.6) * (0.4 * lips - groove)
    fresh = rng.uniform(0.45, 0.8) * np.clip(groove, 0, 1)[..., None]
    surface.albedo += fresh * (0.72 - surface.albedo)


def crack(surface: Surface, paths: list[Path], rng: Random) -> None:
    """A gap too deep for light to come back from, of uneven width, with slightly broken edges."""
    distance = _distance_to(paths)
    width = rng.uniform(1.0, 1.9) * np.clip(1 + 0.35 * fractal_noise(rng, 9, 2), 0.5, 1.8)
    gap = np.exp(-((distance / width) ** 2))
    surface.albedo *= 1 - rng.uniform(0.72, 0.9) * gap[..., None]
    surface.height -= 0.5 * np.exp(-((distance / (2.5 * width)) ** 2))


def pit(surface: Surface, depth: Field, rng: Random) -> None:
    """A bowl: one wall catches the light, the other loses it, and dirt lies at the bottom."""
    surface.height -= rng.uniform(7, 11) * depth
    surface.albedo *= 1 - rng.uniform(0.25, 0.45) * cv2.GaussianBlur(depth, (0, 0), 1.2)[..., None]


def stain(surface: Surface, cover: Field, rng: Random) -> None:
    """A film that swallows some colours more than others, darker where it dried last."""
    absorbs = ((0.35, 0.60, 0.80), (0.55, 0.58, 0.62), (0.62, 0.56, 0.50))[rng.integers(3)]
    strength = rng.uniform(0.55, 0.95) * (1 + 0.12 * fractal_noise(rng, 5, 3))
    rim = 4 * cover * (1 - cover)
    film = np.clip(cover * strength * 0.8 + rng.uniform(0.05, 0.25) * rim, 0, 1)
    surface.albedo *= 1 - film[..., None] * np.asarray(absorbs, np.float32)


_SHAPES: dict[str, dict[str, Callable[[Random], object]]] = {
    "scratch": {"polyline": scratch_polyline, "bezier": scratch_bezier},
    "pit": {"round": pit_round, "ragged": pit_ragged},
    "stain": {"ellipses": stain_ellipses, "noise-blob": stain_noise_blob},
    "crack": {"walk": crack_walk, "tree": crack_tree},
}
_EFFECTS: dict[str, Callable] = {"scratch": scratch, "pit": pit, "stain": stain, "crack": crack}
