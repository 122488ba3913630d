"""Further inferences with the models that the recipe grants. Needs the capability `inference:NAME` per model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from componentize_py_types import Err
from wit_world.imports import graph as wit
from wit_world.imports import inference as _inference  # noqa: F401 - the types that `graph` gives
from wit_world.imports import tensor as _tensor  # noqa: F401

from ._call import hand_over
from .errors import InferenceError
from .tensor import Tensor, Tensors


class Model:
    """A model of the recipe, by its name. The host has loaded, compiled and warmed it up before.

    Making one asks nothing of the host, so it may be made once and used for many frames."""

    def __init__(self, name: str) -> None:
        self.name = name

    def compute(self, inputs: Mapping[str, Tensor]) -> Tensors:
        """Runs the model: tensors by the names of its inputs, answers by the names of its outputs.

        The input tensors belong to the host after that; hand it a `copy()` of one that is needed again.
        `InferenceError` with the host's words: a model that is not granted, a tensor that does not fit, the deadline,
        the device."""
        try:
            with wit.load_by_name(self.name) as graph, graph.init_execution_context() as context:
                raw = hand_over(list(inputs.values()))
                return Tensors(context.compute(list(zip(inputs, raw, strict=True))))
        except Err as error:
            failure = _failure(self.name, error)
        raise failure

    def __repr__(self) -> str:
        return f"Model({self.name!r})"


def _failure(name: str, error: Err[Any]) -> InferenceError:
    with error.value as raw:
        return InferenceError(f"model {name}: {raw.code().name.lower().replace('_', ' ')}: {raw.data()}")
