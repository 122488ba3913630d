"""The arithmetic that the station repeats: normalising, picture statistics, softmax, running a model.

Statistics are taken from the 8-bit picture at its own size, with integer luma, so that another language
gets the same numbers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ..calibrate.statistics import STATISTICS, luma, statistics
from ..onnxfile.runtime import softmax
from ..stats import wilson

__all__ = ["STATISTICS", "Floats", "Runner", "luma", "normalise", "softmax", "statistics", "wilson"]

Floats = NDArray[np.float32]


def normalise(pictures: NDArray[np.uint8]) -> Floats:
    """[N, H, W, 3] of 0..255  ->  [N, 3, H, W] of (x - 127) / 128."""
    return np.ascontiguousarray(((pictures.astype(np.float32) - 127) / 128).transpose(0, 3, 1, 2))


class Runner:
    """A model on ONNX Runtime, one thread."""

    def __init__(self, model: Path, threads: int = 1):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = threads
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])

    def run(self, batch: Floats) -> Floats:
        """Normalised pictures [N, 3, 224, 224]  ->  logits [N, 5]."""
        return self._session.run(["logits"], {"input": batch})[0]

    def logits(self, pictures: NDArray[np.uint8], batch: int = 16) -> Floats:
        """[N, 224, 224, 3] of 0..255  ->  logits [N, 5]."""
        chunks = (pictures[k : k + batch] for k in range(0, len(pictures), batch))
        return np.concatenate([self.run(normalise(c)) for c in chunks])

    def probabilities(self, pictures: NDArray[np.uint8]) -> Floats:
        """[N, 224, 224, 3] of 0..255  ->  softmax [N, 5]."""
        return softmax(self.logits(pictures))
