"""What has to work where only the base is installed: no torch, no OpenCV."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BLOCKED = ("torch", "cv2", "nncf", "torch_pruning", "art", "foolbox", "openvino", "onnxslim", "skimage")


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """A command in a Python that has none of the extras."""
    code = f"import sys; sys.modules.update(dict.fromkeys({BLOCKED!r})); from assay_models.cli import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=False)


def test_quantise_report_calibrate_and_encode_need_no_extra(model: Path, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "int8.onnx"
    data = ("--data", folder, "--limit", "60")
    for words in (
        ("quantise", model, *data, "--out", out, "--calibration", "20"),
        ("encode", out, "--out", tmp_path / "m.awc"),
        ("decode", tmp_path / "m.awc", "--out", tmp_path / "again.onnx"),
        ("calibrate", out, *data, "--out", tmp_path / "reference.json"),
        ("self-test", out, *data, "--out", tmp_path / "selftest"),
        ("report", out, *data, "--out", tmp_path / "card", "--runs", "1", "--backend-threads", "1"),
    ):
        done = run(*words)
        assert done.returncode == 0, f"{words[0]}: {done.stderr}"
    assert (tmp_path / "again.onnx").read_bytes() == (tmp_path / "m.onnx").read_bytes()


def test_a_command_that_needs_an_extra_names_it(model: Path, folder: Path, tmp_path: Path) -> None:
    done = run("simplify", model, "--out", tmp_path / "x.onnx")
    assert done.returncode == 1 and "assay-models[optimise]" in done.stderr
    done = run("train", "--data", folder, "--out", tmp_path / "x.pt")
    assert done.returncode == 1 and "assay-models[train]" in done.stderr, done.stderr
