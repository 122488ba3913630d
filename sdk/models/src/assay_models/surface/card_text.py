"""The demo model's report card for people, from its JSON.

    python -m assay_models.surface.card_text --card demo/report-card.json

writes the page beside the JSON.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..files import read_json, write_text
from . import LABELS

Card = dict[str, Any]


def as_markdown(card: Card) -> str:
    """The card for people."""
    lines = [
        "# Report card: surface",
        "",
        f"Data: {card['data']}. Test: {card['dataset']['splits']['test']['pictures']} pictures whose defect shapes, texture",
        "regions and seeds the training never saw. Intervals are Wilson 95 %. Latency: one picture, one thread, all",
        "taking turns, on a busy two-core machine: the least is closest to an idle one.",
        "",
        f"{card['parameters'] / 1e6:.2f} million parameters, {card['multiply_adds'] / 1e6:.0f} million multiply-adds.",
        "",
        "| | fp32 | int8 |",
        "|---|---|---|",
    ]
    pair = (card["fp32"], card["int8"])
    lines.append("| size | " + " | ".join(f"{m['bytes'] / 1e6:.2f} MB" for m in pair) + " |")
    lines.append("| accuracy | " + " | ".join(percent(m["accuracy"]) for m in pair) + " |")
    for label in LABELS:
        lines.append(f"| {label} | " + " | ".join(percent(m["per_class"][label]) for m in pair) + " |")
    for backend in pair[0]["latency"]:
        times = [m["latency"][backend] for m in pair]
        cells = [f"{t['min_ms']} / {t['p50_ms']} / {t['p95_ms']} ms" for t in times]
        lines.append(f"| {backend}, least / p50 / p95 | {' | '.join(cells)} |")
    return "\n".join(lines + _station(card) + _weights() + _confusion(card) + _detection(card)) + "\n"


def percent(share: Card) -> str:
    low, high = share["wilson95"]
    return f"{100 * share['value']:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def _station(card: Card) -> list[str]:
    """Latency on the backends of a station, tract among them."""
    measured = card.get("station_latency")
    if not measured:
        return ["", "tract has no Python package: `python -m assay_models.surface.station_latency` adds its figure."]
    lines = [
        "",
        f"On the backends of a station, by {measured['by']}: one picture, one thread, {measured['runs']} runs, all taking turns.",
        f"Machine: {measured['machine']}.",
        "",
        "| backend | file | load | least / p50 / p95 |",
        "|---|---|---|---|",
    ]
    for row in measured["rows"]:
        head = f"| {row['backend']} {row.get('backend_version', '')}".rstrip() + f" | {row['file']} |"
        if "error" in row:
            lines.append(f"{head} | does not run: {row['error']} |")
        else:
            lines.append(f"{head} {row['load_ms']} ms | {row['min_ms']} / {row['p50_ms']} / {row['p95_ms']} ms |")
    return lines


def _weights() -> list[str]:
    """What `quantise` made the shipped file with, and what follows."""
    return [
        "",
        "The int8 weights use all eight bits. On x86 processors with AVX2 and without VNNI, ONNX Runtime adds pairs of products",
        "in 16 bits, which such weights overflow: the sum is cut off, and logits differ from those of other processors, by up",
        "to 1.2 on random pictures. What the model kit makes has seven bits for that reason (docs/adr/0025).",
    ]


def _confusion(card: Card) -> list[str]:
    """Confusion matrix of the int8 model as a table."""
    lines = ["", "int8, rows are the truth:", "", "| | " + " | ".join(LABELS) + " |", "|---" * (len(LABELS) + 1) + "|"]
    rows = zip(LABELS, card["int8"]["confusion"], strict=True)
    return lines + [f"| {label} | " + " | ".join(str(n) for n in row) + " |" for label, row in rows]


def _detection(card: Card) -> list[str]:
    """The adversarial detection table, bad rows included."""
    report = card.get("adversarial_detection")
    if not report:
        return []
    lines = ["", "## Detection of attacked pictures by feature squeezing", "", report["threat"].capitalize() + ".", ""]
    lines += ["| attack | eps / 255 | worked | flagged at 5 % | flagged at 1 % |", "|---|---|---|---|---|"]
    for row in report["rows"]:
        rates = [f"{100 * row[k]:.0f} %" if k in row else "-" for k in ("tpr_at_fpr_0.05", "tpr_at_fpr_0.01")]
        worked = f"{row['succeeded']} of {row['tried']}"
        lines.append(f"| {row['attack']} | {row['eps_255']:g} | {worked} | {' | '.join(rates)} |")
    at_5, at_1 = (100 * report["fpr_on_clean_test"][f"at_{rate}"] for rate in ("0.05", "0.01"))
    clean = report["clean_test_pictures"]
    return lines + [
        "",
        f"False alarms on {clean} clean test pictures at these two limits: {at_5:.1f} % and {at_1:.1f} %.",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--card", type=Path, default=Path("demo/report-card.json"))
    args = parser.parse_args()
    write_text(args.card.with_suffix(".md"), as_markdown(read_json(args.card)))


if __name__ == "__main__":
    main()
