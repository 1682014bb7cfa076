"""The answer in words: whether a variant beats the seeds only, and how sure that is. Pure.

What these sentences may claim is in `augment.results`; everything that shows a claim gets it from here.
"""

from collections.abc import Sequence

from augment.records import TextUse, TrainingRun, Variant
from augment.results.comparison import Difference, Predictions, compare_at_largest, compare_with_baseline
from augment.results.variants import VariantNames, name_filter
from augment.wording import METRICS, format_points, name_p, plural

CLEAR = 0.01  # a difference of less than a point is not worth a mention
N_NAMED = 3  # variants that a headline names besides the best; the others are counted


def headline(
    runs: Sequence[TrainingRun], metric: str, names: VariantNames, predicted: Predictions | None = None
) -> str:
    """The learning curve's answer in a sentence, each variant at its largest size; p is adjusted by Holm's method.

    It names the best variant, every other one that is better, and every one that loses, with sizes and points. Real
    texts are the ceiling, not a variant that could win; they count as a comparison all the same. `predicted` is what
    the runs predict for the test texts.
    """
    compared = find_candidates(runs, metric, predicted)
    if not compared:
        return f"{METRICS[metric]} on the test split, by number of synthetic texts"
    best, seeds = pick_best(compared), name_seeds(runs)
    what, is_one = _describe(best, names, compared), best.n_synthetic == 1
    points = f"{format_points(best.interval.mean)} points of {METRICS[metric]}"
    if best.is_better:
        answer = f"{what} {'beats' if is_one else 'beat'} {seeds}: {points} ({_evidence(best)})"
    elif best.is_worse:
        answer = f"{what} {'is' if is_one else 'are'} worse than {seeds}: {points} ({_evidence(best)})"
    elif best.p is None and best.interval.mean > 0:
        gain = "gains" if is_one else "gain"
        answer = f"{what} {gain} {points.removeprefix('+')} over {seeds}, but {_doubt(best)}"
    else:
        answer = f"No variant beats {seeds} yet (best: {points} with {what}; {_evidence(best)})"
    others = [difference for difference in compared if difference is not best]
    better = sorted(
        (difference for difference in others if difference.is_better), key=lambda difference: -difference.interval.mean
    )
    return answer + _list("; better too: ", better, names) + list_losses(others, names)


def list_losses(compared: Sequence[Difference], names: VariantNames, *, separator: str = "; ") -> str:
    """'; worse: A, 50 texts (−9.7); lower, perhaps by chance: B, 20 texts (−2.0)', greatest loss first, or nothing."""
    losses = sorted(compared, key=lambda difference: difference.interval.mean)
    worse = [difference for difference in losses if difference.is_worse]
    doubtful = [difference for difference in losses if not difference.is_worse and difference.interval.mean <= -CLEAR]
    return _list(f"{separator}worse: ", worse, names) + _list(f"{separator}lower, perhaps by chance: ", doubtful, names)


def _list(first: str, differences: Sequence[Difference], names: VariantNames) -> str:
    """'; worse: A, 50 texts (−9.7), B, 20 texts (−2.0) and 2 more', or nothing."""
    if not differences:
        return ""
    named = [
        f"{name_point(difference.variant, difference.n_synthetic, names)} ({format_points(difference.interval.mean)})"
        for difference in differences[:N_NAMED]
    ]
    rest = f" and {len(differences) - N_NAMED} more" if len(differences) > N_NAMED else ""
    return f"{first}{', '.join(named)}{rest}"


def describe_variants(
    runs: Sequence[TrainingRun], metric: str, names: VariantNames, predicted: Predictions | None = None
) -> list[str]:
    """A sentence for each variant at its largest size, the greatest gain first; readable without the chart."""
    compared = compare_at_largest(compare_with_baseline(runs, metric, predicted))
    return [
        f"{name_point(difference.variant, difference.n_synthetic, names)}: "
        f"{judge(difference, names[difference.variant.baseline], metric)}."
        for difference in sorted(compared, key=lambda difference: difference.interval.mean, reverse=True)
    ]


def judge(difference: Difference, baseline: str, metric: str) -> str:
    """'better than raw, +9.2 points of macro-F1 (95% interval +5.1 to +13.3, adjusted p 0.003, 5 RNG seeds)'."""
    verdict = f"not significantly different from {baseline}"
    if difference.p is None:
        verdict = f"not tested against {baseline}"
    elif difference.is_significant:
        verdict = f"{'better' if difference.interval.mean > 0 else 'worse'} than {baseline}"
    low, mean, high = (format_points(getattr(difference.interval, name)) for name in ("low", "mean", "high"))
    interval = f"95% interval {low} to {high}" if difference.has_interval else ""
    if difference.p is None:
        over = f" over {plural(difference.n_texts, 'test text')}" if difference.n_texts else ""
        interval = f"{interval}{over}; " if difference.n_texts else ""
        return f"{verdict}, {mean} points of {METRICS[metric]} ({interval}{_doubt(difference)})"
    return f"{verdict}, {mean} points of {METRICS[metric]} ({interval}, adjusted {_evidence(difference)})"


def explain_intervals(differences: Sequence[Difference]) -> str:
    """What the intervals and p of differences cover, in a few sentences."""
    parts = []
    if any(difference.n_texts for difference in differences):
        parts.append(
            "Intervals and p are from a bootstrap that draws test texts and RNG seeds again; variant and baseline are "
            "compared on the same test texts and RNG seeds. With one RNG seed the interval covers test texts only."
        )
    if any(not difference.n_texts for difference in differences):
        which = "Where runs stored no predictions" if parts else "These runs stored no predictions"
        parts.append(
            f"{which}{',' if parts else ', so'} intervals and p are from a paired t-test over RNG seeds, and do not "
            "cover which texts are in the test split."
        )
    parts.append(
        "p is given for each variant at its largest size and adjusted over these variants (Holm); intervals are not "
        "adjusted. Where a size takes all texts of a variant, every RNG seed trains on the same ones, so which texts "
        "are drawn is not covered."
    )
    return " ".join(parts)


def name_point(variant: Variant, n_synthetic: int, names: VariantNames) -> str:
    """'relabelled, 200 texts', or 'seeds only'."""
    return f"{names[variant]}, {plural(n_synthetic, 'text')}" if variant.has_texts else names[variant]


def find_candidates(runs: Sequence[TrainingRun], metric: str, predicted: Predictions | None = None) -> list[Difference]:
    """Each variant that could win, at its largest size: all but the ceiling."""
    compared = compare_at_largest(compare_with_baseline(runs, metric, predicted))
    return [difference for difference in compared if not difference.variant.is_ceiling]


def pick_best(compared: Sequence[Difference]) -> Difference:
    """The greatest gain among those that are significant, else among all."""
    better = [difference for difference in compared if difference.is_better]
    return max(better or compared, key=lambda difference: difference.interval.mean)


def name_seeds(runs: Sequence[TrainingRun]) -> str:
    """'the 30 seeds alone'; without their number where experiments have different seed sets."""
    numbers = {run.n_train for run in runs if run.variant.is_baseline}
    return f"the {plural(numbers.pop(), 'seed')} alone" if len(numbers) == 1 else "the seeds alone"


def _describe(difference: Difference, names: VariantNames, compared: Sequence[Difference]) -> str:
    """'200 relabelled texts', and, where variants differ in that, whose texts, which classifier and experiment."""
    variant = difference.variant
    if not variant.has_texts:
        return names[variant]
    use = f"{variant.use.value} " if variant.use not in (None, TextUse.SOFT) else ""
    words = [TextUse.SOFT.value] if variant.use is TextUse.SOFT else []
    texts = f"{difference.n_synthetic:,} {use}text{'' if difference.n_synthetic == 1 else 's'}"
    if len({candidate.variant.generation_run_ids for candidate in compared}) > 1:
        words.insert(0, names.sources[variant])
    else:
        words += name_filter(variant.filter)
        words += [variant.kind.value] if len({candidate.variant.kind for candidate in compared}) > 1 else []
    words += [f"experiment {variant.experiment_id}"] if variant.experiment_id is not None else []
    return f"{texts} ({', '.join(words)})" if words else texts


def _evidence(difference: Difference) -> str:
    """'p 0.003, 1,421 test texts, 5 RNG seeds', or why there is no p."""
    p = difference.p if difference.p_adjusted is None else difference.p_adjusted
    if p is None:
        return _doubt(difference)
    texts = f"{plural(difference.n_texts, 'test text')}, " if difference.n_texts else ""
    return f"{name_p(p)}, {texts}{difference.interval.n} RNG seeds"


def _doubt(difference: Difference) -> str:
    if difference.interval.n < 2:
        return "one RNG seed does not rule out chance"
    seeds = "both" if difference.interval.n == 2 else f"all {difference.interval.n}"
    return f"{seeds} RNG seeds gave the same difference, so chance cannot be tested"
