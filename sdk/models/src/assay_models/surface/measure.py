"""The arithmetic that the station repeats: normalising, picture statistics, softmax, running a model.

Statistics are taken from the 8-bit picture at its own size, with integer luma, so that another language
gets the same numbers.
"""

from __future__ import annotations

from math import sqrt
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from .render import Picture

Floats = NDArray[np.float32]

STATISTICS = ("brightness", "contrast", "focus", "saturation")


def normalise(pictures: NDArray[np.uint8]) -> Floats:
    """[N, H, W, 3] of 0..255  ->  [N, 3, H, W] of (x - 127) / 128."""
    return np.ascontiguousarray(((pictures.astype(np.float32) - 127) / 128).transpose(0, 3, 1, 2))


def luma(picture: Picture) -> NDArray[np.int64]:
    """Integer luma [H, W]: (77 R + 150 G + 29 B + 128) >> 8."""
    return (picture.astype(np.int64) @ np.array([77, 150, 29]) + 128) >> 8


def statistics(picture: Picture) -> dict[str, float]:
    """Brightness, contrast, focus and saturation of one picture; README.md has the definitions."""
    y = luma(picture)
    laplacian = y[:-2, 1:-1] + y[2:, 1:-1] + y[1:-1, :-2] + y[1:-1, 2:] - 4 * y[1:-1, 1:-1]
    return {
        "brightness": float(y.mean()),
        "contrast": float(y.std()),
        "focus": float(laplacian.var()),
        "saturation": float(((y <= 4) | (y >= 251)).mean()),
    }


def softmax(logits: Floats) -> Floats:
    """Probabilities along the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def wilson(hits: int, total: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    share, centre = hits / total, hits / total + z * z / (2 * total)
    half = z * sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return (centre - half) / (1 + z * z / total), (centre + half) / (1 + z * z / total)


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
