"""The review queue: nobody is handed a card that somebody else has, in any order, and none is lost."""

import threading
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import update

from augment.records import ReviewAction, ReviewOrder, ReviewStatus, StoredText, Task, TextFilters
from storage import Store
from storage.review_queue import LENT_FOR
from storage.schema import ReviewLeaseRow, SyntheticTextRow, utc_now
from tests.test_reviews import make

ALL = TextFilters()


@pytest.fixture
def made(store: Store) -> tuple[Task, list[StoredText]]:
    return make(store)


def taken(store: Store, task: Task, holder: str, **options: object) -> str | None:
    """The text that a tab is handed."""
    card = store.review_queue.take(task.id, ALL, holder=holder, **options)  # type: ignore[arg-type]
    return card.text if card else None


def test_two_tabs_are_handed_different_cards(store: Store, made: tuple[Task, list[StoredText]]) -> None:
    task, texts = made
    assert [taken(store, task, holder) for holder in ("a", "b", "c")] == ["text 0", "text 1", "text 2"]
    assert taken(store, task, "a") == "text 0"  # asking again lets go of the old card first
    assert not store.review_queue.hold(texts[1].id, holder="a")
    assert store.review_queue.hold(texts[4].id, holder="a")
    assert taken(store, task, "d") == "text 0"


def test_a_card_comes_back_when_its_tab_is_gone(store: Store, made: tuple[Task, list[StoredText]]) -> None:
    task, texts = made
    assert taken(store, task, "closed tab") == "text 0"
    with store.engine.begin() as connection:
        past = utc_now() - LENT_FOR - timedelta(seconds=1)
        connection.execute(update(ReviewLeaseRow).values(expires_at=past))
    assert store.review_queue.hold(texts[0].id, holder="b")
    assert taken(store, task, "c") == "text 1"


def test_what_is_decided_or_skipped_is_not_handed_out(store: Store, made: tuple[Task, list[StoredText]]) -> None:
    task, texts = made
    store.reviews.decide(texts[0].id, ReviewAction.ACCEPT, reviewer="me")
    assert taken(store, task, "a", skipped=frozenset({texts[1].id})) == "text 2"
    store.reviews.decide_many(task.id, ALL, ReviewAction.REJECT, reviewer="me")
    assert taken(store, task, "a") is None


def test_filters_narrow_the_queue_and_their_status_does_not_count(
    store: Store, made: tuple[Task, list[StoredText]]
) -> None:
    task, texts = made
    store.reviews.decide(texts[1].id, ReviewAction.ACCEPT, reviewer="me")
    filters = TextFilters(label="anger", status=ReviewStatus.ACCEPTED)
    card = store.review_queue.take(task.id, filters, holder="a")
    assert card is not None
    assert card.text == "text 4"


def test_each_order_hands_out_all_texts_in_it(store: Store, made: tuple[Task, list[StoredText]]) -> None:
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
        ReviewOrder.DISAGREEMENT: [2, 3, 4, 1, 0, 5],  # 0.4, 0.5, 0.8, 0.9, then those without
        ReviewOrder.LEAST_CONFIDENT: [3, 2, 4, 1, 0, 5],
        ReviewOrder.NEWEST: [5, 4, 3, 2, 1, 0],
        ReviewOrder.OLDEST: [0, 1, 2, 3, 4, 5],
        ReviewOrder.RUN: [0, 1, 2, 3, 4, 5],
    }
    for order in ReviewOrder:
        found: list[int] = []
        while card := store.review_queue.take(
            task.id, ALL, holder="a", order=order, skipped=frozenset(texts[i].id for i in found)
        ):
            found.append(int(card.text.removeprefix("text ")))
        assert sorted(found) == list(range(6)), order
        if order in expected:
            assert found == expected[order], order


def test_a_second_opinion_is_asked_of_those_who_did_not_decide(
    store: Store, made: tuple[Task, list[StoredText]]
) -> None:
    task, texts = made
    store.reviews.decide(texts[2].id, ReviewAction.ACCEPT, reviewer="Ada")
    store.reviews.decide(texts[3].id, ReviewAction.REJECT, reviewer="Bob")
    assert taken(store, task, "bob's tab", second_by="Bob") == "text 2"
    assert taken(store, task, "ada's tab", second_by="Ada") == "text 3"
    store.reviews.decide(texts[2].id, ReviewAction.ACCEPT, reviewer="Bob")
    assert taken(store, task, "bob's tab", second_by="Bob") is None


def test_four_reviewers_at_once_decide_every_text_once(store: Store) -> None:
    task, texts = make(store, 60)
    shown: list[int] = []
    errors: list[Exception] = []

    def review(name: str) -> None:
        try:
            while card := store.review_queue.take(task.id, ALL, holder=name, order=ReviewOrder.RANDOM):
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
    assert sorted(shown) == [one.id for one in texts]
    assert store.reviews.count_events(task.id) == 60
