"""Read synthetic texts in their current state: by id, by filter, page by page, and counts."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from augment.errors import StorageError
from augment.records import PageRequest, ReviewOrder, ReviewStatus, StoredText, TextFilters
from storage.reviews.text_queries import conditions_of, order_of
from storage.schema import SyntheticTextRow, TaskRow
from storage.text_rows import select_texts, to_stored_texts


def get_row(session: Session, text_id: int) -> SyntheticTextRow:
    """One synthetic text's row.

    Raises:
        StorageError: there is no such text.
    """
    row = session.get(SyntheticTextRow, text_id)
    if row is None:
        raise _gone(text_id)
    return row


def get_text(session: Session, text_id: int) -> StoredText:
    """One synthetic text.

    Raises:
        StorageError: there is no such text.
    """
    found = get_texts(session, [text_id])
    if not found:
        raise _gone(text_id)
    return found[0]


def get_texts(session: Session, text_ids: Sequence[int]) -> list[StoredText]:
    """The texts with these ids, in the same order; missing texts are left out."""
    found = to_stored_texts(session, select_texts().where(SyntheticTextRow.id.in_(text_ids)))
    position = {text_id: i for i, text_id in enumerate(text_ids)}
    return sorted(found, key=lambda text: position[text.id])


def get_page(session: Session, task_id: int, filters: TextFilters, page: PageRequest) -> list[StoredText]:
    """One page of the texts that pass the filters."""
    ids = select(SyntheticTextRow.id).where(*conditions_of(task_id, filters)).order_by(*order_of(page.order))
    of_page = ids.offset((page.number - 1) * page.size).limit(page.size)
    return get_texts(session, list(session.scalars(of_page)))  # sorts ids, not whole rows


def newest_texts(session: Session, task_id: int, filters: TextFilters, *, limit: int) -> dict[int, str]:
    """The newest texts that pass the filters, by id."""
    query = select(SyntheticTextRow.id, SyntheticTextRow.text).where(*conditions_of(task_id, filters))
    rows = session.execute(query.order_by(*order_of(ReviewOrder.NEWEST)).limit(limit))
    return {row.id: row.text for row in rows}


def count_texts(session: Session, task_id: int, filters: TextFilters) -> int:
    """How many texts pass the filters."""
    query = select(func.count()).select_from(SyntheticTextRow).where(*conditions_of(task_id, filters))
    return session.scalar(query) or 0


def count_by_status(session: Session, task_id: int) -> dict[ReviewStatus, int]:
    """The task's synthetic texts by review status, including statuses without any."""
    query = (
        select(SyntheticTextRow.status, func.count())
        .where(SyntheticTextRow.task_id == task_id)
        .group_by(SyntheticTextRow.status)
    )
    found = {ReviewStatus(status): n for status, n in session.execute(query)}
    return {status: found.get(status, 0) for status in ReviewStatus}


def labels_of(session: Session, task_id: int) -> list[str]:
    """The task's labels in order."""
    return session.scalar(select(TaskRow.labels).where(TaskRow.id == task_id)) or []


def _gone(text_id: int) -> StorageError:
    return StorageError(f"Text {text_id} is gone from the database. Reload the page.")
