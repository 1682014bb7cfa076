"""How sure a difference of two variants is: a bootstrap over test texts and RNG seeds, on stored predictions. Pure.

An interval over RNG seeds alone says how much training varies, not how much the choice of test texts does. Here both
are drawn again, with replacement; two variants are compared on the same texts and the same RNG seeds. What an interval
may claim is in `augment.results`.

Sources: Efron & Tibshirani 1993, An introduction to the bootstrap, chapters 13 (percentile intervals) and 15.4 (p).
Rao & Wu 1988, Resampling inference with complex survey data, Journal of the American Statistical Association 83: with
n RNG seeds their share is n / (n - 1) too narrow, so it is widened by that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from augment.records import Interval, StoredPrediction

N_DRAWS = 2000
MAX_COUNTS = 5_000_000  # how often each text is drawn, held in memory at once: 20 MB


@dataclass(frozen=True, slots=True, eq=False)  # two are equal only if they are one, so that gains can be cached
class Predicted:
    """What a variant's runs predict for the same texts: places in the list of labels.

    `example_ids` says which texts; `truth` is (n_texts,), `found` has a row of that length for each RNG seed.
    """

    example_ids: tuple[int, ...]
    truth: NDArray[np.int64]
    found: Mapping[int, NDArray[np.int64]]

    def shares(self, other: "Predicted") -> list[int]:
        """The RNG seeds that both have, ascending."""
        return sorted(self.found.keys() & other.found.keys())


@dataclass(frozen=True, slots=True)
class Gain:
    """What a variant gains over its baseline on the same texts; `interval.n` counts the RNG seeds that they share.

    `p` is two-sided, at least 2 / (N_DRAWS + 1), and None with one RNG seed: the chance in training is then unknown.
    `text_error` is the standard error that the choice of `n_texts` texts leaves, `seed_sd` the standard deviation over
    RNG seeds (0 with one).
    """

    interval: Interval
    p: float | None
    n_texts: int
    text_error: float
    seed_sd: float


def read_predicted(
    predictions: Sequence[StoredPrediction], rng_seeds: Mapping[int, int], labels: Sequence[str]
) -> Predicted | None:
    """The predictions of one variant's runs; `rng_seeds` by the run's id. None without any.

    Only texts that every run predicted count.
    """
    by_run: dict[int, dict[int, StoredPrediction]] = {}
    for prediction in predictions:
        if prediction.run_id in rng_seeds:
            by_run.setdefault(prediction.run_id, {})[prediction.example_id] = prediction
    if not by_run:
        return None
    shared = sorted(set.intersection(*(set(found) for found in by_run.values())))
    places = {label: place for place, label in enumerate(labels)}
    first = next(iter(by_run.values()))
    return Predicted(
        tuple(shared),
        np.array([places[first[example_id].truth] for example_id in shared], dtype=np.int64),
        {
            rng_seeds[run_id]: np.array([places[found[example_id].label] for example_id in shared], dtype=np.int64)
            for run_id, found in by_run.items()
        },
    )


def can_compare(variant: Predicted, baseline: Predicted) -> bool:
    """Whether both predicted the same texts, with an RNG seed that they share."""
    return bool(variant.example_ids) and variant.example_ids == baseline.example_ids and bool(variant.shares(baseline))


@lru_cache(maxsize=512)  # the headline, its details and the report ask for the same gains
def compare_predicted(
    variant: Predicted, baseline: Predicted, metric: str, n_labels: int, *, rng_seed: int = 0
) -> Gain:
    """What `variant` gains in macro-F1 or accuracy: the mean over shared RNG seeds, its 95% interval and p.

    Both must be of the same texts and share an RNG seed.
    """
    gains, over_texts, draws = _draw_gains(variant, baseline, metric, n_labels, rng_seed)
    n = len(gains)
    widened = over_texts + (draws - over_texts) * np.sqrt(n / (n - 1)) if n > 1 else draws
    low, high = np.clip(np.quantile(widened, [0.025, 0.975]), -1, 1)
    mean = float(gains.mean())
    n_beyond = min(int((widened <= 0).sum()), int((widened >= 0).sum()))
    return Gain(
        Interval(mean, min(mean, float(low)), max(mean, float(high)), n),
        min(1.0, 2 * (n_beyond + 1) / (N_DRAWS + 1)) if n > 1 else None,
        len(variant.truth),
        float(over_texts.std()),
        float(gains.std(ddof=1)) if n > 1 else 0.0,
    )


def standard_error(variant: Predicted, other: Predicted, n_labels: int, *, rng_seed: int = 0) -> float:
    """The standard error of the difference in macro-F1 of two variants, over texts and RNG seeds."""
    *_, draws = _draw_gains(variant, other, "macro_f1", n_labels, rng_seed)
    return float(draws.std())


def macro_f1_of(variant: Predicted, n_labels: int) -> float:
    """The mean macro-F1 over RNG seeds, on the texts as they are."""
    return float(_score(variant, "macro_f1", _count_once(variant), n_labels).mean())


def _draw_gains(
    variant: Predicted, baseline: Predicted, metric: str, n_labels: int, rng_seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The gain of each shared RNG seed on the texts as they are, (n_seeds,); and for each draw of texts the mean gain,
    (N_DRAWS,): over all RNG seeds, and over RNG seeds that are drawn too.
    """
    shared = variant.shares(baseline)

    def rows(predicted: Predicted, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        places = sorted(predicted.found)
        return scores[[places.index(seed) for seed in shared]]

    found = [rows(one, _score(one, metric, _count_once(one), n_labels)) for one in (variant, baseline)]
    drawn = [rows(one, _draw_scores(one, metric, n_labels, rng_seed)) for one in (variant, baseline)]
    gains = drawn[0] - drawn[1]  # (n_seeds, N_DRAWS)
    seeds = np.random.default_rng([rng_seed, 2]).integers(len(shared), size=gains.shape)
    return (found[0] - found[1])[:, 0], gains.mean(0), np.take_along_axis(gains, seeds, axis=0).mean(0)


@lru_cache(maxsize=256)  # a baseline is compared with every variant
def _draw_scores(variant: Predicted, metric: str, n_labels: int, rng_seed: int) -> NDArray[np.float64]:
    """The metric of each RNG seed's run in each draw of texts, (n_seeds, N_DRAWS); RNG seeds ascending."""
    n_texts = len(variant.truth)
    chunk = max(1, MAX_COUNTS // max(n_texts, 1))
    sizes = [min(chunk, N_DRAWS - start) for start in range(0, N_DRAWS, chunk)]
    counts = (_draw_counts(n_texts, n_draws, rng_seed, i) for i, n_draws in enumerate(sizes))
    return np.concatenate([_score(variant, metric, drawn, n_labels) for drawn in counts], axis=1)


@lru_cache(maxsize=1)  # all variants of a comparison are drawn the same texts
def _draw_counts(n_texts: int, n_draws: int, rng_seed: int, chunk: int) -> NDArray[np.float32]:
    """How often each text is drawn, (n_texts, n_draws)."""
    rng = np.random.default_rng([rng_seed, 3, chunk])
    return rng.multinomial(n_texts, np.full(n_texts, 1 / n_texts), size=n_draws).T.astype(np.float32)


def _count_once(variant: Predicted) -> NDArray[np.float32]:
    return np.ones((len(variant.truth), 1), dtype=np.float32)


def _score(variant: Predicted, metric: str, counts: NDArray[np.float32], n_labels: int) -> NDArray[np.float64]:
    """The metric of each RNG seed's run with texts counted so often, (n_seeds, n_draws).

    A label without texts and answers counts 0 in macro-F1.
    """
    runs = [variant.found[rng_seed] for rng_seed in sorted(variant.found)]
    if metric == "accuracy":
        is_right = np.stack([found == variant.truth for found in runs]).astype(np.float32)  # (n_seeds, n_texts)
        return np.asarray(is_right @ counts, dtype=np.float64) / len(variant.truth)
    places = np.arange(n_labels)[:, None]
    is_true = variant.truth == places  # (n_labels, n_texts)
    n_true = is_true.astype(np.float32) @ counts  # (n_labels, n_draws)
    scores = []
    for found in runs:
        is_found = found == places
        n_hit, n_found = (is_true & is_found).astype(np.float32) @ counts, is_found.astype(np.float32) @ counts
        scores.append((2 * n_hit / np.maximum(n_true + n_found, 1e-9)).mean(0, dtype=np.float64))
    return np.stack(scores)
