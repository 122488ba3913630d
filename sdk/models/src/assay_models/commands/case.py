"""`case`: the whole way in one command."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..progress import Stop
from .common import Subparsers, command, data_arguments, the_dataset

LEAST_EFFORT, MOST_EFFORT = 0.05, 50.0


def add(parsers: Subparsers) -> None:
    case = command(
        parsers, "case", walk, "Train a float baseline and walk it to a small, hardened int8 model, every step measured"
    )
    data_arguments(case)
    case.add_argument("--out", type=Path, required=True, help="folder; the same command goes on where it was stopped")
    case.add_argument(
        "--trial", action="store_true", help="tiny networks, seconds: is everything there? Its figures say nothing"
    )
    case.add_argument(
        "--effort",
        type=_effort,
        default=1.0,
        help="so many times the steps of every training: 0.25 for a first look, 2 for better figures",
    )
    case.add_argument("--robust-pictures", type=int, default=200)
    case.add_argument("--robust-steps", type=int, default=10)
    case.add_argument("--runs", type=int, default=60, help="of the latency")
    case.add_argument(
        "--latency-again", action="store_true", help="measure the latency of every file anew and keep all else"
    )
    case.add_argument("--assay", type=Path, help="the assay binary, for the latency of the station's own backends")


def _effort(text: str) -> float:
    """A number that makes neither an empty training nor one without an end."""
    value = float(text)
    if not LEAST_EFFORT <= value <= MOST_EFFORT:
        raise argparse.ArgumentTypeError(f"{text} is not from {LEAST_EFFORT:g} to {MOST_EFFORT:g}")
    return value


def walk(args: argparse.Namespace, stop: Stop) -> None:
    from ..case.run import Options, run
    from ..case.training import FULL, TRIAL, Bench

    dataset = the_dataset(args, "train", "test")
    plan = (TRIAL if args.trial else FULL).scaled(args.effort)
    bench = Bench(dataset, args.out, args.seed, args.threads, plan, stop)
    options = Options(args.robust_pictures, args.robust_steps, runs=args.runs, test_limit=args.limit, assay=args.assay)
    for target in run(bench, options, args.latency_again):
        print(f"{'met   ' if target.met else 'missed'}  {target.what}: {target.found} (asked {target.asked})")
    print(f"table: {args.out / 'table.md'}")
