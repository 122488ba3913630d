"""Draws the pictures of the second demo: labelled parts that lie anyhow on a belt.

    python -m assay_models.surface.make_labels --out labels

writes pictures/ with truth.json, and the pictures of selftest/. They are drawn without looking at what the model says.

    python -m assay_models.surface.make_labels --measure 200 --out build/labels

draws that many further parts with good labels in good light, of every surface class the same number, for measuring how well
the model judges surfaces inside of this scene: `assay inspect --truth` does.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, field
from pathlib import Path

from . import LABELS
from .defects import FAMILIES, add_defect
from .make_dataset import DEFAULT_SEED
from .parts import FRAME, Pose, Print, check_digit, photograph
from .render import Picture, Station, encode_jpeg, picture_rng
from .textures import MATERIALS, Random, make_surface

QUALITY = 82
# Numbers that begin with 2 are for use inside a company: no product carries them.
PART = "200471100815"
OTHER = "200471100907"
GOOD = Print(PART + check_digit(PART))
WRONG = Print(OTHER + check_digit(OTHER))
MISPRINT = Print(PART + str((int(check_digit(PART)) + 3) % 10))
TORN = Print(GOOD.digits, torn=True)
NONE = Print(None)

DARK, BRIGHT = Station(lamp=0.14), Station(lamp=2.3)


@dataclass(frozen=True)
class Shot:
    """One picture: what is on it, and the reason that the verdict has to give."""

    name: str
    material: str
    angle: float
    reason: str
    note: str
    surface: str = "good"
    label: Print = GOOD
    station: Station = field(default_factory=Station)
    half_lit: bool = False
    shift: tuple[float, float] | None = None

    @property
    def group(self) -> str:
        """Pictures in another light than the line was set up in are told apart."""
        return "drifted" if self.half_lit or self.station != Station() else "ordinary"


def _good(material: str, angle: float, note: str) -> Shot:
    return Shot(f"good-{material}", material, angle, "good", note)


def _defect(surface: str, material: str, angle: float) -> Shot:
    return Shot(f"{surface}-{material}", material, angle, surface, f"{surface} on {material}, label in order", surface)


SHOTS = (
    _good("concrete", 14, "nothing wrong"),
    _good("fabric", 197, "nothing wrong, lies upside down"),
    _good("metal", 91, "nothing wrong, lies across"),
    _defect("scratch", "metal", 33),
    _good("brick", 158, "nothing wrong"),
    Shot("over-exposed", "concrete", 349, "clipped-highlights", "a lamp far too bright", station=BRIGHT),
    Shot("under-exposed", "aggregate", 22, "under-exposed", "the lamp gives 14 % of its light", station=DARK),
    Shot("half-lit", "concrete", 205, "too-dark", "the lamp over the label gives 40 % of its light", half_lit=True),
    Shot("cut-off", "fabric", 8, "plugin-error", "the part reaches out of the picture", shift=(150, 20)),
    Shot("wrong-code", "concrete", 276, "code-wrong", "surface in order, the label of another part", label=WRONG),
    Shot("check-digit", "brick", 345, "code-check-digit", "surface in order, check digit misprinted", label=MISPRINT),
    Shot("no-label", "metal", 166, "code-missing", "surface in order, no label", label=NONE),
    Shot("torn-label", "aggregate", 41, "code-missing", "surface in order, the label is torn", label=TORN),
    _defect("pit", "concrete", 128),
    _defect("stain", "fabric", 250),
    _defect("crack", "brick", 12),
)
SELF_TEST = (
    Shot("good", "concrete", 340, "good", ""),
    Shot("crack", "concrete", 65, "crack", "", "crack"),
    Shot("wrong-code", "fabric", 190, "code-wrong", "", label=WRONG),
)


def take(shot: Shot, rng: Random) -> Picture:
    """Draws one picture. Where the part lies is a matter of chance, unless the shot says."""
    surface = make_surface(shot.material, "test", rng)
    add_defect(surface, shot.surface, FAMILIES["test"].get(shot.surface, ""), rng)
    x, y = shot.shift or rng.uniform(-9, 9, 2)
    pose = Pose(FRAME[0] / 2 + x, FRAME[1] / 2 + y, shot.angle + rng.uniform(-3, 3))
    return photograph(surface, shot.label, pose, rng, shot.station, shot.half_lit)


def draw(
    shots: tuple[Shot, ...], folder: Path, first: int, seed: int, numbered: bool = True
) -> list[dict[str, object]]:
    """Writes the pictures; returns what is known of each."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.jpg"):
        old.unlink()
    truth: list[dict[str, object]] = []
    for k, shot in enumerate(shots):
        name = f"{k + 1:02d}-{shot.name}.jpg" if numbered else f"{shot.name}.jpg"
        (folder / name).write_bytes(encode_jpeg(take(shot, picture_rng(seed, "test", first + k)), QUALITY))
        truth.append(
            {"file": name, "truth": shot.surface, "reason": shot.reason, "group": shot.group, "note": shot.note}
        )
    return truth


def further(count: int) -> tuple[Shot, ...]:
    """Parts in order but for their surfaces: classes, materials and angles go round."""
    rows = (
        (LABELS[k % len(LABELS)], MATERIALS[k // len(LABELS) % len(MATERIALS)], k * 137.5 % 360) for k in range(count)
    )
    # In the middle: a part that lies aslant has no room to be anywhere else.
    return tuple(
        Shot(f"{label}-{material}", material, angle, label, "", label, shift=(0.0, 0.0))
        for label, material, angle in rows
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("labels"))
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--measure", type=int, metavar="COUNT")
    args = parser.parse_args()
    pictures = args.out / "pictures"
    if args.measure:
        truth = draw(further(args.measure), pictures, 400_000, args.seed)
    else:
        truth = draw(SHOTS, pictures, 300_000, args.seed)
        draw(SELF_TEST, args.out / "selftest", 310_000, args.seed, numbered=False)
    (pictures / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")
    print(f"{len(truth)} pictures, {sum(f.stat().st_size for f in pictures.iterdir()) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
