"""Turn a verdict into a decision and check it: labels, new wordings, and what others decided in the meantime."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from augment.errors import ConflictError, StorageError
from augment.records import (
    MAX_TEXT_LENGTH,
    Decision,
    RejectReason,
    ReviewAction,
    ReviewStatus,
    Split,
    StoredText,
    Verdict,
)
from augment.records.copies import CopyCheck
from storage.reviews.steps import select_events, state_of
from storage.reviews.texts import labels_of
from storage.schema import ExampleRow, ReviewEventRow, SyntheticTextRow


def as_verdict(verdict: Verdict | ReviewAction) -> Verdict:
    """Turn an action alone into a verdict without label, text or note."""
    return verdict if isinstance(verdict, Verdict) else Verdict(verdict)


def status_after(action: ReviewAction) -> ReviewStatus | None:
    """The status that an action leads to; None if it leaves the status as it is."""
    if action in (ReviewAction.EDIT, ReviewAction.NOTE):
        return None
    return ReviewStatus.REJECTED if action is ReviewAction.REJECT else ReviewStatus.ACCEPTED


def to_decision(session: Session, task_id: int, verdict: Verdict) -> Decision:
    """The decision that a verdict makes on any text of a task; only a relabel changes the label.

    Raises:
        StorageError: the label is not one of the task's, or the new text cannot be used.
    """
    label = None
    if verdict.action is ReviewAction.RELABEL:
        label = verdict.label or ""
        check_labels(session, task_id, [label])
    if verdict.text is not None:
        _check_text(session, task_id, verdict.text)
    return Decision(label, status_after(verdict.action), verdict.text, verdict.note)


def check_labels(session: Session, task_id: int, labels: Iterable[str]) -> None:
    """Refuse a label that is not one of the task's."""
    known = labels_of(session, task_id)
    for label in labels:
        if label not in known:
            raise StorageError(f"'{label}' is not a label of this task. Expected one of {', '.join(known)}.")


def check_not_changed(session: Session, row: SyntheticTextRow, seen: StoredText) -> None:
    """Refuse to decide on a text that someone changed after it was seen; a different note does not count.

    Raises:
        ConflictError: the text was changed; the message says who decided what.
    """
    if (row.text, row.label, row.status) == (seen.text, seen.label, seen.status) or row.last_event_id is None:
        return
    _, step = session.execute(select_events().where(ReviewEventRow.id == row.last_event_id)).one()
    state = state_of(row)
    now = "rejected" if state.status is ReviewStatus.REJECTED else f"{state.status} as {state.label}"
    raise ConflictError(
        f"{step.reviewer} decided on '{row.text[:40]}' after it was shown here: it is now {now}. Look at it again, "
        "then decide."
    )


def _check_text(session: Session, task_id: int, text: str) -> None:
    if not text.strip():
        raise StorageError("A text cannot be empty. Reject it instead.")
    if len(text) > MAX_TEXT_LENGTH:
        raise StorageError(f"A text has at most {MAX_TEXT_LENGTH:,} characters; found {len(text):,}. Shorten it.")
    held_out = ExampleRow.task_id == task_id, ExampleRow.split.in_((Split.VALIDATION, Split.TEST))
    check = CopyCheck()
    check.forbid(session.scalars(select(ExampleRow.text).where(*held_out)), RejectReason.HELD_OUT_COPY)
    if check.find(text) is not None:
        raise StorageError(
            "This text is in the validation or test split and would leak test data. Write a different text."
        )
