"""Intervals compared with hand-worked numbers."""

import pytest

from augment.results.intervals import mean_interval


def test_the_interval_is_a_student_t_interval() -> None:
    # mean 3, sd 1.5811, n 5, t(0.975, 4) = 2.7764: half width 1.9632
    interval = mean_interval([1, 2, 3, 4, 5])
    assert (interval.mean, interval.n) == (3, 5)
    assert interval.high - 3 == pytest.approx(1.9632, abs=1e-4)
    assert 3 - interval.low == pytest.approx(1.9632, abs=1e-4)


def test_one_value_has_no_interval() -> None:
    assert mean_interval([0.7]).low == mean_interval([0.7]).high == 0.7
