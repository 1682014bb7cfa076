"""The result in words: the headline, the judgement of each variant, and the next step."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from augment.records import Interval, TextFilter, TextUse, TrainingRun, Variant, Writer
from augment.results.comparison import Difference, compare_with_baseline
from augment.results.headlines import describe_variants, explain_intervals, headline, judge
from augment.results.variants import name_variants
from tests.augment.results.made_runs import (
    A_PROBE,
    BASELINE,
    GAINS,
    LOSES,
    NOISE,
    PROBE,
    REAL,
    SEEDS,
    SEEDS_PROBE,
    WRITERS,
    A,
    B,
    C,
    D,
    E,
    make_runs,
    names_of,
    predict_share,
)

CEILING = make_runs(REAL, 50, [0.90, 0.93, 0.91])
EQUAL = make_runs(A, 50, [0.60, 0.62, 0.58])  # +0.10 each
RELABELLED = Variant(TextUse.RELABELLED, (1,))
SOFT = Variant(TextUse.SOFT, (1,))


def say(runs: Sequence[TrainingRun], metric: str = "macro_f1") -> str:
    return headline(runs, metric, names_of(runs))


# Headline ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        (
            [*BASELINE, *GAINS],
            "50 raw texts beat the 30 seeds alone: +12.0 points of macro-F1 (p\u00a00.009, 3 RNG seeds)",
        ),
        (
            [*BASELINE, *GAINS, *LOSES],
            "50 raw texts (A) beat the 30 seeds alone: +12.0 points of macro-F1 (p\u00a00.009, 3 RNG seeds); "
            "worse: B, 50 texts (−10.0)",
        ),
        (
            [*BASELINE, *GAINS, *make_runs(E, 50, [0.60, 0.63, 0.585])],
            "50 raw texts (A) beat the 30 seeds alone: +12.0 points of macro-F1 (p\u00a00.009, 3 RNG seeds); "
            "better too: E, 50 texts (+10.5)",
        ),
        (
            [*BASELINE[:1], *GAINS[:1]],
            "50 raw texts gain 10.0 points of macro-F1 over the 30 seeds alone, "
            "but one RNG seed does not rule out chance",
        ),
        (
            [*BASELINE, *EQUAL],
            "50 raw texts gain 10.0 points of macro-F1 over the 30 seeds alone, "
            "but all 3 RNG seeds gave the same difference, so chance cannot be tested",
        ),
        (
            [*BASELINE[:2], *EQUAL[:2]],
            "50 raw texts gain 10.0 points of macro-F1 over the 30 seeds alone, "
            "but both RNG seeds gave the same difference, so chance cannot be tested",
        ),
        (
            [*BASELINE, *NOISE],
            "No variant beats the 30 seeds alone yet "
            "(best: +0.7 points of macro-F1 with 50 raw texts; p\u00a00.86, 3 RNG seeds)",
        ),
        (
            [*BASELINE, *LOSES],
            "50 raw texts are worse than the 30 seeds alone: −10.0 points of macro-F1 (p\u00a00.003, 3 RNG seeds)",
        ),
        (
            [*BASELINE[:1], *LOSES[:1]],
            "No variant beats the 30 seeds alone yet "
            "(best: −10.0 points of macro-F1 with 50 raw texts; one RNG seed does not rule out chance)",
        ),
        ([], "macro-F1 on the test split, by number of synthetic texts"),
        (BASELINE, "macro-F1 on the test split, by number of synthetic texts"),
        (GAINS, "macro-F1 on the test split, by number of synthetic texts"),
        ([*BASELINE, *CEILING], "macro-F1 on the test split, by number of synthetic texts"),
    ],
)
def test_the_headline_claims_what_the_runs_show(runs: list[TrainingRun], expected: str) -> None:
    assert say(runs) == expected


def test_variants_that_help_or_harm_are_named_with_their_sizes_and_points() -> None:
    helping = [run for variant in (D, E) for run in make_runs(variant, 50, [0.60, 0.63, 0.585])]
    harming = make_runs(C, 20, [0.30, 0.31, 0.29])
    sharper = make_runs(A, 50, [0.600, 0.621, 0.581])
    answer = say([*BASELINE, *sharper, *helping, *LOSES, *harming])
    assert answer.endswith(
        "; better too: E, 50 texts (+10.5), A, 50 texts (+10.1); worse: C, 20 texts (−20.0), B, 50 texts (−10.0)"
    )


def test_losses_of_both_kinds_of_classifier_are_in_the_headline() -> None:
    probes = [*make_runs(SEEDS_PROBE, 0, [0.60, 0.61, 0.62]), *make_runs(A_PROBE, 200, [0.33, 0.345, 0.345])]
    tuned = make_runs(A, 200, [0.40, 0.425, 0.385])
    assert say([*BASELINE, *tuned, *probes, *make_runs(RELABELLED, 200, [0.52, 0.50, 0.49])]) == (
        "No variant beats the 30 seeds alone yet (best: +0.3 points of macro-F1 with 200 relabelled texts "
        "(fine-tuned); p\u00a00.81, 3 RNG seeds); worse: raw · linear probe, 200 texts (−27.0), raw, 200 texts (−9.7)"
    )


def test_a_loss_that_is_not_significant_is_named_unless_it_is_below_a_point() -> None:
    single, shaky, slight = make_runs(B, 50, [0.40]), make_runs(C, 20, [0.55, 0.30, 0.50]), make_runs(D, 50, [0.495])
    assert say([*BASELINE, *GAINS, *single, *shaky, *slight]).endswith(
        "; lower, perhaps by chance: B, 50 texts (−10.0), C, 20 texts (−5.0)"
    )


def test_a_verdict_in_the_headline_comes_from_predictions_where_there_are_some() -> None:
    runs = [*make_runs(SEEDS, 0, [0.52, 0.52]), *make_runs(A, 50, [0.26, 0.26])]
    predicted = {(SEEDS, 0): predict_share(1421, 0.52, 0.52), (A, 50): predict_share(1421, 0.26, 0.26)}
    assert headline(runs, "accuracy", names_of(runs), predicted) == (
        "50 raw texts are worse than the 30 seeds alone: −26.0 points of accuracy "
        "(p\u00a0<\u00a00.001, 1,421 test texts, 2 RNG seeds)"
    )
    (sentence,) = describe_variants(runs, "accuracy", names_of(runs), predicted)
    assert sentence.startswith("raw, 50 texts: worse than seeds only, −26.0 points of accuracy (95% interval −28.")


def test_one_rng_seed_has_an_interval_over_test_texts_and_no_verdict() -> None:
    runs = [*make_runs(SEEDS, 0, [0.52]), *make_runs(A, 50, [0.26])]
    predicted = {(SEEDS, 0): predict_share(1421, 0.52), (A, 50): predict_share(1421, 0.26)}
    (sentence,) = describe_variants(runs, "accuracy", names_of(runs), predicted)
    assert sentence.startswith("raw, 50 texts: not tested against seeds only, −26.0 points of accuracy (95% interval ")
    assert sentence.endswith(" over 1,421 test texts; one RNG seed does not rule out chance).")


def test_how_intervals_are_made_is_explained_as_they_were() -> None:
    runs = [*BASELINE, *GAINS]
    found = compare_with_baseline(runs, "macro_f1")
    assert explain_intervals(found).startswith("These runs stored no predictions, so intervals and p are from a paired")
    predicted = {(SEEDS, 0): predict_share(90, 0.5, 0.5, 0.5), (A, 50): predict_share(90, 0.6, 0.6, 0.6)}
    by_texts = compare_with_baseline(runs, "macro_f1", predicted)
    assert explain_intervals(by_texts).startswith("Intervals and p are from a bootstrap")
    assert "stored no predictions" not in explain_intervals(by_texts)
    assert "Where runs stored no predictions, intervals" in explain_intervals([*found, *by_texts])


def test_many_losses_are_named_as_far_as_there_is_room() -> None:
    harming = [run for variant in (B, C, D, E) for run in make_runs(variant, 50, [0.40, 0.41, 0.39])]
    assert say([*BASELINE, *GAINS, *harming]).endswith("D, 50 texts (−10.0) and 1 more")


def test_the_headline_never_names_the_ceiling_or_the_best_size_as_the_winner() -> None:
    best_at_ten = make_runs(A, 10, [0.80, 0.84, 0.83])
    assert say([*BASELINE, *GAINS, *CEILING, *best_at_ten]).startswith("50 raw texts beat the 30 seeds alone: +12.0")


def test_the_ceiling_still_counts_as_a_comparison() -> None:
    assert "(p\u00a00.009, 3 RNG seeds)" in say([*BASELINE, *GAINS])
    assert "(p\u00a00.009, 3 RNG seeds)" in say(
        [*BASELINE, *GAINS, *CEILING]
    )  # the ceiling has the smaller p, so A is adjusted last
    wide = make_runs(REAL, 50, [0.90, 0.70, 0.91])
    assert "(p\u00a00.018, 3 RNG seeds)" in say([*BASELINE, *GAINS, *wide])


def test_one_lucky_run_does_not_replace_a_significant_variant_in_the_headline() -> None:
    lucky = make_runs(D, 50, [0.9])
    assert say([*BASELINE, *GAINS, *lucky]).startswith("50 raw texts (A) beat the 30 seeds alone: +12.0 points")


def test_many_comparisons_can_make_a_gain_insignificant() -> None:
    weak = make_runs(A, 50, [0.56, 0.60, 0.57])  # p is 0.013 as the only comparison
    others = [
        run for i, variant in enumerate((B, C, D, E)) for run in make_runs(variant, 50, [0.52, 0.50, 0.47 + i / 100])
    ]
    assert "beat the 30 seeds alone: +7.7 points of macro-F1" in say([*BASELINE, *weak])
    assert say([*BASELINE, *weak, *others]).startswith("No variant beats the 30 seeds alone yet (best: +7.7 points")


def test_accuracy_has_its_own_answer() -> None:
    runs = [*BASELINE, *(replace(run, last=replace(run.last, accuracy=0.1)) for run in GAINS if run.last)]
    assert say(runs).startswith("50 raw texts beat")
    assert say(runs, "accuracy").startswith("50 raw texts are worse than the 30 seeds alone: −50.0 points of accuracy")


def test_the_headline_describes_texts_only_where_variants_differ() -> None:
    filtered = Variant(TextUse.RAW, (1,), TextFilter(agrees=True, is_balanced=True))

    def best(*variants: Variant) -> str:
        runs = [*BASELINE, *make_runs(SEEDS_PROBE, 0, [0.50, 0.52, 0.48])]
        for i, variant in enumerate(variants):  # the first gains most
            runs += make_runs(variant, 50, [0.60 - i / 20, 0.64 - i / 20, 0.62 - i / 20])
        return say(runs).partition(" beat ")[0]

    assert best(RELABELLED, A) == "50 relabelled texts"
    assert best(SOFT, A) == "50 texts (soft labels)"
    assert best(filtered, A) == "50 raw texts (agreed, balanced)"
    assert best(A_PROBE, A) == "50 raw texts (linear probe)"
    assert best(replace(SOFT, kind=PROBE), A) == "50 texts (soft labels, linear probe)"
    assert best(RELABELLED, B) == "50 relabelled texts (A)"
    assert best(SOFT, B) == "50 texts (A, soft labels)"
    assert best(replace(filtered, kind=PROBE), B) == "50 raw texts (A · agreed · balanced · linear probe)"


def test_the_headline_is_correct_for_one_text_and_for_several_seed_sets() -> None:
    single = make_runs(A, 1, [0.60, 0.64, 0.62])
    assert say([*BASELINE, *single]).startswith("1 raw text beats the 30 seeds alone")
    other_set = [replace(run, n_train=60, config=replace(run.config, rng_seed=9)) for run in BASELINE[:1]]
    assert say([*BASELINE, *GAINS, *other_set]).startswith("50 raw texts beat the seeds alone")


def test_the_headline_distinguishes_experiments_with_the_same_variant() -> None:
    first, second = (replace(A, experiment_id=number) for number in (3, 8))
    runs = [*BASELINE, *make_runs(first, 50, [0.55, 0.46, 0.51]), *make_runs(second, 50, [0.60, 0.64, 0.62])]
    assert say(runs).startswith("50 raw texts (experiment 8) beat the 30 seeds alone: +12.0")


# Each variant --------------------------------------------------------------------------------------------------------


def test_each_variant_is_described_with_its_evidence_and_the_largest_gain_comes_first() -> None:
    runs = [*BASELINE, *LOSES, *GAINS, *NOISE, *make_runs(D, 50, [0.51])]
    assert describe_variants(runs, "macro_f1", names_of(runs)) == [
        "A, 50 texts: better than seeds only, +12.0 points of macro-F1 "
        "(95% interval +7.0 to +17.0, adjusted p\u00a00.018, 3 RNG seeds).",
        "D, 50 texts: not tested against seeds only, +1.0 points of macro-F1 (one RNG seed does not rule out chance).",
        "C, 50 texts: not significantly different from seeds only, +0.7 points of macro-F1 "
        "(95% interval −13.9 to +15.2, adjusted p\u00a00.86, 3 RNG seeds).",
        "B, 50 texts: worse than seeds only, −10.0 points of macro-F1 "
        "(95% interval −12.5 to −7.5, adjusted p\u00a00.010, 3 RNG seeds).",
    ]


def test_the_description_of_a_probe_compares_it_with_the_probe_on_seeds_only() -> None:
    probes = [
        *make_runs(SEEDS_PROBE, 0, [0.60, 0.61, 0.62]),
        *make_runs(A_PROBE, 50, [0.70, 0.72, 0.71]),
    ]
    runs = [*BASELINE, *probes, *EQUAL]
    said = "\n".join(describe_variants(runs, "macro_f1", names_of(runs)))
    assert "raw · linear probe, 50 texts: better than seeds only · linear probe, +10.0 points" in said
    assert "raw, 50 texts: not tested against seeds only, +10.0 points" in said


def test_a_judgement_gives_direction_size_and_evidence() -> None:
    difference = Difference(A, 50, Interval(0.092, 0.051, 0.133, 5), 0.001, 0.003)
    assert judge(difference, "raw", "macro_f1") == (
        "better than raw, +9.2 points of macro-F1 (95% interval +5.1 to +13.3, adjusted p\u00a00.003, 5 RNG seeds)"
    )
    assert judge(replace(difference, p_adjusted=0.05), "raw", "accuracy") == (
        "not significantly different from raw, +9.2 points of accuracy "
        "(95% interval +5.1 to +13.3, adjusted p\u00a00.050, 5 RNG seeds)"
    )


def test_names_do_not_affect_the_headline() -> None:
    runs = [*BASELINE, *GAINS]
    for name in ("real texts", "seeds only", "agreed", "x · linear probe"):
        answer = headline(runs, "macro_f1", name_variants([A], {**WRITERS, 1: Writer(name)}))
        assert answer == say(runs)
