"""The estimated accuracy of labels, on constructed consensus labels whose accuracy is known."""

import numpy as np
import pytest

from augment.labels.estimated_accuracy import SHIFTS, calibrate, estimate_accuracy, expect_changes
from augment.records import StatedLabel

JOY = "joy"


def open_texts(n: int, prob: float) -> list[StatedLabel]:
    return [StatedLabel(JOY, prob, None)] * n


def decided_texts(n_right: int, n_wrong: int, prob: float) -> list[StatedLabel]:
    return [StatedLabel(JOY, prob, JOY)] * n_right + [StatedLabel(JOY, prob, "anger")] * n_wrong


def test_without_decisions_the_estimate_is_what_is_stated_and_the_interval_is_wide() -> None:
    stated = open_texts(1000, 0.8)
    found = estimate_accuracy(stated, calibrate(stated))
    assert found is not None
    assert (found.n, found.n_decided) == (1000, 0)
    assert found.share == pytest.approx(0.8, abs=0.005)
    assert found.low == pytest.approx(0.57, abs=0.02)  # shifted by 2.776 × 0.4, t's 97.5% point with 4 degrees
    assert found.high == pytest.approx(0.92, abs=0.02)


def test_decisions_that_agree_with_what_is_stated_narrow_the_interval() -> None:
    few, many = (
        estimate_accuracy(stated, calibrate(stated))
        for stated in (decided_texts(4 * n, n, 0.8) + open_texts(1000, 0.8) for n in (4, 40))
    )
    assert few is not None
    assert many is not None
    for found in (few, many):
        n_decided = found.n_decided
        assert found.share == pytest.approx((n_decided + 800) / (1000 + n_decided), abs=0.01)
    assert many.high - many.low < 0.6 * (few.high - few.low)


@pytest.mark.parametrize("prob", [0.8, 0.95, 0.99])
def test_decisions_that_contradict_the_consensus_pull_the_estimate_to_what_they_show(prob: float) -> None:
    stated = decided_texts(60, 40, prob) + open_texts(2000, prob)
    found = estimate_accuracy(stated, calibrate(stated))
    assert found is not None
    truth = (100 + 0.6 * 2000) / 2100
    assert found.low < truth < found.high
    assert found.share == pytest.approx(truth, abs=0.06)
    assert found.high < prob


def test_the_interval_contains_the_true_share_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    n_inside, n_trials = 0, 300
    for _ in range(n_trials):
        shift = rng.standard_t(4) * 0.4
        logits = rng.normal(1.5, 1.0, 240)
        probs = 1 / (1 + np.exp(-logits))
        right = rng.random(240) < 1 / (1 + np.exp(-(logits + shift)))
        stated = [
            StatedLabel(JOY, float(prob), (JOY if is_right else "anger") if i < 40 else None)
            for i, (prob, is_right) in enumerate(zip(probs, right, strict=True))
        ]
        found = estimate_accuracy(stated, calibrate(stated))
        assert found is not None
        n_inside += found.low <= (40 + right[40:].sum()) / 240 <= found.high
    assert 0.91 <= n_inside / n_trials <= 0.985


def test_decided_texts_count_as_right_even_if_the_consensus_expected_otherwise() -> None:
    stated = decided_texts(3, 7, 0.6)
    found = estimate_accuracy(stated, calibrate(stated))
    assert found is not None
    assert (found.n_decided, found.share, found.low, found.high) == (10, 1.0, 1.0, 1.0)


def test_a_few_open_texts_have_an_interval_within_what_is_possible() -> None:
    stated = decided_texts(8, 0, 0.9) + open_texts(2, 0.5)
    found = estimate_accuracy(stated, calibrate(stated))
    assert found is not None
    assert 0.8 <= found.low < found.share < found.high <= 1.0


def test_the_calibration_says_how_often_the_consensus_was_right() -> None:
    found = calibrate(decided_texts(3, 1, 0.6) + open_texts(5, 0.9))
    assert (found.n_decided, found.n_right) == (4, 3)
    assert found.n_expected == pytest.approx(2.4)
    assert found.weights.sum() == pytest.approx(1)
    assert found.weights @ SHIFTS > 0  # it was right more often than stated
    assert calibrate(decided_texts(1, 3, 0.6)).weights @ SHIFTS < 0


def test_expected_changes_are_the_missing_probabilities_after_calibration() -> None:
    neutral = calibrate([])
    assert expect_changes([], neutral) == 0
    assert expect_changes([0.5] * 50, neutral) == pytest.approx(25, abs=0.1)
    assert expect_changes([0.92] * 50, neutral) == pytest.approx(4, abs=1)
    contradicted = calibrate(decided_texts(10, 30, 0.92))
    assert expect_changes([0.92] * 50, contradicted) > 25


def test_without_texts_there_is_no_estimate() -> None:
    assert estimate_accuracy([], calibrate([])) is None
