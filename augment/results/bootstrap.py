"""How sure a difference of macro-F1 is: a bootstrap over texts and RNG seeds together, on stored predictions. Pure.

An interval over RNG seeds alone says how much training varies, not how much the choice of test texts does. Here both
are drawn again, with replacement; two variants are compared on the same texts and the same RNG seeds.

Source: Efron & Tibshirani 1993, An introduction to the bootstrap, chapter 13 (percentile intervals).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from augment.records import Interval, StoredPrediction

N_DRAWS = 1000
MAX_COUNTS = 5_000_000  # how often each text is drawn, held in memory at once: 40 MB


@dataclass(frozen=True, slots=True)
class Predicted:
    """What a variant's runs predict for the same texts: places in the list of labels.

    `example_ids` says which texts; `truth` is (n_texts,), `found` has a row of that length for each RNG seed.
    """

    example_ids: tuple[int, ...]
    truth: NDArray[np.int64]
    found: Mapping[int, NDArray[np.int64]]


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
    return variant.example_ids == baseline.example_ids and bool(variant.found.keys() & baseline.found.keys())


def compare_macro_f1(variant: Predicted, baseline: Predicted, n_labels: int, *, rng_seed: int = 0) -> Interval:
    """What `variant` gains in macro-F1 over `baseline`: the mean over shared RNG seeds and its 95% interval.

    `n` counts the RNG seeds. Both must be of the same texts and share an RNG seed.
    """
    mean, draws = _draw_gains(variant, baseline, n_labels, rng_seed)
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(mean, float(low), float(high), len(variant.found.keys() & baseline.found.keys()))


def standard_error(variant: Predicted, other: Predicted, n_labels: int, *, rng_seed: int = 0) -> float:
    """The standard error of the difference in macro-F1 of two variants, over texts and RNG seeds."""
    _, draws = _draw_gains(variant, other, n_labels, rng_seed)
    return float(draws.std())


def macro_f1_of(variant: Predicted, n_labels: int) -> float:
    """The mean macro-F1 over RNG seeds, on the texts as they are."""
    counts = np.ones((len(variant.truth), 1))
    return float(_draw_macro_f1(variant, sorted(variant.found), counts, n_labels).mean())


def _draw_gains(
    variant: Predicted, baseline: Predicted, n_labels: int, rng_seed: int
) -> tuple[float, NDArray[np.float64]]:
    """The gain on the sample itself, and in each draw, (N_DRAWS,)."""
    shared = sorted(variant.found.keys() & baseline.found.keys())

    def gain(counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """The gain of each RNG seed in each draw, (n_seeds, n_draws)."""
        return _draw_macro_f1(variant, shared, counts, n_labels) - _draw_macro_f1(baseline, shared, counts, n_labels)

    n_texts, rng = len(variant.truth), np.random.default_rng(rng_seed)
    chunk = max(1, MAX_COUNTS // max(n_texts, 1))
    draws = []
    for start in range(0, N_DRAWS, chunk):
        n_draws = min(chunk, N_DRAWS - start)
        counts = rng.multinomial(n_texts, np.full(n_texts, 1 / n_texts), size=n_draws).T.astype(float)
        seeds = rng.integers(len(shared), size=(len(shared), n_draws))
        draws.append(np.take_along_axis(gain(counts), seeds, axis=0).mean(0))
    return float(gain(np.ones((n_texts, 1))).mean()), np.concatenate(draws)


def _draw_macro_f1(
    variant: Predicted, rng_seeds: Sequence[int], counts: NDArray[np.float64], n_labels: int
) -> NDArray[np.float64]:
    """Macro-F1 of each RNG seed's run in each draw, (n_seeds, n_draws); a label without texts and answers counts 0."""
    places = np.arange(n_labels)[:, None]
    is_true = variant.truth == places  # (n_labels, n_texts)
    n_true = is_true @ counts  # (n_labels, n_draws)
    scores = []
    for rng_seed in rng_seeds:
        is_found = variant.found[rng_seed] == places
        n_hit, n_found = (is_true & is_found) @ counts, is_found @ counts
        scores.append((2 * n_hit / np.maximum(n_true + n_found, 1e-12)).mean(0))
    return np.stack(scores)
