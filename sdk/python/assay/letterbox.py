"""Brings a picture to the size that a model takes, with its shape kept: the same way as every other plugin that needs
the picture as the model saw it. Needs the capabilities `imaging` and `config`."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import floor
from typing import NamedTuple

from . import settings
from .errors import BadSetting
from .image import Image, PixelFormat, ResizeFilter, TensorSpec

#: Largest side that a model may ask for, in pixels.
_MAX_SIDE = 8192


class Placement(NamedTuple):
    """Where the resized picture lies inside the new one, in pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How a picture becomes a model's input. `from_settings` reads:

    | setting | meaning | default |
    |---|---|---|
    | `width`, `height` | size of the input, pixels | 224 |
    | `mean`, `scale` | `(pixel - mean) / scale`; a number, or one per channel | 127, 128 |
    | `pad` | red, green and blue of the border | 127, 127, 127 |
    | `filter` | `nearest`, `box`, `bilinear`, `catmull-rom` or `lanczos3` | `bilinear` |
    | `input` | name of the model's input | `input` |
    """

    width: int = 224
    height: int = 224
    pad: tuple[int, int, int] = (127, 127, 127)
    filter: ResizeFilter = ResizeFilter.BILINEAR
    spec: TensorSpec = field(default_factory=lambda: TensorSpec(mean=(127.0,), scale=(128.0,)))
    input: str = "input"

    @classmethod
    def from_settings(cls) -> Letterbox:
        """Reads the settings above. `BadSetting` where one has the wrong type or lies outside its range."""
        mean = _channels("mean", 127.0)
        scale = _channels("scale", 128.0)
        if 0.0 in scale:
            raise BadSetting.of("scale", "numbers other than 0", "0")
        names = [member.value for member in ResizeFilter]
        return cls(
            settings.integer("width", default=224, low=1, high=_MAX_SIDE),
            settings.integer("height", default=224, low=1, high=_MAX_SIDE),
            _pad(),
            ResizeFilter(settings.text("filter", default="bilinear", choices=names)),
            TensorSpec(mean=tuple(mean), scale=tuple(scale)),
            settings.text("input", default="input"),
        )

    def fit(self, picture: Image) -> Image:
        """The picture as the model sees it: three channels, resized, padded. The same object where it fits already."""
        width, height, format = picture.info
        colour = picture if format is PixelFormat.RGB8 else picture.convert(PixelFormat.RGB8)
        if (width, height) == (self.width, self.height):
            return colour
        at = place(width, height, self.width, self.height)
        small = colour.resize(at.width, at.height, self.filter)
        if (at.width, at.height) == (self.width, self.height):
            return small
        border = Image.filled(self.width, self.height, PixelFormat.RGB8, self.pad)
        return border.overlay(small, at.x, at.y)


def place(width: int, height: int, inside_width: int, inside_height: int) -> Placement:
    """The largest size of the shape `width` x `height` inside `inside_width` x `inside_height`, centred; an odd pixel
    of border goes to the right and to the bottom."""
    factor = min(inside_width / max(width, 1), inside_height / max(height, 1))
    new_width = min(max(floor(max(width, 1) * factor + 0.5), 1), inside_width)
    new_height = min(max(floor(max(height, 1) * factor + 0.5), 1), inside_height)
    return Placement((inside_width - new_width) // 2, (inside_height - new_height) // 2, new_width, new_height)


def _channels(key: str, default: float) -> list[float]:
    values = settings.numbers(key, default=[default])
    if len(values) not in (1, 3):
        raise BadSetting.of(key, "1 number, or 3", f"{len(values)} numbers")
    return values


def _pad() -> tuple[int, int, int]:
    values = settings.numbers("pad", default=[127.0])
    if len(values) not in (1, 3) or not all(0 <= value <= 255 for value in values):
        raise BadSetting.of("pad", "1 number, or 3, from 0 to 255", settings.shown(values))
    red, green, blue = (int(value) for value in (values * 3 if len(values) == 1 else values))
    return red, green, blue
