"""Which values a weight may take: powers of two (`log`) or whatever fits best (`codebook`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import KitError
from .container import Codebook

KINDS = ("log", "codebook")
BINS = 1 << 14
ROUNDS = 60


def encode_floats(weights: NDArray[np.float32], kind: str, bits: int) -> Codebook:
    """A book for float weights [out, ...]; every output channel has its own scale, its largest weight."""
    rows = weights.reshape(len(weights), -1).astype(np.float32)
    scales = np.abs(rows).max(1)
    scales[scales == 0] = 1
    unit = rows / scales[:, None]
    book = log_book(bits) if kind == "log" else _fitted(unit, bits)
    return Codebook(book, scales, nearest(book, unit.reshape(-1)))


def encode_bytes(weights: NDArray[np.int8], kind: str, bits: int) -> Codebook:
    """A book for int8 weights; their scales are in the graph already."""
    flat = weights.reshape(-1)
    if kind == "log":
        book = np.unique(np.rint(log_book(bits, levels=8) * 127)).astype(np.int8)
    else:
        book = np.unique(np.rint(_fitted(flat.astype(np.float32), bits))).astype(np.int8)
    return Codebook(book, np.empty(0, np.float32), nearest(book.astype(np.float32), flat.astype(np.float32)))


def log_book(bits: int, levels: int | None = None) -> NDArray[np.float32]:
    """0 and plus and minus the powers of two from 1 downwards: LogNet's alphabet, 2^bits - 1 values."""
    _check(bits)
    count = 2 ** (bits - 1) - 1
    powers = 2.0 ** -np.arange(min(count, levels) if levels else count, dtype=np.float32)
    return np.concatenate([-powers, [0], powers[::-1]]).astype(np.float32)


def _fitted(values: NDArray[np.float32], bits: int) -> NDArray[np.float32]:
    """Lloyd's algorithm on a histogram: 2^bits values with the least squared error. No chance in it."""
    _check(bits)
    flat = values.reshape(-1).astype(np.float64)
    low, high = flat.min(), flat.max()
    if low == high:
        return np.array([low], np.float32)
    counts, edges = np.histogram(flat, BINS, (low, high))
    middles = (edges[:-1] + edges[1:]) / 2
    book = np.linspace(low, high, 2**bits)
    for _ in range(ROUNDS):
        group = np.searchsorted((book[:-1] + book[1:]) / 2, middles)
        weight = np.bincount(group, counts, len(book))
        total = np.bincount(group, counts * middles, len(book))
        moved = np.where(weight > 0, total / np.maximum(weight, 1), book)
        if np.array_equal(moved, book):
            break
        book = np.sort(moved)
    return np.unique(book.astype(np.float32))


def nearest(book: NDArray[Any], values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The place in a sorted book of the entry nearest to each value."""
    return np.searchsorted((book[:-1] + book[1:]) / 2, values).astype(np.uint8)


def _check(bits: int) -> None:
    if not 2 <= bits <= 8:
        raise KitError(f"a book has 2 to 8 bits, not {bits}")
