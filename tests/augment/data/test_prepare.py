"""Reading, validating and splitting labelled texts."""

import io
import json
import zipfile
from collections import Counter
from pathlib import Path

import datasets as hf_datasets
import pandas as pd
import pytest

from augment.data import read_files
from augment.data.prepare import DataChoice, count_wordpieces, read_labelled
from augment.data.prepare import prepare as prepare_tables
from augment.data.read_files import SourceTable
from augment.errors import DataError
from augment.records import PreparedData, Split
from augment.records.copies import normalise_text

AB = {"a": "a", "b": "b"}


def table(rows: list[tuple[str, str]], split: Split | None = None) -> SourceTable:
    return SourceTable("t", split, pd.DataFrame(rows, columns=["text", "label"]))


def prepare(*tables: SourceTable, **choice: object) -> PreparedData:
    options = {"text_column": "text", "label_column": "label", "rename": AB, "max_tokens": None} | choice
    return prepare_tables(tables, DataChoice(**options), name="n", source="s")  # type: ignore[arg-type]


def held_out(n: int = 2) -> SourceTable:
    return table([(f"held out {label} {i}", label) for label in AB for i in range(n)], Split.TEST)


# The starter set -----------------------------------------------------------------------------------------------------


def test_the_starter_set_has_enough_of_every_emotion_in_every_split() -> None:
    counts = {t.split: Counter(t.frame["label"]) for t in read_files.read_starter()}
    emotions = {"joy", "anger", "surprise", "sadness", "love", "fear"}
    assert all(set(counter) == emotions for counter in counts.values())
    assert min(counts[Split.POOL].values()) >= 40
    assert min(counts[Split.TEST].values()) >= 50


def test_the_starter_set_is_marked_as_written() -> None:
    assert "not collected" in read_files.STARTER_FILE.read_text().splitlines()[1]
    assert "not collected" in read_files.STARTER_NOTE


def test_starter_texts_have_no_near_duplicates_across_splits() -> None:
    def trigrams(text: str) -> set[str]:
        plain = normalise_text(text)
        return {plain[i : i + 3] for i in range(len(plain) - 2)}

    rows = [(t.split, text, trigrams(text)) for t in read_files.read_starter() for text in t.frame["text"]]
    near = [
        (row[1], other[1])
        for i, row in enumerate(rows)
        for other in rows[:i]
        if row[0] is not other[0] and len(row[2] & other[2]) > 0.6 * len(row[2] | other[2])
    ]
    assert near == []


# The Emotion set -----------------------------------------------------------------------------------------------------


def read_emotion(folder: Path) -> list[SourceTable]:
    names = ("train.txt", "val.txt", "test.txt")
    return [source_table for name in names for source_table in read_files.read_file(name, (folder / name).read_bytes())]


def test_the_emotion_upload_has_exactly_the_reference_task_s_797_test_rows(emotion_folder: Path) -> None:
    rename = {label: label for label in ("joy", "anger", "surprise")}
    data = prepare(*read_emotion(emotion_folder), rename=rename, max_tokens=30)
    test = Counter(row.label for row in data.splits[Split.TEST])
    assert test == {"joy": 537, "anger": 210, "surprise": 50}
    pool = {normalise_text(row.text) for row in data.splits[Split.POOL]}
    assert not pool & {normalise_text(row.text) for row in data.splits[Split.TEST]}
    assert len(pool) == len(data.splits[Split.POOL]) > 6_100


def test_texts_with_two_labels_in_the_emotion_set_are_reported(emotion_folder: Path) -> None:
    tables = read_emotion(emotion_folder)
    rename = {label: label for label in read_files.count_labels(tables, "label")}
    data = prepare(*tables, rename=rename)
    reasons = Counter(left_out.reason.split(":")[0] for left_out in data.left_out)
    assert reasons["two labels"] == 2 * 30 + 2 * 2  # 30 texts twice in train, 2 in validation
    assert reasons["also in the test split"] == 11 + 3


# Uploads -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.csv", b'text,label\n"so, happy",joy\nmad,anger\n'),
        ("x.tsv", b"text\tlabel\nso, happy\tjoy\nmad\tanger\n"),
        ("x.txt", b"so, happy;joy\nmad;anger\n"),
        ("x.jsonl", b'{"text": "so, happy", "label": "joy"}\n{"text": "mad", "label": "anger"}\n'),
    ],
)
def test_every_text_format_gives_the_same_rows(name: str, data: bytes) -> None:
    frame = read_files.read_file(name, data)[0].frame
    assert frame.values.tolist() == [["so, happy", "joy"], ["mad", "anger"]]


def test_parquet_is_read() -> None:
    buffer = io.BytesIO()
    pd.DataFrame({"text": ["x"], "label": ["a"]}).to_parquet(buffer)
    assert read_files.read_file("x.parquet", buffer.getvalue())[0].frame["text"].tolist() == ["x"]


def test_a_zipped_save_to_disk_folder_keeps_its_splits_and_label_names(tmp_path: Path) -> None:
    features = hf_datasets.Features(
        {"text": hf_datasets.Value("string"), "label": hf_datasets.ClassLabel(names=["a", "b"])}
    )
    parts = {
        name: hf_datasets.Dataset.from_dict({"text": [f"{name} x"], "label": [1]}, features=features)
        for name in ("train", "test")
    }
    hf_datasets.DatasetDict(parts).save_to_disk(tmp_path / "saved")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in (tmp_path / "saved").rglob("*"):
            archive.write(file, file.relative_to(tmp_path))
    tables = read_files.read_file("saved.zip", buffer.getvalue())
    assert {t.split: t.frame["label"].tolist() for t in tables} == {Split.POOL: ["b"], Split.TEST: ["b"]}


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("x.xlsx", b"PK", "Expected one of .csv, .tsv, .jsonl, .parquet, .txt, .zip"),
        ("x.csv", b"\x00\x01\x02", "a binary file"),
        ("x.csv", b"text,label\n", "has no rows"),
        ("x.csv", b"", "is empty"),
        ("x.csv", b'text,label\n"a,b\n', "not a readable .csv file"),
        ("x.csv", "text,label\nä,a".encode("utf-16"), "x.csv"),
        ("x.parquet", b"not parquet", "not a readable .parquet file"),
        ("x.txt", b"one;a\nno mark here\n", "line 2 has no ';'"),
        ("x.jsonl", b'{"text": "a"}\n{broken\n', "line 2 is not JSON"),
        ("x.jsonl", b"[1]\n", "line 1 is not an object"),
        ("x.zip", b"no zip", "not a zip file"),
    ],
)
def test_an_unreadable_file_gives_one_clear_error(name: str, data: bytes, expected: str) -> None:
    with pytest.raises(DataError, match=name) as caught:
        read_files.read_file(name, data)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_zip_without_a_dataset_gives_an_error_that_says_what_was_expected() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("readme.md", "hello")
    with pytest.raises(DataError, match="no save_to_disk folder"):
        read_files.read_file("x.zip", buffer.getvalue())


def test_an_unreachable_hub_gives_an_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match="no/such-data-set.*upload"):
        read_files.read_hub("no/such-data-set")


# Choosing and splitting ----------------------------------------------------------------------------------------------


def test_the_error_for_a_missing_column_lists_the_columns_of_the_file() -> None:
    with pytest.raises(DataError, match="Column 'label' not found; 't' has 'text', 'class'"):
        prepare(SourceTable("t", None, pd.DataFrame({"text": ["x"], "class": ["a"]})))


def test_empty_texts_and_labels_are_left_out_with_their_reason() -> None:
    data = prepare(table([("one", "a"), ("two", "b"), ("", "a"), ("three", "")], Split.POOL), held_out())
    assert sorted(left_out.reason for left_out in data.left_out) == ["empty label", "empty text"]


def test_a_text_in_two_splits_stays_in_the_held_out_one() -> None:
    data = prepare(
        table([("Same text!", "a"), ("other", "a"), ("third", "b")], Split.POOL),
        table([("same  text", "a"), ("x", "b")], Split.TEST),
    )
    assert [row.text for row in data.splits[Split.POOL]] == ["other", "third"]
    assert [(left_out.split, left_out.reason) for left_out in data.left_out] == [(Split.POOL, "also in the test split")]


def test_a_text_with_two_labels_is_left_out_of_its_split() -> None:
    data = prepare(table([("x", "a"), ("x", "b"), ("y", "a"), ("z", "b"), ("y", "a")], Split.POOL), held_out())
    assert [row.text for row in data.splits[Split.POOL]] == ["y", "z"]
    assert Counter(left_out.reason for left_out in data.left_out) == {"two labels: a, b": 2, "repeated text": 1}


def test_an_ambiguous_held_out_text_is_not_returned_to_the_pool() -> None:
    data = prepare(
        table([("x", "a"), ("y", "b"), ("w", "a")], Split.POOL), table([("x", "a"), ("x", "b"), ("v", "a")], Split.TEST)
    )
    assert [row.text for row in data.splits[Split.POOL]] == ["y", "w"]


def test_data_without_splits_are_split_by_label_and_reproducibly() -> None:
    rows = [(f"{label} number {i}", label) for label in AB for i in range(40)]
    first, again = prepare(table(rows)), prepare(table(rows[::-1]))
    assert {split: len(part) for split, part in first.splits.items()} == {
        Split.TEST: 16,
        Split.VALIDATION: 8,
        Split.POOL: 56,
    }
    assert {row.text for row in first.splits[Split.TEST]} == {row.text for row in again.splits[Split.TEST]}


def test_labels_are_renamed_and_merged_in_order() -> None:
    data = prepare(
        table([("x", "a"), ("y", "b"), ("z", "c")], Split.POOL), held_out(), rename={"c": "C", "a": "AB", "b": "AB"}
    )
    assert data.labels == ("C", "AB")


def test_a_single_label_is_refused() -> None:
    with pytest.raises(DataError, match="at least 2 labels; found 1"):
        prepare(table([("x", "a"), ("y", "a")], Split.POOL), held_out(), rename={"a": "a"})


def test_the_token_filter_keeps_texts_of_fewer_tokens() -> None:
    texts = ["one", "one two", "one two three"]  # 3, 4 and 5 tokens with [CLS] and [SEP]
    assert count_wordpieces(texts) == [3, 4, 5]
    data = prepare(
        table([(text, label) for text, label in zip(texts, "aba", strict=True)], Split.POOL), held_out(), max_tokens=5
    )
    assert [row.text for row in data.splits[Split.POOL]] == texts[:2]


def test_imported_texts_must_have_the_labels_of_the_task() -> None:
    assert len(read_labelled([table([("x", "a")])], "text", "label", ("a", "b"))) == 1
    with pytest.raises(DataError, match="labels that this task does not have: z. Expected a, b"):
        read_labelled([table([("x", "z")])], "text", "label", ("a", "b"))
    with pytest.raises(DataError, match="Row 2 has an empty label"):
        read_labelled([table([("x", "a"), ("y", "")])], "text", "label", ("a", "b"))


def test_the_files_of_the_notebook_are_read_with_their_known_counts(ml6_folder: Path) -> None:
    data = (ml6_folder / "gpt-j_200.jsonl").read_bytes()
    rows = read_labelled(read_files.read_file("gpt-j_200.jsonl", data), "text", "label", ("joy", "anger", "surprise"))
    assert Counter(row.label for row in rows) == {"joy": 118, "anger": 59, "surprise": 23}
    assert json.loads(data.splitlines()[0])["text"] == rows[0].text
