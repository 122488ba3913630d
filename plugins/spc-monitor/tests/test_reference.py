"""python3 -m unittest discover -s plugins/spc-monitor/tests"""

from __future__ import annotations

import json
import sys
import unittest
from math import sqrt
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import reference  # noqa: E402


def limits(numerator: int, denominator: int) -> tuple[float, ...]:
    centre = numerator / denominator
    width = 3 * sqrt(centre * (1 - centre) / reference.SIZE)
    return tuple(round(value, 4) for value in (centre, centre - width, centre + width))


class Reference(unittest.TestCase):
    def test_the_file_is_what_this_computes(self) -> None:
        written = json.loads(Path(__file__).with_name("expected.json").read_text(encoding="utf-8"))
        self.assertEqual(written, json.loads(json.dumps(reference.expected())))

    def test_the_textbook_has_the_same_numbers(self) -> None:
        found = reference.expected()
        # Printed in the book: sum 347, centre 0.2313, limits 0.0524 and 0.4102; then 301 of 1400, 0.2150, 0.0407, 0.3893.
        self.assertEqual(sum(reference.FIRST), 347)
        for (centre, low, high), printed in (
            (limits(*found["trial"]), (0.2313, 0.0524, 0.4102)),
            (limits(*found["revised"]), (0.2150, 0.0407, 0.3893)),
        ):
            for value, other in zip((centre, low, high), printed, strict=True):
                # The book computes with roots that are rounded to four digits.
                self.assertAlmostEqual(value, other, delta=0.00025)

    def test_the_textbook_has_the_same_samples_out_of_control(self) -> None:
        found = reference.expected()["signals_first_by_trial"]
        self.assertEqual([number for number, rules in enumerate(found, 1) if 1 in rules], [15, 23])
        revised = reference.centre_without(reference.FIRST, {15, 23})
        again = reference.signals(reference.FIRST, revised)
        self.assertEqual([number for number, rules in enumerate(again, 1) if 1 in rules], [15, 21, 23])


if __name__ == "__main__":
    unittest.main()
