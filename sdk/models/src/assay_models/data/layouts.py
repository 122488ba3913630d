"""The layouts of folders that inspection data comes in.

Each reader lists files and decodes nothing. A layout is recognised by what lies in the folder; `--layout` overrules.
Where a layout has no validation (or no test) split, one is drawn by a hash of the file's name, so that adding a picture
moves no other from one split to another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import KitError
from .pictures import GOOD, SUFFIXES, Dataset, Item

Reader = Callable[[Path], list[Item]]

NEU_NAMES = {
    "cr": "crazing",
    "in": "inclusion",
    "pa": "patches",
    "ps": "pitted-surface",
    "rs": "rolled-in-scale",
    "sc": "scratches",
}
SPLIT_WORDS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def is_picture(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def pictures_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if is_picture(path))


def folders_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def drawn_split(name: str, val: float = 0.15, test: float = 0.2) -> str:
    """The split of a picture whose layout gives it none: the same for ever."""
    place = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 0x1_0000_0000
    return "test" if place < test else "val" if place < test + val else "train"


def drawn_val(item: Item) -> Item:
    """Moves a share of the training pictures to validation."""
    if item.split == "train" and drawn_split(item.path.name, val=0.15, test=0.0) == "val":
        return Item(item.path, item.label, "val")
    return item


def surface(root: Path) -> list[Item]:
    """The demo's own set, drawn by `assay_models.surface.make_dataset`."""
    index = json.loads((root / "index.json").read_text())
    rows = [row for split in index["splits"].values() for row in split["rows"]]
    return [Item(root / row["file"], row["label"], row["split"]) for row in rows]


def image_folder(root: Path) -> list[Item]:
    """`train/CLASS/*.png` and so on, or `CLASS/*.png` alone."""
    splits = [
        (folder, SPLIT_WORDS[folder.name.lower()]) for folder in folders_in(root) if folder.name.lower() in SPLIT_WORDS
    ]
    if not splits:
        return [
            Item(path, folder.name, drawn_split(path.name))
            for folder in folders_in(root)
            for path in pictures_in(folder)
        ]
    items = [
        Item(path, folder.name, split)
        for top, split in splits
        for folder in folders_in(top)
        for path in pictures_in(folder)
    ]
    return items if any(split == "val" for _, split in splits) else [drawn_val(item) for item in items]


def coco(root: Path) -> list[Item]:
    """COCO instances: a picture's class is that of its largest annotation, or `good` where it has none."""
    items: list[Item] = []
    for file in _coco_files(root):
        raw: dict[str, Any] = json.loads(file.read_text())
        names = {category["id"]: str(category["name"]) for category in raw["categories"]}
        largest: dict[int, tuple[float, str]] = {}
        for mark in raw.get("annotations", []):
            area = float(mark.get("area") or mark["bbox"][2] * mark["bbox"][3])
            if area > largest.get(mark["image_id"], (0.0, ""))[0]:
                largest[mark["image_id"]] = (area, names[mark["category_id"]])
        split = next((SPLIT_WORDS[word] for word in _words(file.stem) if word in SPLIT_WORDS), None)
        for image in raw["images"]:
            path = _coco_picture(root, file, image["file_name"])
            label = largest.get(image["id"], (0.0, GOOD))[1]
            items.append(Item(path, label, split or drawn_split(path.name)))
    return items if any(item.split == "val" for item in items) else [drawn_val(item) for item in items]


def _words(stem: str) -> list[str]:
    return "".join(letter if letter.isalpha() else " " for letter in stem.lower()).split()


def _coco_files(root: Path) -> list[Path]:
    found = [
        path for folder in (root, root / "annotations") if folder.is_dir() for path in sorted(folder.glob("*.json"))
    ]
    return [path for path in found if '"images"' in path.read_text()[:1_000_000] or '"annotations"' in path.read_text()]


def _coco_picture(root: Path, file: Path, name: str) -> Path:
    """Where a COCO file's picture is: beside it, in `images`, or in a folder with the annotation's split."""
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise KitError(f"{file}: file_name {name!r} leads out of the data set")
    words = [folder for folder in folders_in(root) if folder.name.lower() in _words(file.stem)]
    for folder in (root, root / "images", file.parent, *words, *folders_in(root)):
        if (folder / name).is_file():
            return folder / name
    return root / name  # missing: listed and skipped with the unreadable ones


def neu_cls(root: Path) -> list[Item]:
    """NEU-CLS: `Cr_1.bmp`, `crazing_1.jpg`, in one folder or in one per class; no splits of its own."""
    top = next((root / name for name in ("NEU-CLS", "images", "IMAGES") if (root / name).is_dir()), root)
    folders = [top, *folders_in(top)]
    items = []
    for path in (path for folder in folders for path in pictures_in(folder)):
        stem = path.stem.rsplit("_", 1)[0].lower().replace("_", "-")
        label = NEU_NAMES.get(stem, stem)
        items.append(Item(path, label, drawn_split(path.name)))
    return items


def mvtec(root: Path) -> list[Item]:
    """MVTec AD, one category: `train/good`, `test/good`, `test/DEFECT`; there are no defects to train on.

    The defects are spread over all splits, so that a supervised classifier can be trained; `anomaly` looks at the good
    ones of `train` only. Figures on this split are not those of the benchmark.
    """
    items = [Item(path, GOOD, "train") for path in pictures_in(root / "train" / GOOD)]
    items = [drawn_val(item) for item in items]
    for folder in folders_in(root / "test"):
        for path in pictures_in(folder):
            name = f"{folder.name}/{path.name}"
            split = "test" if folder.name == GOOD else drawn_split(name, val=0.15, test=0.4)
            items.append(Item(path, folder.name, split))
    return items


def kolektor(root: Path) -> list[Item]:
    """KolektorSDD (`kos01/Part0.jpg` with `Part0_label.bmp`) and KolektorSDD2 (`train/10000.png` with `10000_GT.png`)."""
    items = []
    if (root / "train").is_dir():
        for split in ("train", "test"):
            masks = (
                [p for p in pictures_in(root / split) if not p.stem.endswith("_GT")] if (root / split).is_dir() else []
            )
            items += [Item(p, _by_mask(p, p.with_name(f"{p.stem}_GT.png")), split) for p in masks]
        return [drawn_val(item) for item in items]
    for part in folders_in(root):
        for path in pictures_in(part):
            if not path.stem.endswith("_label"):
                # By part, not by picture: pictures of one part are alike.
                label = _by_mask(path, path.with_name(f"{path.stem}_label.bmp"))
                items.append(Item(path, label, drawn_split(part.name)))
    return items


def _by_mask(path: Path, mask: Path) -> str:
    import numpy as np
    from PIL import Image

    if not mask.is_file():
        raise KitError(f"{path} has no mask {mask.name} beside it: is this KolektorSDD?")
    try:
        with Image.open(mask) as image:
            return "defect" if np.asarray(image.convert("L")).any() else GOOD
    except OSError as error:
        raise KitError(f"{mask} cannot be read, so nobody knows whether {path.name} is good: {error}") from error


LAYOUTS: dict[str, Reader] = {
    "surface": surface,
    "folder": image_folder,
    "coco": coco,
    "neu-cls": neu_cls,
    "mvtec": mvtec,
    "kolektor": kolektor,
}


def recognise(root: Path) -> str:
    """The layout of a folder, by what lies in it."""
    if (root / "index.json").is_file():
        return "surface"
    if _coco_files(root):
        return "coco"
    if (root / "train" / GOOD).is_dir() and (root / "ground_truth").is_dir():
        return "mvtec"
    inside = [path.name for folder in folders_in(root) for path in pictures_in(folder)]
    if any("_label." in name or "_GT." in name for name in inside):
        return "kolektor"
    flat = [path.stem.rsplit("_", 1)[0].lower().replace("_", "-") for path in pictures_in(root)]
    if (root / "NEU-CLS").is_dir() or any(stem in NEU_NAMES or stem in NEU_NAMES.values() for stem in flat):
        return "neu-cls"
    return "folder"


def open_dataset(root: Path, layout: str = "auto") -> Dataset:
    """Lists the pictures of a folder."""
    if not root.is_dir():
        raise KitError(f"{root} is no folder; --data wants the folder of a data set")
    name = recognise(root) if layout == "auto" else layout
    try:
        items = LAYOUTS[name](root)
    except (OSError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise KitError(f"{root} cannot be read as {name}: {error}") from error
    except (KeyError, TypeError) as error:
        raise KitError(f"{root} looks like {name}, but a field is missing or of another kind: {error}") from error
    if not items:
        raise KitError(f"{root} has no pictures in the layout {name}; the layouts are {', '.join(LAYOUTS)} (--layout)")
    labels = ["good", "scratch", "pit", "stain", "crack"] if name == "surface" else []
    return Dataset(name, root, items, [label for label in labels if label in {item.label for item in items}])
