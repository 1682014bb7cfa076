"""Reading, validating and splitting labelled texts. Knows nothing of the database.

In: the embedded starter set, a data set from the hub, or uploaded files. Out: `SourceTable`s as read, and from those
`PreparedData` with the pool, validation and test split apart. `augment.seeds` draws from the pool.
"""

import io
import itertools
import json
import random
import re
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pandas as pd

from augment.checks import normalise_text
from augment.embedded import find_encoder_folder
from augment.errors import DataError
from augment.records import LabelledText, LeftOut, PreparedData, Split

if TYPE_CHECKING:
    from tokenizers import Tokenizer

STARTER_FILE = Path(__file__).parent / "data" / "starter.csv"
STARTER_NOTE = (
    "900 tweets in six emotions, written for this project by an AI assistant so that everything can be tried at once. "
    "Written, not collected: nobody posted them."
)
EMOTION_HUB_NAME = "dair-ai/emotion"
MAX_UNZIPPED_BYTES = 2 * 1024**3

# The split that keeps a text which stands in two: held-out data stay as published, the pool gives way.
KEEPING_ORDER = (Split.TEST, Split.VALIDATION, Split.POOL)


@dataclass(frozen=True, slots=True)
class SourceTable:
    """One table as read: a file or one split of a data set. `split` is None where nothing tells it."""

    name: str
    split: Split | None
    frame: pd.DataFrame


@dataclass(frozen=True, slots=True)
class DataChoice:
    """What a person chose for a source: columns, labels, token filter, held-out shares.

    `rename` maps each kept source label to the task's label; its order is the task's label order. `max_tokens` keeps
    texts of *fewer* tokens (WordPiece of the embedded encoder, [CLS] and [SEP] counted, as the reference notebook
    counts). The shares divide a source that names no test split.
    """

    text_column: str
    label_column: str
    rename: Mapping[str, str]
    max_tokens: int | None = 30
    validation_share: float = 0.1
    test_share: float = 0.2
    rng_seed: int = 0
    text_type: str = "tweet"
    label_type: str = "sentiment"


# Sources -------------------------------------------------------------------------------------------------------------


def read_starter() -> list[SourceTable]:
    """The embedded starter set, one table a split."""
    lines = STARTER_FILE.read_text(encoding="utf-8").splitlines(keepends=True)
    table = "".join(itertools.dropwhile(lambda line: line.startswith("# "), lines))  # the head says what it is
    frame = pd.read_csv(io.StringIO(table), dtype=str, keep_default_na=False)
    return [
        SourceTable(str(split), split, frame.loc[frame["split"] == split, ["text", "label"]].reset_index(drop=True))
        for split in Split
    ]


def read_hub(name: str) -> list[SourceTable]:
    """A data set of the Hugging Face hub, by its name.

    Raises:
        DataError: the hub cannot be reached, or has no such data set.
    """
    import datasets

    try:
        loaded = datasets.load_dataset(name)
    except Exception as error:  # the library raises a dozen kinds for "not reachable" and "not there"
        raise DataError(
            f"The data set '{name}' could not be read from the hub ({type(error).__name__}). Check the name and the "
            "network, or download it elsewhere and upload it as files."
        ) from error
    return _tables_of_datasets(loaded)


def read_file(name: str, data: bytes) -> list[SourceTable]:
    """An uploaded file: CSV, TSV, JSONL, Parquet, `text;label` .txt, or a zipped `save_to_disk` folder.

    Raises:
        DataError: the ending is unknown or the content is not what the ending says.
    """
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
        raise DataError("this is a binary file, not a table of text.")
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
    import datasets

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
            return _tables_of_datasets(datasets.load_from_disk(str(root), keep_in_memory=True))
        except (ValueError, OSError, zipfile.BadZipFile, KeyError) as error:
            raise DataError(f"'{name}' could not be read as a save_to_disk folder: {_first_line(error)}") from error


def _tables_of_datasets(loaded: Any) -> list[SourceTable]:
    parts = dict(loaded.items()) if hasattr(loaded, "items") else {"all": loaded}
    tables = []
    for name, part in parts.items():
        frame = part.to_pandas()
        for column, feature in part.features.items():
            if hasattr(feature, "int2str"):  # ClassLabel: numbers on disk, names for people
                frame[column] = [feature.int2str(int(value)) if value >= 0 else "" for value in frame[column]]
        tables.append(SourceTable(str(name), guess_split(str(name)), frame))
    return tables


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


# From tables to splits -----------------------------------------------------------------------------------------------


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
        for label in _column(table, label_column):
            if label:
                counts[label] += 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def read_labelled(
    tables: Sequence[SourceTable], text_column: str, label_column: str, labels: Sequence[str]
) -> list[LabelledText]:
    """The rows of all tables as labelled texts, in order; for synthetic texts that were written elsewhere.

    Raises:
        DataError: a column is missing, a text or label is empty, or a label is none of `labels`.
    """
    rows = [
        LabelledText(text, label)
        for table in tables
        for text, label in zip(_column(table, text_column), _column(table, label_column), strict=True)
    ]
    for number, row in enumerate(rows, start=1):
        if not row.text or not row.label:
            raise DataError(
                f"Row {number} has an empty {'text' if not row.text else 'label'}. Expected both on every row."
            )
    unknown = sorted({row.label for row in rows} - set(labels))
    if unknown:
        raise DataError(
            f"The file has labels that this task does not have: {', '.join(unknown[:5])}. Expected {', '.join(labels)}."
        )
    return rows


def prepare(tables: Sequence[SourceTable], choice: DataChoice, *, name: str, source: str) -> PreparedData:
    """Choose columns and labels, filter by tokens, keep the splits apart.

    A text that stands in two splits stays in the held-out one (test before validation before pool). A text with two
    labels in one split is left out of it altogether; a plain repeat is kept once. Everything left out is listed.

    Raises:
        DataError: a column is missing, or fewer than two labels or no pool texts remain.
    """
    left_out: list[LeftOut] = []
    rows = {split: _choose(part, choice, split, left_out) for split, part in _assign_splits(tables, choice).items()}
    if choice.max_tokens is not None:
        rows = {split: _drop_long(part, choice.max_tokens, split, left_out) for split, part in rows.items()}
    splits = _keep_apart(rows, left_out)
    present = {row.label for row in splits[Split.POOL]}
    return PreparedData(
        name=name,
        source=source,
        labels=tuple(label for label in dict.fromkeys(choice.rename.values()) if label in present),
        splits=splits,
        left_out=tuple(left_out),
        text_type=choice.text_type,
        label_type=choice.label_type,
    )


def _column(table: SourceTable, column: str) -> list[str]:
    if column not in table.frame.columns:
        found = ", ".join(f"'{name}'" for name in table.frame.columns)
        raise DataError(f"Column '{column}' not found; '{table.name}' has {found}. Choose one of these.")
    values = table.frame[column]
    return ["" if pd.isna(value) else str(value).strip() for value in values]


def _assign_splits(tables: Sequence[SourceTable], choice: DataChoice) -> dict[Split, list[LabelledText]]:
    """Rows by split; a source without a test split is divided, label by label, under the choice's RNG seed."""
    parts: dict[Split, list[LabelledText]] = {split: [] for split in Split}
    undivided: list[LabelledText] = []
    for table in tables:
        rows = [
            LabelledText(text, label)
            for text, label in zip(_column(table, choice.text_column), _column(table, choice.label_column), strict=True)
        ]
        (undivided if table.split is None else parts[table.split]).extend(rows)
    if not parts[Split.TEST]:  # nothing held out yet: the pool is divided too
        undivided, parts[Split.POOL] = parts[Split.POOL] + undivided, []
        for split, part in _divide(undivided, choice).items():
            parts[split] += part
    else:
        parts[Split.POOL] += undivided
    return parts


def _divide(rows: Sequence[LabelledText], choice: DataChoice) -> dict[Split, list[LabelledText]]:
    by_label: dict[str, dict[str, list[LabelledText]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:  # repeats of a text travel together, so that dividing makes no leak
        by_label[row.label][normalise_text(row.text)].append(row)
    parts: dict[Split, list[LabelledText]] = {split: [] for split in Split}
    for label in sorted(by_label):
        groups = [by_label[label][key] for key in sorted(by_label[label])]
        random.Random(f"{choice.rng_seed}:{label}").shuffle(groups)
        n_test, n_validation = (round(share * len(groups)) for share in (choice.test_share, choice.validation_share))
        cuts = {
            Split.TEST: groups[:n_test],
            Split.VALIDATION: groups[n_test : n_test + n_validation],
            Split.POOL: groups[n_test + n_validation :],
        }
        for split, chosen in cuts.items():
            parts[split] += [row for group in chosen for row in group]
    return parts


def _choose(
    rows: Iterable[LabelledText], choice: DataChoice, split: Split, left_out: list[LeftOut]
) -> list[LabelledText]:
    chosen = []
    for row in rows:
        if not row.text or not row.label:
            left_out.append(LeftOut(split, row.text, row.label, "empty label" if row.text else "empty text"))
        elif row.label in choice.rename:
            chosen.append(LabelledText(row.text, choice.rename[row.label]))
    return chosen


def _drop_long(
    rows: Sequence[LabelledText], max_tokens: int, split: Split, left_out: list[LeftOut]
) -> list[LabelledText]:
    kept = []
    for row, n_tokens in zip(rows, count_wordpieces([row.text for row in rows]), strict=True):
        if n_tokens < max_tokens:
            kept.append(row)
        else:
            left_out.append(LeftOut(split, row.text, row.label, f"{max_tokens} tokens or more"))
    return kept


def _keep_apart(
    rows: Mapping[Split, Sequence[LabelledText]], left_out: list[LeftOut]
) -> dict[Split, tuple[LabelledText, ...]]:
    seen: dict[str, Split] = {}
    splits: dict[Split, tuple[LabelledText, ...]] = {}
    for split in KEEPING_ORDER:
        labels_of: dict[str, set[str]] = defaultdict(set)
        for row in rows[split]:
            labels_of[normalise_text(row.text)].add(row.label)
        kept = []
        for row in rows[split]:
            key = normalise_text(row.text)
            if key in seen:
                repeat = seen[key] is split
                reason = "repeated text" if repeat else f"also in the {seen[key]} split"
                left_out.append(LeftOut(split, row.text, row.label, reason))
            elif len(labels_of[key]) > 1:
                reason = f"two labels: {', '.join(sorted(labels_of[key]))}"
                left_out.append(LeftOut(split, row.text, row.label, reason))
            else:
                seen[key] = split
                kept.append(row)
        for key in labels_of:  # an ambiguous text must not come back through a later split
            seen.setdefault(key, split)
        splits[split] = tuple(kept)
    return splits


# Tokens --------------------------------------------------------------------------------------------------------------


def count_wordpieces(texts: Sequence[str]) -> list[int]:
    """WordPiece tokens of each text, [CLS] and [SEP] counted, by the embedded encoder's (BERT uncased) vocabulary."""
    return [len(encoding.ids) for encoding in _wordpiece_tokenizer().encode_batch_fast(list(texts))]


@cache
def _wordpiece_tokenizer() -> "Tokenizer":
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(find_encoder_folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
