"""Walks the case and measures every step on its exported file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..attack.evaluate import Plan as AttackPlan
from ..attack.evaluate import evaluate
from ..codec.model import encode_model
from ..data.pictures import Pictures, load
from ..export import export
from ..files import claim, read_json, sha256, write_bytes, write_json, write_text
from ..nets import LiteNet
from ..onnxfile.graph import save
from ..onnxfile.model import ModelFile, open_model, parse
from ..onnxfile.runtime import Runner
from ..progress import say
from ..quantise.uniform import CALIBRATION_PICTURES, quantise_uniform
from ..report.card import Card, Request, build, summary
from ..report.latency import measure
from ..report.page import write
from . import training
from .table import Target, markdown, schedule, targets
from .training import TRAININGS, Bench

STEM = 2
"""How many of the first convolutions stay in float: their channels differ too much for one scale of their output."""
BITS = 5
THREADS = (1,)


@dataclass(frozen=True)
class Options:
    """How much is measured."""

    robust_pictures: int = 200
    robust_steps: int = 10
    eps: float = 4.0
    runs: int = 60
    test_limit: int = 0
    assay: Path | None = None


@dataclass(frozen=True)
class Step:
    """One row of the table."""

    name: str
    what: str
    file: Path
    attacked: bool


def run(bench: Bench, options: Options, latency_again: bool = False) -> list[Target]:
    """Trains what is not there yet, exports, measures, and writes `case.json` and `table.md`."""
    _claim(bench, options)
    steps = _steps(bench)
    items = bench.dataset.split("test")
    if options.test_limit and len(items) > options.test_limit:
        items = [items[k * len(items) // options.test_limit] for k in range(options.test_limit)]
    test = load(items, bench.dataset.labels, bench.plan.size, "test pictures")
    cards: list[tuple[Step, Card]] = []
    for step in steps:
        bench.stop.check("the same command goes on with the next step")
        before = cards[0][1] if cards else None
        cards.append((step, _measured(bench, options, step, test, before)))
    if latency_again:
        _time_again(bench, options, cards)
    rows = [(step.name, step.what, card) for step, card in cards]
    found = targets(rows)
    trainings = [read_json(bench.out / f"{name}.json") for name in TRAININGS]
    record = {
        "schema": 1,
        "seed": bench.seed,
        "data": bench.dataset.name,
        "trainings": trainings,
        "steps": [{"name": name, "what": what, "card": card} for name, what, card in rows],
        "targets": [target.__dict__ for target in found],
    }
    write_json(bench.out / "case.json", record)
    write_text(bench.out / "table.md", f"{markdown(rows, found)}\n{schedule(trainings)}")
    return found


def _claim(bench: Bench, options: Options) -> None:
    """Other pictures, settings or seeds need another folder."""
    plan = {name: str(value) for name, value in bench.plan.__dict__.items()}
    pictures = [[item.split, item.label, item.path.name] for item in bench.dataset.items]
    names = sha256("\n".join("/".join(row) for row in sorted(pictures)).encode())
    claim(bench.out, {"seed": bench.seed, "pictures": names, "options": str(options), **plan})


def _steps(bench: Bench) -> list[Step]:
    """Trains and exports; a file that is there is not made again."""
    teacher = training.baseline(bench)
    student = training.student(bench, teacher)
    pruned = training.pruned(bench, student, teacher)
    hardened = training.hardened(bench, pruned, teacher)
    return [
        Step("baseline", "EfficientNet-Lite2, float", _exported(bench, "baseline", teacher), True),
        Step("baseline-int8", "the same, int8 after training", _quantised(bench, "baseline"), False),
        Step("student", "distilled into the first blocks of Lite0", _exported(bench, "student", student), False),
        Step("pruned", "channels pruned (Taylor), trained on", _exported(bench, "pruned", pruned), False),
        Step("pruned-int8", "int8: small, not hardened", _quantised(bench, "pruned"), True),
        Step("hardened", "adversarial training", _exported(bench, "hardened", hardened), True),
        Step("hardened-int8", "int8: what a station would get", _quantised(bench, "hardened"), True),
        Step("hardened-codebook", f"its weights in books of {BITS} bits", _encoded(bench), False),
    ]


def _exported(bench: Bench, name: str, net: LiteNet) -> Path:
    path = bench.out / f"{name}.onnx"
    if not path.exists():
        export(net.cpu(), path, bench.plan.size)
    return path


def _quantised(bench: Bench, name: str) -> Path:
    path = bench.out / f"{name}-int8.onnx"
    if not path.exists():
        model = open_model(bench.out / f"{name}.onnx")
        places = (
            np.linspace(0, len(bench.pictures) - 1, min(CALIBRATION_PICTURES, len(bench.pictures))).round().astype(int)
        )
        inputs = Runner(model).normalise(bench.pictures.pixels[places])
        convs = [node.name for node in model.proto.graph.node if node.op_type == "Conv"]
        save(quantise_uniform(model.proto, model.input.name, inputs, convs[:STEM]), path)
    return path


def _encoded(bench: Bench) -> Path:
    path = bench.out / "hardened-codebook.awc"
    if not path.exists():
        found = encode_model(
            parse((bench.out / "hardened-int8.onnx").read_bytes(), "hardened-int8.onnx"), "codebook", BITS
        )
        write_bytes(path, found.container)
    return path


def _measured(bench: Bench, options: Options, step: Step, test: Pictures, before: Card | None) -> Card:
    """The card of a step; one of the same file that is there is kept."""
    model = open_model(step.file)
    folder = bench.out / "cards" / step.name
    if (folder / "report-card.json").exists():
        card: Card = read_json(folder / "report-card.json")
        if card["file"]["sha256"] == sha256(model.data):
            return card
    say(f"measuring {step.name}")
    robust = _robust(bench, options, model, test) if step.attacked else None
    request = Request(
        model,
        bench.dataset,
        test,
        step.name,
        threads=THREADS,
        runs=options.runs,
        assay=options.assay,
        robust=robust,
        before=before,
    )
    card = build(request)
    write(card, folder)
    return card


def _time_again(bench: Bench, options: Options, cards: list[tuple[Step, Card]]) -> None:
    """Replaces the latency of every card: trainings run for long, a quiet minute comes when it comes."""
    for step, card in cards:
        say(f"latency of {step.name}")
        card["latency"] = measure(open_model(step.file), THREADS, options.runs, options.assay)
        if "before" in card:
            card["before"] = summary(cards[0][1])
        write(card, bench.out / "cards" / step.name)


def _robust(bench: Bench, options: Options, model: ModelFile, test: Pictures) -> dict[str, Any]:
    plan = AttackPlan(("pgd",), (options.eps,), options.robust_pictures, options.robust_steps, bench.seed)
    return evaluate(model, test, plan, bench.stop)
