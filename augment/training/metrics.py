"""Metrics of a classifier's predictions. Pure; macro-F1 is scikit-learn's."""

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import f1_score


def accuracy(truth: Sequence[str], predicted: Sequence[str]) -> float:
    """Share of correct labels, 0 to 1."""
    return float(np.mean(np.asarray(truth) == np.asarray(predicted)))


def macro_f1(truth: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> float:
    """Mean F1 over the labels, 0 to 1; a label that neither occurs nor is predicted counts as 0."""
    return float(f1_score(truth, predicted, labels=list(labels), average="macro", zero_division=0))
