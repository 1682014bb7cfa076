"""Exported texts ↔ CSV, JSONL, Parquet or a zipped `datasets` folder.

Pure formats: knows nothing of the store. Records go out and come in one by one, so that a large export is never in
memory as a whole. CSV is for spreadsheets: nested fields are JSON in a cell, and no text is taken for a formula.
"""

import csv
import io
import json
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cache
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter, ValidationError

from augment.data.read_files import MAX_UNZIPPED_BYTES
from augment.errors import DataError
from augment.records import ExportedText

COLUMNS = tuple(field.name for field in fields(ExportedText))
NESTED = ("label_probs", "flags", "seeds", "history")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
CHUNK = 1_000  # rows a batch of Parquet and Arrow
MAX_CELL = 2**26  # characters; the csv module's own limit is less than a long prompt's history

Row = dict[str, Any]


class ExportFormat(StrEnum):
    """What kind of file; `datasets` reads the last one with `load_from_disk`, once unzipped."""

    CSV = "CSV"
    JSONL = "JSONL"
    PARQUET = "Parquet"
    DATASET = "datasets folder"

    @property
    def ending(self) -> str:
        """The file name's ending."""
        return {"CSV": ".csv", "JSONL": ".jsonl", "Parquet": ".parquet", "datasets folder": ".zip"}[self.value]


# Exported texts ------------------------------------------------------------------------------------------------------


def write_export(records: Iterable[ExportedText], file: IO[bytes], kind: ExportFormat) -> None:
    """Write records into an open file; it stays open."""
    _CODECS[kind.ending].write(records, file)


def is_export(name: str, file: IO[bytes]) -> bool:
    """Whether a file has every column of an export, so that `read_export` may be tried on it.

    Raises:
        DataError: the content is not what the name's ending says.
    """
    codec = _CODECS.get(_ending(name))
    if codec is None:
        return False
    file.seek(0)
    with _telling(name):
        return set(COLUMNS) <= (next(codec.read(file), {})).keys()


def read_export(name: str, file: IO[bytes]) -> Iterator[ExportedText]:
    """The records of a file that `write_export` wrote, told by its ending; further columns are not looked at.

    Raises:
        DataError: on the first row that is not as it was written, or if there is none or a column is missing.
    """
    codec = _CODECS.get(_ending(name))
    if codec is None:
        raise DataError(f"'{name}' is no export. Expected a file ending in {', '.join(_CODECS)}.")
    file.seek(0)
    with _telling(name):
        rows = codec.read(file)
        first = next(rows, None)
        if first is None:
            raise DataError(f"'{name}' has no rows. Expected one exported text a row.")
        if missing := [column for column in COLUMNS if column not in first]:
            raise DataError(
                f"'{name}' lacks the columns {', '.join(missing)} of an export. Export the texts anew, or import a "
                "table of labels with the columns 'id' and 'label'."
            )
        for number, row in enumerate(chain([first], rows), start=1):
            yield _to_record(codec, row, f"'{name}', row {number}")


def guard_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe goes before what begins like one, or with one.

    Source: OWASP, CSV Injection.
    """
    return f"'{text}" if text.startswith((*FORMULA_STARTS, "'")) else text


def unguard_cell(cell: str) -> str:
    """The text behind a guarded cell; any other cell stays as it is."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith((*FORMULA_STARTS, "'")) else cell


@cache
def _adapter() -> TypeAdapter[ExportedText]:
    return TypeAdapter(ExportedText)


def _to_record(codec: "_Codec", row: Row, place: str) -> ExportedText:
    try:
        return _adapter().validate_python(codec.decode(row))
    except ValidationError as error:
        raise DataError(f"{place}: {_tell_invalid(error)}. Export the texts anew.") from error
    except (ValueError, TypeError, KeyError) as error:  # nested fields that are not as they were written
        raise DataError(f"{place} is not as it was exported ({error}). Export the texts anew.") from error


def _tell_invalid(error: ValidationError) -> str:
    """What is wrong with the first field that is: 'status is 'maybe'; it should be …'."""
    first = error.errors()[0]
    field = ".".join(map(str, first["loc"]))
    if first["type"] == "missing":
        return f"{field} is missing"
    return f"{field} is '{str(first['input'])[:60]}'; {first['msg'][:1].lower()}{first['msg'][1:]}"


def _ending(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


@contextmanager
def _telling(name: str) -> Iterator[None]:
    """What the formats' libraries raise on bad content, as a sentence."""
    try:
        yield
    except (ValueError, OSError, EOFError, RuntimeError, csv.Error, zipfile.BadZipFile, zlib.error) as error:
        found = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise DataError(f"'{name}' is not a readable {_ending(name)} file: {found}. Export it anew.") from error


@contextmanager
def _as_lines(file: IO[bytes]) -> Iterator[io.TextIOWrapper]:
    """The file as text with its line ends as they are; it stays open. The mark tells spreadsheets that it is UTF-8."""
    lines = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        yield lines
    finally:
        if not file.closed:
            lines.detach()


# CSV -----------------------------------------------------------------------------------------------------------------


def _write_csv(records: Iterable[ExportedText], file: IO[bytes]) -> None:
    with _as_lines(file) as lines:
        writer = csv.writer(lines)
        writer.writerow(COLUMNS)
        for record in records:
            writer.writerow(_to_cell(value) for value in _adapter().dump_python(record, mode="json").values())


def _to_cell(value: Any) -> Any:
    if isinstance(value, str):
        return guard_cell(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _read_csv(file: IO[bytes]) -> Iterator[Row]:
    csv.field_size_limit(MAX_CELL)
    with _as_lines(file) as lines:
        yield from csv.DictReader(lines, strict=True)


def _decode_csv(row: Row) -> Row:
    """Cells to values. An empty cell is None where there may be none: CSV has no other way to say it."""
    decoded: Row = {
        column: unguard_cell(cell) for column, cell in row.items() if column in COLUMNS and cell is not None
    }
    for column in NESTED:
        decoded[column] = json.loads(decoded[column]) if decoded.get(column) else None
    for column in ("strategy", "prompt_version", "config", "n_tokens", "n_prompt_tokens"):
        decoded[column] = decoded.get(column) or None
    if decoded["n_tokens"] is None:  # without a completion; one may be empty
        decoded["prompt"] = decoded["raw"] = None
    return decoded


# JSONL ---------------------------------------------------------------------------------------------------------------


def _write_json_lines(records: Iterable[ExportedText], file: IO[bytes]) -> None:
    for record in records:
        file.write(_adapter().dump_json(record) + b"\n")


def _read_json_lines(file: IO[bytes]) -> Iterator[Row]:
    for line in file:
        if line.strip():
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError(f"expected one object a line, found {line[:40]!r}")
            yield row


# Parquet and datasets, which is Arrow in a folder --------------------------------------------------------------------


def _batches(records: Iterable[ExportedText]) -> Iterator[Any]:
    """The records as Arrow batches; probabilities as a list, since labels are no columns."""
    rows = (_adapter().dump_python(record) for record in records)
    while chunk := list(islice(rows, CHUNK)):
        for row in chunk:
            if row["label_probs"] is not None:
                row["label_probs"] = [{"label": label, "prob": prob} for label, prob in row["label_probs"].items()]
        yield pa.RecordBatch.from_pylist(chunk, schema=_schema())


@cache
def _schema() -> Any:
    text, whole, time = pa.string(), pa.int64(), pa.timestamp("us", tz="UTC")

    def listing(**columns: Any) -> Any:
        return pa.list_(pa.struct(columns))

    changes = {f"{part}_{when}": text for part in ("label", "status", "text", "note") for when in ("before", "after")}
    step = {"step_id": whole, "action": text, "reviewer": text, "created_at": time}
    undo = {"undoes_id": whole, "undone_id": whole, "undone_at": time}
    kinds = {
        "label_probs": listing(label=text, prob=pa.float64()),
        "flags": listing(reason=text, detail=text),
        "seeds": listing(text=text, label=text),
        "history": listing(**step, **changes, **undo),
        "created_at": time,
        **dict.fromkeys(("id", "run_id", "prompt_version", "number", "n_tokens", "n_prompt_tokens"), whole),
    }
    return pa.schema([(column, kinds.get(column, text)) for column in COLUMNS])


def _decode_arrow(row: Row) -> Row:
    probs = row["label_probs"]
    return row | {"label_probs": probs and {one["label"]: one["prob"] for one in probs}}


def _write_parquet(records: Iterable[ExportedText], file: IO[bytes]) -> None:
    with pq.ParquetWriter(file, _schema()) as writer:
        for batch in _batches(records):
            writer.write_batch(batch)


def _read_parquet(file: IO[bytes]) -> Iterator[Row]:
    for batch in pq.ParquetFile(file).iter_batches(CHUNK):
        yield from batch.to_pylist()


def _write_dataset(records: Iterable[ExportedText], file: IO[bytes]) -> None:
    """A zipped `save_to_disk` folder."""
    from augment.data.hub_datasets import save_folder  # loads datasets

    with tempfile.TemporaryDirectory() as folder:
        table, saved = Path(folder, "texts.arrow"), Path(folder, "texts")
        with pa.ipc.new_stream(table, _schema()) as writer:
            for batch in _batches(records):
                writer.write_batch(batch)
        save_folder(table, saved)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for part in sorted(saved.iterdir()):
                archive.write(part, f"{saved.name}/{part.name}")


def _read_dataset(file: IO[bytes]) -> Iterator[Row]:
    """The rows of a zipped folder's Arrow files, read where they lie: nothing is unpacked."""
    with zipfile.ZipFile(file) as archive:
        size = sum(item.file_size for item in archive.infolist())
        if size > MAX_UNZIPPED_BYTES:
            raise ValueError(f"it unpacks to {size / 1024**3:.1f} GiB, and at most 2 are taken")
        parts = sorted(name for name in archive.namelist() if PurePosixPath(name).match("data-*.arrow"))
        for part in parts:
            with archive.open(part) as stream, pa.ipc.open_stream(stream) as batches:
                for batch in batches:
                    yield from batch.to_pylist()


@dataclass(frozen=True, slots=True)
class _Codec:
    """How records become a file, a file rows as they stand in it, and such a row the fields of a record."""

    write: Callable[[Iterable[ExportedText], IO[bytes]], None]
    read: Callable[[IO[bytes]], Iterator[Row]]
    decode: Callable[[Row], Row]


_CODECS: Mapping[str, _Codec] = {
    ".csv": _Codec(_write_csv, _read_csv, _decode_csv),
    ".jsonl": _Codec(_write_json_lines, _read_json_lines, lambda row: row),
    ".parquet": _Codec(_write_parquet, _read_parquet, _decode_arrow),
    ".zip": _Codec(_write_dataset, _read_dataset, _decode_arrow),
}
