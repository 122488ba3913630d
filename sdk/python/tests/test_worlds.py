"""The SDK against a station in plain Python: python3 -m unittest discover -s sdk/python/tests"""

from __future__ import annotations

import sys
import unittest
from array import array
from pathlib import Path
from types import ModuleType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from assay import testing  # noqa: E402
from assay.testing.words import Err, wit  # noqa: E402

testing.Station()
import assay  # noqa: E402
from assay import Detection, Finding, Prepared, Region, log, reference, settings, state  # noqa: E402


def grey(value: int, width: int = 8, height: int = 8) -> Any:
    return testing.picture(width, height, "gray8", bytes([value]) * (width * height))


def plugin(base: type, **methods: Any) -> ModuleType:
    """A module with a plugin class in it, as `plugin.py` is one."""
    module = ModuleType("plugin_of_a_test")
    sys.modules[module.__name__] = module
    assay.export(type("Plugin", (base,), {"__module__": module.__name__} | methods))
    return module


def detector(detect: Any, **methods: Any) -> ModuleType:
    return plugin(assay.Detector, detect=detect, **methods)


class Worlds(unittest.TestCase):
    def failure(self, call: Any, *arguments: Any, **named: Any) -> tuple[str, str]:
        with self.assertRaises(Err) as caught:
            call(*arguments, **named)
        return type(caught.exception.value).__name__.removeprefix("PluginError_"), caught.exception.value.value

    def test_a_detector_gets_its_evidence_and_gives_findings(self) -> None:
        station = testing.Station(settings={"limit": 100})

        def detect(self: Any, frame: Any, evidence: Any) -> Detection:
            limit = settings.number("limit", low=0, high=255)
            log.info(str(frame.trigger))
            assert evidence.outputs["logits"].to_f32() == array("f", [1, 2])
            mean = evidence.picture.statistics().mean
            return Detection([Finding("bright", 7, mean > limit, Region(1, 2, 3, 4), attributes={"mean": mean})])

        answer = station.detect(detector(detect), grey(200), outputs={"logits": testing.tensor([1, 2], [1, 2])})
        expected = wit.types.Finding("bright", 1.0, True, wit.types.Region(1, 2, 3, 4), None, [("mean", "200.0")])
        self.assertEqual(answer.findings, [expected])
        self.assertEqual(station.lines, [("info", "1")])

    def test_handles_end_with_the_call_also_where_the_author_keeps_them(self) -> None:
        kept = []

        def detect(self: Any, _: Any, evidence: Any) -> Detection:
            if kept:
                kept[0].info
            kept.append(evidence.picture.crop(Region(0, 0, 2, 2)))
            return Detection(images={"part": evidence.picture.crop(Region(0, 0, 4, 4))})

        station, module = testing.Station(), detector(detect)
        self.assertEqual(station.detect(module, grey(1)).images[0][1].size, (4, 4))
        self.assertIn("after its call ended", self.failure(station.detect, module, grey(1))[1])

    def test_what_was_handed_on_cannot_be_used_again(self) -> None:
        def twice(self: Any, _: Any, evidence: Any) -> Detection:
            return Detection(images={"a": evidence.picture, "b": evidence.picture})

        def spent(self: Any, _: Any, evidence: Any) -> Detection:
            tensor = evidence.picture.to_tensor(assay.TensorSpec())
            assay.Model("net").compute({"input": tensor})
            return Detection(attributes={"shape": tensor.shape})

        station = testing.Station(models={"net": lambda _: {}})
        self.assertIn("handed on twice", self.failure(station.detect, detector(twice), grey(1))[1])
        self.assertIn("handed to a model", self.failure(station.detect, detector(spent), grey(1))[1])
        with self.assertRaisesRegex(assay.PluginError, "outside of a call"):
            assay.Image(grey(1))

    def test_errors_become_those_of_the_station(self) -> None:
        def said(error: BaseException) -> tuple[str, str]:
            def detect(self: Any, *_: Any) -> Detection:
                raise error

            return self.failure(station.detect, detector(detect), grey(1))

        station = testing.Station()
        self.assertEqual(said(assay.UnsupportedInput("a")), ("UnsupportedInput", "a"))
        self.assertEqual(said(assay.BadSetting("b")), ("BadSetting", "b"))
        self.assertEqual(said(assay.InferenceError("c")), ("Inference", "c"))
        self.assertEqual(said(assay.PluginError("d")), ("Other", "d"))
        kind, text = said(ValueError("e"))
        self.assertRegex(kind + text, r"^OtherValueError: e \(test_worlds.py line \d+, in detect\)$")
        self.assertTrue(any(level == "error" and "in detect" in line for level, line in station.lines))
        self.assertEqual(said(SystemExit(1))[0], "Other", "an exit is no way out of a call")

        def outside(self: Any, _: Any, evidence: Any) -> Detection:
            evidence.picture.crop(Region(5, 5, 9, 9))
            return Detection()

        self.assertEqual(self.failure(station.detect, detector(outside), grey(1))[0], "UnsupportedInput")

    def test_an_error_holds_no_frames_of_the_author(self) -> None:
        def detect(self: Any, *_: Any) -> Detection:
            raise ValueError("x")

        with self.assertRaises(Err) as caught:
            testing.Station().detect(detector(detect), grey(1))
        self.assertIsNone(caught.exception.__context__)

    def test_an_object_is_made_once_and_anew_after_an_error_that_nobody_foresaw(self) -> None:
        made, mood = [], [""]

        def init(self: Any) -> None:
            made.append(1)

        def detect(self: Any, *_: Any) -> Detection:
            if mood[0]:
                raise {"said": assay.UnsupportedInput, "odd": RuntimeError}[mood[0]]("x")
            return Detection()

        station, module = testing.Station(), detector(detect, __init__=init)
        for mood[0], expected in (("", 1), ("said", 1), ("odd", 1), ("", 2)):
            if mood[0]:
                self.failure(station.detect, module, grey(1))
            else:
                station.detect(module, grey(1))
            self.assertEqual(len(made), expected)

    def test_models_get_tensors_and_give_tensors(self) -> None:
        def net(given: dict[str, Any]) -> dict[str, Any]:
            shape, values = given["input"]
            return {"logits": ([2, 1], [len(values), shape[0]])}

        def ask(name: str) -> ModuleType:
            def detect(self: Any, _: Any, evidence: Any) -> Detection:
                pictures = [evidence.picture, evidence.picture]
                batch = assay.Image.batch_to_tensor(pictures, assay.TensorSpec(mean=[1], scale=[2]))
                rows = assay.Model(name).compute({"input": batch.copy()})["logits"].rows()
                return Detection(attributes={"rows": [list(row) for row in rows], "again": batch.shape})

            return detector(detect)

        station = testing.Station(models={"net": net})
        answer = dict(station.detect(ask("net"), grey(3)).attributes)
        self.assertEqual(answer, {"rows": "[[128.0], [2.0]]", "again": "(2, 1, 8, 8)"})
        expected = ("Inference", "model other: not found: other is not granted")
        self.assertEqual(self.failure(station.detect, ask("other"), grey(3)), expected)

    def test_a_preprocessor_gives_tensors_and_pictures(self) -> None:
        def preprocess(self: Any, _: Any, picture: Any) -> Prepared:
            letterbox = assay.Letterbox.from_settings()
            fitted = letterbox.fit(picture)
            return Prepared({letterbox.input: fitted.to_tensor(letterbox.spec)}, fitted, {"seen": picture})

        options = {"width": 4, "height": 4, "filter": "nearest", "mean": [0], "scale": [255], "pad": [0]}
        module = plugin(assay.Preprocessor, preprocess=preprocess)
        answer = testing.Station(settings=options).preprocess(module, grey(255, 8, 4))
        name, tensor = answer.tensors[0]
        self.assertEqual((name, tensor.dimensions()), ("input", [1, 3, 4, 4]))
        self.assertEqual(array("f", tensor.data())[:16].tolist(), [0.0] * 4 + [1.0] * 8 + [0.0] * 4)
        self.assertEqual((answer.picture.size, answer.picture.kind.name), ((4, 4), "RGB8"))
        self.assertEqual([(key, image.size) for key, image in answer.images], [("seen", (8, 4))])

    def test_a_monitor_remembers_by_the_host_and_a_failed_call_changes_nothing(self) -> None:
        def observe(self: Any, _: Any, inspection: Any) -> assay.Observation:
            seen = state.get_json("seen", default=0) + 1
            state.set_json("seen", seen)
            state.set_numbers("numbers", [seen, 0.5])
            if inspection.verdict == "fail":
                raise RuntimeError("no")
            return assay.Observation([assay.Report("f", "s", 1, 2, False, int(state.get_numbers("numbers")[0]))])

        station, module = testing.Station(), plugin(assay.Monitor, observe=observe)
        self.assertEqual(station.observe(module).reports[0].window, 1)
        self.failure(station.observe, module, verdict="fail")
        self.assertEqual(station.observe(module).reports[0].window, 2)
        self.assertEqual(self.failure(testing.Station(state_limit=3).observe, module)[0], "Other")


class Values(unittest.TestCase):
    def test_settings_arrive_in_their_own_type(self) -> None:
        given = {"a": 1, "b": 2.5, "c": True, "d": "x", "e": [1, 2], "f": ["y"], "g": [], "h": {"k": [1]}}
        testing.Station(settings=given, labels=["good"])
        self.assertEqual((settings.integer("a"), settings.number("a"), settings.number("b")), (1, 1.0, 2.5))
        self.assertEqual((settings.flag("c"), settings.text("d")), (True, "x"))
        self.assertEqual((settings.numbers("e"), settings.numbers("b"), settings.texts("f")), ([1, 2], [2.5], ["y"]))
        self.assertEqual((settings.numbers("g"), settings.texts("g")), ([], []))
        self.assertEqual((settings.json("h"), settings.get("h"), settings.get("no")), ({"k": [1]},) * 2 + (None,))
        self.assertEqual(settings.labels(), ["good"])
        self.assertIs(settings.flag("no", default=False), False)

    def test_a_wrong_setting_says_what_was_expected_and_what_was_found(self) -> None:
        testing.Station(settings={"a": "x", "b": 300, "c": 3.0})
        for read, text in (
            (lambda: settings.number("a"), 'setting a: expected a number, found "x"'),
            (lambda: settings.number("b", low=0, high=255), "setting b: expected a number from 0 to 255, found 300"),
            (lambda: settings.number("no"), "setting no: expected a number, found nothing"),
            (lambda: settings.integer("c", high=9), "setting c: expected a whole number from 0 to 9, found 3.0"),
            (lambda: settings.text("a", choices=["y", "z"]), 'setting a: expected y or z, found "x"'),
            (lambda: settings.texts("b"), "setting b: expected a list of texts, found 300"),
        ):
            with self.assertRaises(assay.BadSetting) as caught:
                read()
            self.assertEqual(str(caught.exception), text)

    def test_a_dataclass_is_filled_from_settings(self) -> None:
        from dataclasses import dataclass, field

        @dataclass
        class Limits:
            label: str
            min_mean: float = settings.between(0, 255, default=40.0)
            count: int = 3
            sides: list[float] = field(default_factory=lambda: [1.0])

        globals()["Limits"] = Limits
        testing.Station(settings={"label": "dark", "min-mean": 60})
        self.assertEqual(settings.load(Limits), Limits("dark", 60.0, 3, [1.0]))
        testing.Station(settings={"label": "dark", "min-mean": 256})
        with self.assertRaisesRegex(assay.BadSetting, "setting min-mean: expected a number from 0 to 255, found 256"):
            settings.load(Limits)

    def test_reference_values_are_found_by_path(self) -> None:
        testing.Station(reference={"features": [{"name": "f", "mean": 1.5, "bins": {"edges": [1, 2]}}]})
        self.assertEqual(reference.feature("f").number("mean"), 1.5)
        self.assertEqual(reference.feature("f").numbers("bins/edges"), [1, 2])
        with self.assertRaisesRegex(assay.BadSetting, "sd of f as a number"):
            reference.feature("f").number("sd")
        testing.Station()
        with self.assertRaisesRegex(assay.BadSetting, "a model bundle without one"):
            reference.feature("f").number("mean")

    def test_tensors_of_every_type_become_arrays(self) -> None:
        found: dict[str, list[Any]] = {}

        def detect(self: Any, *_: Any) -> Detection:
            make = assay.Tensor.from_bytes
            found["fp16"] = make([4], "fp16", bytes([0, 0x3C, 1, 0, 0, 0xC0, 0, 0x7C])).values().tolist()
            found["bf16"] = make([1], "bf16", b"\x80\x3f").values().tolist()
            found["i64"] = make([1], "i64", array("q", [-5]).tobytes()).values().tolist()
            found["u8"] = assay.Tensor.from_u8([2], [1, 255]).values().tolist()
            found["f32"] = [row.tolist() for row in assay.Tensor.from_f32([2, 1], [0.5, -1]).rows()]
            for wrong in (lambda: assay.Tensor.from_f32([3], [1, 2]), lambda: assay.Tensor.from_u8([1], [1]).to_f32()):
                with self_.assertRaises(assay.UnsupportedInput):
                    wrong()
            return Detection()

        self_ = self
        testing.Station().detect(detector(detect), grey(1))
        expected = {"fp16": [1, 2**-24, -2, float("inf")], "bf16": [1], "i64": [-5], "u8": [1, 255], "f32": [[0.5], [-1]]}
        self.assertEqual(found, expected)

    def test_softmax_and_places_are_those_of_the_rust_sdk(self) -> None:
        from assay.letterbox import place

        self.assertAlmostEqual(assay.numeric.softmax([1, 2, 3])[2], 0.6652409557748217, 12)
        self.assertEqual(assay.numeric.softmax([1000, 0])[0], 1)
        self.assertIsNone(assay.numeric.softmax([float("nan")]))
        self.assertEqual(tuple(place(640, 480, 224, 224)), (0, 28, 224, 168))
        self.assertEqual(tuple(place(101, 200, 200, 200)), (49, 0, 101, 200))
        self.assertEqual(tuple(place(10_000, 1, 224, 224)), (0, 111, 224, 1))


if __name__ == "__main__":
    unittest.main()
