"""Stored training runs → an honest comparison of variants.

Pure: knows no store, no page, no chart. The runs should share one recipe (`variants.name_recipe`): another encoder or
number of steps is another experiment. All averages are over RNG seeds. Two experiments of one recipe train the same
baseline twice; that counts as one observation, not two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from augment.hardware.imports import importing_alone
from augment.records import Interval, TrainingRun, Variant
from augment.results.bootstrap import Predicted, can_compare, compare_predicted
from augment.results.intervals import gain_interval, score_interval
from augment.results.variants import VariantNames

SIGNIFICANCE = 0.05
Point = tuple[Variant, int]  # a variant and its number of added texts
Predictions = Mapping[Point, Predicted]  # of the test texts


@dataclass(frozen=True, slots=True)
class VariantPoint:
    """One variant at one number of synthetic texts: a metric's mean and 95% interval over its RNG seeds."""

    variant: Variant
    n_synthetic: int
    interval: Interval


@dataclass(frozen=True, slots=True)
class Difference:
    """What a variant at one size gains over its baseline: mean over paired RNG seeds and 95% interval.

    The interval and `p` are of the bootstrap over `n_texts` test texts and RNG seeds (`bootstrap.Gain`). Without stored
    predictions `n_texts` is 0, and they are of the paired t-test over RNG seeds. `p` is None with fewer than 2 pairs,
    and in the t-test where the differences do not vary. `p_adjusted` is adjusted by Holm's method over all variants,
    each at its largest size, and None at the other sizes: a comparison has one p.
    """

    variant: Variant
    n_synthetic: int
    interval: Interval
    p: float | None
    p_adjusted: float | None
    n_texts: int = 0
    text_error: float = 0.0
    seed_sd: float = 0.0

    @property
    def has_interval(self) -> bool:
        """Whether the interval says more than the mean: with one RNG seed only the test texts can tell."""
        return self.interval.n > 1 or self.n_texts > 0

    @property
    def is_significant(self) -> bool:
        """Whether the variant differs from its baseline at the 5% level over all comparisons of the list."""
        return self.p_adjusted is not None and self.p_adjusted < SIGNIFICANCE

    @property
    def is_better(self) -> bool:
        """Whether it gains, and that is significant."""
        return self.is_significant and self.interval.mean > 0

    @property
    def is_worse(self) -> bool:
        """Whether it loses, and that is significant."""
        return self.is_significant and self.interval.mean < 0


# Variants against their baseline --------------------------------------------------------------------------------------


def aggregate_runs(runs: Sequence[TrainingRun], metric: str) -> list[VariantPoint]:
    """Mean and 95% interval of a metric over the RNG seeds of each variant and size, in the order of `group_runs`."""
    return [
        VariantPoint(variant, n, score_interval(list(by_rng_seed(group, metric).values())))
        for (variant, n), group in group_runs(runs).items()
    ]


def compare_with_baseline(
    runs: Sequence[TrainingRun], metric: str, predicted: Predictions | None = None
) -> list[Difference]:
    """What each variant and size gains over its baseline; those that share no RNG seed with it are left out.

    `predicted` is what the runs predict for the test texts; where it lacks a run, RNG seeds alone are compared.
    """
    groups, differences = group_runs(runs), []
    for (variant, n), group in groups.items():
        if not variant.is_baseline:
            baseline = variant.baseline, 0
            found = compare_runs(
                (variant, n), group, baseline, groups.get(baseline, []), metric, predicted=predicted or {}
            )
            differences += [found] if found else []
    claims = iter(adjust(compare_at_largest(differences)))
    largest = find_largest([(difference.variant, difference.n_synthetic) for difference in differences])
    return [
        next(claims) if difference.n_synthetic == largest[difference.variant] else difference
        for difference in differences
    ]


def compare_at_largest(differences: Sequence[Difference]) -> list[Difference]:
    """One difference per variant: the one at its largest size, over which p is adjusted.

    The largest size is a choice made before the figures are seen; the best size would be picked on the test set.
    """
    largest = find_largest([(difference.variant, difference.n_synthetic) for difference in differences])
    return [difference for difference in differences if difference.n_synthetic == largest[difference.variant]]


def find_largest(points: Sequence[Point]) -> dict[Variant, int]:
    """Each variant's largest size."""
    return {variant: max(n for other, n in points if other == variant) for variant, _ in points}


def list_points(runs: Sequence[TrainingRun], predicted: Predictions | None = None) -> dict[Point, list[TrainingRun]]:
    """The runs of each variant and size: the best variant at its largest size, the baselines, then the others.

    One run per RNG seed: two experiments train the same baseline twice. The best variant is the headline's: the
    greatest gain among significant ones, else among all, and never the ceiling.
    """
    gains = sorted(
        compare_at_largest(compare_with_baseline(runs, "macro_f1", predicted)),
        key=lambda difference: (difference.is_better, difference.interval.mean),
        reverse=True,
    )
    groups = group_runs(runs)
    best = [(gain.variant, gain.n_synthetic) for gain in gains if not gain.variant.is_ceiling][:1]
    baselines = [point for point in groups if point[0].is_baseline]
    order = dict.fromkeys([*best, *baselines, *((gain.variant, gain.n_synthetic) for gain in gains), *groups])
    return {point: first_per_rng_seed(groups[point]) for point in order}


def first_per_rng_seed(runs: Sequence[TrainingRun]) -> list[TrainingRun]:
    """The oldest run of each RNG seed."""
    return list({run.config.rng_seed: run for run in reversed(runs)}.values())


def adjust_by_holm(p_values: Sequence[float]) -> list[float]:
    """Each p adjusted for all the tests, in the order given.

    Source: Holm 1979, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6.
    """
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(np.argsort(p_values, kind="stable")):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = highest
    return adjusted


def group_runs(runs: Sequence[TrainingRun]) -> dict[Point, list[TrainingRun]]:
    """The measured runs of each variant and size: variants in the order of their oldest run, sizes ascending."""
    ordered = sorted(runs, key=lambda run: run.id)
    places = {variant: i for i, variant in enumerate(dict.fromkeys(run.variant for run in ordered))}
    groups: dict[Point, list[TrainingRun]] = {}
    for run in sorted(ordered, key=lambda run: (places[run.variant], run.n_synthetic)):
        if run.last is not None:
            groups.setdefault((run.variant, run.n_synthetic), []).append(run)
    return groups


def by_rng_seed(runs: Sequence[TrainingRun], metric: str) -> dict[int, float]:
    """The metric by RNG seed; the mean where an RNG seed was run more than once."""
    groups: dict[int, list[float]] = {}
    for run in runs:
        if run.last is not None:
            groups.setdefault(run.config.rng_seed, []).append(getattr(run.last, metric))
    return {rng_seed: fmean(values) for rng_seed, values in groups.items()}


def compare_runs(
    point: Point,
    runs: Sequence[TrainingRun],
    other: Point,
    other_runs: Sequence[TrainingRun],
    metric: str,
    *,
    predicted: Predictions,
) -> Difference | None:
    """What a variant at a size gains over another point, not yet adjusted; None where they share no RNG seed."""
    values, base = by_rng_seed(runs, metric), by_rng_seed(other_runs, metric)
    shared = sorted(values.keys() & base.keys())
    if not shared:
        return None
    found, other_found = predicted.get(point), predicted.get(other)
    if found and other_found and can_compare(found, other_found) and found.shares(other_found) == shared:
        gain = compare_predicted(found, other_found, metric, len(runs[0].config.labels))
        return Difference(*point, gain.interval, gain.p, None, gain.n_texts, gain.text_error, gain.seed_sd)
    return compare_pairs(*point, np.array([(values[rng_seed], base[rng_seed]) for rng_seed in shared]))


def compare_pairs(variant: Variant, n_synthetic: int, pairs: NDArray[np.float64]) -> Difference:
    """The difference over pairs (variant, baseline), shape (n_pairs, 2), not yet adjusted for others."""
    with importing_alone:
        from scipy.stats import ttest_rel

    gains = pairs[:, 0] - pairs[:, 1]
    varies = len(gains) > 1 and np.ptp(gains) > 1e-9  # by more than rounding
    p = float(ttest_rel(pairs[:, 0], pairs[:, 1]).pvalue) if varies else None
    seed_sd = float(np.std(gains, ddof=1)) if varies else 0.0
    return Difference(variant, n_synthetic, gain_interval(gains.tolist()), p, None, seed_sd=seed_sd)


def adjust(differences: Sequence[Difference]) -> list[Difference]:
    """The differences with their p adjusted (Holm) over all of them that have one."""
    adjusted = iter(adjust_by_holm([difference.p for difference in differences if difference.p is not None]))
    return [
        replace(difference, p_adjusted=None if difference.p is None else next(adjusted)) for difference in differences
    ]


# As tables ------------------------------------------------------------------------------------------------------------


def points_table(points: Sequence[VariantPoint], names: VariantNames) -> list[dict[str, str | float]]:
    """The learning curve's figures, one row per point, for an export."""
    return [
        {"variant": names[point.variant], "n_synthetic": point.n_synthetic, **_columns(point.interval)}
        for point in points
    ]


def differences_table(differences: Sequence[Difference], names: VariantNames) -> list[dict[str, str | float | None]]:
    """The differences to the baseline, one row each, for an export; 0.01 is one point."""
    return [
        {
            "variant": names[difference.variant],
            "n_synthetic": difference.n_synthetic,
            "baseline": names[difference.variant.baseline],
            **_columns(difference.interval),
            "p": difference.p,
            "p_holm": difference.p_adjusted,
        }
        for difference in differences
    ]


def _columns(interval: Interval) -> dict[str, float]:
    return {"mean": interval.mean, "low_95": interval.low, "high_95": interval.high, "n_rng_seeds": interval.n}
