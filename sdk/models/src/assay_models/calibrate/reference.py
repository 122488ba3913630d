"""reference.json: what clean pictures look like, for the plugins that watch for drift and attacks.

`features`, `labels` and `temperature` are as they always were; `softmax`, `embedding` and `detectors` are for whoever
knows them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.pictures import Dataset, Item, Pictures, fit, read_picture
from ..errors import KitError
from ..onnxfile.runtime import Runner, softmax
from ..progress import Progress, Stop, say
from ..stats import calibration_error, threshold_at
from . import squeezing
from .embedding import describe_embedding
from .statistics import STATISTICS, describe, rounded, statistics
from .temperature import best_temperature

RATES = (0.05, 0.01)
LEAST = 20
SQUEEZED = 600


@dataclass(frozen=True)
class Temperatures:
    """The one that the bundle states, at which monitors see probabilities, and the one that `adv-squeeze` is set to."""

    bundle: float
    detector: float


def build(
    runner: Runner, dataset: Dataset, items: list[Item], name: str, temperatures: Temperatures, stop: Stop
) -> dict[str, Any]:
    """Everything from the clean pictures `items`."""
    pictures, measured = _measure(dataset, items, runner.model.size, stop)
    if len(pictures) < LEAST:
        raise KitError(f"{len(pictures)} clean pictures are too few for a reference; at least {LEAST}, better 1000")
    names = [runner.model.logits] + ([runner.model.embedding] if runner.model.embedding else [])
    found = runner.outputs(pictures.pixels, names)
    logits = found[0]
    if logits.shape[1] != len(dataset.labels):
        raise KitError(f"the model answers with {logits.shape[1]} classes, the data has {len(dataset.labels)}")
    sure = softmax(logits)
    features = [describe(key, np.array([m[key] for m in measured])) for key in STATISTICS]
    stated = softmax(logits / np.float32(temperatures.bundle))
    features.append(describe("max_prob", stated.max(1).astype(np.float64)))
    best = best_temperature(logits, pictures.labels)
    reference: dict[str, Any] = {
        "schema": 1,
        "model": name,
        "features": features,
        "labels": dataset.labels,
        "temperature": best,
        "calibration_error": {
            "before": calibration_error(sure, pictures.labels),
            "after": calibration_error(softmax(logits / best), pictures.labels),
        },
        "softmax": {
            "mean": rounded(stated.mean(0)),
            "counts": dict(Counter(dataset.labels[k] for k in logits.argmax(1))),
        },
    }
    if runner.model.embedding:
        reference["embedding"] = describe_embedding(runner.model.embedding, found[1])
    reference["detectors"] = [_squeeze(runner, pictures, temperatures.detector)]
    return reference


def _measure(dataset: Dataset, items: list[Item], size: int, stop: Stop) -> tuple[Pictures, list[dict[str, float]]]:
    """Statistics at the camera's size, pixels at the model's, of the pictures that can be read."""
    pixels, labels, paths, measured, skipped = [], [], [], [], []
    progress = Progress("measuring", len(items))
    for item in items:
        stop.check("nothing was written; the same command begins anew")
        try:
            picture = read_picture(item.path)
        except (OSError, ValueError) as error:
            skipped.append(f"{item.path}: {error}")
        else:
            measured.append(statistics(picture))
            pixels.append(fit(picture, size))
            labels.append(dataset.labels.index(item.label))
            paths.append(item.path)
        progress.step()
    for line in skipped:
        say(f"  cannot be read and is skipped: {line}")
    if not pixels:
        raise KitError(f"none of the {len(items)} pictures can be read")
    return Pictures(np.stack(pixels), np.array(labels, np.int64), paths, skipped), measured


def _squeeze(runner: Runner, pictures: Pictures, temperature: float) -> dict[str, Any]:
    """Thresholds of `adv-squeeze` at stated shares of false alarms, from pictures spread over all classes."""
    places = np.linspace(0, len(pictures) - 1, min(SQUEEZED, len(pictures))).round().astype(np.int64)
    some = pictures.take(places)
    found = squeezing.scores(lambda p: softmax(runner.logits(p) / np.float32(temperature)), some.pixels)
    return {
        "name": "adv-squeeze",
        "score": "largest L1 distance of the probabilities: 5 bits, median 3 x 3, JPEG 75",
        "temperature": temperature,
        "thresholds": {f"{rate:g}": float(f"{threshold_at(found, rate):.6g}") for rate in RATES},
        "n": len(some),
    }
