"""What to do next, after constructed results."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from augment.records import TextFilter, TextUse, TrainingRun, Variant
from augment.results.headlines import headline
from augment.results.next_steps import Action, NextStep, TextProgress, next_step
from tests.augment.results.made_runs import BASELINE, GAINS, LOSES, NOISE, REAL, SEEDS, A, D, make_runs, names_of

CEILING = make_runs(REAL, 50, [0.90, 0.93, 0.91])
EQUAL = make_runs(A, 50, [0.60, 0.62, 0.58])  # +0.10 each
FIVE = make_runs(SEEDS, 0, [0.50, 0.52, 0.48, 0.51, 0.49])
FIVE_OF_NOISE = [0.55, 0.46, 0.51, 0.55, 0.46]
RELABELLED, CONSENSUS = Variant(TextUse.RELABELLED, (1,)), Variant(TextUse.CONSENSUS, (1,))
SENTENCES = Variant(has_sentences=True)

REVIEW = "Next: review 50 texts, the most doubtful first, then train on the relabelled texts"
DECIDE = "the most doubtful first, then train again: these decisions also correct the labels of similar texts."
MORE_SEEDS = "Next: train more RNG seeds per point"
MORE_TEXTS = "Next: generate more texts, so that each RNG seed draws different ones and the gain can be tested."
AGREED = "Next: train with the filter “agreed”: it drops texts that a seeds-only classifier labels differently."
ELSEWHERE = "Next: try another prompt, strategy or language model."
SHARE = "Next: generate more texts, or send somebody the report."


def of_variant(variant: Variant, runs: Sequence[TrainingRun]) -> list[TrainingRun]:
    return [replace(run, variant=variant) for run in runs]


def step(runs: Sequence[TrainingRun], progress: TextProgress, *, is_seeds_best: bool = False) -> NextStep:
    return next_step(runs, "macro_f1", progress, is_seeds_best=is_seeds_best)


@pytest.mark.parametrize(
    ("runs", "n_waiting", "expected", "action"),
    [
        # nothing to compare has been trained
        ([], 0, "Next: generate texts, then train with them and on the seeds only.", Action.GENERATE),
        (BASELINE, 0, "Next: generate texts, then train with them and on the seeds only.", Action.GENERATE),
        (BASELINE, 90, "Next: train on the seeds only and with the texts too.", Action.TRAIN),
        (GAINS, 90, "Next: train on the seeds only and with the texts too.", Action.TRAIN),
        # only label sentences
        (
            [*BASELINE, *of_variant(SENTENCES, LOSES)],
            0,
            "Next: generate texts, then train with them too.",
            Action.GENERATE,
        ),
        ([*BASELINE, *of_variant(SENTENCES, GAINS)], 90, "Next: train with the synthetic texts too.", Action.TRAIN),
        # one RNG seed
        ([*BASELINE[:1], *GAINS[:1]], 0, f"{MORE_SEEDS}; with one, chance cannot be ruled out.", Action.TRAIN),
        ([*BASELINE[:1], *GAINS[:1]], 90, f"{MORE_SEEDS}; with one, chance cannot be ruled out.", Action.TRAIN),
        # a significant gain
        ([*BASELINE, *GAINS], 90, f"{REVIEW} to see what correcting labels adds.", Action.REVIEW),
        ([*BASELINE, *GAINS], 0, SHARE, Action.GENERATE),
        ([*BASELINE, *of_variant(RELABELLED, GAINS)], 90, SHARE, Action.GENERATE),  # reviewed texts were tried
        # a significant loss
        ([*BASELINE, *LOSES], 90, f"{REVIEW}.", Action.REVIEW),
        ([*BASELINE, *LOSES], 0, AGREED, Action.TRAIN),
        # no significant difference
        ([*BASELINE, *NOISE], 90, f"{REVIEW}.", Action.REVIEW),
        ([*BASELINE, *NOISE], 7, f"{REVIEW}.".replace("50", "7"), Action.REVIEW),
        ([*BASELINE, *NOISE], 0, f"{MORE_SEEDS} (3 so far) to see whether the gain is real.", Action.TRAIN),
        (
            [*BASELINE, *of_variant(RELABELLED, NOISE)],
            90,
            f"{MORE_SEEDS} (3 so far) to see whether the gain is real.",
            Action.TRAIN,
        ),
        ([*FIVE, *make_runs(A, 50, FIVE_OF_NOISE)], 0, AGREED, Action.TRAIN),
        ([*FIVE, *make_runs(RELABELLED, 50, FIVE_OF_NOISE)], 90, AGREED, Action.TRAIN),
        ([*BASELINE, *make_runs(A, 50, [0.55, 0.46, 0.48])], 0, AGREED, Action.TRAIN),  # −0.3 on average
        # all RNG seeds agree exactly
        ([*BASELINE, *EQUAL], 90, f"{REVIEW}.", Action.REVIEW),
        ([*BASELINE, *EQUAL], 0, MORE_TEXTS, Action.GENERATE),
        ([*FIVE, *make_runs(A, 50, [0.60, 0.62, 0.58, 0.61, 0.59])], 0, MORE_TEXTS, Action.GENERATE),
    ],
)
def test_the_next_step_depends_on_the_results_and_on_texts_not_yet_reviewed(
    runs: list[TrainingRun], n_waiting: int, expected: str, action: Action
) -> None:
    assert step(runs, TextProgress(n_waiting)) == NextStep(expected, action)


# With consensus labels: 200 texts, reviewed step by step ------------------------------------------------------------


@pytest.mark.parametrize("runs", [GAINS, NOISE, LOSES])
def test_with_consensus_labels_a_few_decisions_come_first(runs: list[TrainingRun]) -> None:
    trained = [*BASELINE, *of_variant(CONSENSUS, runs)]
    assert step(trained, TextProgress(200)) == NextStep(f"Next: review 50 texts, {DECIDE}", Action.REVIEW)
    begun = TextProgress(188, 12, n_new_decisions=12)
    assert step(trained, begun).sentence == f"Next: review 38 more texts, {DECIDE}"


@pytest.mark.parametrize("runs", [GAINS, NOISE, LOSES])
def test_after_enough_decisions_the_next_step_is_to_train_again(runs: list[TrainingRun]) -> None:
    trained = [*BASELINE, *of_variant(CONSENSUS, runs)]
    again = NextStep("Next: train again with the 50 decisions that no experiment includes yet.", Action.TRAIN)
    assert step(trained, TextProgress(150, 50, n_new_decisions=50)) == again
    last = step(trained, TextProgress(0, 200, n_new_decisions=1))
    assert last.sentence == "Next: train again with the 1 decision that no experiment includes yet."


def test_once_decisions_are_trained_on_a_better_variant_needs_more_texts() -> None:
    better = [*BASELINE, *of_variant(CONSENSUS, GAINS)]
    assert step(better, TextProgress(150, 50)) == NextStep(
        "Next: generate more texts, review 50 more, or send somebody the report.", Action.GENERATE
    )
    assert step(better, TextProgress(0, 200)) == NextStep(SHARE, Action.GENERATE)


def test_once_decisions_are_trained_on_without_a_gain_something_else_is_tried() -> None:
    worse = [*BASELINE, *of_variant(CONSENSUS, LOSES)]  # consensus labels weigh the seeds' classifier already
    assert step(worse, TextProgress(150, 50)) == NextStep(
        "Next: review 50 more texts, or try another prompt or language model.", Action.REVIEW
    )
    assert step(worse, TextProgress(0, 200)) == NextStep(ELSEWHERE, Action.GENERATE)
    better = [*BASELINE, *of_variant(CONSENSUS, GAINS)]
    assert step(better, TextProgress(0, 200), is_seeds_best=True).sentence != SHARE


@pytest.mark.parametrize("use", [TextUse.RAW, TextUse.CONSENSUS, TextUse.RELABELLED])
def test_new_texts_are_trained_on_before_anything_else(use: TextUse) -> None:
    runs = [*BASELINE, *of_variant(replace(A, use=use), GAINS)]
    assert step(runs, TextProgress(300, 0, n_new_texts=100)) == NextStep(
        "Next: train again with the 100 texts that no experiment includes yet.", Action.TRAIN
    )
    both = step(runs, TextProgress(240, 60, n_new_texts=100, n_new_decisions=60)).sentence
    assert both == "Next: train again with the 100 texts and 60 decisions that no experiment includes yet."


# Other ---------------------------------------------------------------------------------------------------------------


def test_where_the_seeds_alone_are_recommended_nobody_is_told_to_send_the_report() -> None:
    runs = [*BASELINE, *GAINS]
    assert step(runs, TextProgress()).sentence == SHARE
    assert step(runs, TextProgress(), is_seeds_best=True).sentence != SHARE


def test_after_the_filter_was_tried_the_next_step_suggests_something_else() -> None:
    agreed = Variant(TextUse.RELABELLED, (1,), TextFilter(agrees=True))
    runs = [*BASELINE, *of_variant(agreed, LOSES)]
    assert step(runs, TextProgress(0, 7)).sentence == ELSEWHERE


@pytest.mark.parametrize(
    ("n_waiting", "n_reviewed", "asked"),
    [(90, 7, "50 more texts"), (1, 7, "1 more text"), (90, 0, "50 texts"), (1, 0, "1 text")],
)
def test_the_next_step_asks_for_more_reviews_only_where_there_are_some(
    n_waiting: int, n_reviewed: int, asked: str
) -> None:
    agreed = Variant(TextUse.RELABELLED, (1,), TextFilter(agrees=True))
    runs = [*BASELINE, *of_variant(agreed, LOSES)]
    expected = f"Next: review {asked}, or try another prompt or language model."
    assert step(runs, TextProgress(n_waiting, n_reviewed)).sentence == expected


def test_headline_and_next_step_are_about_the_same_variant() -> None:
    lucky = make_runs(D, 50, [0.9])  # more than the significant gain, from one RNG seed
    runs = [*BASELINE, *GAINS, *lucky]
    assert headline(runs, "macro_f1", names_of(runs)).startswith("50 raw texts (A) beat")
    assert step(runs, TextProgress()).sentence == SHARE
    found = step([*BASELINE, *NOISE, *lucky], TextProgress(90))
    assert found.sentence.startswith(f"{MORE_SEEDS}; with one")
