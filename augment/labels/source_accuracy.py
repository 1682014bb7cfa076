"""How often a label source is right: on people's decisions and on seeds. Pure; also makes an LM's opinions even.

An LM's scores lean to some labels. The lean is measured on the seeds, whose labels are known, and taken off.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from augment.labels.agreement import Share, wilson_share
from augment.records import LabelOpinions, VariantText

Probs = tuple[float, ...]

LEAST_PROB = 1e-4  # no source rules a label out


@dataclass(frozen=True, slots=True)
class SourceAccuracy:
    """How often a source's likeliest label is right, with 95% intervals; its ties for the likeliest do not count.

    `on_decisions` are texts whose label people accepted or changed; `on_seeds` are seeds that the source had not seen.
    """

    on_decisions: Share
    on_seeds: Share


def measure_opinions(
    labels: Sequence[str], opinions: LabelOpinions, decided: Sequence[VariantText], seed_labels: Mapping[int, str]
) -> SourceAccuracy:
    """How right a stored source is. `decided` are texts with people's labels, `seed_labels` are by example id."""
    of_texts, of_seeds = opinions.of_texts, opinions.of_seeds
    return SourceAccuracy(
        _count_right(labels, ((of_texts[text.id], text.label) for text in decided if text.id in of_texts)),
        _count_right(labels, ((of_seeds[i], label) for i, label in seed_labels.items() if i in of_seeds)),
    )


def measure_written(decided: Sequence[VariantText]) -> SourceAccuracy:
    """How right the label is that a text was written with."""
    n_right = sum(text.label == text.proposed_label for text in decided)
    return SourceAccuracy(wilson_share(n_right, len(decided)), wilson_share(0, 0))


def measure_scores(labels: Sequence[str], decided: Sequence[VariantText]) -> SourceAccuracy:
    """How right the scores are that the LM gave its own texts."""
    scored = ((text.probs, text.label) for text in decided if text.probs)
    return SourceAccuracy(_count_right(labels, scored), wilson_share(0, 0))


def even_out(labels: Sequence[str], opinions: LabelOpinions, seed_labels: Mapping[int, str]) -> LabelOpinions:
    """The opinions without the source's lean: its mean log-probabilities over the seeds, each label counting alike.

    For a seed, the lean is measured on the other seeds. Sources that name labels instead of scoring them, and sources
    without an opinion about a seed of every label, stay as they are.

    Source: as batch calibration, Zhou et al. 2024 (arXiv 2309.17249), but on texts whose labels are known.
    """
    known = [example_id for example_id in sorted(opinions.of_seeds) if example_id in seed_labels]
    is_scored = all(min(opinions.of_seeds[example_id]) > 0 for example_id in known)
    if not is_scored or {seed_labels[example_id] for example_id in known} != set(labels):
        return opinions
    logs = _logs(opinions.of_seeds[example_id] for example_id in known)
    truth = np.array([labels.index(seed_labels[example_id]) for example_id in known])
    others = [np.flatnonzero(np.arange(len(known)) != i) for i in range(len(known))]
    of_seeds = [logs[i] - _find_lean(logs[rest], truth[rest]) for i, rest in enumerate(others)]
    text_ids = list(opinions.of_texts)
    of_texts = _logs(opinions.of_texts[text_id] for text_id in text_ids) - _find_lean(logs, truth) if text_ids else ()
    return replace(
        opinions,
        of_seeds=dict(zip(known, map(_to_probs, of_seeds), strict=True)),
        of_texts=dict(zip(text_ids, map(_to_probs, of_texts), strict=True)),
    )


def _count_right(labels: Sequence[str], pairs: Iterable[tuple[Probs, str]]) -> Share:
    clear = [(labels[probs.index(max(probs))], truth) for probs, truth in pairs if probs.count(max(probs)) == 1]
    return wilson_share(sum(label == truth for label, truth in clear), len(clear))


def _find_lean(logs: NDArray[np.float64], truth: NDArray[np.int64]) -> NDArray[np.float64]:
    """The mean of each label's mean log-probabilities, (n_labels,)."""
    lean: NDArray[np.float64] = np.mean([logs[truth == label].mean(0) for label in np.unique(truth)], axis=0)
    return lean


def _logs(probs: Iterable[Probs]) -> NDArray[np.float64]:
    logs: NDArray[np.float64] = np.log(np.clip(np.array(list(probs)), LEAST_PROB, None))
    return logs


def _to_probs(logs: NDArray[np.float64]) -> Probs:
    weights = np.exp(logs - logs.max())
    return tuple(float(prob) for prob in weights / weights.sum())
