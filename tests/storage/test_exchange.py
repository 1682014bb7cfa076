"""Export and import of reviewed texts: four formats, restoring into a task, labels decided elsewhere."""

import csv
import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augment import lms
from augment.data.export_formats import (
    COLUMNS,
    IGNORED,
    ExportFormat,
    guard_cell,
    is_export,
    read_export,
    unguard_cell,
    write_export,
)
from augment.data.label_tables import read_decisions
from augment.errors import DataError
from augment.prompts.template import DEFAULT_TEMPLATE
from augment.records import (
    Attempt,
    Completion,
    Consensus,
    ConsensusLabel,
    Decision,
    ExportedEvent,
    ExportedText,
    Finding,
    GenerationConfig,
    GenerationProgress,
    LabelledText,
    PageRequest,
    PreparedData,
    RejectReason,
    ReviewAction,
    ReviewStatus,
    RunStatus,
    SeedSet,
    Split,
    SyntheticText,
    Task,
    TextFilters,
    Verdict,
)
from storage import Store

LABELS = ("joy", "anger", "surprise")
AWKWARD = (
    "so happy 🎉👩‍👩‍👧 today",
    "مرحبا بالعالم and שלום \u202eright to left",
    "# **bold** [link](http://127.0.0.1:9/) `code`",
    "<script>alert(1)</script> <b>html</b>",
    "![x](http://127.0.0.1:9/x.png)",
    '=HYPERLINK("http://127.0.0.1:9","x")',
    "+1 for that",
    "-5 degrees",
    "@you and me",
    "\tafter a tab",
    "\rafter a return",
    "'quoted' from the start",
    "''=twice guarded",
    'one line\nand one more\r\nand, "a third";',
    "long " * 1000,
)
EVERYTHING = tuple(ReviewStatus)


def export(store: Store, task_id: int) -> list[ExportedText]:
    return list(store.exchange.export(task_id, TextFilters(), EVERYTHING))


def written(records: Sequence[ExportedText], kind: ExportFormat) -> io.BytesIO:
    file = io.BytesIO()
    write_export(iter(records), file, kind)
    file.seek(0)
    return file


def without_ids(records: Sequence[ExportedText]) -> list[ExportedText]:
    """The records with every id replaced by its position among ids of its kind."""
    events = [event for record in records for event in record.history]
    step_ids = {event.step_id for event in events} | {event.undone_id for event in events if event.undone_id}
    steps: dict[int | None, int] = {step_id: place for place, step_id in enumerate(sorted(step_ids))}
    runs = {run_id: place for place, run_id in enumerate(sorted({record.run_id for record in records}))}

    def renumber(event: ExportedEvent) -> ExportedEvent:
        undoes, undone = steps.get(event.undoes_id), steps.get(event.undone_id)
        return replace(event, step_id=steps[event.step_id], undoes_id=undoes, undone_id=undone)

    return [
        replace(record, id=place, run_id=runs[record.run_id], history=tuple(map(renumber, record.history)))
        for place, record in enumerate(records)
    ]


@pytest.fixture
def reviewed(store: Store, task: Task, seed_set: SeedSet, prompt_version_id: int) -> Task:
    """The awkward texts, once written by an LM and once imported, with every kind of decision on them."""
    config = GenerationConfig(DEFAULT_TEMPLATE, task.labels, lms.EMBEDDED_LM, target=20, strategy="mix")
    run = store.generations.create(task.id, config, seed_set_id=seed_set.id, prompt_version_id=prompt_version_id)
    seeds = tuple(seed.id for seed in seed_set.examples[:8])
    texts = [
        SyntheticText(
            text,
            LABELS[i % 3],
            Attempt(2 * i, f"=prompt {i}\n{text}", seeds, Completion("" if i == 1 else f" {text} (joy)", i, i + 90)),
            label_probs=(0.1 + 0.2, 0.6, 0.1) if i % 2 else None,
            flags=(Finding(RejectReason.DISAGREES, "=1+1"), Finding(RejectReason.TOO_LONG, "x")) if i % 3 else (),
        )
        for i, text in enumerate(AWKWARD)
    ]
    store.generations.write(run.id, texts, GenerationProgress(30, len(texts), 20, 1.5))
    imported = store.generations.import_texts(task.id, "=GPT-J", [LabelledText(text, "joy") for text in AWKWARD])
    decide_on(store, task, [text.id for text in store.generations.texts([run.id, imported.id])])
    return task


def decide_on(store: Store, task: Task, ids: Sequence[int]) -> None:
    """A step of each kind by two reviewers; some are undone, one of them after somebody else decided."""
    decide = store.reviews.decide
    decide(ids[0], ReviewAction.ACCEPT, reviewer="Ann")
    decide(ids[0], ReviewAction.REJECT, reviewer="=Ben")
    assert store.reviews.undo(task.id, reviewer="Ann") is not None  # the text is unchanged, because Ben decided since
    decide(ids[1], Verdict(ReviewAction.RELABEL, "surprise"), reviewer="Ann")
    decide(ids[2], Verdict(ReviewAction.EDIT, text="=edited\n🙂"), reviewer="Ann")
    decide(ids[3], Verdict(ReviewAction.NOTE, note="-a note"), reviewer="Ann")
    decide(ids[3], Verdict(ReviewAction.NOTE, note=""), reviewer="Ann")
    store.reviews.decide_many(task.id, ids[4:12], Verdict(ReviewAction.RELABEL, "anger"), reviewer="=Ben")
    store.reviews.decide_many(task.id, ids[8:20], ReviewAction.REJECT, reviewer="Ann")
    assert store.reviews.undo(task.id, reviewer="Ann") is not None
    store.reviews.import_decisions(task.id, {ids[5]: Decision("joy", note="@elsewhere")}, reviewer="Ann")


@pytest.fixture
def other(store: Store, starter: PreparedData) -> Task:
    """A second task with the same examples."""
    return store.tasks.create(starter)


# Files ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ExportFormat)
def test_a_file_restores_every_text_with_lineage_and_history(store: Store, reviewed: Task, kind: ExportFormat) -> None:
    records = export(store, reviewed.id)
    assert {record.proposed_text for record in records} == set(AWKWARD)
    assert {event.action for record in records for event in record.history} == set(ReviewAction)
    file = written(records, kind)
    assert is_export(f"texts{kind.ending}", file)
    assert list(read_export(f"texts{kind.ending}", file)) == records
    assert not file.closed


def test_an_export_contains_what_the_store_has(store: Store, reviewed: Task, seed_set: SeedSet) -> None:
    for record in export(store, reviewed.id):
        stored, attempt = store.reviews.text(record.id), store.generations.attempt(record.id)
        assert (record.text, record.label, record.status, record.note) == (
            stored.text,
            stored.label,
            stored.status,
            stored.note,
        )
        assert (record.proposed_text, record.proposed_label) == (stored.proposed_text, stored.proposed_label)
        assert (record.flags, record.created_at, record.run_id) == (stored.flags, stored.created_at, stored.run_id)
        assert (tuple(record.label_probs.values()) if record.label_probs else None) == stored.label_probs
        assert [(event.step_id, event.action, event.reviewer, event.created_at) for event in record.history] == [
            (event.step_id, event.action, event.reviewer, event.created_at)
            for event in store.reviews.history(record.id)
        ]
        if attempt is None:
            assert (record.prompt, record.raw, record.seeds, record.config, record.strategy) == (
                None,
                None,
                (),
                None,
                None,
            )
        else:
            assert (record.prompt, record.raw, record.number) == (
                attempt.prompt,
                attempt.completion.text,
                attempt.number,
            )
            assert record.seeds == tuple(LabelledText(seed.text, seed.label) for seed in seed_set.examples[:8])
            assert (record.strategy, record.prompt_version, json.loads(record.config or "")["target"]) == ("mix", 1, 20)


@pytest.mark.parametrize("kind", ExportFormat)
def test_the_consensus_is_written_and_never_read(store: Store, reviewed: Task, kind: ExportFormat) -> None:
    texts = store.consensus.texts(reviewed.id)
    found = [ConsensusLabel("anger", (0.2, 0.6, 0.2))] * len(texts)
    basis = store.consensus.basis(reviewed.id)
    assert basis is not None
    store.consensus.write(reviewed.id, basis, texts, Consensus(found, (), [()] * len(texts), found))
    records = export(store, reviewed.id)
    for record in records:
        expected: tuple[str | None, float | None] = ("anger", 0.6)
        if record.status is ReviewStatus.ACCEPTED:
            expected = (record.label, 1.0)
        if record.status is ReviewStatus.REJECTED:
            expected = (None, None)
        assert (record.consensus_label, record.consensus_prob) == expected
    assert len({record.status for record in records}) == 3
    file = written(records, kind)
    if kind is ExportFormat.CSV:
        rows = list(csv.DictReader(io.TextIOWrapper(file, "utf-8-sig", newline="")))
        assert [row["consensus_label"] for row in rows] == [record.consensus_label or "" for record in records]
        file = written(records, kind)
    if kind is ExportFormat.JSONL:  # another program may write anything there
        file = io.BytesIO(file.getvalue().replace(b'"consensus_prob":0.6', b'"consensus_prob":"surely"'))
        assert b"surely" in file.getvalue()
    read = list(read_export(f"x{kind.ending}", file))
    assert read == [replace(record, consensus_label=None, consensus_prob=None) for record in records]


def test_a_file_exported_before_there_was_a_consensus_is_read(store: Store, reviewed: Task) -> None:
    records = export(store, reviewed.id)
    rows = [json.loads(line) for line in written(records, ExportFormat.JSONL).getvalue().splitlines()]
    old = [{column: value for column, value in row.items() if column not in IGNORED} for row in rows]
    assert all(len(row) == len(COLUMNS) - 2 for row in old)
    file = io.BytesIO("\n".join(map(json.dumps, old)).encode())
    assert is_export("old.jsonl", file)
    assert list(read_export("old.jsonl", file)) == records


def test_only_texts_with_the_chosen_statuses_that_match_the_filters_are_exported(store: Store, reviewed: Task) -> None:
    everything = export(store, reviewed.id)
    filters = TextFilters(status=ReviewStatus.REJECTED, label="anger")  # this status is ignored
    wanted = [record for record in everything if record.label == "anger" and record.status is not ReviewStatus.REJECTED]
    statuses = (ReviewStatus.ACCEPTED, ReviewStatus.PENDING)
    assert list(store.exchange.export(reviewed.id, filters, statuses)) == wanted
    assert store.exchange.count(reviewed.id, filters, statuses) == len(wanted) > 0
    assert store.exchange.count(reviewed.id, TextFilters(), ()) == 0


def test_no_cell_of_a_csv_file_starts_like_a_formula(store: Store, reviewed: Task) -> None:
    rows = list(
        csv.reader(io.TextIOWrapper(written(export(store, reviewed.id), ExportFormat.CSV), "utf-8-sig", newline=""))
    )
    cells = {cell for row in rows for cell in row}
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert {"'+1 for that", "''quoted' from the start", "'''=twice guarded", "'=GPT-J"} <= cells


def test_a_csv_file_with_reordered_and_extra_columns_is_read(store: Store, reviewed: Task) -> None:
    records = export(store, reviewed.id)
    frame = pd.read_csv(written(records, ExportFormat.CSV), dtype=str, keep_default_na=False)
    frame = frame[reversed(frame.columns)].assign(remark="=mine")
    assert (
        list(read_export("texts.csv", io.BytesIO(frame.to_csv(index=False, quoting=csv.QUOTE_ALL).encode()))) == records
    )


def test_an_exported_folder_loads_with_datasets(store: Store, reviewed: Task, tmp_path: Path) -> None:
    import datasets

    records = export(store, reviewed.id)
    zipfile.ZipFile(written(records, ExportFormat.DATASET)).extractall(tmp_path)
    loaded = datasets.load_from_disk(str(tmp_path / "texts"))
    assert loaded["text"][:] == [record.text for record in records]
    assert loaded.column_names == list(COLUMNS)


def test_a_large_export_is_written_incrementally() -> None:
    seen = 0
    file = io.BytesIO()

    def records() -> Iterator[ExportedText]:
        nonlocal seen
        for number in range(5000):
            seen = number if file.tell() else seen
            yield plain(number=number)

    for kind in (ExportFormat.JSONL, ExportFormat.PARQUET):
        file, seen = io.BytesIO(), 0
        write_export(records(), file, kind)
        assert seen == 4999, f"{kind}: nothing was written before the last text came"


ANYTHING = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(AWKWARD)
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
WHOLE = st.integers(0, 2**31)


def plain(**fields: object) -> ExportedText:
    """An exported text without lineage and history."""
    values: dict[str, object] = dict.fromkeys(COLUMNS)
    values |= {"id": 1, "run_id": 1, "lm_name": "LM", "number": 0, "note": "", "seeds": (), "history": (), "flags": ()}
    values |= {"text": "one", "proposed_text": "one", "label": "joy", "proposed_label": "joy"}
    values |= {"status": ReviewStatus.PENDING, "created_at": datetime(2026, 11, 22, tzinfo=UTC)} | fields
    return ExportedText(**values)  # type: ignore[arg-type]


def events() -> st.SearchStrategy[ExportedEvent]:
    maybe = st.none() | ANYTHING
    undone = st.tuples(st.none(), st.none()) | st.tuples(WHOLE, TIMES)
    made = st.builds(
        ExportedEvent, step_id=WHOLE, reviewer=ANYTHING, created_at=TIMES, undoes_id=st.none() | WHOLE,
        label_before=ANYTHING, label_after=ANYTHING, undone_id=st.none(), undone_at=st.none(),
        text_before=maybe, text_after=maybe, note_before=maybe, note_after=maybe,
    )  # fmt: skip
    return st.builds(lambda event, by: replace(event, undone_id=by[0], undone_at=by[1]), made, undone)


def exported_texts() -> st.SearchStrategy[ExportedText]:
    nothing = {"prompt": st.none(), "raw": st.none(), "n_tokens": st.none(), "n_prompt_tokens": st.none()}
    completion = {"prompt": ANYTHING, "raw": ANYTHING, "n_tokens": WHOLE, "n_prompt_tokens": WHOLE}
    config = st.none() | st.dictionaries(ANYTHING, WHOLE, min_size=1).map(json.dumps)
    probs = st.none() | st.dictionaries(ANYTHING, st.floats(0, 1), min_size=1)
    return st.one_of(
        [
            st.builds(
                ExportedText, text=ANYTHING, label=ANYTHING, note=ANYTHING, proposed_text=ANYTHING, lm_name=ANYTHING,
                proposed_label=ANYTHING, label_probs=probs, created_at=TIMES, id=WHOLE, run_id=WHOLE, number=WHOLE,
                strategy=st.none() | ANYTHING.filter(bool), prompt_version=st.none() | WHOLE, config=config,
                flags=st.lists(st.builds(Finding, detail=ANYTHING), max_size=2).map(tuple),
                seeds=st.lists(st.builds(LabelledText, ANYTHING, ANYTHING), max_size=2).map(tuple),
                history=st.lists(events(), max_size=2).map(tuple), **attempt,
            )
            for attempt in (nothing, completion)
        ]
    )  # fmt: skip


@pytest.mark.parametrize("kind", ExportFormat)
@settings(max_examples=25, deadline=None, database=None)
@given(records=st.lists(exported_texts(), min_size=1, max_size=4))
def test_any_text_is_restored_exactly_from_a_file(kind: ExportFormat, records: list[ExportedText]) -> None:
    assert list(read_export(f"x{kind.ending}", written(records, kind))) == records


@given(ANYTHING)
@settings(database=None)
def test_a_guarded_cell_is_not_a_formula_and_its_text_can_be_restored(text: str) -> None:
    assert unguard_cell(guard_cell(text)) == text
    assert not guard_cell(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert guard_cell(text) in (text, f"'{text}")


def test_a_text_that_needs_no_guard_is_unchanged() -> None:
    assert [guard_cell(cell) for cell in ("fine", "a=b", " =1", "")] == ["fine", "a=b", " =1", ""]
    assert [unguard_cell(cell) for cell in ("'tis", "fine", "'")] == ["'tis", "fine", "'"]


# Files that cannot be read -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("x.docx", b"PK", "'x.docx' is not an export. Expected a file ending in .csv, .jsonl, .parquet, .zip"),
        ("x.csv", b"id,label\n1,joy\n", "'x.csv' lacks the columns text, status, note"),
        ("x.csv", b"", "'x.csv' has no rows"),
        ("x.csv", b"id\n\xff\xfe\n", "'x.csv' is not a readable .csv file"),
        ("x.jsonl", b"[1]\n", "expected one object per line"),
        ("x.jsonl", b"{\n", "'x.jsonl' is not a readable .jsonl file"),
        ("x.parquet", b"nothing", "'x.parquet' is not a readable .parquet file"),
        ("x.zip", b"nothing", "'x.zip' is not a readable .zip file: File is not a zip file"),
    ],
)
def test_a_file_that_is_not_an_export_gives_an_error_that_says_what_was_expected(
    name: str, data: bytes, expected: str
) -> None:
    with pytest.raises(DataError, match=expected):
        list(read_export(name, io.BytesIO(data)))


def test_a_damaged_archive_gives_a_clear_error() -> None:
    data = bytearray(written([plain()], ExportFormat.DATASET).getvalue())
    data[60:400] = bytes(340)
    with pytest.raises(DataError, match="'x.zip' is not a readable .zip file"):
        list(read_export("x.zip", io.BytesIO(bytes(data))))


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("status", "maybe", "row 2: status is 'maybe'; input should be 'pending', 'accepted' or 'rejected'"),
        ("id", "one", "row 2: id is 'one'"),
        ("history", "[{}]", "row 2: history.0.step_id is missing"),
        ("flags", "{", "row 2 differs from what was exported"),
        ("created_at", "2026-11-22T21:41:00", "has no time zone. Expected UTC"),
    ],
)
def test_the_error_for_a_changed_cell_names_its_row(column: str, value: str, expected: str) -> None:
    frame = pd.read_csv(written([plain(), plain(number=1)], ExportFormat.CSV), dtype=str, keep_default_na=False)
    frame.loc[1, column] = value
    with pytest.raises(DataError, match=expected):
        list(read_export("x.csv", io.BytesIO(frame.to_csv(index=False).encode())))


def test_an_incomplete_completion_is_refused() -> None:
    with pytest.raises(DataError, match="only part of a completion"):
        plain(prompt="asked")


# Restoring -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ExportFormat)
def test_an_export_restored_and_exported_again_is_the_same_except_for_ids(
    store: Store, reviewed: Task, other: Task, kind: ExportFormat
) -> None:
    records = export(store, reviewed.id)
    restored = store.exchange.restore(other.id, read_export(f"x{kind.ending}", written(records, kind)))
    assert (restored.n_texts, restored.n_runs, restored.n_held_out, restored.n_seedless) == (len(records), 2, 0, 0)
    assert (restored.n_events, restored.reviewers) == (sum(len(record.history) for record in records), ("=Ben", "Ann"))
    assert without_ids(export(store, other.id)) == without_ids(records)
    assert export(store, reviewed.id) == records


def test_restored_runs_are_finished_and_their_texts_can_be_sorted_filtered_and_reviewed(
    store: Store, reviewed: Task, other: Task
) -> None:
    restored = store.exchange.restore(other.id, export(store, reviewed.id))
    runs = [store.generations.get(run_id) for run_id in restored.run_ids]
    assert [(run.state.status, run.state.message, run.n_texts) for run in runs] == [
        (RunStatus.DONE, "Imported", 15)
    ] * 2
    assert [run.config.strategy if run.config else None for run in runs] == ["mix", None]
    assert store.prompts.all(other.id)[0].template == DEFAULT_TEMPLATE
    for filters in (TextFilters(is_disputed=True), TextFilters(least=0.5), TextFilters(flag=RejectReason.DISAGREES)):
        assert store.reviews.count(other.id, filters) == store.reviews.count(reviewed.id, filters)
    assert store.reviews.count_events(other.id) == store.reviews.count_events(reviewed.id)
    now = [
        [(record.text, record.label, record.status) for record in export(store, task.id)] for task in (reviewed, other)
    ]
    assert now[0] == now[1]
    first = store.reviews.page(other.id, TextFilters(), PageRequest(size=1))[0]
    store.reviews.decide(first.id, Verdict(ReviewAction.RELABEL, "surprise"), reviewer="Ann")
    undone = store.reviews.undo(other.id, reviewer="Ann")
    assert undone is not None
    assert undone.text_id == first.id
    assert store.reviews.undo(other.id, reviewer="Ann") is None  # steps from the file cannot be undone here


def test_a_step_over_many_texts_stays_one_step(store: Store, reviewed: Task, other: Task) -> None:
    store.exchange.restore(other.id, export(store, reviewed.id))
    steps = [
        {event.step_id for record in export(store, task.id) for event in record.history} for task in (reviewed, other)
    ]
    assert len(steps[0]) == len(steps[1]) == 10
    assert not steps[0] & steps[1]
    sizes = [
        Counter(event.step_id for record in export(store, task.id) for event in record.history)
        for task in (reviewed, other)
    ]
    assert sorted(sizes[0].values()) == sorted(sizes[1].values())
    assert max(sizes[1].values()) > 1


def test_in_a_partial_export_undone_steps_stay_undone(store: Store, reviewed: Task, other: Task) -> None:
    first = export(store, reviewed.id)[:1]
    assert [event.action for event in first[0].history] == [ReviewAction.ACCEPT, ReviewAction.REJECT]
    store.exchange.restore(other.id, first)
    assert without_ids(export(store, other.id)) == without_ids(first)
    assert store.reviews.undo(other.id, reviewer="Ann") is None


def test_a_restored_text_keeps_its_probabilities_and_last_event(store: Store, reviewed: Task, other: Task) -> None:
    store.exchange.restore(other.id, export(store, reviewed.id))
    for record in export(store, other.id):
        stored, history = store.reviews.text(record.id), store.reviews.history(record.id)
        assert stored.last_event_id == (history[-1].id if history else None)
    with store.engine.connect() as connection:
        query = "SELECT label, label_probs, confidence, label_prob FROM synthetic_text WHERE task_id = ?"
        for label, probs, confidence, label_prob in connection.exec_driver_sql(query, (other.id,)):
            by_label = dict(zip(LABELS, json.loads(probs), strict=True)) if probs else {}
            assert (confidence, label_prob) == (max(by_label.values(), default=None), by_label.get(label))


def test_texts_that_are_or_were_copies_of_held_out_texts_are_left_out(
    store: Store, reviewed: Task, other: Task
) -> None:
    validation, test = (store.tasks.examples(other.id, split)[0].text for split in (Split.VALIDATION, Split.TEST))
    records = export(store, reviewed.id)
    leaks = [
        plain(run_id=9, number=0, text=test.upper(), proposed_text=test.upper()),
        plain(run_id=9, number=1, text="kept", proposed_text="kept"),
        edited(plain(run_id=9, number=2, text=validation, proposed_text=validation), "harmless now"),
    ]
    assert store.exchange.preview(other.id, [*records, *leaks]).n_held_out == 2
    restored = store.exchange.restore(other.id, [*records, *leaks])
    assert (restored.n_texts, restored.n_held_out) == (len(records) + 1, 2)
    message = store.generations.get(restored.run_ids[-1]).state.message
    assert message == "Imported; 2 copies of validation or test texts left out"
    assert not {validation, test.upper(), "harmless now"} & {record.text for record in export(store, other.id)}
    with pytest.raises(DataError, match="All 1 texts are in the validation or test split"):
        store.exchange.restore(other.id, leaks[:1])


def edited(record: ExportedText, text: str) -> ExportedText:
    """The text after an edit."""
    event = ExportedEvent(
        50,
        ReviewAction.EDIT,
        "Ann",
        record.created_at,
        record.label,
        record.label,
        record.status,
        record.status,
        record.text,
        text,
    )
    return replace(record, text=text, history=(event,))


def test_a_preview_stores_nothing_and_counts_texts_that_exist_already(store: Store, reviewed: Task) -> None:
    records = export(store, reviewed.id)
    new = plain(run_id=9, text="new", proposed_text="new", seeds=(LabelledText("nowhere", "joy"),))
    found = store.exchange.preview(reviewed.id, [*records, new])
    assert (found.n_texts, found.n_known, found.n_seedless, found.run_ids) == (31, 30, 1, ())
    assert export(store, reviewed.id) == records


def test_a_prompt_version_with_the_same_template_is_reused_and_a_new_one_is_added(
    store: Store, reviewed: Task, other: Task
) -> None:
    store.prompts.save(other.id, replace(DEFAULT_TEMPLATE, text_type="post"))
    for _ in range(2):
        store.exchange.restore(other.id, export(store, reviewed.id)[:1])
    assert [(version.number, version.template.text_type) for version in store.prompts.all(other.id)] == [
        (2, "tweet"),
        (1, "post"),
    ]
    assert {record.prompt_version for record in export(store, other.id)} == {2}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"label": "fear"}, "Text 1 has the label 'fear', which this task does not have. Expected one of joy, anger"),
        ({"label_probs": {"joy": 0.4, "fear": 0.6}}, "the label 'fear'"),
        ({"label_probs": {"joy": 1.0}}, "has probabilities for joy only"),
        ({"label": "anger"}, "does not match its history.*import the file as labels by id"),
        ({"status": ReviewStatus.ACCEPTED}, "does not match its history"),
        ({"config": "{}"}, "The config of generation run 1 cannot be read"),
        ({"config": "=1"}, "The config of generation run 1 cannot be read"),
    ],
)
def test_a_text_that_does_not_fit_the_task_is_refused_and_nothing_is_stored(
    store: Store, task: Task, fields: dict[str, object], expected: str
) -> None:
    with pytest.raises(DataError, match=expected):
        store.exchange.restore(task.id, [plain(run_id=2), plain(**fields)])
    assert store.generations.all(task.id) == []


def test_two_exports_in_one_file_are_refused(store: Store, task: Task) -> None:
    first, second = edited(plain(), "x"), edited(plain(number=1), "y")
    later = replace(second, history=(replace(second.history[0], reviewer="Ben"),))
    undo = replace(second.history[0], step_id=51, action=ReviewAction.UNDO, undoes_id=49)
    for wrong, expected in (
        ([first, first], "Number 0 of generation run 1 is in the file twice"),
        ([first, replace(second, lm_name="another")], "Generation run 1 is described in two ways"),
        ([first, later], "Step 50 is described in two ways"),
        (
            [replace(first, history=(*first.history, replace(undo, text_after=None)))],
            "an undo takes back a step that is not in the file",
        ),
    ):
        with pytest.raises(DataError, match=expected):
            store.exchange.restore(task.id, wrong)
    assert store.generations.all(task.id) == []


@pytest.fixture(scope="module")
def long_lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path_factory.mktemp('exchange') / 'test.db'}")
    yield opened
    opened.close()


DECISIONS = st.tuples(
    st.sampled_from(["accept", "reject", "relabel", "edit", "note", "many", "undo"]),
    st.integers(0, 3),
    st.sampled_from(LABELS),
    ANYTHING.filter(str.strip),
    st.sampled_from(["Ann", "Ben"]),
)


@settings(max_examples=25, deadline=None, database=None)
@given(texts=st.lists(ANYTHING, min_size=4, max_size=4), decisions=st.lists(DECISIONS, max_size=12))
def test_any_texts_and_decisions_survive_a_move_to_another_task(
    long_lived: Store, texts: list[str], decisions: list[tuple[str, int, str, str, str]]
) -> None:
    data = PreparedData("t", "s", LABELS, {Split.POOL: (LabelledText("seed", "joy"),)})
    here, there = long_lived.tasks.create(data), long_lived.tasks.create(data)
    run = long_lived.generations.import_texts(here.id, "LM", [LabelledText(text, "joy") for text in texts])
    ids = [stored.id for stored in long_lived.generations.texts([run.id])]
    reviews = long_lived.reviews
    for what, place, label, text, by in decisions:
        if what == "undo":
            reviews.undo(here.id, reviewer=by)
        elif what == "many":
            reviews.decide_many(here.id, ids[place:], Verdict(ReviewAction.RELABEL, label), reviewer=by)
        else:
            given_text, note = text if what == "edit" else None, text if what == "note" else None
            reviews.decide(
                ids[place], Verdict(ReviewAction(what), label=label, text=given_text, note=note), reviewer=by
            )
    records = export(long_lived, here.id)
    long_lived.exchange.restore(there.id, read_export("x.csv", written(records, ExportFormat.CSV)))
    assert without_ids(export(long_lived, there.id)) == without_ids(records)
    here_disputed, there_disputed = (reviews.count(task.id, TextFilters(is_disputed=True)) for task in (here, there))
    assert here_disputed == there_disputed


# Labels decided elsewhere --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_labels_decided_elsewhere_are_read_by_id(ending: str) -> None:
    frame = pd.DataFrame({"id": [7, 3, 5], "label": ["joy", "anger", ""], "status": ["", "Rejected", ""]})
    frame = frame.assign(note=["=n", "", ""], text=["'a", "b", "c"])
    found = read_decisions(f"x{ending}", to_file(frame, ending), LABELS)
    assert found.decisions == {7: Decision("joy", note="=n"), 3: Decision("anger", ReviewStatus.REJECTED)}
    assert (found.texts, found.has_status, found.n_undecided) == ({7: "'a", 3: "b"}, True, 1)


def to_file(frame: pd.DataFrame, ending: str) -> bytes:
    if ending == ".parquet":
        return frame.to_parquet()
    if ending == ".jsonl":
        return frame.to_json(orient="records", lines=True).encode()
    return frame.to_csv(index=False, sep="\t" if ending == ".tsv" else ",").encode()


def test_a_label_without_a_status_accepts_its_text_unless_turned_off() -> None:
    data = b"id,label\n7,joy\n"
    assert read_decisions("x.csv", data, LABELS).decisions == {7: Decision("joy", ReviewStatus.ACCEPTED)}
    assert read_decisions("x.csv", data, LABELS, accepts=False).decisions == {7: Decision("joy")}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"nr,label\n1,joy\n", "Column 'id' not found; 'x.csv' has 'nr', 'label'. Expected 'id' and 'label'"),
        (b"id,class\n1,joy\n", "Column 'label' not found; 'x.csv' has 'id', 'class'"),
        (b"id,label\n1,joy\n1.5,joy\n", "Row 2 of 'x.csv': the id is '1.5'. Expected a whole number"),
        (b"id,label\n,joy\n", "the id is ''. Expected a whole number"),
        (b"id,label\n99999999999999999999,joy\n", "Expected a whole number"),
        (b"id,label\n1,joy\n1,anger\n", "Id 1 appears twice: 'joy' .row 1 of 'x.csv'. and 'anger' .row 2"),
        (b"id,label,text\n1,joy,a\n1,joy,b\n", "Id 1 appears twice"),
        (b"id,label\n1,fear\n", "Row 1 of 'x.csv': the label is 'fear'. Expected one of joy, anger, surprise"),
        (b"id,label,status\n1,joy,done\n", "the status is 'done'. Expected one of pending, accepted, rejected"),
        (b"id,label\n1,\n", "'x.csv' has no decisions: the column 'label' is empty"),
        (b"id,label\n", "'x.csv' has no rows"),
    ],
)
def test_an_invalid_table_of_labels_gives_the_reason(data: bytes, expected: str) -> None:
    with pytest.raises(DataError, match=expected):
        read_decisions("x.csv", data, LABELS)


def test_the_same_id_twice_with_the_same_label_is_one_decision() -> None:
    assert len(read_decisions("x.csv", b"id,label\n1,joy\n1.0,joy\n", LABELS).decisions) == 1


def test_an_unreadable_kind_of_table_is_refused() -> None:
    assert not is_export("x.xlsx", io.BytesIO(b"PK"))
    with pytest.raises(DataError, match="'x.xlsx' is not a supported file type"):
        read_decisions("x.xlsx", b"PK", LABELS)


@pytest.mark.parametrize("kind", ExportFormat)
def test_an_export_relabelled_in_a_table_is_applied_by_id_as_one_step(
    store: Store, reviewed: Task, kind: ExportFormat
) -> None:
    before = export(store, reviewed.id)
    changed = [replace(record, label="surprise", status=ReviewStatus.ACCEPTED) for record in before[:5]]
    decided = read_decisions(f"x{kind.ending}", written([*changed, *before[5:]], kind).getvalue(), reviewed.labels)
    n_new = sum(record.label != "surprise" or record.status is not ReviewStatus.ACCEPTED for record in before[:5])
    found = store.exchange.compare(reviewed.id, decided)
    assert (found.n_changed, found.n_same) == (n_new, len(before) - n_new)
    step = store.reviews.import_decisions(reviewed.id, decided.decisions, reviewer="Zoe")
    assert step is not None
    same = [record for record in before[5:] if record.status is not ReviewStatus.PENDING]  # agreeing is a decision
    same += [record for record in before[:5] if (record.label, record.status) == ("surprise", ReviewStatus.ACCEPTED)]
    assert step.n_events == n_new + len(same)
    assert [record.label for record in export(store, reviewed.id)[:5]] == ["surprise"] * 5
    store.reviews.undo(reviewed.id, reviewer="Zoe")
    assert [(record.label, record.status) for record in export(store, reviewed.id)] == [
        (record.label, record.status) for record in before
    ]


def test_ids_of_other_texts_are_refused(store: Store, reviewed: Task, other: Task) -> None:
    first = export(store, reviewed.id)[0]

    def compare(task: Task, line: str) -> None:
        store.exchange.compare(task.id, read_decisions("x.csv", f"id,label,text\n{line}\n".encode(), LABELS))

    compare(reviewed, f"{first.id},joy,{first.text}")
    with pytest.raises(DataError, match=f"Id {first.id} is 'something else' in the file and 'so happy .* here"):
        compare(reviewed, f"{first.id},joy,something else")
    with pytest.raises(DataError, match=f"Id {first.id} is not the id of a synthetic text in this task"):
        compare(other, f"{first.id},joy,{first.text}")


def test_changed_line_ends_do_not_make_a_different_text(store: Store, task: Task) -> None:
    run = store.generations.import_texts(task.id, "LM", [LabelledText("one\r\ntwo", "joy")])
    text_id = store.generations.texts([run.id])[0].id
    decided = read_decisions("x.csv", f'id,label,text\n{text_id},anger,"one\ntwo"\n'.encode(), LABELS)
    assert store.exchange.compare(task.id, decided).n_changed == 1
