"""Decide on one text or many, import decisions, and undo: each is one step in the caller's transaction."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import insert, or_, select
from sqlalchemy.orm import Session

from augment.errors import StorageError
from augment.records import (
    Decision,
    ReviewAction,
    ReviewEvent,
    ReviewStatus,
    ReviewStep,
    ShownTexts,
    StoredText,
    TextFilters,
    Verdict,
)
from storage.reviews.standing import has_last_decided, last_decisions, matches_last_decision
from storage.reviews.steps import (
    add_events,
    add_reversed_events,
    add_step,
    close_step,
    event_values,
    find_event,
    standing_steps,
    state_of,
    to_step,
)
from storage.reviews.text_queries import conditions_of
from storage.reviews.texts import get_row
from storage.reviews.verdicts import check_labels, check_not_changed, to_decision
from storage.schema import ReviewEventRow, ReviewStepRow, SyntheticTextRow

CHUNK = 5_000  # ids per statement: SQLite allows 32,766 parameters


def decide(
    session: Session, text_id: int, verdict: Verdict, *, reviewer: str, seen: StoredText | None
) -> ReviewEvent | None:
    """Decide on one text; see `Reviews.decide`."""
    row = get_row(session, text_id)
    state, wanted = state_of(row), to_decision(session, row.task_id, verdict)
    last = last_decisions(session, [text_id], reviewer).get(text_id)
    if wanted.is_noop(state):
        if wanted.status is None:
            return None
        if last is not None and matches_last_decision(last, row):
            return find_event(session, ReviewEventRow.id == last.id)
    if seen is not None:
        check_not_changed(session, row, seen)
    wanted = replace(
        wanted,
        text=None if wanted.text == state.text else wanted.text,
        note=None if wanted.note == state.note else wanted.note,
    )
    step = add_step(session, row.task_id, verdict.action, reviewer)
    add_events(session, step, SyntheticTextRow.id == text_id, wanted=wanted)
    close_step(session, step)
    return find_event(session, ReviewEventRow.step_id == step.id)


def decide_many(
    session: Session,
    task_id: int,
    texts: TextFilters | ShownTexts | Sequence[int],
    verdict: Verdict,
    *,
    reviewer: str,
) -> ReviewStep | None:
    """Decide on many texts as one step; see `Reviews.decide_many`."""
    wanted = to_decision(session, task_id, verdict)
    step = add_step(session, task_id, verdict.action, reviewer)
    label = SyntheticTextRow.label if wanted.label is None else wanted.label
    is_new = or_(
        SyntheticTextRow.status != wanted.status,
        SyntheticTextRow.label != label,
        ~has_last_decided(reviewer, label, wanted.status),
    )
    changed: set[int] = set()
    if isinstance(texts, TextFilters):
        add_events(session, step, *conditions_of(task_id, texts), is_new, wanted=wanted)
    else:
        if isinstance(texts, ShownTexts):
            changed = _changed_by_others(session, texts, reviewer)
            texts = [text_id for text_id in texts.last_event_ids if text_id not in changed]
        for chunk in _chunks(texts):
            of_chunk = SyntheticTextRow.id.in_(chunk), SyntheticTextRow.task_id == task_id
            add_events(session, step, *of_chunk, is_new, wanted=wanted)
    closed = close_step(session, step)
    return replace(closed, n_kept=len(changed)) if closed else None


def import_decisions(
    session: Session, task_id: int, decisions: Mapping[int, Decision], *, reviewer: str
) -> ReviewStep | None:
    """Store decisions that were made elsewhere, as one step; see `Reviews.import_decisions`."""
    labels = {decision.label for decision in decisions.values() if decision.label is not None}
    check_labels(session, task_id, sorted(labels))
    step = add_step(session, task_id, ReviewAction.IMPORT, reviewer)
    for chunk in _chunks(list(decisions)):
        of_chunk = SyntheticTextRow.id.in_(chunk), SyntheticTextRow.task_id == task_id
        rows = {row.id: row for row in session.scalars(select(SyntheticTextRow).where(*of_chunk))}
        if missing := [text_id for text_id in chunk if text_id not in rows]:
            raise StorageError(
                f"{len(missing):,} of the ids are not ids of synthetic texts in this task; the first is {missing[0]}. "
                "Nothing was changed. Export the texts again and use those ids."
            )
        last = last_decisions(session, chunk, reviewer)
        values = [
            event_values(step, row, decisions[row.id])
            for row in rows.values()
            if not _is_settled(row, decisions[row.id], last.get(row.id))
        ]
        if values:
            session.execute(insert(ReviewEventRow), values)
    return close_step(session, step)


def undo(session: Session, task_id: int, *, reviewer: str) -> ReviewStep | None:
    """Take back the reviewer's last standing step; see `Reviews.undo`."""
    undone = session.scalar(standing_steps(task_id, reviewer).limit(1))
    if undone is None:
        return None
    step = add_step(session, task_id, ReviewAction.UNDO, reviewer, undoes_id=undone.id)
    add_reversed_events(session, step, undone)
    close_step(session, step)
    return replace(to_step(session, step), n_kept=undone.n_events - step.n_events)


def _is_settled(row: SyntheticTextRow, wanted: Decision, last: ReviewEventRow | None) -> bool:
    """Whether an import can skip the decision: it changes nothing, and the reviewer's agreement need not be stored.

    Agreement is not stored for a note alone, for a text that stays pending, or a second time.
    """
    if not wanted.is_noop(state_of(row)):
        return False
    has_no_opinion = wanted.label is None and wanted.status is None
    return has_no_opinion or row.status == ReviewStatus.PENDING or matches_last_decision(last, row)


def _changed_by_others(session: Session, shown: ShownTexts, reviewer: str) -> set[int]:
    """The texts that someone else acted on after they were shown."""
    found = set()
    for chunk in _chunks(list(shown.last_event_ids)):
        query = (
            select(SyntheticTextRow.id, SyntheticTextRow.last_event_id)
            .join(ReviewEventRow, ReviewEventRow.id == SyntheticTextRow.last_event_id)
            .join(ReviewStepRow, ReviewStepRow.id == ReviewEventRow.step_id)
            .where(SyntheticTextRow.id.in_(chunk), ReviewStepRow.reviewer != reviewer)
        )
        rows = session.execute(query)
        found |= {row.id for row in rows if row.last_event_id != shown.last_event_ids[row.id]}
    return found


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]
