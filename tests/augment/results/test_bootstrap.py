"""Bootstrap intervals of macro-F1: against scikit-learn, hand-worked numbers, and simulated classifiers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from augment.records import Interval, StoredPrediction
from augment.results.bootstrap import (
    N_DRAWS,
    Predicted,
    compare_predicted,
    macro_f1_of,
    read_predicted,
    standard_error,
)


def predict(truth: list[int], *found: list[int]) -> Predicted:
    """Predictions of one run for each RNG seed, counted from 0."""
    return Predicted(
        tuple(range(len(truth))), np.array(truth), {seed: np.array(places) for seed, places in enumerate(found)}
    )


def simulate(n: int, *shares_right: float, rng_seed: int = 0) -> Predicted:
    """Runs that are right for a random share of `n` texts of two labels: macro-F1 is about that share."""
    truth = np.arange(n) % 2
    rng = np.random.default_rng([rng_seed, 1])  # not the bootstrap's random numbers
    found = {seed: np.where(rng.random(n) < share, truth, 1 - truth) for seed, share in enumerate(shares_right)}
    return Predicted(tuple(range(len(truth))), truth, found)


def compare_macro_f1(variant: Predicted, baseline: Predicted, n_labels: int, *, rng_seed: int = 0) -> Interval:
    return compare_predicted(variant, baseline, "macro_f1", n_labels, rng_seed=rng_seed).interval


# Macro-F1 ------------------------------------------------------------------------------------------------------------


def test_macro_f1_worked_by_hand() -> None:
    # Label 0: 2 hits, 3 texts, 2 answers, F1 4/5. Label 1: 1 hit, 1 text, 3 answers, 2/4. Label 2: none of 1 text, 0.
    tiny = predict([0, 0, 0, 1, 2], [0, 0, 1, 1, 1])
    assert macro_f1_of(tiny, 3) == pytest.approx((0.8 + 0.5 + 0) / 3)
    assert macro_f1_of(tiny, 4) == pytest.approx((0.8 + 0.5 + 0 + 0) / 4)  # a label without texts counts 0


def test_macro_f1_is_the_mean_over_rng_seeds() -> None:
    assert macro_f1_of(predict([0, 1], [0, 1], [1, 0]), 2) == pytest.approx(0.5)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_macro_f1_equals_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    truth, found = (list(places) for places in zip(*pairs, strict=True))
    expected = f1_score(truth, found, labels=range(4), average="macro", zero_division=0)
    assert macro_f1_of(predict(truth, found), 4) == pytest.approx(expected)


# Intervals -----------------------------------------------------------------------------------------------------------


def test_the_mean_is_the_gain_over_shared_rng_seeds_on_all_texts() -> None:
    variant = predict([0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 0], [1, 1, 0, 0])
    baseline = Predicted(
        variant.example_ids, variant.truth, {0: np.array([0, 1, 1, 0]), 1: np.array([0, 0, 1, 1]), 7: np.array([1] * 4)}
    )
    # RNG seed 0: 1 - 1/2. RNG seed 1: labels 4/5 and 2/3 against 1. Seeds 2 and 7 are not shared.
    interval = compare_macro_f1(variant, baseline, 2)
    assert interval.mean == pytest.approx((0.5 + (0.8 + 2 / 3) / 2 - 1) / 2)
    assert interval.n == 2


def test_the_interval_contains_the_truth_in_about_95_of_100_samples() -> None:
    hits = 0
    for sample in range(100):
        variant, baseline = (simulate(200, share, rng_seed=2 * sample + i) for i, share in enumerate((0.8, 0.65)))
        interval = compare_macro_f1(variant, baseline, 2)
        hits += interval.low <= 0.15 <= interval.high
    assert 88 <= hits <= 99  # the standard deviation is 2


def test_the_interval_narrows_with_more_texts() -> None:
    small, large = (
        compare_macro_f1(simulate(n, 0.8), simulate(n, 0.6, rng_seed=1), 2, rng_seed=2) for n in (100, 1600)
    )
    assert (large.high - large.low) / (small.high - small.low) == pytest.approx(1 / 4, rel=0.2)  # 16 times the texts
    assert large.low < 0.2 < large.high


def test_rng_seeds_that_disagree_widen_the_interval() -> None:
    baseline = simulate(400, 0.6, 0.6, 0.6)
    steady, shaky = (
        compare_macro_f1(simulate(400, *shares, rng_seed=1), baseline, 2) for shares in ([0.8] * 3, (0.95, 0.65, 0.8))
    )
    assert steady.mean == pytest.approx(shaky.mean, abs=0.05)
    assert shaky.high - shaky.low > 1.5 * (steady.high - steady.low)


def test_texts_and_rng_seeds_are_paired() -> None:
    found = simulate(200, 0.9, 0.5, 0.7)
    interval = compare_macro_f1(found, found, 2)
    assert (interval.mean, interval.low, interval.high) == (0, 0, 0)
    assert standard_error(found, found, 2) == 0
    other = Predicted(found.example_ids, found.truth, {seed: places[::-1] for seed, places in found.found.items()})
    assert standard_error(found, other, 2) > 0.01


def test_the_standard_error_worked_by_hand() -> None:
    # Against a classifier that is always right: √(0.8 · 0.2 / 400) = 0.02 for the share of right answers.
    truth = [0, 1] * 200
    found = [1 - place if i % 5 == 0 else place for i, place in enumerate(truth)]
    assert standard_error(predict(truth, found), predict(truth, truth), 2) == pytest.approx(0.02, rel=0.08)


def test_the_same_seed_gives_the_same_interval_and_another_gives_another() -> None:
    variant, baseline = simulate(100, 0.8, 0.7), simulate(100, 0.6, 0.6, rng_seed=1)
    first, second, other = (compare_macro_f1(variant, baseline, 2, rng_seed=seed) for seed in (3, 3, 4))
    assert first == second != other
    assert first.mean == other.mean
    assert standard_error(variant, baseline, 2) == standard_error(variant, baseline, 2)


def test_a_label_that_some_draws_lack_gives_no_nan() -> None:
    rare = predict([0] * 9 + [1], [0] * 10)
    interval = compare_macro_f1(rare, predict([0] * 9 + [1], [1] * 10), 2)
    assert -1 < interval.low < interval.mean < interval.high < 1


# Verdicts ------------------------------------------------------------------------------------------------------------


def test_a_large_fall_that_both_rng_seeds_agree_on_is_significant() -> None:
    baseline = simulate(1421, 0.52)
    fall = simulate(1421, 0.26, rng_seed=1)
    twice = [Predicted(one.example_ids, one.truth, {0: one.found[0], 1: one.found[0]}) for one in (fall, baseline)]
    for metric in ("accuracy", "macro_f1"):
        gain = compare_predicted(*twice, metric, 2)
        assert gain.p == pytest.approx(2 / (N_DRAWS + 1))
        assert gain.interval.high < -0.2
        assert (gain.n_texts, gain.seed_sd) == (1421, 0)


def test_with_one_rng_seed_there_is_an_interval_over_texts_and_no_p() -> None:
    gain = compare_predicted(simulate(200, 0.9), simulate(200, 0.6, rng_seed=1), "accuracy", 2)
    assert gain.p is None
    assert gain.interval.low < gain.interval.mean < gain.interval.high


def test_the_gain_in_accuracy_worked_by_hand() -> None:
    variant, baseline = predict([0, 0, 1, 1], [0, 0, 1, 0]), predict([0, 0, 1, 1], [1, 1, 1, 0])
    assert compare_predicted(variant, baseline, "accuracy", 2).interval.mean == pytest.approx(0.5)


def test_no_difference_at_all_has_the_largest_p() -> None:
    found = simulate(100, 0.8, 0.7)
    assert compare_predicted(found, found, "accuracy", 2).p == 1


def test_p_is_below_5_percent_in_about_5_of_100_samples_without_a_gain() -> None:
    n_significant = 0
    for sample in range(100):
        variant, baseline = (simulate(200, 0.7, 0.7, 0.7, rng_seed=2 * sample + i) for i in (0, 1))
        p = compare_predicted(variant, baseline, "accuracy", 2).p
        n_significant += p is not None and p < 0.05
    assert n_significant <= 9


def test_the_share_of_a_few_rng_seeds_is_widened() -> None:
    # Two RNG seeds, gains 0 and 0.2 on every text alike: the draws are 0, 0.1, 0.2; widened by √2 around 0.1.
    truth = [0] * 500
    variant = predict(truth, [0] * 400 + [1] * 100, [0] * 500)
    baseline = predict(truth, [0] * 400 + [1] * 100, [0] * 400 + [1] * 100)
    gain = compare_predicted(variant, baseline, "accuracy", 2)
    assert gain.seed_sd == pytest.approx(0.2 / 2**0.5)
    assert gain.interval.low == pytest.approx(0.1 - 0.1 * 2**0.5, abs=0.04)
    assert gain.p is not None
    assert gain.p > 0.2


# Stored predictions --------------------------------------------------------------------------------------------------


def stored(run_id: int, example_id: int, truth: str, label: str) -> StoredPrediction:
    return StoredPrediction(run_id, example_id, f"text {example_id}", truth, label, (0.5, 0.5))


def test_only_texts_that_every_run_predicted_count_in_the_same_order() -> None:
    predictions = [
        *(stored(1, i, "ba"[i % 2], "a") for i in (3, 1, 2)),
        *(stored(2, i, "ba"[i % 2], "ba"[i % 2]) for i in (2, 3, 4)),
        stored(9, 2, "b", "a"),  # of another variant
    ]
    found = read_predicted(predictions, {1: 10, 2: 20}, ("a", "b"))
    assert found is not None
    assert found.truth.tolist() == [1, 0]  # texts 2 and 3
    assert {seed: places.tolist() for seed, places in found.found.items()} == {10: [0, 0], 20: [1, 0]}


def test_runs_without_predictions_give_none() -> None:
    assert read_predicted([], {1: 0}, ("a", "b")) is None
    assert read_predicted([stored(9, 1, "a", "a")], {1: 0}, ("a", "b")) is None
