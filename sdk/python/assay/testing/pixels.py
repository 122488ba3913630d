"""Pictures and tensors as the host keeps them, in plain Python: slow, and exact."""

from __future__ import annotations

import struct
from typing import Any

from .words import Err, wit

CHANNELS = {"GRAY8": 1, "RGB8": 3, "BGR8": 3, "RGBA8": 4, "GRAY16": 1}
SIZE = {"GRAY8": 1, "RGB8": 3, "BGR8": 3, "RGBA8": 4, "GRAY16": 2}


class Held:
    """Counts what is held: a plugin has to give everything back."""

    live: list[Held] = []

    def __init__(self) -> None:
        Held.live.append(self)

    def release(self) -> None:
        """Once, and only once."""
        assert any(held is self for held in Held.live), f"{type(self).__name__} was released twice, or used after that"
        Held.live[:] = [held for held in Held.live if held is not self]

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class Tensor(Held):
    """`wasi:nn/tensor`."""

    def __init__(self, dimensions: list[int], ty: Any, data: bytes) -> None:
        super().__init__()
        self._dimensions, self._ty, self._data = list(dimensions), ty, bytes(data)

    def dimensions(self) -> list[int]:
        return list(self._dimensions)

    def ty(self) -> Any:
        return self._ty

    def data(self) -> bytes:
        return self._data


def _bad(text: str) -> Err[Any]:
    return Err(wit.imaging.ImagingError_InvalidArgument(text))


class Image(Held):
    """`assay:plugin/imaging.image`."""

    def __init__(self, width: int, height: int, format: Any, pixels: bytes) -> None:
        super().__init__()
        self.size, self.kind, self.pixels = (width, height), format, bytes(pixels)

    @classmethod
    def from_pixels(cls, width: int, height: int, format: Any, pixels: bytes) -> Image:
        expected = width * height * SIZE[format.name]
        if not expected or len(pixels) != expected:
            raise _bad(f"{width}x{height} {format.name} needs {expected} bytes, found {len(pixels)}")
        return cls(width, height, format, pixels)

    @classmethod
    def filled(cls, width: int, height: int, format: Any, value: bytes) -> Image:
        return cls.from_pixels(width, height, format, bytes(value) * (width * height))

    def info(self) -> Any:
        return wit.imaging.ImageInfo(*self.size, self.kind)

    def read_region(self, region: Any) -> bytes:
        size, (width, height) = SIZE[self.kind.name], self.size
        inside = region.x + region.width <= width and region.y + region.height <= height
        if not inside or not region.width or not region.height:
            raise _bad(f"region {region} is not inside {width}x{height}")
        rows = range(region.y, region.y + region.height)
        starts = [(row * width + region.x) * size for row in rows]
        return b"".join(self.pixels[start : start + region.width * size] for start in starts)

    def read_rows(self, first: int, count: int) -> bytes:
        return self.read_region(wit.types.Region(0, first, self.size[0], count))

    def crop(self, region: Any) -> Image:
        return Image(region.width, region.height, self.kind, self.read_region(region))

    def resize(self, width: int, height: int, filter: Any) -> Image:
        if filter.name != "NEAREST" or not width or not height:
            raise NotImplementedError("the host of tests resizes by `nearest` alone")
        size, (from_width, from_height) = SIZE[self.kind.name], self.size
        out = bytearray()
        for y in range(height):
            row = min(int((y + 0.5) * from_height / height), from_height - 1) * from_width
            for x in range(width):
                at = (row + min(int((x + 0.5) * from_width / width), from_width - 1)) * size
                out += self.pixels[at : at + size]
        return Image(width, height, self.kind, bytes(out))

    def overlay(self, top: Image, x: int, y: int) -> Image:
        (width, height), (top_width, top_height) = self.size, top.size
        if top.kind is not self.kind or x + top_width > width or y + top_height > height:
            raise _bad("overlay: formats have to be equal, and the upper picture inside")
        size, out = SIZE[self.kind.name], bytearray(self.pixels)
        for row in range(top_height):
            at, line = ((y + row) * width + x) * size, top_width * size
            out[at : at + line] = top.pixels[row * line : (row + 1) * line]
        return Image(width, height, self.kind, bytes(out))

    def convert(self, format: Any) -> Image:
        if format is self.kind:
            return Image(*self.size, format, self.pixels)
        colours = [self._rgb(at) for at in range(self.size[0] * self.size[1])]
        make = {
            "GRAY8": lambda r, g, b: bytes([luma(r, g, b)]),
            "RGB8": lambda r, g, b: bytes([r, g, b]),
            "BGR8": lambda r, g, b: bytes([b, g, r]),
            "RGBA8": lambda r, g, b: bytes([r, g, b, 255]),
            "GRAY16": lambda r, g, b: struct.pack("<H", luma(r, g, b) * 257),
        }[format.name]
        return Image(*self.size, format, b"".join(make(*colour) for colour in colours))

    def _rgb(self, at: int) -> tuple[int, int, int]:
        size, name = SIZE[self.kind.name], self.kind.name
        pixel = self.pixels[at * size : (at + 1) * size]
        if name == "GRAY16":
            return (round(struct.unpack("<H", pixel)[0] / 257),) * 3
        if name == "GRAY8":
            return (pixel[0],) * 3
        return (pixel[2], pixel[1], pixel[0]) if name == "BGR8" else (pixel[0], pixel[1], pixel[2])

    def gaussian_blur(self, sigma: float) -> Image:
        raise NotImplementedError("gaussian_blur is the host's: replace it in the test")

    def median_blur(self, size: int) -> Image:
        raise NotImplementedError("median_blur is the host's: replace it in the test")

    def jpeg_round_trip(self, quality: int) -> Image:
        raise NotImplementedError("jpeg_round_trip is the host's: replace it in the test")

    def reduce_bit_depth(self, bits: int) -> Image:
        if not 1 <= bits <= 8 or self.kind.name == "GRAY16":
            raise _bad(f"{bits} bits; 1 to 8 of one byte per channel")
        most = 2**bits - 1
        return Image(*self.size, self.kind, bytes(round(round(v * most / 255) * 255 / most) for v in self.pixels))

    def luma(self) -> list[int]:
        """Row by row."""
        name = self.kind.name
        count = self.size[0] * self.size[1]
        return [self._rgb(at)[0] if name.startswith("GRAY") else luma(*self._rgb(at)) for at in range(count)]

    def histogram(self) -> list[int]:
        counts = [0] * 256
        for value in self.luma():
            counts[value] += 1
        return counts

    def statistics(self) -> Any:
        values, (width, height) = self.luma(), self.size
        edges = [
            values[at - 1] + values[at + 1] + values[at - width] + values[at + width] - 4 * values[at]
            for at in range(width * height)
            if 0 < at % width < width - 1 and 0 < at // width < height - 1
        ]
        count, numbers = len(values), self.numbers()
        channels = CHANNELS[self.kind.name]
        means = [sum(numbers[channel::channels]) / count for channel in range(channels)]
        dark = sum(value <= 4 for value in values) / count
        bright = sum(value >= 251 for value in values) / count
        mean, variance = _moments(values)
        return wit.imaging.Statistics(mean, variance**0.5, _moments(edges)[1], dark, bright, means)

    def numbers(self) -> list[int]:
        """Channel by channel within each pixel."""
        if self.kind.name == "GRAY16":
            return list(struct.unpack(f"<{len(self.pixels) // 2}H", self.pixels))
        return list(self.pixels)

    def to_tensor(self, spec: Any) -> Tensor:
        return batch_to_tensor([self], spec)


def luma(red: int, green: int, blue: int) -> int:
    """Of a colour."""
    return (77 * red + 150 * green + 29 * blue + 128) >> 8


def batch_to_tensor(images: list[Image], spec: Any) -> Tensor:
    """`assay:plugin/imaging.batch-to-tensor`."""
    if not images or any((image.size, image.kind) != (images[0].size, images[0].kind) for image in images):
        raise _bad("a batch has pictures of one size and format, at least one")
    (width, height), channels = images[0].size, CHANNELS[images[0].kind.name]
    fp32 = spec.element.name == "FP32"
    if fp32 and not all(len(values) in (1, channels) for values in (spec.mean, spec.scale)):
        raise _bad(f"mean and scale have 1 value or {channels}")
    planar = spec.layout.name == "NCHW"
    values: list[float] = []
    for image in images:
        numbers = image.numbers()
        planes = [numbers[channel::channels] for channel in range(channels)]
        if fp32:
            many = [(spec.mean * channels)[:channels], (spec.scale * channels)[:channels]]
            planes = [[(v - many[0][c]) / many[1][c] for v in plane] for c, plane in enumerate(planes)]
        order = planes if planar else zip(*planes, strict=True)
        values += [value for group in order for value in group]
    sides = [len(images), channels, height, width] if planar else [len(images), height, width, channels]
    data = struct.pack(f"<{len(values)}f", *values) if fp32 else bytes(int(value) for value in values)
    return Tensor(sides, wit.tensor.TensorType.FP32 if fp32 else wit.tensor.TensorType.U8, data)


def _moments(values: list[int]) -> tuple[float, float]:
    """Mean and population variance."""
    if not values:
        return 0.0, 0.0
    mean = sum(values) / len(values)
    return mean, sum((value - mean) ** 2 for value in values) / len(values)
