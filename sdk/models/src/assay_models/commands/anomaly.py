"""`anomaly`: a one-class model from good pictures only."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import KitError
from ..files import write_json
from ..progress import Stop, say
from .common import Subparsers, command, data_arguments, pictures


def add(parsers: Subparsers) -> None:
    fit = command(
        parsers, "anomaly", fit_anomaly, "Fit a one-class model on good pictures: score and heat map, as ONNX"
    )
    data_arguments(fit)
    fit.add_argument("--out", type=Path, required=True, help="ONNX file; a JSON with its figures lands beside it")
    fit.add_argument("--backbone", type=Path, help="checkpoint; without it EfficientNet-Lite0 with ImageNet weights")
    fit.add_argument("--size", type=int, default=224)
    fit.add_argument(
        "--features", type=int, default=40, help="channels kept; per place a file of 224 pixels has 5 MB with 40"
    )
    fit.add_argument("--false-alarms", type=float, default=0.01, help="share of good pictures above the threshold")
    fit.add_argument("--supervised", type=Path, help="classifier (ONNX) whose AUROC is shown beside")


def fit_anomaly(args: argparse.Namespace, stop: Stop) -> None:
    import torch

    from ..anomaly.fit import Settings, fit_and_export
    from ..data.layouts import open_dataset
    from ..data.pictures import GOOD

    torch.set_num_threads(args.threads)
    dataset = open_dataset(args.data, args.layout)
    say(dataset.describe())
    if GOOD not in dataset.labels:
        raise KitError(
            f"{args.data} has no class `{GOOD}`; it has {', '.join(dataset.labels)}. Rename the folder of good pictures"
        )
    splits = {}
    for split in ("train", "val", "test"):
        if split == "test" and not dataset.split("test"):
            say("no test pictures: the model is fitted, and nothing is said about how well")
            continue
        splits[split] = pictures(args, dataset, split, args.size)
    settings = Settings(args.size, args.features, args.false_alarms, args.seed)
    found = fit_and_export(splits, dataset.labels, args.backbone, settings, args.out, stop, args.supervised)
    write_json(args.out.with_suffix(".json"), found)
    for name in ("image_auroc", "supervised_auroc"):
        if name in found:
            print(f"{name.replace('_', ' ')}: {found[name]:.4f}")
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.2f} MB")
