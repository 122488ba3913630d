"""Figures with their uncertainty."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

Z95 = 1.959964
ECE_BINS = 15


def wilson(hits: int, total: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's 95 % interval of a share; (0, 1) where nothing was counted."""
    if total == 0:
        return 0.0, 1.0
    share, centre = hits / total, hits / total + z * z / (2 * total)
    half = z * sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return (centre - half) / (1 + z * z / total), (centre + half) / (1 + z * z / total)


def share(hits: int, total: int) -> dict[str, Any]:
    """A share for a report card."""
    low, high = wilson(hits, total)
    value = round(hits / total, 4) if total else None
    return {"value": value, "wilson95": [round(low, 4), round(high, 4)], "n": total}


def quality(logits: NDArray[np.float32], truth: NDArray[np.int64], labels: list[str]) -> dict[str, Any]:
    """Accuracy, recall, precision and F1 per class, and the confusion matrix (row = truth).

    The interval of an F1 is Wilson's on 2 TP of 2 TP + FP + FN: F1 is that share.
    """
    answers = logits.argmax(1)
    confusion = np.zeros((len(labels), len(labels)), int)
    np.add.at(confusion, (truth, answers), 1)
    per_class, f1s = {}, []
    for k, label in enumerate(labels):
        right, of_class, named = int(confusion[k, k]), int(confusion[k].sum()), int(confusion[:, k].sum())
        f1 = share(2 * right, of_class + named)
        per_class[label] = {"recall": share(right, of_class), "precision": share(right, named), "f1": f1}
        if of_class:
            f1s.append(f1["value"] or 0.0)
    return {
        "accuracy": share(int(np.trace(confusion)), len(truth)),
        "macro_f1": round(float(np.mean(f1s)), 4),
        "per_class": per_class,
        "confusion": confusion.tolist(),
    }


def calibration_error(probabilities: NDArray[np.float32], truth: NDArray[np.int64], bins: int = ECE_BINS) -> float:
    """Expected calibration error: how far certainty and accuracy lie apart, over bins of equal width."""
    certain, right = probabilities.max(1), probabilities.argmax(1) == truth
    place = np.minimum((certain * bins).astype(int), bins - 1)
    total = 0.0
    for k in range(bins):
        inside = place == k
        if inside.any():
            total += inside.mean() * abs(float(certain[inside].mean()) - float(right[inside].mean()))
    return round(float(total), 5)


def auroc(scores: NDArray[np.floating[Any]], positive: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: the chance that a positive scores higher than a negative (ties count half)."""
    order = np.argsort(scores, kind="stable")
    ranks = np.empty(len(scores))
    values = np.asarray(scores)[order]
    starts = np.flatnonzero(np.r_[True, values[1:] != values[:-1]])
    ends = np.r_[starts[1:], len(values)]
    for start, end in zip(starts, ends, strict=True):
        ranks[order[start:end]] = (start + end + 1) / 2
    count = int(positive.sum())
    other = len(scores) - count
    if count == 0 or other == 0:
        return float("nan")
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * other))


def threshold_at(clean: NDArray[np.floating[Any]], rate: float) -> float:
    """The score that this share of clean pictures exceeds; flagged is what scores more."""
    ordered = np.sort(clean)
    return float(ordered[int(np.ceil(len(ordered) * (1 - rate))) - 1])
