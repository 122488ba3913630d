"""How an attack is counted.

* A victim is a picture that the exported file gets right; others cannot be attacked and are not counted as robust.
* The attacked picture is rounded to 8 bits before anybody looks at it: a station reads cameras and files.
* It counts as a success where the file's answer then is wrong, and as inside the budget where no pixel moved further
  than eps grey levels (checked, not believed).
* Robust accuracy is the share of all pictures tried, right before and after.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import KitError
from ..onnxfile.runtime import Runner
from ..progress import Progress, Stop
from ..stats import share

Pixels = NDArray[np.uint8]
Attack = Callable[[Pixels, NDArray[np.int64], float], NDArray[np.floating[Any]]]
"""Pictures [N, S, S, 3] and their labels and eps in grey levels -> attacked pictures in grey levels, not yet rounded."""

BUDGETS = (2.0, 4.0, 8.0, 16.0, 76.5)
"""In grey levels of 255; the last is 0.3 of full scale, the case of the tutorials, and plainly visible."""
BATCH = 25


@dataclass
class Outcome:
    """One attack at one budget."""

    attack: str
    eps: float
    pictures: int
    victims: int
    fooled: int
    seconds: float
    examples: list[tuple[int, Pixels]] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        return {
            "attack": self.attack,
            "eps_255": self.eps,
            "victims": self.victims,
            "succeeded": share(self.fooled, self.victims),
            "robust_accuracy": share(self.victims - self.fooled, self.pictures),
            "seconds": round(self.seconds, 1),
        }


def run(
    name: str, attack: Attack, runner: Runner, pixels: Pixels, labels: NDArray[np.int64], eps: float, stop: Stop
) -> Outcome:
    """Attacks every picture that the file gets right."""
    started = time.monotonic()
    right = np.flatnonzero(runner.logits(pixels).argmax(1) == labels)
    outcome = Outcome(name, eps, len(labels), len(right), 0, 0.0)
    progress = Progress(f"{name} {eps:g}/255", len(right))
    for k in range(0, len(right), BATCH):
        stop.check("nothing was written; the same command begins anew")
        places = right[k : k + BATCH]
        attacked = to_bytes(attack(pixels[places], labels[places], eps))
        _check_budget(name, attacked, pixels[places], eps)
        wrong = runner.logits(attacked).argmax(1) != labels[places]
        outcome.fooled += int(wrong.sum())
        outcome.examples += [
            (int(place), picture) for place, picture in zip(places[wrong], attacked[wrong], strict=True)
        ]
        progress.step(f"{outcome.fooled} fooled", len(places))
    outcome.seconds = time.monotonic() - started
    return outcome


def to_bytes(levels: NDArray[np.floating[Any]]) -> Pixels:
    """What a camera or a file can hold."""
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def _check_budget(name: str, attacked: Pixels, clean: Pixels, eps: float) -> None:
    moved = int(np.abs(attacked.astype(np.int16) - clean.astype(np.int16)).max(initial=0))
    # eps of 76.5 rounds to 77 at most.
    if moved > int(np.ceil(eps)):
        raise KitError(
            f"{name} moved a pixel by {moved} grey levels, its budget is {eps:g}; its figures would be wrong"
        )
