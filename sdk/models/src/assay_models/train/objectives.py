"""What a training step asks of the network: the labels, a teacher's opinion, an attacker's worst picture."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ..nets import SCALE

SMOOTHING = 0.05


class Objective(Protocol):
    """The loss of one batch. `share` is how much of the training is behind, 0 to 1."""

    def __call__(self, net: nn.Module, x: Tensor, labels: Tensor, share: float) -> Tensor: ...


def settings(objective: object) -> Any:
    """The plain values of an objective and of those inside it; a network in it is named, not described."""
    if not is_dataclass(objective) or isinstance(objective, type):
        return getattr(objective, "__name__", type(objective).__name__)
    values = {field.name: getattr(objective, field.name) for field in fields(objective)}
    plain = {name: v if isinstance(v, int | float | str | None) else settings(v) for name, v in values.items()}
    return {"objective": type(objective).__name__, **plain}


def logits_of(net: nn.Module, x: Tensor) -> Tensor:
    out = net(x)
    logits: Tensor = out[0] if isinstance(out, tuple) else out
    return logits


@dataclass
class Labels:
    """Cross-entropy with a little smoothing."""

    def __call__(self, net: nn.Module, x: Tensor, labels: Tensor, share: float) -> Tensor:
        del share
        return nn.functional.cross_entropy(logits_of(net, x), labels, label_smoothing=SMOOTHING)


@dataclass
class Distil:
    """Hinton's distillation: `alpha` of the loss is the teacher's softened opinion, the rest the labels.

    `teacher_size` shows the teacher a smaller copy: it is several times as large as its pupil, and most of the cost.
    """

    teacher: nn.Module
    temperature: float = 3.0
    alpha: float = 0.7
    teacher_size: int | None = None

    def __call__(self, net: nn.Module, x: Tensor, labels: Tensor, share: float) -> Tensor:
        del share
        logits = logits_of(net, x)
        hard = nn.functional.cross_entropy(logits, labels, label_smoothing=SMOOTHING)
        return (1 - self.alpha) * hard + self.alpha * self.soft(logits, x)

    def soft(self, logits: Tensor, x: Tensor) -> Tensor:
        """Kullback-Leibler distance to the teacher, at the temperature, with its gradient scaled back."""
        with torch.no_grad():
            if self.teacher_size and self.teacher_size < x.shape[2]:
                x = nn.functional.interpolate(
                    x, (self.teacher_size, self.teacher_size), mode="bilinear", antialias=True
                )
            # It comes from a file, and so to the processor; a pupil may learn elsewhere.
            target = (logits_of(self.teacher.to(x.device), x) / self.temperature).softmax(1)
        student = (logits / self.temperature).log_softmax(1)
        return nn.functional.kl_div(student, target, reduction="batchmean") * self.temperature**2


@dataclass
class Adversarial:
    """Adversarial training: part of the loss is taken on the worst pictures within `eps` grey levels.

    One step (FGSM) starts from noise twice as wide as the budget, which keeps the single step from being learnt by
    heart (de Jorge et al. 2022); several steps are PGD (Madry et al. 2018). The budget grows over the first third of
    the training. `clean_share` of each batch's loss stays with the honest pictures.
    """

    eps: float
    steps: int = 1
    clean_share: float = 0.5
    clean: Objective | None = None
    grow: float = 0.33

    def __call__(self, net: nn.Module, x: Tensor, labels: Tensor, share: float) -> Tensor:
        eps = self.eps * min(1.0, (share + 0.02) / self.grow) if self.grow > 0 else self.eps
        worst = self.worst(net, x, labels, eps / SCALE)
        attacked = nn.functional.cross_entropy(logits_of(net, worst), labels, label_smoothing=SMOOTHING)
        if self.clean_share <= 0:
            return attacked
        clean = (self.clean or Labels())(net, x, labels, share)
        return self.clean_share * clean + (1 - self.clean_share) * attacked

    def worst(self, net: nn.Module, x: Tensor, labels: Tensor, eps: float) -> Tensor:
        """The picture that the attacker would show, in the network's own units."""
        low, high = (0 - 127.0) / SCALE, (255 - 127.0) / SCALE
        was_training = net.training
        net.eval()  # dropout would blur the gradient
        reach = 2 * eps if self.steps == 1 else eps
        noise = torch.empty_like(x).uniform_(-reach, reach)
        delta = noise
        for _ in range(self.steps):
            point = (x + delta).clamp(low, high).detach().requires_grad_(True)
            loss = nn.functional.cross_entropy(logits_of(net, point), labels)
            gradient = torch.autograd.grad(loss, point)[0]
            stride = eps if self.steps == 1 else 2.5 * eps / self.steps
            delta = point.detach() - x + stride * gradient.sign()
            if self.steps > 1:
                delta = delta.clamp(-eps, eps)
        net.train(was_training)
        return (x + delta).clamp(low, high).detach()
