"""Write and read exported texts as CSV, JSONL, Parquet or a zipped `datasets` folder.

Formats only; does not use the store. Records are streamed one by one, so a large export is never in memory as a whole.
CSV is for spreadsheets: nested fields become JSON in a cell, and texts are guarded against being read as formulas.
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
from augment.hardware.imports import importing_alone
from augment.records import ExportedText

COLUMNS = tuple(field.name for field in fields(ExportedText))
IGNORED = ("consensus_label", "consensus_prob")  # written, but never read; files exported before lack them
REQUIRED = tuple(column for column in COLUMNS if column not in IGNORED)
NESTED = ("label_probs", "flags", "seeds", "history")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
CHUNK = 1_000  # rows per Parquet or Arrow batch
MAX_CELL = 2**26  # characters; the csv module's default limit is too small for a long prompt or history

Row = dict[str, Any]


class ExportFormat(StrEnum):
    """File format of an export. Unzip the last one to read it with `datasets.load_from_disk`."""

    CSV = "CSV"
    JSONL = "JSONL"
    PARQUET = "Parquet"
    DATASET = "datasets folder"

    @property
    def ending(self) -> str:
        """The file extension, with its dot."""
        return {"CSV": ".csv", "JSONL": ".jsonl", "Parquet": ".parquet", "datasets folder": ".zip"}[self.value]


# Exported texts ------------------------------------------------------------------------------------------------------


def write_export(records: Iterable[ExportedText], file: IO[bytes], kind: ExportFormat) -> None:
    """Write records to an open file and leave it open."""
    _CODECS[kind.ending].write(records, file)


def is_export(name: str, file: IO[bytes]) -> bool:
    """Whether a file has every column that an export needs, so that `read_export` can read it.

    Raises:
        DataError: the content does not match the file extension.
    """
    codec = _CODECS.get(_ending(name))
    if codec is None:
        return False
    file.seek(0)
    with _as_data_error(name):
        return set(REQUIRED) <= (next(codec.read(file), {})).keys()


def read_export(name: str, file: IO[bytes]) -> Iterator[ExportedText]:
    """Read a file that `write_export` wrote. The extension decides the format; extra columns are ignored.

    Raises:
        DataError: at the first invalid row, or if there are no rows or a column is missing.
    """
    codec = _CODECS.get(_ending(name))
    if codec is None:
        raise DataError(f"'{name}' is not an export. Expected a file ending in {', '.join(_CODECS)}.")
    file.seek(0)
    with _as_data_error(name):
        rows = codec.read(file)
        first = next(rows, None)
        if first is None:
            raise DataError(f"'{name}' has no rows. Expected one exported text per row.")
        if missing := [column for column in REQUIRED if column not in first]:
            raise DataError(
                f"'{name}' lacks the columns {', '.join(missing)} of an export. Export the texts again, or import a "
                "table of labels with the columns 'id' and 'label'."
            )
        for number, row in enumerate(chain([first], rows), start=1):
            yield _to_record(codec, row, f"'{name}', row {number}")


def guard_cell(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would read as a formula, and before a leading apostrophe.

    Source: OWASP, CSV Injection.
    """
    return f"'{text}" if text.startswith((*FORMULA_STARTS, "'")) else text


def unguard_cell(cell: str) -> str:
    """Undo `guard_cell`; a cell without a guard is returned unchanged."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith((*FORMULA_STARTS, "'")) else cell


@cache
def _adapter() -> TypeAdapter[ExportedText]:
    return TypeAdapter(ExportedText)


def _to_record(codec: "_Codec", row: Row, place: str) -> ExportedText:
    try:
        decoded = codec.decode({column: value for column, value in row.items() if column not in IGNORED})
        return _adapter().validate_python(decoded)
    except ValidationError as error:
        raise DataError(f"{place}: {_describe_invalid(error)}. Export the texts again.") from error
    except (ValueError, TypeError, KeyError) as error:  # nested fields that cannot be decoded
        raise DataError(f"{place} differs from what was exported ({error}). Export the texts again.") from error


def _describe_invalid(error: ValidationError) -> str:
    """Describe the first invalid field, such as "status is 'maybe'; input should be …"."""
    first = error.errors()[0]
    field = ".".join(map(str, first["loc"]))
    if first["type"] == "missing":
        return f"{field} is missing"
    return f"{field} is '{str(first['input'])[:60]}'; {first['msg'][:1].lower()}{first['msg'][1:]}"


def _ending(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


@contextmanager
def _as_data_error(name: str) -> Iterator[None]:
    """Turn what the format libraries raise on bad content into a `DataError`."""
    try:
        yield
    except (ValueError, OSError, EOFError, RuntimeError, csv.Error, zipfile.BadZipFile, zlib.error) as error:
        found = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise DataError(f"'{name}' is not a readable {_ending(name)} file: {found}. Export it again.") from error


@contextmanager
def _as_lines(file: IO[bytes]) -> Iterator[io.TextIOWrapper]:
    """Wrap the file as text, line ends unchanged, and leave it open. The BOM makes spreadsheets read it as UTF-8."""
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
    """Convert cells to values. An empty cell of an optional field becomes None: CSV has no null."""
    decoded: Row = {
        column: unguard_cell(cell) for column, cell in row.items() if column in COLUMNS and cell is not None
    }
    for column in NESTED:
        decoded[column] = json.loads(decoded[column]) if decoded.get(column) else None
    for column in ("strategy", "prompt_version", "config", "n_tokens", "n_prompt_tokens"):
        decoded[column] = decoded.get(column) or None
    if decoded["n_tokens"] is None:  # no completion; a completion itself may be an empty string
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
                raise ValueError(f"expected one object per line, found {line[:40]!r}")
            yield row


# Parquet, and datasets folders (Arrow files) -------------------------------------------------------------------------


def _batches(records: Iterable[ExportedText]) -> Iterator[Any]:
    """The records as Arrow batches. Probabilities become a list of pairs, since the labels differ between tasks."""
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
        "consensus_prob": pa.float64(),
        **dict.fromkeys(("id", "run_id", "prompt_version", "number", "n_tokens", "n_prompt_tokens"), whole),
    }
    return pa.schema([(column, kinds.get(column, text)) for column in COLUMNS])


def _decode_arrow(row: Row) -> Row:
    probs = row["label_probs"]
    return row | {"label_probs": probs and {pair["label"]: pair["prob"] for pair in probs}}


def _write_parquet(records: Iterable[ExportedText], file: IO[bytes]) -> None:
    with pq.ParquetWriter(file, _schema()) as writer:
        for batch in _batches(records):
            writer.write_batch(batch)


def _read_parquet(file: IO[bytes]) -> Iterator[Row]:
    for batch in pq.ParquetFile(file).iter_batches(CHUNK):
        yield from batch.to_pylist()


def _write_dataset(records: Iterable[ExportedText], file: IO[bytes]) -> None:
    """Write a zipped `save_to_disk` folder."""
    with importing_alone:
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
    """Read the rows of a zipped folder's Arrow files from within the archive, without unpacking it."""
    with zipfile.ZipFile(file) as archive:
        size = sum(item.file_size for item in archive.infolist())
        if size > MAX_UNZIPPED_BYTES:
            raise ValueError(f"it unpacks to {size / 1024**3:.1f} GiB; the limit is 2 GiB")
        parts = sorted(name for name in archive.namelist() if PurePosixPath(name).match("data-*.arrow"))
        for part in parts:
            with archive.open(part) as stream, pa.ipc.open_stream(stream) as batches:
                for batch in batches:
                    yield from batch.to_pylist()


@dataclass(frozen=True, slots=True)
class _Codec:
    """Writes records to a file, reads the file's raw rows, and decodes a raw row to the fields of a record."""

    write: Callable[[Iterable[ExportedText], IO[bytes]], None]
    read: Callable[[IO[bytes]], Iterator[Row]]
    decode: Callable[[Row], Row]


_CODECS: Mapping[str, _Codec] = {
    ".csv": _Codec(_write_csv, _read_csv, _decode_csv),
    ".jsonl": _Codec(_write_json_lines, _read_json_lines, lambda row: row),
    ".parquet": _Codec(_write_parquet, _read_parquet, _decode_arrow),
    ".zip": _Codec(_write_dataset, _read_dataset, _decode_arrow),
}
