"""Draws the surface set: synthetic defects on real and procedural textures.

    python -m assay_models.surface.make_dataset --out build/dataset

writes train/, val/ and test/ with 320 x 320 JPEG pictures, and index.json: one row per picture, and one
digest per split. The same seed gives the same bytes with the package versions in requirements.txt.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from . import INPUT_SIZE, LABELS
from .render import SPLITS, Picture, picture_rng, render
from .textures import MATERIALS

DEFAULT_SEED = 20261124

# Pictures per class, in the order of LABELS. Validation has the mix of a running line (half are good),
# because the reference distributions are taken from it; train and test are balanced.
COUNTS = {"train": (840,) * 5, "val": (600, 150, 150, 150, 150), "test": (400,) * 5}


@dataclass(frozen=True)
class Row:
    """One picture of the set."""

    file: str
    split: str
    label: str
    material: str


def plan(split: str) -> list[Row]:
    """The pictures of a split, every class spread evenly over every material."""
    rows = []
    for label, count in zip(LABELS, COUNTS[split], strict=True):
        for k in range(count):
            material = MATERIALS[k % len(MATERIALS)]
            rows.append(Row(f"{split}/{len(rows):05d}-{label}-{material}.jpg", split, label, material))
    return rows


def draw(row: Row, index: int, seed: int, out: Path) -> str:
    """Renders one row into its file; returns the SHA-256 of the bytes."""
    cv2.setNumThreads(1)
    data = render(row.label, row.split, picture_rng(seed, row.split, index), row.material)
    (out / row.file).write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def make_split(split: str, seed: int, out: Path, workers: int) -> dict[str, object]:
    """Renders one split; returns its part of index.json."""
    (out / split).mkdir(parents=True, exist_ok=True)
    rows = plan(split)
    with ProcessPoolExecutor(workers) as pool:
        digests = list(pool.map(partial(draw, seed=seed, out=out), rows, range(len(rows)), chunksize=16))
    digest = hashlib.sha256("".join(digests).encode()).hexdigest()
    print(f"{split}: {len(rows)} pictures, digest {digest[:16]}", flush=True)
    return {"digest": digest, "rows": [asdict(row) for row in rows]}


def read_split(dataset: Path, split: str) -> list[Row]:
    """The rows of a split that make_dataset has written."""
    index = json.loads((dataset / "index.json").read_text())
    return [Row(**row) for row in index["splits"][split]["rows"]]


def read_picture(path: Path) -> Picture:
    """A picture as 8-bit RGB, [H, W, 3]."""
    return np.asarray(Image.open(path).convert("RGB"))


def to_input_size(picture: Picture, size: int = INPUT_SIZE) -> Picture:
    """The station's resize: an antialiased triangle filter. Square pictures need no letterbox."""
    if picture.shape[:2] == (size, size):
        return picture
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BILINEAR))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/dataset"))
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    splits = {split: make_split(split, args.seed, args.out, args.workers) for split in SPLITS}
    (args.out / "index.json").write_text(json.dumps({"seed": args.seed, "splits": splits}, indent=1))


if __name__ == "__main__":
    main()
