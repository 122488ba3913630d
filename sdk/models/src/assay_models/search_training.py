"""Trained candidates for `search`: the network pruned and trained on, and smaller ones that learn its opinion.

Every training is seeded and leaves NAME.pt and NAME.onnx in the search's folder; one that is there is not repeated, and
one that was stopped goes on. The minutes allowed are those of one call; what they do not suffice for is named.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch

from .data.pictures import Pictures
from .errors import Interrupted, KitError
from .export import export
from .files import claim, sha256
from .nets import LiteNet, pretrained, tiny
from .onnxfile.model import ModelFile
from .onnxfile.runtime import Runner
from .progress import Stop, say
from .prune.structured import prune_structured
from .train import checkpoint
from .train.loop import Phase, Training, predict, train
from .train.objectives import Distil

MOST_TRAININGS = 16
NETS = ("lite0", "lite2", "tiny")
MEASURED = 128
"""Pictures on which the pruning takes its gradients."""
COMPARED = 4
AGREE = 0.02
"""Most by which the checkpoint's logits may differ from those of its ONNX file, as a share of the largest."""

Plan = Callable[[float], tuple[Phase, ...]]
"""The phases of a training, by how many times as fast its last layers learn: new ones know nothing yet."""
Begin = Callable[[LiteNet, Pictures], LiteNet]
"""The network that a training begins with, of the teacher and the training pictures."""


@dataclass(frozen=True)
class Trainings:
    """What is trained, and how much of it at most."""

    checkpoint: Path
    keep_macs: tuple[float, ...]
    pupils: tuple[str, ...]  # NET or NET:BLOCKS
    plan: Plan
    minutes: float
    seed: int
    threads: int


@dataclass
class Found:
    """Networks that are ready, by name, and the names of those that the time did not suffice for."""

    files: dict[str, Path] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)


class OutOfTime(Interrupted):
    """The minutes are over; the training's state is saved."""


class _Until(Stop):
    """Stops a training when somebody asks, or when its time is over."""

    def __init__(self, stop: Stop, end: float):
        super().__init__()
        self._stop, self._end = stop, end

    def check(self, how_to_go_on: str) -> None:
        self._stop.check(how_to_go_on)
        if time.monotonic() >= self._end:
            raise OutOfTime(f"the minutes for training are over; {how_to_go_on}")


def train_candidates(
    model: ModelFile, pictures: Pictures, labels: list[str], wish: Trainings, out: Path, stop: Stop
) -> Found:
    """Trains what is not there yet, in the order asked for, until the time is over."""
    jobs = _jobs(wish)
    teacher = _checked(model, pictures, labels, wish.checkpoint)
    facts = {"checkpoint": sha256(wish.checkpoint.read_bytes()), "pictures": len(pictures), "seed": wish.seed}
    claim(out, {**facts, "phases": str([wish.plan(fresh) for fresh in (1, 5)])})
    until, found = _Until(stop, time.monotonic() + 60 * wish.minutes), Found()
    for name, (begin, fresh) in jobs.items():
        file = out / f"{name.replace(' ', '-')}.onnx"
        job = Training(name, labels, model.size, wish.plan(fresh), Distil(teacher), wish.seed,
                       file.with_suffix(".pt"), wish.threads)  # fmt: skip
        try:
            if not file.exists():
                export(_trained(job, begin, teacher, pictures, until), file, model.size)
            found.files[name] = file
        except OutOfTime as error:
            say(f"{name}: {error}")
            found.left.append(name)
    return found


def _trained(job: Training, begin: Begin, teacher: LiteNet, pictures: Pictures, stop: Stop) -> LiteNet:
    if job.out.exists():
        return checkpoint.load(job.out).net
    stop.check("it was not begun, or its state is kept: the same command goes on")
    return train(begin(teacher, pictures), pictures.pixels, pictures.labels, job, stop)


def _jobs(wish: Trainings) -> dict[str, tuple[Begin, float]]:
    """Each candidate's beginning, and how many times as fast its last layers learn."""
    jobs: dict[str, tuple[Begin, float]] = {}
    for keep in wish.keep_macs:
        if not 0 < keep < 1:
            raise KitError(f"--keep-macs {keep:g} is no share between 0 and 1")
        jobs[f"pruned {keep:g}"] = partial(_pruned, keep=keep), 1
    for words in wish.pupils:
        jobs[f"pupil {words.replace(':', ' ')}"] = _pupil(words, wish.seed), 5
    if not 0 < len(jobs) <= MOST_TRAININGS:
        raise KitError(f"{len(jobs)} trainings are asked for; 1 to {MOST_TRAININGS} are possible")
    return jobs


def _pruned(net: LiteNet, pictures: Pictures, keep: float) -> LiteNet:
    some = pictures.take(slice(0, None, max(1, len(pictures) // MEASURED)))
    return prune_structured(net, some.pixels, some.labels, keep, "taylor").net


def _pupil(words: str, seed: int) -> Begin:
    name, _, blocks = words.partition(":")
    if name not in NETS or (words != name and not (blocks.isdecimal() and int(blocks) > 0)):
        raise KitError(f"--pupils {words}: {', '.join(NETS)} are networks; `:9` behind one cuts it after nine blocks")

    def begin(teacher: LiteNet, pictures: Pictures) -> LiteNet:
        del pictures
        torch.manual_seed(seed)
        classes = teacher.shape().classes
        return tiny(classes, seed) if name == "tiny" else pretrained(name, classes, int(blocks) if blocks else None)

    return begin


def _checked(model: ModelFile, pictures: Pictures, labels: list[str], path: Path) -> LiteNet:
    """The checkpoint's network, held still, if it is that of the model and of the data."""
    saved = checkpoint.load(path)
    if saved.labels != labels:
        raise KitError(f"{path} knows the classes {', '.join(saved.labels)}, the data has {', '.join(labels)}")
    some = pictures.pixels[:COMPARED]
    theirs = Runner(model).logits(some)
    ours = predict(saved.net, some) if saved.size == model.size else np.full_like(theirs, np.inf)
    if ours.shape != theirs.shape or np.abs(ours - theirs).max() > AGREE * np.abs(theirs).max():
        raise KitError(f"{path} is not the network of {model.path}: `assay-models export {path}` writes that one")
    return saved.net.requires_grad_(False).eval()
