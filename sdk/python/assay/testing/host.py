"""The station's side: settings, log, state, models, and the calls."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from . import pixels
from .pixels import Held
from .words import EXPORTS, INTERFACES, Err, wit

#: A model of a test: tensors by name in, tensors by name out, each as `(shape, list of numbers)`.
Compute = Callable[[dict[str, Any]], dict[str, Any]]


class Station:
    """What the plugin talks to. The newest one counts; it has to be made before the plugin is imported."""

    def __init__(
        self,
        settings: Mapping[str, Any] | None = None,
        labels: Sequence[str] = (),
        reference: Mapping[str, Any] | None = None,
        models: Mapping[str, Compute] | None = None,
        state_limit: int = 1 << 20,
    ) -> None:
        self.settings = dict(settings or {})
        self.labels = list(labels)
        self.reference = reference
        self.models = dict(models or {})
        self.state: dict[str, bytes] = {}
        self.state_limit = state_limit
        #: Level and text of each line.
        self.lines: list[tuple[str, str]] = []
        Held.live.clear()
        _install(self)

    def detect(self, plugin: ModuleType, picture: Any, frame: Any = None, **evidence: Any) -> Any:
        """Calls a detector; `inputs`, `outputs` and `attributes` by name."""
        named = {"inputs": (), "outputs": (), "attributes": {}} | evidence
        raw = wit.detect.Evidence(picture, _pairs(named["inputs"]), _pairs(named["outputs"]), _pairs(named["attributes"]))
        return self._call(plugin.Detect().detect, frame, raw)

    def preprocess(self, plugin: ModuleType, picture: Any, frame: Any = None) -> Any:
        """Calls a preprocessor."""
        return self._call(plugin.Preprocess().preprocess, frame, picture)

    def observe(self, plugin: ModuleType, picture: Any = None, verdict: str = "pass", frame: Any = None, **more: Any) -> Any:
        """Calls a monitor with one inspection; a small grey picture where none is given."""
        named = {"label": None, "probabilities": [], "findings": [], "outputs": (), "attributes": {}} | more
        raw = wit.observe.Inspection(
            picture or globals()["picture"](4, 4, "gray8", bytes([128] * 16)),
            verdict,
            named["label"],
            named["probabilities"],
            named["findings"],
            _pairs(named["outputs"]),
            _pairs(named["attributes"]),
        )
        return self._call(plugin.Observe().observe, frame, raw)

    def _call(self, function: Callable[[Any, Any], Any], frame: Any, argument: Any) -> Any:
        before = dict(self.state)
        try:
            answer = function(frame or _frame(), argument)
        except Err:
            self.state = before
            assert not Held.live, f"still held after an error: {Held.live}"
            raise
        given = _handles(answer)
        kept = [held for held in Held.live if not any(held is one for one in given)]
        assert not kept, f"still held after the call: {kept}"
        Held.live.clear()
        return answer


def picture(width: int, height: int, format: str, data: bytes) -> Any:
    """A picture as the station gives it; `format` as in `Image.convert`."""
    return pixels.Image.from_pixels(width, height, wit.imaging.PixelFormat[format.upper()], data)


def tensor(shape: Sequence[int], values: Sequence[float]) -> Any:
    """A tensor of 32-bit floats as the station gives it."""
    from array import array

    return pixels.Tensor(list(shape), wit.tensor.TensorType.FP32, array("f", values).tobytes())


def _frame() -> Any:
    return wit.types.FrameInfo("test", 1, 1, 1_700_000_000_000_000, "folder", None, None, [])


def _pairs(named: Any) -> list[tuple[str, Any]]:
    return list(named.items()) if isinstance(named, Mapping) else list(named)


def _handles(value: Any) -> list[Any]:
    """All handles inside an answer."""
    if isinstance(value, Held):
        return [value]
    if isinstance(value, list | tuple):
        return [held for item in value for held in _handles(item)]
    return [held for item in vars(value).values() for held in _handles(item)] if hasattr(value, "__dict__") else []


def _value(value: Any) -> Any:
    """As `config` gives it."""
    words = wit.config
    if value is None:
        return None
    if isinstance(value, bool):
        return words.Value_Flag(value)
    for kind, case in ((int, words.Value_Integer), (float, words.Value_Number), (str, words.Value_Text)):
        if isinstance(value, kind):
            return case(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return words.Value_Texts(value)
    if isinstance(value, list) and all(isinstance(item, int | float) for item in value):
        return words.Value_Numbers([float(item) for item in value])
    return words.Value_Other(json.dumps(value))


def _install(station: Station) -> None:
    wit.log.log = lambda level, message: station.lines.append((level.name.lower(), message))
    _install_config(station)
    _install_state(station)
    _install_models(station)
    wit.imaging.Image, wit.imaging.batch_to_tensor = pixels.Image, pixels.batch_to_tensor
    wit.tensor.Tensor = pixels.Tensor
    types = ModuleType("componentize_py_types")
    types.Err = Err  # type: ignore[attr-defined]
    world, imports, exports = (ModuleType(name) for name in ("wit_world", "wit_world.imports", "wit_world.exports"))
    for module, names in ((imports, INTERFACES), (exports, EXPORTS)):
        for name in names:
            setattr(module, name, getattr(wit, name))
    for module in (types, world, imports, exports):
        sys.modules[module.__name__] = module


def _install_config(station: Station) -> None:
    def get(key: str) -> str | None:
        return json.dumps(station.settings[key]) if key in station.settings else None

    def reference_value(path: str) -> Any:
        found: Any = station.reference
        for word in path.split("/"):
            if isinstance(found, list):
                found = {item["name"]: item for item in found if isinstance(item, dict)}
            found = found.get(word) if isinstance(found, Mapping) else None
        return _value(found)

    config = wit.config
    config.get, config.reference_value = get, reference_value
    config.setting = lambda key: _value(station.settings.get(key))
    config.labels = lambda: list(station.labels)
    config.reference = lambda: None if station.reference is None else json.dumps(station.reference)
    config.reference_digest = lambda: None if station.reference is None else "00" * 32


def _install_state(station: Station) -> None:
    def keep(key: str, value: bytes) -> None:
        others = sum(len(kept) for other, kept in station.state.items() if other != key)
        if others + len(value) > station.state_limit:
            raise Err(wit.state.StateError_Limit(f"state would be over {station.state_limit} bytes"))
        station.state[key] = value

    wit.state.get = lambda key: station.state.get(key)
    wit.state.set = keep
    wit.state.delete = lambda key: station.state.pop(key, None)


class Error(Held):
    """`wasi:nn/errors.error`."""

    def __init__(self, code: str, data: str) -> None:
        super().__init__()
        self._code, self._data = wit.errors.ErrorCode[code], data

    def code(self) -> Any:
        return self._code

    def data(self) -> str:
        return self._data


class Context(Held):
    """`wasi:nn/inference.graph-execution-context`."""

    def __init__(self, compute: Compute) -> None:
        super().__init__()
        self._compute = compute

    def compute(self, inputs: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        from array import array

        given = {}
        for name, held in inputs:
            held.release()
            given[name] = (held.dimensions(), array("f", held.data()).tolist())
        try:
            answers = self._compute(given)
        except ValueError as error:
            raise Err(Error("INVALID_ARGUMENT", str(error))) from None
        return [(name, tensor(shape, values)) for name, (shape, values) in answers.items()]


class Graph(Held):
    """`wasi:nn/graph.graph`."""

    def __init__(self, compute: Compute) -> None:
        super().__init__()
        self._compute = compute

    def init_execution_context(self) -> Context:
        return Context(self._compute)


def _install_models(station: Station) -> None:
    def load_by_name(name: str) -> Graph:
        if name not in station.models:
            raise Err(Error("NOT_FOUND", f"{name} is not granted"))
        return Graph(station.models[name])

    def load(*_: Any) -> Graph:
        raise Err(Error("SECURITY", "models come by name"))

    wit.graph.Graph, wit.graph.load_by_name, wit.graph.load = Graph, load_by_name, load
    wit.inference.GraphExecutionContext, wit.errors.Error = Context, Error
