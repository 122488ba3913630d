"""The WIT and the SDKs of Python and JavaScript cannot drift apart: every function, field and case of wit/*.wit has its
counterpart in both, and nothing there is without one in the WIT."""

from __future__ import annotations

import dataclasses
import re
import sys
import unittest
from pathlib import Path
from typing import Any

SDK = Path(__file__).resolve().parents[2]
WIT = SDK.parent / "wit"
sys.path.insert(0, str(SDK / "python"))

from assay import testing  # noqa: E402
from assay.testing import words  # noqa: E402

testing.Station()
import assay  # noqa: E402

#: Refused by every host: a plugin has no use for it.
NEVER = {"graph.load"}
#: `WIT name -> name in assay`, where it is not the same name in a module, a class or a dataclass of that name.
PYTHON = {
    "log.log": "log.write",
    "config.get": "settings.json",
    "config.setting": "settings.get",
    "config.labels": "settings.labels",
    "config.reference": "reference.text",
    "config.reference-value": "reference.value",
    "config.reference-digest": "reference.digest",
    "imaging.batch-to-tensor": "Image.batch_to_tensor",
    "tensor.tensor.constructor": "Tensor.from_bytes",
    "tensor.tensor.dimensions": "Tensor.shape",
    "tensor.tensor.ty": "Tensor.type",
    "tensor.tensor.data": "Tensor.to_bytes",
    "graph.load-by-name": "Model.compute",
    "graph.graph.init-execution-context": "Model.compute",
    "inference.graph-execution-context.compute": "Model.compute",
    "errors.error.code": "InferenceError",
    "errors.error.data": "InferenceError",
    "detect.detect": "Detector.detect",
    "preprocess.preprocess": "Preprocessor.preprocess",
    "observe.observe": "Monitor.observe",
}
#: The same for the lines of assay.d.ts.
JAVASCRIPT = {name: re.sub(r"_(.)", lambda m: m[1].upper(), mine) for name, mine in PYTHON.items()} | {
    "state.delete": "state.remove",
}
#: WIT records and enums whose class has another name.
CLASS = {"frame-info": "Frame", "image-info": "ImageInfo"}


def interfaces() -> dict[str, str]:
    """Bodies by name, without comments."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(WIT.rglob("*.wit")))
    text = re.sub(r"//.*", "", text)
    return dict(re.findall(r"^interface ([\w-]+) \{\n(.*?)^\}", text, re.DOTALL | re.MULTILINE))


def blocks(body: str, kind: str) -> dict[str, list[str]]:
    """Names of the fields or cases of each record, enum or variant."""
    found = re.findall(rf"\b{kind} ([\w-]+) \{{(.*?)\}}", body, re.DOTALL)
    return {name: re.findall(r"^\s*([\w-]+)", inner, re.MULTILINE) for name, inner in found}


def functions() -> list[str]:
    """`interface.function` and `interface.resource.function`."""
    found = []
    for interface, body in interfaces().items():
        for resource, inner in re.findall(r"resource ([\w-]+) \{(.*?)\n    \}", body, re.DOTALL):
            found += [f"{interface}.{resource}.constructor"] * ("constructor(" in inner)
            found += [f"{interface}.{resource}.{name}" for name in re.findall(r"([\w-]+): (?:static )?func", inner)]
        alone = re.sub(r"resource [\w-]+ \{.*?\n    \}", "", body, flags=re.DOTALL)
        found += [f"{interface}.{name}" for name in re.findall(r"([\w-]+): func", alone)]
    return [name for name in found if name not in NEVER]


def snake(name: str) -> str:
    return name.replace("-", "_").lower()


def camel(name: str) -> str:
    return re.sub(r"-(.)", lambda match: match[1].upper(), name)


def pascal(name: str) -> str:
    return CLASS.get(name) or "".join(word.title() for word in name.split("-"))


def of_python(name: str) -> Any:
    """What stands in `assay` for a function of the WIT."""
    *path, last = PYTHON.get(name, "").split(".") if name in PYTHON else default(name, snake)
    found: Any = assay
    for word in [*path, last]:
        found = getattr(found, word)
    return found


def default(name: str, spell: Any) -> list[str]:
    interface, *resource, function = name.split(".")
    return [*([pascal(resource[0])] if resource else [interface]), spell(function)]


class Python(unittest.TestCase):
    def test_the_wit_is_read(self) -> None:
        self.assertGreaterEqual(len(functions()), 39)
        self.assertIn("imaging.image.crop", functions())
        self.assertIn("laplacian-variance", blocks(interfaces()["imaging"], "record")["statistics"])

    def test_every_function_has_a_counterpart(self) -> None:
        for name in functions():
            with self.subTest(name):
                self.assertTrue(of_python(name))
        self.assertLessEqual(set(PYTHON), set(functions()), "a name that the WIT does not have any more")

    def test_every_record_has_the_same_fields(self) -> None:
        for interface, body in interfaces().items():
            for name, fields in blocks(body, "record").items():
                with self.subTest(name):
                    cls = getattr(assay, pascal(name))
                    names = getattr(cls, "_fields", None) or [field.name for field in dataclasses.fields(cls)]
                    self.assertEqual(list(names), [snake(field) for field in fields])
                    self.assertEqual(words.RECORDS[f"{interface}.{wit_class(name)}"].split(), list(names))

    def test_every_enum_has_the_same_cases(self) -> None:
        mine = {"level": assay.log.Level}
        for interface, body in interfaces().items():
            for name, cases in blocks(body, "enum").items():
                if name in ("graph-encoding", "execution-target"):
                    continue  # of `graph.load` alone
                with self.subTest(name):
                    expected = [snake(case) for case in cases]
                    self.assertEqual(words.ENUMS[f"{interface}.{wit_class(name)}"].split(), expected)
                    if name != "error-code":
                        cls = mine.get(name) or getattr(assay, pascal(name))
                        self.assertEqual([member.name.lower() for member in cls], expected)

    def test_every_variant_has_the_same_cases(self) -> None:
        for interface, body in interfaces().items():
            for name, cases in blocks(body, "variant").items():
                with self.subTest(name):
                    expected = ["".join(word.title() for word in case.split("-")) for case in cases]
                    self.assertEqual(words.VARIANTS[f"{interface}.{wit_class(name)}"].split(), expected)

    def test_the_station_of_tests_has_every_function_and_no_other(self) -> None:
        for name in functions():
            interface, *resource, function = name.split(".")
            found = getattr(words.wit, interface)
            if interface in words.EXPORTS or function == "constructor":
                continue
            for word in [wit_class(resource[0])] if resource else []:
                found = getattr(found, word)
            with self.subTest(name):
                self.assertTrue(callable(getattr(found, snake(function))))


class JavaScript(unittest.TestCase):
    """Against the types, which a test of Node holds against the code."""

    types = (SDK / "js" / "assay.d.ts").read_text(encoding="utf-8")
    names = (SDK / "js" / "testing" / "names.js").read_text(encoding="utf-8")

    def scope(self, name: str) -> str:
        found = re.search(rf"^export (?:declare )?(?:class|interface|namespace) {name}\b.*?^\}}", self.types, re.DOTALL | re.MULTILINE)
        self.assertIsNotNone(found, f"assay.d.ts has no {name}")
        return found[0]  # type: ignore[index]

    def test_every_function_has_a_counterpart(self) -> None:
        for name in functions():
            path = JAVASCRIPT[name].split(".") if name in JAVASCRIPT else default(name, camel)
            with self.subTest(name):
                self.assertRegex(self.scope(path[0]), rf"\b{path[-1]}\b")

    def test_every_record_has_its_fields(self) -> None:
        for body in interfaces().values():
            for name, fields in blocks(body, "record").items():
                with self.subTest(name):
                    found = re.findall(r"^  (?:readonly )?(\w+)\??:", self.scope(pascal(name)), re.MULTILINE)
                    self.assertEqual(found, [camel(field) for field in fields])

    def test_every_enum_has_its_cases(self) -> None:
        for body in interfaces().values():
            for name, cases in blocks(body, "enum").items():
                if name in ("graph-encoding", "execution-target", "error-code"):
                    continue
                with self.subTest(name):
                    found = re.search(rf"export type {pascal(name)} =([^;]*);", self.types)
                    self.assertIsNotNone(found)
                    self.assertEqual(re.findall(r"'([\w-]+)'", found[1]), [case.lower() for case in cases])  # type: ignore[index]

    def test_the_station_of_tests_has_every_function_and_no_other(self) -> None:
        expected: dict[str, set[str]] = {}
        for name in functions() + sorted(NEVER):
            interface, *resource, function = name.split(".")
            expected.setdefault(interface, set()).add(wit_class(resource[0]) if resource else camel(function))
        found = {
            interface: set(re.findall(r"'(\w+)'", items))
            for interface, items in re.findall(r"^  (\w+): \[(.*)\],", self.names, re.MULTILINE)
        }
        self.assertEqual(found, {name: items for name, items in expected.items() if name not in words.EXPORTS})


def wit_class(name: str) -> str:
    return "".join(word.title() for word in name.split("-"))


if __name__ == "__main__":
    unittest.main()
