"""The recommended variant, from simulated predictions for validation texts."""

import numpy as np
import pytest

from augment.records import Interval, Variant
from augment.results.bootstrap import Predicted, macro_f1_of
from augment.results.comparison import Point
from augment.results.headlines import headline
from augment.results.recommended import (
    N_ENOUGH,
    Choice,
    Recommended,
    answer,
    pick_largest,
    recommend,
    simplicity,
)
from augment.results.variants import name_variants
from tests.augment.results.made_runs import (
    BASELINE,
    LOSES,
    PROBE,
    REAL,
    SEEDS,
    SEEDS_PROBE,
    WRITERS,
    A,
    B,
    make_run,
    make_runs,
)

SENTENCES = Variant(has_sentences=True)
A_SENTENCES = Variant(A.use, A.generation_run_ids, has_sentences=True)
OWN_PLACES = {point: place for place, point in enumerate([SEEDS, SEEDS_PROBE, SENTENCES, A, B, REAL, A_SENTENCES])}


def predict(n_wrong: int, first: int, *, n: int = 200, rng_seed: int = 0) -> Predicted:
    """One run that is wrong for `n_wrong` texts in a row, from `first` on; two labels in turn."""
    truth = np.arange(n) % 2
    is_wrong = (np.arange(n) - first) % n < n_wrong
    return Predicted(tuple(range(len(truth))), truth, {rng_seed: np.where(is_wrong, 1 - truth, truth)})


def predict_each(n_wrong: dict[Variant, int], *, n: int = 200) -> dict[Point, Predicted]:
    """Predictions of each variant, which errs on other texts than the others do: macro-F1 is 1 - n_wrong / n."""
    return {
        (variant, 50 * variant.has_texts): predict(wrong, 30 * OWN_PLACES[variant], n=n)
        for variant, wrong in n_wrong.items()
    }


def choose(n_wrong: dict[Variant, int], *, n: int = 200) -> Variant | None:
    choice = recommend(predict_each(n_wrong, n=n), 2)
    return None if choice is None else choice.variant


def test_a_clearly_better_variant_is_recommended_with_its_figures() -> None:
    predicted = predict_each({SEEDS: 60, A: 20, B: 40})
    choice = recommend(predicted, 2)
    assert choice is not None
    assert (choice.variant, choice.n_synthetic, choice.n_validation) == (A, 50, 200)
    assert choice.macro_f1 == macro_f1_of(predicted[A, 50], 2)
    assert (choice.macro_f1, choice.baseline_macro_f1) == pytest.approx((0.9, 0.7))


def test_the_seeds_win_if_the_best_is_within_one_standard_error() -> None:
    # They differ on 20 + n texts; the difference's standard error is about √(20 + n) / 200.
    assert choose({SEEDS: 24, A: 20}) == SEEDS  # 0.02, and the standard error is 0.033
    assert choose({SEEDS: 26, A: 20}) == SEEDS  # 0.03 and 0.034
    assert choose({SEEDS: 30, A: 20}) == A  # 0.05 and 0.035


def test_label_sentences_are_simpler_than_texts_and_less_simple_than_seeds() -> None:
    assert [simplicity((variant, 0)) for variant in (SEEDS, SENTENCES, A, A_SENTENCES)] == [0, 1, 2, 2]
    assert choose({SEEDS: 60, SENTENCES: 22, A: 20}) == SENTENCES
    assert choose({SEEDS: 22, SENTENCES: 21, A: 20}) == SEEDS
    assert choose({SEEDS: 60, SENTENCES: 45, A: 20}) == A


def test_of_equally_simple_variants_the_better_one_wins() -> None:
    for first, second in ((20, 22), (22, 20)):
        assert choose({SEEDS: 60, A: first, B: second}) == (A if first < second else B)
        assert choose({SEEDS: first, SEEDS_PROBE: second, A: 20}) == (SEEDS if first < second else SEEDS_PROBE)


def test_the_ceiling_is_never_recommended_nor_the_measure_of_the_best() -> None:
    assert choose({SEEDS: 60, A: 20, REAL: 0}) == A
    assert choose({SEEDS: 60, REAL: 0}) == SEEDS


def test_too_few_texts_recommend_nothing() -> None:
    assert choose({SEEDS: 10, A: 1}, n=N_ENOUGH - 1) is None
    assert choose({SEEDS: 10, A: 1}, n=N_ENOUGH) == A


@pytest.mark.parametrize(
    ("n_validation", "texts"),
    [
        (30, "30 validation texts"),
        (0, "30 seeds in cross-validation"),
        (18, "18 validation texts and 12 seeds in cross-validation"),
        (90, "30 validation texts"),
    ],
)
def test_the_choice_says_which_texts_chose(n_validation: int, texts: str) -> None:
    choice = recommend(predict_each({SEEDS: 10, A: 1}, n=30), 2, n_validation=n_validation)
    assert choice is not None
    assert choice.texts == texts


def test_without_a_baseline_nothing_is_recommended() -> None:
    assert choose({A: 20, SENTENCES: 20}) is None
    assert recommend({}, 2) is None


def test_a_gain_is_over_the_seeds_with_the_same_kind_of_classifier() -> None:
    probe = Variant(A.use, A.generation_run_ids, kind=PROBE)
    predicted = predict_each({SEEDS: 80, SEEDS_PROBE: 60}) | {(probe, 50): predict(20, 0)}
    choice = recommend(predicted, 2)
    assert choice is not None
    assert (choice.variant, choice.baseline_macro_f1) == (probe, macro_f1_of(predicted[SEEDS_PROBE, 0], 2))


@pytest.mark.parametrize("changes", [{"rng_seed": 1}, {"n": 199}])
def test_what_cannot_be_compared_with_its_baseline_is_no_candidate(changes: dict[str, int]) -> None:
    predicted = {(SEEDS, 0): predict(60, 0), (A, 50): predict(20, 30, **changes), (B, 50): predict(40, 30)}
    choice = recommend(predicted, 2)
    assert choice is not None
    assert choice.variant == B


def test_the_same_predictions_give_the_same_choice_in_any_order() -> None:
    predicted = predict_each({SEEDS: 27, SENTENCES: 24, A: 20, B: 21})
    assert recommend(predicted, 2) == recommend(dict(reversed(predicted.items())), 2)


def test_the_answer_names_what_is_recommended_and_its_gain_on_the_test_texts() -> None:
    runs = [make_run(SEEDS, 0, 0.5), make_run(A, 50, 0.6)]
    names = name_variants([SEEDS, A], WRITERS)
    recommended = Recommended(Choice(A, 50, 0.62, 0.5, 108), Interval(0.1, 0.05, 0.15, 3))
    assert answer(runs, "macro_f1", names, recommended) == (
        "Recommended: raw, 50 texts. On the test texts it gains 10.0 points of macro-F1 over the 30 seeds alone "
        "(95% interval +5.0 to +15.0)."
    )
    doubtful = Recommended(Choice(A, 50, 0.62, 0.5, 108), Interval(0.1, -0.01, 0.2, 3))
    assert answer(runs, "macro_f1", names, doubtful).endswith("(95% interval −1.0 to +20.0). It may be chance.")
    worse = Recommended(Choice(A, 50, 0.62, 0.5, 108), Interval(-0.1, -0.2, 0.0, 3))
    assert "it loses 10.0 points of macro-F1" in answer(runs, "macro_f1", names, worse)


def test_the_answer_names_what_is_worse_on_the_test_texts() -> None:
    runs = [*BASELINE, *LOSES, *make_runs(A, 50, [0.52, 0.55, 0.47])]
    names = name_variants([SEEDS, A, B], WRITERS)
    assert answer(runs, "macro_f1", names, Recommended(Choice(SEEDS, 0, 0.5, 0.5, 108), None)).endswith(
        " On the test texts, in points of macro-F1: worse: B, 50 texts (−10.0)."
    )
    itself = Recommended(Choice(B, 50, 0.6, 0.5, 108), Interval(-0.1, -0.2, -0.05, 3))
    assert "in points of macro-F1" not in answer(runs, "macro_f1", names, itself)  # its loss is stated already


def test_the_answer_doubts_a_gain_of_one_rng_seed() -> None:
    runs = [make_run(SEEDS, 0, 0.5), make_run(A, 50, 0.6)]
    recommended = Recommended(Choice(A, 50, 0.62, 0.5, 108), Interval(0.1, 0.05, 0.15, 1))
    assert answer(runs, "macro_f1", name_variants([SEEDS, A], WRITERS), recommended).endswith(
        "(95% interval +5.0 to +15.0). One RNG seed does not rule out chance."
    )


def test_the_answer_says_plainly_that_the_seeds_alone_are_recommended() -> None:
    runs = [make_run(SEEDS, 0, 0.5), make_run(A, 50, 0.6)]
    recommended = Recommended(Choice(SEEDS, 0, 0.5, 0.5, 1200), None)
    assert answer(runs, "macro_f1", name_variants([SEEDS, A], WRITERS), recommended) == (
        "Recommended: the 30 seeds alone. No variant is better on the 1,200 validation texts by more than "
        "one standard error."
    )


def test_the_answer_names_the_classifier_of_the_seeds_where_several_were_trained() -> None:
    runs = [make_run(SEEDS, 0, 0.5), make_run(SEEDS_PROBE, 0, 0.6)]
    recommended = Recommended(Choice(SEEDS_PROBE, 0, 0.6, 0.6, 108), None)
    found = answer(runs, "macro_f1", name_variants([SEEDS, SEEDS_PROBE], WRITERS), recommended)
    assert found.startswith("Recommended: the 30 seeds alone (linear probe). ")


def test_without_a_recommendation_the_answer_is_the_headline() -> None:
    runs = [make_run(SEEDS, 0, 0.5), make_run(A, 50, 0.6)]
    names = name_variants([SEEDS, A], WRITERS)
    assert answer(runs, "macro_f1", names, None) == headline(runs, "macro_f1", names)


def test_each_variant_takes_part_with_its_largest_size() -> None:
    assert pick_largest([(SEEDS, 0), (A, 10), (A, 50), (B, 30), (A, 20)]) == [(SEEDS, 0), (A, 50), (B, 30)]
    assert pick_largest([]) == []
