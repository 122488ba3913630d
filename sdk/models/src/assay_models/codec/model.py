"""From an ONNX file to a container: weights are rounded to books, and the rest is copied.

The ONNX file that the container decodes to is written too: figures are taken from that file, which is what the
station will run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper

from ..errors import KitError
from .books import encode_bytes, encode_floats
from .container import Codebook, Copy, Segment, decode, encode

# Below this a book costs more than it saves.
LEAST_VALUES = 128
WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")


@dataclass
class Encoded:
    """A model with rounded weights, and its container."""

    onnx: bytes
    container: bytes
    tensors: int
    largest_error: float  # of a weight, in shares of its channel's largest


def encode_model(model: onnx.ModelProto, kind: str, bits: int) -> Encoded:
    """Rounds the weights of convolutions and products to books of `bits`, and packs the file."""
    names = _weights(model)
    books: list[tuple[bytes, Codebook]] = []
    error = 0.0
    for tensor in model.graph.initializer:
        if tensor.name not in names or int(np.prod(tensor.dims)) < LEAST_VALUES:
            continue
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32:
            book = encode_floats(values, kind, bits)
        elif values.dtype == np.int8:
            book = encode_bytes(values, kind, bits)
        else:
            continue
        rounded = book.values().reshape(values.shape)
        error = max(error, float(np.abs(rounded.astype(np.float64) - values).max() / max(np.abs(values).max(), 1e-12)))
        tensor.CopyFrom(numpy_helper.from_array(rounded.astype(values.dtype), tensor.name))
        books.append((tensor.raw_data, book))
    if not books:
        raise KitError(f"the model has no weights of {LEAST_VALUES} values and more to encode")
    data = model.SerializeToString(deterministic=True)
    container = encode(_cut(data, books))
    if decode(container) != data:
        raise KitError("the container does not decode to its model; this is a mistake of the kit, please report it")
    return Encoded(data, container, len(books), error)


def _weights(model: onnx.ModelProto) -> set[str]:
    """Initialisers that convolutions and products multiply with, also behind a DequantizeLinear."""
    behind = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
    read = {node.input[1] for node in model.graph.node if node.op_type in WEIGHTED and len(node.input) > 1}
    return {behind.get(name, name) for name in read}


def _cut(data: bytes, books: list[tuple[bytes, Codebook]]) -> list[Segment]:
    """Finds the weights in the serialised file, in the order in which they were written."""
    segments: list[Segment] = []
    at = 0
    for raw, book in books:
        place = data.find(raw, at)
        if place < 0:
            raise KitError(
                "a weight is not where the file should have it; this is a mistake of the kit, please report it"
            )
        if place > at:
            segments.append(Copy(data[at:place]))
        segments.append(book)
        at = place + len(raw)
    if at < len(data):
        segments.append(Copy(data[at:]))
    return segments
