"""What a reviewer last said of a text and still stands by, as SQL. To agree is a decision too.

A decision stands while no undo took back its step. Notes and edits say nothing about the label.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session, aliased

from augment.records import ReviewAction, ReviewStatus
from storage.schema import ReviewEventRow, ReviewStepRow, SyntheticTextRow

UNDECIDING = (ReviewAction.EDIT, ReviewAction.NOTE, ReviewAction.UNDO)


def decides(event: Any, step: Any) -> list[ColumnElement[bool]]:
    """That an event, of that step, is a decision that stands."""
    undo = aliased(ReviewStepRow)
    says_nothing = (
        (step.action == ReviewAction.IMPORT)  # of a note alone
        & (event.label_before == event.label_after)
        & (event.status_before == event.status_after)
        & event.note_after.is_not(None)
    )
    return [
        event.step_id == step.id,
        step.action.not_in(UNDECIDING),
        event.status_after != ReviewStatus.PENDING,
        ~says_nothing,
        ~exists().where(undo.undoes_id == step.id),
    ]


def said_so(reviewer: str, label: Any, status: Any) -> ColumnElement[bool]:
    """That the reviewer's last standing decision on a text gave it that label and status."""
    event, step = aliased(ReviewEventRow), aliased(ReviewStepRow)
    later, later_step = aliased(ReviewEventRow), aliased(ReviewStepRow)
    newer = exists().where(
        later.text_id == event.text_id,
        later.id > event.id,
        later_step.reviewer == reviewer,
        *decides(later, later_step),
    )
    return exists().where(
        event.text_id == SyntheticTextRow.id,
        step.reviewer == reviewer,
        event.label_after == label,
        event.status_after == status,
        *decides(event, step),
        ~newer,
    )


def has_decided(reviewer: str) -> ColumnElement[bool]:
    """That any decision of the reviewer on a text stands."""
    event, step = aliased(ReviewEventRow), aliased(ReviewStepRow)
    return exists().where(event.text_id == SyntheticTextRow.id, step.reviewer == reviewer, *decides(event, step))


def followed_by_another(event: Any, reviewer: str) -> ColumnElement[bool]:
    """That somebody else decided on the event's text afterwards, and that it stands: even where they agreed."""
    later, later_step = aliased(ReviewEventRow), aliased(ReviewStepRow)
    return exists().where(
        later.text_id == event.text_id,
        later.id > event.id,
        later_step.reviewer != reviewer,
        *decides(later, later_step),
    )


def own_decisions(session: Session, text_ids: Sequence[int], reviewer: str) -> dict[int, ReviewEventRow]:
    """The reviewer's last standing decision on each of some texts."""
    query = (
        select(ReviewEventRow)
        .join(ReviewStepRow, ReviewStepRow.id == ReviewEventRow.step_id)
        .where(
            ReviewEventRow.text_id.in_(text_ids),
            ReviewStepRow.reviewer == reviewer,
            *decides(ReviewEventRow, ReviewStepRow),
        )
        .order_by(ReviewEventRow.id)
    )
    return {event.text_id: event for event in session.scalars(query)}
