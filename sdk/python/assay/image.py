"""Pictures as handles: the pixels stay with the host, and so does the work on them. Needs the capability `imaging`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, TypeVar

from componentize_py_types import Err
from wit_world.imports import imaging as wit

from ._call import Handle, raise_from_host
from .errors import UnsupportedInput
from .frame import Region
from .tensor import Tensor


class PixelFormat(str, Enum):
    """How pixels lie in memory: rows packed, top row first."""

    #: One byte per pixel.
    GRAY8 = "gray8"
    #: Red, green, blue; one byte each.
    RGB8 = "rgb8"
    #: Blue, green, red; one byte each.
    BGR8 = "bgr8"
    #: Red, green, blue, alpha; one byte each.
    RGBA8 = "rgba8"
    #: Two bytes per pixel, little-endian.
    GRAY16 = "gray16"


class ResizeFilter(str, Enum):
    """How `resize` computes a new pixel."""

    NEAREST = "nearest"
    #: Area average when it shrinks: no aliasing, cheap.
    BOX = "box"
    BILINEAR = "bilinear"
    CATMULL_ROM = "catmull-rom"
    LANCZOS3 = "lanczos3"


class TensorLayout(str, Enum):
    """Order of a tensor's sides."""

    #: Batch, channel, row, column.
    NCHW = "nchw"
    #: Batch, row, column, channel.
    NHWC = "nhwc"


class ElementType(str, Enum):
    """What a picture's tensor holds."""

    #: `(pixel - mean) / scale`.
    FP32 = "fp32"
    #: Bytes as they are.
    UINT8 = "uint8"


class ImageInfo(NamedTuple):
    """Size in pixels, and how the pixels lie."""

    width: int
    height: int
    format: PixelFormat


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """How pixels become numbers: `(pixel - mean) / scale`, channel by channel, with pixels in 0..255 (16-bit pixels
    in 0..65535)."""

    layout: TensorLayout | str = TensorLayout.NCHW
    element: ElementType | str = ElementType.FP32
    #: One value for all channels, or one per channel. Ignored for `uint8`.
    mean: Sequence[float] = (0.0,)
    #: As `mean`; none may be 0.
    scale: Sequence[float] = (1.0,)

    def _to_wit(self) -> Any:
        return wit.TensorSpec(
            _to_wit(TensorLayout, wit.TensorLayout, self.layout),
            _to_wit(ElementType, wit.ElementType, self.element),
            [float(value) for value in self.mean],
            [float(value) for value in self.scale],
        )


class Statistics(NamedTuple):
    """Statistics of luma, Y = (77 R + 150 G + 29 B + 128) >> 8 for colour, the value itself for grey (16-bit grey is
    divided by 257 first)."""

    #: Mean luma, 0 to 255.
    mean: float
    #: Population standard deviation of luma.
    sd: float
    #: Sharpness: population variance of the 4-neighbour Laplacian over interior pixels; 0 under 3 pixels a side.
    laplacian_variance: float
    #: Share of pixels with luma <= 4, 0 to 1.
    dark_share: float
    #: Share of pixels with luma >= 251, 0 to 1.
    bright_share: float
    #: Mean of each channel in the order of the format.
    channel_means: list[float]


class Image(Handle):
    """A picture that the host holds. Every operation is done by the host, natively, and gives a new picture; it counts
    against the plugin's `host_bytes` until it is released: when nobody refers to it, at the end of its `with` block,
    or at the end of the call.

    Every operation raises `UnsupportedInput` where a region, size or format cannot be used, and `PluginError` where a
    limit would be passed. Formats, filters and layouts may be given by name: `image.convert("gray8")`.
    """

    __slots__ = ()

    @classmethod
    def from_pixels(cls, width: int, height: int, format: PixelFormat | str, pixels: bytes) -> Image:
        """A picture from packed pixels, top row first."""
        raw_format = _to_wit(PixelFormat, wit.PixelFormat, format)
        return cls(_host(wit.Image.from_pixels, _u32(width), _u32(height), raw_format, bytes(pixels)))

    @classmethod
    def filled(cls, width: int, height: int, format: PixelFormat | str, value: Iterable[int]) -> Image:
        """A picture of one colour; `value` holds one byte per channel."""
        raw_format = _to_wit(PixelFormat, wit.PixelFormat, format)
        return cls(_host(wit.Image.filled, _u32(width), _u32(height), raw_format, bytes(value)))

    @property
    def info(self) -> ImageInfo:
        """Width, height and format by one call of the host."""
        raw = self._live().info()
        return ImageInfo(raw.width, raw.height, PixelFormat[raw.format.name])

    @property
    def width(self) -> int:
        """In pixels."""
        return self.info.width

    @property
    def height(self) -> int:
        """In pixels."""
        return self.info.height

    @property
    def format(self) -> PixelFormat:
        """How the pixels lie."""
        return self.info.format

    def read_region(self, region: Region) -> bytes:
        """The pixels of a region, packed."""
        return _host(self._live().read_region, region._to_wit())

    def read_rows(self, first: int, count: int) -> bytes:
        """The pixels of `count` rows from row `first`, packed."""
        return _host(self._live().read_rows, _u32(first), _u32(count))

    def crop(self, region: Region) -> Image:
        """A part of the picture."""
        return self._new("crop", region._to_wit())

    def resize(self, width: int, height: int, filter: ResizeFilter | str = ResizeFilter.BILINEAR) -> Image:
        """The picture in another size; its shape is not kept."""
        return self._new("resize", _u32(width), _u32(height), _to_wit(ResizeFilter, wit.ResizeFilter, filter))

    def overlay(self, top: Image, x: int, y: int) -> Image:
        """This picture with `top` laid over it, its top-left corner at `x`, `y`. Formats have to be equal."""
        return self._new("overlay", top._live(), _u32(x), _u32(y))

    def convert(self, format: PixelFormat | str) -> Image:
        """The picture in another format."""
        return self._new("convert", _to_wit(PixelFormat, wit.PixelFormat, format))

    def gaussian_blur(self, sigma: float) -> Image:
        """Gaussian blur; `sigma` in pixels, 0.1 to 50."""
        return self._new("gaussian_blur", float(sigma))

    def median_blur(self, size: int) -> Image:
        """Median over a square window of `size` pixels: 3, 5 or 7; edges are mirrored."""
        return self._new("median_blur", _u32(size))

    def reduce_bit_depth(self, bits: int) -> Image:
        """Keeps the upper `bits` (1 to 8) of each byte."""
        return self._new("reduce_bit_depth", _u32(bits))

    def jpeg_round_trip(self, quality: int) -> Image:
        """Encodes as JPEG and decodes again; `quality` 1 to 100."""
        return self._new("jpeg_round_trip", _u32(quality))

    def histogram(self) -> list[int]:
        """256 counts of luma."""
        return list(self._live().histogram())

    def statistics(self) -> Statistics:
        """Mean and sd of luma, sharpness, dark and bright shares, means of the channels."""
        raw = self._live().statistics()
        return Statistics(
            raw.mean, raw.sd, raw.laplacian_variance, raw.dark_share, raw.bright_share, list(raw.channel_means)
        )

    def to_tensor(self, spec: TensorSpec) -> Tensor:
        """The picture as a tensor of batch size 1: `[1, C, H, W]` or `[1, H, W, C]`."""
        return Tensor(_host(self._live().to_tensor, spec._to_wit()))

    @staticmethod
    def batch_to_tensor(images: Sequence[Image], spec: TensorSpec) -> Tensor:
        """One tensor from pictures of one size and format: `[N, C, H, W]` or `[N, H, W, C]`, in their order."""
        return Tensor(_host(wit.batch_to_tensor, [image._live() for image in images], spec._to_wit()))

    def _new(self, operation: str, *arguments: Any) -> Image:
        return Image(_host(getattr(self._live(), operation), *arguments))

    def __repr__(self) -> str:
        return "Image(released)" if self._raw is None else "Image({}x{}, {})".format(*self.info[:2], self.format.value)


Named = TypeVar("Named", bound=Enum)


def _to_wit(kind: type[Named], raw: Any, value: Named | str) -> Any:
    try:
        return raw[kind(value).name]
    except ValueError:
        names = ", ".join(str(member.value) for member in kind)
        raise UnsupportedInput(f"{kind.__name__}: {value!r} is none of {names}") from None


def _u32(value: int) -> int:
    """A whole float is fine, such as half of an even side; others would lose something without a word."""
    whole = int(value)
    if whole != value or not 0 <= whole <= 0xFFFF_FFFF:
        raise UnsupportedInput(f"expected a whole number from 0 to {0xFFFF_FFFF}, found {value!r}")
    return whole


def _host(operation: Any, *arguments: Any) -> Any:
    try:
        return operation(*arguments)
    except Err as error:
        raise_from_host(error)
