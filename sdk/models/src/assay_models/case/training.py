"""The trainings of the case. Each leaves a checkpoint; a step whose checkpoint is there is not repeated."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ..data.pictures import Dataset, Pictures, load
from ..nets import LiteNet, pretrained, tiny
from ..progress import Stop, say
from ..prune.structured import prune_structured
from ..train import checkpoint
from ..train.loop import Phase, Training, train
from ..train.objectives import Adversarial, Distil, Labels

SIZE = 224


@dataclass(frozen=True)
class Plan:
    """How much is trained. `quick` is for trying the command out, and for tests."""

    baseline: tuple[Phase, ...]
    student: tuple[Phase, ...]
    pruned: tuple[Phase, ...]
    hardened: tuple[Phase, ...]
    teacher: str = "lite2"
    student_net: str = "lite0"
    student_blocks: int = 9
    size: int = SIZE
    keep_macs: float = 0.5
    eps: float = 4.0
    clean_share: float = 0.25
    teacher_size: int = 112

    def scaled(self, effort: float) -> Plan:
        """The same plan with `effort` times as many steps in every phase."""
        return replace(
            self,
            baseline=_scaled(self.baseline, effort),
            student=_scaled(self.student, effort),
            pruned=_scaled(self.pruned, effort),
            hardened=_scaled(self.hardened, effort),
        )


TRAININGS = ("baseline", "student", "pruned", "hardened")
"""In the order in which they build on each other; each leaves NAME.pt and NAME.json."""


def _scaled(phases: tuple[Phase, ...], effort: float) -> tuple[Phase, ...]:
    return tuple(replace(phase, steps=max(1, round(effort * phase.steps))) for phase in phases)


FULL = Plan(
    baseline=(Phase(150, 128, 5e-4, still=6), Phase(40, SIZE, 2e-4, batch=24, still=3)),
    student=(Phase(170, 128, 6e-4, still=1), Phase(40, SIZE, 2e-4)),
    pruned=(Phase(160, 128, 2e-3, fresh=1), Phase(60, SIZE, 1e-3, fresh=1)),
    hardened=(Phase(600, 128, 1.2e-3, fresh=1), Phase(320, SIZE, 6e-4, fresh=1)),
)
"""Minutes of one core per training (docs/model-kit.md has them): more are `--effort`."""

TRIAL = Plan(
    baseline=(Phase(20, 32, 3e-3, batch=8),),
    student=(Phase(20, 32, 3e-3, batch=8),),
    pruned=(Phase(10, 32, 2e-3, batch=8, fresh=1),),
    hardened=(Phase(10, 32, 2e-3, batch=8, fresh=1),),
    teacher="tiny",
    student_net="tiny",
    keep_macs=0.8,
    size=32,
)
"""Seconds: whether everything is there. Its figures say nothing."""


@dataclass
class Bench:
    """What every step of the case shares."""

    dataset: Dataset
    out: Path
    seed: int
    threads: int
    plan: Plan
    stop: Stop
    _train: Pictures | None = None

    @property
    def pictures(self) -> Pictures:
        """The training pictures, read once."""
        if self._train is None:
            self._train = load(self.dataset.split("train"), self.dataset.labels, self.plan.size, "training pictures")
        return self._train

    def job(self, name: str, phases: tuple[Phase, ...], objective: object) -> Training:
        file = self.out / f"{name}.pt"
        return Training(name, self.dataset.labels, self.plan.size, phases, objective, self.seed, file, self.threads)  # type: ignore[arg-type]

    def run(self, net: LiteNet, job: Training) -> LiteNet:
        if job.out.exists():
            say(f"{job.name}: {job.out} is there, not trained again")
            return checkpoint.load(job.out).net
        # A copy learns: the step before keeps its own weights, which are exported and measured too.
        return train(deepcopy(net), self.pictures.pixels, self.pictures.labels, job, self.stop)


def fresh(bench: Bench, name: str, blocks: int | None) -> LiteNet:
    """A network to begin with: ImageNet's weights, or the tiny one of a trial."""
    torch.manual_seed(bench.seed)
    classes = len(bench.dataset.labels)
    return tiny(classes, bench.seed) if name == "tiny" else pretrained(name, classes, blocks)


def baseline(bench: Bench) -> LiteNet:
    """EfficientNet-Lite2, whole: the network of the 25 MB class."""
    net = fresh(bench, bench.plan.teacher, None)
    return bench.run(net, bench.job("baseline", bench.plan.baseline, Labels()))


def student(bench: Bench, teacher: LiteNet) -> LiteNet:
    """The first blocks of EfficientNet-Lite0, taught by the baseline."""
    net = fresh(bench, bench.plan.student_net, bench.plan.student_blocks)
    return bench.run(net, bench.job("student", bench.plan.student, _taught(bench, teacher)))


def pruned(bench: Bench, net: LiteNet, teacher: LiteNet) -> LiteNet:
    """Channels that the loss misses least are taken out; the rest learns to do without them."""
    job = bench.job("pruned", bench.plan.pruned, _taught(bench, teacher))
    if not job.out.exists():
        some = bench.pictures.take(slice(0, None, max(1, len(bench.pictures) // 128)))
        net = prune_structured(net, some.pixels, some.labels, keep_macs=bench.plan.keep_macs, criterion="taylor").net
    return bench.run(net, job)


def hardened(bench: Bench, net: LiteNet, teacher: LiteNet) -> LiteNet:
    """Most of every lesson is the attacker's worst picture, the rest the teacher's opinion on the honest one."""
    taught = _taught(bench, teacher)
    objective = Adversarial(bench.plan.eps, steps=1, clean_share=bench.plan.clean_share, clean=taught)
    return bench.run(net, bench.job("hardened", bench.plan.hardened, objective))


def _taught(bench: Bench, teacher: LiteNet) -> Distil:
    return Distil(frozen(teacher), teacher_size=bench.plan.teacher_size)


def frozen(net: LiteNet) -> LiteNet:
    return net.requires_grad_(False).eval()
