"""Small numeric helpers that many plugins need."""

from __future__ import annotations

from collections.abc import Iterable
from math import exp, isfinite


def softmax(logits: Iterable[float], temperature: float = 1.0) -> list[float] | None:
    """Probabilities of logits, computed so that large logits do not overflow. A `temperature` above 1 flattens, below
    1 sharpens. None for no logits, a logit that is not finite, or a temperature that is not above 0."""
    values = list(logits)
    if not values or not temperature > 0 or not all(isfinite(value) for value in values):
        return None
    top = max(values)
    powers = [exp((value - top) / temperature) for value in values]
    total = sum(powers)
    return [power / total for power in powers]


def l1_distance(a: Iterable[float], b: Iterable[float]) -> float:
    """Sum of the absolute differences: 0 to 2 for two lists of probabilities."""
    return sum(abs(x - y) for x, y in zip(a, b, strict=False))
