"""The consensus label of each text: what all label sources say together, each as much as it was found to be right.

Sources: a classifier trained on seeds, label sentences and the texts that people decided; the label that a text was
written with; the label scores of the LM that wrote it; other LMs and files; and people, whose decisions stand. Pure:
gets embeddings, uses no validation or test text.

The distributions are multiplied, each raised to a power (a log-linear pool). The powers are fitted on seeds and
decisions: the classifier did not see them when it is asked, and an LM did not have them in its prompt. Where these are
few, each power stays near its usual value, which was found on the development data of five tasks (docs/LOG.md).
Combining a classifier with annotators follows CROWDLAB (Goh et al. 2022, arXiv 2210.06812).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from augment.encoders.probes import fit_probe
from augment.labels.source_accuracy import even_out
from augment.records import (
    Consensus,
    ConsensusLabel,
    LabelledText,
    LabelOpinions,
    LabelSource,
    LabelSourceKind,
    SourceOpinion,
    SourceWeight,
    TrainingConfig,
    TrainingText,
    VariantText,
)

Vectors = Mapping[str, NDArray[np.float32]]  # text → its embedding, (hidden,)
Matrix = NDArray[np.float64]  # (n_texts, n_labels)

N_FOLDS = 5
INVERSE_REGULARISATION = 1.0
SENTENCES_WEIGHT = 2.0  # of all label sentences together, in sets of seeds
NAMED_PROB = 0.9  # of a label that a source only named; its power sets how much that counts
LEAST_PROB = 1e-4  # no source rules a label out
ALIKE = 1e-9  # log-probabilities this close are no opinion
USUAL_POWERS = {
    LabelSource.CLASSIFIER: 1.5,
    LabelSource.WRITTEN: 0.05,
    LabelSource.JUDGED: 0.05,  # more if the classifier agrees often, see `_guess_judged_power`
    LabelSource.SCORED: 0.1,
    LabelSource.LM: 0.4,
    LabelSource.FILE: 0.5,
}
MOST_JUDGED = 0.35  # about 1 nat
PULL = 1.0  # of the logarithm of a power towards that of its usual value, in nats
STEPS = (-4.0, 3.0)  # how far the logarithm may be from that


@dataclass(frozen=True, slots=True)
class LabelEvidence:
    """What is known of a task: seeds and label sentences, and other sources' opinions of seeds and texts.

    `seed_ids` are the seeds' ids in the opinions; without opinions they may be left out.
    """

    labels: tuple[str, ...]
    seeds: Sequence[LabelledText]
    sentences: Sequence[LabelledText] = ()
    opinions: Sequence[LabelOpinions] = ()
    seed_ids: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class _Source:
    """What one source says, as log-probabilities: of seeds and decided texts, and of all texts."""

    source: LabelSource
    of_known: Matrix
    of_texts: Matrix
    name: str = ""


def find_consensus(evidence: LabelEvidence, texts: Sequence[VariantText], vectors: Vectors) -> Consensus:
    """The consensus of each text; a person's decision stands as it is.

    Each label needs a seed or a label sentence. `vectors` has an embedding of every seed, sentence and text.
    Deterministic.
    """
    if not texts:
        return Consensus((), ())
    decided = [i for i, text in enumerate(texts) if text.is_decided]
    sure = [*evidence.seeds, *(LabelledText(texts[i].text, texts[i].label) for i in decided)]
    truth = np.array([evidence.labels.index(text.label) for text in sure], dtype=np.int64)
    sources = [_ask_classifier(evidence, sure, texts, vectors)]
    sources += [_no_seeds(len(evidence.seeds), decided, *said) for said in _list_said(evidence, texts)]
    sources += [_ask_source(evidence, opinions, decided, texts) for opinions in evidence.opinions]
    usual = [_usual_power(source, sources[0], truth) for source in sources]
    powers = fit_powers([source.of_known for source in sources], truth, usual)
    pooled = np.exp(_pool(powers, [_unseen(source, decided) for source in sources]))
    undecided = _to_labels(evidence.labels, pooled)
    for i in decided:
        pooled[i] = np.eye(len(evidence.labels))[evidence.labels.index(texts[i].label)]
    return Consensus(
        _to_labels(evidence.labels, pooled),
        tuple(SourceWeight(source.source, power, source.name) for power, source in zip(powers, sources, strict=True)),
        _list_opinions(evidence.labels, sources, decided),
        undecided,
    )


def fit_powers(logs: Sequence[Matrix], truth: NDArray[np.int64], usual: Sequence[float]) -> list[float]:
    """The power of each source in `logs` (log-probabilities) so that together they predict `truth` best."""
    centre = np.log(usual)

    def loss(steps: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        powers = np.exp(centre + steps)
        predicted = _pool(powers, logs)
        missed = np.exp(predicted) - np.eye(predicted.shape[1])[truth]
        slope = powers * np.array([float((missed * of_source).sum()) for of_source in logs])
        total = -float(predicted[np.arange(len(truth)), truth].sum()) + PULL * float(steps @ steps)
        return total, slope + 2 * PULL * steps

    if not len(truth):
        return list(usual)
    found = minimize(loss, np.zeros(len(logs)), jac=True, method="L-BFGS-B", bounds=[STEPS] * len(logs))
    return [float(power) for power in np.exp(centre + found.x)]


def _pool(powers: Sequence[float] | NDArray[np.float64], logs: Sequence[Matrix]) -> Matrix:
    """The log-probabilities of the product of distributions, each raised to its power."""
    product = np.einsum("s,stl->tl", np.asarray(powers), np.stack(logs))
    shifted = product - product.max(-1, keepdims=True)
    pooled: Matrix = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return pooled


def _unseen(source: _Source, decided: Sequence[int]) -> Matrix:
    """What the source says of all texts; of a decided text, what it says without having seen the decision."""
    logs = source.of_texts.copy()
    logs[list(decided)] = source.of_known[len(source.of_known) - len(decided) :]
    return logs


def _to_labels(labels: Sequence[str], pooled: Matrix) -> tuple[ConsensusLabel, ...]:
    return tuple(ConsensusLabel(labels[int(row.argmax())], tuple(map(float, row))) for row in pooled)


def _list_opinions(
    labels: Sequence[str], sources: Sequence[_Source], decided: Sequence[int]
) -> tuple[tuple[SourceOpinion, ...], ...]:
    """What each source says of each text; a source that finds all labels alike says nothing."""
    said = []
    for source in sources:
        logs = _unseen(source, decided)
        places, has_opinion = logs.argmax(-1), np.ptp(logs, axis=-1) > ALIKE
        probs = np.exp(logs.max(-1))
        said.append(
            [
                SourceOpinion(source.source, labels[place], prob, source.name) if is_said else None
                for place, prob, is_said in zip(places.tolist(), probs.tolist(), has_opinion.tolist(), strict=True)
            ]
        )
    return tuple(tuple(opinion for opinion in row if opinion) for row in zip(*said, strict=True))


# Sources -------------------------------------------------------------------------------------------------------------


def _ask_classifier(
    evidence: LabelEvidence, sure: Sequence[LabelledText], texts: Sequence[VariantText], vectors: Vectors
) -> _Source:
    """The classifier; seeds and decided texts are each asked of one that was trained without them."""
    n_of = Counter(seed.label for seed in evidence.seeds)  # labels count alike, however many seeds they have
    shares = [len(evidence.seeds) / (len(n_of) * n_of[seed.label]) for seed in evidence.seeds]
    weights = [*shares, *[1.0] * (len(sure) - len(shares))]
    trained = [TrainingText(text.text, text.label, weight=w) for text, w in zip(sure, weights, strict=True)]
    folds = _deal_folds(np.array([evidence.labels.index(text.label) for text in sure], dtype=np.int64))
    of_known = np.zeros((len(sure), len(evidence.labels)))
    for fold in range(folds.max() + 1 if folds.max(initial=0) > 0 else 0):
        others = [text for text, its_fold in zip(trained, folds, strict=True) if its_fold != fold]
        own = [text.text for text, its_fold in zip(trained, folds, strict=True) if its_fold == fold]
        of_known[folds == fold] = _predict(evidence, others, own, vectors)
    of_texts = _predict(evidence, trained, [text.text for text in texts], vectors)
    return _Source(LabelSource.CLASSIFIER, of_known, of_texts)


def _predict(evidence: LabelEvidence, sure: Sequence[TrainingText], asked: Sequence[str], vectors: Vectors) -> Matrix:
    """Log-probabilities from a linear probe on seeds, decided texts and label sentences."""
    n_of = Counter(sentence.label for sentence in evidence.sentences)  # labels count alike
    in_total = SENTENCES_WEIGHT * max(len(evidence.seeds), 1)
    sentences = [
        TrainingText(text.text, text.label, weight=in_total / (len(n_of) * n_of[text.label]))
        for text in evidence.sentences
    ]
    trained = [*sure, *sentences]
    config = TrainingConfig(evidence.labels, inverse_regularisation=INVERSE_REGULARISATION)
    probe = fit_probe(np.stack([vectors[text.text] for text in trained]), trained, config)
    logs: Matrix = np.log(np.clip(probe(np.stack([vectors[text] for text in asked])), LEAST_PROB, None))
    return logs


def _list_said(evidence: LabelEvidence, texts: Sequence[VariantText]) -> list[tuple[LabelSource, Matrix]]:
    """What came with the texts: the label it was written for or given, and the LM's scores, where there are any."""
    named = [tuple(float(label == text.proposed_label) for label in evidence.labels) for text in texts]
    said = []
    for source, is_judged in ((LabelSource.WRITTEN, False), (LabelSource.JUDGED, True)):
        of_source = [probs if text.is_judged is is_judged else None for text, probs in zip(texts, named, strict=True)]
        if any(of_source):
            said.append((source, _to_logs(of_source, len(evidence.labels))))
    if any(text.lm_probs for text in texts):
        said.append((LabelSource.SCORED, _to_logs([text.lm_probs for text in texts], len(evidence.labels))))
    return said


def _usual_power(source: _Source, classifier: _Source, truth: NDArray[np.int64]) -> float:
    usual = USUAL_POWERS[source.source]
    if source.source is not LabelSource.JUDGED:
        return usual
    (power,) = fit_powers([classifier.of_known], truth, [USUAL_POWERS[LabelSource.CLASSIFIER]])
    has_said = np.ptp(source.of_texts, axis=-1) > ALIKE
    found = _pool([power], [classifier.of_texts[has_said]])
    return max(usual, _guess_judged_power(found, source.of_texts[has_said].argmax(-1)))


def _guess_judged_power(found: Matrix, judged: NDArray[np.int64]) -> float:
    """The power of a writer's own judgements, from how often the classifier `found` (log-probabilities) agrees.

    If both erred independently, the share of agreement would say how often the writer is right. Below 70% of the
    classifier's own share it counts nothing, from 100% on `MOST_JUDGED`, in between in proportion.
    """
    n_labels = found.shape[1]
    right = float(np.exp(found.max(-1)).mean())  # of the classifier's labels, as it is calibrated
    by_chance = (1 - right) / (n_labels - 1)
    agreeing = float((found.argmax(-1) == judged).mean())
    writer = (agreeing - by_chance) / max(right - by_chance, LEAST_PROB)
    return MOST_JUDGED * float(np.clip((writer / right - 0.7) / 0.3, 0, 1))


def _no_seeds(n_seeds: int, decided: Sequence[int], source: LabelSource, of_texts: Matrix, name: str = "") -> _Source:
    """A source that was not asked for the labels of seeds."""
    of_seeds = np.zeros((n_seeds, of_texts.shape[1]))
    return _Source(source, np.concatenate([of_seeds, of_texts[list(decided)]]), of_texts, name)


def _ask_source(
    evidence: LabelEvidence, opinions: LabelOpinions, decided: Sequence[int], texts: Sequence[VariantText]
) -> _Source:
    """Another LM or a file, without its lean to some labels where its opinions of seeds reveal one."""
    n_labels = len(evidence.labels)
    seed_labels = {id_: seed.label for id_, seed in zip(evidence.seed_ids, evidence.seeds, strict=True)}
    known = {id_: probs for id_, probs in opinions.of_seeds.items() if id_ in seed_labels}
    even = even_out(evidence.labels, replace(opinions, of_seeds=known), seed_labels)
    of_seeds = _to_logs([even.of_seeds.get(id_) for id_ in evidence.seed_ids], n_labels)
    of_texts = _to_logs([even.of_texts.get(text.id) for text in texts], n_labels)
    source = LabelSource.LM if opinions.source.kind is LabelSourceKind.LM else LabelSource.FILE
    return _Source(source, np.concatenate([of_seeds, of_texts[list(decided)]]), of_texts, opinions.source.name)


def _to_logs(said: Sequence[tuple[float, ...] | None], n_labels: int) -> Matrix:
    """Log-probabilities; a text without an opinion has the same for all labels, and a certain one is no more certain
    than a label that was only named."""
    logs = np.full((len(said), n_labels), -np.log(n_labels))
    for row, probs in enumerate(said):
        if probs is None:
            continue
        if min(probs) <= 0:
            other = (1 - NAMED_PROB) / (n_labels - 1)
            probs = tuple(other + prob * (NAMED_PROB - other) for prob in probs)
        logs[row] = np.log(np.clip(probs, LEAST_PROB, None))
    return logs


def _deal_folds(truth: NDArray[np.int64]) -> NDArray[np.int64]:
    """A fold for each row, dealt in turn within each label; a single fold where a label has one row."""
    n_folds = min(N_FOLDS, int(np.bincount(truth)[np.unique(truth)].min()))
    folds = np.zeros(len(truth), dtype=np.int64)
    for place in np.unique(truth):
        of_label = np.flatnonzero(truth == place)
        folds[of_label] = np.arange(len(of_label)) % n_folds
    return folds
