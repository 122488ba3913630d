"""Charts of the report page, as PNG bytes."""

from __future__ import annotations

import io
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

matplotlib.use("Agg")

INK, ACCENT, QUIET = "#1f2933", "#1f6f8b", "#9aa5b1"
DPI = 110


def png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight", facecolor="white")
    return buffer.getvalue()


def overview(card: dict[str, Any]) -> bytes:
    """One picture of a card: recall per class, the confusion matrix, latency, and robust accuracy where it was asked."""
    robust = bool(card.get("robust"))
    figure = Figure(figsize=(13, 7.5 if robust else 4.2), layout="constrained")
    axes = figure.subplots(2 if robust else 1, 3 if not robust else 2).ravel()
    _recall(axes[0], card)
    _confusion(axes[1], card)
    _latency(axes[2], card)
    if robust:
        _robust(axes[3], card)
    accuracy = card["accuracy"]["value"]
    figure.suptitle(
        f"{card['model']}: {100 * accuracy:.1f} % on {card['accuracy']['n']} pictures, "
        f"{card['file']['bytes'] / 1e6:.2f} MB, {card['file']['multiply_adds'] / 1e6:.1f} M multiply-adds",
        color=INK,
    )
    return png(figure)


def _tidy(axis: Axes, title: str) -> None:
    axis.set_title(title, fontsize=10, color=INK, loc="left")
    axis.tick_params(labelsize=8, colors=INK)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def _recall(axis: Axes, card: dict[str, Any]) -> None:
    labels = list(card["per_class"])
    rows = [card["per_class"][label]["recall"] for label in labels]
    values = np.array([row["value"] or 0 for row in rows])
    ends = np.array([row["wilson95"] for row in rows])
    spread = np.abs(np.stack([values - ends[:, 0], ends[:, 1] - values]))
    places = np.arange(len(labels))
    # Points, not bars: the axis does not begin at 0.
    axis.errorbar(values, places, xerr=spread, fmt="o", color=ACCENT, ecolor=QUIET, capsize=4, lw=1.5)
    axis.set_yticks(places, labels)
    axis.invert_yaxis()
    axis.set_xlim(min(0.9, float(ends.min()) - 0.02), 1.0)
    _tidy(axis, "Recall per class, Wilson 95 %")


def _confusion(axis: Axes, card: dict[str, Any]) -> None:
    counts = np.array(card["confusion"])
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        ink = "white" if shares[row, column] > 0.5 else INK
        axis.text(column, row, str(count), ha="center", va="center", fontsize=8, color=ink)
    labels = card["labels"]
    axis.set_xticks(range(len(labels)), labels, rotation=35, ha="right")
    axis.set_yticks(range(len(labels)), labels)
    _tidy(axis, "Answers (columns) for the truth (rows)")


def _latency(axis: Axes, card: dict[str, Any]) -> None:
    rows = [row for row in card["latency"] if "p50_ms" in row]
    names = [f"{row['backend']}, {row['threads']}" for row in rows]
    places = np.arange(len(rows))
    axis.barh(places, [row["p95_ms"] for row in rows], color=QUIET, label="p95")
    axis.barh(places, [row["p50_ms"] for row in rows], color=ACCENT, label="p50")
    axis.set_yticks(places, names)
    axis.invert_yaxis()
    axis.legend(fontsize=8, frameon=False)
    _tidy(axis, "Milliseconds per picture (backend, threads)")


def _robust(axis: Axes, card: dict[str, Any]) -> None:
    curves(axis, {"": card["robust"]})
    _tidy(axis, "Right answers under attack, by budget (of 255)")


def curves(axis: Axes, sets: dict[str, dict[str, Any]]) -> None:
    """Robust accuracy against budget, per attack; several models are told apart by the line's style."""
    styles = ("-", "--", ":", "-.")
    for style, (name, robust) in zip(styles, sets.items(), strict=False):
        attacks = dict.fromkeys(row["attack"] for row in robust["rows"])
        for k, attack in enumerate(attacks):
            rows = [row for row in robust["rows"] if row["attack"] == attack]
            places = [0.0] + [row["eps_255"] for row in rows]
            values = [robust["clean_accuracy"]["value"]] + [row["robust_accuracy"]["value"] for row in rows]
            axis.plot(places, values, style, marker="o", ms=3, color=f"C{k}", label=f"{attack} {name}".strip())
    axis.set_xscale("symlog", linthresh=2)
    axis.set_xticks([0, 2, 4, 8, 16, 76.5], ["0", "2", "4", "8", "16", "76.5"])
    axis.set_ylim(0, 1.02)
    axis.legend(fontsize=8, frameon=False)


def attack_curves(sets: dict[str, dict[str, Any]]) -> bytes:
    """Curves of several models in one picture: before and after."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axis = figure.subplots()
    curves(axis, sets)
    _tidy(axis, "Right answers under attack, by budget (of 255 grey levels)")
    return png(figure)


def pareto(rows: list[dict[str, Any]], cost: str, unit: str) -> bytes:
    """Every combination that was tried, and the front of those that nothing beats."""
    figure = Figure(figsize=(7.5, 4.8), layout="constrained")
    axis = figure.subplots()
    for row in rows:
        colour = ACCENT if row["pareto"] else QUIET
        axis.scatter(row[cost], 100 * row["accuracy"], s=36, color=colour, zorder=3)
        axis.annotate(
            row["name"], (row[cost], 100 * row["accuracy"]), fontsize=7, xytext=(4, 4), textcoords="offset points"
        )
    front = sorted((row for row in rows if row["pareto"]), key=lambda row: row[cost])
    axis.plot([row[cost] for row in front], [100 * row["accuracy"] for row in front], color=ACCENT, lw=1)
    axis.set_xlabel(unit, fontsize=9)
    axis.set_ylabel("accuracy, %", fontsize=9)
    axis.margins(0.12)
    _tidy(axis, "What was tried; the line is the Pareto front")
    return png(figure)
