"""How long one picture takes, per backend and number of threads.

All combinations take turns, so that whatever else the machine does slows all of them alike. With the `assay` binary the
station's own backends are measured by `assay model bench` (tract among them); without it, Python's packages.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import KitError
from ..onnxfile.model import ModelFile
from ..onnxfile.runtime import Floats, session
from ..progress import say

RUNS = 50
WARM_UP = 10
THREADS = (1, 2)
BENCH_TIMEOUT_S = 900

Row = dict[str, Any]


def measure(
    model: ModelFile, threads: Sequence[int] = THREADS, runs: int = RUNS, assay: Path | None = None
) -> list[Row]:
    """Rows with p50 and p95, or with the error of a backend that cannot run the file."""
    return _by_assay(model, threads, runs, assay) if assay else _by_python(model, threads, runs)


def _by_python(model: ModelFile, threads: Sequence[int], runs: int) -> list[Row]:
    example = np.zeros((model.input.shape[0] or 1, *(side or 1 for side in model.input.shape[1:])), np.float32)
    rows: list[Row] = []
    ready: list[tuple[Row, Callable[[Floats], object], list[float]]] = []
    for count in threads:
        for name, make in (("onnxruntime", _onnxruntime), ("openvino", _openvino)):
            row: Row = {"backend": name, "threads": count, "precision": "f32-exact", "by": "python"}
            rows.append(row)
            try:
                ready.append((row, make(model, count), []))
            except KitError as error:
                row["error"] = str(error)
    for _ in range(WARM_UP + runs):
        for _, run, times in ready:
            started = time.perf_counter()
            run(example)
            times.append((time.perf_counter() - started) * 1000)
    for row, _, times in ready:
        least, p50, p95 = (round(float(t), 3) for t in np.percentile(times[WARM_UP:], (0, 50, 95)))
        row.update({"runs": runs, "min_ms": least, "p50_ms": p50, "p95_ms": p95})
    return rows


def _onnxruntime(model: ModelFile, threads: int) -> Callable[[Floats], object]:
    ready = session(model.data, str(model.path), threads)
    return lambda x: ready.run(None, {model.input.name: x})


def _openvino(model: ModelFile, threads: int) -> Callable[[Floats], object]:
    """OpenVINO's processor plugin, float32 where the model is not int8."""
    try:
        import openvino
    except ImportError as error:
        raise KitError("openvino is not installed: pip install 'assay-models[openvino]'") from error
    hints = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    try:
        core = openvino.Core()
        compiled = core.compile_model(core.read_model(model.data, b""), "CPU", hints)
    except RuntimeError as error:
        raise KitError(
            f"OpenVINO {openvino.__version__} cannot run {model.path}: {str(error).splitlines()[0]}"
        ) from error
    request = compiled.create_infer_request()

    def run(x: Floats) -> object:
        request.set_input_tensor(openvino.Tensor(x))
        return request.infer()

    return run


def _by_assay(model: ModelFile, threads: Sequence[int], runs: int, assay: Path) -> list[Row]:
    wanted = (
        "backend",
        "backend_version",
        "threads",
        "precision",
        "runs",
        "min_ms",
        "p50_ms",
        "p95_ms",
        "load_ms",
        "error",
    )
    results = bench([model], assay, threads, runs)
    return [{"by": "assay model bench", **{k: row[k] for k in wanted if k in row}} for row in results]


def bench(models: Sequence[ModelFile], assay: Path, threads: Sequence[int], runs: int) -> list[Row]:
    """The rows of `assay model bench` (docs/json.md) on every backend of a station."""
    backends = "tract,onnxruntime,openvino"
    words = [str(assay), "model", "bench", "--json", "-", "--threads", ",".join(map(str, threads)), "--runs", str(runs)]
    words += ["--backends", backends, *(str(model.path) for model in models)]
    say(f"latency: {' '.join(words)}")
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=BENCH_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise KitError(f"{assay} could not be run: {error}") from error
    if done.returncode != 0:
        raise KitError(f"`assay model bench` ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    try:
        results: list[Row] = json.loads(done.stdout)["results"]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise KitError(f"`assay model bench` did not print what was expected: {error}") from error
    return results
