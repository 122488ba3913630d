"""The examples, which are also what a new plugin begins as, do what they say."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
import unittest
from array import array
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from assay import testing  # noqa: E402


def example(name: str, **changed: Any) -> tuple[testing.Station, ModuleType]:
    """With the settings of its own manifest, and some changed."""
    manifest = tomllib.loads((ROOT / "examples" / name / "plugin.toml").read_text(encoding="utf-8"))
    station = testing.Station(settings=manifest["plugin"]["settings"] | changed)
    spec = importlib.util.spec_from_file_location(f"example_{name}", ROOT / "examples" / name / "src" / "plugin.py")
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return station, module


class Examples(unittest.TestCase):
    def test_detector(self) -> None:
        station, module = example("detector")
        for value, labels in ((10, ["too-dark"]), (128, []), (250, ["too-bright"])):
            answer = station.detect(module, testing.picture(4, 4, "gray8", bytes([value] * 16)))
            self.assertEqual([finding.label for finding in answer.findings], labels)

    def test_preprocessor(self) -> None:
        station, module = example("preprocessor", width=2, height=2, filter="nearest")
        answer = station.preprocess(module, testing.picture(4, 4, "gray8", bytes([255] * 16)))
        self.assertEqual(answer.tensors[0][1].dimensions(), [1, 3, 2, 2])
        self.assertEqual(array("f", answer.tensors[0][1].data()).tolist(), [1.0] * 12)

    def test_monitor(self) -> None:
        station, module = example("monitor", window=4)
        verdicts = ["pass", "fail", "pass", "pass"]
        reports = [station.observe(module, verdict=verdict).reports for verdict in verdicts * 2]
        self.assertEqual([len(one) for one in reports], [0, 0, 0, 1] * 2)
        self.assertEqual((reports[3][0].value, reports[3][0].drifted, reports[3][0].window), (0.25, True, 4))


if __name__ == "__main__":
    unittest.main()
