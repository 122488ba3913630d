"""Attacks on a picture, all in the 8-bit world a station reads.

Budgets are in grey levels (eps / 255 of full scale). The white-box attacks see the float32 network's
gradients; the black-box one sees only probabilities. Every result is rounded to 8 bits, because a picture
that a camera or a file cannot hold is not an attack on a station.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .measure import Floats
from .textures import Random

Pixels = NDArray[np.uint8]  # [N, H, W, 3]
Probabilities = Callable[[Pixels], Floats]  # pictures -> softmax [N, 5]


def fgsm(net: nn.Module, pictures: Pixels, labels: NDArray[np.int64], eps: float) -> Pixels:
    """Fast gradient sign method: one step of `eps` grey levels uphill."""
    x = _levels(pictures)
    return _to_pixels(x + eps * _gradient(net, x, labels).sign())


def pgd(net: nn.Module, pictures: Pixels, labels: NDArray[np.int64], eps: float, steps: int, rng: Random) -> Pixels:
    """Projected gradient descent: many small steps uphill, never further than `eps` grey levels away."""
    clean = _levels(pictures)
    low, high = (clean - eps).clamp(0, 255), (clean + eps).clamp(0, 255)
    x = clean + torch.from_numpy(rng.uniform(-eps, eps, clean.shape).astype(np.float32))
    stride = max(2.5 * eps / steps, 0.25)
    for _ in range(steps):
        x = torch.min(torch.max(x, low), high)
        x = x + stride * _gradient(net, x, labels).sign()
    return _to_pixels(torch.min(torch.max(x, low), high))


def square(ask: Probabilities, picture: Pixels, label: int, eps: int, queries: int, rng: Random) -> tuple[Pixels, int]:
    """Square attack (Andriushchenko et al. 2020, Linf): random squares, kept when the margin shrinks.

    `picture` is [H, W, 3]. Returns the last picture and the queries used.
    """
    height, width, _ = picture.shape
    clean = picture.astype(np.int16)
    stripes = rng.choice((-eps, eps), (1, width, 3))
    best = np.clip(clean + stripes, 0, 255)
    margin = _margin(ask, best, label)
    for query in range(1, queries):
        if margin < 0:
            return best.astype(np.uint8), query
        side = max(3, int(round(np.sqrt(_share(query / queries) * height * width))))
        top, left = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
        window = np.s_[top : top + side, left : left + side]
        trial = best.copy()
        trial[window] = np.clip(clean[window] + rng.choice((-eps, eps), (1, 1, 3)), 0, 255)
        trial_margin = _margin(ask, trial, label)
        if trial_margin < margin:
            best, margin = trial, trial_margin
    return best.astype(np.uint8), queries


def _share(progress: float, start: float = 0.3) -> float:
    """Share of the picture that a square covers: halved at set points of the query budget."""
    points = (0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
    return start / 2 ** sum(progress > point for point in points)


def _margin(ask: Probabilities, picture: NDArray[np.int16], label: int) -> float:
    """How far the right class leads, in log-probability; negative when the model is fooled."""
    scores = np.log(ask(picture.astype(np.uint8)[None])[0] + 1e-12)
    return float(scores[label] - np.delete(scores, label).max())


def _gradient(net: nn.Module, levels: Tensor, labels: NDArray[np.int64]) -> Tensor:
    """Gradient of the loss by grey level, [N, 3, H, W]."""
    levels = levels.detach().requires_grad_(True)
    logits = net(((levels - 127) / 128).contiguous(memory_format=torch.channels_last))[0]
    loss = nn.functional.cross_entropy(logits, torch.from_numpy(np.asarray(labels)), reduction="sum")
    return torch.autograd.grad(loss, levels)[0]


def _levels(pictures: Pixels) -> Tensor:
    return torch.from_numpy(pictures.transpose(0, 3, 1, 2).astype(np.float32))


def _to_pixels(levels: Tensor) -> Pixels:
    rounded = levels.detach().clamp(0, 255).round().to(torch.uint8)
    return np.ascontiguousarray(rounded.numpy().transpose(0, 2, 3, 1))
