"""Everything that is known about the model, in one file.

    python -m assay_models.surface.report_card --dataset build/dataset --out demo/report-card.json

Reads what the other commands wrote under build/ and demo/, measures accuracy on the whole test split and
latency on this machine, and writes report-card.json and, beside it, report-card.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openvino
import torch
from numpy.typing import NDArray
from torch import nn

from . import INPUT_SIZE, LABELS
from .measure import Floats, Runner, normalise, wilson
from .network import SurfaceNet, load
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
    index = json.loads((paths.dataset / "index.json").read_text())
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
        "training": json.loads(paths.training.read_text()),
        "fp32": _describe(paths.fp32, test),
        "int8": _describe(paths.int8, test),
    }
    times = measure_latency((paths.fp32, paths.int8), normalise(test.pixels[:1]))
    for name, measured in zip(("fp32", "int8"), times, strict=True):
        card[name]["latency"] = measured
    gap = card["fp32"]["accuracy"]["value"] - card["int8"]["accuracy"]["value"]
    card["int8_loss_points"] = round(100 * gap, 2)
    if paths.detection.exists():
        card["adversarial_detection"] = json.loads(paths.detection.read_text())
    return card


def as_markdown(card: dict) -> str:
    """The card for people."""
    lines = [
        "# Report card: surface",
        "",
        f"Data: {DATA}. Test: {card['dataset']['splits']['test']['pictures']} pictures whose defect shapes, texture",
        "regions and seeds the training never saw. Intervals are Wilson 95 %. Latency: one picture, one thread, all",
        "taking turns, on a busy two-core machine: the least is closest to an idle one.",
        "tract, which has no Python package, is measured by `cargo xtask bench --only inference`.",
        "",
        f"{card['parameters'] / 1e6:.2f} million parameters, {card['multiply_adds'] / 1e6:.0f} million multiply-adds.",
        "",
        "| | fp32 | int8 |",
        "|---|---|---|",
    ]
    pair = (card["fp32"], card["int8"])
    lines.append("| size | " + " | ".join(f"{m['bytes'] / 1e6:.2f} MB" for m in pair) + " |")
    lines.append("| accuracy | " + " | ".join(_percent(m["accuracy"]) for m in pair) + " |")
    for label in LABELS:
        lines.append(f"| {label} | " + " | ".join(_percent(m["per_class"][label]) for m in pair) + " |")
    for backend in pair[0]["latency"]:
        times = [m["latency"][backend] for m in pair]
        cells = [f"{t['min_ms']} / {t['p50_ms']} / {t['p95_ms']} ms" for t in times]
        lines.append(f"| {backend}, least / p50 / p95 | {' | '.join(cells)} |")
    return "\n".join(lines + _confusion(card) + _detection(card)) + "\n"


def _percent(share: dict) -> str:
    low, high = share["wilson95"]
    return f"{100 * share['value']:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def _confusion(card: dict) -> list[str]:
    """Confusion matrix of the int8 model as a table."""
    lines = ["", "int8, rows are the truth:", "", "| | " + " | ".join(LABELS) + " |", "|---" * (len(LABELS) + 1) + "|"]
    rows = zip(LABELS, card["int8"]["confusion"], strict=True)
    return lines + [f"| {label} | " + " | ".join(str(n) for n in row) + " |" for label, row in rows]


def _detection(card: dict) -> list[str]:
    """The adversarial detection table, bad rows included."""
    report = card.get("adversarial_detection")
    if not report:
        return []
    lines = ["", "## Detection of attacked pictures by feature squeezing", "", report["threat"].capitalize() + ".", ""]
    lines += ["| attack | eps / 255 | worked | flagged at 5 % | flagged at 1 % |", "|---|---|---|---|---|"]
    for row in report["rows"]:
        rates = [f"{100 * row[k]:.0f} %" if k in row else "-" for k in ("tpr_at_fpr_0.05", "tpr_at_fpr_0.01")]
        worked = f"{row['succeeded']} of {row['tried']}"
        lines.append(f"| {row['attack']} | {row['eps_255']:g} | {worked} | {' | '.join(rates)} |")
    at_5, at_1 = (100 * report["fpr_on_clean_test"][f"at_{rate}"] for rate in ("0.05", "0.01"))
    clean = report["clean_test_pictures"]
    return lines + [
        "",
        f"False alarms on {clean} clean test pictures at these two limits: {at_5:.1f} % and {at_1:.1f} %.",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=Path("build/surface.pt"))
    parser.add_argument("--fp32", type=Path, default=Path("build/surface-fp32.onnx"))
    parser.add_argument("--int8", type=Path, default=Path("demo/surface-int8.onnx"))
    parser.add_argument("--dataset", type=Path, default=Path("build/dataset"))
    parser.add_argument("--training", type=Path, default=Path("build/training.json"))
    parser.add_argument("--detection", type=Path, default=Path("build/detection.json"))
    parser.add_argument("--out", type=Path, default=Path("demo/report-card.json"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    card = build(Paths(args.weights, args.fp32, args.int8, args.dataset, args.training, args.detection))
    args.out.write_text(json.dumps(card, indent=1) + "\n")
    args.out.with_suffix(".md").write_text(as_markdown(card))
    print(f"fp32 {_percent(card['fp32']['accuracy'])}, int8 {_percent(card['int8']['accuracy'])}")


if __name__ == "__main__":
    main()
