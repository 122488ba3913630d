"""Builds a report card from an exported file and a test set."""

from __future__ import annotations

import platform
import time
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .. import __version__
from ..data.pictures import Dataset, Pictures
from ..errors import KitError
from ..files import sha256
from ..onnxfile.inspect import multiply_adds, parameters
from ..onnxfile.model import ModelFile
from ..onnxfile.runtime import Runner, softmax
from ..stats import calibration_error, quality
from .latency import RUNS, THREADS, measure

SCHEMA = 2
REPORTED = ("numpy", "onnx", "onnxruntime", "openvino", "torch", "nncf")

Card = dict[str, Any]


@dataclass
class Request:
    """What goes into a card."""

    model: ModelFile
    dataset: Dataset
    test: Pictures
    name: str
    temperature: float = 1.0
    threads: Sequence[int] = THREADS
    runs: int = RUNS
    assay: Path | None = None
    robust: dict[str, Any] | None = None
    before: Card | None = None
    notes: list[str] = field(default_factory=list)


def build(request: Request) -> Card:
    """Every figure comes from the file, not from the code that made it."""
    model, labels = request.model, request.dataset.labels
    logits = Runner(model).logits(request.test.pixels)
    if logits.shape[1] != len(labels):
        raise KitError(
            f"{model.path} answers with {logits.shape[1]} classes, {request.dataset.root} has {len(labels)} "
            f"({', '.join(labels)}): is it the set that the model was trained for?"
        )
    card: Card = {
        "schema": SCHEMA,
        "model": request.name,
        "made": _made(),
        "file": file_facts(model),
        "labels": labels,
        "input": {
            "name": model.input.name,
            "shape": ["N", 3, model.size, model.size],
            "mean": model.mean,
            "scale": model.scale,
        },
        "outputs": {port.name: ["N", *port.shape[1:]] for port in model.outputs},
        "dataset": _dataset(request),
        **quality(logits, request.test.labels, labels),
        "temperature": request.temperature,
        "calibration_error": calibration_error(softmax(logits / request.temperature), request.test.labels),
        "latency": measure(model, request.threads, request.runs, request.assay),
        "notes": request.notes,
    }
    if request.robust:
        card["robust"] = request.robust
    if request.before:
        card["before"] = summary(request.before)
    return card


def file_facts(model: ModelFile) -> Card:
    """Size as it is and as it travels, and what is inside."""
    return {
        "name": model.path.name,
        "bytes": len(model.data),
        "stored_bytes": model.stored_bytes,
        "deflated_bytes": min(len(zlib.compress(model.data, 9)), model.stored_bytes),
        "sha256": sha256(model.data),
        "parameters": parameters(model),
        "multiply_adds": multiply_adds(model),
        "operators": model.operators(),
    }


def _dataset(request: Request) -> Card:
    counts = Counter(request.dataset.labels[k] for k in request.test.labels)
    return {
        "name": request.dataset.name,
        "manifest_sha256": request.dataset.manifest_digest(),
        "test_pictures": len(request.test),
        "per_class": dict(counts),
        "skipped": len(request.test.skipped),
    }


def _made() -> Card:
    versions = {}
    for name in REPORTED:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "by": f"assay-models {__version__}",
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "machine": processor(),
        "packages": versions,
    }


def processor() -> str:
    """The name of the processor that this runs on."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def summary(card: Card) -> Card:
    """The figures of a card that are compared before and after."""
    latency = {f"{r['backend']} {r['threads']}": r.get("p50_ms") for r in card["latency"]}
    robust = {
        f"{r['attack']} {r['eps_255']:g}": r["robust_accuracy"]["value"] for r in card.get("robust", {}).get("rows", [])
    }
    return {
        "model": card["model"],
        "sha256": card["file"]["sha256"],
        "bytes": card["file"]["bytes"],
        "stored_bytes": card["file"]["stored_bytes"],
        "parameters": card["file"]["parameters"],
        "multiply_adds": card["file"]["multiply_adds"],
        "accuracy": card["accuracy"]["value"],
        "macro_f1": card["macro_f1"],
        "calibration_error": card["calibration_error"],
        "p50_ms": latency,
        "robust_accuracy": robust,
    }
