"""How long the demo model takes on the backends of a station, tract among them: added to its report card.

    python -m assay_models.surface.station_latency --assay ../../target/release/assay --machine "2 cores of ..."

`assay model bench` does the measuring, on one thread, all files and backends taking turns. OpenVINO and ONNX Runtime are
found as by a station (ASSAY_OPENVINO_DIR, ASSAY_ONNXRUNTIME_DIR); one that is not there says so in its row.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import KitError
from ..files import read_json, sha256, write_json, write_text
from ..onnxfile.model import open_model
from ..report.card import processor
from ..report.latency import bench
from .card_text import Card, as_markdown

RUNS = 200
KEPT = ("backend", "backend_version", "device", "load_ms", "min_ms", "p50_ms", "p95_ms", "error")


def measure_on_station(files: Sequence[Path], assay: Path, runs: int, machine: str | None = None) -> Card:
    """What the card has as `station_latency`. tract has to run every file: it is what a station always has."""
    binary = shutil.which(assay)
    if binary is None:
        raise KitError(f"{assay} is no program; --assay (or the variable ASSAY) wants the assay binary")
    rows = []
    for row in bench([open_model(path) for path in files], Path(binary), threads=(1,), runs=runs):
        rows.append({"file": Path(row["file"]).name, **{key: row[key] for key in KEPT if key in row}})
        if row["backend"] == "tract" and "error" in row:
            raise KitError(f"tract does not run {row['file']}: {row['error']}")
    return {"by": "`assay model bench`", "machine": machine or processor(), "threads": 1, "runs": runs, "rows": rows}


def add(card: Card, files: Sequence[Path], measured: Card) -> Card:
    """The card with these figures, which have to be of the files that it is about."""
    known = {card[kind]["sha256"] for kind in ("fp32", "int8")}
    for path in files:
        if sha256(path.read_bytes()) not in known:
            raise KitError(f"{path} is not a file of this report card: its digest is another")
    return {**card, "station_latency": measured}


def run(args: argparse.Namespace) -> None:
    card = read_json(args.card)
    add(card, args.files, {})  # refused before anything is measured
    card = add(card, args.files, measure_on_station(args.files, args.assay, args.runs, args.machine))
    write_json(args.card, card)
    write_text(args.card.with_suffix(".md"), as_markdown(card))


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assay", type=Path, default=Path(os.environ.get("ASSAY", "assay")), help="the assay binary")
    parser.add_argument("--machine", help="what it is measured on; the processor's name by default")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--card", type=Path, default=Path("demo/report-card.json"))
    parser.add_argument("files", type=Path, nargs="*", default=[Path("demo/surface-int8.onnx")])
    try:
        run(parser.parse_args(words))
    except KitError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
