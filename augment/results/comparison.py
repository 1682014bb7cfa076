"""Stored training runs → an honest comparison of arms.

Pure: knows no store, no page, no figure. The runs should share one recipe (`variants.name_recipe`): other encoders
or steps are other experiments. Whatever is averaged is averaged over RNG seeds. Two experiments of one recipe train the
same baseline twice; that is one observation, not two.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from augment.records import ClassifierKind, Interval, TrainingRun
from augment.results.variants import REAL_TEXTS, SEEDS_ONLY, name_baseline, split_kind
from augment.training.metrics import mean_interval
from augment.wording import METRICS, format_p, format_points

SIGNIFICANCE = 0.05


@dataclass(frozen=True, slots=True)
class ArmPoint:
    """One arm at one number of synthetic texts: the interval of a metric over its RNG seeds."""

    arm: str
    n_synthetic: int
    interval: Interval


@dataclass(frozen=True, slots=True)
class Difference:
    """What an arm at one size gains over the seeds only, trained alike: mean over paired RNG seeds and 95% interval.

    `p` is the paired t-test's, two-sided; None with fewer than 2 pairs and where the differences do not vary.
    `p_adjusted` is Holm's over the list that the difference stands in.
    """

    arm: str
    n_synthetic: int
    interval: Interval
    p: float | None
    p_adjusted: float | None

    @property
    def is_beyond_chance(self) -> bool:
        """Whether the arm is told apart from its baseline at 5% over all comparisons of the list."""
        return self.p_adjusted is not None and self.p_adjusted < SIGNIFICANCE


# Arms against their baseline ------------------------------------------------------------------------------------------


def aggregate_runs(runs: Sequence[TrainingRun], metric: str) -> list[ArmPoint]:
    """Mean and 95% interval of a metric over the RNG seeds of each arm and size, by arm and size."""
    return [
        ArmPoint(arm, n, mean_interval(list(by_rng_seed(group, metric).values())))
        for (arm, n), group in by_arm_and_size(runs).items()
    ]


def compare_with_baseline(runs: Sequence[TrainingRun], metric: str) -> list[Difference]:
    """What each arm and size gains over the seeds only, by arm and size; those that share no RNG seed are left out."""
    baselines = {
        kind: by_rng_seed([run for run in runs if run.n_synthetic == 0 and run.config.kind is kind], metric)
        for kind in ClassifierKind
    }
    differences = []
    for (arm, n), group in by_arm_and_size(runs).items():
        values, baseline = by_rng_seed(group, metric), baselines[group[0].config.kind]
        shared = sorted(values.keys() & baseline.keys())
        if n and shared:
            pairs = np.array([(values[rng_seed], baseline[rng_seed]) for rng_seed in shared])  # (n_pairs, 2)
            differences.append(compare_pairs(arm, n, pairs))
    return adjust(differences)


def compare_at_largest(differences: Sequence[Difference]) -> list[Difference]:
    """One difference an arm, Holm's adjustment done over these only.

    The largest size is a choice made before the figures are seen; the best size would be picked on the test set.
    """
    largest = {one.arm: one for one in sorted(differences, key=lambda one: one.n_synthetic)}
    return adjust([one for one in differences if one is largest[one.arm]])


def adjust_by_holm(p_values: Sequence[float]) -> list[float]:
    """Each p adjusted for all the tests, in the order given.

    Source: Holm 1979, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6.
    """
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(np.argsort(p_values, kind="stable")):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = highest
    return adjusted


def by_arm_and_size(runs: Sequence[TrainingRun]) -> dict[tuple[str, int], list[TrainingRun]]:
    """The measured runs of each arm and size, sorted by both."""
    groups: dict[tuple[str, int], list[TrainingRun]] = {}
    for run in sorted(runs, key=lambda run: (run.arm, run.n_synthetic)):
        if run.last is not None:
            groups.setdefault((run.arm, run.n_synthetic), []).append(run)
    return groups


def by_rng_seed(runs: Sequence[TrainingRun], metric: str) -> dict[int, float]:
    """The metric by RNG seed; the mean where an RNG seed was run more than once."""
    groups: dict[int, list[float]] = {}
    for run in runs:
        if run.last is not None:
            groups.setdefault(run.config.rng_seed, []).append(getattr(run.last, metric))
    return {rng_seed: fmean(values) for rng_seed, values in groups.items()}


def compare_pairs(arm: str, n_synthetic: int, pairs: NDArray[np.float64]) -> Difference:
    """The difference over pairs (arm, baseline), not yet adjusted for others."""
    from scipy.stats import ttest_rel

    gains = pairs[:, 0] - pairs[:, 1]
    varies = len(gains) > 1 and np.ptp(gains) > 1e-9  # by more than rounding
    p = float(ttest_rel(pairs[:, 0], pairs[:, 1]).pvalue) if varies else None
    return Difference(arm, n_synthetic, mean_interval(gains.tolist()), p, None)


def adjust(differences: Sequence[Difference]) -> list[Difference]:
    """The differences with their p adjusted (Holm) over all of them that have one."""
    adjusted = iter(adjust_by_holm([one.p for one in differences if one.p is not None]))
    return [replace(one, p_adjusted=None if one.p is None else next(adjusted)) for one in differences]


# In words -------------------------------------------------------------------------------------------------------------


def headline(runs: Sequence[TrainingRun], metric: str) -> str:
    """The learning curve's answer in a sentence, each arm at its largest size; p is Holm's.

    Real texts are the ceiling, not an arm that could win; they count as a comparison all the same.
    """
    compared = [
        one for one in compare_at_largest(compare_with_baseline(runs, metric)) if not one.arm.startswith(REAL_TEXTS)
    ]
    if not compared:
        return f"Test {METRICS[metric]} by number of synthetic texts"
    better = [one for one in compared if one.is_beyond_chance and one.interval.mean > 0]
    worse = [one for one in compared if one.is_beyond_chance and one.interval.mean < 0]
    best = max(better or compared, key=lambda one: one.interval.mean)
    gain = f"gains {100 * best.interval.mean:.1f} points of {METRICS[metric]}"
    if better:
        answer = f"{best.arm} {gain} over {baseline_of(best.arm)} with {best.n_synthetic} texts ({_evidence(best)})"
    elif best.interval.mean <= 0:
        answer = f"No arm is better than {SEEDS_ONLY}{f', but {_doubt(best)}' if best.p is None else ''}"
    elif best.p is None:
        answer = f"{best.arm} {gain} over {baseline_of(best.arm)} with {best.n_synthetic} texts, but {_doubt(best)}"
    else:
        answer = f"No arm is better than {SEEDS_ONLY} beyond chance: {best.arm} {gain} at best ({_evidence(best)})"
    others = [one for one in better if one is not best]
    return answer + _name_arms(others, "gain", " too") + _name_arms(worse, "lose")


def describe_arms(runs: Sequence[TrainingRun], metric: str) -> list[str]:
    """A sentence for each arm at its largest size, the greatest gain first; a reader needs no chart beside it."""
    compared = compare_at_largest(compare_with_baseline(runs, metric))
    return [
        f"{one.arm} with {one.n_synthetic} texts is {judge(one, baseline_of(one.arm), metric)}."
        for one in sorted(compared, key=lambda one: one.interval.mean, reverse=True)
    ]


def judge(difference: Difference, than: str, metric: str) -> str:
    """'better than raw: +9.2 points of macro-F1 (95% interval +5.1 to +13.3, adjusted p 0.003, 5 RNG seeds)'."""
    verdict = f"not told apart from {than} beyond chance"
    if difference.is_beyond_chance:
        verdict = f"{'better' if difference.interval.mean > 0 else 'worse'} than {than}"
    low, mean, high = (format_points(getattr(difference.interval, one)) for one in ("low", "mean", "high"))
    interval = f"95% interval {low} to {high}, adjusted " if difference.p is not None else ""
    return f"{verdict}: {mean} points of {METRICS[metric]} ({interval}{_evidence(difference)})"


def baseline_of(arm: str) -> str:
    """What an arm is compared with: the seeds only, trained in the same way."""
    return name_baseline(split_kind(arm)[1])


def _evidence(difference: Difference) -> str:
    """'p 0.003, 5 RNG seeds', or why there is no p."""
    p = difference.p_adjusted
    if p is None:
        return _doubt(difference)
    return f"p {format_p(p)}, {difference.interval.n} RNG seeds"


def _doubt(difference: Difference) -> str:
    if difference.interval.n < 2:
        return "one RNG seed does not rule out chance"
    return f"all {difference.interval.n} RNG seeds agree exactly, so no test can rule out chance"


def _name_arms(differences: Sequence[Difference], verb: str, ending: str = "") -> str:
    """'; A gains too', '; A and B gain too', '; 3 arms gain too', or nothing."""
    names = [one.arm for one in differences]
    if len(names) < 2:
        return f"; {names[0]} {verb}s{ending}" if names else ""
    return f"; {' and '.join(names) if len(names) == 2 else f'{len(names)} arms'} {verb}{ending}"


# As tables ------------------------------------------------------------------------------------------------------------


def points_table(points: Sequence[ArmPoint]) -> list[dict[str, str | float]]:
    """The learning curve's figures, a row a point, for an export."""
    return [{"arm": one.arm, "n_synthetic": one.n_synthetic, **_columns(one.interval)} for one in points]


def differences_table(differences: Sequence[Difference]) -> list[dict[str, str | float | None]]:
    """The differences to the baseline, a row each, for an export; 0.01 is one point."""
    return [
        {
            "arm": one.arm,
            "n_synthetic": one.n_synthetic,
            "baseline": baseline_of(one.arm),
            **_columns(one.interval),
            "p": one.p,
            "p_holm": one.p_adjusted,
        }
        for one in differences
    ]


def _columns(interval: Interval) -> dict[str, float]:
    return {"mean": interval.mean, "low_95": interval.low, "high_95": interval.high, "n_rng_seeds": interval.n}
