"""Small things that every test may use: pictures that a tiny network can tell apart, and models that it became."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from assay_models.cli import main

SIZE = 32
LABELS = ("good", "bar", "blob")


def draw(label: str, seed: int, size: int = SIZE) -> np.ndarray:
    """A grey plate with noise; a bright bar or a dark blob on it. Easy on purpose."""
    rng = np.random.default_rng([seed, LABELS.index(label)])
    picture = np.full((size, size, 3), 120.0) + rng.normal(0, 6, (size, size, 3)) + rng.normal(0, 6)
    if label == "bar":
        row = rng.integers(6, size - 8)
        picture[row : row + 4] += 90
    if label == "blob":
        v, u = np.mgrid[0:size, 0:size]
        y, x = rng.integers(8, size - 8, 2)
        picture[(v - y) ** 2 + (u - x) ** 2 < 30] -= 90
    return np.clip(picture, 0, 255).astype(np.uint8)


def save(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ImageFolder with three splits and three classes."""
    root = tmp_path_factory.mktemp("data")
    for split, count, first in (("train", 40, 0), ("val", 24, 1000), ("test", 30, 2000)):
        for label in LABELS:
            for k in range(count):
                save(root / split / label / f"{k:03d}.png", draw(label, first + k))
    return root


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the trained models of this run of the tests are."""
    return tmp_path_factory.mktemp("made")


@pytest.fixture(scope="session")
def checkpoint(folder: Path, made: Path) -> Path:
    """A tiny network, trained until it knows the three classes."""
    out = made / "net.pt"
    words = ["train", "--data", str(folder), "--out", str(out), "--net", "tiny", "--size", "32"]
    assert main([*words, "--steps", "140", "--rate", "0.01", "--seed", "1"]) == 0
    return out


@pytest.fixture(scope="session")
def model(checkpoint: Path, made: Path) -> Path:
    """The same network as float ONNX."""
    out = made / "float.onnx"
    assert main(["export", str(checkpoint), "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="session")
def int8(model: Path, folder: Path, made: Path) -> Path:
    """And as int8."""
    out = made / "int8.onnx"
    assert main(["quantise", str(model), "--data", str(folder), "--out", str(out), "--calibration", "40"]) == 0
    return out
