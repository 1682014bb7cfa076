"""Reading labelled texts: the starter set, a data set of the hub, uploaded files. Chooses and splits nothing.

Out: one `SourceTable` a file or split, with its columns as they are. `prepare` makes a task's data of them.
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
from augment.records import Split

STARTER_FILE = Path(__file__).parent / "starter.csv"
STARTER_NOTE = (
    "900 tweets in six emotions, written for this project by an AI assistant so that everything can be tried at once. "
    "Written, not collected: nobody posted them."
)
EMOTION_HUB_NAME = "dair-ai/emotion"
MAX_UNZIPPED_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class SourceTable:
    """One table as read: a file or one split of a data set. `split` is None where nothing tells it."""

    name: str
    split: Split | None
    frame: pd.DataFrame


def read_starter() -> list[SourceTable]:
    """The embedded starter set, one table a split."""
    lines = STARTER_FILE.read_text(encoding="utf-8").splitlines(keepends=True)
    table = "".join(itertools.dropwhile(lambda line: line.startswith("# "), lines))  # the head says what it is
    frame = pd.read_csv(io.StringIO(table), dtype=str, keep_default_na=False)
    return [
        SourceTable(str(split), split, frame.loc[frame["split"] == split, ["text", "label"]].reset_index(drop=True))
        for split in Split
        if split.is_real
    ]


def read_hub(name: str) -> list[SourceTable]:
    """A data set of the Hugging Face hub, by its name.

    Raises:
        DataError: the hub cannot be reached, or has no such data set.
    """
    from augment.data.hub_datasets import load_hub  # loads datasets

    try:
        return _to_tables(load_hub(name))
    except Exception as error:  # the library raises a dozen kinds for "not reachable" and "not there"
        raise DataError(
            f"The data set '{name}' could not be read from the hub ({type(error).__name__}). Check the name and the "
            "network, or download it elsewhere and upload it as files."
        ) from error


def read_file(name: str, data: bytes) -> list[SourceTable]:
    """An uploaded file: CSV, TSV, JSONL, Parquet, `text;label` .txt, or a zipped `save_to_disk` folder.

    Raises:
        DataError: the ending is unknown or the content is not what the ending says.
    """
    if not data.strip():
        raise DataError(f"'{name}' is empty. Expected one labelled text a row.")
    ending = PurePosixPath(name).suffix.lower()
    if ending == ".zip":
        return _read_zip(name, data)
    if ending not in _READERS:
        raise DataError(
            f"'{name}' is not of a kind that can be read. Expected one of {', '.join([*_READERS, '.zip'])}."
        )
    try:
        frame = _READERS[ending](data)
    except DataError as error:
        raise DataError(f"'{name}': {error}") from error
    except (ValueError, OSError, UnicodeError) as error:  # what pandas and pyarrow raise on bad content
        raise DataError(f"'{name}' is not a readable {ending} file: {_first_line(error)}") from error
    if frame.empty:
        raise DataError(f"'{name}' has no rows. Expected one labelled text a row.")
    frame.columns = frame.columns.map(str)
    return [SourceTable(name, guess_split(name), frame)]


def guess_split(name: str) -> Split | None:
    """The split that a file's name tells: train, val or test, however they are written."""
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
            raise DataError(f"line {number} is not JSON ({error.msg}). Expected one object a line.") from error
        if not isinstance(row, dict):
            raise DataError(f'line {number} is not an object. Expected {{"text": …, "label": …}} on every line.')
        rows.append(row)
    return pd.DataFrame(rows)


def _read_delimited(data: bytes, separator: str) -> pd.DataFrame:
    if b"\x00" in data[:4096]:
        raise DataError(
            "this is a binary file, not a table of text. Save it as CSV (UTF-8), or keep the ending it had."
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
    """A zipped folder as `Dataset.save_to_disk` or `DatasetDict.save_to_disk` writes it."""
    from augment.data.hub_datasets import load_folder  # loads datasets

    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile as error:
        raise DataError(f"'{name}' is not a zip file.") from error
    size = sum(item.file_size for item in archive.infolist())
    if size > MAX_UNZIPPED_BYTES:
        raise DataError(
            f"'{name}' unpacks to {size / 1024**3:.1f} GiB; at most {MAX_UNZIPPED_BYTES // 1024**3} GiB are taken."
        )
    with tempfile.TemporaryDirectory() as folder:
        try:
            archive.extractall(folder)  # drops absolute paths and '..' (zipfile documentation)
            roots = [path.parent for mark in ("dataset_dict.json", "state.json") for path in Path(folder).rglob(mark)]
            if not roots:
                raise DataError(f"'{name}' holds no save_to_disk folder (no dataset_dict.json or state.json in it).")
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
    """The columns that every table has, in the first one's order."""
    shared = set.intersection(*(set(table.frame.columns) for table in tables))
    return [column for column in tables[0].frame.columns if column in shared]


def count_labels(tables: Sequence[SourceTable], label_column: str) -> dict[str, int]:
    """Rows per label over all tables, commonest first; empty labels left out.

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
