"""A model under attack: rows per attack and budget, and the curve of accuracy against budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..data.pictures import Pictures
from ..onnxfile.differentiable import OnnxNet
from ..onnxfile.model import ModelFile
from ..onnxfile.runtime import Runner
from ..progress import Stop, say
from ..stats import share
from ..train.memory import keep_freed_memory
from . import libraries, protocol

PICTURES = 200


@dataclass(frozen=True)
class Plan:
    """Which attacks, at which budgets, on how many pictures."""

    attacks: tuple[str, ...] = ("fgsm", "pgd")
    budgets: tuple[float, ...] = protocol.BUDGETS
    pictures: int = PICTURES
    steps: int = libraries.PGD_STEPS
    seed: int = 0


def evaluate(
    model: ModelFile, pictures: Pictures, plan: Plan, stop: Stop, gradients: torch.nn.Module | None = None
) -> dict[str, Any]:
    """Attacks the exported file. Gradients are its own, unless another network is given for them (a transfer attack)."""
    keep_freed_memory()
    some = spread(pictures, plan.pictures)
    runner = Runner(model)
    net = libraries.PixelNet(gradients or OnnxNet(model), model.mean, model.scale)
    classes = int(runner.logits(some.pixels[:1]).shape[1])
    say(
        f"attack: seed {plan.seed}, {len(some)} pictures, {', '.join(plan.attacks)} at {', '.join(f'{b:g}' for b in plan.budgets)}/255"
    )
    rows = []
    for name in plan.attacks:
        for eps in plan.budgets:
            attack = libraries.make(name, net, model.size, classes, plan.seed, plan.steps)
            rows.append(protocol.run(name, attack, runner, some.pixels, some.labels, eps, stop).row())
    right = int((runner.logits(some.pixels).argmax(1) == some.labels).sum())
    return {
        "gradients": "another network's (transfer)"
        if gradients
        else "the file's own; rounding passed straight through",
        "threat": "attacker has the file, does not know the station's detectors; 8-bit pictures",
        "seed": plan.seed,
        "pgd_steps": plan.steps,
        "pictures": len(some),
        "clean_accuracy": share(right, len(some)),
        "rows": rows,
    }


def spread(pictures: Pictures, count: int) -> Pictures:
    """`count` pictures spread evenly over a split, so that every class is there."""
    if count >= len(pictures):
        return pictures
    return pictures.take(np.linspace(0, len(pictures) - 1, count).round().astype(np.int64))
