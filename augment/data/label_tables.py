"""Read labels that were decided elsewhere from a table, as decisions by text id.

Pure; does not use the store. Takes any file that `read_files` reads. Formula guards are removed from CSV cells.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import pandas as pd

from augment.data.export_formats import unguard_cell
from augment.data.read_files import SourceTable, read_file
from augment.errors import DataError
from augment.records import DecidedElsewhere, Decision, ReviewStatus


@dataclass(frozen=True, slots=True)
class _DecidedRow:
    """One row of a table of labels; `place` is its location for error messages."""

    place: str
    id: int
    decision: Decision
    text: str | None


def read_decisions(name: str, data: bytes, labels: Sequence[str], *, accepts: bool = True) -> DecidedElsewhere:
    """Decisions by text id, from a table with the columns `id` and `label` and optionally `status`, `note` and `text`.

    Without a column `status`, a label also accepts its text if `accepts` is true. Empty cells change nothing. `text` is
    the text that the decision was about.

    Raises:
        DataError: a column is missing, an id is not a whole number or appears twice with different decisions, or a
            label or status is unknown.
    """
    tables = read_file(name, data)
    rows = [
        row
        for table in tables
        for row in _read_rows(table, labels, is_csv=PurePosixPath(name).suffix.lower() in (".csv", ".tsv"))
    ]
    by_id: dict[int, _DecidedRow] = {}
    has_status = all("status" in table.frame.columns for table in tables)
    for row in rows:
        if row.decision == Decision():
            continue
        first = by_id.setdefault(row.id, row)
        if (first.decision, first.text) != (row.decision, row.text):
            raise DataError(
                f"Id {row.id} appears twice: {_describe(first)} and {_describe(row)}. Expected each id once; keep one."
            )
    if not by_id:
        raise DataError(f"'{name}' has no decisions: the column 'label' is empty in every row. Fill it in.")
    standard = ReviewStatus.ACCEPTED if accepts and not has_status else None
    return DecidedElsewhere(
        decisions={row.id: _with_status(row.decision, standard) for row in by_id.values()},
        texts={row.id: row.text for row in by_id.values() if row.text is not None},
        has_status=has_status,
        n_undecided=sum(row.decision == Decision() for row in rows),
    )


def _read_rows(table: SourceTable, labels: Sequence[str], *, is_csv: bool) -> Iterator[_DecidedRow]:
    columns = {
        column: _read_cells(table, column, is_csv=is_csv)
        for column in ("id", "label", "status", "note", "text")
        if column in table.frame.columns
    }
    if missing := [column for column in ("id", "label") if column not in columns]:
        found = ", ".join(f"'{column}'" for column in table.frame.columns)
        raise DataError(
            f"Column '{missing[0]}' not found; '{table.name}' has {found}. Expected 'id' and 'label', and optionally "
            "'status', 'note' and 'text'."
        )
    for number, cells in enumerate(zip(*columns.values(), strict=True), start=1):
        row, place = dict(zip(columns, cells, strict=True)), f"Row {number} of '{table.name}'"
        decision = Decision(
            label=_read_choice(row["label"], labels, "label", place),
            status=_read_status(row.get("status", ""), place),
            note=row.get("note") or None,
        )
        yield _DecidedRow(place, _read_id(row["id"], place), decision, row.get("text"))


def _read_cells(table: SourceTable, column: str, *, is_csv: bool) -> list[str]:
    cells = ["" if pd.isna(value) else str(value) for value in table.frame[column]]
    return [unguard_cell(cell) for cell in cells] if is_csv else cells


def _read_id(cell: str, place: str) -> int:
    if not re.fullmatch(r"\s*\d{1,18}(\.0+)?\s*", cell, re.ASCII):  # spreadsheets may turn 12 into '12.0'
        raise DataError(f"{place}: the id is '{cell[:40]}'. Expected a whole number, as in an export.")
    return int(cell.partition(".")[0])


def _read_choice(cell: str, choices: Sequence[str], what: str, place: str) -> str | None:
    """One of `choices`, or None for an empty cell."""
    if not cell.strip():
        return None
    if cell.strip() not in choices:
        raise DataError(f"{place}: the {what} is '{cell.strip()[:40]}'. Expected one of {', '.join(choices)}.")
    return cell.strip()


def _read_status(cell: str, place: str) -> ReviewStatus | None:
    found = _read_choice(cell.lower(), list(ReviewStatus), "status", place)
    return ReviewStatus(found) if found else None


def _with_status(decision: Decision, status: ReviewStatus | None) -> Decision:
    """The decision, with `status` added if it has a label but no status."""
    return replace(decision, status=status) if decision.label and not decision.status else decision


def _describe(row: _DecidedRow) -> str:
    """'joy, accepted (row 3 of 'labels.csv')'."""
    parts = [row.decision.label, row.decision.status, row.decision.note, row.text]
    return f"'{', '.join(part[:40] for part in parts if part)}' ({row.place[0].lower()}{row.place[1:]})"
