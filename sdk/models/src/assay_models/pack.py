"""The model bundle: an author manifest (TOML), self-test pictures, and `assay bundle pack` for the format itself.

There is one implementation of the bundle format, the Rust one: this module writes what it reads and calls it.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from .codec.container import CODEC
from .data.pictures import Pictures
from .errors import KitError
from .files import replacing, write_bytes, write_json, write_text
from .onnxfile.model import ModelFile
from .onnxfile.runtime import Runner
from .progress import say

TYPES = {
    "float": "f32",
    "float16": "f16",
    "double": "f64",
    "bfloat16": "bf16",
    "uint8": "u8",
    "int32": "i32",
    "int64": "i64",
}
PACK_TIMEOUT_S = 300


@dataclass
class Bundle:
    """What goes into a model bundle."""

    name: str
    version: str
    counter: int
    description: str
    model: ModelFile
    labels: list[str]
    temperature: float = 1.0
    batch_sizes: tuple[int, ...] = (1,)
    reference: Path | None = None
    report_card: Path | None = None
    licence: Path | None = None
    extra: dict[str, str] = field(default_factory=dict)


def manifest(bundle: Bundle) -> str:
    """The author manifest; `assay bundle pack` checks it, all errors at once."""
    model = bundle.model
    encoded = model.stored_bytes != len(model.data)
    lines = [
        "[bundle]",
        'kind = "model"',
        f"name = {_text(bundle.name)}",
        f"version = {_text(bundle.version)}",
        f"counter = {bundle.counter}",
        f"description = {_text(bundle.description)}",
        "",
        "[model]",
        'format = "onnx"',
        f"file = {_text(model.path.name)}",
    ]
    if encoded:
        lines.append(f"encoding = {_text(CODEC)}")
    lines += [
        f"labels = {json.dumps(bundle.labels)}",
        f"logits = {_text(model.logits)}",
        f"temperature = {float(bundle.temperature)}",
        f"batch_sizes = {list(bundle.batch_sizes)}",
    ]
    lines += [f"{key} = {_text(value)}" for key, value in bundle.extra.items()]
    if bundle.reference:
        lines.append('reference = "reference.json"')
    if bundle.report_card:
        lines.append('report_card = "report-card.json"')
    lines += ["", *_ports("input", model), "", *_ports("output", model)]
    if bundle.licence:
        lines += ["", "[[file]]", 'role = "licence"', f"path = {_text(bundle.licence.name)}"]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    """A TOML basic string; JSON's escapes are TOML's too."""
    return json.dumps(value, ensure_ascii=False)


def _ports(kind: str, model: ModelFile) -> list[str]:
    lines: list[str] = []
    for port in [model.input] if kind == "input" else model.outputs:
        if None in port.shape[1:] or port.type not in TYPES:
            raise KitError(
                f"the {kind} {port.name} is {port.type} {port.shape}: all sides but the first have to be fixed"
            )
        lines += [
            f"[[model.{kind}]]",
            f"name = {_text(port.name)}",
            f"shape = {list(port.shape[1:])}",
            f'type = "{TYPES[port.type]}"',
            "",
        ]
    return lines[:-1]


def write_self_test(folder: Path, runner: Runner, test: Pictures, labels: list[str], per_class: int = 1) -> Path:
    """Pictures that the model gets right, one per class, with the logits that the station has to find again.

    Backends round differently, an int8 graph most of all: the tolerance is 0.5 of a logit, as in the demo.
    """
    logits = runner.logits(test.pixels)
    rows = []
    for k, label in enumerate(labels):
        right = np.flatnonzero((test.labels == k) & (logits.argmax(1) == k))[:per_class]
        if len(right) == 0:
            say(f"note: no test picture of {label} is answered right, so the self-test has none")
        for number, place in enumerate(right):
            name = f"{label}.png" if number == 0 else f"{label}-{number}.png"
            write_bytes(folder / name, _png(test.pixels[place]))
            rows.append({"file": name, "truth": label, "logits": [round(float(v), 5) for v in logits[place]]})
    if not rows:
        raise KitError("the model gets no test picture right: there is nothing that a self-test could show")
    expected = {"backend": "onnxruntime, one thread", "tolerance": 0.5, "labels": labels, "pictures": rows}
    write_json(folder / "expected.json", expected)
    return folder / "expected.json"


def _png(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def pack(bundle: Bundle, out: Path, assay: str, key: Path | None = None) -> Path:
    """Writes manifest and parts into the folder of `out` and lets `assay` make (and sign) the bundle."""
    binary = shutil.which(assay)
    if binary is None:
        raise KitError(
            f"{assay} is no program; --assay wants the assay binary (the bundle format has one implementation)"
        )
    folder = out.parent
    folder.mkdir(parents=True, exist_ok=True)
    parts = [
        (bundle.model.path, bundle.model.path.name),
        (bundle.reference, "reference.json"),
        (bundle.report_card, "report-card.json"),
    ]
    parts.append((bundle.licence, bundle.licence.name if bundle.licence else ""))
    for source, name in parts:
        if source is not None and source.resolve() != (folder / name).resolve():
            write_bytes(folder / name, source.read_bytes())
    write_text(folder / "model.toml", manifest(bundle))
    with replacing(out) as part:
        words = [binary, "bundle", "pack", "--manifest", str(folder / "model.toml"), "--out", str(part)]
        words += ["--key", str(key)] if key else []
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=PACK_TIMEOUT_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise KitError(f"{assay} could not be run: {error}") from error
        if done.returncode != 0:
            raise KitError(f"`assay bundle pack` refused the bundle:\n{(done.stderr or done.stdout).strip()}")
    return out
