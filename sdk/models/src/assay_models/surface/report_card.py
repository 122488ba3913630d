"""Everything that is known about the model, in one file.

    python -m assay_models.surface.report_card --dataset build/dataset --out demo/report-card.json

Reads what the other commands wrote under build/ and demo/, measures accuracy on the whole test split and
latency on this machine, and writes report-card.json and, beside it, report-card.md. With `--assay` (or the variable
ASSAY) the station's backends are measured too, tract among them.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openvino
import torch
from numpy.typing import NDArray
from torch import nn

from ..files import read_json, write_json, write_text
from . import INPUT_SIZE, LABELS
from .card_text import as_markdown, percent
from .measure import Floats, Runner, normalise, wilson
from .network import SurfaceNet, load
from .station_latency import RUNS, measure_on_station
from .train import Pictures, load_split

DATA = "synthetic defects on real and procedural textures"
LATENCY_RUNS = 200
WARM_UP_RUNS = 20


@dataclass(frozen=True)
class Paths:
    """Where the parts lie."""

    weights: Path
    fp32: Path
    int8: Path
    dataset: Path
    training: Path
    detection: Path


def multiply_adds(net: SurfaceNet) -> int:
    """Multiply-accumulate operations for one 224 x 224 picture."""
    total = 0

    def count(layer: nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal total
        per_value = layer.weight[0].numel()  # kernel area times the inputs that one output sees
        total += output.numel() * per_value

    hooks = [m.register_forward_hook(count) for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    with torch.inference_mode():
        net(torch.zeros(1, 3, INPUT_SIZE, INPUT_SIZE))
    for hook in hooks:
        hook.remove()
    return total


def quality(logits: Floats, labels: NDArray[np.int64]) -> dict[str, object]:
    """Accuracy in all and per class with Wilson intervals, and the confusion matrix (row = truth)."""
    answers = logits.argmax(1)
    confusion = np.zeros((len(LABELS), len(LABELS)), int)
    np.add.at(confusion, (labels, answers), 1)
    per_class = {label: _share(int(confusion[k, k]), int(confusion[k].sum())) for k, label in enumerate(LABELS)}
    overall = _share(int(np.trace(confusion)), len(labels))
    return {"accuracy": overall, "per_class": per_class, "confusion": confusion.tolist()}


def _share(hits: int, total: int) -> dict[str, object]:
    low, high = wilson(hits, total)
    return {"value": round(hits / total, 4), "wilson95": [round(low, 4), round(high, 4)], "n": total}


def measure_latency(paths: Iterable[Path], example: Floats) -> list[dict[str, object]]:
    """Milliseconds for one picture on one thread, per file and backend.

    All take turns, so that whatever else the machine does slows all of them alike.
    """
    files = [{f"openvino {_version()}": _openvino(path), "onnxruntime": Runner(path).run} for path in paths]
    times: dict[tuple[int, str], list[float]] = {(k, name): [] for k, file in enumerate(files) for name in file}
    for _ in range(WARM_UP_RUNS + LATENCY_RUNS):
        for (k, name), measured in times.items():
            started = time.perf_counter()
            files[k][name](example)
            measured.append((time.perf_counter() - started) * 1000)
    return [{name: _percentiles(times[k, name][WARM_UP_RUNS:]) for name in file} for k, file in enumerate(files)]


def _percentiles(times: list[float]) -> dict[str, float]:
    best, p50, p95 = (round(float(t), 2) for t in np.percentile(times, (0, 50, 95)))
    return {"min_ms": best, "p50_ms": p50, "p95_ms": p95, "runs": len(times)}


def _version() -> str:
    return openvino.__version__.split("-")[0]


def _openvino(path: Path) -> Callable[[Floats], NDArray[np.float32]]:
    """The model on OpenVINO's processor plugin: one thread, float32 where it is not int8."""
    hints = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    compiled = openvino.Core().compile_model(path, "CPU", hints)
    return lambda x: compiled({"input": x})["logits"]


def _describe(path: Path, test: Pictures) -> dict[str, object]:
    """Size and quality of one ONNX file."""
    data, runner, other = path.read_bytes(), Runner(path), _openvino(path)
    logits = runner.logits(test.pixels)
    sample = test.pixels[:: max(1, len(test.pixels) // 200)]
    again = np.concatenate([other(normalise(picture[None])) for picture in sample])
    agreement = float((again.argmax(1) == runner.logits(sample).argmax(1)).mean())
    return {
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        **quality(logits, test.labels),
        "openvino_agrees_with_onnxruntime": {"value": agreement, "n": len(sample)},
    }


def build(paths: Paths) -> dict[str, object]:
    """The whole card."""
    net, test = load(paths.weights), load_split(paths.dataset, "test")
    index = read_json(paths.dataset / "index.json")
    splits = {s: {"pictures": len(v["rows"]), "digest": v["digest"]} for s, v in index["splits"].items()}
    card: dict[str, object] = {
        "schema": 1,
        "model": "surface",
        "data": DATA,
        "labels": list(LABELS),
        "input": {"name": "input", "shape": ["N", 3, INPUT_SIZE, INPUT_SIZE], "colour": "RGB", "scale": "(x-127)/128"},
        "outputs": {"logits": ["N", len(LABELS)], "embedding": ["N", net.classifier.in_features]},
        "parameters": sum(p.numel() for p in net.parameters()),
        "multiply_adds": multiply_adds(net),
        "dataset": {"seed": index["seed"], "splits": splits},
        "training": read_json(paths.training),
        "fp32": _describe(paths.fp32, test),
        "int8": _describe(paths.int8, test),
    }
    times = measure_latency((paths.fp32, paths.int8), normalise(test.pixels[:1]))
    for name, measured in zip(("fp32", "int8"), times, strict=True):
        card[name]["latency"] = measured
    gap = card["fp32"]["accuracy"]["value"] - card["int8"]["accuracy"]["value"]
    card["int8_loss_points"] = round(100 * gap, 2)
    if paths.detection.exists():
        card["adversarial_detection"] = read_json(paths.detection)
    return card


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=Path("build/surface.pt"))
    parser.add_argument("--fp32", type=Path, default=Path("build/surface-fp32.onnx"))
    parser.add_argument("--int8", type=Path, default=Path("demo/surface-int8.onnx"))
    parser.add_argument("--dataset", type=Path, default=Path("build/dataset"))
    parser.add_argument("--training", type=Path, default=Path("build/training.json"))
    parser.add_argument("--detection", type=Path, default=Path("build/detection.json"))
    parser.add_argument("--out", type=Path, default=Path("demo/report-card.json"))
    parser.add_argument("--assay", type=Path, default=os.environ.get("ASSAY"), help="the assay binary")
    args = parser.parse_args()
    torch.set_num_threads(1)
    card = build(Paths(args.weights, args.fp32, args.int8, args.dataset, args.training, args.detection))
    if args.assay:
        card["station_latency"] = measure_on_station((args.fp32, args.int8), Path(args.assay), RUNS)
    write_json(args.out, card)
    write_text(args.out.with_suffix(".md"), as_markdown(card))
    print(f"fp32 {percent(card['fp32']['accuracy'])}, int8 {percent(card['int8']['accuracy'])}")


if __name__ == "__main__":
    main()
