"""Migration 0004 with rows: decisions become steps, undone ones stay undone, texts get the values to sort by."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from alembic import command
from alembic.config import Config

from augment.records import PageRequest, QueueRequest, ReviewAction, ReviewOrder, ReviewStatus, TextFilters
from storage import Store
from storage.engine import MIGRATIONS, open_engine

NOW = {"created_at": "2026-01-01 00:00:00"}
RUN = {
    "task_id": 1,
    "lm_name": "LM",
    "n_attempts": 3,
    "status": "done",
    "message": "",
    "n_done": 3,
    "n_total": 3,
    "elapsed_s": 1.0,
    "worker": "",
} | NOW
TASK = {"id": 1, "name": "t", "source": "s", "text_type": "tweet", "label_type": "x", "labels": '["joy", "anger"]'}


def event(event_id: int, text_id: int, action: str, before: str, after: str, **more: object) -> dict[str, object]:
    """A row of the old event table; states are 'label status'."""
    label_before, status_before = before.split()
    label_after, status_after = after.split()
    return {
        "id": event_id,
        "text_id": text_id,
        "action": action,
        "reviewer": "Ada",
        "label_before": label_before,
        "label_after": label_after,
        "status_before": status_before,
        "status_after": status_after,
        **NOW,
        **more,
    }


def text(text_id: int, label: str, status: str, probs: str | None) -> dict[str, object]:
    return {
        "id": text_id,
        "run_id": 1,
        "number": text_id,
        "text": f"text {text_id}",
        "proposed_label": "joy",
        "label_probs": probs,
        "label": label,
        "status": status,
    } | NOW


ROWS: list[tuple[str, dict[str, Any]]] = [
    ("task", TASK | NOW),
    ("generation_run", {"id": 1} | RUN),
    ("synthetic_text", text(1, "anger", "accepted", "[0.3, 0.7]")),
    ("synthetic_text", text(2, "joy", "pending", "[0.9, 0.1]")),
    ("synthetic_text", text(3, "joy", "rejected", None)),
    ("review_event", event(1, 1, "relabel", "joy pending", "anger accepted")),
    ("review_event", event(2, 2, "accept", "joy pending", "joy accepted")),
    ("review_event", event(3, 3, "reject", "joy pending", "joy rejected")),
    ("review_event", event(4, 2, "undo", "joy accepted", "joy pending", undoes_id=2)),
]


@pytest.fixture
def migrated(tmp_path: Path) -> Store:
    """A database of version 0003 with decisions, opened by today's code."""
    url = f"sqlite:///{tmp_path / 'old.db'}"
    engine, config = open_engine(url), Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.execution_options(immediate=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        for table, row in ROWS:
            columns = [sqlalchemy.column(name) for name in row]
            connection.execute(sqlalchemy.insert(sqlalchemy.table(table, *columns)).values(row))
    engine.dispose()
    return Store.open(url)


def test_every_decision_becomes_a_step_with_one_event(migrated: Store) -> None:
    first = migrated.reviews.history(1)[0]
    assert (first.action, first.reviewer, first.change.after.label) == (ReviewAction.RELABEL, "Ada", "anger")
    assert [stored_event.action for stored_event in migrated.reviews.history(2)] == [
        ReviewAction.ACCEPT,
        ReviewAction.UNDO,
    ]
    assert migrated.reviews.count_events(1) == 4
    assert [migrated.reviews.text(i).last_event_id for i in (1, 2, 3)] == [1, 4, 3]
    assert migrated.reviews.text(1).proposed_text == "text 1"


def test_undo_continues_where_it_was(migrated: Store) -> None:
    found = [migrated.reviews.undo(1, reviewer="Ada") for _ in range(3)]
    assert [undone.text_id if undone else None for undone in found] == [3, 1, None]
    assert migrated.reviews.count_status(1)[ReviewStatus.PENDING] == 3
    assert migrated.reviews.text(1).label == "joy"


def test_texts_get_the_values_that_orders_sort_by(migrated: Store) -> None:
    every = TextFilters()
    by = {
        order: [stored_text.id for stored_text in migrated.reviews.page(1, every, PageRequest(order))]
        for order in ReviewOrder
    }
    assert by[ReviewOrder.DISAGREEMENT] == [1, 2, 3]  # anger at 0.7, joy at 0.9, none
    assert by[ReviewOrder.LEAST_CONFIDENT] == [1, 2, 3]
    assert sorted(by[ReviewOrder.RANDOM]) == [1, 2, 3]
    assert migrated.reviews.count(1, TextFilters(least=0.8)) == 1
    (card,) = migrated.review_queue.take(1, QueueRequest(every), holder="a")
    assert card.id == 2


def test_the_events_of_a_text_are_deleted_with_it(migrated: Store) -> None:
    with migrated.engine.execution_options(immediate=True).begin() as connection:
        connection.exec_driver_sql("DELETE FROM synthetic_text WHERE id = 3")
    assert migrated.reviews.history(3) == []
    undone = migrated.reviews.undo(1, reviewer="Ada")  # its text was deleted: nothing to undo, and no error
    assert undone is not None
    assert undone.n_events == 0
