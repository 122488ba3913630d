"""A network, or a training that stopped in the middle, as a file. Only tensors and plain values are in it."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..errors import KitError
from ..files import replacing
from ..nets import LiteNet, Shape

SCHEMA = 1


@dataclass
class Saved:
    """What a checkpoint holds."""

    net: LiteNet
    labels: list[str]
    size: int
    extra: dict[str, Any]


def save(path: Path, net: LiteNet, labels: list[str], size: int, **extra: Any) -> None:
    """Writes `net` whole or not at all."""
    content = {"schema": SCHEMA, "shape": net.shape().as_dict(), "labels": labels, "size": size, **extra}
    content["state"] = net.state_dict()
    with replacing(path) as part:
        torch.save(content, part)


def load(path: Path) -> Saved:
    """Reads what `save` wrote. Nothing but tensors and plain values is unpickled."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise KitError(f"{path} is not there; `assay-models train` makes a checkpoint") from error
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise KitError(f"{path} is no checkpoint of this kit: {error}") from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise KitError(f"{path} is no checkpoint of this kit, or of another version; train it again")
    net = LiteNet(Shape.from_dict(content.pop("shape")))
    net.load_state_dict(content.pop("state"))
    labels, size = content.pop("labels"), content.pop("size")
    return Saved(net.to(memory_format=torch.channels_last).eval(), labels, size, content)  # type: ignore[call-overload]
