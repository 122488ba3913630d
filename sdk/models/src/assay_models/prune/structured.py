"""Structured pruning with torch-pruning: channels really vanish, so the file shrinks and the answer comes sooner.

Three opinions on which channels are needed least:
* `magnitude`: those with the smallest weights (L2 over the group of layers that have to lose the channel together);
* `apoz`: those whose activation is zero most often (Hu et al. 2016) on the pictures given;
* `taylor`: those whose removal changes the loss least, to first order (Molchanov et al. 2019).

A pruned network knows little until it has been trained further; the figure before that is shown as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import KitError, missing_extra
from ..nets import ConvAct, LiteNet
from ..train.loop import to_tensor
from ..train.objectives import logits_of

CRITERIA = ("magnitude", "apoz", "taylor")
ROUND_TO = 8
"""Channels stay a multiple of this: engines work on vectors of eight and more."""
STEPS = 40
MOST = 0.85
BATCH = 16


@dataclass
class Pruned:
    """What is left, and how much that is."""

    net: LiteNet
    macs_before: int
    macs_after: int
    parameters_before: int
    parameters_after: int


def macs_and_parameters(net: nn.Module, size: int) -> tuple[int, int]:
    """Multiply-adds of one picture, and parameters, of any network of convolutions and linear layers."""
    total = 0

    def count(layer: nn.Module, _: object, output: Tensor) -> None:
        nonlocal total
        assert isinstance(layer.weight, Tensor)
        total += output.numel() * layer.weight[0].numel()

    hooks = [m.register_forward_hook(count) for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    device = next(net.parameters()).device
    with torch.inference_mode():
        net.eval()(torch.zeros(1, 3, size, size, device=device))
    for hook in hooks:
        hook.remove()
    return total, sum(p.numel() for p in net.parameters())


def prune_structured(
    net: LiteNet,
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    keep_macs: float,
    criterion: str,
) -> Pruned:
    """Takes channels out, everywhere alike, until at most `keep_macs` (a share) of the multiply-adds are left."""
    if not 0.05 <= keep_macs < 1:
        raise KitError(f"keep_macs is {keep_macs}: it is the share of multiply-adds to keep, from 0.05 to below 1")
    try:
        import torch_pruning as tp
    except ImportError as error:
        raise missing_extra("torch-pruning", "train") from error
    size = int(pixels.shape[1])
    net = _copy_to_cut(net)
    before, parameters = macs_and_parameters(net, size)
    importance = _importance(tp, criterion, net, pixels, labels)
    pruner = tp.pruner.BasePruner(
        net,
        torch.zeros(1, 3, size, size),
        importance=importance,
        pruning_ratio=MOST,
        iterative_steps=STEPS,
        round_to=ROUND_TO,
        ignored_layers=[net.head, net.classifier],
    )
    after = before
    for _ in range(STEPS):
        if after <= keep_macs * before:
            break
        # The gradients and activations of the channels that are left do not change in between: one look is enough.
        pruner.step()
        after, _ = macs_and_parameters(net, size)
    if after > keep_macs * before:
        raise KitError(f"only {1 - after / before:.0%} of the multiply-adds can be taken out of this network")
    small = LiteNet(net.shape())
    small.load_state_dict(net.state_dict())
    return Pruned(small, before, after, parameters, sum(p.numel() for p in small.parameters()))


def _copy_to_cut(net: LiteNet) -> LiteNet:
    """A copy that may be cut up, with every weight learning."""
    copy = LiteNet(net.shape())
    copy.load_state_dict(net.state_dict())
    return copy.requires_grad_(True).eval()


def _importance(tp: Any, criterion: str, net: LiteNet, pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> Any:
    if criterion == "magnitude":
        return tp.importance.GroupMagnitudeImportance(p=2)
    if criterion == "taylor":
        _gradients(net, pixels, labels)
        return tp.importance.GroupTaylorImportance()
    if criterion == "apoz":
        return _Apoz(tp, net, pixels)
    raise KitError(f"no criterion is called {criterion!r}; there are {', '.join(CRITERIA)}")


def _gradients(net: LiteNet, pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
    """Leaves the root mean square of every gradient over the pictures given, each on its own, as the criterion squares
    before it averages. The gradients of all of them together cancel out, the more the better the network is trained."""
    parameters = [parameter for parameter in net.parameters() if parameter.requires_grad]
    squares = [torch.zeros_like(parameter) for parameter in parameters]
    for k in range(len(labels)):
        net.zero_grad()
        x, y = to_tensor(pixels[k : k + 1]), torch.from_numpy(labels[k : k + 1])
        nn.functional.cross_entropy(logits_of(net, x), y).backward()
        for square, parameter in zip(squares, parameters, strict=True):
            if parameter.grad is not None:
                square.addcmul_(parameter.grad, parameter.grad)
    for square, parameter in zip(squares, parameters, strict=True):
        parameter.grad = square.div_(max(len(labels), 1)).sqrt_()


class _Apoz:
    """Share of activations above zero per channel; where none follows (a projection), the weights speak.

    Measured anew whenever channels have gone since: places move up when others leave.
    """

    def __init__(self, tp: Any, net: LiteNet, pixels: NDArray[np.uint8]):
        self._weights = tp.importance.GroupMagnitudeImportance(p=2)
        self._outputs = (tp.prune_conv_out_channels, tp.prune_depthwise_conv_out_channels)
        self._net, self._pixels = net, pixels
        self._measure()

    def _measure(self) -> None:
        self._alive = alive_shares(self._net, self._pixels)

    @torch.no_grad()
    def __call__(self, group: Any) -> Tensor:
        found = [(dep.target.module, places) for dep, places in group if dep.handler in self._outputs]
        if any(len(self._alive[layer]) != layer.out_channels for layer, _ in found if layer in self._alive):
            self._measure()
        shares = [self._alive[layer][places] for layer, places in found if layer in self._alive]
        if not shares:
            by_weight: Tensor = self._weights(group)
            return by_weight
        return torch.stack(shares).mean(0)


def alive_shares(net: LiteNet, pixels: NDArray[np.uint8]) -> dict[nn.Module, Tensor]:
    """Per convolution that is followed by an activation: the share of its outputs above zero, by channel (1 - APoZ)."""
    sums: dict[nn.Module, Tensor] = {}
    watched = [m.conv for m in net.modules() if isinstance(m, ConvAct) and any(isinstance(k, nn.ReLU6) for k in m)]

    def hook(layer: nn.Module, _: object, output: Tensor) -> None:
        share = (output > 0).float().mean((0, 2, 3)) * len(output)
        sums[layer] = sums.get(layer, torch.zeros_like(share)) + share

    hooks = [layer.register_forward_hook(hook) for layer in watched]
    with torch.inference_mode():
        for k in range(0, len(pixels), BATCH):
            net(to_tensor(pixels[k : k + BATCH]))
    for handle in hooks:
        handle.remove()
    return {layer: total / len(pixels) for layer, total in sums.items()}
