"""The container: segments that are copied and segments that are looked up in a book, deflated together.

    offset 0   8 bytes   "ASSAYWC1"
    offset 8   u32 LE    length of the header
    offset 12  header    JSON
    then       one zlib stream to the end of the file

Nothing here knows ONNX. The host has a decoder of its own; `tests/fixtures/weights-codec` holds both to the same bytes.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import KitError
from ..files import sha256

MAGIC = b"ASSAYWC1"
CODEC = "assay-weights-1"
MAX_HEADER = 1 << 20
MAX_DECODED = 256 << 20
MAX_SEGMENTS = 1 << 16
MAX_GROUPS = 1 << 16
MAX_ENTRIES = 256
TYPES: dict[str, np.dtype[Any]] = {"f32": np.dtype("<f4"), "i8": np.dtype("i1")}
FIELDS = {
    "header": {"schema", "decoded_bytes", "decoded_sha256", "payload_bytes", "segments"},
    "copy": {"kind", "bytes"},
    "codebook": {"kind", "type", "values", "groups", "entries"},
}


@dataclass
class Copy:
    """Bytes that stay as they are."""

    data: bytes

    def head(self) -> dict[str, Any]:
        return {"kind": "copy", "bytes": len(self.data)}

    def payload(self) -> bytes:
        return self.data

    def decoded(self) -> bytes:
        return self.data


@dataclass
class Codebook:
    """Values that are `scales[group] * book[index]`; int8 has no scales."""

    book: NDArray[Any]  # [entries], f32 or i8
    scales: NDArray[np.float32]  # [groups]; empty for i8
    index: NDArray[np.uint8]  # [values]

    @property
    def type(self) -> str:
        return "i8" if self.book.dtype == np.int8 else "f32"

    def head(self) -> dict[str, Any]:
        groups = len(self.scales) if self.type == "f32" else 1
        sizes = {"values": len(self.index), "groups": groups, "entries": len(self.book)}
        return {"kind": "codebook", "type": self.type, **sizes}

    def payload(self) -> bytes:
        scales = self.scales.astype("<f4").tobytes() if self.type == "f32" else b""
        return self.book.astype(TYPES[self.type]).tobytes() + scales + self.index.tobytes()

    def decoded(self) -> bytes:
        return self.values().astype(TYPES[self.type]).tobytes()

    def values(self) -> NDArray[Any]:
        """One multiplication in float32 per value, so that every language gets the same bits."""
        found = self.book[self.index]
        if self.type == "i8":
            return found
        rows = found.astype(np.float32).reshape(len(self.scales), -1)
        product: NDArray[np.float32] = (rows * self.scales.astype(np.float32)[:, None]).reshape(-1)
        return product


Segment = Copy | Codebook


def encode(segments: list[Segment]) -> bytes:
    """The container of a file made of `segments`."""
    decoded = b"".join(segment.decoded() for segment in segments)
    payload = b"".join(segment.payload() for segment in segments)
    header = {
        "schema": 1,
        "decoded_bytes": len(decoded),
        "decoded_sha256": sha256(decoded),
        "payload_bytes": len(payload),
        "segments": [segment.head() for segment in segments],
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    if len(text) > MAX_HEADER or len(segments) > MAX_SEGMENTS or max(len(decoded), len(payload)) > MAX_DECODED:
        raise KitError(f"the model is too large for {CODEC}: {len(decoded)} bytes in {len(segments)} segments")
    return MAGIC + struct.pack("<I", len(text)) + text + zlib.compress(payload, 9)


def decode(data: bytes) -> bytes:
    """The file inside a container; refuses what is not exactly one."""
    header, stream = _header(data)
    sizes = [_sizes(k, segment) for k, segment in enumerate(header["segments"])]
    for name, found in zip(("payload_bytes", "decoded_bytes"), map(sum, zip(*sizes, strict=True)), strict=True):
        if found != header[name]:
            raise KitError(f"the container's segments add up to {found} bytes, its header says {name} = {header[name]}")
    payload = _inflate(stream, header["payload_bytes"])
    parts, at = [], 0
    for segment, (length, _) in zip(header["segments"], sizes, strict=True):
        parts.append(_decode_segment(segment, payload[at : at + length]))
        at += length
    decoded = b"".join(parts)
    if sha256(decoded) != header["decoded_sha256"]:
        raise KitError("the container decodes to other bytes than its header names: it is damaged")
    return decoded


def _header(data: bytes) -> tuple[dict[str, Any], bytes]:
    if data[:8] != MAGIC or len(data) < 12:
        raise KitError(f"not a container of {CODEC}: it begins with {data[:8]!r}, expected {MAGIC!r}")
    (length,) = struct.unpack("<I", data[8:12])
    if not 2 <= length <= MAX_HEADER or 12 + length > len(data):
        raise KitError(
            f"the container's header has {length} bytes; 2 to {MAX_HEADER} are allowed, and they have to be there"
        )
    try:
        header = json.loads(data[12 : 12 + length])
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise KitError(f"the container's header is not JSON: {error}") from error
    if not isinstance(header, dict) or set(header) != FIELDS["header"] or header["schema"] != 1:
        raise KitError(f"the container's header needs exactly {sorted(FIELDS['header'])} and schema 1")
    numbers = (header["decoded_bytes"], header["payload_bytes"])
    if not all(isinstance(n, int) and 0 < n <= MAX_DECODED for n in numbers):
        raise KitError(f"the container claims {numbers} bytes; 1 to {MAX_DECODED} are allowed")
    segments = header["segments"]
    if not isinstance(segments, list) or not 0 < len(segments) <= MAX_SEGMENTS:
        raise KitError(f"the container needs 1 to {MAX_SEGMENTS} segments")
    return header, data[12 + length :]


def _sizes(number: int, segment: Any) -> tuple[int, int]:
    """Bytes of a segment in the payload and in the decoded file."""
    kind = segment.get("kind") if isinstance(segment, dict) else None
    if kind not in ("copy", "codebook") or set(segment) != FIELDS[kind]:
        raise KitError(f"segment {number} is neither `copy` nor `codebook` with exactly their fields: {segment!r}")
    wrong = KitError(f"segment {number} has an impossible size: {segment!r}")
    counts = [value for name, value in segment.items() if name not in ("kind", "type")]
    if not all(isinstance(n, int) and 0 < n <= MAX_DECODED for n in counts):
        raise wrong
    if kind == "copy":
        return segment["bytes"], segment["bytes"]
    values, groups, entries = segment["values"], segment["groups"], segment["entries"]
    if segment["type"] not in TYPES or entries > MAX_ENTRIES or groups > MAX_GROUPS or values % groups:
        raise wrong
    if segment["type"] == "i8":
        if groups != 1:
            raise wrong
        return entries + values, values
    return 4 * entries + 4 * groups + values, 4 * values


def _inflate(stream: bytes, expected: int) -> bytes:
    """Never more than what the header promised, and nothing after the stream."""
    inflater = zlib.decompressobj()
    try:
        payload = inflater.decompress(stream, expected + 1)
        payload += inflater.flush(1) if len(payload) <= expected else b""
    except zlib.error as error:
        raise KitError(f"the container's stream cannot be inflated: {error}") from error
    if len(payload) != expected or not inflater.eof:
        raise KitError(f"the container's stream has not the {expected} bytes that its header promises")
    if inflater.unused_data:
        raise KitError(f"{len(inflater.unused_data)} bytes follow the container's stream")
    return payload


def _decode_segment(segment: dict[str, Any], payload: bytes) -> bytes:
    if segment["kind"] == "copy":
        return payload
    width = TYPES[segment["type"]].itemsize
    book = np.frombuffer(payload, TYPES[segment["type"]], segment["entries"])
    at = width * segment["entries"]
    scales = np.frombuffer(payload, "<f4", segment["groups"], at) if width == 4 else np.empty(0, np.float32)
    index = np.frombuffer(payload, np.uint8, segment["values"], at + 4 * len(scales))
    if index.max() >= segment["entries"]:
        raise KitError(f"the container looks up entry {index.max()} of a book with {segment['entries']}")
    if not (np.isfinite(book).all() and np.isfinite(scales).all()):
        raise KitError("the container has a book or a scale that is not a finite number")
    return Codebook(book, scales, index).decoded()
