"""Standing decisions as SQL: what each reviewer last decided about a text and did not undo.

A decision stands until its step is undone. Agreeing with someone is a decision too; notes and edits are not.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import CTE, ColumnElement, case, exists, func, select
from sqlalchemy.orm import Session, aliased

from augment.records import ReviewAction, ReviewStatus
from storage.schema import ReviewEventRow, ReviewStepRow, SyntheticTextRow

UNDECIDING = (ReviewAction.EDIT, ReviewAction.NOTE, ReviewAction.UNDO)


def is_standing(event: Any, step: Any) -> list[ColumnElement[bool]]:
    """Conditions: the event, which belongs to the step, is a decision and was not undone."""
    undo = aliased(ReviewStepRow)
    is_only_a_note = (
        (step.action == ReviewAction.IMPORT)
        & (event.label_before == event.label_after)
        & (event.status_before == event.status_after)
        & event.note_after.is_not(None)
    )
    return [
        event.step_id == step.id,
        step.action.not_in(UNDECIDING),
        event.status_after != ReviewStatus.PENDING,
        ~is_only_a_note,
        ~exists().where(undo.undoes_id == step.id),
    ]


def has_decided(reviewer: str) -> ColumnElement[bool]:
    """Condition: the reviewer has a standing decision on a text."""
    event, step = aliased(ReviewEventRow), aliased(ReviewStepRow)
    return exists().where(event.text_id == SyntheticTextRow.id, step.reviewer == reviewer, *is_standing(event, step))


def has_last_decided(reviewer: str, label: Any, status: Any) -> ColumnElement[bool]:
    """Condition: the reviewer's last standing decision on a text gave it this label and status."""
    event, step = aliased(ReviewEventRow), aliased(ReviewStepRow)
    later, later_step = aliased(ReviewEventRow), aliased(ReviewStepRow)
    is_superseded = exists().where(
        later.text_id == event.text_id,
        later.id > event.id,
        later_step.reviewer == reviewer,
        *is_standing(later, later_step),
    )
    return exists().where(
        event.text_id == SyntheticTextRow.id,
        step.reviewer == reviewer,
        event.label_after == label,
        event.status_after == status,
        *is_standing(event, step),
        ~is_superseded,
    )


def is_followed_by_another(event: Any, reviewer: str) -> ColumnElement[bool]:
    """Condition: someone else decided on the event's text afterwards and did not undo it, even if they agreed."""
    later, later_step = aliased(ReviewEventRow), aliased(ReviewStepRow)
    return exists().where(
        later.text_id == event.text_id,
        later.id > event.id,
        later_step.reviewer != reviewer,
        *is_standing(later, later_step),
    )


def last_decisions(session: Session, text_ids: Sequence[int], reviewer: str) -> dict[int, ReviewEventRow]:
    """The reviewer's last standing decision on each of these texts, by text id."""
    query = (
        select(ReviewEventRow)
        .join(ReviewStepRow, ReviewStepRow.id == ReviewEventRow.step_id)
        .where(
            ReviewEventRow.text_id.in_(text_ids),
            ReviewStepRow.reviewer == reviewer,
            *is_standing(ReviewEventRow, ReviewStepRow),
        )
        .order_by(ReviewEventRow.id)
    )
    return {event.text_id: event for event in session.scalars(query)}


def last_decisions_of_all(task_id: int) -> CTE:
    """Each reviewer's last standing decision on each text of a task: event_id, text_id, reviewer."""
    return (
        select(
            func.max(ReviewEventRow.id).label("event_id"),
            ReviewEventRow.text_id.label("text_id"),
            ReviewStepRow.reviewer.label("reviewer"),
        )
        .join(ReviewStepRow, ReviewStepRow.id == ReviewEventRow.step_id)
        .where(ReviewStepRow.task_id == task_id, *is_standing(ReviewEventRow, ReviewStepRow))
        .group_by(ReviewEventRow.text_id, ReviewStepRow.reviewer)
        .cte("standing")
    )


def outcome_of(event: Any) -> ColumnElement[str]:
    """The label that an event gave its text, '' if it rejected it."""
    return case((event.status_after == ReviewStatus.REJECTED, ""), else_=event.label_after)


def matches_last_decision(last: ReviewEventRow | None, row: SyntheticTextRow) -> bool:
    """Whether a text matches the reviewer's last decision."""
    return last is not None and (last.label_after, last.status_after) == (row.label, row.status)
