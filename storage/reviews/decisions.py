"""Review steps and their events: added, never changed. A text repeats its last event, in the same transaction.

A step is what one person did at once: a key on a card, or ten thousand texts relabelled. Each has an event a text, and
undo is another step. Single decisions and bulk ones take the same three statements: the step, its events, the texts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from sqlalchemy import (
    Engine,
    func,
    insert,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import Session

from augment.errors import ConflictError, StorageError
from augment.records import (
    Decision,
    ReviewAction,
    ReviewEvent,
    ReviewOrder,
    ReviewStatus,
    ReviewStep,
    StoredText,
    TextFilters,
)
from storage.engine import reading, writing
from storage.generations import select_texts, to_stored_texts
from storage.reviews.own_decisions import followed_by_another, own_decisions, said_so
from storage.reviews.steps import (
    EVENT_COLUMNS,
    add_events,
    add_step,
    check_label,
    close_step,
    decision_of,
    differs,
    event_values,
    get_text,
    labels_of,
    last_event,
    leads_to,
    select_events,
    standing_steps,
    status_after,
    tell_conflict,
    to_event,
    to_step,
)
from storage.reviews.text_queries import conditions_of, order_of
from storage.schema import ReviewEventRow, ReviewStepRow, SyntheticTextRow, utc_now

CHUNK = 5_000  # ids a statement: SQLite takes 32,766 parameters
DECISIONS = (ReviewAction.ACCEPT, ReviewAction.REJECT, ReviewAction.RELABEL)


class Reviews:
    """What people decided about synthetic texts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # Reading ---------------------------------------------------------------------------------------------------------

    def text(self, text_id: int) -> StoredText:
        """One synthetic text as it stands now.

        Raises:
            StorageError: there is none of that id.
        """
        with reading(self._engine) as session:
            found = to_stored_texts(session, select_texts().where(SyntheticTextRow.id == text_id))
            if not found:
                raise StorageError(f"Text {text_id} is gone from the database. Reload the page.")
            return found[0]

    def page(
        self,
        task_id: int,
        filters: TextFilters,
        *,
        order: ReviewOrder = ReviewOrder.OLDEST,
        number: int = 1,
        size: int = 50,
    ) -> list[StoredText]:
        """Page `number` (from 1) of the texts that the filters let through."""
        ids = select(SyntheticTextRow.id).where(*conditions_of(task_id, filters)).order_by(*order_of(order))
        with reading(self._engine) as session:
            wanted = list(session.scalars(ids.offset((number - 1) * size).limit(size)))  # sorts ids, not whole rows
        return self.texts(wanted)

    def newest_texts(self, task_id: int, filters: TextFilters, *, limit: int) -> dict[int, str]:
        """Id → text of the newest texts that the filters let through."""
        query = select(SyntheticTextRow.id, SyntheticTextRow.text).where(*conditions_of(task_id, filters))
        with reading(self._engine) as session:
            rows = session.execute(query.order_by(*order_of(ReviewOrder.NEWEST)).limit(limit))
            return {row.id: row.text for row in rows}

    def texts(self, text_ids: Sequence[int]) -> list[StoredText]:
        """Texts of these ids in that order; those that are gone are left out."""
        with reading(self._engine) as session:
            found = to_stored_texts(session, select_texts().where(SyntheticTextRow.id.in_(text_ids)))
        place = {text_id: i for i, text_id in enumerate(text_ids)}
        return sorted(found, key=lambda one: place[one.id])

    def count(self, task_id: int, filters: TextFilters) -> int:
        """How many texts the filters let through."""
        query = select(func.count()).select_from(SyntheticTextRow).where(*conditions_of(task_id, filters))
        with reading(self._engine) as session:
            return session.scalar(query) or 0

    def count_status(self, task_id: int) -> dict[ReviewStatus, int]:
        """The task's synthetic texts by review status; every status is there."""
        query = (
            select(SyntheticTextRow.status, func.count())
            .where(SyntheticTextRow.task_id == task_id)
            .group_by(SyntheticTextRow.status)
        )
        with reading(self._engine) as session:
            found = {ReviewStatus(status): n for status, n in session.execute(query)}
        return {status: found.get(status, 0) for status in ReviewStatus}

    def history(self, text_id: int) -> list[ReviewEvent]:
        """Every event of a text, oldest first."""
        query = select_events().where(ReviewEventRow.text_id == text_id).order_by(ReviewEventRow.id)
        with reading(self._engine) as session:
            return [to_event(row, step) for row, step in session.execute(query)]

    def as_of(self, text_id: int, event_id: int | None) -> StoredText:
        """A text as it stood after one of its events; with None as the LM proposed it.

        Raises:
            StorageError: there is no text of that id.
        """
        now = self.text(text_id)
        if now.last_event_id == event_id:
            return now
        events = self.history(text_id)
        earlier = [one for one in events if event_id is not None and one.id <= event_id]
        later = events[len(earlier) :]
        edits = [one.text_before for one in later if one.text_before is not None]
        return replace(
            now,
            text=edits[0] if edits else now.text,
            label=earlier[-1].label_after if earlier else now.proposed_label,
            status=earlier[-1].status_after if earlier else ReviewStatus.PENDING,
            last_event_id=earlier[-1].id if earlier else None,
        )

    def last_step(self, task_id: int, *, reviewer: str) -> ReviewStep | None:
        """The step that `undo` would take back."""
        with reading(self._engine) as session:
            row = session.scalar(standing_steps(task_id, reviewer).limit(1))
            return to_step(session, row) if row else None

    def count_events(self, task_id: int) -> int:
        """Decisions of people about the task's texts, undone ones and undos included."""
        query = select(func.sum(ReviewStepRow.n_events)).where(ReviewStepRow.task_id == task_id)
        with reading(self._engine) as session:
            return session.scalar(query) or 0

    def has_decided(self, text_id: int, *, reviewer: str) -> bool:
        """Whether a decision of the reviewer on the text stands."""
        with reading(self._engine) as session:
            return bool(own_decisions(session, [text_id], reviewer))

    def rate(self, task_id: int, *, reviewer: str, newest: int = 30, longest_s: float = 60.0) -> float | None:
        """Decisions on single texts a minute, the reviewer's newest; pauses above `longest_s` seconds do not count.

        None before the third decision of a sitting. What was taken back counts: it was read and decided.
        """
        query = (
            select(ReviewStepRow.created_at)
            .where(
                ReviewStepRow.task_id == task_id,
                ReviewStepRow.reviewer == reviewer,
                ReviewStepRow.undoes_id.is_(None),
                ReviewStepRow.action.in_(DECISIONS),
                ReviewStepRow.n_events == 1,
                ReviewStepRow.created_at > utc_now() - timedelta(minutes=10),
            )
            .order_by(ReviewStepRow.id.desc())
            .limit(newest)
        )
        with reading(self._engine) as session:
            times = list(session.scalars(query))
        gaps = [(later - earlier).total_seconds() for later, earlier in pairwise(times)]
        gaps = [gap for gap in gaps if gap <= longest_s]
        return 60 * len(gaps) / sum(gaps) if len(gaps) > 1 and sum(gaps) > 0 else None

    # Deciding --------------------------------------------------------------------------------------------------------

    def decide(
        self,
        text_id: int,
        action: ReviewAction,
        *,
        reviewer: str,
        label: str | None = None,
        text: str | None = None,
        note: str | None = None,
        seen: StoredText | None = None,
    ) -> ReviewEvent | None:
        """Accept, reject, relabel (which accepts too), edit or annotate one text.

        With `seen`, the text as it stood when it was shown: nothing is decided on what somebody changed meanwhile. What
        the reviewer said last already adds no event (a double click): that event is returned, or None for a note or an
        edit that changes nothing. To agree with somebody else is an event.

        Raises:
            ConflictError: it was decided on since it was shown.
            StorageError: the text is gone, the label is not one of the task's, or the new text cannot be taken.
        """
        with writing(self._engine) as session:
            row = get_text(session, text_id)
            after = decision_of(session, row, action, label, text, note)
            own = own_decisions(session, [text_id], reviewer).get(text_id)
            if leads_to(row, after) and (after.status is None or says(own, row)):
                return _find_event(session, own) if own is not None and after.status is not None else None
            last = last_event(session, row)
            if seen is not None and last is not None and differs(row, seen):
                raise ConflictError(tell_conflict(row, last[1]))
            step = add_step(session, row.task_id, action, reviewer)
            add_events(session, step, SyntheticTextRow.id == text_id, after=after)
            close_step(session, step)
            event, step = session.execute(select_events().where(ReviewEventRow.step_id == step.id)).one()
            return to_event(event, step)

    def decide_many(
        self,
        task_id: int,
        texts: TextFilters | Sequence[int],
        action: ReviewAction,
        *,
        reviewer: str,
        label: str | None = None,
        seen: Mapping[int, int | None] | None = None,
    ) -> ReviewStep | None:
        """Accept, reject or relabel every text that the filters let through, or those of the given ids, as one step.

        With `seen`, the last event of each of the ids as it was shown: those that somebody else decided on since are
        left alone and counted in the step's `n_kept`.

        Texts that stand so already by this reviewer's last decision get no event; None where that is all of them.

        Raises:
            StorageError: the label is not one of the task's.
        """
        with writing(self._engine) as session:
            if action is ReviewAction.RELABEL:
                check_label(labels_of(session, task_id), label)
            after = Decision(label=label if action is ReviewAction.RELABEL else None, status=status_after(action))
            step = add_step(session, task_id, action, reviewer)
            wanted = SyntheticTextRow.label if after.label is None else after.label
            changes = [
                SyntheticTextRow.status != after.status,
                SyntheticTextRow.label != wanted,
                ~said_so(reviewer, wanted, after.status),
            ]
            n_kept = 0
            if isinstance(texts, TextFilters):
                add_events(session, step, *conditions_of(task_id, texts), or_(*changes), after=after)
            else:
                changed = _changed_by_others(session, seen or {}, reviewer)
                texts, n_kept = [one for one in texts if one not in changed], len(changed)
                for start in range(0, len(texts), CHUNK):
                    of_ids = SyntheticTextRow.id.in_(texts[start : start + CHUNK])
                    in_task = SyntheticTextRow.task_id == task_id
                    add_events(session, step, of_ids, in_task, or_(*changes), after=after)
            found = close_step(session, step)
            return replace(found, n_kept=n_kept) if found else None

    def import_decisions(self, task_id: int, decisions: Mapping[int, Decision], *, reviewer: str) -> ReviewStep | None:
        """Take over what was decided elsewhere, by text id, as one step; None where everything stands so already.

        Raises:
            StorageError: an id is not of this task, or a label is not one of the task's.
        """
        with writing(self._engine) as session:
            labels = labels_of(session, task_id)
            for label in {one.label for one in decisions.values() if one.label is not None}:
                check_label(labels, label)
            step = add_step(session, task_id, ReviewAction.IMPORT, reviewer)
            ids = list(decisions)
            for start in range(0, len(ids), CHUNK):
                chunk = ids[start : start + CHUNK]
                of_ids = SyntheticTextRow.id.in_(chunk)
                query = select(SyntheticTextRow).where(of_ids, SyntheticTextRow.task_id == task_id)
                rows = {row.id: row for row in session.scalars(query)}
                if missing := [one for one in chunk if one not in rows]:
                    raise StorageError(
                        f"{len(missing)} of the ids are of no synthetic text of this task, the first is {missing[0]}. "
                        "Export the texts anew and take the ids from there; nothing was changed."
                    )
                own = own_decisions(session, chunk, reviewer)
                values = [
                    event_values(step, row, decisions[row.id])
                    for row in rows.values()
                    if not (leads_to(row, decisions[row.id]) and _is_said(own.get(row.id), row, decisions[row.id]))
                ]
                if values:
                    session.execute(insert(ReviewEventRow), values)
            return close_step(session, step)

    def undo(self, task_id: int, *, reviewer: str) -> ReviewStep | None:
        """Take back the reviewer's last step that still stands, as a step of its own; None if there is none.

        Texts that somebody decided on afterwards stay as they are and are counted in `n_kept`.
        """
        event, text = ReviewEventRow, SyntheticTextRow
        with writing(self._engine) as session:
            undone = session.scalar(standing_steps(task_id, reviewer).limit(1))
            if undone is None:
                return None
            step = add_step(session, task_id, ReviewAction.UNDO, reviewer, undoes_id=undone.id)
            stands = [
                text.label == event.label_after,
                text.status == event.status_after,
                or_(event.text_after.is_(None), text.text == event.text_after),
                or_(event.note_after.is_(None), text.note == event.note_after),
                ~followed_by_another(event, reviewer),
            ]
            back = (
                select(
                    literal(step.id),
                    event.text_id,
                    text.label,
                    event.label_before,
                    text.status,
                    event.status_before,
                    event.text_after,
                    event.text_before,
                    event.note_after,
                    event.note_before,
                )
                .join(text, text.id == event.text_id)
                .where(event.step_id == undone.id, *stands)
            )
            session.execute(insert(event).from_select(EVENT_COLUMNS, back))
            close_step(session, step)
            return replace(to_step(session, step), n_kept=undone.n_events - step.n_events)


def says(own: ReviewEventRow | None, row: SyntheticTextRow) -> bool:
    """Whether a decision is what the text stands at."""
    return own is not None and (own.label_after, own.status_after) == (row.label, row.status)


def _is_said(own: ReviewEventRow | None, row: SyntheticTextRow, wanted: Decision) -> bool:
    """Whether there is nothing to say: a note alone, a text that stays pending, or what the reviewer said already."""
    is_silent = (wanted.label is None and wanted.status is None) or row.status == ReviewStatus.PENDING
    return is_silent or says(own, row)


def _find_event(session: Session, row: ReviewEventRow) -> ReviewEvent:
    event, step = session.execute(select_events().where(ReviewEventRow.id == row.id)).one()
    return to_event(event, step)


def _changed_by_others(session: Session, seen: Mapping[int, int | None], reviewer: str) -> set[int]:
    """Of texts as they were shown, those on which somebody else acted since."""
    found = set()
    ids = list(seen)
    for start in range(0, len(ids), CHUNK):
        query = (
            select(SyntheticTextRow.id, SyntheticTextRow.last_event_id)
            .join(ReviewEventRow, ReviewEventRow.id == SyntheticTextRow.last_event_id)
            .join(ReviewStepRow, ReviewStepRow.id == ReviewEventRow.step_id)
            .where(SyntheticTextRow.id.in_(ids[start : start + CHUNK]), ReviewStepRow.reviewer != reviewer)
        )
        found |= {row.id for row in session.execute(query) if row.last_event_id != seen[row.id]}
    return found
