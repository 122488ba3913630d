"""The weight codec: what it decodes to, and what it refuses."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from assay_models.codec.books import encode_bytes, encode_floats, log_book
from assay_models.codec.container import MAGIC, Copy, decode, encode
from assay_models.codec.fixture import mixed
from assay_models.codec.model import encode_model
from assay_models.errors import KitError

FIXTURE = Path(__file__).parents[3] / "tests" / "fixtures" / "weights-codec"


def test_the_committed_container_decodes_to_the_committed_bytes() -> None:
    assert decode((FIXTURE / "mixed.awc").read_bytes()) == (FIXTURE / "mixed.bin").read_bytes()


def test_the_fixture_is_what_its_program_writes() -> None:
    # The deflated bytes depend on zlib's version; what is in them does not.
    assert decode(encode(mixed())) == (FIXTURE / "mixed.bin").read_bytes()


def test_a_float_weight_is_its_scale_times_the_book() -> None:
    weights = np.array([[4.0, -2.0, 0.9, 0.0], [0.5, 0.25, -0.06, 0.3]], np.float32)
    book = encode_floats(weights, "log", 3)
    assert book.values().reshape(2, 4).tolist() == [[4.0, -2.0, 1.0, 0.0], [0.5, 0.25, 0.0, 0.25]]


def test_the_log_book_holds_powers_of_two_and_zero() -> None:
    assert log_book(3).tolist() == [-1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0]


def test_more_bits_never_round_worse() -> None:
    weights = np.random.default_rng(0).standard_normal((8, 64)).astype(np.float32)
    errors = [
        float(((encode_floats(weights, "codebook", bits).values().reshape(8, 64) - weights) ** 2).sum())
        for bits in (2, 4, 6, 8)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < errors[0] / 100


def test_int8_weights_stay_int8() -> None:
    weights = np.arange(-128, 128).astype(np.int8)
    assert encode_bytes(weights, "codebook", 8).values().dtype == np.int8
    assert np.abs(encode_bytes(weights, "codebook", 8).values().astype(int) - weights).max() <= 1


def test_the_model_inside_a_container_runs_and_is_smaller(model: Path) -> None:
    found = encode_model(onnx.load(model), "codebook", 4)
    assert decode(found.container) == found.onnx
    assert len(found.container) < len(found.onnx)
    x = np.zeros((1, 3, 32, 32), np.float32)
    assert np.isfinite(onnxruntime.InferenceSession(found.onnx).run(["logits"], {"input": x})[0]).all()


def rebuilt(change: dict[str, object] | None = None, payload: bytes | None = None, tail: bytes = b"") -> bytes:
    """A container of two segments, with something wrong in it."""
    header = {
        "schema": 1,
        "decoded_bytes": 7,
        "decoded_sha256": "0" * 64,
        "payload_bytes": 9,
        "segments": [
            {"kind": "copy", "bytes": 3},
            {"kind": "codebook", "type": "i8", "values": 4, "groups": 1, "entries": 2},
        ],
    }
    header.update(change or {})
    text = json.dumps(header).encode()
    return MAGIC + struct.pack("<I", len(text)) + text + zlib.compress(payload or b"abc\x05\x06\x00\x01\x00\x01") + tail


def test_only_the_digest_is_wrong_in_what_the_next_test_spoils() -> None:
    import hashlib

    good = rebuilt({"decoded_sha256": hashlib.sha256(b"abc\x05\x06\x05\x06").hexdigest()})
    assert decode(good) == b"abc\x05\x06\x05\x06"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"ONNX" + rebuilt()[4:], "not a container"),
        (rebuilt({"schema": 2}), "schema 1"),
        (rebuilt({"more": 1}), "exactly"),
        (rebuilt({"segments": []}), "segments"),
        (rebuilt({"segments": [{"kind": "copy", "bytes": 0}]}), "impossible size"),
        (rebuilt({"segments": [{"kind": "run", "bytes": 9}]}), "neither"),
        (rebuilt({"decoded_bytes": 8}), "add up"),
        (rebuilt({"payload_bytes": 10}), "add up"),
        (rebuilt({"decoded_bytes": 1 << 40}), "allowed"),
        (rebuilt(payload=b"abc\x05\x06\x00\x01\x00"), "promises"),
        (rebuilt(payload=b"abc\x05\x06\x00\x01\x00\x01\x00"), "promises"),
        (rebuilt(payload=b"abc\x05\x06\x00\x01\x00\x02"), "entry 2"),
        (rebuilt(tail=b"x"), "follow"),
        (rebuilt()[:-3], "promises"),
        (rebuilt(), "other bytes"),
        (MAGIC + struct.pack("<I", 1 << 30), "header has"),
    ],
)
def test_what_is_not_exactly_a_container_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(KitError, match=message):
        decode(data)


def test_a_scale_that_is_no_number_is_refused() -> None:
    book = encode_floats(np.ones((2, 4), np.float32), "log", 2)
    book.scales = np.array([np.nan, 1], np.float32)
    with pytest.raises(KitError, match="finite"):
        decode(encode([Copy(b"x"), book]))
