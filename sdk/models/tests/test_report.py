"""Report card and attacks: every figure is that of the exported file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from assay_models.attack import protocol
from assay_models.cli import main
from assay_models.data.layouts import open_dataset
from assay_models.data.pictures import load
from assay_models.errors import KitError
from assay_models.onnxfile.model import open_model
from assay_models.onnxfile.runtime import Runner
from assay_models.progress import Stop
from assay_models.report.latency import measure


@pytest.fixture(scope="module")
def attacked(int8: Path, folder: Path, made: Path) -> Path:
    out = made / "attack.json"
    words = ["attack", str(int8), "--data", str(folder), "--out", str(out), "--attacks", "fgsm,pgd,foolbox-pgd"]
    assert main([*words, "--eps", "4,48", "--pictures", "30", "--steps", "8"]) == 0
    return out


@pytest.fixture(scope="module")
def card(int8: Path, model: Path, folder: Path, made: Path, attacked: Path) -> dict:
    before, after = made / "card-float", made / "card-int8"
    words = ["--data", str(folder), "--runs", "3", "--backend-threads", "1"]
    assert main(["report", str(model), "--out", str(before), *words]) == 0
    more = ["--before", str(before / "report-card.json"), "--robust", str(attacked)]
    assert main(["report", str(int8), "--out", str(after), *words, *more]) == 0
    return json.loads((after / "report-card.json").read_text())


def test_the_accuracy_on_the_card_is_that_of_the_file(card: dict, int8: Path, folder: Path) -> None:
    """Counted again with nothing of the kit but the file and the pictures."""
    run = onnxruntime.InferenceSession(int8)
    confusion = np.zeros((3, 3), int)
    for k, label in enumerate(card["labels"]):
        for path in sorted((folder / "test" / label).iterdir()):
            x = (np.asarray(Image.open(path)).astype(np.float32) - 127) / 128
            answer = run.run(["logits"], {"input": x.transpose(2, 0, 1)[None]})[0].argmax()
            confusion[k, answer] += 1
    assert card["confusion"] == confusion.tolist()
    assert card["accuracy"]["value"] == pytest.approx(np.trace(confusion) / confusion.sum(), abs=1e-4)


def test_the_card_names_the_file_and_what_is_in_it(card: dict, int8: Path) -> None:
    import hashlib

    data = int8.read_bytes()
    assert card["file"]["sha256"] == hashlib.sha256(data).hexdigest()
    assert card["file"]["bytes"] == len(data)
    assert card["file"]["deflated_bytes"] < len(data)
    assert card["file"]["multiply_adds"] > 0


def test_the_card_has_before_and_after(card: dict, model: Path) -> None:
    assert card["before"]["bytes"] == model.stat().st_size
    assert card["before"]["sha256"] != card["file"]["sha256"]
    assert card["before"]["multiply_adds"] == card["file"]["multiply_adds"]


def test_the_card_has_a_latency_or_a_reason_per_backend(card: dict) -> None:
    rows = {row["backend"]: row for row in card["latency"]}
    assert set(rows) == {"onnxruntime", "openvino"}
    for row in rows.values():
        assert row.get("error") or row["min_ms"] <= row["p50_ms"] <= row["p95_ms"]


def test_the_page_shows_every_class_and_loads_nothing(card: dict, made: Path) -> None:
    page = (made / "card-int8" / "report-card.html").read_text()
    assert all(label in page for label in card["labels"])
    assert "http" not in page and "<script" not in page
    assert (made / "card-int8" / "report-card.png").read_bytes().startswith(b"\x89PNG")


def test_the_set_of_another_model_is_refused(
    int8: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for split in ("train", "test"):
        for label in ("good", "bar"):
            source = folder / split / label
            (tmp_path / "data" / split / label).mkdir(parents=True)
            (tmp_path / "data" / split / label / "a.png").write_bytes((source / "000.png").read_bytes())
    assert main(["report", str(int8), "--data", str(tmp_path / "data"), "--out", str(tmp_path / "card")]) == 1
    assert "3 classes" in capsys.readouterr().err
    assert not (tmp_path / "card").exists()


def test_a_larger_budget_fools_more_and_a_large_one_nearly_everything(attacked: Path) -> None:
    rows = json.loads(attacked.read_text())["rows"]
    for name in ("fgsm", "pgd", "foolbox-pgd"):
        small, large = (row["robust_accuracy"]["value"] for row in rows if row["attack"] == name)
        assert large <= small
    assert [row["robust_accuracy"]["value"] for row in rows if row["attack"] == "pgd"][1] < 0.5


def test_two_libraries_agree_about_the_same_attack(attacked: Path) -> None:
    rows = json.loads(attacked.read_text())["rows"]
    art, foolbox = (
        [row["robust_accuracy"]["value"] for row in rows if row["attack"] == name] for name in ("pgd", "foolbox-pgd")
    )
    assert np.abs(np.array(art) - np.array(foolbox)).max() <= 0.2


def pictures(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    dataset = open_dataset(folder)
    found = load(dataset.split("test")[::9], dataset.labels, 32)
    return found.pixels, found.labels


def test_only_pictures_that_were_right_before_are_victims(int8: Path, folder: Path) -> None:
    pixels, labels = pictures(folder)
    wrong = labels.copy()
    wrong[:4] = (wrong[:4] + 1) % 3
    runner = Runner(open_model(int8))
    right = int((runner.logits(pixels).argmax(1) == wrong).sum())
    outcome = protocol.run("nothing", lambda p, y, eps: p.astype(float), runner, pixels, wrong, 4.0, Stop())
    assert (outcome.victims, outcome.fooled) == (right, 0)
    assert outcome.row()["robust_accuracy"]["value"] == pytest.approx(right / len(labels), abs=1e-4)


def test_an_attack_counts_only_after_rounding_to_eight_bits(int8: Path, folder: Path) -> None:
    """A change of less than half a grey level is gone when a camera or a file has held it."""
    pixels, labels = pictures(folder)
    runner = Runner(open_model(int8))
    outcome = protocol.run("hair", lambda p, y, eps: p + 0.4, runner, pixels, labels, 4.0, Stop())
    assert outcome.fooled == 0


def test_an_attack_that_leaves_its_budget_is_an_error(int8: Path, folder: Path) -> None:
    pixels, labels = pictures(folder)
    runner = Runner(open_model(int8))
    with pytest.raises(KitError, match="moved a pixel by 9"):
        protocol.run(
            "cheat", lambda p, y, eps: np.where(p < 128, p + 9.0, p - 9.0), runner, pixels, labels, 8.0, Stop()
        )


def test_an_unknown_attack_is_named(
    int8: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "attack",
        str(int8),
        "--data",
        str(folder),
        "--out",
        str(tmp_path / "a.json"),
        "--attacks",
        "wish",
        "--pictures",
        "3",
    ]
    assert main(words) == 1
    assert "'wish'" in capsys.readouterr().err


BENCH = {
    "schema": 1,
    "results": [
        {"file": "m.onnx", "backend": "tract", "threads": 1, "runs": 5, "min_ms": 1.0, "p50_ms": 2.0, "p95_ms": 3.0},
        {"file": "m.onnx", "backend": "openvino", "threads": 1, "error": "no operator Wish"},
    ],
}


def stand_in(path: Path, output: str, status: int = 0) -> Path:
    """A program in the place of `assay`."""
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{output}\nEND\necho broken >&2\nexit {status}\n")
    path.chmod(0o755)
    return path


def test_the_stations_own_backends_are_on_the_card(int8: Path, tmp_path: Path) -> None:
    rows = measure(open_model(int8), (1,), 5, stand_in(tmp_path / "assay", json.dumps(BENCH)))
    assert rows[0] == {
        "by": "assay model bench",
        "backend": "tract",
        "threads": 1,
        "runs": 5,
        "min_ms": 1.0,
        "p50_ms": 2.0,
        "p95_ms": 3.0,
    }
    assert rows[1]["error"] == "no operator Wish"


@pytest.mark.parametrize(
    ("output", "status", "message"), [("{}", 0, "expected"), ("", 0, "expected"), ("{}", 3, "ended with 3: broken")]
)
def test_a_bench_that_fails_is_said(int8: Path, tmp_path: Path, output: str, status: int, message: str) -> None:
    with pytest.raises(KitError, match=message):
        measure(open_model(int8), (1,), 5, stand_in(tmp_path / "assay", output, status))
