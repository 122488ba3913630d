"""The report card for people: one HTML file with everything in it."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import Any

from ..files import write_bytes, write_json, write_text
from .card import Card, summary
from .charts import overview

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1f2933;max-width:1100px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin-bottom:.2rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;margin:.5rem 0}td,th{padding:.25rem .8rem .25rem 0;text-align:left;border-bottom:1px solid #d9e2ec}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}small,.quiet{color:#52606d}img{max-width:100%}
"""


def write(card: Card, folder: Path) -> list[Path]:
    """report-card.json, .html and .png in `folder`; the JSON last, so that it stands for a whole card."""
    image = overview(card)
    paths = [folder / f"report-card.{end}" for end in ("png", "html", "json")]
    write_bytes(paths[0], image)
    write_text(paths[1], html(card, image))
    write_json(paths[2], card)
    return paths


def html(card: Card, image: bytes) -> str:
    picture = base64.b64encode(image).decode()
    parts = [
        f"<h1>{escape(card['model'])}</h1><p class=quiet>{escape(_subtitle(card))}</p>",
        f"<img alt='charts of this card' src='data:image/png;base64,{picture}'>",
        "<h2>Figures</h2>" + _figures(card),
        "<h2>Per class</h2>" + _classes(card),
        "<h2>Latency, one picture</h2>" + _latency(card),
    ]
    if card.get("robust"):
        parts.append("<h2>Under attack</h2>" + _robust(card["robust"]))
    parts += [f"<p><small>{escape(note)}</small></p>" for note in card["notes"]]
    head = f"<meta charset=utf-8><title>Report card: {escape(card['model'])}</title><style>{STYLE}</style>"
    return f"<!doctype html><html lang=en><head>{head}</head><body>{''.join(parts)}</body></html>\n"


def _subtitle(card: Card) -> str:
    made, file = card["made"], card["file"]
    return f"{file['name']}, sha256 {file['sha256'][:16]}…; {made['by']}, {made['at']}, {made['machine']}"


def _table(head: list[str], rows: list[list[str]], numbers: int) -> str:
    """The last `numbers` columns are figures."""

    def line(cells: list[str], tag: str) -> str:
        first = len(cells) - numbers
        marks = ["" if k < first else " class=n" for k in range(len(cells))]
        return "<tr>" + "".join(f"<{tag}{m}>{escape(c)}</{tag}>" for m, c in zip(marks, cells, strict=True)) + "</tr>"

    return "<table>" + line(head, "th") + "".join(line(row, "td") for row in rows) + "</table>"


def percent(row: Card) -> str:
    if row["value"] is None:
        return "-"
    low, high = row["wilson95"]
    return f"{100 * row['value']:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def _figures(card: Card) -> str:
    now = summary(card)
    before = card.get("before") or {}
    rows = []
    for key, title, shown in (
        ("bytes", "size", _megabytes),
        ("stored_bytes", "size as stored and sent", _megabytes),
        ("parameters", "parameters", lambda n: f"{n:,}"),
        ("multiply_adds", "multiply-adds", lambda n: f"{n / 1e6:.1f} M"),
        ("accuracy", "accuracy", lambda n: f"{100 * n:.2f} %"),
        ("macro_f1", "F1, mean of the classes", lambda n: f"{n:.4f}"),
        ("calibration_error", "calibration error", lambda n: f"{n:.4f}"),
    ):
        rows.append([title, *([shown(before[key])] if before else []), shown(now[key])])
    rows.append(["deflated (zlib 9)", *([""] if before else []), _megabytes(card["file"]["deflated_bytes"])])
    rows.append(["accuracy, Wilson 95 %", *([""] if before else []), percent(card["accuracy"])])
    head = ["", *([f"before: {before['model']}"] if before else []), "now"]
    return _table(head, rows, len(head) - 1)


def _megabytes(count: Any) -> str:
    return f"{count / 1e6:.2f} MB"


def _classes(card: Card) -> str:
    rows = [
        [label, *(percent(found[k]) for k in ("recall", "precision", "f1"))]
        for label, found in card["per_class"].items()
    ]
    return _table(["class", "recall", "precision", "F1"], rows, 3)


def _latency(card: Card) -> str:
    rows = []
    for row in card["latency"]:
        times = (
            [f"{row[k]:.2f} ms" for k in ("min_ms", "p50_ms", "p95_ms")]
            if "p50_ms" in row
            else [row.get("error", ""), "", ""]
        )
        rows.append(
            [f"{row['backend']} {row.get('backend_version', '')}".strip(), str(row["threads"]), row["by"], *times]
        )
    return _table(["backend", "threads", "measured by", "least", "p50", "p95"], rows, 3)


def _robust(robust: Card) -> str:
    rows = [
        [
            row["attack"],
            f"{row['eps_255']:g}",
            str(row["victims"]),
            percent(row["succeeded"]),
            percent(row["robust_accuracy"]),
        ]
        for row in robust["rows"]
    ]
    note = f"<p class=quiet>{escape(robust['threat'])}; gradients: {escape(robust['gradients'])}; PGD with {robust['pgd_steps']} steps.</p>"
    return note + _table(["attack", "eps of 255", "victims", "fooled, of the victims", "right after all"], rows, 4)
