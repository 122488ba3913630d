"""What the station gets: reference, self-test, bundle, one-class model, and the whole case."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from test_onnx import written

from assay_models.calibrate import squeezing
from assay_models.calibrate.embedding import describe_embedding, distances
from assay_models.calibrate.statistics import describe, statistics
from assay_models.case.table import markdown, targets
from assay_models.case.training import FULL, TRAININGS
from assay_models.cli import main
from assay_models.onnxfile.model import open_model
from assay_models.pack import Bundle, manifest
from assay_models.train import checkpoint as checkpoints

REPOSITORY = Path(__file__).parents[3]
SHIPPED = REPOSITORY / "sdk" / "models" / "demo" / "reference.json"


def assay() -> str:
    """The binary; `cargo xtask test` names it."""
    path = Path(os.environ.get("ASSAY", REPOSITORY / "target" / "release" / "assay"))
    assert path.is_file(), f"{path} is not there: cargo build --release -p assay, or name the binary in ASSAY"
    return str(path)


@pytest.fixture(scope="module")
def reference(int8: Path, folder: Path, made: Path) -> Path:
    out = made / "reference.json"
    assert main(["calibrate", str(int8), "--data", str(folder), "--out", str(out), "--name", "plates"]) == 0
    return out


def test_the_reference_has_what_plugins_read_today_and_more(reference: Path) -> None:
    mine, shipped = json.loads(reference.read_text()), json.loads(SHIPPED.read_text())
    assert set(shipped) <= set(mine)
    assert [feature["name"] for feature in mine["features"]] == [feature["name"] for feature in shipped["features"]]
    assert all(set(a) == set(b) for a, b in zip(mine["features"], shipped["features"], strict=True))
    assert mine["schema"] == 1
    assert sum(mine["softmax"]["mean"]) == pytest.approx(1, abs=1e-4)
    thresholds = mine["detectors"][0]["thresholds"]
    assert mine["detectors"][0]["name"] == "adv-squeeze" and thresholds["0.01"] >= thresholds["0.05"]


def test_certainty_is_described_at_the_temperature_that_the_bundle_states(
    reference: Path, int8: Path, folder: Path, tmp_path: Path
) -> None:
    """Monitors compare it with the station's probabilities, which are at that temperature."""
    sharp = tmp_path / "sharp.json"
    words = ["calibrate", str(int8), "--data", str(folder), "--out", str(sharp), "--temperature", "0.5"]
    assert main([*words, "--detector-temperature", "4"]) == 0
    one, half = (json.loads(path.read_text()) for path in (reference, sharp))
    certainty = [{f["name"]: f for f in found["features"]}["max_prob"] for found in (one, half)]
    assert certainty[1]["min"] > certainty[0]["min"] and certainty[1]["mean"] > certainty[0]["mean"]
    assert half["temperature"] == one["temperature"], "the best one does not depend on the stated one"
    squeeze = half["detectors"][0]
    assert squeeze["temperature"] == 4
    assert squeeze["thresholds"]["0.05"] != one["detectors"][0]["thresholds"]["0.05"]


def test_statistics_of_a_known_picture() -> None:
    picture = np.zeros((4, 4, 3), np.uint8)
    picture[:, 2:] = 255
    found = statistics(picture)
    assert found["brightness"] == 127.5 and found["contrast"] == 127.5 and found["saturation"] == 1.0


def test_bins_hold_a_tenth_each() -> None:
    found = describe("x", np.arange(1000.0))
    assert found["bins"]["shares"] == [0.1] * 10  # type: ignore[index]


def test_distances_of_an_embedding_are_those_of_its_axes() -> None:
    rng = np.random.default_rng(0)
    values = (rng.standard_normal((500, 6)) * np.array([5, 3, 1, 0.1, 0.1, 0.1]) + 7).astype(np.float32)
    found = describe_embedding("embedding", values, axes=3)
    rows, sd = np.array(found["components"]), np.array(found["sd"])
    assert np.allclose(rows @ rows.T, np.eye(3), atol=1e-4)
    assert sd == pytest.approx([5, 3, 1], rel=0.1)
    assert found["explained"] > 0.99
    assert distances(values[:1] * 0 + 7, np.array(found["mean"]), rows, sd)[0] < 0.3


def test_squeezing_scores_are_largest_where_the_details_matter() -> None:
    def ask(pictures: np.ndarray) -> np.ndarray:
        """Certain of what it sees in the lowest bit of the first pixel."""
        odd = (pictures[:, 0, 0, 0] & 1).astype(np.float32)
        return np.stack([odd, 1 - odd], 1)

    flat = np.full((1, 8, 8, 3), 255, np.uint8)
    fine = flat.copy()
    fine[0, 0, 0, 0] = 250
    assert squeezing.scores(ask, flat)[0] == 0 and squeezing.scores(ask, fine)[0] == 2


def test_the_self_test_has_a_picture_per_class_that_is_answered_right(int8: Path, folder: Path, tmp_path: Path) -> None:
    from PIL import Image

    assert main(["self-test", str(int8), "--data", str(folder), "--out", str(tmp_path)]) == 0
    expected = json.loads((tmp_path / "expected.json").read_text())
    run = onnxruntime.InferenceSession(int8)
    assert [row["truth"] for row in expected["pictures"]] == ["good", "bar", "blob"]
    for row in expected["pictures"]:
        x = (np.asarray(Image.open(tmp_path / row["file"])).astype(np.float32) - 127) / 128
        logits = run.run(["logits"], {"input": x.transpose(2, 0, 1)[None]})[0][0]
        assert np.allclose(logits, row["logits"], atol=1e-4)
        assert expected["labels"][int(logits.argmax())] == row["truth"]


def test_the_manifest_is_toml_that_says_what_is_in_the_model(int8: Path) -> None:
    import tomllib

    bundle = Bundle(
        "plates", "1.0.0", 1, 'a "quoted" word', open_model(int8), ["good", "bar", "blob"], reference=Path("r.json")
    )
    found = tomllib.loads(manifest(bundle))
    assert found["bundle"]["description"] == 'a "quoted" word'
    assert found["model"]["labels"] == ["good", "bar", "blob"]
    assert found["model"]["input"] == [{"name": "input", "shape": [3, 32, 32], "type": "f32"}]
    assert {port["name"] for port in found["model"]["output"]} == {"logits", "embedding"}
    assert "encoding" not in found["model"]


def test_a_container_says_its_encoding_in_the_manifest(int8: Path, tmp_path: Path) -> None:
    assert main(["encode", str(int8), "--out", str(tmp_path / "m.awc"), "--bits", "5"]) == 0
    text = manifest(Bundle("plates", "1.0.0", 1, "", open_model(tmp_path / "m.awc"), ["good", "bar", "blob"]))
    assert 'file = "m.awc"' in text and 'encoding = "assay-weights-1"' in text


def test_assay_packs_what_the_kit_made(int8: Path, reference: Path, tmp_path: Path) -> None:
    out = tmp_path / "plates-1.0.0.assay"
    words = ["pack", str(int8), "--out", str(out), "--name", "plates", "--version", "1.0.0", "--counter", "1"]
    assert main([*words, "--reference", str(reference), "--assay", assay(), "--description", "plates"]) == 0
    done = subprocess.run([assay(), "bundle", "inspect", str(out)], capture_output=True, text=True, check=True)
    assert "plates" in done.stdout and "1.0.0" in done.stdout


def test_a_bundle_that_assay_refuses_is_not_left_behind(
    int8: Path, reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "x.assay"
    words = ["pack", str(int8), "--out", str(out), "--name", "Not A Name!", "--version", "1.0.0", "--counter", "1"]
    assert main([*words, "--reference", str(reference), "--assay", assay()]) == 1
    assert "refused" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.assay")) and not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("shape", "node", "domain", "said"),
    [
        (["N", 3, "H", "W"], "Relu", "", "?x3x?x?"),
        (["N", 3, 32, 32], "Magic", "my.own", "my.own.Magic"),
    ],
)
def test_a_model_that_no_station_runs_leaves_no_bundle(
    shape: list[object], node: str, domain: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, out = written(tmp_path / "m.onnx", shape, node, domain), tmp_path / "out" / "x-1.0.0.assay"
    words = ["pack", str(model), "--out", str(out), "--name", "x", "--version", "1.0.0", "--counter", "1"]
    assert main([*words, "--reference", str(SHIPPED), "--assay", assay()]) == 1
    assert said in capsys.readouterr().err
    assert not out.parent.exists() or not list(out.parent.iterdir())


def test_the_card_of_another_file_is_not_packed(
    model: Path, int8: Path, reference: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "report",
        str(model),
        "--data",
        str(folder),
        "--out",
        str(tmp_path),
        "--runs",
        "1",
        "--backend-threads",
        "1",
    ]
    assert main(words) == 0
    words = [
        "pack",
        str(int8),
        "--out",
        str(tmp_path / "x.assay"),
        "--name",
        "plates",
        "--version",
        "1.0.0",
        "--counter",
        "1",
    ]
    assert (
        main(
            [
                *words,
                "--reference",
                str(reference),
                "--report-card",
                str(tmp_path / "report-card.json"),
                "--assay",
                "true",
            ]
        )
        == 1
    )
    assert "another file" in capsys.readouterr().err


def test_a_one_class_model_finds_what_it_never_saw(checkpoint: Path, folder: Path, int8: Path, tmp_path: Path) -> None:
    out = tmp_path / "anomaly.onnx"
    words = ["anomaly", "--data", str(folder), "--out", str(out), "--backbone", str(checkpoint), "--size", "32"]
    assert main([*words, "--features", "16", "--false-alarms", "0.1", "--supervised", str(int8)]) == 0
    figures = json.loads(out.with_suffix(".json").read_text())
    assert figures["image_auroc"] > 0.8 and figures["supervised_auroc"] > 0.9
    proto = onnx.load(out)
    assert [value.name for value in proto.graph.output] == ["logits", "score", "heatmap"]
    # A bundle's manifest has to name every side but the first.
    assert all(side.dim_value > 0 for value in proto.graph.output for side in value.type.tensor_type.shape.dim[1:])
    run = onnxruntime.InferenceSession(out)
    from conftest import draw

    x = (draw("blob", 5).astype(np.float32) - 127) / 128
    logits, score, heat = run.run(None, {"input": x.transpose(2, 0, 1)[None]})
    assert logits.shape == (1, 2) and score.shape == (1, 1) and heat.ndim == 4 and heat.shape[:2] == (1, 1)
    assert heat.min() >= 0 and heat.max() <= 1
    # The verdict's probability and the score are one figure.
    assert np.exp(logits[0, 1]) / np.exp(logits[0]).sum() == pytest.approx(score[0, 0], abs=1e-5)


def test_the_one_class_model_looks_at_no_defect_before_the_test(checkpoint: Path, folder: Path, tmp_path: Path) -> None:
    """The same good pictures, with and without defects beside them, give the same file."""
    import shutil

    alone = tmp_path / "alone"
    for split in ("train", "val"):
        shutil.copytree(folder / split / "good", alone / split / "good")
    digests = []
    for k, root in enumerate((folder, alone)):
        out = tmp_path / f"{k}.onnx"
        assert (
            main(
                [
                    "anomaly",
                    "--data",
                    str(root),
                    "--out",
                    str(out),
                    "--backbone",
                    str(checkpoint),
                    "--size",
                    "32",
                    "--features",
                    "8",
                ]
            )
            == 0
        )
        digests.append(out.read_bytes())
    assert digests[0] == digests[1]


def test_the_whole_case_can_be_walked(folder: Path, tmp_path: Path) -> None:
    words = [
        "case",
        "--data",
        str(folder),
        "--out",
        str(tmp_path),
        "--trial",
        "--robust-pictures",
        "6",
        "--robust-steps",
        "2",
        "--effort",
        "0.5",
    ]
    assert main([*words, "--runs", "2", "--limit", "30"]) == 0
    record = json.loads((tmp_path / "case.json").read_text())
    assert record["steps"][0]["name"] == "baseline" and len(record["steps"]) == 8
    assert len(record["targets"]) == 5
    assert [training["name"] for training in record["trainings"]] == ["baseline", "student", "pruned", "hardened"]
    assert [training["phases"][0]["steps"] for training in record["trainings"]] == [10, 10, 5, 5], "half the effort"
    assert "| hardened | 5 (32) | 40 | 0.3 |" in (tmp_path / "table.md").read_text()
    for step in record["steps"]:
        assert 0 <= step["card"]["accuracy"]["value"] <= 1
    # Each file is the network of its own training, not what a later one made of it.
    x = np.random.default_rng(0).uniform(-1, 1, (2, 3, 32, 32)).astype(np.float32)
    for name in TRAININGS:
        session = onnxruntime.InferenceSession(tmp_path / f"{name}.onnx", providers=["CPUExecutionProvider"])
        net = checkpoints.load(tmp_path / f"{name}.pt").net
        with torch.inference_mode():
            kept = net(torch.from_numpy(x))[0].numpy()
        assert np.allclose(session.run(["logits"], {"input": x})[0], kept, atol=1e-4), name
    # Again: nothing is trained or measured a second time.
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.pt")}
    assert main([*words, "--runs", "2", "--limit", "30"]) == 0
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.pt")}
    # A quiet minute later: new times, everything else as it was.
    kept = tmp_path / "cards" / "hardened-int8" / "report-card.json"
    old = json.loads(kept.read_text())
    old["latency"] = []
    kept.write_text(json.dumps(old))
    assert main([*words, "--runs", "2", "--limit", "30", "--latency-again"]) == 0
    new = json.loads(kept.read_text())
    assert {row["backend"] for row in new.pop("latency")} == {"onnxruntime", "openvino"}
    assert new.pop("before").keys() == old.pop("before").keys()
    assert new == {key: value for key, value in old.items() if key != "latency"}
    # And never mixed with what other settings gave.
    assert main([*words, "--runs", "2", "--limit", "30", "--seed", "5"]) == 1


@pytest.mark.parametrize("effort", ["0", "-1", "1000", "nan", "much"])
def test_an_effort_that_makes_no_training_is_refused(effort: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["case", "--data", str(tmp_path), "--out", str(tmp_path / "out"), "--trial", f"--effort={effort}"])
    assert not (tmp_path / "out").exists()


def test_every_phase_is_scaled_and_none_vanishes() -> None:
    twice, hardly = FULL.scaled(2), FULL.scaled(0.001)
    assert [phase.steps for phase in twice.hardened] == [2 * phase.steps for phase in FULL.hardened]
    assert all(phase.steps == 1 for name in TRAININGS for phase in getattr(hardly, name))
    assert twice.eps == FULL.eps


def card(megabytes: float, accuracy: float, robust: float, ms: float) -> dict:
    share = {"value": accuracy, "wilson95": [0.0, 1.0], "n": 100}
    attacked = {
        "pictures": 9,
        "pgd_steps": 1,
        "rows": [{"attack": "pgd", "eps_255": 4.0, "robust_accuracy": {"value": robust}}],
    }
    return {
        "file": {"bytes": int(megabytes * 1e6), "stored_bytes": int(megabytes * 1e6), "parameters": 1, "multiply_adds": 1},
        "accuracy": share, "macro_f1": accuracy, "robust": attacked, "made": {"machine": "m"},
        "latency": [{"backend": "openvino", "threads": 1, "p50_ms": ms}],
    }  # fmt: skip


def test_a_missed_target_is_shown_as_missed() -> None:
    rows = [
        ("baseline", "", card(20, 0.99, 0.0, 9)),
        ("pruned-int8", "", card(1, 0.98, 0.1, 2)),
        ("hardened-int8", "", card(1, 0.975, 0.4, 4)),
    ]
    found = targets(rows)
    assert [target.met for target in found] == [True, True, False, False, False]
    text = markdown(rows, found)
    assert text.count("**missed**") == 3 and text.count("| met |") == 2
