"""Figures about predictions. Pure; the formulas are scikit-learn's and SciPy's."""

from collections.abc import Sequence

import numpy as np

from augment.records import Interval


def accuracy(truth: Sequence[str], predicted: Sequence[str]) -> float:
    """Share of equal labels, 0 to 1."""
    return float(np.mean(np.asarray(truth) == np.asarray(predicted)))


def macro_f1(truth: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> float:
    """Mean of the labels' F1, 0 to 1; a label that is neither there nor predicted counts as 0."""
    from sklearn.metrics import f1_score

    return float(f1_score(truth, predicted, labels=list(labels), average="macro", zero_division=0))


def mean_interval(values: Sequence[float], *, level: float = 0.95) -> Interval:
    """Mean and its two-sided interval by Student's t over independent values, such as RNG seeds."""
    from scipy.stats import t

    mean = float(np.mean(values))
    if len(values) < 2:
        return Interval(mean, mean, mean, len(values))
    half = float(t.ppf((1 + level) / 2, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return Interval(mean, mean - half, mean + half, len(values))
