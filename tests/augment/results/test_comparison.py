"""The comparison of variants, against hand-worked numbers and scikit-learn."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from augment.records import (
    Interval,
    MetricPoint,
    StoredPrediction,
)
from augment.results.charts.steps import best_and_last, smooth
from augment.results.comparison import (
    Difference,
    VariantPoint,
    adjust_by_holm,
    aggregate_runs,
    compare_at_largest,
    compare_with_baseline,
    differences_table,
    list_points,
    points_table,
)
from augment.results.predictions import class_figures, confusion, wrong_texts
from augment.results.variants import name_variants
from tests.augment.results.made_runs import (
    A_PROBE,
    BASELINE,
    GAINS,
    LABELS,
    LOSES,
    NOISE,
    REAL,
    SEEDS,
    SEEDS_PROBE,
    WRITERS,
    A,
    B,
    D,
    make_run,
    make_runs,
    predict_share,
)

# Variants against their baseline -------------------------------------------------------------------------------------


def test_runs_are_averaged_by_variant_and_size_over_their_rng_seeds() -> None:
    points = aggregate_runs([*GAINS, *BASELINE, *make_runs(A, 10, [0.7])], "macro_f1")
    assert [(point.variant, point.n_synthetic, point.interval.n) for point in points] == [
        (A, 10, 1),
        (A, 50, 3),
        (SEEDS, 0, 3),
    ]
    assert points[1].interval.mean == pytest.approx(0.62)
    assert points[1].interval.high - 0.62 == pytest.approx(4.3027 * 0.02 / 3**0.5, abs=1e-5)
    assert aggregate_runs(GAINS, "accuracy")[0].interval.mean == pytest.approx(0.72)


def test_a_baseline_trained_by_two_experiments_counts_once_per_seed() -> None:
    assert aggregate_runs(BASELINE * 2, "macro_f1") == aggregate_runs(BASELINE, "macro_f1")
    assert compare_with_baseline([*BASELINE * 2, *GAINS], "macro_f1") == compare_with_baseline(
        [*BASELINE, *GAINS], "macro_f1"
    )


def test_a_run_that_is_not_measured_yet_is_left_out() -> None:
    waiting = make_run(A, 50, None, rng_seed=3)
    assert aggregate_runs([*GAINS, waiting], "macro_f1")[0].interval.n == 3


def test_the_difference_is_paired_by_rng_seed() -> None:
    more = make_runs(A, 50, [0.99], first=7)  # no baseline has RNG seed 7
    (difference,) = compare_with_baseline([*BASELINE, *reversed(GAINS), *more], "macro_f1")
    assert (difference.variant, difference.n_synthetic, difference.interval.n) == (A, 50, 3)
    assert difference.interval.mean == pytest.approx(0.12)
    # sd 0.02, standard error 0.011547, t(0.975, 2) = 4.3027
    assert difference.interval.low == pytest.approx(0.12 - 0.04968, abs=1e-5)
    # t = 10.3923; with two degrees of freedom p = 1 - t / sqrt(2 + t²)
    assert difference.p == pytest.approx(1 - 10.3923 / 110**0.5, abs=1e-6)
    assert difference.p_adjusted == difference.p


def test_each_kind_of_classifier_has_its_own_baseline() -> None:
    probes = [
        *make_runs(SEEDS_PROBE, 0, [0.60, 0.61, 0.62]),
        *make_runs(A_PROBE, 50, [0.61, 0.63, 0.65]),
    ]
    fine_tuned, probe = compare_with_baseline([*BASELINE, *GAINS, *probes], "macro_f1")
    assert fine_tuned.interval.mean == pytest.approx(0.12)
    assert probe.interval.mean == pytest.approx(0.02)
    assert compare_with_baseline([*GAINS, *probes[:3]], "macro_f1") == []


@pytest.mark.parametrize("values", [[0.60], [0.60, 0.62, 0.58]])
def test_a_single_pair_or_constant_differences_have_no_p(values: list[float]) -> None:
    (difference,) = compare_with_baseline([*BASELINE, *make_runs(A, 50, values)], "macro_f1")
    assert difference.interval.mean == pytest.approx(0.1)
    assert difference.p is difference.p_adjusted is None
    assert not difference.is_significant


def test_holm_adjustment_worked_by_hand() -> None:
    # sorted: 0.005 · 4 = 0.02; 0.01 · 3 = 0.03; 0.03 · 2 = 0.06; 0.04 · 1 = 0.04, but never below the one before
    assert adjust_by_holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert adjust_by_holm([0.6, 0.7]) == [1.0, 1.0]
    assert adjust_by_holm([]) == []


def test_all_differences_with_a_p_are_adjusted_together() -> None:
    single = make_runs(D, 50, [0.9])
    differences = compare_with_baseline([*BASELINE, *GAINS, *LOSES, *NOISE, *single], "macro_f1")
    p_values = [difference.p for difference in differences if difference.p is not None]
    assert [difference.variant for difference in differences if difference.p is None] == [D]
    assert [difference.p_adjusted for difference in differences if difference.p is not None] == adjust_by_holm(p_values)
    adjusted = differences[0].p_adjusted
    assert adjusted is not None
    assert p_values[0] * 3 > adjusted >= p_values[0] * 2  # B's p is smaller, C's larger


def test_at_the_largest_size_each_variant_counts_once_and_p_values_are_adjusted_again() -> None:
    best_at_ten = make_runs(A, 10, [0.80, 0.84, 0.83])
    differences = compare_with_baseline([*BASELINE, *best_at_ten, *GAINS, *LOSES], "macro_f1")
    largest = compare_at_largest(differences)
    assert [(difference.variant, difference.n_synthetic) for difference in largest] == [(A, 50), (B, 50)]
    p = largest[1].p
    assert p is not None
    assert p == differences[2].p
    assert largest[1].p_adjusted == pytest.approx(2 * p)


def test_a_fall_on_many_texts_is_a_loss_although_both_rng_seeds_agree_exactly() -> None:
    runs = [*make_runs(SEEDS, 0, [0.52, 0.52]), *make_runs(A, 50, [0.26, 0.26])]
    (by_seeds,) = compare_with_baseline(runs, "accuracy")
    assert by_seeds.p is None  # without predictions nothing can be tested
    predicted = {(SEEDS, 0): predict_share(1421, 0.52, 0.52), (A, 50): predict_share(1421, 0.26, 0.26)}
    (difference,) = compare_with_baseline(runs, "accuracy", predicted)
    assert difference.is_worse
    assert difference.n_texts == 1421
    assert difference.interval.mean == pytest.approx(-0.26, abs=0.001)
    assert -0.29 < difference.interval.low < difference.interval.high < -0.23


def test_predictions_that_lack_a_run_are_not_used() -> None:
    runs = [*make_runs(SEEDS, 0, [0.5, 0.52]), *make_runs(A, 50, [0.6, 0.64])]
    predicted = {(SEEDS, 0): predict_share(90, 0.5), (A, 50): predict_share(90, 0.6, 0.64)}
    assert compare_with_baseline(runs, "macro_f1", predicted) == compare_with_baseline(runs, "macro_f1")


def test_each_comparison_has_one_p_at_its_largest_size() -> None:
    sizes = [run for n in (10, 20) for run in make_runs(A, n, [0.60, 0.61, 0.65])]
    differences = compare_with_baseline([*BASELINE, *sizes, *GAINS, *LOSES], "macro_f1")
    assert [difference.p_adjusted is None for difference in differences] == [True, True, False, False]
    assert compare_at_largest(differences) == differences[2:]


def test_intervals_of_scores_and_gains_stay_in_their_range() -> None:
    wild = [*make_runs(SEEDS, 0, [0.1, 0.9]), *make_runs(A, 50, [0.85, 0.05])]
    assert {(point.interval.low, point.interval.high) for point in aggregate_runs(wild, "macro_f1")} == {(0, 1)}
    (difference,) = compare_with_baseline(wild, "macro_f1")
    assert (difference.interval.low, difference.interval.high) == (-1, 1)


def test_the_same_variant_of_two_experiments_is_not_averaged() -> None:
    first, second = (replace(A, experiment_id=number) for number in (1, 2))
    runs = [
        *BASELINE,
        *make_runs(first, 50, [0.60, 0.64, 0.62]),
        *make_runs(second, 50, [0.70, 0.74, 0.72]),
        *BASELINE,
    ]
    points = {(point.variant, point.n_synthetic): point.interval for point in aggregate_runs(runs, "macro_f1")}
    assert {point: (interval.n, round(interval.mean, 9)) for point, interval in points.items()} == {
        (SEEDS, 0): (3, 0.5),
        (first, 50): (3, 0.62),
        (second, 50): (3, 0.72),
    }
    differences = compare_with_baseline(runs, "macro_f1")
    assert [(difference.variant, round(difference.interval.mean, 9)) for difference in differences] == [
        (first, 0.12),
        (second, 0.22),
    ]


def test_points_are_listed_best_first_then_baselines_then_others() -> None:
    better = make_runs(D, 50, [0.80, 0.84, 0.83])
    smaller = make_runs(D, 10, [0.90, 0.91, 0.95])  # the largest size counts
    probes = make_runs(SEEDS_PROBE, 0, [0.60, 0.61, 0.62])
    ceiling = make_runs(REAL, 50, [0.90, 0.93, 0.91])
    runs = [*GAINS, *BASELINE, *ceiling, *LOSES, *smaller, *better, *probes, *BASELINE]
    points = list_points(runs)
    assert list(points) == [(D, 50), (SEEDS, 0), (SEEDS_PROBE, 0), (REAL, 50), (A, 50), (B, 50), (D, 10)]
    assert {run.config.rng_seed for run in points[SEEDS, 0]} == {0, 1, 2}
    assert {len(of_point) for of_point in points.values()} == {3}  # the second experiment's baseline counts once
    again = [replace(run, id=run.id + 100) for run in BASELINE]
    assert {run.id for run in list_points([*again, *BASELINE])[SEEDS, 0]} == {run.id for run in BASELINE}
    assert list_points([]) == {}


def test_the_best_point_is_the_one_in_the_headline() -> None:
    lucky = make_runs(D, 50, [0.99])  # one RNG seed
    assert next(iter(list_points([*BASELINE, *lucky, *GAINS]))) == (A, 50)
    assert next(iter(list_points([*BASELINE, *lucky, *NOISE]))) == (D, 50)  # no variant is significant
    ceiling = make_runs(REAL, 50, [0.90, 0.93, 0.91])
    assert list(list_points([*BASELINE, *ceiling])) == [(SEEDS, 0), (REAL, 50)]


# Labels and single texts ---------------------------------------------------------------------------------------------


def make_predictions(n_runs: int = 3, n_texts: int = 40) -> list[StoredPrediction]:
    random = Random(7)
    truths = [random.choice(LABELS[:2]) if i else LABELS[2] for i in range(n_texts)]
    return [
        StoredPrediction(run_id, i, f"text {i}", truth, random.choice(LABELS), (0.5, 0.3, 0.2))
        for run_id in range(n_runs)
        for i, truth in enumerate(truths)
    ]


def test_the_confusion_matrix_equals_scikit_learn_summed_over_runs() -> None:
    predictions = make_predictions()
    expected = confusion_matrix(
        [prediction.truth for prediction in predictions],
        [prediction.label for prediction in predictions],
        labels=list(LABELS),
    )
    assert np.array_equal(confusion(predictions, LABELS), expected)
    assert confusion([], LABELS).tolist() == [[0, 0, 0]] * 3


def test_figures_per_label_equal_scikit_learn_averaged_over_runs() -> None:
    predictions = make_predictions()
    by_run = [
        precision_recall_fscore_support(
            [prediction.truth for prediction in predictions if prediction.run_id == run_id],
            [prediction.label for prediction in predictions if prediction.run_id == run_id],
            labels=list(LABELS),
            zero_division=0,
        )
        for run_id in range(3)
    ]
    for i, figures in enumerate(class_figures(predictions, LABELS)):
        assert figures.label == LABELS[i]
        assert figures.support == by_run[0][3][i]
        for measure, interval in enumerate((figures.precision, figures.recall, figures.f1)):
            assert interval.mean == pytest.approx(np.mean([run[measure][i] for run in by_run]))
            assert interval.n == 3
    assert class_figures([], LABELS) == []


def test_intervals_of_two_runs_that_differ_stay_between_0_and_1() -> None:
    predictions = [
        StoredPrediction(run_id, i, "text", LABELS[i % 3], LABELS[i % 3 if run_id else 0], (0.5, 0.3, 0.2))
        for run_id in range(2)
        for i in range(9)
    ]
    for figures in class_figures(predictions, LABELS):
        for interval in (figures.precision, figures.recall, figures.f1):
            assert 0 <= interval.low <= interval.mean <= interval.high <= 1


def test_a_label_that_is_never_predicted_has_zero_precision_and_recall() -> None:
    predictions = [StoredPrediction(1, i, "text", "joy", "anger", (0.2, 0.8, 0.0)) for i in range(2)]
    joy, anger, surprise = class_figures(predictions, LABELS)
    assert (joy.support, joy.precision.mean, joy.recall.mean, joy.f1.mean) == (2, 0, 0, 0)
    assert (anger.support, anger.precision.mean, surprise.f1.mean) == (0, 0, 0)


def test_wrong_texts_are_sorted_by_share_of_runs_then_by_confidence() -> None:
    def predict(run_id: int, example_id: int, label: str, prob: float) -> StoredPrediction:
        return StoredPrediction(run_id, example_id, f"text {example_id}", "joy", label, (1 - prob, prob, 0.0))

    predictions = [
        *(predict(run_id, 1, "joy", 0.1) for run_id in range(4)),  # always right
        *(predict(run_id, 2, "joy" if run_id < 3 else "anger", 0.9) for run_id in range(4)),
        *(predict(run_id, 3, "surprise" if run_id == 0 else "anger", 0.6 + run_id / 10) for run_id in range(4)),
        *(predict(run_id, 4, "anger", 0.95) for run_id in range(4)),
    ]
    wrong = wrong_texts(predictions)
    assert [(text.example_id, text.predicted, text.share) for text in wrong] == [
        (4, "anger", 1.0),
        (3, "anger", 1.0),
        (2, "anger", 0.25),
    ]
    assert wrong[1].prob == pytest.approx((0.7 + 0.8 + 0.9) / 3)  # average of the three runs that predict anger
    assert (wrong[1].text, wrong[1].truth) == ("text 3", "joy")


# One run's points, and tables ----------------------------------------------------------------------------------------


def test_best_and_last_are_on_the_test_split_and_the_lowest_loss_is_best() -> None:
    points = [
        MetricPoint(20, 0.5, 0.9, 0.60, 0.50),
        MetricPoint(40, 0.5, 0.3, 0.80, 0.70),
        MetricPoint(60, 0.5, 0.2, 0.70, 0.70),
    ]
    assert best_and_last(points, "macro_f1") == (points[1], points[2])  # of equal values, the earliest
    assert best_and_last(points[::-1], "accuracy") == (points[1], points[2])
    assert best_and_last(points, "loss") == (points[2], points[2])


def test_the_moving_average_worked_by_hand() -> None:
    # 0.5: averages 0.5, 1.25, 0.625, corrected by 0.5, 0.75, 0.875
    assert smooth([1.0, 2.0, 0.0], 0.5) == pytest.approx([1.0, 5 / 3, 5 / 7])
    assert smooth([0.3, 0.1, 0.7], 0.0) == [0.3, 0.1, 0.7]
    assert smooth([0.4] * 5, 0.9) == pytest.approx([0.4] * 5)


def test_tables_contain_every_figure() -> None:
    interval, names = Interval(0.5, 0.4, 0.6, 3), name_variants([A, A_PROBE], WRITERS)
    assert points_table([VariantPoint(A, 50, interval)], names) == [
        {"variant": "raw", "n_synthetic": 50, "mean": 0.5, "low_95": 0.4, "high_95": 0.6, "n_rng_seeds": 3}
    ]
    assert differences_table([Difference(A_PROBE, 50, interval, 0.01, None)], names) == [
        {
            "variant": "raw · linear probe",
            "n_synthetic": 50,
            "baseline": "seeds only · linear probe",
            "mean": 0.5,
            "low_95": 0.4,
            "high_95": 0.6,
            "n_rng_seeds": 3,
            "p": 0.01,
            "p_holm": None,
        }
    ]
