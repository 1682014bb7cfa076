"""Metrics compared with hand-worked numbers."""

import pytest

from augment.training.metrics import accuracy, macro_f1

TRUTH = ["a", "a", "a", "b", "b", "c"]
PREDICTED = ["a", "a", "b", "b", "a", "a"]


def test_accuracy_is_the_share_of_equal_labels() -> None:
    assert accuracy(TRUTH, PREDICTED) == 0.5


def test_macro_f1_is_the_mean_of_f1_per_label() -> None:
    # a: precision 2/4, recall 2/3, F1 4/7; b: 1/2, 1/2, F1 1/2; c: never predicted, F1 0
    assert macro_f1(TRUTH, PREDICTED, ("a", "b", "c")) == pytest.approx((4 / 7 + 1 / 2 + 0) / 3)
