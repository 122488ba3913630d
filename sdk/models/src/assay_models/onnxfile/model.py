"""An ONNX classifier as the kit sees it: one picture input, logits, perhaps an embedding."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError

from ..codec.container import MAGIC, decode
from ..errors import KitError

DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
"""Operator sets that a station takes; `assay bundle pack` looks closer."""
MAX_BYTES = 256 << 20


@dataclass(frozen=True)
class Port:
    """An input or output; `None` is a side without a fixed size."""

    name: str
    shape: tuple[int | None, ...]
    type: str


@dataclass
class ModelFile:
    """A checked ONNX file."""

    path: Path
    data: bytes  # of the ONNX file, decoded where the file is a container of the weight codec
    stored_bytes: int
    proto: onnx.ModelProto
    input: Port
    outputs: list[Port]
    mean: float = 127.0
    scale: float = 128.0

    @property
    def size(self) -> int:
        """Pixels per side."""
        side = self.input.shape[2]
        assert side is not None
        return side

    @property
    def logits(self) -> str:
        """The output with the classes: the one of that name, or the first with two sides."""
        named = next((port.name for port in self.outputs if port.name == "logits"), None)
        flat = next((port.name for port in self.outputs if len(port.shape) == 2), None)
        if named is None and flat is None:
            raise KitError(f"{self.path} has no output [N, classes]; it has {', '.join(p.name for p in self.outputs)}")
        return str(named or flat)

    @property
    def embedding(self) -> str | None:
        return next((port.name for port in self.outputs if port.name == "embedding"), None)

    def operators(self) -> dict[str, int]:
        return dict(sorted(Counter(node.op_type for node in self.proto.graph.node).items()))


def open_model(path: Path, mean: float = 127.0, scale: float = 128.0) -> ModelFile:
    """Reads and checks a file; says what a station would refuse it for."""
    try:
        stored = path.read_bytes()
    except OSError as error:
        raise KitError(f"{path} cannot be read: {error}") from error
    data = decode(stored) if stored.startswith(MAGIC) else stored
    if not 0 < len(data) <= MAX_BYTES:
        raise KitError(f"{path} has {len(data)} bytes; 1 to {MAX_BYTES} are allowed")
    proto = parse(data, str(path))
    inputs, outputs = ports(proto)
    if len(inputs) != 1:
        raise KitError(
            f"{path} has {len(inputs)} inputs ({', '.join(p.name for p in inputs)}); one picture is expected"
        )
    _check_input(path, inputs[0])
    return ModelFile(path, data, len(stored), proto, inputs[0], outputs, mean, scale)


def parse(data: bytes, name: str) -> onnx.ModelProto:
    """The graph of an ONNX file, with what no station takes refused."""
    try:
        proto = onnx.load_from_string(data)
        onnx.checker.check_model(proto, full_check=False)
    except (DecodeError, onnx.checker.ValidationError, ValueError) as error:
        raise KitError(f"{name} is no valid ONNX file: {error}") from error
    outside = [t.name for t in proto.graph.initializer if t.data_location == onnx.TensorProto.EXTERNAL]
    if outside:
        raise KitError(f"{name} keeps weights in other files ({outside[0]}, ...); save it with everything inside")
    strange = sorted({f"{node.domain}.{node.op_type}" for node in proto.graph.node if node.domain not in DOMAINS})
    if strange:
        raise KitError(f"{name} uses operators that no backend of a station knows: {', '.join(strange)}")
    return proto


def ports(proto: onnx.ModelProto) -> tuple[list[Port], list[Port]]:
    """Inputs (weights left out) and outputs."""
    weights = {tensor.name for tensor in proto.graph.initializer}
    inputs = [_port(value) for value in proto.graph.input if value.name not in weights]
    return inputs, [_port(value) for value in proto.graph.output]


def _port(value: Any) -> Port:
    tensor = value.type.tensor_type
    sides = tuple(
        side.dim_value if side.HasField("dim_value") and side.dim_value > 0 else None for side in tensor.shape.dim
    )
    return Port(value.name, sides, onnx.TensorProto.DataType.Name(tensor.elem_type).lower())


def _check_input(path: Path, port: Port) -> None:
    shown = "x".join("?" if side is None else str(side) for side in port.shape) or "no shape at all"
    if len(port.shape) != 4 or None in port.shape[1:]:
        raise KitError(
            f"the input {port.name} of {path} has the shape {shown}: all sides but the first have to be fixed, as in "
            "Nx3x224x224. Export it again with a fixed size (dynamic batch only)"
        )
    if port.type != "float" or port.shape[1] != 3 or port.shape[2] != port.shape[3]:
        raise KitError(f"the input {port.name} of {path} is {port.type} {shown}; a square float Nx3xSxS is expected")
