"""The recommended variant: the simplest that validation texts cannot tell from the best. Pure; never sees test texts.

Where there are few validation texts, seeds help to choose, each predicted by a classifier trained without it.

Seeds only is always a candidate; real texts, the ceiling, never are. Source of the rule: Breiman et al. 1984,
Classification and regression trees, section 3.4.3 (one standard error).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from augment.records import Interval, TrainingRun, Variant
from augment.results.bootstrap import Predicted, can_compare, macro_f1_of, standard_error
from augment.results.comparison import Point, Predictions, compare_at_largest, compare_with_baseline, find_largest
from augment.results.headlines import headline, list_losses, name_point, name_seeds
from augment.results.variants import VariantNames
from augment.wording import format_points, plural

N_ENOUGH = 20  # texts to choose by; with fewer, only chance would


@dataclass(frozen=True, slots=True)
class Choice:
    """The variant and size that was chosen, with its macro-F1 on the texts that chose, and that of its baseline.

    These are `n_validation` validation texts and `n_seeds` seeds in cross-validation.
    """

    variant: Variant
    n_synthetic: int
    macro_f1: float
    baseline_macro_f1: float
    n_validation: int
    n_seeds: int = 0

    @property
    def texts(self) -> str:
        """'240 validation texts', '30 seeds in cross-validation', or both."""
        seeds = f"{plural(self.n_seeds, 'seed')} in cross-validation" if self.n_seeds else ""
        validation = plural(self.n_validation, "validation text") if self.n_validation or not seeds else ""
        return " and ".join(filter(None, (validation, seeds)))


@dataclass(frozen=True, slots=True)
class Recommended:
    """What validation texts chose, and what that gains in macro-F1 over its baseline on the test texts.

    `gain` is None if the seeds only are recommended.
    """

    choice: Choice
    gain: Interval | None


def answer(
    runs: Sequence[TrainingRun],
    metric: str,
    names: VariantNames,
    recommended: Recommended | None,
    predicted: Predictions | None = None,
) -> str:
    """The answer that the Results page, the presentation and the report share, in a few sentences.

    It is what validation texts recommend, with what is worse on the test texts; without a recommendation it is what
    the test texts say of all variants. `predicted` is what the runs predict for the test texts.
    """
    if recommended is None:
        return headline(runs, metric, names, predicted)
    choice = recommended.choice
    others = [
        difference
        for difference in compare_at_largest(compare_with_baseline(runs, "macro_f1", predicted))
        if not difference.variant.is_ceiling and difference.variant != choice.variant
    ]
    losses = list_losses(others, names, separator="; ").removeprefix("; ")
    losses = f" On the test texts, in points of macro-F1: {losses}." if losses else ""
    return _say_choice(runs, names, recommended) + losses


def _say_choice(runs: Sequence[TrainingRun], names: VariantNames, recommended: Recommended) -> str:
    seeds, choice, gain = name_seeds(runs), recommended.choice, recommended.gain
    if gain is None:
        if len({run.config.kind for run in runs}) > 1:
            seeds += f" ({choice.variant.kind})"
        return f"Recommended: {seeds}. No variant is better on the {choice.texts} by more than one standard error."
    verb, mean = ("gains", gain.mean) if gain.mean > 0 else ("loses", -gain.mean)
    low, high = format_points(gain.low), format_points(gain.high)
    doubt = "" if gain.low > 0 else " It may be chance." if gain.mean > 0 else ""
    if gain.n < 2:
        doubt = " One RNG seed does not rule out chance."
    points = format_points(mean).removeprefix("+")
    return (
        f"Recommended: {name_point(choice.variant, choice.n_synthetic, names)}. On the test texts it {verb} {points} "
        f"points of macro-F1 over {seeds} (95% interval {low} to {high}).{doubt}"
    )


def recommend(predicted: Mapping[Point, Predicted], n_labels: int, *, n_validation: int | None = None) -> Choice | None:
    """Choose among variants of one kind of classifier or several, by their predictions for validation texts and seeds.

    The best macro-F1 wins unless a simpler variant is within one standard error of it; of variants that are equally
    simple, the better one. None without a baseline or with too few texts. `n_validation`
    says how many of the texts are validation texts; by default all.
    """
    candidates = {point: found for point, found in predicted.items() if _is_candidate(point, predicted)}
    scores = {point: macro_f1_of(found, n_labels) for point, found in candidates.items()}
    baselines = [point for point in scores if point[0].is_baseline]
    if not baselines:
        return None
    n_texts = len(candidates[baselines[0]].truth)
    if n_texts < N_ENOUGH:
        return None
    n_validation = n_texts if n_validation is None else min(n_validation, n_texts)
    best = max(scores, key=lambda point: scores[point])
    close = [point for point in scores if point == best or _is_close(point, best, candidates, scores, n_labels)]
    simplest = min(map(simplicity, close))
    variant, n_synthetic = max(
        (point for point in close if simplicity(point) == simplest), key=lambda point: scores[point]
    )
    return Choice(
        variant,
        n_synthetic,
        scores[variant, n_synthetic],
        scores[variant.baseline, 0],
        n_validation,
        n_texts - n_validation,
    )


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
    return list(find_largest(points).items())
