"""Compares labels that were decided elsewhere with the texts of a task, before they are imported."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from augment.errors import DataError
from augment.records import DecidedElsewhere, DecisionCount
from storage.reviews.steps import state_of
from storage.schema import SyntheticTextRow

CHUNK = 5_000  # ids per statement: SQLite allows 32,766 parameters


def count_changes(session: Session, task_id: int, decided: DecidedElsewhere) -> DecisionCount:
    """How many texts the decisions would change, and how many they leave as they are.

    Raises:
        DataError: an id is not the id of a text in this task, or the table has a different text for it.
    """
    ids, n_same = list(decided.decisions), 0
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        query = select(SyntheticTextRow).where(SyntheticTextRow.id.in_(chunk), SyntheticTextRow.task_id == task_id)
        rows = {row.id: row for row in session.scalars(query)}
        for text_id in chunk:
            _check_same_text(text_id, rows.get(text_id), decided.texts.get(text_id))
        n_same += sum(decided.decisions[row.id].is_noop(state_of(row)) for row in rows.values())
    return DecisionCount(n_changed=len(ids) - n_same, n_same=n_same)


def _check_same_text(text_id: int, row: SyntheticTextRow | None, text: str | None) -> None:
    if row is None:
        raise DataError(
            f"Id {text_id} is not the id of a synthetic text in this task. Export the texts again and use those ids."
        )
    if text is not None and _same_newlines(text) != _same_newlines(row.text):
        raise DataError(
            f"Id {text_id} is '{text[:40]}' in the file and '{row.text[:40]}' here. Use the ids of a new export, or "
            "remove the column 'text' if these ids are correct."
        )


def _same_newlines(text: str) -> str:
    """The text with uniform line ends, which are all that spreadsheets change."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
