"""The consensus label of each text: what all label sources say together, each as much as it agrees with the others.

Sources: the label a text was written with, the LM's label scores, a classifier trained on seeds, label sentences and
the texts that people decided, and people. Pure: gets embeddings, uses no validation or test text.

The distributions are multiplied, each raised to a power (a log-linear pool). The classifier's power is fitted on seeds
that it was not trained on; the LM's two powers are fitted together, since they err together, to what the classifier and
people say. Combining a classifier with annotators follows CROWDLAB (Goh et al. 2022, arXiv 2210.06812).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from augment.encoders.probes import fit_probe
from augment.records import (
    Consensus,
    ConsensusLabel,
    LabelledText,
    LabelSource,
    SourceWeight,
    TrainingConfig,
    TrainingText,
    VariantText,
)

Vectors = Mapping[str, NDArray[np.float32]]  # text → its embedding, (hidden,)
Matrix = NDArray[np.float64]  # (n_texts, n_labels)

N_FOLDS = 5
INVERSE_REGULARISATION = 4.0
WRITTEN_PROB = 0.9  # of the label that a text was written with; its fitted power sets how much that counts
LEAST_PROB = 1e-4  # no source rules a label out
TEMPERATURES = np.geomspace(0.5, 4.0, 25)
USUAL_POWER, PULL = 0.3, 1.0  # powers are pulled to the usual one, as if by a few texts
DECIDED_WEIGHT = 3.0  # of a decision when powers are fitted; a text that only the classifier labels counts 1


@dataclass(frozen=True, slots=True)
class LabelEvidence:
    """What is known for sure: seeds and label sentences, in the order of `labels`."""

    labels: tuple[str, ...]
    seeds: Sequence[LabelledText]
    sentences: Sequence[LabelledText] = ()


def find_consensus(evidence: LabelEvidence, texts: Sequence[VariantText], vectors: Vectors) -> Consensus:
    """The consensus of each text; a person's decision stands as it is.

    Each label needs a seed or a label sentence.

    `vectors` has an embedding of every seed, sentence and text. Deterministic.
    """
    if not texts:
        return Consensus((), ())
    places = {label: place for place, label in enumerate(evidence.labels)}
    decided = {i: places[text.label] for i, text in enumerate(texts) if text.is_decided}
    of_classifier = _ask_classifier(evidence, texts, vectors)
    of_lm = [_written(texts, places)]
    if any(text.lm_probs for text in texts):
        of_lm.append(_scored(texts, len(places)))
    target = np.exp(of_classifier)
    weights = np.ones(len(texts))
    for i, place in decided.items():
        target[i], weights[i] = np.eye(len(places))[place], DECIDED_WEIGHT
    powers = fit_powers(of_lm, target, weights)
    pooled = np.exp(_normalise(of_classifier + sum(power * logs for power, logs in zip(powers, of_lm, strict=True))))
    for i, place in decided.items():
        pooled[i] = np.eye(len(places))[place]
    sources = (LabelSource.CLASSIFIER, LabelSource.WRITTEN, LabelSource.SCORED)
    return Consensus(
        tuple(ConsensusLabel(evidence.labels[int(row.argmax())], tuple(float(prob) for prob in row)) for row in pooled),
        tuple(SourceWeight(source, float(power)) for source, power in zip(sources, (1.0, *powers), strict=False)),
    )


def fit_powers(logs: Sequence[Matrix], target: Matrix, weights: NDArray[np.float64]) -> list[float]:
    """The power, 0 to 3, of each source in `logs` (log-probabilities) so that together they predict `target` best."""

    def loss(powers: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        predicted = _normalise(sum(power * of_source for power, of_source in zip(powers, logs, strict=True)))
        missed = weights[:, None] * (np.exp(predicted) - target)
        pull = powers - USUAL_POWER
        slope = [float((missed * of_source).sum()) for of_source in logs]
        total = -(weights[:, None] * target * predicted).sum() + PULL * float(pull @ pull)
        return total, np.array(slope) + 2 * PULL * pull

    start = np.full(len(logs), USUAL_POWER)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, 3.0)] * len(logs))
    return [float(power) for power in found.x]


def fit_temperature(logs: Matrix, truth: NDArray[np.int64]) -> float:
    """The power of log-probabilities that makes `truth` likeliest, near 1 if there are few rows.

    Source: Guo et al. 2017, On calibration of modern neural networks, arXiv 1706.04599.
    """

    def likelihood(power: float) -> float:
        of_truth = _normalise(power * logs)[np.arange(len(truth)), truth]
        return float(of_truth.sum() - np.log(power) ** 2)

    return max(map(float, TEMPERATURES), key=likelihood)


def _ask_classifier(evidence: LabelEvidence, texts: Sequence[VariantText], vectors: Vectors) -> Matrix:
    """The classifier's calibrated log-probabilities for each text."""
    decided = [LabelledText(text.text, text.label) for text in texts if text.is_decided]
    sure = [TrainingText(text.text, text.label) for text in (*evidence.seeds, *decided)]
    truth = np.array([evidence.labels.index(text.label) for text in sure])
    folds = _deal_folds(truth)
    power = 1.0
    if folds.max() > 0:
        unseen = np.zeros((len(sure), len(evidence.labels)))
        for fold in range(folds.max() + 1):
            others = [text for text, its_fold in zip(sure, folds, strict=True) if its_fold != fold]
            own = [text for text, its_fold in zip(sure, folds, strict=True) if its_fold == fold]
            unseen[folds == fold] = _predict(evidence, others, own, vectors)
        power = fit_temperature(unseen, truth)
    return _normalise(power * _predict(evidence, sure, texts, vectors))


def _predict(
    evidence: LabelEvidence,
    sure: Sequence[TrainingText],
    texts: Sequence[TrainingText] | Sequence[VariantText],
    vectors: Vectors,
) -> Matrix:
    """Log-probabilities from a linear probe; all label sentences together count as much as all seeds."""
    n_of = Counter(sentence.label for sentence in evidence.sentences)  # labels count alike
    sentences = [
        TrainingText(text.text, text.label, weight=len(evidence.seeds) / (len(n_of) * n_of[text.label]))
        for text in evidence.sentences
    ]
    trained = [*sure, *sentences]
    config = TrainingConfig(evidence.labels, inverse_regularisation=INVERSE_REGULARISATION)
    probe = fit_probe(np.stack([vectors[text.text] for text in trained]), trained, config)
    logs: Matrix = np.log(np.clip(probe(np.stack([vectors[text.text] for text in texts])), LEAST_PROB, None))
    return logs


def _deal_folds(truth: NDArray[np.int64]) -> NDArray[np.int64]:
    """A fold for each row, dealt in turn within each label; a single fold where a label has one row."""
    n_folds = min(N_FOLDS, int(np.bincount(truth)[np.unique(truth)].min()))
    folds = np.zeros(len(truth), dtype=np.int64)
    for place in np.unique(truth):
        of_label = np.flatnonzero(truth == place)
        folds[of_label] = np.arange(len(of_label)) % n_folds
    return folds


def _written(texts: Sequence[VariantText], places: Mapping[str, int]) -> Matrix:
    n_labels = len(places)
    logs = np.full((len(texts), n_labels), np.log((1 - WRITTEN_PROB) / (n_labels - 1)))
    logs[np.arange(len(texts)), [places[text.proposed_label] for text in texts]] = np.log(WRITTEN_PROB)
    return logs


def _scored(texts: Sequence[VariantText], n_labels: int) -> Matrix:
    """The LM's log-probabilities; a text without any has no opinion, which is the same for all labels."""
    none = (1 / n_labels,) * n_labels
    logs: Matrix = np.log(np.clip(np.array([text.lm_probs or none for text in texts]), LEAST_PROB, None))
    return logs


def _normalise(logs: Matrix) -> Matrix:
    shifted = logs - logs.max(-1, keepdims=True)
    normalised: Matrix = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return normalised
