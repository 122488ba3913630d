"""The training loop: phases, a moving average of the weights, checkpoints that a stopped training goes on from.

Every random choice comes from (seed, phase, step), so a training that was stopped sees the same pictures as one that
was not. The order of sums depends on threads: weights are repeatable on one thread and one version of torch only.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import Interrupted, KitError
from ..files import replacing, write_json
from ..nets import MEAN, SCALE, LiteNet
from ..progress import Progress, Stop, say
from . import checkpoint
from .augment import views
from .memory import keep_freed_memory
from .objectives import Objective, logits_of, settings

AVERAGING = 0.985
"""Most that the moving average keeps of itself per step; short phases forget faster, so that they count too."""
SECONDS_BETWEEN_CHECKPOINTS = 60.0
CLIP_NORM = 2.0


@dataclass(frozen=True)
class Phase:
    """One stretch of training."""

    steps: int
    size: int  # pixels per side
    rate: float  # peak learning rate of the learnt layers; fresh ones learn `fresh` times as fast
    batch: int = 32
    still: int = 0  # blocks held still, counted from the input (the stem too if > 0)
    fresh: float = 5.0


@dataclass
class Training:
    """All that a training needs."""

    name: str
    labels: list[str]
    size: int
    phases: tuple[Phase, ...]
    objective: Objective
    seed: int
    out: Path
    threads: int = 1
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def state_file(self) -> Path:
        return self.out.with_suffix(".state")


def to_tensor(pixels: NDArray[np.uint8], device: torch.device | None = None) -> Tensor:
    """[N, H, W, 3] of 0..255  ->  [N, 3, H, W] of (x - 127) / 128."""
    x = torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).float().sub_(MEAN).div_(SCALE)
    return x.contiguous(memory_format=torch.channels_last).to(device or torch.device("cpu"))


def best_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train(net: LiteNet, pixels: NDArray[np.uint8], labels: NDArray[np.int64], job: Training, stop: Stop) -> LiteNet:
    """Trains `net`, or goes on where a stopped training of the same kind left off; returns the averaged network."""
    torch.set_num_threads(job.threads)
    keep_freed_memory()
    torch.manual_seed(job.seed)
    say(f"{job.name}: seed {job.seed}, {len(labels)} pictures, {job.threads} thread(s), {best_device()}")
    run = _Run(net, job)
    run.resume()
    try:
        for number in range(run.phase, len(job.phases)):
            run.begin(number)
            _phase(run, pixels, labels, stop)
    except Interrupted:
        run.save()
        raise
    run.clock()
    average = run.average.cpu()
    record = {
        "seed": job.seed,
        "seconds": round(run.seconds),
        "processor_seconds": round(run.processor_seconds),
        "pictures": len(labels),
        "objective": settings(job.objective),
        "phases": [asdict(p) for p in job.phases],
        **job.record,
    }
    checkpoint.save(job.out, average, job.labels, job.size, record=record)
    write_json(job.out.with_suffix(".json"), {"name": job.name, **record, "losses": run.losses})
    job.state_file.unlink(missing_ok=True)
    return average.eval()


class _Run:
    """A training under way."""

    def __init__(self, net: LiteNet, job: Training):
        self.job, self.device = job, best_device()
        self.net = net.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = LiteNet(net.shape()).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average.load_state_dict(net.state_dict())
        self.phase, self.step = 0, 0
        self.seconds, self.processor_seconds = 0.0, 0.0
        self._clocks = time.monotonic(), time.process_time()
        self.losses: list[list[float]] = []
        self.optimiser: torch.optim.Optimizer | None = None
        self._pending: dict[str, Any] | None = None
        self._saved = time.monotonic()

    def begin(self, number: int) -> None:
        """Sets up a phase; a resumed one keeps its step and its optimiser's memory."""
        if self._pending is None and number != self.phase:
            self.step = 0
        self.phase = number
        phase = self.job.phases[number]
        for parameter in self.net.parameters():
            parameter.requires_grad_(True)
        if phase.still:
            for module in (self.net.stem, *list(self.net.blocks)[: phase.still]):
                module.requires_grad_(False)
        fresh = [*self.net.head.parameters(), *self.net.classifier.parameters()]
        learnt = [p for p in (*self.net.stem.parameters(), *self.net.blocks.parameters()) if p.requires_grad]
        groups = [{"params": learnt, "lr": phase.rate}, {"params": fresh, "lr": phase.fresh * phase.rate}]
        self.optimiser = torch.optim.AdamW(groups, weight_decay=1e-3)
        for group in self.optimiser.param_groups:
            group["peak"] = group["lr"]
        if self._pending is not None:
            self.optimiser.load_state_dict(self._pending)
            self._pending = None

    def rates(self) -> None:
        """A short warm-up and a cosine down to nothing."""
        assert self.optimiser is not None
        phase = self.job.phases[self.phase]
        warm = min(1.0, (self.step + 1) / max(1, phase.steps // 8))
        factor = warm * 0.5 * (1 + math.cos(math.pi * self.step / phase.steps))
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * factor

    def clock(self) -> None:
        """Adds what has passed since the last call: on a shared machine the processor's time says what it costs."""
        now = time.monotonic(), time.process_time()
        self.seconds += now[0] - self._clocks[0]
        self.processor_seconds += now[1] - self._clocks[1]
        self._clocks = now

    def save(self) -> None:
        """What `resume` needs, whole or not at all."""
        assert self.optimiser is not None
        self.clock()
        state = {
            "fingerprint": _fingerprint(self.job),
            "shape": self.net.shape().as_dict(),
            "phase": self.phase,
            "step": self.step,
            "seconds": self.seconds,
            "processor_seconds": self.processor_seconds,
            "losses": self.losses,
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        with replacing(self.job.state_file) as part:
            torch.save(state, part)
        self._saved = time.monotonic()

    def save_now_and_then(self) -> None:
        if time.monotonic() - self._saved > SECONDS_BETWEEN_CHECKPOINTS:
            self.save()

    def resume(self) -> None:
        """Takes up a stopped training of the same settings; another's is left alone and said."""
        if not self.job.state_file.exists():
            return
        state = torch.load(self.job.state_file, map_location=self.device, weights_only=True)
        if state["fingerprint"] != _fingerprint(self.job) or state["shape"] != self.net.shape().as_dict():
            raise KitError(
                f"{self.job.state_file} is of a training with other settings: remove it to begin anew, or repeat the "
                "command with the settings of then"
            )
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        self.phase, self.step = state["phase"], state["step"]
        self.seconds, self.processor_seconds = state["seconds"], state["processor_seconds"]
        self.losses, self._pending = state["losses"], state["optimiser"]
        say(f"{self.job.name}: going on at phase {self.phase + 1}, step {self.step}")


def _fingerprint(job: Training) -> str:
    phases = [asdict(phase) for phase in job.phases]
    return json.dumps([job.name, job.seed, job.labels, phases, settings(job.objective)])


def _phase(run: _Run, pixels: NDArray[np.uint8], labels: NDArray[np.int64], stop: Stop) -> None:
    job, phase = run.job, run.job.phases[run.phase]
    total = sum(p.steps for p in job.phases)
    before = sum(p.steps for p in job.phases[: run.phase])
    progress = Progress(f"{job.name}, {phase.size} px", phase.steps, run.step)
    while run.step < phase.steps:
        stop.check(f"the same command goes on from {job.state_file}")
        chosen = _chosen(len(labels), job.seed, run.phase, run.step, phase.batch)
        rng = np.random.default_rng([job.seed, run.phase, run.step])
        torch.manual_seed(int(rng.integers(2**31)))
        x = to_tensor(views(pixels, chosen, phase.size, rng), run.device)
        y = torch.from_numpy(labels[chosen]).to(run.device)
        loss = _step(run, x, y, (before + run.step) / total)
        run.step += 1
        progress.step(f"loss {loss:.3f}")
        if run.step % 10 == 0:
            run.losses.append([before + run.step, round(loss, 4)])
        run.save_now_and_then()


def _step(run: _Run, x: Tensor, y: Tensor, share: float) -> float:
    assert run.optimiser is not None
    run.rates()
    run.net.train()
    loss = run.job.objective(run.net, x, y, share)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise KitError(
            f"{run.job.name}: the loss is {value} at step {run.step} of phase {run.phase + 1}. Try a lower --rate; "
            f"nothing was written to {run.job.out}"
        )
    run.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(run.net.parameters(), CLIP_NORM)
    run.optimiser.step()
    horizon = max(2.0, 0.15 * run.job.phases[run.phase].steps)
    keep = min(AVERAGING, 1 - 1 / horizon, run.step / (run.step + 10) if run.phase == 0 else 1.0)
    with torch.no_grad():
        for slow, fast in zip(run.average.parameters(), run.net.parameters(), strict=True):
            slow.lerp_(fast, 1 - keep)
    return value


def _chosen(count: int, seed: int, phase: int, step: int, batch: int) -> NDArray[np.int64]:
    """Places of one batch in an endless row of shuffled epochs."""
    first = step * batch
    epochs = range(first // count, (first + batch - 1) // count + 1)
    rows = [np.random.default_rng([seed, phase, epoch, 7]).permutation(count) for epoch in epochs]
    start = first - epochs[0] * count
    return np.concatenate(rows)[start : start + batch]


def predict(net: nn.Module, pixels: NDArray[np.uint8], batch: int = 32) -> NDArray[np.float32]:
    """Logits [N, classes] of pictures [N, S, S, 3]."""
    net.eval()
    device = next(net.parameters()).device
    with torch.inference_mode():
        parts = [logits_of(net, to_tensor(pixels[k : k + batch], device)).cpu() for k in range(0, len(pixels), batch)]
    return torch.cat(parts).numpy()


Predict = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
