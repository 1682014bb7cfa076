"""Metrics against hand-worked numbers."""

import pytest

from augment.training.metrics import accuracy, macro_f1, mean_interval

TRUTH = ["a", "a", "a", "b", "b", "c"]
PREDICTED = ["a", "a", "b", "b", "a", "a"]


def test_accuracy_is_the_share_of_equal_labels() -> None:
    assert accuracy(TRUTH, PREDICTED) == 0.5


def test_macro_f1_is_the_mean_of_the_labels_f1() -> None:
    # a: precision 2/4, recall 2/3, F1 4/7; b: 1/2, 1/2, F1 1/2; c: never predicted, F1 0
    assert macro_f1(TRUTH, PREDICTED, ("a", "b", "c")) == pytest.approx((4 / 7 + 1 / 2 + 0) / 3)


def test_the_interval_is_student_s() -> None:
    # mean 3, sd 1.5811, n 5, t(0.975, 4) = 2.7764: half width 1.9632
    interval = mean_interval([1, 2, 3, 4, 5])
    assert (interval.mean, interval.n) == (3, 5)
    assert interval.high - 3 == pytest.approx(1.9632, abs=1e-4)
    assert 3 - interval.low == pytest.approx(1.9632, abs=1e-4)


def test_one_value_has_no_interval() -> None:
    assert mean_interval([0.7]).low == mean_interval([0.7]).high == 0.7
