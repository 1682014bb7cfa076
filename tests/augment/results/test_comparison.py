"""The comparison of arms: worked by hand, and against scikit-learn where it knows the figure."""

from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
from scipy.stats import ttest_rel
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from augment.records import (
    Arm,
    ArmSpec,
    ClassifierKind,
    Interval,
    MetricPoint,
    StoredPrediction,
    TextFilter,
    TextUse,
    TrainingRun,
)
from augment.results.charts.steps import best_and_last, smooth
from augment.results.comparison import (
    ArmPoint,
    Difference,
    adjust_by_holm,
    aggregate_runs,
    compare_at_largest,
    compare_with_baseline,
    describe_arms,
    differences_table,
    headline,
    points_table,
)
from augment.results.predictions import class_figures, confusion, wrong_texts
from augment.results.review_gains import review_gains
from augment.results.variants import SEEDS_ONLY
from tests.augment.results.test_charts import LABELS, make_run

PROBE = ClassifierKind.PROBE
BASELINE_PROBE = f"{SEEDS_ONLY} · linear probe"


def make_runs(
    arm: str,
    n: int,
    values: Sequence[float],
    *,
    kind: ClassifierKind = ClassifierKind.FINE_TUNED,
    first: int = 0,
    arm_id: int | None = None,
) -> list[TrainingRun]:
    """One run an RNG seed, counted from `first`."""
    return [make_run(arm, n, value, rng_seed=first + i, kind=kind, arm_id=arm_id) for i, value in enumerate(values)]


BASELINE = make_runs(SEEDS_ONLY, 0, [0.50, 0.52, 0.48])
GAINS = make_runs("A · raw", 50, [0.60, 0.64, 0.62])  # +0.10, +0.12, +0.14
LOSES = make_runs("B · raw", 50, [0.40, 0.41, 0.39])  # -0.10, -0.11, -0.09
NOISE = make_runs("C · raw", 50, [0.55, 0.46, 0.51])  # +0.05, -0.06, +0.03


# Arms against their baseline ------------------------------------------------------------------------------------------


def test_runs_are_averaged_by_arm_and_size_over_their_rng_seeds() -> None:
    points = aggregate_runs([*GAINS, *BASELINE, *make_runs("A · raw", 10, [0.7])], "macro_f1")
    assert [(one.arm, one.n_synthetic, one.interval.n) for one in points] == [
        ("A · raw", 10, 1),
        ("A · raw", 50, 3),
        (SEEDS_ONLY, 0, 3),
    ]
    assert points[1].interval.mean == pytest.approx(0.62)
    assert points[1].interval.high - 0.62 == pytest.approx(4.3027 * 0.02 / 3**0.5, abs=1e-5)
    assert aggregate_runs(GAINS, "accuracy")[0].interval.mean == pytest.approx(0.72)


def test_a_baseline_that_two_experiments_trained_alike_is_one_observation_a_seed() -> None:
    assert aggregate_runs(BASELINE * 2, "macro_f1") == aggregate_runs(BASELINE, "macro_f1")
    assert compare_with_baseline([*BASELINE * 2, *GAINS], "macro_f1") == compare_with_baseline(
        [*BASELINE, *GAINS], "macro_f1"
    )


def test_a_run_that_is_not_measured_yet_is_left_out() -> None:
    waiting = make_run("A · raw", 50, None, rng_seed=3)
    assert aggregate_runs([*GAINS, waiting], "macro_f1")[0].interval.n == 3


def test_the_difference_is_paired_by_rng_seed() -> None:
    more = make_runs("A · raw", 50, [0.99], first=7)  # no baseline has RNG seed 7
    (difference,) = compare_with_baseline([*BASELINE, *reversed(GAINS), *more], "macro_f1")
    assert (difference.arm, difference.n_synthetic, difference.interval.n) == ("A · raw", 50, 3)
    assert difference.interval.mean == pytest.approx(0.12)
    # sd 0.02, standard error 0.011547, t(0.975, 2) = 4.3027
    assert difference.interval.low == pytest.approx(0.12 - 0.04968, abs=1e-5)
    # t = 10.3923; with two degrees of freedom p = 1 - t / sqrt(2 + t²)
    assert difference.p == pytest.approx(1 - 10.3923 / 110**0.5, abs=1e-6)
    assert difference.p_adjusted == difference.p


def test_each_kind_of_classifier_has_its_own_baseline() -> None:
    probes = [
        *make_runs(BASELINE_PROBE, 0, [0.60, 0.61, 0.62], kind=PROBE),
        *make_runs("A · raw · linear probe", 50, [0.61, 0.63, 0.65], kind=PROBE),
    ]
    fine_tuned, probe = compare_with_baseline([*BASELINE, *GAINS, *probes], "macro_f1")
    assert fine_tuned.interval.mean == pytest.approx(0.12)
    assert probe.interval.mean == pytest.approx(0.02)
    assert compare_with_baseline([*GAINS, *probes[:3]], "macro_f1") == []


@pytest.mark.parametrize("values", [[0.60], [0.60, 0.62, 0.58]])
def test_one_pair_or_differences_that_do_not_vary_have_no_p(values: list[float]) -> None:
    (difference,) = compare_with_baseline([*BASELINE, *make_runs("A · raw", 50, values)], "macro_f1")
    assert difference.interval.mean == pytest.approx(0.1)
    assert difference.p is difference.p_adjusted is None
    assert not difference.is_beyond_chance


def test_holm_s_adjustment_worked_by_hand() -> None:
    # sorted: 0.005 · 4 = 0.02; 0.01 · 3 = 0.03; 0.03 · 2 = 0.06; 0.04 · 1 = 0.04, but never below the one before
    assert adjust_by_holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert adjust_by_holm([0.6, 0.7]) == [1.0, 1.0]
    assert adjust_by_holm([]) == []


def test_all_differences_are_adjusted_together_but_for_those_without_a_p() -> None:
    single = make_runs("D · raw", 50, [0.9])
    differences = compare_with_baseline([*BASELINE, *GAINS, *LOSES, *NOISE, *single], "macro_f1")
    p_values = [one.p for one in differences if one.p is not None]
    assert [one.arm for one in differences if one.p is None] == ["D · raw"]
    assert [one.p_adjusted for one in differences if one.p is not None] == adjust_by_holm(p_values)
    assert p_values[0] * 3 > differences[0].p_adjusted >= p_values[0] * 2  # B's p is smaller, C's larger


def test_at_the_largest_size_each_arm_counts_once_and_is_adjusted_anew() -> None:
    best_at_ten = make_runs("A · raw", 10, [0.80, 0.84, 0.83])
    differences = compare_with_baseline([*BASELINE, *best_at_ten, *GAINS, *LOSES], "macro_f1")
    largest = compare_at_largest(differences)
    assert [(one.arm, one.n_synthetic) for one in largest] == [("A · raw", 50), ("B · raw", 50)]
    assert largest[1].p == differences[2].p
    assert largest[1].p_adjusted == pytest.approx(2 * largest[1].p)


# In words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        (
            [*BASELINE, *GAINS, *LOSES],
            "A · raw gains 12.0 points of macro-F1 over seeds only with 50 texts (p 0.009, 3 RNG seeds); B · raw loses",
        ),
        (
            [*BASELINE, *GAINS, *make_runs("E · raw", 50, [0.60, 0.63, 0.585])],
            "A · raw gains 12.0 points of macro-F1 over seeds only with 50 texts (p 0.009, 3 RNG seeds); "
            "E · raw gains too",
        ),
        (
            [*BASELINE[:1], *GAINS[:1]],
            "A · raw gains 10.0 points of macro-F1 over seeds only with 50 texts, "
            "but one RNG seed does not rule out chance",
        ),
        (
            [*BASELINE, *make_runs("A · raw", 50, [0.60, 0.62, 0.58])],
            "A · raw gains 10.0 points of macro-F1 over seeds only with 50 texts, "
            "but all 3 RNG seeds agree exactly, so no test can rule out chance",
        ),
        (
            [*BASELINE, *NOISE],
            "No arm is better than seeds only beyond chance: C · raw gains 0.7 points of macro-F1 at best "
            "(p 0.86, 3 RNG seeds)",
        ),
        ([*BASELINE, *LOSES], "No arm is better than seeds only; B · raw loses"),
        (
            [*BASELINE[:1], *LOSES[:1]],
            "No arm is better than seeds only, but one RNG seed does not rule out chance",
        ),
        (BASELINE, "Test macro-F1 by number of synthetic texts"),
        (GAINS, "Test macro-F1 by number of synthetic texts"),
    ],
)
def test_the_headline_claims_what_the_runs_show(runs: list[TrainingRun], expected: str) -> None:
    assert headline(runs, "macro_f1") == expected


def test_the_headline_never_crowns_the_ceiling_nor_the_best_size() -> None:
    ceiling = make_runs("real texts", 50, [0.90, 0.93, 0.91])
    best_at_ten = make_runs("A · raw", 10, [0.80, 0.84, 0.83])
    assert headline([*BASELINE, *GAINS, *ceiling, *best_at_ten], "macro_f1").startswith("A · raw gains 12.0 points")


def test_one_lucky_run_does_not_take_the_headline_from_an_arm_with_evidence() -> None:
    lucky = make_runs("D · raw", 50, [0.9])
    assert headline([*BASELINE, *GAINS, *lucky], "macro_f1").startswith("A · raw gains 12.0 points")


def test_many_comparisons_take_a_gain_back() -> None:
    weak = make_runs("A · raw", 50, [0.56, 0.60, 0.57])  # alone p 0.013
    others = [run for i in range(4) for run in make_runs(f"N{i} · raw", 50, [0.52, 0.50, 0.47 + i / 100])]
    assert "gains 7.7 points of macro-F1 over seeds only" in headline([*BASELINE, *weak], "macro_f1")
    assert headline([*BASELINE, *weak, *others], "macro_f1").startswith("No arm is better than seeds only beyond")


def test_each_arm_is_described_with_its_evidence_the_greatest_gain_first() -> None:
    single = make_runs("D · raw", 50, [0.51])
    assert describe_arms([*BASELINE, *LOSES, *GAINS, *NOISE, *single], "macro_f1") == [
        "A · raw with 50 texts is better than seeds only: +12.0 points of macro-F1 "
        "(95% interval +7.0 to +17.0, adjusted p 0.018, 3 RNG seeds).",
        "D · raw with 50 texts is not told apart from seeds only beyond chance: +1.0 points of macro-F1 "
        "(one RNG seed does not rule out chance).",
        "C · raw with 50 texts is not told apart from seeds only beyond chance: +0.7 points of macro-F1 "
        "(95% interval −13.9 to +15.2, adjusted p 0.86, 3 RNG seeds).",
        "B · raw with 50 texts is worse than seeds only: −10.0 points of macro-F1 "
        "(95% interval −12.5 to −7.5, adjusted p 0.010, 3 RNG seeds).",
    ]


def test_a_probe_is_compared_with_the_probe_on_seeds_only_in_words_too() -> None:
    runs = [
        *make_runs(BASELINE_PROBE, 0, [0.60, 0.61, 0.62], kind=PROBE),
        *make_runs("A · raw · linear probe", 50, [0.70, 0.72, 0.71], kind=PROBE),
    ]
    assert f"better than {BASELINE_PROBE}: +10.0" in describe_arms(runs, "macro_f1")[0]
    assert f"over {BASELINE_PROBE} with 50 texts" in headline(runs, "macro_f1")


# Labels and single texts ----------------------------------------------------------------------------------------------


def make_predictions(n_runs: int = 3, n_texts: int = 40) -> list[StoredPrediction]:
    random = Random(7)
    truths = [random.choice(LABELS[:2]) if i else LABELS[2] for i in range(n_texts)]
    return [
        StoredPrediction(run_id, i, f"text {i}", truth, random.choice(LABELS), (0.5, 0.3, 0.2))
        for run_id in range(n_runs)
        for i, truth in enumerate(truths)
    ]


def test_the_confusion_is_scikit_learn_s_summed_over_runs() -> None:
    predictions = make_predictions()
    expected = confusion_matrix(
        [one.truth for one in predictions], [one.label for one in predictions], labels=list(LABELS)
    )
    assert np.array_equal(confusion(predictions, LABELS), expected)
    assert confusion([], LABELS).tolist() == [[0, 0, 0]] * 3


def test_class_figures_are_scikit_learn_s_averaged_over_runs() -> None:
    predictions = make_predictions()
    by_run = [
        precision_recall_fscore_support(
            [one.truth for one in predictions if one.run_id == run_id],
            [one.label for one in predictions if one.run_id == run_id],
            labels=list(LABELS),
            zero_division=0,
        )
        for run_id in range(3)
    ]
    for i, one in enumerate(class_figures(predictions, LABELS)):
        assert one.label == LABELS[i]
        assert one.support == by_run[0][3][i]
        for measure, interval in enumerate((one.precision, one.recall, one.f1)):
            assert interval.mean == pytest.approx(np.mean([run[measure][i] for run in by_run]))
            assert interval.n == 3
    assert class_figures([], LABELS) == []


def test_a_label_that_is_never_predicted_counts_as_nothing_found() -> None:
    predictions = [StoredPrediction(1, i, "text", "joy", "anger", (0.2, 0.8, 0.0)) for i in range(2)]
    joy, anger, surprise = class_figures(predictions, LABELS)
    assert (joy.support, joy.precision.mean, joy.recall.mean, joy.f1.mean) == (2, 0, 0, 0)
    assert (anger.support, anger.precision.mean, surprise.f1.mean) == (0, 0, 0)


def test_wrong_texts_come_by_share_of_runs_then_by_confidence() -> None:
    def predict(run_id: int, example_id: int, label: str, prob: float) -> StoredPrediction:
        return StoredPrediction(run_id, example_id, f"text {example_id}", "joy", label, (1 - prob, prob, 0.0))

    predictions = [
        *(predict(run_id, 1, "joy", 0.1) for run_id in range(4)),  # always right
        *(predict(run_id, 2, "joy" if run_id < 3 else "anger", 0.9) for run_id in range(4)),
        *(predict(run_id, 3, "surprise" if run_id == 0 else "anger", 0.6 + run_id / 10) for run_id in range(4)),
        *(predict(run_id, 4, "anger", 0.95) for run_id in range(4)),
    ]
    wrong = wrong_texts(predictions)
    assert [(one.example_id, one.predicted, one.share) for one in wrong] == [
        (4, "anger", 1.0),
        (3, "anger", 1.0),
        (2, "anger", 0.25),
    ]
    assert wrong[1].prob == pytest.approx((0.7 + 0.8 + 0.9) / 3)  # of the three that say anger
    assert (wrong[1].text, wrong[1].truth) == ("text 3", "joy")


# What review bought ---------------------------------------------------------------------------------------------------


def make_arm(
    number: int,
    use: TextUse,
    *,
    n_decisions: int = 0,
    kind: ClassifierKind = ClassifierKind.FINE_TUNED,
    text_filter: TextFilter = TextFilter(),  # noqa: B008 - frozen
) -> Arm:
    spec = ArmSpec(use, (1,), text_filter, kind)
    ending = " · linear probe" if kind is PROBE else ""
    return Arm(number, f"GPT-J · {use}{ending}", spec, 200, 0, n_decisions)


def measure(arm: Arm, sizes: dict[int, float]) -> list[TrainingRun]:
    return [
        run
        for n, value in sizes.items()
        for run in make_runs(arm.name, n, [value, value + 0.02], kind=arm.spec.kind, arm_id=arm.id)
    ]


def test_review_is_compared_at_the_largest_size_that_every_use_has() -> None:
    raw, accepted = make_arm(1, TextUse.RAW), make_arm(2, TextUse.ACCEPTED, n_decisions=143)
    relabelled = make_arm(3, TextUse.RELABELLED, n_decisions=120)
    runs = [
        *measure(raw, {10: 0.5, 50: 0.55, 200: 0.6}),
        *measure(accepted, {10: 0.5, 50: 0.6}),
        *measure(relabelled, {10: 0.6, 50: 0.7, 200: 0.8}),
    ]
    (gain,) = review_gains(runs, [relabelled, raw, accepted], "macro_f1")
    assert (gain.source, gain.n_synthetic, gain.n_decisions) == ("GPT-J", 50, 143)
    assert list(gain.uses) == [TextUse.RAW, TextUse.ACCEPTED, TextUse.RELABELLED]
    assert [one.mean for one in gain.uses.values()] == pytest.approx([0.56, 0.61, 0.71])
    assert {one.n for one in gain.uses.values()} == {2}


def test_what_review_bought_is_tested_in_pairs_and_over_all_that_is_compared() -> None:
    uses = (TextUse.RAW, TextUse.ACCEPTED, TextUse.RELABELLED)
    raw, accepted, relabelled = (make_arm(i, use) for i, use in enumerate(uses, start=1))
    values = {raw: [0.50, 0.60, 0.70], accepted: [0.52, 0.59, 0.72], relabelled: [0.60, 0.71, 0.80]}
    runs = [run for arm, of_arm in values.items() for run in make_runs(arm.name, 50, of_arm, arm_id=arm.id)]
    (gain,) = review_gains(runs, list(values), "macro_f1")
    assert list(gain.over_raw) == [TextUse.ACCEPTED, TextUse.RELABELLED]
    p = {arm.spec.use: ttest_rel(values[arm], values[raw]).pvalue for arm in (accepted, relabelled)}
    assert {use: one.p for use, one in gain.over_raw.items()} == pytest.approx(p)
    assert gain.over_raw[TextUse.RELABELLED].p_adjusted == pytest.approx(2 * p[TextUse.RELABELLED])
    assert [one.is_beyond_chance for one in gain.over_raw.values()] == [False, True]  # though raw's own spread is wide


def test_arms_of_another_filter_or_kind_are_another_source() -> None:
    raw, accepted = make_arm(1, TextUse.RAW), make_arm(2, TextUse.ACCEPTED)
    probes = [make_arm(3, TextUse.RAW, kind=PROBE), make_arm(4, TextUse.RELABELLED, kind=PROBE)]
    filtered = make_arm(5, TextUse.RELABELLED, text_filter=TextFilter(agrees=True))
    arms = [raw, accepted, *probes, filtered, make_arm(6, TextUse.SOFT)]
    runs = [run for arm in arms for run in measure(arm, {50: 0.6})]
    gains = review_gains(runs, arms, "macro_f1")
    assert [(one.source, list(one.uses)) for one in gains] == [
        ("GPT-J", [TextUse.RAW, TextUse.ACCEPTED]),
        ("GPT-J · linear probe", [TextUse.RAW, TextUse.RELABELLED]),
    ]


def test_review_needs_two_measured_uses_and_takes_the_newest_of_each() -> None:
    raw, accepted = make_arm(1, TextUse.RAW), make_arm(2, TextUse.ACCEPTED)
    newer, waiting = make_arm(3, TextUse.ACCEPTED, n_decisions=90), make_arm(4, TextUse.ACCEPTED, n_decisions=99)
    runs = [*measure(raw, {50: 0.5}), *measure(accepted, {50: 0.6}), *measure(newer, {50: 0.7})]
    (gain,) = review_gains(runs, [raw, accepted, newer, waiting], "macro_f1")
    assert gain.uses[TextUse.ACCEPTED].mean == pytest.approx(0.71)
    assert gain.n_decisions == 90
    assert review_gains(runs, [raw, waiting], "macro_f1") == []
    assert review_gains([*runs, *measure(waiting, {10: 0.9})], [raw, waiting], "macro_f1") == []  # no size in common


# One run's points, and tables -----------------------------------------------------------------------------------------


def test_best_and_last_are_of_the_test_split_and_the_lowest_loss_is_best() -> None:
    points = [
        MetricPoint(20, 0.5, 0.9, 0.60, 0.50),
        MetricPoint(40, 0.5, 0.3, 0.80, 0.70),
        MetricPoint(60, 0.5, 0.2, 0.70, 0.70),
    ]
    assert best_and_last(points, "macro_f1") == (points[1], points[2])  # the earliest of equals
    assert best_and_last(points[::-1], "accuracy") == (points[1], points[2])
    assert best_and_last(points, "loss") == (points[2], points[2])


def test_the_moving_average_worked_by_hand() -> None:
    # 0.5: averages 0.5, 1.25, 0.625, corrected by 0.5, 0.75, 0.875
    assert smooth([1.0, 2.0, 0.0], 0.5) == pytest.approx([1.0, 5 / 3, 5 / 7])
    assert smooth([0.3, 0.1, 0.7], 0.0) == [0.3, 0.1, 0.7]
    assert smooth([0.4] * 5, 0.9) == pytest.approx([0.4] * 5)


def test_tables_carry_every_figure() -> None:
    interval = Interval(0.5, 0.4, 0.6, 3)
    assert points_table([ArmPoint("A", 50, interval)]) == [
        {"arm": "A", "n_synthetic": 50, "mean": 0.5, "low_95": 0.4, "high_95": 0.6, "n_rng_seeds": 3}
    ]
    assert differences_table([Difference("A · linear probe", 50, interval, 0.01, None)]) == [
        {
            "arm": "A · linear probe",
            "n_synthetic": 50,
            "baseline": BASELINE_PROBE,
            "mean": 0.5,
            "low_95": 0.4,
            "high_95": 0.6,
            "n_rng_seeds": 3,
            "p": 0.01,
            "p_holm": None,
        }
    ]
