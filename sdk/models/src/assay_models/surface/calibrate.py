"""How well feature squeezing tells attacked pictures from honest ones.

    python -m assay_models.surface.calibrate --weights build/surface.pt --model demo/surface-int8.onnx --dataset build/dataset \\
        --out build/detection.json

Thresholds come from clean validation pictures. Attacks start from test pictures that the int8 model gets
right; only those that change its answer after rounding to 8 bits are scored. Nobody here attacks the
detector itself: an attacker who knows it can pass it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from . import attacks, squeeze
from .make_dataset import DEFAULT_SEED
from .measure import Floats, Runner, wilson
from .network import SurfaceNet, load
from .textures import Random
from .train import Pictures, load_split

FALSE_POSITIVE_RATES = (0.05, 0.01)
CLEAN_PICTURES = 600
PGD_STEPS = 10
SQUARE_QUERIES = 300
BUDGETS = (2, 4, 8, 16, 76.5)  # grey levels; the last is 0.3 of full scale
SQUARE_BUDGETS = (8, 16)

Attack = Callable[[Pictures], NDArray[np.uint8]]
Row = dict[str, object]


@dataclass
class Bench:
    """All that an evaluation needs."""

    net: SurfaceNet
    model: Runner
    thresholds: dict[float, float]


def thresholds(model: Runner, clean: NDArray[np.uint8]) -> tuple[dict[float, float], Floats]:
    """The score above which a picture is flagged, per false-positive rate, and the clean scores."""
    scores = squeeze.scores(model, clean)
    return {rate: squeeze.threshold_at(scores, rate) for rate in FALSE_POSITIVE_RATES}, scores


def correct_only(model: Runner, pictures: Pictures) -> Pictures:
    """The pictures that the model gets right."""
    right = model.logits(pictures.pixels).argmax(1) == pictures.labels
    return Pictures(pictures.pixels[right], pictures.labels[right])


def evaluate(bench: Bench, name: str, eps: float, victims: Pictures, attack: Attack, batch: int = 20) -> Row:
    """Runs one attack and reports how many worked, and how many of those were flagged."""
    started, fooled = time.time(), []
    for k in range(0, len(victims.labels), batch):
        part = Pictures(victims.pixels[k : k + batch], victims.labels[k : k + batch])
        attacked = attack(part)
        fooled.append(attacked[bench.model.logits(attacked).argmax(1) != part.labels])
    won = np.concatenate(fooled)
    row: Row = {
        "attack": name,
        "eps_255": eps,
        "tried": len(victims.labels),
        "succeeded": len(won),
        "seconds": round(time.time() - started),
    }
    if len(won):
        row |= _detection(bench, squeeze.squeeze_distances(bench.model, won))
    print(json.dumps(row), flush=True)
    return row


def _detection(bench: Bench, distances: dict[str, Floats]) -> Row:
    """Share flagged at each false-positive rate with Wilson intervals, and mean distance per squeezer."""
    scores = np.max(list(distances.values()), axis=0)
    row: Row = {}
    for rate, threshold in bench.thresholds.items():
        flagged = int((scores > threshold).sum())
        row[f"tpr_at_fpr_{rate:g}"] = round(flagged / len(scores), 4)
        row[f"tpr_at_fpr_{rate:g}_wilson95"] = [round(end, 4) for end in wilson(flagged, len(scores))]
    return row | {"mean_distance": {name: round(float(d.mean()), 4) for name, d in distances.items()}}


def fgsm_rows(bench: Bench, victims: Pictures) -> list[Row]:
    """FGSM at every budget."""

    def attack(v: Pictures, eps: float) -> NDArray[np.uint8]:
        return attacks.fgsm(bench.net, v.pixels, v.labels, eps)

    return [evaluate(bench, "fgsm", eps, victims, partial(attack, eps=eps)) for eps in BUDGETS]


def pgd_rows(bench: Bench, victims: Pictures, rng: Random) -> list[Row]:
    """PGD at every budget."""

    def attack(v: Pictures, eps: float) -> NDArray[np.uint8]:
        return attacks.pgd(bench.net, v.pixels, v.labels, eps, PGD_STEPS, rng)

    return [evaluate(bench, "pgd", eps, victims, partial(attack, eps=eps)) for eps in BUDGETS]


def square_rows(bench: Bench, victims: Pictures, rng: Random) -> list[Row]:
    """Square at two budgets, through the int8 model."""

    def attack(v: Pictures, eps: int) -> NDArray[np.uint8]:
        pairs = zip(v.pixels, v.labels, strict=True)
        return np.stack(
            [attacks.square(bench.model.probabilities, p, int(y), eps, SQUARE_QUERIES, rng)[0] for p, y in pairs]
        )

    return [evaluate(bench, "square", eps, victims, partial(attack, eps=eps)) for eps in SQUARE_BUDGETS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=Path("build/surface.pt"))
    parser.add_argument("--model", type=Path, default=Path("demo/surface-int8.onnx"))
    parser.add_argument("--dataset", type=Path, default=Path("build/dataset"))
    parser.add_argument("--out", type=Path, default=Path("build/detection.json"))
    parser.add_argument("--victims", type=int, default=110, help="test pictures for PGD and Square")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    model, rng = Runner(args.model), np.random.default_rng(DEFAULT_SEED)
    clean, test = load_split(args.dataset, "val", step=2), load_split(args.dataset, "test", step=11)
    limits, clean_scores = thresholds(model, clean.pixels[:CLEAN_PICTURES])
    bench = Bench(load(args.weights), model, limits)
    victims = correct_only(model, test)
    many = correct_only(model, load_split(args.dataset, "test", step=6))  # FGSM is cheap, and fails more often
    order = rng.permutation(len(victims.labels))[: args.victims]
    few = Pictures(victims.pixels[order], victims.labels[order])
    rows = fgsm_rows(bench, many) + pgd_rows(bench, few, rng)
    rows += square_rows(bench, few, np.random.default_rng([DEFAULT_SEED, 1]))
    test_scores = squeeze.scores(model, test.pixels)
    report = {
        "method": "feature squeezing",
        "squeezers": list(squeeze.SQUEEZERS),
        "score": "largest L1 distance between softmax vectors, 0 to 2",
        "model": args.model.name,
        "clean_validation_pictures": len(clean_scores),
        "thresholds": {f"fpr_{rate:g}": round(value, 6) for rate, value in limits.items()},
        "fpr_on_clean_test": {f"at_{r:g}": round(float((test_scores > t).mean()), 4) for r, t in limits.items()},
        "clean_test_pictures": len(test_scores),
        "pgd_steps": PGD_STEPS,
        "square_queries": SQUARE_QUERIES,
        "threat": "attacker does not know the detector; white-box gradients of the float32 network; 8-bit pictures",
        "rows": rows,
    }
    args.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
