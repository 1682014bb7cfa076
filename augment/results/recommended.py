"""The recommended variant: the simplest that validation texts cannot tell from the best. Pure; never sees test texts.

Seeds only is always a candidate; real texts, the ceiling, never are. Source of the rule: Breiman et al. 1984,
Classification and regression trees, section 3.4.3 (one standard error).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from augment.records import Interval, TrainingRun, Variant
from augment.results.bootstrap import Predicted, can_compare, macro_f1_of, standard_error
from augment.results.headlines import headline, name_seeds
from augment.results.variants import VariantNames
from augment.wording import format_points, plural

N_ENOUGH = 50  # validation texts; with fewer, chance would choose
Point = tuple[Variant, int]  # a variant and its number of added texts


@dataclass(frozen=True, slots=True)
class Choice:
    """The variant and size that validation texts choose, with its macro-F1 on them and that of its baseline."""

    variant: Variant
    n_synthetic: int
    macro_f1: float
    baseline_macro_f1: float
    n_validation: int


@dataclass(frozen=True, slots=True)
class Recommended:
    """What validation texts chose, and what that gains in macro-F1 over its baseline on the test texts.

    `gain` is None if the seeds only are recommended.
    """

    choice: Choice
    gain: Interval | None


def answer(runs: Sequence[TrainingRun], metric: str, names: VariantNames, recommended: Recommended | None) -> str:
    """The answer that the Results page, the presentation and the report share, in a sentence or two.

    It is what validation texts recommend, else what the test texts say of all variants.
    """
    if recommended is None:
        return headline(runs, metric, names)
    seeds, choice, gain = name_seeds(runs), recommended.choice, recommended.gain
    if gain is None:
        if len({run.config.kind for run in runs}) > 1:
            seeds += f" ({choice.variant.kind})"
        return (
            f"Recommended: {seeds}. No variant is better on the {plural(choice.n_validation, 'validation text')} by "
            "more than one standard error."
        )
    what = names[choice.variant]
    if choice.n_synthetic:
        what += f", {plural(choice.n_synthetic, 'text')}"
    verb, mean = ("gains", gain.mean) if gain.mean > 0 else ("loses", -gain.mean)
    low, high = format_points(gain.low), format_points(gain.high)
    doubt = "" if gain.low > 0 else " It may be chance." if gain.mean > 0 else ""
    return (
        f"Recommended: {what}. On the test texts it {verb} {format_points(mean).removeprefix('+')} points of macro-F1 "
        f"over {seeds} (95% interval {low} to {high}).{doubt}"
    )


def recommend(predicted: Mapping[Point, Predicted], n_labels: int) -> Choice | None:
    """Choose among variants of one kind of classifier or several, by their predictions for validation texts.

    The best macro-F1 wins unless a simpler variant is within one standard error of it; of variants that are equally
    simple, the better one. None without a baseline or with too few validation texts.
    """
    candidates = {point: found for point, found in predicted.items() if _is_candidate(point, predicted)}
    scores = {point: macro_f1_of(found, n_labels) for point, found in candidates.items()}
    baselines = [point for point in scores if point[0].is_baseline]
    if not baselines:
        return None
    n_validation = len(candidates[baselines[0]].truth)
    if n_validation < N_ENOUGH:
        return None
    best = max(scores, key=lambda point: scores[point])
    close = [point for point in scores if point == best or _is_close(point, best, candidates, scores, n_labels)]
    simplest = min(map(simplicity, close))
    variant, n_synthetic = max(
        (point for point in close if simplicity(point) == simplest), key=lambda point: scores[point]
    )
    return Choice(variant, n_synthetic, scores[variant, n_synthetic], scores[variant.baseline, 0], n_validation)


def simplicity(point: Point) -> int:
    """0 for the seeds only, 1 with label sentences, 2 with synthetic texts: what people have to make and check."""
    variant, _ = point
    return 2 if variant.has_texts else int(variant.has_sentences)


def _is_candidate(point: Point, predicted: Mapping[Point, Predicted]) -> bool:
    variant, _ = point
    baseline = predicted.get((variant.baseline, 0))
    if variant.is_ceiling or baseline is None or not can_compare(predicted[point], baseline):
        return False
    return predicted[point].found.keys() >= baseline.found.keys()  # one lucky RNG seed must not win


def _is_close(
    point: Point, best: Point, predicted: Mapping[Point, Predicted], scores: Mapping[Point, float], n_labels: int
) -> bool:
    if not can_compare(predicted[point], predicted[best]):
        return False
    return scores[best] - scores[point] <= standard_error(predicted[best], predicted[point], n_labels)


def pick_largest(points: Sequence[Point]) -> list[Point]:
    """Every variant at its largest size only: how many texts to add is not chosen by the figures."""
    largest = {variant: max(n for other, n in points if other == variant) for variant, _ in points}
    return list(largest.items())
