"""The review queue: in any order, no card is handed to two people and no card is lost."""

import threading
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from augment.records import (
    Consensus,
    ConsensusLabel,
    QueueOrder,
    QueueRequest,
    ReviewAction,
    ReviewOrder,
    ReviewStatus,
    Split,
    StoredText,
    Task,
    TextFilters,
)
from storage import Store
from storage.reviews.queue import AHEAD_FOR, LENT_FOR
from storage.schema import ReviewLeaseRow, SyntheticTextRow, utc_now
from tests.storage.reviews.test_decisions import make

ALL = TextFilters()


@pytest.fixture
def made(store: Store) -> tuple[Task, list[StoredText]]:
    return make(store)


def taken(store: Store, task: Task, holder: str, request: QueueRequest = QueueRequest()) -> str | None:  # noqa: B008  frozen
    """The text that a tab gets next."""
    cards = store.review_queue.take(task.id, request, holder=holder)
    return cards[0].text if cards else None


def test_two_tabs_get_different_cards(store: Store, made: tuple[Task, list[StoredText]]) -> None:
    task, texts = made
    assert [taken(store, task, holder) for holder in ("a", "b", "c")] == ["text 0", "text 1", "text 2"]
    assert taken(store, task, "a") == "text 3"
    assert store.review_queue.hold([texts[1].id], holder="a") == frozenset()  # and releases its previous card
    assert store.review_queue.hold([texts[1].id, texts[4].id, 999], holder="a") == {texts[4].id}
    assert [taken(store, task, "d") for _ in range(4)] == ["text 0", "text 3", "text 5", None]
    assert store.review_queue.count_lent(task.id, ALL, holder="a") == 5
    assert store.review_queue.count_lent(task.id, TextFilters(label="anger"), holder="a") == 1


def test_several_cards_are_lent_at_once_in_the_queue_s_order(store: Store, made: tuple[Task, list[StoredText]]) -> None:
    task, texts = made
    ahead = store.review_queue.take(task.id, QueueRequest(n=3), holder="a")
    assert [card.id for card in ahead] == [text.id for text in texts[:3]]
    assert store.review_queue.hold([texts[1].id, texts[2].id], holder="a") == {texts[1].id, texts[2].id}
    assert [card.id for card in store.review_queue.take(task.id, QueueRequest(n=2), holder="a")] == [
        texts[0].id,
        texts[3].id,
    ]
    assert [card.id for card in store.review_queue.take(task.id, QueueRequest(n=9), holder="b")] == [
        text.id for text in texts[4:]
    ]


def test_a_card_is_available_again_when_its_tab_is_closed(store: Store, made: tuple[Task, list[StoredText]]) -> None:
    task, texts = made
    assert taken(store, task, "closed tab") == "text 0"
    with store.engine.begin() as connection:
        past = utc_now() - LENT_FOR - timedelta(seconds=1)
        connection.execute(update(ReviewLeaseRow).values(expires_at=past))
    assert store.review_queue.hold([texts[0].id], holder="b")
    assert taken(store, task, "c") == "text 1"


def test_a_card_kept_ready_is_available_again_sooner_than_the_one_on_the_desk(
    store: Store, made: tuple[Task, list[StoredText]]
) -> None:
    task, _ = made

    def pass_time() -> None:
        with store.engine.begin() as connection:
            later = [(row.text_id, row.expires_at - AHEAD_FOR) for row in connection.execute(select(ReviewLeaseRow))]
            for text_id, end in later:
                query = update(ReviewLeaseRow).where(ReviewLeaseRow.text_id == text_id)
                connection.execute(query.values(expires_at=end))

    store.review_queue.take(task.id, QueueRequest(n=3), holder="closed tab")
    pass_time()
    assert taken(store, task, "b") == "text 1"
    ids = [card.id for card in store.review_queue.take(task.id, QueueRequest(n=2, is_first_shown=False), holder="b")]
    store.review_queue.hold(ids, holder="b")
    pass_time()
    assert taken(store, task, "c") == "text 1"  # released by b
    assert taken(store, task, "c") == "text 3"  # of b's cards, text 2 is on the desk


def test_decided_and_skipped_texts_are_not_handed_out(store: Store, made: tuple[Task, list[StoredText]]) -> None:
    task, texts = made
    store.reviews.decide(texts[0].id, ReviewAction.ACCEPT, reviewer="me")
    assert taken(store, task, "a", QueueRequest(skipped=frozenset({texts[1].id}))) == "text 2"
    store.reviews.decide_many(task.id, ALL, ReviewAction.REJECT, reviewer="me")
    assert taken(store, task, "a") is None


def test_filters_narrow_the_queue_except_for_their_status(store: Store, made: tuple[Task, list[StoredText]]) -> None:
    task, texts = made
    store.reviews.decide(texts[1].id, ReviewAction.ACCEPT, reviewer="me")
    filters = TextFilters(label="anger", status=ReviewStatus.ACCEPTED)
    (card,) = store.review_queue.take(task.id, QueueRequest(filters), holder="a")
    assert card.text == "text 4"


def test_each_order_hands_out_all_texts(store: Store, made: tuple[Task, list[StoredText]]) -> None:
    task, texts = made
    probs = {0: None, 1: (0.1, 0.9, 0.0), 2: (0.0, 0.6, 0.4), 3: (0.5, 0.3, 0.2), 4: (0.2, 0.8, 0.0), 5: None}
    with store.engine.begin() as connection:
        for i, values in probs.items():
            of_label = values[i % 3] if values else None
            connection.execute(
                update(SyntheticTextRow)
                .where(SyntheticTextRow.id == texts[i].id)
                .values(
                    label_probs=list(values) if values else None,
                    confidence=max(values) if values else None,
                    label_prob=of_label,
                )
            )
    expected = {
        ReviewOrder.DISAGREEMENT: [2, 3, 4, 1, 0, 5],  # 0.4, 0.5, 0.8, 0.9, then texts without probabilities
        ReviewOrder.LEAST_CONFIDENT: [3, 2, 4, 1, 0, 5],
        ReviewOrder.NEWEST: [5, 4, 3, 2, 1, 0],
        ReviewOrder.OLDEST: [0, 1, 2, 3, 4, 5],
        ReviewOrder.RUN: [0, 1, 2, 3, 4, 5],
    }

    def after(order: ReviewOrder, found: list[int]) -> QueueRequest:
        return QueueRequest(order=QueueOrder(order), n=2, skipped=frozenset(texts[i].id for i in found))

    for order in ReviewOrder:
        found: list[int] = []
        while cards := store.review_queue.take(task.id, after(order, found), holder="a"):
            found += [int(card.text.removeprefix("text ")) for card in cards]
        store.review_queue.hold([], holder="a")
        assert sorted(found) == list(range(6)), order
        if order in expected:
            assert found == expected[order], order


def test_the_least_sure_consensus_comes_first_and_texts_without_one_last(
    store: Store, made: tuple[Task, list[StoredText]]
) -> None:
    task, texts = made
    store.tasks.create_seed_set(task.id, "seeds", store.tasks.examples(task.id, Split.POOL))
    basis = store.consensus.basis(task.id)
    assert basis is not None
    known = store.consensus.texts(task.id)[:5]
    labels = [ConsensusLabel("joy", (prob, 1 - prob, 0.0)) for prob in (0.9, 0.6, 0.8, 0.7, 0.95)]
    store.consensus.write(task.id, basis, known, Consensus(labels, (), [()] * 5, labels))
    least_sure = QueueRequest(order=QueueOrder(ReviewOrder.LEAST_SURE))
    assert store.review_queue.coming(task.id, least_sure, n=9) == [texts[i].id for i in (1, 3, 2, 0, 4, 5)]
    store.reviews.decide(texts[3].id, ReviewAction.REJECT, reviewer="me")
    (taken,) = store.review_queue.take(task.id, least_sure, holder="a")
    assert taken.id == texts[1].id
    assert store.review_queue.coming(task.id, least_sure, n=2) == [texts[1].id, texts[2].id]  # lent or not
    (other,) = store.review_queue.take(task.id, least_sure, holder="b")
    assert other.id == texts[2].id


def test_a_second_opinion_comes_from_reviewers_who_did_not_decide_on_the_text(
    store: Store, made: tuple[Task, list[StoredText]]
) -> None:
    task, texts = made
    store.reviews.decide(texts[2].id, ReviewAction.ACCEPT, reviewer="Ada")
    store.reviews.decide(texts[3].id, ReviewAction.REJECT, reviewer="Bob")
    assert taken(store, task, "bob's tab", second_by("Bob")) == "text 2"
    assert taken(store, task, "ada's tab", second_by("Ada")) == "text 3"
    store.reviews.decide(texts[2].id, ReviewAction.ACCEPT, reviewer="Bob")
    assert taken(store, task, "bob's tab", second_by("Bob")) is None


def second_by(reviewer: str) -> QueueRequest:
    return QueueRequest(order=QueueOrder(is_second=True), reviewer=reviewer)


def test_four_reviewers_working_at_once_decide_on_every_text_once(store: Store) -> None:
    task, texts = make(store, 60)
    shown: list[int] = []
    errors: list[Exception] = []
    request = QueueRequest(order=QueueOrder(ReviewOrder.RANDOM), n=2)

    def review(name: str) -> None:
        try:
            while cards := store.review_queue.take(task.id, request, holder=name):
                for card in cards:
                    shown.append(card.id)
                    store.reviews.decide(card.id, ReviewAction.ACCEPT, reviewer=name, seen=card)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=review, args=(name,)) for name in ("Ada", "Bob", "Cem", "Dee")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert max(Counter(shown).values()) == 1
    assert sorted(shown) == [text.id for text in texts]
    assert store.reviews.count_events(task.id) == 60
