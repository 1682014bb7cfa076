"""Review steps and events: single, bulk and conflicting decisions, and undoing them."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from augment.errors import ConflictError, StorageError
from augment.records import (
    Decision,
    LabelledText,
    PageRequest,
    PreparedData,
    QueueOrder,
    QueueRequest,
    ReviewAction,
    ReviewEvent,
    ReviewOrder,
    ReviewStatus,
    ReviewStep,
    ShownTexts,
    Split,
    StoredText,
    Task,
    TextFilters,
    TextState,
    Verdict,
)
from storage import Store

LABELS = ("joy", "anger", "surprise")
ALL = TextFilters()
SECOND = QueueOrder(is_second=True)


def make(store: Store, n: int = 6, *, labels: tuple[str, ...] = LABELS) -> tuple[Task, list[StoredText]]:
    """A task with `n` imported texts, labelled in turn."""
    rows = (LabelledText("real", labels[0]),)
    held_out = (LabelledText("held out", labels[0]),)
    task = store.tasks.create(PreparedData("t", "s", labels, {Split.POOL: rows, Split.TEST: held_out}))
    texts = [LabelledText(f"text {i}", labels[i % len(labels)]) for i in range(n)]
    run = store.generations.import_texts(task.id, "LM", texts)
    return task, store.generations.texts([run.id])


@pytest.fixture
def made(store: Store) -> tuple[Task, list[StoredText]]:
    return make(store)


def states(store: Store, texts: list[StoredText]) -> list[tuple[str, str, str]]:
    """(text, label, status) of each text now."""
    now = [store.reviews.text(text.id) for text in texts]
    return [(text.text, text.label, text.status.value) for text in now]


def test_undo_reverts_the_last_step_that_is_not_undone(store: Store, made: tuple[Task, list[StoredText]]) -> None:
    task, (first, second, *_) = made
    store.reviews.decide(first.id, Verdict(ReviewAction.RELABEL, "surprise"), reviewer="me")
    store.reviews.decide(second.id, ReviewAction.REJECT, reviewer="me")
    assert store.reviews.count_status(task.id) == {
        ReviewStatus.PENDING: 4,
        ReviewStatus.ACCEPTED: 1,
        ReviewStatus.REJECTED: 1,
    }
    undone = store.reviews.undo(task.id, reviewer="me")
    assert undone is not None
    assert undone.text_id == second.id
    assert store.reviews.text(second.id).status is ReviewStatus.PENDING
    store.reviews.undo(task.id, reviewer="me")
    assert store.reviews.text(first.id).label == "joy"
    assert store.reviews.undo(task.id, reviewer="me") is None
    assert [event.action for event in store.reviews.history(first.id)] == [ReviewAction.RELABEL, ReviewAction.UNDO]


def test_a_double_click_is_one_event(store: Store, made: tuple[Task, list[StoredText]]) -> None:
    task, (text, *_) = made
    first = store.reviews.decide(text.id, ReviewAction.ACCEPT, reviewer="me", seen=text)
    assert store.reviews.decide(text.id, ReviewAction.ACCEPT, reviewer="me", seen=text) == first
    assert store.reviews.decide(text.id, Verdict(ReviewAction.NOTE, note=""), reviewer="me") is None
    assert store.reviews.count_events(task.id) == 1


def test_the_same_decision_by_another_person_is_a_separate_event(
    store: Store, made: tuple[Task, list[StoredText]]
) -> None:
    _task, (text, *_) = made
    store.reviews.decide(text.id, ReviewAction.ACCEPT, reviewer="me")
    store.reviews.decide(text.id, ReviewAction.ACCEPT, reviewer="you")
    assert [event.reviewer for event in store.reviews.history(text.id)] == ["me", "you"]


def test_a_decision_on_a_card_that_somebody_else_changed_is_a_conflict(
    store: Store, made: tuple[Task, list[StoredText]]
) -> None:
    _task, (card, *_) = made
    store.reviews.decide(card.id, ReviewAction.REJECT, reviewer="Bob", seen=card)
    with pytest.raises(ConflictError, match="Bob decided on 'text 0' after it was shown here: it is now rejected"):
        store.reviews.decide(card.id, ReviewAction.ACCEPT, reviewer="Ada", seen=card)
    assert store.reviews.text(card.id).status is ReviewStatus.REJECTED
    again = store.reviews.text(card.id)
    store.reviews.decide(card.id, ReviewAction.ACCEPT, reviewer="Ada", seen=again)
    assert store.reviews.text(card.id).status is ReviewStatus.ACCEPTED


def test_a_note_by_somebody_else_is_not_a_conflict(store: Store, made: tuple[Task, list[StoredText]]) -> None:
    _, (card, *_) = made
    store.reviews.decide(card.id, Verdict(ReviewAction.NOTE, note="odd one"), reviewer="Bob")
    store.reviews.decide(card.id, ReviewAction.ACCEPT, reviewer="Ada", seen=card)
    now = store.reviews.text(card.id)
    assert (now.note, now.status) == ("odd one", ReviewStatus.ACCEPTED)


def test_undo_keeps_later_decisions_by_others(store: Store, made: tuple[Task, list[StoredText]]) -> None:
    task, texts = made
    store.reviews.decide(texts[1].id, ReviewAction.REJECT, reviewer="me")
    store.reviews.decide_many(task.id, [text.id for text in texts[:3]], ReviewAction.ACCEPT, reviewer="me")
    store.reviews.decide(texts[0].id, ReviewAction.REJECT, reviewer="you")
    undone = store.reviews.undo(task.id, reviewer="me")
    assert undone is not None
    assert (undone.n_events, undone.n_kept) == (2, 1)
    assert [state[2] for state in states(store, texts)[:3]] == ["rejected", "rejected", "pending"]
    undone = store.reviews.undo(task.id, reviewer="me")
    assert undone is not None
    assert [state[2] for state in states(store, texts)[:3]] == ["rejected", "pending", "pending"]
    assert store.reviews.undo(task.id, reviewer="me") is None


def test_undo_keeps_decisions_that_others_agreed_with(store: Store, made: tuple[Task, list[StoredText]]) -> None:
    task, texts = made
    store.reviews.decide(texts[0].id, ReviewAction.ACCEPT, reviewer="me")
    store.reviews.decide(texts[0].id, ReviewAction.ACCEPT, reviewer="you")
    store.reviews.decide_many(task.id, [text.id for text in texts[1:4]], ReviewAction.ACCEPT, reviewer="me")
    step = store.reviews.decide_many(task.id, [text.id for text in texts[2:4]], ReviewAction.ACCEPT, reviewer="you")
    assert step is not None
    assert step.n_events == 2  # agreeing is a decision
    undone = store.reviews.undo(task.id, reviewer="me")
    assert undone is not None
    assert (undone.n_events, undone.n_kept) == (1, 2)
    undone = store.reviews.undo(task.id, reviewer="me")
    assert undone is not None
    assert (undone.n_events, undone.n_kept) == (0, 1)
    assert [state[2] for state in states(store, texts)[:4]] == ["accepted", "pending", "accepted", "accepted"]
    store.reviews.undo(task.id, reviewer="you")
    # the state before those decisions
    assert [state[2] for state in states(store, texts)[2:4]] == ["accepted", "accepted"]


@pytest.mark.parametrize("before", ["note", "undo"])
def test_agreeing_counts_as_a_decision_after_one_s_own_note_or_undo(
    store: Store, made: tuple[Task, list[StoredText]], before: str
) -> None:
    task, (text, *_) = made
    store.reviews.decide(text.id, Verdict(ReviewAction.RELABEL, "surprise"), reviewer="Ada")
    if before == "note":
        store.reviews.decide(text.id, Verdict(ReviewAction.NOTE, note="hm"), reviewer="Bob")
    else:
        store.reviews.decide(text.id, ReviewAction.REJECT, reviewer="Bob")
        store.reviews.undo(task.id, reviewer="Bob")
    assert not store.reviews.has_decided(text.id, reviewer="Bob")
    store.reviews.decide(text.id, Verdict(ReviewAction.RELABEL, "surprise"), reviewer="Bob")
    assert store.reviews.has_decided(text.id, reviewer="Bob")
    (pair,) = store.review_statistics.count_pairs(task.id)
    assert (pair.first_outcome, pair.second_outcome) == ("surprise", "surprise")
    assert store.review_queue.take(task.id, QueueRequest(order=SECOND, reviewer="Bob"), holder="bob") == []


def test_the_state_of_a_text_after_each_event_is_known(store: Store, made: tuple[Task, list[StoredText]]) -> None:
    task, texts = made
    first = texts[0]
    reviews, seen = store.reviews, [store.reviews.text(first.id)]
    for verdict in (
        Verdict(ReviewAction.RELABEL, "surprise"),
        Verdict(ReviewAction.EDIT, text="corrected"),
        ReviewAction.REJECT,
    ):
        reviews.decide(first.id, verdict, reviewer="Bob")
        seen.append(reviews.text(first.id))
    reviews.undo(task.id, reviewer="Bob")
    for stood in seen:
        assert reviews.as_of(first.id, stood.last_event_id) == stood
    with pytest.raises(StorageError, match="is gone"):
        reviews.as_of(99_999, None)


def test_ticked_texts_that_somebody_changed_are_left_unchanged(
    store: Store, made: tuple[Task, list[StoredText]]
) -> None:
    task, texts = made
    seen = {text.id: text.last_event_id for text in texts[:3]}
    store.reviews.decide(texts[0].id, ReviewAction.REJECT, reviewer="Bob")
    store.reviews.decide(texts[1].id, Verdict(ReviewAction.NOTE, note="mine"), reviewer="Ada")
    step = store.reviews.decide_many(task.id, ShownTexts(seen), ReviewAction.ACCEPT, reviewer="Ada")
    assert step is not None
    assert (step.n_events, step.n_kept) == (2, 1)
    assert [state[2] for state in states(store, texts)[:3]] == ["rejected", "accepted", "accepted"]


def test_an_imported_label_that_agrees_is_a_decision_and_a_note_is_not(
    store: Store, made: tuple[Task, list[StoredText]]
) -> None:
    task, texts = made
    store.reviews.decide_many(task.id, [text.id for text in texts[:4]], ReviewAction.ACCEPT, reviewer="Ada")
    decisions = {text.id: Decision(text.label, ReviewStatus.ACCEPTED) for text in texts[:2]}
    decisions[texts[2].id] = Decision("surprise" if texts[2].label != "surprise" else "joy", ReviewStatus.ACCEPTED)
    decisions[texts[3].id] = Decision(note="only a note")
    step = store.reviews.import_decisions(task.id, decisions, reviewer="Bob")
    assert step is not None
    assert step.n_events == 4
    pairs = store.review_statistics.count_pairs(task.id)
    assert sum(pair.n for pair in pairs) == 3
    assert sum(pair.n for pair in pairs if pair.first_outcome == pair.second_outcome) == 2
    assert store.reviews.import_decisions(task.id, decisions, reviewer="Bob") is None


def test_an_undo_that_changes_nothing_does_not_block_earlier_steps(
    store: Store, made: tuple[Task, list[StoredText]]
) -> None:
    task, (first, second, *_) = made
    store.reviews.decide(first.id, ReviewAction.ACCEPT, reviewer="me")
    store.reviews.decide(second.id, ReviewAction.ACCEPT, reviewer="me")
    store.reviews.decide(second.id, ReviewAction.REJECT, reviewer="you")
    blocked = store.reviews.undo(task.id, reviewer="me")
    assert blocked is not None
    assert (blocked.n_events, blocked.n_kept) == (0, 1)
    undone = store.reviews.undo(task.id, reviewer="me")
    assert undone is not None
    assert undone.text_id == first.id


def test_an_edit_keeps_the_original_and_can_be_undone(store: Store, made: tuple[Task, list[StoredText]]) -> None:
    task, (text, *_) = made
    store.reviews.decide(text.id, Verdict(ReviewAction.EDIT, text="better text"), reviewer="me")
    now = store.reviews.text(text.id)
    assert (now.text, now.proposed_text, now.status) == ("better text", "text 0", ReviewStatus.PENDING)
    store.reviews.undo(task.id, reviewer="me")
    assert store.reviews.text(text.id).text == "text 0"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (" ", "cannot be empty"),
        ("x" * 10_001, "at most 10,000 characters"),
        (" Held  OUT", "in the validation or test split"),
    ],
)
def test_an_invalid_edit_is_refused(store: Store, made: tuple[Task, list[StoredText]], text: str, reason: str) -> None:
    _, (first, *_) = made
    with pytest.raises(StorageError, match=reason):
        store.reviews.decide(first.id, Verdict(ReviewAction.EDIT, text=text), reviewer="me")
    assert store.reviews.history(first.id) == []


def test_a_label_outside_the_task_is_refused(store: Store, made: tuple[Task, list[StoredText]]) -> None:
    task, (first, *_) = made
    expected = "'love' is not a label of this task. Expected one of joy, anger, surprise"
    with pytest.raises(StorageError, match=expected):
        store.reviews.decide(first.id, Verdict(ReviewAction.RELABEL, "love"), reviewer="me")
    with pytest.raises(StorageError, match=expected):
        store.reviews.decide_many(task.id, ALL, Verdict(ReviewAction.RELABEL, "love"), reviewer="me")
    with pytest.raises(StorageError, match=expected):
        store.reviews.import_decisions(task.id, {first.id: Decision(label="love")}, reviewer="me")
    assert store.reviews.count_events(task.id) == 0


def test_a_decision_on_a_deleted_text_is_refused(store: Store) -> None:
    with pytest.raises(StorageError, match="Text 999 is gone"):
        store.reviews.decide(999, ReviewAction.ACCEPT, reviewer="me")


def test_a_change_of_all_matching_texts_is_one_step_and_one_undo(
    store: Store, made: tuple[Task, list[StoredText]]
) -> None:
    task, texts = made
    store.reviews.decide(texts[0].id, ReviewAction.REJECT, reviewer="you")
    before = states(store, texts)
    relabel = Verdict(ReviewAction.RELABEL, "anger")
    step = store.reviews.decide_many(task.id, TextFilters(label="joy"), relabel, reviewer="me")
    assert step is not None
    assert step.n_events == 2
    assert [state[1:] for state in states(store, texts)] == [
        ("anger", "accepted"),
        ("anger", "pending"),
        ("surprise", "pending"),
    ] * 1 + [("anger", "accepted"), ("anger", "pending"), ("surprise", "pending")]
    assert store.reviews.decide_many(task.id, TextFilters(label="joy"), ReviewAction.ACCEPT, reviewer="me") is None
    assert store.reviews.last_step(task.id, reviewer="me") == step
    store.reviews.undo(task.id, reviewer="me")
    assert states(store, texts) == before


def test_bulk_changes_only_affect_their_task(store: Store) -> None:
    task, texts = make(store)
    _, others = make(store)
    store.reviews.decide_many(task.id, ALL, ReviewAction.ACCEPT, reviewer="me")
    store.reviews.decide_many(task.id, [text.id for text in others], ReviewAction.REJECT, reviewer="me")
    assert {state[2] for state in states(store, texts)} == {"accepted"}
    assert {state[2] for state in states(store, others)} == {"pending"}


def test_labels_decided_elsewhere_are_one_step(store: Store, made: tuple[Task, list[StoredText]]) -> None:
    task, texts = made
    decisions = {text.id: Decision("anger", ReviewStatus.ACCEPTED, note="by hand") for text in texts[:2]}
    decisions[texts[2].id] = Decision(status=ReviewStatus.REJECTED)
    step = store.reviews.import_decisions(task.id, decisions, reviewer="Ada")
    assert step is not None
    assert (step.n_events, step.action) == (3, ReviewAction.IMPORT)
    assert [state[1:] for state in states(store, texts)[:3]] == [
        ("anger", "accepted"),
        ("anger", "accepted"),
        ("surprise", "rejected"),
    ]
    assert store.reviews.import_decisions(task.id, decisions, reviewer="Ada") is None
    store.reviews.undo(task.id, reviewer="Ada")
    assert {state[2] for state in states(store, texts)} == {"pending"}


def test_an_unknown_id_changes_nothing(store: Store, made: tuple[Task, list[StoredText]]) -> None:
    task, texts = made
    decisions = {texts[0].id: Decision("anger", ReviewStatus.ACCEPTED), 999: Decision("joy")}
    with pytest.raises(StorageError, match="1 of the ids are not ids of .*; the first is 999"):
        store.reviews.import_decisions(task.id, decisions, reviewer="Ada")
    assert store.reviews.count_events(task.id) == 0


def test_the_probability_of_the_label_follows_the_label(store: Store, made: tuple[Task, list[StoredText]]) -> None:
    """The queue sorts by it: a text relabelled to a likely label moves back."""
    from sqlalchemy import update

    from storage.schema import SyntheticTextRow

    task, texts = made
    with store.engine.begin() as connection:
        connection.execute(update(SyntheticTextRow).values(label_probs=[0.1, 0.2, 0.7], confidence=0.7, label_prob=0.1))
    store.reviews.decide(texts[0].id, Verdict(ReviewAction.RELABEL, "surprise"), reviewer="me")
    store.reviews.undo(task.id, reviewer="me")
    store.reviews.decide(texts[3].id, Verdict(ReviewAction.RELABEL, "surprise"), reviewer="me")
    order = store.reviews.page(task.id, ALL, PageRequest(ReviewOrder.DISAGREEMENT))
    assert order[-1].id == texts[3].id
    assert order[0].id == texts[0].id


def test_texts_are_filtered_sorted_and_paged(store: Store) -> None:
    task, texts = make(store, 12)
    anger = TextFilters(status=ReviewStatus.PENDING, label="anger")
    assert store.reviews.count(task.id, anger) == 4
    assert [text.text for text in store.reviews.page(task.id, anger, PageRequest(number=2, size=3))] == ["text 10"]
    newest = store.reviews.page(task.id, ALL, PageRequest(ReviewOrder.NEWEST, size=2))
    assert [text.text for text in newest] == ["text 11", "text 10"]
    at_random = PageRequest(ReviewOrder.RANDOM)
    shuffled = [text.id for text in store.reviews.page(task.id, ALL, at_random)]
    assert sorted(shuffled) == [text.id for text in texts]
    assert shuffled == [text.id for text in store.reviews.page(task.id, ALL, at_random)]


def test_search_is_literal_and_ignores_case(store: Store) -> None:
    task, _ = make(store, 1)
    store.generations.import_texts(
        task.id, "LM", [LabelledText(text, "joy") for text in ("100% SURE_thing", "100 sure", "سلام عليكم 🎉", "\\o/")]
    )
    for part, n in (("100%", 1), ("sure_", 1), ("سلام", 1), ("🎉", 1), ("\\o", 1), ("SURE", 2), ("x", 1)):
        assert store.reviews.count(task.id, TextFilters(search=part)) == n, part


def test_texts_are_filtered_by_their_origin(store: Store) -> None:
    task, texts = make(store, 3)
    other = store.generations.import_texts(task.id, "GPT-J", [LabelledText("from GPT-J", "joy")])
    assert store.reviews.count(task.id, TextFilters(lm_name="GPT-J")) == 1
    assert store.reviews.count(task.id, TextFilters(run_id=other.id)) == 1
    assert store.reviews.count(task.id, TextFilters(strategy="mix")) == 0
    assert store.reviews.count(task.id, TextFilters(proposed_label="joy")) == 2
    assert store.reviews.count(task.id, TextFilters(least=0.1)) == 0
    store.reviews.decide(texts[0].id, ReviewAction.ACCEPT, reviewer="me")
    store.reviews.decide(texts[0].id, ReviewAction.REJECT, reviewer="you")
    store.reviews.decide(texts[1].id, ReviewAction.ACCEPT, reviewer="me")
    store.reviews.decide(texts[1].id, ReviewAction.ACCEPT, reviewer="you")
    disputed = store.reviews.page(task.id, TextFilters(is_disputed=True))
    assert [text.id for text in disputed] == [texts[0].id]


def test_runs_count_as_changed_by_decisions_labels_and_edits_but_not_by_notes(store: Store) -> None:
    verdicts = (
        (Verdict(ReviewAction.NOTE, note="odd"), False),
        (Verdict(ReviewAction.REJECT), True),
        (Verdict(ReviewAction.EDIT, text="corrected"), True),
        (Verdict(ReviewAction.RELABEL, "anger"), True),
    )
    for verdict, is_changed in verdicts:
        _, texts = make(store)
        pending = next(text for text in texts if text.proposed_label != "anger")
        store.reviews.decide(pending.id, verdict, reviewer="me")
        assert store.generations.is_changed([pending.run_id]) is is_changed


def test_the_rate_ignores_pauses_notes_and_bulk_changes(store: Store) -> None:
    from datetime import timedelta

    from storage.schema import ReviewStepRow, utc_now

    task, texts = make(store)
    assert store.reviews.rate(task.id, reviewer="me") is None
    for text in texts[:4]:
        store.reviews.decide(text.id, ReviewAction.ACCEPT, reviewer="me")
    for note in "abc":
        store.reviews.decide(texts[0].id, Verdict(ReviewAction.NOTE, note=note), reviewer="me")
    store.reviews.decide_many(task.id, [text.id for text in texts[:3]], ReviewAction.REJECT, reviewer="me")
    ages = (300, 120, 118, 116, 115.9, 115.8, 115.7, 115.6)  # seconds: a pause of three minutes, then two seconds each
    with store.engine.begin() as connection:
        for step_id, age in enumerate(ages, start=1):
            when = utc_now() - timedelta(seconds=age)
            connection.execute(
                ReviewStepRow.__table__.update().where(ReviewStepRow.id == step_id).values(created_at=when)
            )
    assert store.reviews.rate(task.id, reviewer="me") == pytest.approx(30, rel=0.05)


# Any sequence of decisions and undos ---------------------------------------------------------------------------------

N_TEXTS = 3
REVIEWERS = st.sampled_from(["Ada", "Bob"])
ACTS = st.one_of(
    st.tuples(st.just("undo"), REVIEWERS),
    st.tuples(st.just("accept"), REVIEWERS, st.integers(0, N_TEXTS - 1)),
    st.tuples(st.just("reject"), REVIEWERS, st.integers(0, N_TEXTS - 1)),
    st.tuples(st.just("relabel"), REVIEWERS, st.integers(0, N_TEXTS - 1), st.sampled_from(LABELS)),
    st.tuples(st.just("edit"), REVIEWERS, st.integers(0, N_TEXTS - 1), st.sampled_from(["a", "=b", "ش"])),
    st.tuples(st.just("note"), REVIEWERS, st.integers(0, N_TEXTS - 1), st.sampled_from(["", "n"])),
    st.tuples(st.just("many"), REVIEWERS, st.sampled_from([None, *LABELS]), st.sampled_from(LABELS)),
)


def act(store: Store, task: Task, texts: list[StoredText], what: tuple[object, ...]) -> ReviewStep | ReviewEvent | None:
    """Perform one of `ACTS`."""
    kind, reviewer, *rest = what
    who = str(reviewer)
    if kind == "undo":
        return store.reviews.undo(task.id, reviewer=who)
    if kind == "many":
        wanted = TextFilters(label=rest[0] if rest[0] is None else str(rest[0]))
        return store.reviews.decide_many(task.id, wanted, Verdict(ReviewAction.RELABEL, str(rest[1])), reviewer=who)
    assert isinstance(rest[0], int)
    text_id, value = texts[rest[0]].id, str(rest[1]) if len(rest) > 1 else None
    named = {"relabel": "label", "edit": "text", "note": "note"}.get(str(kind))
    values = {named: value} if named else {}
    return store.reviews.decide(text_id, Verdict(ReviewAction(str(kind)), **values), reviewer=who)


def replay(events: list[ReviewEvent], proposed: StoredText) -> TextState:
    """The state after all events; each event must start from the state that the previous one left."""
    text, label, status, note = proposed.proposed_text, proposed.proposed_label, ReviewStatus.PENDING, ""
    for event in events:
        before, after = event.change.before, event.change.after
        assert (before.label, before.status) == (label, status)
        assert before.text in (None, text)
        assert before.note in (None, note)
        label, status = after.label, after.status
        text = text if after.text is None else after.text
        note = note if after.note is None else after.note
    return TextState(label, status, text, note)


@pytest.fixture(scope="module")
def long_lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One database for all examples; each example uses its own task."""
    store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('reviews') / 'x.db'}")
    yield store
    store.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(acts=st.lists(ACTS, max_size=14))
def test_any_sequence_of_decisions_and_undos_equals_replaying_its_events(
    long_lived: Store, acts: list[tuple[object, ...]]
) -> None:
    task, texts = make(long_lived, N_TEXTS)
    for what in acts:
        act(long_lived, task, texts, what)
    for text in texts:
        now = long_lived.reviews.text(text.id)
        events = long_lived.reviews.history(text.id)
        assert replay(events, text) == now.state
        assert now.last_event_id == (events[-1].id if events else None)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(acts=st.lists(ACTS, max_size=10))
def test_undoing_everything_restores_the_initial_state(long_lived: Store, acts: list[tuple[object, ...]]) -> None:
    """With one reviewer only: with two, later decisions by the other are kept."""
    task, texts = make(long_lived, N_TEXTS)
    for kind, _, *rest in acts:
        act(long_lived, task, texts, (kind, "Ada", *rest))
    while long_lived.reviews.undo(task.id, reviewer="Ada") is not None:
        pass
    for text in texts:
        assert replace(long_lived.reviews.text(text.id), last_event_id=None) == text
