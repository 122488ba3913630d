"""Chooses and draws the demo pictures: ordinary, drifted, attacked.

    python -m assay_models.surface.make_pictures --weights build/surface.pt --model demo/surface-int8.onnx --dataset build/dataset \\
        --out demo

All come from the test split. Ordinary and drifted pictures are 320 x 320 JPEG as the camera sends them;
attacked ones are 224 x 224 PNG, the size at which the attack was made. An attacked picture is kept only if
the int8 model was right before and is wrong after, both times on the 8-bit file as written.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from . import LABELS, attacks
from .make_dataset import DEFAULT_SEED, Row, read_picture, read_split, to_input_size
from .measure import Runner
from .network import SurfaceNet, load
from .render import Picture, Station, picture_rng, render
from .textures import MATERIALS, Random

# Ordinary pictures: the mix of a running line.
ORDINARY = ("good",) * 16 + ("scratch",) * 4 + ("pit",) * 4 + ("stain",) * 4 + ("crack",) * 4

COMMISSIONED = Station()
DRIFTS: tuple[tuple[str, Station, str | None], ...] = (
    ("lamp-55", COMMISSIONED.with_(lamp=0.55), None),
    ("lamp-35", COMMISSIONED.with_(lamp=0.35), None),
    ("overexposed", COMMISSIONED.with_(lamp=2.6), None),
    ("defocus-2.5", COMMISSIONED.with_(defocus=2.5), None),
    ("defocus-4", COMMISSIONED.with_(defocus=4.0), None),
    ("noise", COMMISSIONED.with_(noise=0.05), None),
    ("amber-lamp", COMMISSIONED.with_(cast=(0.95, 0.48, 0.16)), None),
    ("turf", COMMISSIONED, "turf"),
)
DRIFT_NOTES = {
    "lamp-55": "the lamp gives 55 % of its light",
    "lamp-35": "the lamp gives 35 % of its light",
    "overexposed": "a lamp far too bright, highlights clipped",
    "defocus-2.5": "lens out of focus, blur of 2.5 pixels",
    "defocus-4": "lens out of focus, blur of 4 pixels",
    "noise": "sensor noise eight times the usual",
    "amber-lamp": "an old lamp that has lost its green and blue",
    "turf": "a material the model has never seen",
}
DRIFTED = tuple((name, label) for name in DRIFT_NOTES for label in ("good", "good" if name == "turf" else "scratch"))

ATTACKS = (("pgd", 4), ("fgsm", 4), ("pgd", 8), ("fgsm", 8), ("pgd", 16), ("fgsm", 24), ("square", 8))
PER_ATTACK = 2
SQUARE_QUERIES = 1500


@dataclass
class Maker:
    """Draws pictures into a folder and keeps the truth about them."""

    folder: Path
    model: Runner
    truth: list[dict[str, object]]

    def keep(self, name: str, data: bytes, row: dict[str, object]) -> None:
        (self.folder / name).write_bytes(data)
        self.truth.append({"file": name, **row})


def ordinary(maker: Maker, seed: int) -> None:
    """Fresh pictures of the test world, drawn without looking at what the model says about them."""
    for k, label in enumerate(ORDINARY):
        material = MATERIALS[k % len(MATERIALS)]
        data = render(label, "test", picture_rng(seed, "test", 100_000 + k), material)
        note = f"{label} {material}" if label == "good" else f"{label} on {material}"
        row = {"truth": label, "group": "ordinary", "attack": None, "note": note}
        maker.keep(f"1-ordinary-{k:02d}-{label}-{material}.jpg", data, row)


def drifted(maker: Maker, seed: int) -> None:
    """The same world seen by a station that has changed."""
    stations = {name: (station, material) for name, station, material in DRIFTS}
    for k, (name, label) in enumerate(DRIFTED):
        station, new_material = stations[name]
        material = new_material or MATERIALS[(k // 2 + k) % len(MATERIALS)]
        data = render(label, "test", picture_rng(seed, "test", 200_000 + k), material, station)
        row = {"truth": label, "group": "drifted", "attack": None, "note": DRIFT_NOTES[name]}
        maker.keep(f"2-drifted-{k:02d}-{name}-{label}-{material}.jpg", data, row)


def attacked(maker: Maker, net: SurfaceNet, dataset: Path, rng: Random) -> None:
    """For every attack, the first test pictures on which it works. A different picture every time."""
    victims = _victims(maker.model, dataset, rng)
    number = 0
    for kind, eps in ATTACKS:
        wins = 0
        while wins < PER_ATTACK:
            row, picture = next(victims)
            label = LABELS.index(row.label)
            result, note = _attack(kind, eps, net, maker.model, picture, label, rng)
            answer = int(maker.model.logits(result[None])[0].argmax())
            if answer == label:
                continue
            wins += 1
            note = f"{note}: {row.label} on {row.material} read as {LABELS[answer]}"
            entry = {"truth": row.label, "group": "attacked", "attack": {"kind": kind, "eps_255": eps}, "note": note}
            maker.keep(
                f"3-attacked-{number:02d}-{kind}-{eps}-{row.label}-{row.material}.png", encode_png(result), entry
            )
            number += 1


def _victims(model: Runner, dataset: Path, rng: Random) -> Iterator[tuple[Row, Picture]]:
    """Test pictures that the model gets right, in random order, four of five with a defect."""
    rows = read_split(dataset, "test")
    for k in rng.permutation(len(rows)):
        picture = to_input_size(read_picture(dataset / rows[k].file))
        if LABELS[int(model.logits(picture[None])[0].argmax())] == rows[k].label:
            yield rows[k], picture


def _attack(
    kind: str, eps: int, net: SurfaceNet, model: Runner, picture: Picture, label: int, rng: Random
) -> tuple[Picture, str]:
    """One attack on one picture [224, 224, 3]; returns the picture and what was done."""
    labels = np.array([label])
    if kind == "fgsm":
        return attacks.fgsm(net, picture[None], labels, eps)[0], f"one gradient step of {eps}/255"
    if kind == "pgd":
        return attacks.pgd(net, picture[None], labels, eps, 20, rng)[0], f"20 gradient steps within {eps}/255"
    result, queries = attacks.square(model.probabilities, picture, label, eps, SQUARE_QUERIES, rng)
    return result, f"no gradients, {queries} queries, squares within {eps}/255"


def self_test(folder: Path, model: Runner, dataset: Path) -> None:
    """Four 224 x 224 pictures and the logits that ONNX Runtime gives for them."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, expected = read_split(dataset, "test"), []
    for label in ("good", "scratch", "pit", "crack"):
        row = next(row for row in rows if row.label == label and row.material == "concrete")
        picture = to_input_size(read_picture(dataset / row.file))
        name = f"{label}.png"
        (folder / name).write_bytes(encode_png(picture))
        logits = [round(float(value), 5) for value in model.logits(picture[None])[0]]
        expected.append({"file": name, "truth": label, "logits": logits})
    report = {"backend": "onnxruntime, one thread", "tolerance": 0.5, "labels": list(LABELS), "pictures": expected}
    (folder / "expected.json").write_text(json.dumps(report, indent=1) + "\n")


def encode_png(picture: Picture) -> bytes:
    """8-bit RGB PNG, packed as tightly as it goes."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=Path("build/surface.pt"))
    parser.add_argument("--model", type=Path, default=Path("demo/surface-int8.onnx"))
    parser.add_argument("--dataset", type=Path, default=Path("build/dataset"))
    parser.add_argument("--out", type=Path, default=Path("demo"))
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    args = parser.parse_args()
    torch.set_num_threads(1)
    folder = args.out / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob("*.jpg"), *folder.glob("*.png")):
        old.unlink()
    maker = Maker(folder, Runner(args.model), [])
    ordinary(maker, args.seed)
    drifted(maker, args.seed)
    attacked(maker, load(args.weights), args.dataset, np.random.default_rng(args.seed))
    (folder / "truth.json").write_text(json.dumps(maker.truth, indent=1) + "\n")
    (args.out / "labels.json").write_text(json.dumps(list(LABELS)) + "\n")
    self_test(args.out / "selftest", maker.model, args.dataset)
    print(f"{len(maker.truth)} pictures, {sum(f.stat().st_size for f in folder.iterdir()) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
