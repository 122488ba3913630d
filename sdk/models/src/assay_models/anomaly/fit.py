"""Fits the one-class model on good training pictures, sets its threshold on good validation ones, and measures it.

No picture of a defect is looked at before the test.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..data.pictures import GOOD, Pictures
from ..errors import KitError
from ..export import export
from ..nets import LiteNet, pretrained
from ..onnxfile.model import open_model
from ..onnxfile.runtime import Runner, softmax
from ..progress import Progress, Stop, say
from ..stats import auroc, share, threshold_at
from ..train.loop import to_tensor
from .padim import AnomalyNet, Gaussians, Trunk, cuts, whiten

OUTPUTS = ("logits", "score", "heatmap")
LABELS = [GOOD, "anomalous"]
BATCH = 16
LEAST = 20
PER_PLACE_LEAST = 150
"""Pictures below which a covariance per place is more noise than knowledge."""


@dataclass(frozen=True)
class Settings:
    size: int
    features: int
    false_alarms: float
    seed: int


def fit_and_export(
    splits: dict[str, Pictures],
    labels: list[str],
    backbone: Path | None,
    settings: Settings,
    out: Path,
    stop: Stop,
    supervised: Path | None = None,
) -> dict[str, Any]:
    """Writes the ONNX file; returns the figures, all of them taken from that file."""
    good = {name: split.take(np.flatnonzero(split.labels == labels.index(GOOD))) for name, split in splits.items()}
    for name in ("train", "val"):
        if len(good[name]) < LEAST:
            raise KitError(f"{len(good[name])} good pictures in {name} are too few; at least {LEAST}")
    net, shared, spread = _fit(good, backbone, settings, stop)
    export(net, out, settings.size, OUTPUTS, "one-class model: fitted on good pictures only")
    figures: dict[str, Any] = {
        "labels": LABELS,
        "seed": settings.seed,
        "fitted_on": len(good["train"]),
        "gaussians": "shared by all places" if shared else "per place",
        "features": settings.features,
        "threshold": float(f"{net.threshold:.6g}"),
        "false_alarms_asked": settings.false_alarms,
        "validation_log_likelihood": spread,
        "bytes": out.stat().st_size,
    }
    if "test" in splits:
        figures |= _measure(out, splits["test"], labels, supervised)
    return figures


def _fit(
    good: dict[str, Pictures], backbone: Path | None, settings: Settings, stop: Stop
) -> tuple[AnomalyNet, bool, dict[str, float]]:
    trunk = _trunk(backbone, settings.seed)
    channels = trunk(torch.zeros(1, 3, settings.size, settings.size)).shape[1]
    order = np.random.default_rng(settings.seed).permutation(channels)[: settings.features]
    kept = torch.from_numpy(np.sort(order))
    say(f"anomaly: seed {settings.seed}, {len(kept)} of {channels} channels, {len(good['train'])} good pictures")
    train, val = (_features(trunk, kept, good[name], stop) for name in ("train", "val"))
    candidates = {True: whiten(train, shared=True)}
    if len(train) >= PER_PLACE_LEAST:
        candidates[False] = whiten(train, shared=False)
    likelihood = {shared: _likelihood(found, val) for shared, found in candidates.items()}
    shared = max(likelihood, key=lambda way: likelihood[way])
    net = AnomalyNet(trunk, kept, candidates[shared]).eval()
    _set_threshold(net, good["val"], settings.false_alarms, stop)
    named = {"shared" if way else "per place": round(value, 3) for way, value in likelihood.items()}
    return net, shared, named


def _trunk(backbone: Path | None, seed: int) -> Trunk:
    torch.manual_seed(seed)
    if backbone is None:
        net: LiteNet = pretrained("lite0", 2, 9)
    else:
        from ..train import checkpoint

        net = checkpoint.load(backbone).net
    net = net.to(memory_format=torch.contiguous_format).requires_grad_(False).eval()  # type: ignore[call-overload]
    return Trunk(net, cuts(net)).eval()


def _features(trunk: Trunk, kept: Tensor, pictures: Pictures, stop: Stop) -> Tensor:
    parts, progress = [], Progress("features of good pictures", len(pictures))
    with torch.inference_mode():
        for k in range(0, len(pictures), BATCH):
            stop.check("nothing was written; the same command begins anew")
            x = to_tensor(pictures.pixels[k : k + BATCH]).contiguous()
            parts.append(torch.index_select(trunk(x), 1, kept))
            progress.step(by=len(x))
    return torch.cat(parts).clone()


def _likelihood(gaussians: Gaussians, features: Tensor) -> float:
    """Mean log-likelihood of a good validation cell, up to a constant: which of the two ways knows the good ones better."""
    with torch.inference_mode():
        squared = gaussians(features).double() ** 2
    whitener = gaussians.whitener.double()
    log_det = torch.logdet(whitener) if whitener.dim() == 2 else torch.logdet(whitener).mean()
    return float(log_det - 0.5 * squared.mean())


def _set_threshold(net: AnomalyNet, good: Pictures, false_alarms: float, stop: Stop) -> None:
    """The distance that this share of good pictures exceeds; the curve is steep enough to tell one spread apart."""
    worst = []
    with torch.inference_mode():
        for k in range(0, len(good), BATCH):
            stop.check("nothing was written; the same command begins anew")
            worst.append(net.distances(to_tensor(good.pixels[k : k + BATCH]).contiguous()).amax((1, 2, 3)))
    found = torch.cat(worst).numpy().astype(np.float64)
    net.threshold = threshold_at(found, false_alarms)
    net.steepness = float(2 / max(found.std(), 1e-6))


def _measure(out: Path, test: Pictures, labels: list[str], supervised: Path | None) -> dict[str, Any]:
    runner = Runner(open_model(out))
    logits = runner.outputs(test.pixels, ["logits"])[0]
    bad = test.labels != labels.index(GOOD)
    if bad.all() or not bad.any():
        say("the test has good or bad pictures only: no AUROC")
        return {}
    flagged = logits.argmax(1) == 1
    figures: dict[str, Any] = {
        "image_auroc": round(auroc(logits[:, 1], bad), 4),
        "test_pictures": len(test),
        "false_alarms": share(int(flagged[~bad].sum()), int((~bad).sum())),
        "found": share(int(flagged[bad].sum()), int(bad.sum())),
        "auroc_per_class": _per_class(logits[:, 1], test.labels, labels),
    }
    if supervised:
        scores = 1 - softmax(Runner(open_model(supervised)).logits(test.pixels))[:, labels.index(GOOD)]
        figures["supervised_auroc"] = round(auroc(scores, bad), 4)
    return figures


def _per_class(scores: NDArray[np.float32], truth: NDArray[np.int64], labels: list[str]) -> dict[str, float]:
    good = truth == labels.index(GOOD)
    found = {}
    for k, label in enumerate(labels):
        of_class = truth == k
        if label != GOOD and of_class.any():
            both = good | of_class
            found[label] = round(auroc(scores[both], of_class[both]), 4)
    return found
