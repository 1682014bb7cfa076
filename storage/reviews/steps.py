"""Review steps and their events: added, never changed.

A step is one action of one person: a key press on a card, or ten thousand texts relabelled. It has one event per text.
Single decisions, bulk decisions and undo use the same three statements: add the step, add its events, update the texts
from the events. Only this file converts between `TextChange` and its columns.
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased

from augment.records import (
    CHANGE_COLUMNS,
    Decision,
    ReviewAction,
    ReviewEvent,
    ReviewStatus,
    ReviewStep,
    TextChange,
    TextState,
)
from storage.reviews.standing import is_followed_by_another
from storage.reviews.texts import labels_of
from storage.schema import LabelOpinionRow, ReviewEventRow, ReviewStepRow, SyntheticTextRow, TextConsensusRow

EVENT_COLUMNS = ("step_id", "text_id", *CHANGE_COLUMNS)


# Writing -------------------------------------------------------------------------------------------------------------


def add_step(
    session: Session, task_id: int, action: ReviewAction, reviewer: str, *, undoes_id: int | None = None
) -> ReviewStepRow:
    """Add a step without events."""
    step = ReviewStepRow(task_id=task_id, action=action, reviewer=reviewer, n_events=0, undoes_id=undoes_id)
    session.add(step)
    session.flush()
    return step


def add_events(session: Session, step: ReviewStepRow, *conditions: ColumnElement[bool], wanted: Decision) -> None:
    """Add one event per text that meets the conditions, from its current state to the wanted one."""
    row = SyntheticTextRow
    query = select(
        literal(step.id),
        row.id,
        row.label,
        row.label if wanted.label is None else literal(wanted.label),
        row.status,
        row.status if wanted.status is None else literal(wanted.status, String),
        null() if wanted.text is None else row.text,
        literal(wanted.text),
        null() if wanted.note is None else row.note,
        literal(wanted.note),
    ).where(*conditions)
    session.execute(insert(ReviewEventRow).from_select(EVENT_COLUMNS, query))


def add_reversed_events(session: Session, step: ReviewStepRow, undone: ReviewStepRow) -> None:
    """Add the reverse of another step's events, except for texts that were changed or decided on afterwards."""
    event, text = ReviewEventRow, SyntheticTextRow
    is_unchanged = [
        text.label == event.label_after,
        text.status == event.status_after,
        or_(event.text_after.is_(None), text.text == event.text_after),
        or_(event.note_after.is_(None), text.note == event.note_after),
        ~is_followed_by_another(event, undone.reviewer),
    ]
    query = (
        select(
            literal(step.id),
            event.text_id,
            event.label_after,
            event.label_before,
            event.status_after,
            event.status_before,
            event.text_after,
            event.text_before,
            event.note_after,
            event.note_before,
        )
        .join(text, text.id == event.text_id)
        .where(event.step_id == undone.id, *is_unchanged)
    )
    session.execute(insert(event).from_select(EVENT_COLUMNS, query))


def event_values(step: ReviewStepRow, row: SyntheticTextRow, wanted: Decision) -> dict[str, Any]:
    """The values of one event, for a bulk insert."""
    return {"step_id": step.id, "text_id": row.id, **wanted.change(state_of(row)).columns}


def close_step(session: Session, step: ReviewStepRow) -> ReviewStep | None:
    """Update the texts from the step's events; a step without events is deleted, unless it is an undo.

    What label sources said of a text that the step edits, and its consensus, is deleted: it was said of another text.
    """
    of_step = ReviewEventRow.step_id == step.id
    step.n_events = session.scalar(select(func.count()).select_from(ReviewEventRow).where(of_step)) or 0
    if not step.n_events and step.undoes_id is None:
        session.delete(step)
        return None
    row, event = SyntheticTextRow, ReviewEventRow
    probs = {label: row.label_probs[i].as_float() for i, label in enumerate(labels_of(session, step.task_id))}
    session.execute(
        update(row)
        .where(row.id == event.text_id, of_step)
        .values(
            label=event.label_after,
            status=event.status_after,
            text=func.coalesce(event.text_after, row.text),
            note=func.coalesce(event.note_after, row.note),
            label_prob=case(probs, value=event.label_after),
            last_event_id=event.id,
        )
        .execution_options(synchronize_session=False)
    )
    edited = select(event.text_id).where(of_step, event.text_after.is_not(None))
    session.execute(delete(LabelOpinionRow).where(LabelOpinionRow.text_id.in_(edited)))
    session.execute(delete(TextConsensusRow).where(TextConsensusRow.text_id.in_(edited)))
    session.flush()
    return to_step(session, step)


# Reading -------------------------------------------------------------------------------------------------------------


def standing_steps(task_id: int, reviewer: str) -> Select[ReviewStepRow]:
    """The reviewer's steps that were made in this database and not undone, newest first."""
    undo = aliased(ReviewStepRow)
    return (
        select(ReviewStepRow)
        .where(
            ReviewStepRow.task_id == task_id,
            ReviewStepRow.reviewer == reviewer,
            ReviewStepRow.is_restored.is_(False),
            ReviewStepRow.undoes_id.is_(None),
            ~exists().where(undo.undoes_id == ReviewStepRow.id),
        )
        .order_by(ReviewStepRow.id.desc())
    )


def select_events() -> Select[ReviewEventRow, ReviewStepRow]:
    """Events, each with its step."""
    return select(ReviewEventRow, ReviewStepRow).join(ReviewStepRow, ReviewStepRow.id == ReviewEventRow.step_id)


def find_event(session: Session, *conditions: ColumnElement[bool]) -> ReviewEvent:
    """The only event that meets the conditions."""
    row, step = session.execute(select_events().where(*conditions)).one()
    return to_event(row, step)


def state_of(row: SyntheticTextRow) -> TextState:
    """A text's current state, as far as review can change it."""
    return TextState(row.label, ReviewStatus(row.status), row.text, row.note)


def change_of(row: ReviewEventRow) -> TextChange:
    """The change that an event made."""
    return TextChange(
        TextState(row.label_before, ReviewStatus(row.status_before), row.text_before, row.note_before),
        TextState(row.label_after, ReviewStatus(row.status_after), row.text_after, row.note_after),
    )


def to_event(row: ReviewEventRow, step: ReviewStepRow) -> ReviewEvent:
    """An event as a record."""
    return ReviewEvent(
        id=row.id,
        step_id=row.step_id,
        text_id=row.text_id,
        action=ReviewAction(step.action),
        reviewer=step.reviewer,
        change=change_of(row),
        created_at=step.created_at,
    )


def to_step(session: Session, row: ReviewStepRow) -> ReviewStep:
    """A step as a record."""
    only = None
    if row.n_events == 1:
        only = session.scalar(select(ReviewEventRow).where(ReviewEventRow.step_id == row.id))
    return ReviewStep(
        id=row.id,
        task_id=row.task_id,
        action=ReviewAction(row.action),
        reviewer=row.reviewer,
        created_at=row.created_at,
        n_events=row.n_events,
        undoes_id=row.undoes_id,
        event=to_event(only, row) if only else None,
    )
