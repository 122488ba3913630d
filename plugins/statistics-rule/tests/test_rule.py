"""python3 -m unittest discover -s plugins/statistics-rule/tests"""

from __future__ import annotations

import importlib.util
import sys
import unittest
import zlib
from pathlib import Path
from typing import Any

PLUGIN = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PLUGIN.parents[1] / "sdk" / "python"), str(PLUGIN / "src")]

from assay import testing  # noqa: E402
from assay.testing.words import Err  # noqa: E402

testing.Station()
import plugin  # noqa: E402

spec = importlib.util.spec_from_file_location("make", PLUGIN / "golden" / "make.py")
make: Any = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
spec.loader.exec_module(make)  # type: ignore[union-attr]


def judge(name: str, **options: Any) -> Any:
    station = testing.Station(settings={key.replace("_", "-"): value for key, value in options.items()})
    # A fresh instance, as a station makes it for every frame: settings are read anew.
    plugin.Detect = plugin.StatisticsRule._adapter()
    return station.detect(plugin, testing.picture(make.SIDE, make.SIDE, "gray8", make.pixels(name)))


def found(answer: Any) -> list[tuple[str, str, tuple[int, int, int, int]]]:
    at = [(one.region.x, one.region.y, one.region.width, one.region.height) for one in answer.findings]
    return [(one.label, dict(one.attributes)["area"], where) for one, where in zip(answer.findings, at, strict=True)]


class Rule(unittest.TestCase):
    def test_a_picture_inside_its_limits_has_no_finding_and_all_measures(self) -> None:
        answer = judge("good", min_mean=[120], max_mean=[136], min_sd=[30], min_focus=[1000])
        self.assertEqual(found(answer), [])
        # The checkerboard has two levels, as many of each: mean 128, sd 40. By hand, with neighbours two alike and two
        # different everywhere, the Laplacian is +-160: its variance is 25600.
        expected = {"all-mean": "128.000", "all-sd": "40.000", "all-focus": "25600.000"}
        self.assertEqual(dict(answer.attributes), expected)

    def test_the_dark_cell_of_a_grid_is_found_where_it_is(self) -> None:
        answer = judge("dark-corner", grid=[2, 2], min_mean=[100])
        self.assertEqual(found(answer), [("too-dark", "r2c2", (16, 16, 16, 16))])
        finding = answer.findings[0]
        self.assertTrue(finding.raised)
        self.assertAlmostEqual(finding.score, 1 - 32 / 100 / 2)
        self.assertEqual(finding.text, "r2c2: mean 32.0, allowed 100 to inf")

    def test_a_region_has_limits_of_its_own(self) -> None:
        boxes = [0, 0, 50, 50, 50, 50, 50, 50]
        options = {"regions": ["logo", "seal"], "boxes": boxes, "min_sd": [20, 0], "min_focus": [100, 0]}
        answer = judge("flat-corner", **options)
        self.assertEqual(found(answer), [(label, "logo", (0, 0, 16, 16)) for label in ("low-contrast", "out-of-focus")])
        self.assertEqual([one.score for one in answer.findings], [1.0, 1.0])
        self.assertEqual(found(judge("flat-corner", **options | {"min_sd": [0, 0], "min_focus": [0, 41]})), [])

    def test_every_limit_has_two_ends_and_both_are_allowed(self) -> None:
        self.assertEqual(found(judge("good", min_mean=[128], max_mean=[128], max_sd=[40], max_focus=[25600])), [])
        labels = [label for label, *_ in found(judge("good", max_mean=[127], max_sd=[39], max_focus=[25599]))]
        self.assertEqual(labels, ["too-bright", "high-contrast", "too-sharp"])
        self.assertAlmostEqual(judge("good", max_mean=[64]).findings[0].score, 0.75)

    def test_cells_cover_a_picture_once(self) -> None:
        from regions import areas

        testing.Station(settings={"grid": [7, 5]})
        cells = [area.inside(70, 35) for area in areas()]
        covered = {(x, y) for r in cells for x in range(r.x, r.x + r.width) for y in range(r.y, r.y + r.height)}
        self.assertEqual((len(covered), sum(r.width * r.height for r in cells)), (70 * 35, 70 * 35))
        tiny = [area.inside(1, 1) for area in areas()]
        self.assertTrue(all((r.x, r.y, r.width, r.height) == (0, 0, 1, 1) for r in tiny))

    def test_a_wrong_setting_is_named(self) -> None:
        for options, text in (
            ({"regions": ["a", "a"], "boxes": [0] * 8}, "setting regions: expected 1 to 64 names, each once"),
            ({"regions": ["Seal"]}, "lower-case letters"),
            ({"boxes": [0, 0, 100]}, "setting boxes: expected 4 numbers for each of the 1 regions, found 3 numbers"),
            ({"boxes": [50, 0, 60, 10]}, "of all inside 0 to 100 percent"),
            ({"grid": [9, 9]}, "setting grid: expected columns and rows, at most 64 cells"),
            ({"min_sd": [1, 2]}, "setting min-sd: expected 1 number, or 1: one per region, found 2 numbers"),
            ({"min_mean": [9], "max_mean": [8]}, "setting min-mean: expected 0 or more, and at most max-mean (8), found 9"),
        ):
            with self.subTest(text), self.assertRaises(Err) as caught:
                judge("good", **options)
            self.assertEqual(type(caught.exception.value).__name__, "PluginError_BadSetting")
            self.assertIn(text, caught.exception.value.value)

    def test_the_pictures_of_the_folder_are_these(self) -> None:
        for name in make.PICTURES:
            data = (PLUGIN / "golden" / f"{name}.png").read_bytes()
            start = data.index(b"IDAT") + 4
            length = int.from_bytes(data[start - 8 : start - 4], "big")
            rows = zlib.decompress(data[start : start + length])
            side = make.SIDE
            lines = [rows[at * (side + 1) + 1 : (at + 1) * (side + 1)] for at in range(side)]
            self.assertEqual(b"".join(lines), make.pixels(name), name)


if __name__ == "__main__":
    unittest.main()
