"""Prepare a task's data from source tables: choose columns and labels, filter by tokens, separate the splits.

In: `SourceTable`s from `augment.data.read_files`. Out: `PreparedData`; `augment.data.draw_seeds` draws from its pool.
Does not use the database.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from tokenizers import Tokenizer

from augment.data.read_files import SourceTable, read_column
from augment.embedded import find_encoder_folder
from augment.errors import DataError
from augment.records import LabelledText, LeftOut, PreparedData, Split
from augment.records.copies import normalise_text

# A text that is in two splits stays in the first of these: held-out data stay as published, and the pool loses it.
KEEPING_ORDER = (Split.TEST, Split.VALIDATION, Split.POOL)


@dataclass(frozen=True, slots=True)
class DataChoice:
    """The user's choices for a source: columns, labels, token filter, held-out shares.

    `rename` maps each kept source label to the task's label; its order is the task's label order. `max_tokens` keeps
    texts with *fewer* tokens (WordPiece of the embedded encoder, including [CLS] and [SEP], as in the reference
    notebook). The shares are used for a source without a test split. Prompts call an item `text_type`, and what its
    label says `label_type`.
    """

    text_column: str
    label_column: str
    rename: Mapping[str, str]
    max_tokens: int | None = 30
    validation_share: float = 0.1
    test_share: float = 0.2
    rng_seed: int = 0
    text_type: str = "text"
    label_type: str = "label"


def read_labelled(
    tables: Sequence[SourceTable],
    text_column: str,
    label_column: str,
    labels: Sequence[str],
    *,
    skips_unlabelled: bool = False,
) -> list[LabelledText]:
    """The rows of all tables as labelled texts, in order. Used to import texts or labels that were made elsewhere.

    Rows without a label are an error, or left out if `skips_unlabelled`.

    Raises:
        DataError: a column is missing, a text or label is empty, or a label is not one of `labels`.
    """
    rows = [row for table in tables for row in _read_rows(table, text_column, label_column)]
    if skips_unlabelled:
        rows = [row for row in rows if row.label]
    for number, row in enumerate(rows, start=1):
        if not row.text or not row.label:
            raise DataError(
                f"Row {number} has an empty {'text' if not row.text else 'label'}. Expected both in every row."
            )
    unknown = sorted({row.label for row in rows} - set(labels))
    if unknown:
        raise DataError(
            f"The file has labels that this task does not have: {', '.join(unknown[:5])}. "
            f"Expected {', '.join(labels)}. Change or remove these rows."
        )
    return rows


def prepare(tables: Sequence[SourceTable], choice: DataChoice, *, name: str, source: str) -> PreparedData:
    """Choose columns and labels, filter by tokens, and make sure that no text is in two splits.

    A text in two splits is kept in the held-out one (test before validation before pool). A text with two labels within
    one split is left out; a repeat with the same label is kept once. Everything left out is listed.

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


def _read_rows(table: SourceTable, text_column: str, label_column: str) -> list[LabelledText]:
    texts, labels = read_column(table, text_column), read_column(table, label_column)
    return [LabelledText(text, label) for text, label in zip(texts, labels, strict=True)]


def _assign_splits(tables: Sequence[SourceTable], choice: DataChoice) -> dict[Split, list[LabelledText]]:
    """Rows by split. A source without a test split is divided per label with the choice's RNG seed."""
    parts: dict[Split, list[LabelledText]] = {split: [] for split in KEEPING_ORDER}
    undivided: list[LabelledText] = []
    for table in tables:
        rows = [
            LabelledText(text, label)
            for text, label in zip(
                read_column(table, choice.text_column), read_column(table, choice.label_column), strict=True
            )
        ]
        (undivided if table.split is None else parts[table.split]).extend(rows)
    if not parts[Split.TEST]:  # no test split yet: divide the pool as well
        undivided, parts[Split.POOL] = parts[Split.POOL] + undivided, []
        for split, part in _divide(undivided, choice).items():
            parts[split] += part
    else:
        parts[Split.POOL] += undivided
    return parts


def _divide(rows: Sequence[LabelledText], choice: DataChoice) -> dict[Split, list[LabelledText]]:
    by_label: dict[str, dict[str, list[LabelledText]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:  # repeats of a text stay in the same split, so that nothing leaks
        by_label[row.label][normalise_text(row.text)].append(row)
    parts: dict[Split, list[LabelledText]] = {split: [] for split in KEEPING_ORDER}
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
    """WordPiece tokens of each text, including [CLS] and [SEP], in the embedded encoder's (BERT uncased) vocabulary."""
    return [len(encoding.ids) for encoding in _wordpiece_tokenizer().encode_batch_fast(list(texts))]


@cache
def _wordpiece_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(find_encoder_folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
