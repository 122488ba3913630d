"""Fine-tunes the shortened EfficientNet-Lite0 on the surface set.

    python -m assay_models.surface.train --dataset build/dataset --out build/surface.pt

Two phases: small pictures first, with the layers that only see edges and colours held still, which is cheap;
then full-size pictures with every layer free. Writes the weights and, beside them, training.json.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from . import INPUT_SIZE, LABELS
from .augment import augment
from .make_dataset import DEFAULT_SEED, read_picture, read_split, to_input_size
from .measure import normalise
from .network import SurfaceNet, pretrained


@dataclass(frozen=True)
class Phase:
    """One stretch of training."""

    steps: int
    size: int  # pixels per side
    rate: float  # peak learning rate of the published layers; the fresh ones learn five times as fast
    still: int  # blocks held still, counted from the input (the stem too if > 0)


PHASES = (Phase(steps=300, size=160, rate=4e-4, still=2), Phase(steps=110, size=INPUT_SIZE, rate=2e-4, still=0))
BATCH = 32
AVERAGING = 0.99


@dataclass
class Pictures:
    """A split in memory."""

    pixels: NDArray[np.uint8]  # [N, 224, 224, 3]
    labels: NDArray[np.int64]  # [N]


def load_split(dataset: Path, split: str, step: int = 1) -> Pictures:
    """Every `step`-th picture of a split at the model's input size."""
    rows = read_split(dataset, split)[::step]
    pixels = np.stack([to_input_size(read_picture(dataset / row.file)) for row in rows])
    return Pictures(pixels, np.array([LABELS.index(row.label) for row in rows]))


def accuracy(net: nn.Module, pictures: Pictures) -> float:
    """Share of right answers."""
    net.eval()
    hits = 0
    with torch.inference_mode():
        for k in range(0, len(pictures.labels), 32):
            logits = net(_tensor(pictures.pixels[k : k + 32]))[0]
            hits += int((logits.argmax(1).numpy() == pictures.labels[k : k + 32]).sum())
    return hits / len(pictures.labels)


def run_phase(net: SurfaceNet, average: SurfaceNet, data: Pictures, phase: Phase, rng: np.random.Generator) -> None:
    """Trains `net` for one phase; `average` follows it as a moving average of its weights."""
    still = [net.stem, *net.blocks[: phase.still]] if phase.still else []
    for parameter in net.parameters():
        parameter.requires_grad_(True)
    for module in still:
        module.requires_grad_(False)
    optimiser, schedule = _optimiser(net, phase)
    criterion, started = nn.CrossEntropyLoss(label_smoothing=0.05), time.time()
    order = _endless_order(len(data.labels), rng)
    for step in range(phase.steps):
        chosen = [next(order) for _ in range(BATCH)]
        batch = np.stack([augment(data.pixels[k], phase.size, rng) for k in chosen])
        net.train()
        loss = criterion(net(_tensor(batch))[0], torch.from_numpy(data.labels[chosen]))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        schedule.step()
        _follow(average, net, min(AVERAGING, step / (step + 10)))
        if step % 20 == 0:
            seconds = time.time() - started
            print(f"{phase.size} px, step {step}/{phase.steps}: loss {loss.item():.3f}, {seconds:.0f} s", flush=True)


def _optimiser(net: SurfaceNet, phase: Phase) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """AdamW with a short warm-up and a cosine down to nothing."""
    fresh = [*net.head.parameters(), *net.classifier.parameters()]
    published = [p for p in (*net.stem.parameters(), *net.blocks.parameters()) if p.requires_grad]
    groups = [{"params": published, "lr": phase.rate}, {"params": fresh, "lr": 5 * phase.rate}]
    optimiser = torch.optim.AdamW(groups, weight_decay=1e-3)

    def shape(step: int) -> float:
        return min(1.0, (step + 1) / 40) * 0.5 * (1 + np.cos(np.pi * step / phase.steps))

    return optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, shape)


def _endless_order(count: int, rng: np.random.Generator) -> Iterator[int]:
    """Indices of one shuffled epoch after the other."""
    while True:
        yield from rng.permutation(count)


@torch.no_grad()
def _follow(average: SurfaceNet, net: SurfaceNet, keep: float) -> None:
    for slow, fast in zip(average.parameters(), net.parameters(), strict=True):
        slow.lerp_(fast, 1 - keep)


def _tensor(pixels: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(normalise(pixels)).contiguous(memory_format=torch.channels_last)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, default=Path("build/dataset"))
    parser.add_argument("--out", type=Path, default=Path("build/surface.pt"))
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(args.seed)
    rng, started = np.random.default_rng(args.seed), time.time()

    data, held_out = load_split(args.dataset, "train"), load_split(args.dataset, "val", step=3)
    net, average = (pretrained().to(memory_format=torch.channels_last) for _ in range(2))
    average.load_state_dict(net.state_dict())
    scores = []
    for phase in PHASES:
        run_phase(net, average, data, phase, rng)
        torch.save(average.state_dict(), args.out)
        scores.append(accuracy(average, held_out))
        print(f"validation accuracy {scores[-1]:.4f} on {len(held_out.labels)} pictures", flush=True)
    record = {
        "seed": args.seed,
        "threads": args.threads,
        "seconds": round(time.time() - started),
        "batch": BATCH,
        "phases": [asdict(phase) for phase in PHASES],
        "validation_accuracy": scores,
    }
    args.out.with_name("training.json").write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
