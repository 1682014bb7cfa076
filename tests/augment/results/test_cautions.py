"""What is said beside the answer: weak test splits, metrics that disagree, few RNG seeds, a ceiling that is none."""

from dataclasses import replace

import pytest

from augment.records import MetricPoint, TrainingRun
from augment.results.bootstrap import Predicted
from augment.results.cautions import advise_rng_seeds, check_test_split, compare_metrics, list_notes
from augment.results.comparison import Point
from augment.results.headlines import find_candidates
from tests.augment.results.made_runs import BASELINE, GAINS, REAL, SEEDS, A, B, make_runs, names_of, predict_share

# The test split ------------------------------------------------------------------------------------------------------


def test_a_large_test_split_with_every_label_needs_no_warning() -> None:
    assert check_test_split({"joy": 40, "anger": 10, "surprise": 5}) == []
    assert check_test_split({}) == []  # nothing is measured


def test_few_test_texts_are_a_warning_that_says_what_to_do() -> None:
    (warning,) = check_test_split({"joy": 24, "anger": 6})
    assert warning == (
        "The test split has only 30 texts, so one text more or less right changes accuracy by 3.3 points. On Seeds, "
        "import the data again with at least 50 test texts."
    )
    assert "one text more or less right changes accuracy by 12.5 points" in check_test_split({"joy": 5, "anger": 3})[0]


def test_test_texts_of_one_label_are_a_warning() -> None:
    small, single = check_test_split({"joy": 20, "anger": 0, "surprise": 0})
    assert small.startswith("The test split has only 20 texts")
    assert single.startswith(
        "All 20 test texts have the label joy, so no figure says whether the classifier can tell labels apart."
    )
    assert single.endswith("On Seeds, import the data again with test texts of every label.")


def test_missing_and_rare_labels_are_warnings() -> None:
    missing, rare = check_test_split({"joy": 80, "anger": 0, "surprise": 2})
    assert missing.startswith("No test text has the label anger, which macro-F1 counts as 0.")
    assert rare.startswith("Fewer than 5 test texts have the label surprise (2),")


# Metrics that disagree -----------------------------------------------------------------------------------------------


def with_accuracy(runs: list[TrainingRun], *values: float) -> list[TrainingRun]:
    return [
        replace(run, last=MetricPoint(125, 0.1, 1.0, value, run.last.macro_f1))
        for run, value in zip(runs, values, strict=True)
        if run.last
    ]


def test_a_gain_in_accuracy_and_a_loss_in_macro_f1_are_stated_together() -> None:
    base = with_accuracy(BASELINE, 0.5, 0.52, 0.48)
    mixed = with_accuracy(make_runs(A, 50, [0.461, 0.481, 0.441]), 0.668, 0.688, 0.648)
    assert compare_metrics([*base, *mixed], names_of(mixed)) == (
        "The two metrics disagree on raw, 50 texts: −3.9 points of macro-F1 against +16.8 points of accuracy, so it is "
        "better on common labels and worse on rare ones."
    )
    other = with_accuracy(make_runs(B, 50, [0.60, 0.62, 0.58]), 0.47, 0.49, 0.45)
    sentence = compare_metrics([*base, *mixed, *other], names_of([*mixed, *other]))
    assert "on A, 50 texts (1 other variant likewise): −3.9 points" in sentence
    assert compare_metrics([*base, *other], names_of(other)).endswith("better on rare labels and worse on common ones.")


def test_metrics_that_agree_or_hardly_differ_are_not_mentioned() -> None:
    assert compare_metrics([*BASELINE, *GAINS], names_of(GAINS)) == ""
    slight = with_accuracy(make_runs(A, 50, [0.495, 0.515, 0.475]), 0.7, 0.72, 0.68)
    assert compare_metrics([*BASELINE, *slight], names_of(slight)) == ""


# The ceiling ---------------------------------------------------------------------------------------------------------


def test_real_texts_below_the_seeds_are_called_no_upper_limit() -> None:
    real = make_runs(REAL, 200, [0.47, 0.49, 0.45])
    assert list_notes([*BASELINE, *real], "macro_f1", names_of(real)) == [
        "Real texts, 200 texts: 3.0 points of macro-F1 below the 30 seeds alone, so real texts are no upper limit here."
    ]
    assert list_notes([*BASELINE, *make_runs(REAL, 200, [0.9, 0.9, 0.91])], "macro_f1", names_of(real)) == []


# RNG seeds -----------------------------------------------------------------------------------------------------------


def advise(runs: list[TrainingRun], predicted: dict[Point, Predicted] | None = None) -> str:
    return advise_rng_seeds(find_candidates(runs, "macro_f1", predicted), names_of(runs))


def test_with_two_rng_seeds_the_width_with_five_is_estimated() -> None:
    # Gains 0.10 and 0.16: sd 0.0424; with 5 RNG seeds 2.776 · 0.0424 / √5 = 0.0527
    runs = [*make_runs(SEEDS, 0, [0.50, 0.50]), *make_runs(A, 50, [0.60, 0.66])]
    assert advise(runs) == "raw, 50 texts: 3 more RNG seeds would narrow its 95% interval to about ±5 points."


def test_rng_seeds_that_agree_leave_the_test_texts_to_narrow_the_interval() -> None:
    runs = [*make_runs(SEEDS, 0, [0.50, 0.50]), *make_runs(A, 50, [0.60, 0.60])]
    predicted = {(SEEDS, 0): predict_share(300, 0.5, 0.5), (A, 50): predict_share(300, 0.6, 0.6)}
    assert advise(runs, predicted).startswith(
        "raw, 50 texts: more RNG seeds would hardly narrow its interval of about ±"
    )
    assert advise(runs) == ""  # without predictions nothing is known


def test_with_one_rng_seed_the_spread_of_other_variants_is_used() -> None:
    base = make_runs(SEEDS, 0, [0.50, 0.50])
    single, double = make_runs(A, 50, [0.66]), make_runs(B, 50, [0.60, 0.66])
    assert advise([*base, *single]) == "raw, 50 texts: 4 more RNG seeds would show how much training varies."
    assert advise([*base, *make_runs(A, 50, [0.9]), *double]) == (
        "A, 50 texts: 4 more RNG seeds would narrow its 95% interval to about ±5 points."
    )
    predicted = {(SEEDS, 0): predict_share(300, 0.5), (A, 50): predict_share(300, 0.66)}
    assert advise([*base[:1], *single], predicted).endswith("; the 300 test texts alone leave about ±4 points.")


@pytest.mark.parametrize("n", [3, 5])
def test_three_rng_seeds_or_more_need_no_advice(n: int) -> None:
    assert advise([*make_runs(SEEDS, 0, [0.5] * n), *make_runs(A, 50, [0.6 + i / 50 for i in range(n)])]) == ""
