"""A labelled part on a conveyor belt: a plate with a surface to judge and a printed bar code, lying anyhow.

The plate is drawn upright, CANVAS pixels per pixel of the camera, then turned, shifted and put on the belt in linear light;
the camera of render.py takes the picture. All lengths here are camera pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .render import Picture, Station, expose, lamp_field, reflect
from .textures import Field, Random, Surface, fractal_noise

FRAME = (640, 480)
"""Width and height of the picture."""
CANVAS = 3

# The plate: its length ends in a point with a hole, which also tells its ends apart.
LENGTH, BREADTH, POINT = 400, 250, 62
TIP = 32  # half the breadth of the end
HOLE = (376, 125, 11)  # x, y, radius
SURFACE = (9, 9, 232)  # x, y, side of the square that the model judges
LABEL = (252, 12, 82, 226)  # x, y, width, height
BARS = 46  # length of the bars, across the label
MODULE = 2  # the narrowest bar
MODULES = 95

PLATE, PAPER, INK, BELT = 0.42, 0.70, 0.035, 0.020
"""Shares of the light that come back."""

_L = ["0001101", "0011001", "0010011", "0111101", "0100011", "0110001", "0101111", "0111011", "0110111", "0001011"]
_PARITY = ["LLLLLL", "LLGLGG", "LLGGLG", "LLGGGL", "LGLLGG", "LGGLLG", "LGGGLL", "LGLGLG", "LGLGGL", "LGGLGL"]
_FLIP = str.maketrans("01", "10")


@dataclass(frozen=True)
class Pose:
    """Where the middle of the plate lies, and how it is turned: degrees clockwise as pictures are seen."""

    x: float
    y: float
    angle: float

    def to_frame(self, scale: float) -> Field:
        """The affine map [2, 3] from plate to picture, both `scale` pixels per camera pixel."""
        turn = np.deg2rad(self.angle)
        c, s = np.cos(turn), np.sin(turn)
        x = self.x - c * LENGTH / 2 + s * BREADTH / 2
        y = self.y - s * LENGTH / 2 - c * BREADTH / 2
        return np.array([[c, -s, x * scale], [s, c, y * scale]])


@dataclass(frozen=True)
class Print:
    """What is on the label: 13 digits, or no label. `torn`: a strip of it is gone."""

    digits: str | None
    torn: bool = False


def check_digit(digits: str) -> str:
    """Of twelve digits of an EAN-13."""
    return str(-sum(int(d) * (1, 3)[k % 2] for k, d in enumerate(digits)) % 10)


def ean13(digits: str) -> str:
    """The modules of a bar code, 1 for a bar. The last digit is taken as it is, right or wrong."""
    parity = _PARITY[int(digits[0])]
    coded = (_L[int(d)] if p == "L" else _L[int(d)].translate(_FLIP)[::-1] for d, p in zip(digits[1:7], parity))
    return f"101{''.join(coded)}01010{''.join(_L[int(d)].translate(_FLIP) for d in digits[7:])}101"


def photograph(
    surface: Surface, label: Print, pose: Pose, rng: Random, station: Station = Station(), half_lit: bool = False
) -> Picture:
    """Puts the plate on the belt and takes its picture. `half_lit`: the lamp over the label gives 40 % of its light."""
    plate, shape = _plate(surface, label, rng)
    size = (FRAME[0] * CANVAS, FRAME[1] * CANVAS)
    to_frame = pose.to_frame(CANVAS)
    cover = cv2.warpAffine(shape, to_frame, size, flags=cv2.INTER_LINEAR)[..., None]
    scene = _belt(rng, size) * (1 - cover) + cv2.warpAffine(plate, to_frame, size, flags=cv2.INTER_LINEAR) * cover
    linear = cv2.resize(scene, FRAME, interpolation=cv2.INTER_AREA)
    light = cv2.resize(lamp_field(rng), FRAME, interpolation=cv2.INTER_CUBIC) * station.lamp * rng.uniform(0.94, 1.06)
    if half_lit:
        light *= _half(pose)
    linear = linear * light[..., None] * np.asarray(station.cast, np.float32)
    blurred = cv2.GaussianBlur(linear.astype(np.float32), (0, 0), station.defocus * rng.uniform(0.9, 1.1))
    return expose(blurred, rng, station.noise)


def _half(pose: Pose) -> Field:
    """1 over the surface, falling to 0.4 over the label."""
    turn = np.deg2rad(pose.angle)
    v, u = np.mgrid[0 : FRAME[1], 0 : FRAME[0]].astype(np.float32)
    along = (u - pose.x) * np.cos(turn) + (v - pose.y) * np.sin(turn)
    t = np.clip((along + 10) / 70, 0, 1)
    return 1 - 0.6 * t * t * (3 - 2 * t)


def _belt(rng: Random, size: tuple[int, int]) -> Field:
    """Dark rubber with broad wear and a fine cross weave."""
    wear = cv2.resize(fractal_noise(rng, 5), size, interpolation=cv2.INTER_CUBIC)
    v, u = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32)
    weave = np.sin(u * np.pi / (3 * CANVAS)) * np.sin(v * np.pi / (3 * CANVAS))
    return np.repeat((BELT * (1 + 0.12 * wear + 0.10 * weave))[..., None], 3, axis=2).astype(np.float32)


def _plate(surface: Surface, label: Print, rng: Random) -> tuple[Field, Field]:
    """The upright plate in linear light, and its shape; both CANVAS pixels per camera pixel."""
    high, wide = BREADTH * CANVAS, LENGTH * CANVAS
    grain = cv2.GaussianBlur(rng.standard_normal((high, wide), np.float32), (0, 0), sigmaX=12, sigmaY=1.2)
    plate = np.repeat((PLATE * (1 + 0.03 * grain / grain.std()))[..., None], 3, axis=2)
    x, y, side = (value * CANVAS for value in SURFACE)
    plate[y : y + side, x : x + side] = cv2.resize(reflect(surface, rng), (side, side), interpolation=cv2.INTER_CUBIC)
    if label.digits:
        _stick(plate, label, rng)
    return plate.astype(np.float32), _outline()


def _outline() -> Field:
    """1 inside of the plate, 0 outside and in the hole."""
    corners = [(0, 0), (LENGTH - POINT, 0), (LENGTH, BREADTH / 2 - TIP), (LENGTH, BREADTH / 2 + TIP)]
    corners += [(LENGTH - POINT, BREADTH), (0, BREADTH)]
    shape = np.zeros((BREADTH * CANVAS, LENGTH * CANVAS), np.float32)
    cv2.fillPoly(shape, [np.round(np.array(corners) * CANVAS).astype(np.int32)], 1.0)
    cv2.circle(shape, (HOLE[0] * CANVAS, HOLE[1] * CANVAS), HOLE[2] * CANVAS, 0.0, -1)
    return cv2.GaussianBlur(shape, (0, 0), 0.8)


def _stick(plate: Field, label: Print, rng: Random) -> None:
    """Puts the label on the plate; its bars lie on top of each other."""
    x, y, wide, high = (value * CANVAS for value in LABEL)
    ink = np.asarray(_printed(label.digits, wide, high), np.float32)[..., None] / 255
    paper = PAPER * (1 + 0.01 * rng.standard_normal((high, wide, 1), np.float32))
    stuck = np.where(ink > 0, INK * ink + paper * (1 - ink), paper)
    there = np.ones((high, wide, 1), np.float32)
    if label.torn:
        there = _torn(rng, wide, high)
    below = plate[y : y + high, x : x + wide]
    plate[y : y + high, x : x + wide] = stuck * there + below * (1 - there)


def _printed(digits: str, wide: int, high: int) -> Image.Image:
    """Ink of the label, 0 to 255: bars from top to bottom, the digits beside them."""
    flat = Image.new("L", (high, wide), 0)
    draw = ImageDraw.Draw(flat)
    module, first, top = MODULE * CANVAS, (high - MODULES * MODULE * CANVAS) // 2, 10 * CANVAS
    for k, bit in enumerate(ean13(digits)):
        if bit == "1":
            guard = k < 3 or 45 <= k < 50 or k >= 92
            bottom = top + (BARS + (6 if guard else 0)) * CANVAS
            draw.rectangle((first + k * module, top, first + (k + 1) * module - 1, bottom - 1), fill=255)
    font = ImageFont.load_default(13 * CANVAS)
    for text, middle in ((digits[1:7], 24), (digits[7:], 71)):
        place = (first + middle * module, top + (BARS + 2) * CANVAS)
        draw.text(place, " ".join(text), fill=255, font=font, anchor="mt")
    draw.text((first - 1.5 * module, top + (BARS + 2) * CANVAS), digits[0], fill=255, font=font, anchor="rt")
    return flat.transpose(Image.Transpose.ROTATE_270)


def _torn(rng: Random, wide: int, high: int) -> Field:
    """Where the label still sticks: a strip across all bars is gone, with ragged edges."""
    ragged = np.cumsum(rng.normal(0, 0.9, (2, wide)), axis=1) * CANVAS / 3
    middle, half = high * rng.uniform(0.4, 0.6), 17 * CANVAS
    rows = np.arange(high)[:, None]
    slant = (np.arange(wide) - wide / 2) * rng.uniform(-0.5, 0.5)
    gone = (rows > middle - half + slant + ragged[0]) & (rows < middle + half + slant + ragged[1])
    return cv2.GaussianBlur(1 - gone.astype(np.float32), (0, 0), 1.0)[..., None]
