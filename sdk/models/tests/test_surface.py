"""The demo's data set and its scripts, which stand on the kit."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from assay_models.surface import LABELS
from assay_models.surface.make_dataset import DEFAULT_SEED, plan
from assay_models.surface.render import picture_rng, render

SCRIPTS = sorted(path.stem for path in (Path(__file__).parents[1] / "src" / "assay_models" / "surface").glob("*.py"))

LOADED = (
    "quantise",
    "reference",
    "squeeze",
    "export",
    "calibrate",
    "report_card",
    "card_text",
    "station_latency",
)


def test_a_seed_gives_the_same_picture_again() -> None:
    row = plan("test")[7]
    first, again = (render(row.label, "test", picture_rng(DEFAULT_SEED, "test", 7), row.material) for _ in range(2))
    other = render(row.label, "test", picture_rng(DEFAULT_SEED, "test", 8), row.material)
    assert hashlib.sha256(first).digest() == hashlib.sha256(again).digest() != hashlib.sha256(other).digest()


def test_every_class_is_drawn_from_every_material() -> None:
    for split in ("train", "val", "test"):
        rows = plan(split)
        assert {row.label for row in rows} == set(LABELS)
        assert len({(row.label, row.material) for row in rows}) == 25


@pytest.mark.parametrize(
    "name",
    [name for name in SCRIPTS if name in LOADED],
)
def test_the_scripts_of_the_demo_still_load(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import assay_models.surface.{name}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
