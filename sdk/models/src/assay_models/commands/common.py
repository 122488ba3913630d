"""Arguments and steps that several commands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from ..data.layouts import LAYOUTS, open_dataset
from ..data.pictures import Dataset, Pictures, check_for_training, load
from ..errors import KitError
from ..onnxfile.model import ModelFile, open_model
from ..progress import DEFAULT_SEED, Stop, say

Handler = Callable[[argparse.Namespace, Stop], Any]


class Subparsers(Protocol):
    """What argparse's add_subparsers returns; its class has no public name."""

    def add_parser(self, name: str, **words: Any) -> argparse.ArgumentParser: ...


def command(parsers: Subparsers, name: str, handler: Handler, text: str) -> argparse.ArgumentParser:
    parser = parsers.add_parser(name, help=text, description=text)
    parser.set_defaults(handler=handler)
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="every random choice comes from it")
    parser.add_argument("--threads", type=int, default=1, help="threads of training and evaluation")
    return parser


def data_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="folder of a data set")
    parser.add_argument("--layout", choices=["auto", *LAYOUTS], default="auto")
    parser.add_argument(
        "--limit", type=int, default=0, help="at most so many pictures of a split, spread evenly; 0 = all"
    )


def model_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, help="ONNX file, or a container of the weight codec")
    parser.add_argument("--mean", type=float, default=127.0, help="the input is (RGB - mean) / scale")
    parser.add_argument("--scale", type=float, default=128.0)


def the_model(args: argparse.Namespace) -> ModelFile:
    return open_model(args.model, args.mean, args.scale)


def the_dataset(args: argparse.Namespace, *splits: str) -> Dataset:
    """The set, checked for what the command needs of it."""
    dataset = open_dataset(args.data, args.layout)
    say(dataset.describe())
    check_for_training(dataset, splits or ("train", "test"))
    return dataset


def pictures(args: argparse.Namespace, dataset: Dataset, split: str, size: int, limit: int = 0) -> Pictures:
    """A split in memory, `--limit` obeyed."""
    items = dataset.split(split)
    if not items and split == "val":
        say("no validation pictures: every seventh training picture is taken")
        items = dataset.split("train")[::7]
    most = min([n for n in (args.limit, limit) if n > 0], default=0)
    if most and len(items) > most:
        items = [items[k * len(items) // most] for k in range(most)]
    if not items:
        raise KitError(f"{dataset.root} has no {split} pictures")
    return load(items, dataset.labels, size, f"{split} pictures")


def fresh(path: Path, force: bool) -> None:
    """Refuses to write over a result, unless asked to."""
    if path.exists() and not force:
        raise KitError(f"{path} is there already: give another --out, or --force to write over it")
