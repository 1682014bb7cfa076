"""Stored predictions of test texts → confusion matrix, each label's figures, and the texts that runs get wrong.

Pure: knows no store, no page, no figure. Figures of labels are averaged over runs.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from augment.records import Interval, StoredPrediction
from augment.results.intervals import score_interval


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """How well one label is found: intervals over runs, each from 0 to 1; `support` is its number of test texts."""

    label: str
    support: int
    precision: Interval
    recall: Interval
    f1: Interval


@dataclass(frozen=True, slots=True)
class WrongText:
    """A test text that runs get wrong: the `share` of runs, the label that most of these give, its mean probability."""

    example_id: int
    text: str
    truth: str
    predicted: str
    share: float
    prob: float


def confusion(predictions: Sequence[StoredPrediction], labels: Sequence[str]) -> NDArray[np.int64]:
    """Counts summed over runs, (n_labels, n_labels): rows truth, columns predicted."""
    places = {label: i for i, label in enumerate(labels)}
    matrix = np.zeros((len(labels), len(labels)), dtype=np.int64)
    for prediction in predictions:
        matrix[places[prediction.truth], places[prediction.label]] += 1
    return matrix


def class_figures(predictions: Sequence[StoredPrediction], labels: Sequence[str]) -> list[ClassFigures]:
    """Precision, recall and F1 of each label, with 95% intervals over the runs; a share of nothing counts as 0."""
    if not predictions:
        return []
    runs: dict[int, list[StoredPrediction]] = {}
    for prediction in predictions:
        runs.setdefault(prediction.run_id, []).append(prediction)
    matrices = np.stack([confusion(run, labels) for run in runs.values()])  # (n_runs, n_labels, n_labels)
    hits, n_true, n_predicted = np.diagonal(matrices, axis1=1, axis2=2), matrices.sum(axis=2), matrices.sum(axis=1)
    support = Counter({prediction.example_id: prediction.truth for prediction in predictions}.values())
    precision, recall, f1 = (
        hits * factor / np.maximum(total, 1)
        for factor, total in ((1, n_predicted), (1, n_true), (2, n_predicted + n_true))
    )  # each (n_runs, n_labels)
    return [
        ClassFigures(
            label, support[label], *(score_interval(measure[:, i].tolist()) for measure in (precision, recall, f1))
        )
        for i, label in enumerate(labels)
    ]


def wrong_texts(predictions: Sequence[StoredPrediction]) -> list[WrongText]:
    """The texts that at least one run gets wrong: those wrong in the most runs first, then the most confident.

    A predicted label is the likeliest, so its probability is the highest one.
    """
    by_example: dict[int, list[StoredPrediction]] = {}
    for prediction in predictions:
        by_example.setdefault(prediction.example_id, []).append(prediction)
    texts = []
    for example_id, group in by_example.items():
        wrong = [prediction for prediction in group if prediction.label != prediction.truth]
        if wrong:
            counts = Counter(sorted(prediction.label for prediction in wrong))  # of two as frequent the first by name
            label = counts.most_common(1)[0][0]
            prob = fmean(max(prediction.probs) for prediction in wrong if prediction.label == label)
            texts.append(WrongText(example_id, group[0].text, group[0].truth, label, len(wrong) / len(group), prob))
    return sorted(texts, key=lambda text: (-text.share, -text.prob, text.example_id))
