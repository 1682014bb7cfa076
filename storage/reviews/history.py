"""Read the history of review: a text's events, a reviewer's steps, and the reviewer's pace."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from augment.records import ReviewAction, ReviewEvent, ReviewStatus, ReviewStep, StoredText, TextState
from storage.reviews.steps import select_events, standing_steps, to_event, to_step
from storage.reviews.texts import get_text
from storage.schema import ReviewEventRow, ReviewStepRow, utc_now

TIMED_ACTIONS = (ReviewAction.ACCEPT, ReviewAction.REJECT, ReviewAction.RELABEL)
N_TIMED = 30  # decisions
SITTING = timedelta(minutes=10)
LONGEST_PAUSE_S = 60.0  # a longer pause does not count as time spent on reviewing


def events_of(session: Session, text_id: int) -> list[ReviewEvent]:
    """Every event of a text, oldest first."""
    query = select_events().where(ReviewEventRow.text_id == text_id).order_by(ReviewEventRow.id)
    return [to_event(row, step) for row, step in session.execute(query)]


def text_as_of(session: Session, text_id: int, event_id: int | None) -> StoredText:
    """A text as it was after one of its events, or as the LM proposed it if that is None; with its current note.

    Raises:
        StorageError: there is no such text.
    """
    now = get_text(session, text_id)
    if now.last_event_id == event_id:
        return now
    state = TextState(now.proposed_label, ReviewStatus.PENDING, now.proposed_text, "")
    last_event_id = None
    for event in events_of(session, text_id):
        if event_id is None or event.id > event_id:
            break
        state, last_event_id = state.after(event.change), event.id
    text = now.proposed_text if state.text is None else state.text
    return replace(now, text=text, label=state.label, status=state.status, last_event_id=last_event_id)


def last_step(session: Session, task_id: int, *, reviewer: str) -> ReviewStep | None:
    """The step that an undo would take back."""
    row = session.scalar(standing_steps(task_id, reviewer).limit(1))
    return to_step(session, row) if row else None


def count_events(session: Session, task_id: int) -> int:
    """How many events the task's texts have, including undone events and undos."""
    query = select(func.sum(ReviewStepRow.n_events)).where(ReviewStepRow.task_id == task_id)
    return session.scalar(query) or 0


def rate_per_min(session: Session, task_id: int, *, reviewer: str) -> float | None:
    """The reviewer's decisions on single texts per minute, from the newest decisions and without long pauses.

    None before the third decision of a sitting. Undone decisions count: the text was read and decided on.
    """
    query = (
        select(ReviewStepRow.created_at)
        .where(
            ReviewStepRow.task_id == task_id,
            ReviewStepRow.reviewer == reviewer,
            ReviewStepRow.undoes_id.is_(None),
            ReviewStepRow.action.in_(TIMED_ACTIONS),
            ReviewStepRow.n_events == 1,
            ReviewStepRow.created_at > utc_now() - SITTING,
        )
        .order_by(ReviewStepRow.id.desc())
        .limit(N_TIMED)
    )
    times = list(session.scalars(query))
    gaps = [(later - earlier).total_seconds() for later, earlier in pairwise(times)]
    gaps = [gap for gap in gaps if gap <= LONGEST_PAUSE_S]
    return 60 * len(gaps) / sum(gaps) if len(gaps) > 1 and sum(gaps) > 0 else None
