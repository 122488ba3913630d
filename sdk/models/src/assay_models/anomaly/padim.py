"""A PaDiM-style model: what every patch of a good picture looks like, and how far a patch lies from that.

Defard et al. 2021 keep one Gaussian per place of the picture. Parts of a real line lie the same way in every picture;
those of the demo set do not, and then a Gaussian per place learns noise. So the model has two ways, and the validation
pictures choose: a Gaussian `per place`, or one for all places (`shared`), with the full covariance of the kept
channels either way. The distance is Mahalanobis'. All of it is a convolution and a sum of squares, so it exports to
plain ONNX: whitening is a 1 x 1 convolution (per place: a product), the distance is the norm of what comes out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..nets import LiteNet

SHRINK = 0.05
"""Share of the covariance that is replaced by its mean variance: it keeps rare directions from ruling the distance."""


class Trunk(nn.Module):
    """Two depths of a backbone, brought to the size of the first and put side by side: [N, C, h, w]."""

    def __init__(self, net: LiteNet, cut: tuple[int, int]):
        super().__init__()
        self.stem = net.stem
        self.first = nn.Sequential(*list(net.blocks)[: cut[0]])
        self.second = nn.Sequential(*list(net.blocks)[cut[0] : cut[1]])

    def forward(self, x: Tensor) -> Tensor:
        near = self.first(self.stem(x))
        far = self.second(near)
        # The size is fixed in the exported file; a tracer would take the division for one of its own.
        scale = float(int(near.shape[2]) // int(far.shape[2]))
        return torch.cat([near, nn.functional.interpolate(far, scale_factor=scale, mode="nearest")], 1)


def cuts(net: LiteNet) -> tuple[int, int]:
    """After the last block at an eighth of the picture, and after the last at a sixteenth: 28 and 14 cells of 224."""
    stride, ends = 2, {}
    for k, block in enumerate(net.shape().blocks):
        stride *= block.stride
        ends[stride] = k + 1
    depths = [ends[s] for s in sorted(ends)]
    return ends.get(8, depths[0]), ends.get(16, depths[-1])


class Gaussians(nn.Module):
    """Whitening: after it, the squared length of a cell is Mahalanobis' distance from the good ones."""

    def __init__(self, mean: Tensor, whitener: Tensor):
        super().__init__()
        # [1, C, 1, 1] and [C, C] for all places alike, or [1, C, h, w] and [h * w, C, C].
        self.mean, self.whitener = nn.Parameter(mean, requires_grad=False), nn.Parameter(whitener, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        away = x - self.mean
        if self.whitener.dim() == 2:
            white = nn.functional.conv2d(away, self.whitener[:, :, None, None])
        else:
            cells = away.flatten(2).permute(2, 1, 0)  # [hw, C, N]
            white = torch.bmm(self.whitener, cells).permute(2, 1, 0).reshape(x.shape)
        return (white * white).sum(1, keepdim=True).sqrt()


class AnomalyNet(nn.Module):
    """[N, 3, S, S] -> logits [N, 2] (good, anomalous), score [N, 1] in [0, 1], heatmap [N, 1, h, w] in [0, 1].

    The score is 0.5 at the threshold, and so is the heat map; both follow the same curve of the distance.
    """

    def __init__(self, trunk: Trunk, kept: Tensor, gaussians: Gaussians, smooth: int = 3):
        super().__init__()
        self.trunk, self.gaussians, self.smooth = trunk, gaussians, smooth
        self.kept = nn.Parameter(kept, requires_grad=False)
        self.threshold, self.steepness = 1.0, 1.0

    def features(self, x: Tensor) -> Tensor:
        return torch.index_select(self.trunk(x), 1, self.kept)

    def distances(self, x: Tensor) -> Tensor:
        """Distance per cell, smoothed: one odd cell is noise, a defect fills several."""
        far = self.gaussians(self.features(x))
        return nn.functional.avg_pool2d(far, self.smooth, 1, self.smooth // 2, count_include_pad=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        cells = self.distances(x)
        worst = cells.amax((2, 3))
        over = self.steepness * (worst - self.threshold)
        logits = torch.cat([torch.zeros_like(over), over], 1)
        heat = torch.sigmoid(self.steepness * (cells - self.threshold))
        return logits, torch.sigmoid(over), heat


def whiten(features: Tensor, shared: bool) -> Gaussians:
    """Gaussians of good features [N, C, h, w]."""
    _, channels, height, width = features.shape
    if shared:
        rows = features.permute(0, 2, 3, 1).reshape(-1, channels).double()
        mean = rows.mean(0)
        return Gaussians(mean.float().reshape(1, -1, 1, 1), _inverse_root(rows - mean).float())
    cells = features.flatten(2).double()  # [N, C, hw]
    middle = cells.mean(0)
    roots = [_inverse_root(cells[:, :, k] - middle[:, k]) for k in range(height * width)]
    return Gaussians(middle.reshape(1, channels, height, width).float(), torch.stack(roots).float())


def _inverse_root(away: Tensor) -> Tensor:
    """W with W' W the inverse of the (shrunk) covariance."""
    covariance = away.T @ away / max(1, len(away) - 1)
    level = covariance.diagonal().mean().clamp_min(1e-12)
    covariance = (1 - SHRINK) * covariance + SHRINK * level * torch.eye(len(covariance), dtype=covariance.dtype)
    return torch.linalg.inv(torch.linalg.cholesky(covariance))
