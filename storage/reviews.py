"""Review events: added, never changed. A text's label and status repeat its last event, in the same transaction."""

from sqlalchemy import Engine, Select, exists, func, select
from sqlalchemy.orm import Session, aliased

from augment.errors import StorageError
from augment.records import ReviewAction, ReviewEvent, ReviewStatus, StoredText
from storage.engine import reading, writing
from storage.generations import select_texts, to_stored_texts
from storage.schema import GenerationRunRow, ReviewEventRow, SyntheticTextRow, TaskRow, TextPredictionRow


class Reviews:
    """What people decided about synthetic texts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def next_pending(
        self, task_id: int, *, skipped: frozenset[int] = frozenset(), judge_id: int | None = None
    ) -> StoredText | None:
        """The oldest pending text of the task that is not among `skipped`, or None.

        With `judge_id`, a training run: first those whose label that classifier holds least likely.
        """
        query = _texts_of(task_id).where(SyntheticTextRow.status == ReviewStatus.PENDING)
        if judge_id is not None:
            of_judge = (TextPredictionRow.text_id == SyntheticTextRow.id) & (
                TextPredictionRow.training_run_id == judge_id
            )
            query = query.outerjoin(TextPredictionRow, of_judge).order_by(TextPredictionRow.label_prob.nulls_last())
        if skipped:
            query = query.where(SyntheticTextRow.id.not_in(skipped))
        with reading(self._engine) as session:
            found = to_stored_texts(session, query.order_by(SyntheticTextRow.id).limit(1))
            return found[0] if found else None

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
        self, task_id: int, *, status: ReviewStatus | None, label: str | None, number: int, size: int
    ) -> tuple[list[StoredText], int]:
        """Page `number` (from 1) of the task's texts with that status and label, and how many there are in all."""
        query = _texts_of(task_id)
        if status is not None:
            query = query.where(SyntheticTextRow.status == status)
        if label is not None:
            query = query.where(SyntheticTextRow.label == label)
        with reading(self._engine) as session:
            n = session.scalar(
                select(func.count()).select_from(query.with_only_columns(SyntheticTextRow.id).subquery())
            )
            rows = query.order_by(SyntheticTextRow.id).offset((number - 1) * size).limit(size)
            return to_stored_texts(session, rows), n or 0

    def count_status(self, task_id: int) -> dict[ReviewStatus, int]:
        """The task's synthetic texts by review status; every status is there."""
        query = (
            select(SyntheticTextRow.status, func.count())
            .join(GenerationRunRow, GenerationRunRow.id == SyntheticTextRow.run_id)
            .where(GenerationRunRow.task_id == task_id)
            .group_by(SyntheticTextRow.status)
        )
        with reading(self._engine) as session:
            found = {ReviewStatus(status): n for status, n in session.execute(query)}
        return {status: found.get(status, 0) for status in ReviewStatus}

    def decide(self, text_id: int, action: ReviewAction, *, reviewer: str, label: str | None = None) -> ReviewEvent:
        """Accept, reject, or relabel (which accepts too) one text. A repeat of what already stands adds no event.

        Raises:
            StorageError: the text is gone, or the label is not one of the task's.
        """
        with writing(self._engine) as session:
            row = _get_text(session, text_id)
            if action is ReviewAction.RELABEL:
                _check_label(session, row, label)
            label_after = label if action is ReviewAction.RELABEL and label else row.label
            status_after = ReviewStatus.REJECTED if action is ReviewAction.REJECT else ReviewStatus.ACCEPTED
            if (label_after, status_after) == (row.label, row.status):
                last = _last_event(session, text_id)
                if last is not None:  # a double click
                    return _to_event(last)
            return _add_event(session, row, action, reviewer, label_after, status_after)

    def undo(self, task_id: int, *, reviewer: str) -> ReviewEvent | None:
        """Take back the reviewer's last decision that still stands; None if there is none.

        Raises:
            StorageError: somebody else decided on that text afterwards.
        """
        with writing(self._engine) as session:
            event = session.scalar(_standing_events(task_id, reviewer).limit(1))
            if event is None:
                return None
            row = _get_text(session, event.text_id)
            if (row.label, row.status) != (event.label_after, event.status_after):
                raise StorageError(f"'{row.text[:40]}' was decided anew by somebody else since; it stays {row.status}.")
            return _add_event(
                session, row, ReviewAction.UNDO, reviewer, event.label_before, event.status_before, undoes_id=event.id
            )

    def last_standing(self, task_id: int, *, reviewer: str) -> ReviewEvent | None:
        """The decision that `undo` would take back."""
        with reading(self._engine) as session:
            event = session.scalar(_standing_events(task_id, reviewer).limit(1))
            return _to_event(event) if event else None

    def history(self, text_id: int) -> list[ReviewEvent]:
        """Every event of a text, oldest first."""
        query = select(ReviewEventRow).where(ReviewEventRow.text_id == text_id).order_by(ReviewEventRow.id)
        with reading(self._engine) as session:
            return [_to_event(row) for row in session.scalars(query)]

    def count_events(self, task_id: int) -> int:
        """Decisions of people about the task's texts, undone ones and undos included."""
        query = (
            select(func.count())
            .select_from(ReviewEventRow)
            .join(SyntheticTextRow, SyntheticTextRow.id == ReviewEventRow.text_id)
            .join(GenerationRunRow, GenerationRunRow.id == SyntheticTextRow.run_id)
            .where(GenerationRunRow.task_id == task_id)
        )
        with reading(self._engine) as session:
            return session.scalar(query) or 0


def _texts_of(task_id: int) -> Select[SyntheticTextRow, str]:
    return select_texts().where(GenerationRunRow.task_id == task_id)


def _get_text(session: Session, text_id: int) -> SyntheticTextRow:
    row = session.get(SyntheticTextRow, text_id)
    if row is None:
        raise StorageError(f"Text {text_id} is gone from the database. Reload the page.")
    return row


def _check_label(session: Session, row: SyntheticTextRow, label: str | None) -> None:
    query = select(TaskRow.labels).join(GenerationRunRow, GenerationRunRow.task_id == TaskRow.id)
    labels = session.scalar(query.where(GenerationRunRow.id == row.run_id)) or []
    if label not in labels:
        raise StorageError(f"'{label}' is not a label of this task. Expected one of {', '.join(labels)}.")


def _standing_events(task_id: int, reviewer: str) -> Select[ReviewEventRow]:
    """The reviewer's decisions that no undo took back, newest first."""
    undo = aliased(ReviewEventRow)
    return (
        select(ReviewEventRow)
        .join(SyntheticTextRow, SyntheticTextRow.id == ReviewEventRow.text_id)
        .join(GenerationRunRow, GenerationRunRow.id == SyntheticTextRow.run_id)
        .where(
            GenerationRunRow.task_id == task_id,
            ReviewEventRow.reviewer == reviewer,
            ReviewEventRow.action != ReviewAction.UNDO,
            ~exists().where(undo.undoes_id == ReviewEventRow.id),
        )
        .order_by(ReviewEventRow.id.desc())
    )


def _last_event(session: Session, text_id: int) -> ReviewEventRow | None:
    query = select(ReviewEventRow).where(ReviewEventRow.text_id == text_id).order_by(ReviewEventRow.id.desc())
    return session.scalar(query.limit(1))


def _add_event(
    session: Session,
    row: SyntheticTextRow,
    action: ReviewAction,
    reviewer: str,
    label: str,
    status: ReviewStatus,
    *,
    undoes_id: int | None = None,
) -> ReviewEvent:
    event = ReviewEventRow(
        text_id=row.id,
        action=action,
        reviewer=reviewer,
        label_before=row.label,
        label_after=label,
        status_before=ReviewStatus(row.status),
        status_after=status,
        undoes_id=undoes_id,
    )
    session.add(event)
    row.label, row.status = label, status
    session.flush()
    return _to_event(event)


def _to_event(row: ReviewEventRow) -> ReviewEvent:
    return ReviewEvent(
        id=row.id,
        text_id=row.text_id,
        action=ReviewAction(row.action),
        reviewer=row.reviewer,
        label_before=row.label_before,
        label_after=row.label_after,
        status_before=ReviewStatus(row.status_before),
        status_after=ReviewStatus(row.status_after),
        created_at=row.created_at,
    )
