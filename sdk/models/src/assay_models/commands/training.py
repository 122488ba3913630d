"""`train`, `distil`, `harden`, `export`, `draw-surface`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..data.pictures import Pictures
from ..errors import KitError
from ..progress import Stop, say
from .common import Subparsers, command, data_arguments, fresh, pictures, the_dataset

if TYPE_CHECKING:
    from ..nets import LiteNet
    from ..train.loop import Phase
    from ..train.objectives import Objective


def add(parsers: Subparsers) -> None:
    train = command(parsers, "train", train_network, "Fine-tune an EfficientNet-Lite with ImageNet weights on a folder")
    _trained(train)
    train.add_argument("--net", choices=["lite0", "lite2", "tiny"], default="lite0")
    train.add_argument("--blocks", type=int, help="cut the network after so many blocks")
    train.add_argument("--size", type=int, default=224, help="pixels per side of the input")
    distil = command(parsers, "distil", distil_network, "Train a small network on the opinion of a large one")
    _trained(distil)
    distil.add_argument("--teacher", type=Path, required=True, help="checkpoint")
    distil.add_argument("--net", choices=["lite0", "lite2", "tiny"], default="lite0")
    distil.add_argument("--blocks", type=int, default=9)
    distil.add_argument("--temperature", type=float, default=3.0)
    distil.add_argument("--alpha", type=float, default=0.7, help="share of the loss that is the teacher's opinion")
    harden = command(
        parsers, "harden", harden_network, "Adversarial training: FGSM or PGD, pure or mixed with honest pictures"
    )
    _trained(harden)
    harden.add_argument("checkpoint", type=Path)
    harden.add_argument("--attack", choices=["fgsm", "pgd"], default="fgsm")
    harden.add_argument("--attack-steps", type=int, default=5, help="of PGD")
    harden.add_argument("--eps", type=float, default=6.0, help="budget in grey levels of 255")
    harden.add_argument("--clean-share", type=float, default=0.5, help="0 = attacked pictures only")
    harden.add_argument("--teacher", type=Path, help="checkpoint whose opinion on honest pictures is kept")
    export = command(parsers, "export", export_network, "Write a checkpoint as ONNX")
    export.add_argument("checkpoint", type=Path)
    export.add_argument("--out", type=Path, required=True)
    draw = command(parsers, "draw-surface", draw_surface, "Draw the demo's data set: 7,400 pictures, minutes")
    draw.add_argument("--out", type=Path, required=True)


def _trained(parser: argparse.ArgumentParser) -> None:
    data_arguments(parser)
    parser.add_argument(
        "--out", type=Path, required=True, help="checkpoint to write; its .state beside it is what resumes"
    )
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rate", type=float, default=4e-4)
    parser.add_argument("--force", action="store_true")


def phases(steps: int, size: int, rate: float, still: int = 0, fresh: float = 5.0) -> tuple[Phase, ...]:
    """Most steps on smaller pictures, which is cheap; the last quarter at full size and half the rate."""
    from ..train.loop import Phase

    small = max(32, size * 5 // 7 // 16 * 16)
    first = steps * 3 // 4
    parts = (
        Phase(first, min(small, size), rate, still=still, fresh=fresh),
        Phase(steps - first, size, rate / 2, fresh=fresh),
    )
    return tuple(part for part in parts if part.steps > 0)


def run_training(
    args: argparse.Namespace,
    net: LiteNet,
    train: Pictures,
    labels: list[str],
    size: int,
    plan: tuple[Phase, ...],
    objective: Objective,
    stop: Stop,
) -> LiteNet:
    from ..train.loop import Training
    from ..train.loop import train as run

    if train.labels.min(initial=0) == train.labels.max(initial=0):
        raise KitError("only one class is left among the pictures that can be read")
    job = Training(args.out.stem, labels, size, plan, objective, args.seed, args.out, args.threads)
    result = run(net, train.pixels, train.labels, job, stop)
    print(
        f"{args.out}: {sum(p.numel() for p in result.parameters()):,} parameters; `assay-models export` makes it ONNX"
    )
    return result


def _fresh_net(name: str, classes: int, blocks: int | None, seed: int) -> LiteNet:
    import torch

    from ..nets import pretrained, tiny

    torch.manual_seed(seed)
    return tiny(classes, seed) if name == "tiny" else pretrained(name, classes, blocks)


def train_network(args: argparse.Namespace, stop: Stop) -> None:
    from ..train.objectives import Labels

    fresh(args.out, args.force)
    dataset = the_dataset(args, "train")
    net = _fresh_net(args.net, len(dataset.labels), args.blocks, args.seed)
    train = pictures(args, dataset, "train", args.size)
    still = 0 if args.net == "tiny" else 2
    run_training(
        args, net, train, dataset.labels, args.size, phases(args.steps, args.size, args.rate, still), Labels(), stop
    )


def distil_network(args: argparse.Namespace, stop: Stop) -> None:
    from ..train import checkpoint
    from ..train.objectives import Distil

    fresh(args.out, args.force)
    teacher = checkpoint.load(args.teacher)
    dataset = the_dataset(args, "train")
    _same_labels(teacher.labels, dataset.labels, args.teacher)
    net = _fresh_net(args.net, len(teacher.labels), args.blocks, args.seed)
    objective = Distil(teacher.net.requires_grad_(False), args.temperature, args.alpha)
    train = pictures(args, dataset, "train", teacher.size)
    run_training(
        args, net, train, teacher.labels, teacher.size, phases(args.steps, teacher.size, args.rate), objective, stop
    )


def harden_network(args: argparse.Namespace, stop: Stop) -> None:
    from ..train import checkpoint
    from ..train.objectives import Adversarial, Distil

    fresh(args.out, args.force)
    saved = checkpoint.load(args.checkpoint)
    dataset = the_dataset(args, "train")
    _same_labels(saved.labels, dataset.labels, args.checkpoint)
    clean = Distil(checkpoint.load(args.teacher).net.requires_grad_(False)) if args.teacher else None
    steps = 1 if args.attack == "fgsm" else args.attack_steps
    objective = Adversarial(args.eps, steps, args.clean_share, clean)
    train = pictures(args, dataset, "train", saved.size)
    plan = phases(args.steps, saved.size, args.rate, fresh=1)
    run_training(args, saved.net, train, saved.labels, saved.size, plan, objective, stop)


def _same_labels(model: list[str], data: list[str], file: Path) -> None:
    if model != data:
        raise KitError(f"{file} knows the classes {', '.join(model)}, the data has {', '.join(data)}")


def export_network(args: argparse.Namespace, stop: Stop) -> None:
    from ..export import export
    from ..train import checkpoint

    del stop
    saved = checkpoint.load(args.checkpoint)
    export(saved.net, args.out, saved.size)
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.2f} MB, labels {', '.join(saved.labels)}")


def draw_surface(args: argparse.Namespace, stop: Stop) -> None:
    from ..files import write_json
    from ..surface.make_dataset import make_split
    from ..surface.render import SPLITS

    splits = {}
    for split in SPLITS:
        stop.check("nothing is left half: the same command draws the set again")
        splits[split] = make_split(split, args.seed, args.out, args.threads)
    write_json(args.out / "index.json", {"seed": args.seed, "splits": splits})
    say(f"drew {args.out}")
