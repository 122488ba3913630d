"""Writes the fixture that the host's decoder is held against: `python -m assay_models.codec.fixture FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from ..files import write_bytes
from .books import encode_bytes, encode_floats
from .container import Copy, Segment, decode, encode

SEED = 20261124


def mixed() -> list[Segment]:
    """Every kind of segment: copied bytes, float books with a scale per group (log and fitted), an int8 book."""
    rng = np.random.default_rng(SEED)
    floats = (rng.standard_normal((12, 40)) * np.geomspace(1e-3, 8, 12)[:, None]).astype(np.float32)
    floats[3] = 0  # a channel without weights
    whole = np.clip(np.rint(rng.standard_normal(600) * 40), -128, 127).astype(np.int8)
    return [
        Copy(b"before the weights\0"),
        encode_floats(floats, "log", 4),
        encode_floats(floats[:5], "codebook", 5),
        Copy(bytes(range(256))),
        encode_bytes(whole, "codebook", 4),
        encode_bytes(whole, "log", 4),
    ]


def main() -> None:
    folder = Path(sys.argv[1])
    container = encode(mixed())
    write_bytes(folder / "mixed.awc", container)
    write_bytes(folder / "mixed.bin", decode(container))


if __name__ == "__main__":
    main()
