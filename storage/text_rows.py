"""Rows of synthetic texts → records, with the LM's name and what checks found. Used by generations and reviews."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from augment.records import Finding, RejectReason, ReviewStatus, StoredText
from storage.schema import GenerationRunRow, SyntheticTextRow, TextFlagRow


def select_texts() -> Select[SyntheticTextRow, str]:
    """Synthetic texts, each with its LM's name."""
    return select(SyntheticTextRow, GenerationRunRow.lm_name).join(
        GenerationRunRow, GenerationRunRow.id == SyntheticTextRow.run_id
    )


def to_stored_texts(session: Session, query: Select[SyntheticTextRow, str]) -> list[StoredText]:
    """The results of a `select_texts` query, as records with their flags."""
    found = [(row, lm_name) for row, lm_name in session.execute(query)]
    flags: dict[int, list[Finding]] = {}
    ids = [row.id for row, _ in found]
    for start in range(0, len(ids), 500):  # SQLite allows at least this many parameters per statement
        chunk = select(TextFlagRow).where(TextFlagRow.text_id.in_(ids[start : start + 500]))
        for flag in session.scalars(chunk.order_by(TextFlagRow.text_id, TextFlagRow.reason)):
            flags.setdefault(flag.text_id, []).append(Finding(RejectReason(flag.reason), flag.detail))
    return [to_stored_text(row, lm_name, flags.get(row.id, ())) for row, lm_name in found]


def to_stored_text(row: SyntheticTextRow, lm_name: str, flags: Sequence[Finding]) -> StoredText:
    """A synthetic text as a record."""
    return StoredText(
        id=row.id,
        run_id=row.run_id,
        lm_name=lm_name,
        text=row.text,
        proposed_label=row.proposed_label,
        label=row.label,
        status=ReviewStatus(row.status),
        label_probs=tuple(row.label_probs) if row.label_probs else None,
        created_at=row.created_at,
        flags=tuple(flags),
        proposed_text=row.proposed_text,
        note=row.note,
        last_event_id=row.last_event_id,
    )


def is_judged() -> ColumnElement[bool]:
    """Whether the writers of a generation run's texts gave the labels after writing: with the strategy `free`.

    So they are taken to have done where texts were imported.
    """
    strategy = GenerationRunRow.config["strategy"].as_string()
    return func.coalesce(strategy, "free") == "free"
