"""Makes the pictures of this folder: drawn by computation, so they are this repository's own.

    python3 plugins/statistics-rule/golden/make.py
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

SIDE = 32


def good(x: int, y: int) -> int:
    """A fine checkerboard: mean 128, sharp everywhere."""
    return 168 if (x // 2 + y // 2) % 2 else 88


def dark_corner(x: int, y: int) -> int:
    """The same with a dark lower right quarter."""
    return good(x, y) // 4 if x >= SIDE // 2 and y >= SIDE // 2 else good(x, y)


def flat_corner(x: int, y: int) -> int:
    """The same with an upper left quarter that has no structure."""
    return 128 if x < SIDE // 2 and y < SIDE // 2 else good(x, y)


PICTURES = {"good": good, "dark-corner": dark_corner, "flat-corner": flat_corner}


def pixels(name: str) -> bytes:
    return bytes(PICTURES[name](x, y) for y in range(SIDE) for x in range(SIDE))


def png(data: bytes) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
    rows = b"".join(b"\0" + data[row * SIDE : (row + 1) * SIDE] for row in range(SIDE))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


if __name__ == "__main__":
    for each in PICTURES:
        Path(__file__).with_name(f"{each}.png").write_bytes(png(pixels(each)))
