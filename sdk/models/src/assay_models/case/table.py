"""The case as a table, and its targets: asked, found, met or missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Card = dict[str, Any]
Rows = list[tuple[str, str, Card]]
BASELINE, UNDEFENDED, WINNER = "baseline", "pruned-int8", "hardened-int8"
TIMES_SMALLER, MOST_MB, MOST_MS, MOST_POINTS, ROBUST_POINTS = 5.0, 2.5, 3.0, 1.0, 40.0


@dataclass(frozen=True)
class Target:
    what: str
    asked: str
    found: str
    met: bool


def targets(rows: Rows) -> list[Target]:
    """The targets of the case, for the hardened int8 model."""
    cards = {name: card for name, _, card in rows}
    base, plain, winner = cards[BASELINE], cards[UNDEFENDED], cards[WINNER]
    times = base["file"]["bytes"] / winner["file"]["bytes"]
    size = winner["file"]["bytes"] / 1e6
    drop = 100 * (base["accuracy"]["value"] - winner["accuracy"]["value"])
    gain = 100 * (robust(winner) - robust(plain))
    found = [
        Target("times smaller than the baseline", f">= {TIMES_SMALLER:g}", f"{times:.1f}", times >= TIMES_SMALLER),
        Target("size", f"<= {MOST_MB:g} MB", f"{size:.2f} MB", size <= MOST_MB),
    ]
    p50 = openvino_p50(winner)
    text = "not measured" if p50 is None else f"{p50:.2f} ms"
    found.append(Target("p50, OpenVINO, one thread", f"<= {MOST_MS:g} ms", text, p50 is not None and p50 <= MOST_MS))
    found.append(Target("accuracy lost", f"<= {MOST_POINTS:g} point", f"{drop:.2f} points", drop <= MOST_POINTS))
    asked = f">= {ROBUST_POINTS:g} points"
    found.append(Target("robust accuracy won at PGD 4/255", asked, f"{gain:.1f} points", gain >= ROBUST_POINTS))
    return found


def robust(card: Card) -> float:
    """Right after all at PGD."""
    rows = card.get("robust", {}).get("rows", [])
    return float(next((row["robust_accuracy"]["value"] for row in rows if row["attack"] == "pgd"), float("nan")))


def openvino_p50(card: Card) -> float | None:
    return next(
        (
            row["p50_ms"]
            for row in card["latency"]
            if row["backend"] == "openvino" and row["threads"] == 1 and "p50_ms" in row
        ),
        None,
    )


def _p50(card: Card, backend: str) -> str:
    value = next(
        (row.get("p50_ms") for row in card["latency"] if row["backend"] == backend and row["threads"] == 1), None
    )
    return "-" if value is None else f"{value:.1f}"


def markdown(rows: Rows, found: list[Target]) -> str:
    """The table of all steps and the table of targets."""
    first = rows[0][2]
    lines = [
        f"{first['accuracy']['n']} test pictures; PGD on {_attacked(rows)}; {first['made']['machine']}, one thread, ms at p50.",
        "",
        "| step | what | MB | sent, MB | parameters | multiply-adds | accuracy (Wilson 95 %) | F1 | right under PGD 4/255 | OpenVINO | ONNX Runtime |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, what, card in rows:
        file, low_high = card["file"], card["accuracy"]["wilson95"]
        accuracy = f"{100 * card['accuracy']['value']:.2f} % ({100 * low_high[0]:.1f} to {100 * low_high[1]:.1f})"
        attacked = f"{100 * robust(card):.1f} %" if card.get("robust") else "-"
        cells = [name, what, f"{file['bytes'] / 1e6:.2f}", f"{min(file['stored_bytes'], file['bytes']) / 1e6:.2f}",
                 f"{file['parameters'] / 1e6:.2f} M", f"{file['multiply_adds'] / 1e6:.0f} M", accuracy, f"{card['macro_f1']:.4f}",
                 attacked, _p50(card, "openvino"), _p50(card, "onnxruntime")]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "| target | asked | found | |", "|---|---|---|---|"]
    lines += [f"| {t.what} | {t.asked} | {t.found} | {'met' if t.met else '**missed**'} |" for t in found]
    return "\n".join(lines) + "\n"


def schedule(trainings: Sequence[dict[str, Any]]) -> str:
    """What each training saw, and what it cost in time of one processor core."""
    lines = [
        "| training | steps (side of the pictures) | pictures shown | epochs | processor, min |",
        "|---|---|---|---|---|",
    ]
    for training in trainings:
        phases = training["phases"]
        shown = sum(phase["steps"] * phase["batch"] for phase in phases)
        steps = ", then ".join(f"{phase['steps']} ({phase['size']})" for phase in phases)
        epochs, minutes = shown / training["pictures"], training["processor_seconds"] / 60
        lines.append(f"| {training['name']} | {steps} | {shown} | {epochs:.1f} | {minutes:.1f} |")
    seeds = ", ".join(sorted({str(training["seed"]) for training in trainings}))
    lines += ["", f"{trainings[0]['pictures']} training pictures, a new view of each at every step; seed {seeds}."]
    return "\n".join(lines) + "\n"


def _attacked(rows: Rows) -> str:
    card = next((card for _, _, card in rows if card.get("robust")), None)
    if card is None:
        return "none"
    return f"{card['robust']['pictures']} of them, {card['robust']['pgd_steps']} steps, with each file's own gradients"
