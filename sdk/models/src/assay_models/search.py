"""Which combination of steps fits the limits: tries them, measures each, and shows the Pareto front.

Steps that need no training are tried in any case. Networks that were trained for the search (search_training.py:
pruned, distilled) come on top where they are asked for: what a training costs is for a person to decide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from .codec.model import encode_model
from .data.pictures import Pictures
from .errors import KitError
from .files import claim, sha256, write_bytes, write_json
from .onnxfile.model import ModelFile, open_model
from .onnxfile.runtime import Floats, Runner
from .progress import Progress, Stop, say
from .quantise.mixed import measure_sensitivity
from .quantise.uniform import quantise_uniform
from .report.charts import pareto
from .report.latency import measure

KEPT = (2, 4)
"""How many of the most sensitive layers stay in float, as alternatives."""
RUNS = 30

Row = dict[str, Any]
Maker = Callable[[], tuple[bytes, bytes]]
"""Makes a candidate: the ONNX file, and what is stored (itself, or its container)."""


@dataclass(frozen=True)
class Limits:
    """What a candidate may cost."""

    mb: float
    ms: float
    backend: str
    drop: float  # points


@dataclass(frozen=True)
class Trained:
    """Networks that were trained for the search, by name, and those that were asked for and are not ready."""

    files: Mapping[str, Path]
    left: Sequence[str]


NOTHING_TRAINED = Trained({}, ())


def search(
    model: ModelFile, inputs: Floats, test: Pictures, limits: Limits, out: Path, stop: Stop,
    trained: Trained = NOTHING_TRAINED,
) -> list[Row]:  # fmt: skip
    """Tries every combination; writes the candidates, `search.json` and `pareto.png`. What is there is not made again."""
    claim(out, {"model": sha256(model.data), "calibration": sha256(inputs.tobytes()), "test": len(test)})
    makers = _makers(model, inputs, stop)
    for name, file in trained.files.items():
        makers |= _trained_makers(name, open_model(file, model.mean, model.scale), inputs)
    rows: list[Row] = []
    progress = Progress("candidates", len(makers))
    for name, make in makers.items():
        stop.check(f"the same command goes on; candidates made so far are in {out}")
        rows.append(_candidate(name, make, model, test, limits, out))
        progress.step(name)
    base = rows[0]["accuracy"]
    for row in rows:
        row["outside"] = [
            what
            for what, over in (
                (f"{row['mb']:.2f} MB", row["mb"] > limits.mb),
                (f"{row['p50_ms']:.2f} ms", row["p50_ms"] > limits.ms),
                (f"{100 * (base - row['accuracy']):.2f} points lost", 100 * (base - row["accuracy"]) > limits.drop),
            )
            if over
        ]
        row["fits"] = not row["outside"]
        row["pareto"] = not any(_beats(other, row) for other in rows)
    write_bytes(out / "pareto.png", pareto(rows, "mb", "MB as stored"))
    write_json(out / "search.json", {"limits": limits.__dict__, "rows": rows, "not_trained": list(trained.left)})
    if not any(row["fits"] for row in rows):
        say("nothing is within the limits: prune or distil first, or allow more")
    return rows


def _makers(model: ModelFile, inputs: Floats, stop: Stop) -> dict[str, Maker]:
    if any(node.op_type == "QuantizeLinear" for node in model.proto.graph.node):
        raise KitError(f"{model.path} is quantised already; the search begins with its float twin")
    name = model.input.name
    sensitivity = measure_sensitivity(model.proto, name, model.logits, inputs, stop)
    worst = sorted(sensitivity, key=lambda node: -sensitivity[node])
    graphs: dict[str, Callable[[], onnx.ModelProto]] = {"float": lambda: model.proto}
    graphs["int8"] = lambda: quantise_uniform(model.proto, name, inputs)
    for count in KEPT:
        kept = worst[:count]
        graphs[f"int8, {count} layers float"] = lambda kept=kept: quantise_uniform(model.proto, name, inputs, kept)  # type: ignore[misc]
    makers: dict[str, Maker] = {}
    for title, graph in graphs.items():
        makers[title] = lambda graph=graph: _plain(graph())  # type: ignore[misc]
        for kind, bits in (("codebook", 5), ("codebook", 4), ("log", 4)):
            makers[f"{title}, {kind} {bits} bit"] = lambda graph=graph, kind=kind, bits=bits: _encoded(
                graph(), kind, bits
            )  # type: ignore[misc]
    return makers


def _trained_makers(name: str, model: ModelFile, inputs: Floats) -> dict[str, Maker]:
    """A trained network in float, in int8, and as a book of int8."""

    def int8() -> onnx.ModelProto:
        return quantise_uniform(model.proto, model.input.name, inputs)

    return {
        name: lambda: _plain(model.proto),
        f"{name}, int8": lambda: _plain(int8()),
        f"{name}, int8, codebook 5 bit": lambda: _encoded(int8(), "codebook", 5),
    }


def _plain(graph: onnx.ModelProto) -> tuple[bytes, bytes]:
    data = graph.SerializeToString(deterministic=True)
    return data, data


def _encoded(graph: onnx.ModelProto, kind: str, bits: int) -> tuple[bytes, bytes]:
    copy = onnx.ModelProto()
    copy.CopyFrom(graph)
    found = encode_model(copy, kind, bits)
    return found.onnx, found.container


def _candidate(name: str, make: Maker, model: ModelFile, test: Pictures, limits: Limits, out: Path) -> Row:
    stem = name.replace(", ", "-").replace(" ", "-")
    plain, stored = out / f"{stem}.onnx", out / f"{stem}.awc"
    if not plain.exists():
        onnx_bytes, stored_bytes = make()
        if stored_bytes is not onnx_bytes:
            write_bytes(stored, stored_bytes)
        write_bytes(plain, onnx_bytes)
    candidate = open_model(plain, model.mean, model.scale)
    accuracy = float((Runner(candidate).logits(test.pixels).argmax(1) == test.labels).mean())
    times = [row for row in measure(candidate, (1,), RUNS) if row["backend"] == limits.backend]
    if not times or "p50_ms" not in times[0]:
        raise KitError(f"{name} does not run on {limits.backend}: {times[0].get('error') if times else 'not measured'}")
    size = stored.stat().st_size if stored.exists() else len(candidate.data)
    return {"name": name, "file": (stored if stored.exists() else plain).name, "sha256": sha256(candidate.data), "mb": size / 1e6,
            "p50_ms": times[0]["p50_ms"], "accuracy": accuracy}  # fmt: skip


def _beats(other: Row, row: Row) -> bool:
    """At least as good in everything that is plotted, and better in something. Time is a limit, too noisy for the front."""
    sides = [(other["mb"], row["mb"]), (-other["accuracy"], -row["accuracy"])]
    return all(a <= b for a, b in sides) and any(a < b for a, b in sides)
