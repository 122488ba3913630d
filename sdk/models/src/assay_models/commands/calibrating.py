"""`calibrate`, `self-test`, `pack`."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import KitError
from ..files import read_json, write_json
from ..onnxfile.runtime import Runner
from ..progress import Stop
from .common import Subparsers, command, data_arguments, model_arguments, pictures, the_dataset, the_model


def add(parsers: Subparsers) -> None:
    calibrate = command(
        parsers, "calibrate", calibrate_model, "Measure clean pictures: reference.json for the station's plugins"
    )
    model_arguments(calibrate)
    data_arguments(calibrate)
    calibrate.add_argument("--out", type=Path, required=True, help="reference.json to write")
    calibrate.add_argument("--name", help="the model's name in the bundle; without it the file's")
    calibrate.add_argument("--temperature", type=float, default=1.0, help="the one that the bundle will state")
    calibrate.add_argument(
        "--detector-temperature", type=float, help="the one of adv-squeeze's settings; without it that of the bundle"
    )
    test = command(parsers, "self-test", make_self_test, "Pictures with expected logits, for the recipe's self-test")
    model_arguments(test)
    data_arguments(test)
    test.add_argument("--out", type=Path, required=True, help="folder")
    pack = command(
        parsers, "pack", pack_model, "Make a model bundle: writes its manifest and calls `assay bundle pack`"
    )
    model_arguments(pack)
    pack.add_argument("--out", type=Path, required=True, help="the bundle, NAME-VERSION.assay")
    pack.add_argument("--name", required=True)
    pack.add_argument("--version", required=True)
    pack.add_argument("--counter", type=int, required=True, help="higher than the last published one")
    pack.add_argument("--description", default="")
    pack.add_argument(
        "--reference", type=Path, required=True, help="what `calibrate` wrote; its labels are the bundle's"
    )
    pack.add_argument("--report-card", type=Path, help="what `report` wrote for this file")
    pack.add_argument("--licence", type=Path)
    pack.add_argument("--temperature", type=float, default=1.0)
    pack.add_argument("--batch-sizes", default="1,3", help="3 for the copies that adv-squeeze shows the model")
    pack.add_argument("--heatmap", help="name of the output with the heat map")
    pack.add_argument("--assay", default="assay", help="the assay binary")
    pack.add_argument("--key", type=Path, help="sign at once with this private key")


def calibrate_model(args: argparse.Namespace, stop: Stop) -> None:
    from ..calibrate.reference import Temperatures, build

    model = the_model(args)
    dataset = the_dataset(args, "train")
    items = dataset.split("val") or dataset.split("train")[::7]
    if args.limit and len(items) > args.limit:
        items = [items[k * len(items) // args.limit] for k in range(args.limit)]
    temperatures = Temperatures(args.temperature, args.detector_temperature or args.temperature)
    found = build(Runner(model, args.threads), dataset, items, args.name or args.model.stem, temperatures, stop)
    write_json(args.out, found)
    error = found["calibration_error"]
    print(f"{args.out}: temperature {found['temperature']}, calibration error {error['before']} -> {error['after']}")
    for detector in found["detectors"]:
        print(
            f"{detector['name']}: thresholds {detector['thresholds']} at these shares of false alarms, {detector['n']} pictures"
        )


def make_self_test(args: argparse.Namespace, stop: Stop) -> None:
    from ..pack import write_self_test

    del stop
    model = the_model(args)
    dataset = the_dataset(args, "test")
    test = pictures(args, dataset, "test", model.size)
    print(write_self_test(args.out, Runner(model), test, dataset.labels))


def pack_model(args: argparse.Namespace, stop: Stop) -> None:
    from ..files import sha256
    from ..pack import Bundle, pack

    del stop
    model = the_model(args)
    labels = read_json(args.reference).get("labels")
    if not isinstance(labels, list):
        raise KitError(f"{args.reference} has no labels: is it what `calibrate` wrote?")
    if args.report_card:
        card = read_json(args.report_card)
        found = card.get("file", {}).get("sha256")
        if found != sha256(model.data):
            raise KitError(
                f"{args.report_card} is the card of another file (sha256 {found}); run `report` on {args.model}"
            )
    try:
        sizes = tuple(int(word) for word in args.batch_sizes.split(","))
    except ValueError as error:
        raise KitError(f"--batch-sizes {args.batch_sizes!r} is no list such as 1,3") from error
    bundle = Bundle(
        args.name, args.version, args.counter, args.description, model, labels, args.temperature, sizes,
        args.reference, args.report_card, args.licence, {"heatmap": args.heatmap} if args.heatmap else {},
    )  # fmt: skip
    print(pack(bundle, args.out, args.assay, args.key))
