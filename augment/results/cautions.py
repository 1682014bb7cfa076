"""What a reader must know beside the answer: a weak test split, metrics that disagree, RNG seeds that are too few, and
a ceiling that is none. Pure; sentences that the Results page, the presentation and the report share.
"""

import math
from collections.abc import Mapping, Sequence

from augment.records import TrainingRun
from augment.results.comparison import Difference, Predictions, compare_at_largest, compare_with_baseline
from augment.results.headlines import CLEAR, find_candidates, name_point, name_seeds, pick_best
from augment.results.variants import VariantNames
from augment.wording import METRICS, format_points, plural

N_TEST = 50  # test texts from which on a figure is worth reading
N_LABEL_TEST = 5  # the same for the texts of one label
N_CERTAIN = 5  # RNG seeds from which on an interval is worth reading
Z, T_OF_5 = 1.96, 2.776  # quantiles for 95%: normal, and Student's t with 4 degrees of freedom
IMPORT_AGAIN = "On Seeds, import the data again with"


def check_test_split(test_counts: Mapping[str, int]) -> list[str]:
    """What is wrong with the test split and what to do, a sentence or two each; `test_counts` are texts per label."""
    n = sum(test_counts.values())
    if not n:
        return []
    warnings = []
    if n < N_TEST:
        warnings.append(
            f"The test split has only {plural(n, 'text')}, so one text more or less right changes accuracy by "
            f"{100 / n:.1f} points. {IMPORT_AGAIN} at least {N_TEST} test texts."
        )
    missing = [label for label, count in test_counts.items() if not count]
    found = [label for label, count in test_counts.items() if count]
    rare = [label for label in found if test_counts[label] < N_LABEL_TEST]
    if len(found) == 1 and missing:
        all_texts = "The only test text has" if n == 1 else f"All {n:,} test texts have"
        warnings.append(
            f"{all_texts} the label {found[0]}, so no figure says whether the classifier can tell labels apart. "
            f"{IMPORT_AGAIN} test texts of every label."
        )
    elif missing:
        warnings.append(
            f"No test text has the label {' or '.join(missing)}, which macro-F1 counts as 0. {IMPORT_AGAIN} test texts "
            "of every label."
        )
    if rare and len(found) > 1:
        counted = ", ".join(f"{label} ({test_counts[label]})" for label in rare)
        warnings.append(
            f"Fewer than {N_LABEL_TEST} test texts have the label {counted}, and macro-F1 depends on them as much as "
            f"on all texts of another label. {IMPORT_AGAIN} more test texts of such labels."
        )
    return warnings


def list_notes(
    runs: Sequence[TrainingRun], metric: str, names: VariantNames, predicted: Predictions | None = None
) -> list[str]:
    """Sentences that belong beside the answer; `predicted` is what the runs predict for the test texts."""
    compared = compare_at_largest(compare_with_baseline(runs, metric, predicted))
    notes = [
        compare_metrics(runs, names, predicted),
        *(_place_ceiling(difference, runs, metric, names) for difference in compared if difference.variant.is_ceiling),
        advise_rng_seeds(find_candidates(runs, metric, predicted), names),
    ]
    return [note for note in notes if note]


def compare_metrics(runs: Sequence[TrainingRun], names: VariantNames, predicted: Predictions | None = None) -> str:
    """A sentence where macro-F1 and accuracy disagree on whether a variant gains: of the one that differs most."""
    by_metric = [find_candidates(runs, metric, predicted) for metric in ("macro_f1", "accuracy")]
    disagreeing = [
        (f1, accuracy)
        for f1, accuracy in zip(*by_metric, strict=True)
        if f1.interval.mean * accuracy.interval.mean < 0
        and min(abs(f1.interval.mean), abs(accuracy.interval.mean)) >= CLEAR
    ]
    if not disagreeing:
        return ""
    f1, accuracy = max(disagreeing, key=lambda pair: abs(pair[0].interval.mean - pair[1].interval.mean))
    better, worse = ("common", "rare") if accuracy.interval.mean > 0 else ("rare", "common")
    rest = len(disagreeing) - 1
    others = f" ({plural(rest, 'other variant')} likewise)" if rest else ""
    return (
        f"The two metrics disagree on {name_point(f1.variant, f1.n_synthetic, names)}{others}: "
        f"{format_points(f1.interval.mean)} points of macro-F1 against {format_points(accuracy.interval.mean)} points "
        f"of accuracy, so it is better on {better} labels and worse on {worse} ones."
    )


def _place_ceiling(difference: Difference, runs: Sequence[TrainingRun], metric: str, names: VariantNames) -> str:
    """That real texts are below the seeds only, where they are."""
    if difference.interval.mean >= 0:
        return ""
    points = format_points(-difference.interval.mean).removeprefix("+")
    return (
        f"{name_point(difference.variant, difference.n_synthetic, names).capitalize()}: {points} points of "
        f"{METRICS[metric]} below {name_seeds(runs)}, so real texts are no upper limit here."
    )


def advise_rng_seeds(compared: Sequence[Difference], names: VariantNames) -> str:
    """With one or two RNG seeds, how many more would narrow the best variant's interval to about which width."""
    if not compared:
        return ""
    best = pick_best(compared)
    n = best.interval.n
    if n > 2:
        return ""
    name, more = name_point(best.variant, best.n_synthetic, names), N_CERTAIN - n
    seed_sd, has_spread = best.seed_sd, n == 2
    if n == 1:
        known = [difference.seed_sd for difference in compared if difference.interval.n > 1]
        has_spread = bool(known)
        seed_sd = math.sqrt(sum(sd**2 for sd in known) / len(known)) if known else 0.0
    now = (best.interval.high - best.interval.low) / 2
    if not has_spread:
        texts = f"; the {plural(best.n_texts, 'test text')} alone leave about {_width(now)}" if best.n_texts else ""
        return f"{name}: {plural(more, 'more RNG seed')} would show how much training varies{texts}."
    if not best.n_texts and not seed_sd:
        return ""  # the answer says already that nothing can be tested
    then = Z * math.hypot(best.text_error, seed_sd / math.sqrt(N_CERTAIN))
    if not best.n_texts:
        then = T_OF_5 * seed_sd / math.sqrt(N_CERTAIN)
    if n == 2 and then > 0.9 * now:
        return f"{name}: more RNG seeds would hardly narrow its interval of about {_width(now)}; more test texts would."
    return f"{name}: {plural(more, 'more RNG seed')} would narrow its 95% interval to about {_width(then)}."


def _width(half: float) -> str:
    """'±4 points', '±0.4 points'."""
    points = 100 * half
    return f"±{points:.0f} points" if points >= 1 else f"±{points:.1f} points"
