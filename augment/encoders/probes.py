"""The linear probe: logistic regression on frozen embeddings. It takes a second and is often the better baseline.

Knows nothing of encoders: takes embeddings and returns a function from embeddings to label probabilities.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from augment.records import TrainingConfig, TrainingText

Probe = Callable[[NDArray[np.float32]], NDArray[np.float64]]
MAX_ITERATIONS = 1000


def fit_probe(embeddings: NDArray[np.float32], texts: Sequence[TrainingText], config: TrainingConfig) -> Probe:
    """A probe fitted to `texts`, whose embeddings are (len(texts), hidden); every label must be among them.

    A text with a soft label is copied once per label, weighted by the label's probability: the same loss as soft
    cross-entropy. The probe returns (n, n_labels), in the order of the task's labels.
    """
    rows, targets, weights = [], [], []
    for i, text in enumerate(texts):
        probs = text.probs or tuple(float(label == text.label) for label in config.labels)
        for target, prob in enumerate(probs):
            if prob > 0:
                rows.append(i)
                targets.append(target)
                weights.append(prob * text.weight)
    model = LogisticRegression(C=config.inverse_regularisation, max_iter=MAX_ITERATIONS)
    model.fit(embeddings[rows], targets, sample_weight=weights)

    def predict(new: NDArray[np.float32]) -> NDArray[np.float64]:
        probs = np.zeros((len(new), len(config.labels)))
        probs[:, model.classes_] = model.predict_proba(new)
        return probs

    return predict
