"""Read labelled texts from the starter set, a hub data set or uploaded files. Does not choose columns or splits.

Out: one `SourceTable` per file or split, with its columns unchanged. `prepare` turns them into a task's data.
"""

import io
import itertools
import json
import re
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from augment.errors import DataError
from augment.hardware.imports import importing_alone
from augment.records import Split

STARTER_FILE = Path(__file__).parent / "starter.csv"
STARTER_NOTE = (
    "900 texts in the style of tweets, in six emotions, to try everything right away. An AI assistant wrote them for "
    "this project; they were not collected from anybody."
)
EMOTION_HUB_NAME = "dair-ai/emotion"
MAX_UNZIPPED_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class SourceTable:
    """One table as read: a file or one split of a data set. `split` is None if unknown."""

    name: str
    split: Split | None
    frame: pd.DataFrame


def read_starter() -> list[SourceTable]:
    """Read the embedded starter set, one table per split."""
    lines = STARTER_FILE.read_text(encoding="utf-8").splitlines(keepends=True)
    table = "".join(itertools.dropwhile(lambda line: line.startswith("# "), lines))  # skip the header
    frame = pd.read_csv(io.StringIO(table), dtype=str, keep_default_na=False)
    return [
        SourceTable(str(split), split, frame.loc[frame["split"] == split, ["text", "label"]].reset_index(drop=True))
        for split in Split
        if split.is_real
    ]


def read_hub(name: str) -> list[SourceTable]:
    """Read a data set from the Hugging Face hub by name.

    Raises:
        DataError: the hub cannot be reached, or has no such data set.
    """
    with importing_alone:
        from augment.data.hub_datasets import load_hub  # loads datasets

    try:
        return _to_tables(load_hub(name))
    except Exception as error:  # the library raises a dozen types for "unreachable" and "not found"
        raise DataError(
            f"The data set '{name}' could not be read from the hub ({type(error).__name__}). Check the name and the "
            "network, or download it elsewhere and upload it as files."
        ) from error


def read_file(name: str, data: bytes) -> list[SourceTable]:
    """Read an uploaded file: CSV, TSV, JSONL, Parquet, `text;label` .txt, or a zipped `save_to_disk` folder.

    Raises:
        DataError: the extension is unknown or the content does not match it.
    """
    if not data.strip():
        raise DataError(f"'{name}' is empty. Expected one labelled text per row.")
    ending = PurePosixPath(name).suffix.lower()
    if ending == ".zip":
        return _read_zip(name, data)
    if ending not in _READERS:
        raise DataError(f"'{name}' is not a supported file type. Expected one of {', '.join([*_READERS, '.zip'])}.")
    try:
        frame = _READERS[ending](data)
    except DataError as error:
        raise DataError(f"'{name}': {error}") from error
    except (ValueError, OSError, UnicodeError) as error:  # what pandas and pyarrow raise on bad content
        raise DataError(f"'{name}' is not a readable {ending} file: {_first_line(error)}") from error
    if frame.empty:
        raise DataError(f"'{name}' has no rows. Expected one labelled text per row.")
    frame.columns = frame.columns.map(str)
    return [SourceTable(name, guess_split(name), frame)]


def guess_split(name: str) -> Split | None:
    """Guess the split from a file name: train, validation or test in their usual spellings; None if there is none."""
    words = set(re.split(r"[^a-z]+", PurePosixPath(name).stem.lower()))
    if words & {"test", "eval", "evaluation"}:
        return Split.TEST
    if words & {"val", "valid", "validation", "dev"}:
        return Split.VALIDATION
    return Split.POOL if words & {"train", "training", "pool"} else None


def _read_text_lines(data: bytes) -> pd.DataFrame:
    rows = []
    for number, line in enumerate(data.decode("utf-8-sig").splitlines(), start=1):
        if not line.strip():
            continue
        text, mark, label = line.rpartition(";")
        if not mark:
            raise DataError(f"line {number} has no ';'. Expected 'text;label' on every line.")
        rows.append((text, label))
    return pd.DataFrame(rows, columns=["text", "label"])


def _read_json_lines(data: bytes) -> pd.DataFrame:
    rows = []
    for number, line in enumerate(data.decode("utf-8-sig").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(f"line {number} is not JSON ({error.msg}). Expected one object per line.") from error
        if not isinstance(row, dict):
            raise DataError(f'line {number} is not an object. Expected {{"text": …, "label": …}} on every line.')
        rows.append(row)
    return pd.DataFrame(rows)


def _read_delimited(data: bytes, separator: str) -> pd.DataFrame:
    if b"\x00" in data[:4096]:
        raise DataError(
            "this is a binary file, not a text table. Save it as CSV (UTF-8), or use its original file extension."
        )
    return pd.read_csv(io.BytesIO(data), sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig")


_READERS: dict[str, Callable[[bytes], pd.DataFrame]] = {
    ".csv": lambda data: _read_delimited(data, ","),
    ".tsv": lambda data: _read_delimited(data, "\t"),
    ".jsonl": _read_json_lines,
    ".parquet": lambda data: pd.read_parquet(io.BytesIO(data)),
    ".txt": _read_text_lines,
}


def _read_zip(name: str, data: bytes) -> list[SourceTable]:
    """Read a zipped folder that `Dataset.save_to_disk` or `DatasetDict.save_to_disk` wrote."""
    with importing_alone:
        from augment.data.hub_datasets import load_folder  # loads datasets

    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile as error:
        raise DataError(f"'{name}' is not a zip file.") from error
    size = sum(item.file_size for item in archive.infolist())
    if size > MAX_UNZIPPED_BYTES:
        raise DataError(
            f"'{name}' unpacks to {size / 1024**3:.1f} GiB; the limit is {MAX_UNZIPPED_BYTES // 1024**3} GiB."
        )
    with tempfile.TemporaryDirectory() as folder:
        try:
            archive.extractall(folder)  # drops absolute paths and '..' (zipfile documentation)
            roots = [path.parent for mark in ("dataset_dict.json", "state.json") for path in Path(folder).rglob(mark)]
            if not roots:
                raise DataError(f"'{name}' contains no save_to_disk folder (no dataset_dict.json or state.json in it).")
            root = min(roots, key=lambda path: len(path.parts))
            return _to_tables(load_folder(root))
        except (ValueError, OSError, zipfile.BadZipFile, KeyError) as error:
            raise DataError(f"'{name}' could not be read as a save_to_disk folder: {_first_line(error)}") from error


def _to_tables(parts: Mapping[str, pd.DataFrame]) -> list[SourceTable]:
    return [SourceTable(name, guess_split(name), table) for name, table in parts.items()]


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


# Columns --------------------------------------------------------------------------------------------------------------


def list_columns(tables: Sequence[SourceTable]) -> list[str]:
    """The columns that all tables share, in the first table's order."""
    shared = set.intersection(*(set(table.frame.columns) for table in tables))
    return [column for column in tables[0].frame.columns if column in shared]


def count_labels(tables: Sequence[SourceTable], label_column: str) -> dict[str, int]:
    """Rows per label over all tables, most frequent first; empty labels are not counted.

    Raises:
        DataError: a table has no such column.
    """
    counts: dict[str, int] = defaultdict(int)
    for table in tables:
        for label in read_column(table, label_column):
            if label:
                counts[label] += 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def read_column(table: SourceTable, column: str) -> list[str]:
    """The column's values as stripped text, '' where empty.

    Raises:
        DataError: the table has no such column.
    """
    if column not in table.frame.columns:
        found = ", ".join(f"'{name}'" for name in table.frame.columns)
        raise DataError(f"Column '{column}' not found; '{table.name}' has {found}. Choose one of these.")
    values = table.frame[column]
    return ["" if pd.isna(value) else str(value).strip() for value in values]
