"""A data set is a list of files with labels and splits; pictures are read when they are needed.

Unreadable pictures are listed, skipped and counted. What would make a training or a figure worthless (one class only,
a test with classes that the training never saw) is an error.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ..errors import KitError
from ..progress import Progress, say

SPLITS = ("train", "val", "test")
SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
GOOD = "good"
PAD = 127
"""What the station's `letterbox` puts beside a picture that is not square."""
LISTED_AT_MOST = 10
# A picture that claims more pixels than this is skipped before it is decoded.
MAX_PIXELS = 100_000_000


@dataclass(frozen=True)
class Item:
    """One picture of a set."""

    path: Path
    label: str
    split: str


@dataclass
class Dataset:
    """A set as its folder describes it; nothing is decoded yet."""

    name: str
    root: Path
    items: list[Item]
    labels: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.labels:
            found = sorted({item.label for item in self.items})
            # The first label is the one that passes, wherever there is such a one.
            self.labels = [GOOD] * (GOOD in found) + [label for label in found if label != GOOD]

    def split(self, name: str) -> list[Item]:
        return [item for item in self.items if item.split == name]

    def describe(self) -> str:
        parts = []
        for split in SPLITS:
            counts = Counter(item.label for item in self.split(split))
            if counts:
                parts.append(
                    f"{split} {sum(counts.values())} ({', '.join(f'{n} {k}' for k, n in sorted(counts.items()))})"
                )
        return f"{self.name}: " + "; ".join(parts)

    def manifest_digest(self) -> str:
        """SHA-256 over (split, label, name, SHA-256 of the bytes) of every picture: what a report card says it saw."""
        rows = []
        for item in self.items:
            digest = hashlib.sha256(item.path.read_bytes()).hexdigest()
            rows.append([item.split, item.label, item.path.relative_to(self.root).as_posix(), digest])
        return hashlib.sha256(json.dumps(sorted(rows)).encode()).hexdigest()


@dataclass
class Pictures:
    """A split in memory."""

    pixels: NDArray[np.uint8]  # [N, S, S, 3]
    labels: NDArray[np.int64]  # [N]
    paths: list[Path]
    skipped: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, places: NDArray[np.int64] | slice) -> Pictures:
        chosen = np.arange(len(self))[places]
        return Pictures(self.pixels[chosen], self.labels[chosen], [self.paths[k] for k in chosen])


def read_picture(path: Path) -> NDArray[np.uint8]:
    """A picture as 8-bit RGB, [H, W, 3]; 16-bit greys are brought to 8 bits, not cut off."""
    with Image.open(path) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"{image.width} x {image.height} pixels are more than {MAX_PIXELS}")
        if image.mode.startswith("I;16") or image.mode == "I":
            return np.repeat((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)[..., None], 3, 2)
        return np.asarray(image.convert("RGB"))


def fit(picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The station's `letterbox`: shape kept, centred, grey beside it, antialiased triangle filter."""
    height, width = picture.shape[:2]
    if (height, width) == (size, size):
        return picture
    scale = size / max(height, width)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.asarray(Image.fromarray(picture).resize(inner, Image.Resampling.BILINEAR))
    out = np.full((size, size, 3), PAD, np.uint8)
    top, left = (size - inner[1]) // 2, (size - inner[0]) // 2
    out[top : top + inner[1], left : left + inner[0]] = small
    return out


def load(items: Sequence[Item], labels: Sequence[str], size: int, what: str = "pictures") -> Pictures:
    """Reads and resizes pictures; the ones that cannot be read are listed, skipped and counted."""
    pixels, classes, paths, skipped = [], [], [], []
    progress = Progress(f"reading {what}", len(items))
    for item in items:
        try:
            pixels.append(fit(read_picture(item.path), size))
        except (OSError, UnidentifiedImageError, ValueError, Image.DecompressionBombError) as error:
            skipped.append(f"{item.path}: {error}")
        else:
            classes.append(labels.index(item.label))
            paths.append(item.path)
        progress.step()
    _report_skipped(skipped, len(items), what)
    if not pixels:
        raise KitError(f"none of the {len(items)} {what} can be read")
    return Pictures(np.stack(pixels), np.array(classes, np.int64), paths, skipped)


def _report_skipped(skipped: list[str], total: int, what: str) -> None:
    if not skipped:
        return
    say(f"{len(skipped)} of {total} {what} cannot be read and are skipped:")
    for line in skipped[:LISTED_AT_MOST]:
        say(f"  {line}")
    if len(skipped) > LISTED_AT_MOST:
        say(f"  and {len(skipped) - LISTED_AT_MOST} more")


def check_for_training(dataset: Dataset, splits: Iterable[str] = ("train", "test")) -> None:
    """Refuses a set from which nothing can be learnt, or on which nothing can be measured."""
    by_split = {split: {item.label for item in dataset.split(split)} for split in splits}
    for split, found in by_split.items():
        if not found:
            raise KitError(f"{dataset.root} has no {split} pictures; {dataset.describe()}")
    train = by_split.get("train", set())
    if len(train) == 1:
        raise KitError(
            f"{dataset.root} has one class only ({next(iter(train))}): a classifier needs two. For a line without "
            "pictures of defects there is `assay-models anomaly`"
        )
    for split, found in by_split.items():
        if found - train and "train" in by_split:
            raise KitError(
                f"{split} has classes that train does not have: {', '.join(sorted(found - train))}; train has "
                f"{', '.join(sorted(train))}. Name the folders alike, or move pictures"
            )
        if train - found:
            say(f"note: {split} has no pictures of {', '.join(sorted(train - found))}: no figure for these")
