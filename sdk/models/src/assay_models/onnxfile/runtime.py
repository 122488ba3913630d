"""A model on ONNX Runtime, and the arithmetic around it that the station repeats."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ..errors import KitError
from .model import ModelFile

Floats = NDArray[np.float32]
BATCH = 16


def session(data: bytes, name: str, threads: int = 1) -> onnxruntime.InferenceSession:
    """A session on the processor, with what it cannot run said clearly."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no base class
        text = str(error).split("\n")[0]
        raise KitError(f"ONNX Runtime {onnxruntime.__version__} cannot run {name}: {text}") from error


class Runner:
    """Pictures in, outputs out, one thread unless told otherwise."""

    def __init__(self, model: ModelFile, threads: int = 1):
        self.model = model
        self._session = session(model.data, str(model.path), threads)

    def raw(self, batch: Floats, outputs: Sequence[str]) -> list[Floats]:
        """Outputs of a normalised batch."""
        found: list[Floats] = self._session.run(list(outputs), {self.model.input.name: batch})
        return found

    def normalise(self, pixels: NDArray[np.uint8]) -> Floats:
        """[N, H, W, 3] of 0..255  ->  the model's input."""
        scaled = (pixels.astype(np.float32) - self.model.mean) / self.model.scale
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), np.float32)

    def outputs(self, pixels: NDArray[np.uint8], names: Sequence[str]) -> list[Floats]:
        """Named outputs for [N, H, W, 3] pictures."""
        fixed = self.model.input.shape[0]
        batch = fixed or BATCH
        parts = []
        for k in range(0, len(pixels), batch):
            chunk = pixels[k : k + batch]
            missing = batch - len(chunk) if fixed else 0
            padded = np.concatenate([chunk, np.repeat(chunk[:1], missing, 0)]) if missing else chunk
            found = self.raw(self.normalise(padded), names)
            parts.append([values[: len(chunk)] for values in found])
        return [np.concatenate(column) for column in zip(*parts, strict=True)]

    def logits(self, pixels: NDArray[np.uint8]) -> Floats:
        return self.outputs(pixels, [self.model.logits])[0]

    def probabilities(self, pixels: NDArray[np.uint8]) -> Floats:
        return softmax(self.logits(pixels))


def softmax(logits: Floats) -> Floats:
    """Probabilities along the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    result: Floats = powers / powers.sum(-1, keepdims=True)
    return result
