"""Steps of review and their events, in the three statements that single decisions, bulk ones and undo share.

The step is added, then an event for each text, then the texts are brought to what the events say.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, String, case, exists, func, insert, literal, null, select, update
from sqlalchemy.orm import Session, aliased

from augment.errors import StorageError
from augment.records import (
    MAX_TEXT_LENGTH,
    Decision,
    RejectReason,
    ReviewAction,
    ReviewEvent,
    ReviewStatus,
    ReviewStep,
    Split,
    StoredText,
)
from augment.records.copies import CopyCheck
from storage.schema import ExampleRow, ReviewEventRow, ReviewStepRow, SyntheticTextRow, TaskRow

EVENT_COLUMNS = (
    "step_id",
    "text_id",
    "label_before",
    "label_after",
    "status_before",
    "status_after",
    "text_before",
    "text_after",
    "note_before",
    "note_after",
)


def add_step(
    session: Session, task_id: int, action: ReviewAction, reviewer: str, *, undoes_id: int | None = None
) -> ReviewStepRow:
    """A new step without events."""
    step = ReviewStepRow(task_id=task_id, action=action, reviewer=reviewer, n_events=0, undoes_id=undoes_id)
    session.add(step)
    session.flush()
    return step


def add_events(session: Session, step: ReviewStepRow, *conditions: ColumnElement[bool], after: Decision) -> None:
    """One event for each text that fulfils the conditions: what stands now becomes what is wanted."""
    row = SyntheticTextRow
    query = select(
        literal(step.id),
        row.id,
        row.label,
        row.label if after.label is None else literal(after.label),
        row.status,
        row.status if after.status is None else literal(after.status, String),
        null() if after.text is None else row.text,
        literal(after.text),
        null() if after.note is None else row.note,
        literal(after.note),
    ).where(*conditions)
    session.execute(insert(ReviewEventRow).from_select(EVENT_COLUMNS, query))


def event_values(step: ReviewStepRow, row: SyntheticTextRow, after: Decision) -> dict[str, Any]:
    """One event, for a bulk insert."""
    return {
        "step_id": step.id,
        "text_id": row.id,
        "label_before": row.label,
        "label_after": row.label if after.label is None else after.label,
        "status_before": row.status,
        "status_after": row.status if after.status is None else after.status,
        "text_before": None if after.text is None else row.text,
        "text_after": after.text,
        "note_before": None if after.note is None else row.note,
        "note_after": after.note,
    }


def close_step(session: Session, step: ReviewStepRow) -> ReviewStep | None:
    """Bring the texts to what the step's events say; a step that changed nothing is taken out, unless it undoes one."""
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
    session.flush()
    return to_step(session, step)


def standing_steps(task_id: int, reviewer: str) -> Select[ReviewStepRow]:
    """The reviewer's steps of this desk that no undo took back, newest first."""
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


# What is asked for ---------------------------------------------------------------------------------------------------


def decision_of(
    session: Session,
    row: SyntheticTextRow,
    action: ReviewAction,
    label: str | None,
    text: str | None,
    note: str | None,
) -> Decision:
    """What an action wants of one text; what stays is None.

    Raises:
        StorageError: the label is not one of the task's, or the new text cannot be taken.
    """
    if action is ReviewAction.RELABEL:
        check_label(labels_of(session, row.task_id), label)
    else:
        label = None
    if text is not None:
        _check_text(session, row, text)
    new_text = text if text != row.text else None
    return Decision(label, status_after(action), new_text, note if note != row.note else None)


def status_after(action: ReviewAction) -> ReviewStatus | None:
    """The status that an action leads to; None where it leaves it."""
    if action in (ReviewAction.EDIT, ReviewAction.NOTE):
        return None
    return ReviewStatus.REJECTED if action is ReviewAction.REJECT else ReviewStatus.ACCEPTED


def leads_to(row: SyntheticTextRow, after: Decision) -> bool:
    """Whether the text stands so already."""
    return (
        after.label in (None, row.label)
        and after.status in (None, row.status)
        and after.text in (None, row.text)
        and after.note in (None, row.note)
    )


def differs(row: SyntheticTextRow, seen: StoredText) -> bool:
    """Whether the text stands otherwise than it was seen; a note changes nothing."""
    return (row.text, row.label, row.status) != (seen.text, seen.label, seen.status)


def check_label(labels: Sequence[str], label: str | None) -> None:
    """Refuse a label that is not one of the task's."""
    if label not in labels:
        raise StorageError(f"'{label}' is not a label of this task. Expected one of {', '.join(labels)}.")


def _check_text(session: Session, row: SyntheticTextRow, text: str) -> None:
    if not text.strip():
        raise StorageError("A text cannot be empty. Reject it instead.")
    if len(text) > MAX_TEXT_LENGTH:
        raise StorageError(f"A text has at most {MAX_TEXT_LENGTH:,} characters; this one has {len(text):,}.")
    held_out = ExampleRow.task_id == row.task_id, ExampleRow.split.in_((Split.VALIDATION, Split.TEST))
    check = CopyCheck()
    check.forbid(session.scalars(select(ExampleRow.text).where(*held_out)), RejectReason.HELD_OUT_COPY)
    if check.find(text) is not None:
        raise StorageError("This is a text of the validation or test split: training on it would spoil the comparison.")


def get_text(session: Session, text_id: int) -> SyntheticTextRow:
    """One synthetic text's row; a sentence where it is gone."""
    row = session.get(SyntheticTextRow, text_id)
    if row is None:
        raise StorageError(f"Text {text_id} is gone from the database. Reload the page.")
    return row


def last_event(session: Session, row: SyntheticTextRow) -> tuple[ReviewEventRow, ReviewStepRow] | None:
    """The text's last event with its step, if there is one."""
    if row.last_event_id is None:
        return None
    found = session.execute(select_events().where(ReviewEventRow.id == row.last_event_id)).one_or_none()
    return (found[0], found[1]) if found else None


def labels_of(session: Session, task_id: int) -> list[str]:
    """The task's labels in order."""
    return session.scalar(select(TaskRow.labels).where(TaskRow.id == task_id)) or []


def tell_conflict(row: SyntheticTextRow, step: ReviewStepRow) -> str:
    """Who decided what since."""
    now = "rejected" if row.status == ReviewStatus.REJECTED else f"{row.status} as {row.label}"
    return f"{step.reviewer} decided on '{row.text[:40]}' since it was shown here: it is {now}. Look, then decide."


# Records -------------------------------------------------------------------------------------------------------------


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


def to_event(row: ReviewEventRow, step: ReviewStepRow) -> ReviewEvent:
    """An event as a record."""
    return ReviewEvent(
        id=row.id,
        step_id=row.step_id,
        text_id=row.text_id,
        action=ReviewAction(step.action),
        reviewer=step.reviewer,
        label_before=row.label_before,
        label_after=row.label_after,
        status_before=ReviewStatus(row.status_before),
        status_after=ReviewStatus(row.status_after),
        created_at=step.created_at,
        text_before=row.text_before,
        text_after=row.text_after,
        note_before=row.note_before,
        note_after=row.note_after,
    )
