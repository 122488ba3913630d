"""Mixed precision: as much int8 as a limit of accuracy allows.

Which layers suffer is measured, not guessed: each is quantised alone, and the distance of the answers from those of the
float model is its sensitivity. Then the most sensitive ones go back to float, one after the other, until the whole
loses no more accuracy than allowed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from ..errors import KitError
from ..onnxfile.runtime import Floats, session, softmax
from ..progress import Progress, Stop, say
from .uniform import quantisable, quantise_uniform

SENSITIVITY_INPUTS = 32
EVAL_BATCH = 16


@dataclass
class Mixed:
    """The result, and how it came about."""

    model: onnx.ModelProto
    kept_float: list[str]
    sensitivity: dict[str, float]  # mean Kullback-Leibler distance of the answers, layer by layer
    accuracy_float: float
    accuracy: float


def quantise_mixed(
    model: onnx.ModelProto,
    input_name: str,
    logits: str,
    calibration: Floats,
    judged: tuple[Floats, NDArray[np.int64]],
    max_drop: float,
    stop: Stop,
) -> Mixed:
    """Quantises under a limit: at most `max_drop` (a share, 0.005 = half a point) of accuracy on `judged` is lost."""
    inputs, truth = judged
    answer = _evaluator(input_name, logits)
    before = _accuracy(answer(model, inputs), truth)
    kept: list[str] = []
    quantised = quantise_uniform(model, input_name, calibration)
    after = _accuracy(answer(quantised, inputs), truth)
    say(f"mixed: float {before:.4f}, all int8 {after:.4f}, allowed {before - max_drop:.4f}")
    if before - after <= max_drop:
        return Mixed(quantised, kept, {}, before, after)
    sensitivity = measure_sensitivity(model, input_name, logits, calibration, stop)
    for name in sorted(sensitivity, key=lambda name: -sensitivity[name]):
        stop.check("nothing was written; the same command begins anew")
        kept.append(name)
        quantised = quantise_uniform(model, input_name, calibration, kept)
        after = _accuracy(answer(quantised, inputs), truth)
        say(f"mixed: {name} back to float ({len(kept)} of {len(sensitivity)}): {after:.4f}")
        if before - after <= max_drop:
            return Mixed(quantised, kept, sensitivity, before, after)
    raise KitError(f"no mixture stays within {max_drop:.2%} of {before:.4f}, not even with every layer in float")


def measure_sensitivity(
    model: onnx.ModelProto, input_name: str, logits: str, calibration: Floats, stop: Stop
) -> dict[str, float]:
    """How much the answers move when this layer alone is int8."""
    names = quantisable(model)
    answer = _evaluator(input_name, logits)
    some = calibration[:: max(1, len(calibration) // SENSITIVITY_INPUTS)][:SENSITIVITY_INPUTS]
    reference = softmax(answer(model, some))
    progress, found = Progress("sensitivity", len(names)), {}
    for name in names:
        stop.check("nothing was written; the same command begins anew")
        others = [other for other in names if other != name]
        alone = quantise_uniform(model, input_name, some, others)
        found[name] = divergence(reference, softmax(answer(alone, some)))
        progress.step(f"{name} {found[name]:.2e}")
    return found


def divergence(p: Floats, q: Floats) -> float:
    """Mean Kullback-Leibler distance."""
    return float((p * (np.log(p + 1e-12) - np.log(q + 1e-12))).sum(1).mean())


def _accuracy(logits: Floats, truth: NDArray[np.int64]) -> float:
    return float((logits.argmax(1) == truth).mean())


def _evaluator(input_name: str, logits: str) -> Callable[[onnx.ModelProto, Floats], Floats]:
    def answer(model: onnx.ModelProto, inputs: Floats) -> Floats:
        run = session(model.SerializeToString(), "the quantised model")
        batches = (inputs[k : k + EVAL_BATCH] for k in range(0, len(inputs), EVAL_BATCH))
        return np.concatenate([run.run([logits], {input_name: batch})[0] for batch in batches])

    return answer
