"""Statistics of review, counted from realistic decisions: undone, changed, in bulk, by two reviewers."""

import pytest

from augment.records import (
    Decision,
    LabelledText,
    OutcomeCount,
    PairCount,
    PreparedData,
    ReviewAction,
    ReviewStatus,
    Task,
    TextFilters,
    Verdict,
)
from storage import Store

ACCEPT, REJECT, RELABEL = ReviewAction.ACCEPT, ReviewAction.REJECT, ReviewAction.RELABEL
LABELS = ("joy", "anger", "surprise")


def import_run(store: Store, task: Task, n: int, name: str = "LM") -> list[int]:
    """Ids of n texts, labelled joy, anger, surprise in turn."""
    rows = [LabelledText(f"{name} text {i}", LABELS[i % 3]) for i in range(n)]
    return [text.id for text in store.generations.texts([store.generations.import_texts(task.id, name, rows).id])]


@pytest.fixture
def ids(store: Store, task: Task) -> list[int]:
    return import_run(store, task, 9)


def outcomes(store: Store, task: Task) -> dict[tuple[int, str], tuple[int, int, int, int]]:
    """(pending, kept, relabelled, rejected) by run and proposed label."""
    return {
        (outcome.run_id, outcome.proposed_label): (
            outcome.n_pending,
            outcome.n_kept,
            outcome.n_relabelled,
            outcome.n_rejected,
        )
        for outcome in store.review_statistics.outcomes(task.id)
    }


def pairs(store: Store, task: Task) -> dict[tuple[str, str, str, str], int]:
    return {
        (count.first, count.second, count.first_outcome, count.second_outcome): count.n
        for count in store.review_statistics.count_pairs(task.id)
    }


# Outcomes ------------------------------------------------------------------------------------------------------------


def test_outcomes_are_counted_by_run_and_proposed_label(store: Store, task: Task, ids: list[int]) -> None:
    other = import_run(store, task, 2, "other LM")
    decide = store.reviews.decide
    decide(ids[0], ACCEPT, reviewer="a")
    decide(ids[3], Verdict(RELABEL, "joy"), reviewer="a")  # relabelled to the same label: accepted as proposed
    decide(ids[6], Verdict(RELABEL, "anger"), reviewer="a")
    decide(ids[1], REJECT, reviewer="a")
    decide(other[1], ACCEPT, reviewer="a")
    assert outcomes(store, task) == {
        (1, "anger"): (2, 0, 0, 1),
        (1, "joy"): (0, 2, 1, 0),
        (1, "surprise"): (3, 0, 0, 0),
        (2, "anger"): (0, 1, 0, 0),
        (2, "joy"): (1, 0, 0, 0),
    }
    assert store.review_statistics.outcomes(task.id)[0] == OutcomeCount(1, "anger", 2, 0, 0, 1)


def test_an_undone_decision_is_not_counted(store: Store, task: Task, ids: list[int]) -> None:
    store.reviews.decide(ids[0], Verdict(RELABEL, "anger"), reviewer="a")
    store.reviews.decide(ids[0], REJECT, reviewer="a")
    assert outcomes(store, task)[1, "joy"] == (2, 0, 0, 1)
    store.reviews.undo(task.id, reviewer="a")
    assert outcomes(store, task)[1, "joy"] == (2, 0, 1, 0)  # counted under the label that the LM proposed
    store.reviews.undo(task.id, reviewer="a")
    assert outcomes(store, task)[1, "joy"] == (3, 0, 0, 0)
    assert store.review_statistics.count_against_lm(task.id) == {}


def test_bulk_decisions_count_like_single_ones(store: Store, task: Task, ids: list[int]) -> None:
    store.reviews.decide_many(task.id, TextFilters(label="joy"), ACCEPT, reviewer="a")
    store.reviews.decide_many(task.id, [ids[1], ids[4]], Verdict(RELABEL, "surprise"), reviewer="a")
    store.reviews.decide_many(task.id, TextFilters(status=ReviewStatus.PENDING), REJECT, reviewer="b")
    expected = {(1, "anger"): (0, 0, 2, 1), (1, "joy"): (0, 3, 0, 0), (1, "surprise"): (0, 0, 0, 3)}
    assert outcomes(store, task) == expected
    assert store.review_statistics.count_against_lm(task.id) == {("joy", "joy"): 3, ("anger", "surprise"): 2}
    store.reviews.undo(task.id, reviewer="a")
    assert outcomes(store, task)[1, "anger"] == (2, 0, 0, 1)


def test_an_edited_text_with_the_same_label_counts_as_kept(store: Store, task: Task, ids: list[int]) -> None:
    store.reviews.decide(ids[0], Verdict(ReviewAction.EDIT, text="corrected"), reviewer="a")
    assert outcomes(store, task)[1, "joy"] == (3, 0, 0, 0)
    store.reviews.decide(ids[0], ACCEPT, reviewer="a")
    assert outcomes(store, task)[1, "joy"] == (2, 1, 0, 0)


def test_people_are_compared_with_the_lm_by_their_last_decision_without_rejected_texts(
    store: Store, task: Task, ids: list[int]
) -> None:
    store.reviews.decide(ids[0], Verdict(RELABEL, "anger"), reviewer="a")
    store.reviews.decide(ids[0], Verdict(RELABEL, "surprise"), reviewer="b")
    store.reviews.decide(ids[1], ACCEPT, reviewer="a")
    store.reviews.decide(ids[2], REJECT, reviewer="a")
    assert store.review_statistics.count_against_lm(task.id) == {("joy", "surprise"): 1, ("anger", "anger"): 1}


def test_other_tasks_do_not_count(store: Store, task: Task, ids: list[int], starter: PreparedData) -> None:
    other = store.tasks.create(starter)
    for reviewer in "ab":
        store.reviews.decide(ids[0], ACCEPT, reviewer=reviewer)
    figures = store.review_statistics
    assert (figures.outcomes(other.id), figures.count_against_lm(other.id), figures.count_pairs(other.id)) == (
        [],
        {},
        [],
    )


# Pairs of reviewers --------------------------------------------------------------------------------------------------


def test_two_reviewers_are_compared_where_both_decided(store: Store, task: Task, ids: list[int]) -> None:
    decide = store.reviews.decide
    decide(ids[0], ACCEPT, reviewer="eve")
    decide(ids[0], ACCEPT, reviewer="adam")  # the same decision is a second opinion, not a double click
    decide(ids[1], ACCEPT, reviewer="eve")
    decide(ids[1], Verdict(RELABEL, "joy"), reviewer="adam")
    decide(ids[2], REJECT, reviewer="adam")
    decide(ids[2], ACCEPT, reviewer="eve")
    decide(ids[3], ACCEPT, reviewer="eve")  # adam did not decide on it
    assert pairs(store, task) == {
        ("adam", "eve", "joy", "joy"): 1,
        ("adam", "eve", "joy", "anger"): 1,
        ("adam", "eve", "", "surprise"): 1,
    }
    assert store.reviews.count(task.id, TextFilters(is_disputed=True)) == 2


def test_a_reviewer_s_last_decision_counts_and_undo_restores_the_previous_one(
    store: Store, task: Task, ids: list[int]
) -> None:
    store.reviews.decide(ids[0], ACCEPT, reviewer="b")
    store.reviews.decide(ids[0], REJECT, reviewer="a")
    assert pairs(store, task) == {("a", "b", "", "joy"): 1}
    store.reviews.decide(ids[0], Verdict(RELABEL, "anger"), reviewer="a")
    assert pairs(store, task) == {("a", "b", "anger", "joy"): 1}
    store.reviews.undo(task.id, reviewer="a")
    assert pairs(store, task) == {("a", "b", "", "joy"): 1}
    store.reviews.undo(task.id, reviewer="a")
    assert pairs(store, task) == {}


def test_bulk_decisions_are_compared_and_three_reviewers_give_three_pairs(
    store: Store, task: Task, ids: list[int]
) -> None:
    store.reviews.decide_many(task.id, ids[:3], ACCEPT, reviewer="a")
    store.reviews.decide_many(task.id, ids[:3], Verdict(RELABEL, "anger"), reviewer="b")
    store.reviews.decide_many(task.id, ids[:2], REJECT, reviewer="c")
    found = store.review_statistics.count_pairs(task.id)
    assert found == sorted(
        found, key=lambda count: (count.first, count.second, count.first_outcome, count.second_outcome)
    )
    assert PairCount("a", "c", "joy", "", 1) in found
    by_pair = {
        pair: sum(count.n for count in found if count.first + count.second == pair) for pair in ("ab", "ac", "bc")
    }
    # relabelling as anger a text that a accepted as anger agrees with a
    assert by_pair == {"ab": 3, "ac": 2, "bc": 2}


def test_an_imported_decision_counts_as_a_decision(store: Store, task: Task, ids: list[int]) -> None:
    store.reviews.decide(ids[0], ACCEPT, reviewer="a")
    rejected = Decision(status=ReviewStatus.REJECTED)
    store.reviews.import_decisions(task.id, {ids[0]: rejected}, reviewer="file")
    assert pairs(store, task) == {("a", "file", "joy", ""): 1}


@pytest.mark.parametrize("action", [ReviewAction.EDIT, ReviewAction.NOTE])
def test_editing_or_annotating_a_text_is_not_a_decision(
    store: Store, task: Task, ids: list[int], action: ReviewAction
) -> None:
    part = "text" if action is ReviewAction.EDIT else "note"
    store.reviews.decide(ids[0], ACCEPT, reviewer="a")
    store.reviews.decide(ids[0], Verdict(action, **{part: "is it?"}), reviewer="b")  # type: ignore[arg-type]
    assert pairs(store, task) == {}
    store.reviews.decide(ids[0], Verdict(RELABEL, "anger"), reviewer="b")
    store.reviews.decide(ids[0], Verdict(action, **{part: "is it again?"}), reviewer="a")  # type: ignore[arg-type]
    assert pairs(store, task) == {("a", "b", "joy", "anger"): 1}  # a did not choose anger
