"""Means with their confidence intervals. Pure: knows no runs and no metrics."""

from collections.abc import Sequence

import numpy as np

from augment.records import Interval


def mean_interval(values: Sequence[float], *, level: float = 0.95) -> Interval:
    """Mean and its two-sided interval by Student's t over independent values, such as RNG seeds."""
    from scipy.stats import t  # half a second, which pages without results need not wait

    mean = float(np.mean(values))
    if len(values) < 2:
        return Interval(mean, mean, mean, len(values))
    half = float(t.ppf((1 + level) / 2, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return Interval(mean, mean - half, mean + half, len(values))
