"""The report card of the demo model: its page, and the latency on a station's backends."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from test_station import REPOSITORY, assay

from assay_models.surface.card_text import as_markdown
from assay_models.surface.station_latency import main

DEMO = REPOSITORY / "sdk" / "models" / "demo"
MODEL = DEMO / "surface-int8.onnx"


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A copy of the committed card."""
    path = tmp_path / "report-card.json"
    path.write_bytes((DEMO / "report-card.json").read_bytes())
    return path


def pretends(tmp_path: Path, rows: list[dict[str, object]]) -> Path:
    """A program that answers as `assay model bench` does."""
    program = tmp_path / "assay"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps({'schema': 1, 'results': rows})}\nEND\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def test_the_committed_page_is_that_of_the_committed_card() -> None:
    card = json.loads((DEMO / "report-card.json").read_text())
    assert (DEMO / "report-card.md").read_text() == as_markdown(card)


def test_the_page_says_what_eight_bit_weights_do_without_vnni() -> None:
    text = (DEMO / "report-card.md").read_text()
    assert "without VNNI" in text and "overflow" in text and "docs/adr/0025" in text


def test_the_stations_backends_are_measured_by_assay_itself(card: Path) -> None:
    before = json.loads(card.read_text())
    words = ["--assay", assay(), "--runs", "2", "--machine", "two cores of a test machine", "--card", str(card)]
    assert main([*words, str(MODEL)]) == 0
    after = json.loads(card.read_text())
    measured = after.pop("station_latency")
    before.pop("station_latency", None)
    assert after == before
    assert measured["machine"] == "two cores of a test machine" and measured["runs"] == 2
    (tract,) = (row for row in measured["rows"] if row["backend"] == "tract")
    assert tract["file"] == "surface-int8.onnx" and tract["backend_version"]
    assert 0 < tract["min_ms"] <= tract["p50_ms"] <= tract["p95_ms"]
    page = card.with_suffix(".md").read_text()
    assert "Machine: two cores of a test machine." in page
    assert f"| {tract['min_ms']} / {tract['p50_ms']} / {tract['p95_ms']} ms |" in page


def test_a_backend_that_does_not_run_is_in_the_table_with_its_reason(card: Path, tmp_path: Path) -> None:
    times = {"backend_version": "1", "load_ms": 9.5, "min_ms": 1.25, "p50_ms": 2.5, "p95_ms": 3.75}
    rows = [
        {"file": "x/m.onnx", "backend": "openvino", "error": "not found"},
        {"file": "x/m.onnx", "backend": "tract", **times},
    ]
    assert main(["--assay", str(pretends(tmp_path, rows)), "--card", str(card), str(MODEL)]) == 0
    page = card.with_suffix(".md").read_text()
    assert "| openvino | m.onnx | | does not run: not found |" in page
    assert "| tract 1 | m.onnx | 9.5 ms | 1.25 / 2.5 / 3.75 ms |" in page


def test_without_a_figure_of_tract_the_card_stays(
    card: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = card.read_bytes()
    rows: list[dict[str, object]] = [{"file": "m", "backend": "tract", "error": "no such operator"}]
    assert main(["--assay", str(pretends(tmp_path, rows)), "--card", str(card), str(MODEL)]) == 1
    assert "tract does not run m: no such operator" in capsys.readouterr().err
    assert card.read_bytes() == before and not card.with_suffix(".md").exists()


def test_a_file_of_another_card_is_refused(card: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other, before = tmp_path / "other.onnx", card.read_bytes()
    other.write_bytes(MODEL.read_bytes() + b"\0")
    assert main(["--assay", "true", "--card", str(card), str(other)]) == 1
    assert "its digest is another" in capsys.readouterr().err
    assert card.read_bytes() == before


def test_a_missing_binary_is_named(card: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--assay", str(tmp_path / "gone"), "--card", str(card), str(MODEL)]) == 1
    assert "is no program; --assay" in capsys.readouterr().err
