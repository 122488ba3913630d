"""From a surface to the JPEG a camera would have sent: lamp, lens, sensor, encoder."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from . import CAMERA_SIZE
from .defects import FAMILIES, add_defect
from .textures import MATERIALS, Field, Random, Surface, make_surface

Picture = NDArray[np.uint8]
"""[H, W, 3] RGB, 8 bit."""

SPLITS = ("train", "val", "test")
JPEG_QUALITY = 92


@dataclass(frozen=True)
class Station:
    """How the station sees. The defaults are the commissioned state; drifted pictures change one of them."""

    lamp: float = 1.0  # relative brightness of the lamp
    defocus: float = 0.65  # standard deviation of the lens blur, pixels
    noise: float = 0.006  # standard deviation of the read noise, full scale = 1
    cast: tuple[float, float, float] = field(default=(1.0, 1.0, 1.0))  # white-balance error per channel

    def with_(self, **changes: object) -> Station:
        return replace(self, **changes)


def picture_rng(seed: int, split: str, index: int) -> Random:
    """The random stream of one picture: same seed, split and index, same picture."""
    return np.random.default_rng([seed, SPLITS.index(split), index])


def render(label: str, split: str, rng: Random, material: str | None = None, station: Station = Station()) -> bytes:
    """Draws one picture and returns it as JPEG bytes."""
    surface = make_surface(material or str(rng.choice(MATERIALS)), split, rng)
    add_defect(surface, label, FAMILIES[split].get(label, ""), rng)
    return encode_jpeg(photograph(surface, rng, station))


def photograph(surface: Surface, rng: Random, station: Station = Station()) -> Picture:
    """Lights a surface and takes its picture."""
    light = _shade(surface, rng) * lamp_field(rng) * station.lamp * rng.uniform(0.94, 1.06)
    linear = np.clip(surface.albedo, 0, 1) * light[..., None] + _highlight(surface, rng)[..., None] * station.lamp
    linear = linear * np.asarray(station.cast, np.float32)
    blurred = cv2.GaussianBlur(linear, (0, 0), station.defocus * rng.uniform(0.9, 1.1))
    return expose(blurred, rng, station.noise)


def reflect(surface: Surface, rng: Random) -> Field:
    """The light that comes from a surface under an even lamp, linear [S, S, 3]: for a surface that is part of a scene."""
    return np.clip(surface.albedo, 0, 1) * _shade(surface, rng)[..., None] + _highlight(surface, rng)[..., None]


def _normals(height: Field) -> tuple[Field, Field]:
    """Slopes of the height map along x and y."""
    dx = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    dy = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    return dx, dy


def _shade(surface: Surface, rng: Random) -> Field:
    """Lambert's law for one lamp at about 50 degrees, plus light from everywhere, relative to a flat surface."""
    azimuth, elevation = rng.uniform(0, 2 * np.pi), rng.uniform(0.80, 1.0)
    dx, dy = _normals(surface.height)
    facing = np.sin(elevation) - np.cos(elevation) * (np.cos(azimuth) * dx + np.sin(azimuth) * dy)
    lambert = np.clip(facing / np.sqrt(1 + dx**2 + dy**2), 0, None) / np.sin(elevation)
    return 0.35 + 0.65 * lambert


def lamp_field(rng: Random) -> Field:
    """A lamp is never even: a slow gradient across the part and darker corners."""
    axis = np.linspace(-1, 1, CAMERA_SIZE, dtype=np.float32)
    u, v = axis[None, :], axis[:, None]
    angle, slope, vignette = rng.uniform(0, 2 * np.pi), rng.uniform(0.02, 0.10), rng.uniform(0.04, 0.10)
    return 1 + slope * (np.cos(angle) * u + np.sin(angle) * v) - vignette * (u**2 + v**2)


def _highlight(surface: Surface, rng: Random) -> Field:
    """A broad reflection of the lamp across glossy materials, broken up by slopes."""
    axis = np.linspace(-1, 1, CAMERA_SIZE, dtype=np.float32)
    angle, place = rng.uniform(0, 2 * np.pi), rng.uniform(-0.8, 0.8)
    across = np.cos(angle) * axis[None, :] + np.sin(angle) * axis[:, None] - place
    dx, dy = _normals(surface.height)
    return surface.gloss * np.exp(-(((across + 0.8 * (dx + dy)) / 0.45) ** 2)).astype(np.float32) * 0.6


def expose(linear: Field, rng: Random, noise: float) -> Picture:
    """Shot and read noise in linear light, then the camera's gamma and 8 bits."""
    light = np.clip(linear, 0, None)
    grain = rng.standard_normal(light.shape, np.float32) * np.sqrt(noise**2 + 1.2e-4 * light)
    encoded = np.clip(light + grain, 0, 1) ** (1 / 2.2)
    return np.rint(encoded * 255).astype(np.uint8)


def encode_jpeg(picture: Picture, quality: int = JPEG_QUALITY) -> bytes:
    """The camera's encoder: JPEG, full-resolution colour."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()
