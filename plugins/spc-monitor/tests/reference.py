"""The chart and its rules a second time, independently: in fractions and by squares, so that no root and no rounding is
shared with the plugin. Writes expected.json, which the plugin's test reads.

    python3 plugins/spc-monitor/tests/reference.py
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

#: Montgomery, "Introduction to Statistical Quality Control", example 7.1: frozen orange juice concentrate,
#: nonconforming cans in 30 samples of 50, and the 24 samples after the machine was adjusted.
SIZE = 50
FIRST = [12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22, 8, 10, 5, 13, 11, 20, 18, 24, 15, 9, 12, 7, 13, 9, 6]
AFTER = [9, 6, 12, 5, 6, 4, 6, 3, 7, 6, 2, 4, 3, 6, 5, 4, 8, 5, 6, 7, 5, 6, 3, 5]
RUN = 8


def square(value: Fraction) -> Fraction:
    return value * value


def side(rejects: int, centre: Fraction) -> int:
    rate = Fraction(rejects, SIZE)
    return (rate > centre) - (rate < centre)


def beyond(rejects: int, centre: Fraction, sigmas: int) -> bool:
    """At least so many sigma away: (p - c)^2 >= k^2 c (1 - c) / n."""
    return square(Fraction(rejects, SIZE) - centre) >= sigmas**2 * centre * (1 - centre) / SIZE


def signals(counts: list[int], centre: Fraction) -> list[list[int]]:
    """For each sample the rules that it breaks, 0 for the upper limit alone."""
    found = []
    for at, newest in enumerate(counts):
        mine = side(newest, centre)

        def hits(last: int, sigmas: int) -> int:
            window = counts[max(0, at - last + 1) : at + 1]
            return sum(side(one, centre) == mine and beyond(one, centre, sigmas) for one in window)

        run = 0
        while run <= at and mine and side(counts[at - run], centre) == mine:
            run += 1
        rules = {
            0: mine > 0 and beyond(newest, centre, 3),
            1: beyond(newest, centre, 3),
            2: mine != 0 and beyond(newest, centre, 2) and hits(3, 2) >= 2,
            3: mine != 0 and beyond(newest, centre, 1) and hits(5, 1) >= 4,
            4: run >= RUN,
        }
        found.append([rule for rule, broken in rules.items() if broken])
    return found


def centre_without(counts: list[int], left_out: set[int]) -> Fraction:
    """Mean of the samples but those; numbered from 1."""
    kept = [count for number, count in enumerate(counts, 1) if number not in left_out]
    return Fraction(sum(kept), SIZE * len(kept))


def expected() -> dict[str, object]:
    trial, revised = centre_without(FIRST, set()), centre_without(FIRST, {15, 23})
    return {
        "size": SIZE,
        "run": RUN,
        "first": FIRST,
        "after": AFTER,
        "trial": [trial.numerator, trial.denominator],
        "revised": [revised.numerator, revised.denominator],
        "signals_first_by_trial": signals(FIRST, trial),
        "signals_after_by_revised": signals(AFTER, revised),
        # The chart that the plugin learns of all 30 samples, on which the 24 after are judged.
        "signals_after_by_trial": signals(AFTER, trial),
    }


if __name__ == "__main__":
    Path(__file__).with_name("expected.json").write_text(json.dumps(expected(), indent=1) + "\n", encoding="utf-8")
