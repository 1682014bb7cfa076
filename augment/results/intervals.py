"""Means with their confidence intervals. Pure: knows no runs and no metrics."""

import math
from collections.abc import Sequence

import numpy as np

from augment.hardware.imports import importing_alone
from augment.records import Interval


def mean_interval(
    values: Sequence[float], *, level: float = 0.95, lowest: float = -math.inf, highest: float = math.inf
) -> Interval:
    """Mean and its two-sided interval by Student's t over independent values, such as RNG seeds.

    `lowest` and `highest` are the least and greatest possible mean; the interval ends there.
    """
    with importing_alone:
        from scipy.stats import t  # half a second, which pages without results need not wait

    mean = float(np.mean(values))
    if len(values) < 2:
        return Interval(mean, mean, mean, len(values))
    half = float(t.ppf((1 + level) / 2, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return Interval(mean, max(mean - half, lowest), min(mean + half, highest), len(values))


def score_interval(values: Sequence[float]) -> Interval:
    """The interval of a mean of scores, each from 0 to 1."""
    return mean_interval(values, lowest=0.0, highest=1.0)


def gain_interval(values: Sequence[float]) -> Interval:
    """The interval of a mean of differences between two such scores."""
    return mean_interval(values, lowest=-1.0, highest=1.0)
