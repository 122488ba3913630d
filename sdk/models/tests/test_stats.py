"""Figures against numbers worked out by hand or by another library's published values."""

from __future__ import annotations

import numpy as np
import pytest

from assay_models.calibrate.temperature import best_temperature
from assay_models.onnxfile.runtime import softmax
from assay_models.stats import auroc, calibration_error, quality, threshold_at, wilson


def test_wilson_is_as_published() -> None:
    # Newcombe 1998, table I: 81 of 263 is 0.2553 to 0.3662; 0 of 20 is 0 to 0.1611.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_nothing_counted_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_f1_comes_from_both_kinds_of_mistakes() -> None:
    logits = np.eye(2, dtype=np.float32)[[0, 0, 0, 1, 1, 0]]
    found = quality(logits, np.array([0, 0, 1, 1, 1, 1]), ["a", "b"])
    assert found["confusion"] == [[2, 0], [2, 2]]
    assert found["accuracy"]["value"] == pytest.approx(4 / 6, abs=1e-4)
    assert found["per_class"]["a"]["f1"]["value"] == pytest.approx(2 * 2 / (2 * 2 + 2 + 0), abs=1e-4)
    assert found["per_class"]["b"]["recall"]["value"] == 0.5 and found["per_class"]["b"]["precision"]["value"] == 1.0


def test_auroc_counts_ties_half() -> None:
    assert auroc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])) == 0.75
    assert auroc(np.array([1.0, 1.0]), np.array([True, False])) == 0.5


def test_calibration_error_is_the_gap_between_sure_and_right() -> None:
    sure = np.array([[0.9, 0.1]] * 10, np.float32)
    assert calibration_error(sure, np.zeros(10, np.int64)) == pytest.approx(0.1, abs=1e-4)
    assert calibration_error(sure, np.array([0] * 9 + [1])) == pytest.approx(0.0, abs=1e-4)


def test_a_threshold_is_exceeded_by_the_stated_share() -> None:
    scores = np.arange(1000) / 1000
    assert (scores > threshold_at(scores, 0.05)).mean() == pytest.approx(0.05)


def test_temperature_cools_what_is_too_sure() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 4000)
    logits = (np.eye(3)[truth] * 1.5 + rng.normal(0, 1, (4000, 3))).astype(np.float32)
    honest = best_temperature(logits, truth)
    assert best_temperature(logits * 3, truth) == pytest.approx(3 * honest, rel=0.05)
    assert calibration_error(softmax(logits * 3 / best_temperature(logits * 3, truth)), truth) < calibration_error(
        softmax(logits * 3), truth
    )


def test_a_network_that_is_far_too_modest_gets_its_temperature() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 4000)
    logits = (np.eye(3)[truth] * 1.5 + rng.normal(0, 1, (4000, 3))).astype(np.float32)
    assert best_temperature(logits / 8, truth) == pytest.approx(best_temperature(logits, truth) / 8, rel=0.05)
