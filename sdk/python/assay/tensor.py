"""Tensors as handles, and as Python's own arrays."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from math import prod
from typing import Any

from wit_world.imports import tensor as wit

from ._call import Handle
from .errors import UnsupportedInput


class TensorType(str, Enum):
    """What a tensor holds."""

    FP16 = "fp16"
    FP32 = "fp32"
    FP64 = "fp64"
    BF16 = "bf16"
    U8 = "u8"
    I32 = "i32"
    I64 = "i64"


#: Bytes of one element, and the type code of the array that `values` gives. The half floats become `f`.
_SIZE = {"fp16": 2, "fp32": 4, "fp64": 8, "bf16": 2, "u8": 1, "i32": 4, "i64": 8}
_CODE = {"fp16": "f", "fp32": "f", "fp64": "d", "bf16": "f", "u8": "B", "i32": "i", "i64": "q"}


class Tensor(Handle):
    """A tensor that the host holds: row-major, little-endian. Making one from numbers copies them out once, reading
    copies them in once; handing one on (to a model, to the stages behind) copies nothing, and ends this object."""

    __slots__ = ()

    @classmethod
    def from_f32(cls, shape: Sequence[int], values: Iterable[float]) -> Tensor:
        """A tensor of 32-bit floats from row-major numbers: a list, an `array`, anything that gives numbers."""
        numbers = values if isinstance(values, array) and values.typecode == "f" else array("f", values)
        return cls.from_bytes(shape, TensorType.FP32, numbers.tobytes())

    @classmethod
    def from_u8(cls, shape: Sequence[int], values: Iterable[int]) -> Tensor:
        """A tensor of bytes."""
        return cls.from_bytes(shape, TensorType.U8, bytes(values))

    @classmethod
    def from_bytes(cls, shape: Sequence[int], type: TensorType | str, data: bytes) -> Tensor:
        """A tensor of any type from its bytes as they lie in memory."""
        kind = TensorType(type)
        sides = [int(side) for side in shape]
        if any(side < 0 for side in sides) or prod(sides) * _SIZE[kind.value] != len(data):
            raise UnsupportedInput(f"a tensor of shape {sides} and type {kind.value} does not hold {len(data)} bytes")
        return cls(wit.Tensor(sides, wit.TensorType[kind.name], bytes(data)))

    @property
    def shape(self) -> tuple[int, ...]:
        """Sides, outermost first; `(1, 3, 224, 224)` for one colour picture in NCHW."""
        return tuple(self._live().dimensions())

    @property
    def type(self) -> TensorType:
        """What it holds."""
        return TensorType[self._live().ty().name]

    def to_bytes(self) -> bytes:
        """The bytes as they lie in memory."""
        return bytes(self._live().data())

    def values(self) -> array[Any]:
        """The numbers in row-major order, whatever the type: an `array` of `f`, `d`, `B`, `i` or `q`."""
        kind, data = self.type.value, self.to_bytes()
        if kind == "fp16":
            return array("f", struct.unpack(f"<{len(data) // 2}e", data))
        if kind == "bf16":
            # The upper half of a 32-bit float.
            return array("f", b"".join(b"\0\0" + data[at : at + 2] for at in range(0, len(data), 2)))
        return array(_CODE[kind], data)

    def to_f32(self) -> array[float]:
        """The numbers of a tensor of 32-bit floats as an `array`. `UnsupportedInput` where it holds another type."""
        if self.type is not TensorType.FP32:
            raise UnsupportedInput(f"expected a tensor of fp32, found {self.type.value}")
        return self.values()

    def rows(self) -> list[array[Any]]:
        """One array per item of the outermost side: the answers of a batch."""
        values, count = self.values(), self.shape[0] if self.shape else 1
        length = len(values) // count if count else 0
        return [values[at * length : (at + 1) * length] for at in range(count)]

    def copy(self) -> Tensor:
        """A second tensor with the same numbers: for a model that gets a tensor which is needed again."""
        return Tensor.from_bytes(self.shape, self.type, self.to_bytes())

    def __repr__(self) -> str:
        return "Tensor(released)" if self._raw is None else f"Tensor({list(self.shape)}, {self.type.value})"


class Tensors(Mapping[str, Tensor]):
    """Tensors by name, in the order in which the host gave them."""

    def __init__(self, raw: Iterable[tuple[str, Any]]) -> None:
        self._tensors = {name: Tensor(handle) for name, handle in raw}

    def __getitem__(self, name: str) -> Tensor:
        try:
            return self._tensors[name]
        except KeyError:
            names = ", ".join(self._tensors) or "none"
            raise UnsupportedInput(f"no tensor {name!r}; there are: {names}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._tensors

    def get(self, name: str, default: Any = None) -> Any:
        """The tensor of that name, or `default`."""
        return self._tensors.get(name, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)
