"""`data`, `report`, `attack`, `simplify`."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TypeVar

from ..data.layouts import open_dataset
from ..data.pictures import read_picture
from ..errors import KitError
from ..files import read_json, write_bytes, write_json
from ..progress import Progress, Stop, say
from .common import Subparsers, command, data_arguments, model_arguments, pictures, the_dataset, the_model


def add(parsers: Subparsers) -> None:
    data = command(parsers, "data", show_data, "Say what is in a folder: layout, splits, classes, unreadable pictures")
    data_arguments(data)
    report = command(parsers, "report", report_card, "Measure an ONNX file: report card as JSON, HTML and PNG")
    model_arguments(report)
    data_arguments(report)
    report.add_argument("--out", type=Path, required=True, help="folder of the card")
    report.add_argument("--name", help="name on the card; without it the file's")
    report.add_argument("--before", type=Path, help="report-card.json of the model before")
    report.add_argument("--robust", type=Path, help="what `attack` wrote for this file")
    report.add_argument("--temperature", type=float, default=1.0)
    report.add_argument(
        "--assay", type=Path, help="the assay binary: measures the station's backends, tract among them"
    )
    report.add_argument("--backend-threads", default="1,2", help="thread counts to measure, such as 1,2")
    report.add_argument("--runs", type=int, default=50)
    attack = command(
        parsers, "attack", attack_model, "Attack an ONNX file: FGSM, PGD, Square of ART; PGD and FGSM of foolbox"
    )
    model_arguments(attack)
    data_arguments(attack)
    attack.add_argument("--out", type=Path, required=True, help="JSON to write; the curve lands beside it as PNG")
    attack.add_argument("--attacks", default="fgsm,pgd")
    attack.add_argument("--eps", default="2,4,8,16,76.5", help="budgets in grey levels of 255")
    attack.add_argument("--pictures", type=int, default=200)
    attack.add_argument("--steps", type=int, default=20, help="steps of PGD")
    attack.add_argument(
        "--checkpoint", type=Path, help="take the gradients of this network instead (a transfer attack)"
    )
    attack.add_argument("--before", type=Path, help="JSON of another model, drawn into the same picture")
    simple = command(
        parsers, "simplify", simplify_model, "Fold constants, fuse nodes; with --fold-input also the normalisation"
    )
    model_arguments(simple)
    simple.add_argument("--out", type=Path, required=True)
    simple.add_argument("--fold-input", action="store_true", help="the new model takes grey levels 0..255")


def show_data(args: argparse.Namespace, stop: Stop) -> None:
    """Opens every picture, so that what a training would skip is known before it."""
    dataset = open_dataset(args.data, args.layout)
    print(dataset.describe())
    progress, bad = Progress("opening pictures", len(dataset.items)), []
    sizes: Counter[tuple[int, ...]] = Counter()
    for item in dataset.items:
        stop.check("nothing was written")
        try:
            sizes[read_picture(item.path).shape[1::-1]] += 1
        except (OSError, ValueError) as error:
            bad.append(f"{item.path}: {error}")
        progress.step()
    print(f"{len(bad)} of {len(dataset.items)} pictures cannot be read")
    for line in bad:
        print(f"  {line}")
    print("sizes: " + ", ".join(f"{count} x {'x'.join(map(str, size))}" for size, count in sizes.most_common(5)))


def report_card(args: argparse.Namespace, stop: Stop) -> None:
    from ..report.card import Request, build
    from ..report.page import percent, write

    del stop
    model = the_model(args)
    dataset = the_dataset(args, "test")
    robust = read_json(args.robust) if args.robust else None
    before = read_json(args.before) if args.before else None
    request = Request(
        model, dataset, pictures(args, dataset, "test", model.size), args.name or args.model.stem, args.temperature,
        _numbers(args.backend_threads, int), args.runs, args.assay, robust, before,
    )  # fmt: skip
    card = build(request)
    for path in write(card, args.out):
        say(f"wrote {path}")
    print(f"{card['model']}: accuracy {percent(card['accuracy'])}, {card['file']['bytes'] / 1e6:.2f} MB")


def attack_model(args: argparse.Namespace, stop: Stop) -> None:
    from ..attack.evaluate import Plan, evaluate
    from ..report.charts import attack_curves

    model = the_model(args)
    dataset = the_dataset(args, "test")
    net = None
    if args.checkpoint:
        from ..train import checkpoint

        net = checkpoint.load(args.checkpoint).net.requires_grad_(False)
    plan = Plan(tuple(args.attacks.split(",")), _numbers(args.eps, float), args.pictures, args.steps, args.seed)
    found = evaluate(model, pictures(args, dataset, "test", model.size, args.pictures), plan, stop, net)
    sets = {args.model.stem: found}
    if args.before:
        sets["before"] = read_json(args.before)
    write_bytes(args.out.with_suffix(".png"), attack_curves(sets))
    write_json(args.out, found)
    for row in found["rows"]:
        print(
            f"{row['attack']:12} {row['eps_255']:5g}/255: right after all {100 * row['robust_accuracy']['value']:.1f} %"
        )


def simplify_model(args: argparse.Namespace, stop: Stop) -> None:
    from ..onnxfile.graph import save
    from ..onnxfile.model import open_model
    from ..simplify import fold_normalisation, simplify

    del stop
    model = the_model(args)
    before = len(model.proto.graph.node)
    save(simplify(model.proto), args.out)
    if args.fold_input:
        save(fold_normalisation(open_model(args.out, args.mean, args.scale)), args.out)
    after = open_model(args.out)
    print(
        f"{args.out}: {before} -> {len(after.proto.graph.node)} nodes, {model.stored_bytes} -> {len(after.data)} bytes"
    )
    if args.fold_input:
        print("its input is plain RGB 0..255 now: --mean 0 --scale 1 for every other command, and in the preprocessor")


Number = TypeVar("Number", int, float)


def _numbers(text: str, kind: type[Number]) -> tuple[Number, ...]:
    try:
        return tuple(kind(word) for word in text.split(","))
    except ValueError as error:
        raise KitError(f"{text!r} is no list of numbers such as 1,2") from error
