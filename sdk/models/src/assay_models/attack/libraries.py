"""Attacks of the libraries made for it, on the exported file through its own gradients.

ART (Adversarial Robustness Toolbox) and foolbox are independent of each other and of this kit's own training attack:
where all three agree, a robust figure is less likely to be a mistake in one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import KitError, missing_extra
from .protocol import Attack, Pixels

PGD_STEPS = 20
SQUARE_QUERIES = 300


class PixelNet(nn.Module):
    """A network that takes grey levels / 255, as the libraries want, and gives logits only."""

    def __init__(self, net: nn.Module, mean: float, scale: float):
        super().__init__()
        self.net, self.mean, self.scale = net, mean, scale

    def forward(self, x: Tensor) -> Tensor:
        out = self.net((x * 255 - self.mean) / self.scale)
        logits: Tensor = out[0] if isinstance(out, tuple) else out
        return logits


def make(name: str, net: PixelNet, size: int, classes: int, seed: int, steps: int = PGD_STEPS) -> Attack:
    """An attack by its name: `fgsm`, `pgd` or `square` of ART, `foolbox-pgd`, `foolbox-fgsm`."""
    if name.startswith("foolbox-"):
        return _foolbox(name.removeprefix("foolbox-"), net, seed, steps)
    return _art(name, net, size, classes, seed, steps)


NAMES = ("fgsm", "pgd", "square", "foolbox-fgsm", "foolbox-pgd")


def _art(name: str, net: PixelNet, size: int, classes: int, seed: int, steps: int) -> Attack:
    try:
        from art.attacks.evasion import FastGradientMethod, ProjectedGradientDescentNumpy, SquareAttack
        from art.estimators.classification import PyTorchClassifier
    except ImportError as error:
        raise missing_extra("adversarial-robustness-toolbox", "attack") from error
    target = PyTorchClassifier(
        net, nn.CrossEntropyLoss(), (3, size, size), classes, clip_values=(0.0, 1.0), device_type="cpu"
    )
    makers: dict[str, Callable[[float], Any]] = {
        "fgsm": lambda eps: FastGradientMethod(target, norm=np.inf, eps=eps),
        "pgd": lambda eps: ProjectedGradientDescentNumpy(
            target, norm=np.inf, eps=eps, eps_step=2.5 * eps / steps, max_iter=steps, num_random_init=1, verbose=False
        ),
        "square": lambda eps: SquareAttack(
            target, norm=np.inf, eps=eps, max_iter=SQUARE_QUERIES, nb_restarts=1, verbose=False
        ),
    }
    if name not in makers:
        raise KitError(f"no attack is called {name!r}; there are {', '.join(NAMES)}")
    np.random.seed(seed)

    def attack(pixels: Pixels, labels: NDArray[np.int64], eps: float) -> NDArray[np.floating[Any]]:
        found = makers[name](eps / 255).generate(to_unit(pixels), labels)
        return _to_levels(found, pixels, eps)

    return attack


def _foolbox(name: str, net: PixelNet, seed: int, steps: int) -> Attack:
    try:
        import foolbox
    except ImportError as error:
        raise missing_extra("foolbox", "attack") from error
    model = foolbox.PyTorchModel(net.eval(), bounds=(0, 1), device="cpu")
    if name == "pgd":
        attacker: Any = foolbox.attacks.LinfPGD(rel_stepsize=2.5 / steps, steps=steps, random_start=True)
    elif name == "fgsm":
        attacker = foolbox.attacks.LinfFastGradientAttack()
    else:
        raise KitError(f"no attack of foolbox is called {name!r}; there are {', '.join(NAMES)}")
    torch.manual_seed(seed)

    def attack(pixels: Pixels, labels: NDArray[np.int64], eps: float) -> NDArray[np.floating[Any]]:
        _, found, _ = attacker(model, torch.from_numpy(to_unit(pixels)), torch.from_numpy(labels), epsilons=eps / 255)
        return _to_levels(found.detach().numpy(), pixels, eps)

    return attack


def to_unit(pixels: Pixels) -> NDArray[np.float32]:
    """[N, H, W, 3] of 0..255  ->  [N, 3, H, W] of 0..1."""
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32) / np.float32(255)


def _to_levels(found: NDArray[np.float32], clean: Pixels, eps: float) -> NDArray[np.floating[Any]]:
    """Back to grey levels; float32 may overshoot a budget by a hair, and a hair rounds to a level."""
    levels = found.astype(np.float64).transpose(0, 2, 3, 1) * 255
    start = clean.astype(np.float64)
    result: NDArray[np.floating[Any]] = np.clip(levels, np.ceil(start - eps), np.floor(start + eps))
    return result
