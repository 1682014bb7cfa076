"""Label sources on a real SQLite file: round trips, what is left to ask, removal, and migration 0007."""

from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy
from alembic import command
from alembic.config import Config

from augment import lms
from augment.errors import StorageError
from augment.prompts.template import DEFAULT_TEMPLATE
from augment.records import (
    LabelledText,
    LabellingConfig,
    LabellingProgress,
    LabelOpinion,
    LabelSourceKind,
    Price,
    ReviewAction,
    RunKey,
    RunKind,
    RunStatus,
    SeedSet,
    StoredLabelSource,
    Task,
    Verdict,
)
from storage import Store
from storage.engine import MIGRATIONS, open_engine

ALIVE = "host:1:1.00"


@pytest.fixture
def text_ids(store: Store, task: Task) -> list[int]:
    texts = [LabelledText(f"text {i}", task.labels[i % 3]) for i in range(6)]
    run = store.generations.import_texts(task.id, "LM", texts)
    return [text.id for text in store.generations.texts([run.id])]


@pytest.fixture
def source(store: Store, task: Task, seed_set: SeedSet) -> StoredLabelSource:
    config = LabellingConfig(lms.EMBEDDED_LM, DEFAULT_TEMPLATE, task.labels, seed_set.id, price=Price(1.0), budget=2.0)
    return store.label_sources.create(task.id, config)


def write(store: Store, source: StoredLabelSource, seed_set: SeedSet, text_ids: list[int]) -> None:
    records = [LabelOpinion((0.5, 0.3, 0.2), example_id=seed_set.examples[0].id)]
    records += [LabelOpinion((0.1, 0.2, 0.7), text_id=text_id) for text_id in text_ids]
    store.write_run(RunKey(RunKind.LABELLING, source.id), records, LabellingProgress(11, 40, 2.5, "going", 0.25))


def test_a_batch_is_read_back_with_its_progress_and_config(
    store: Store, task: Task, source: StoredLabelSource, seed_set: SeedSet, text_ids: list[int]
) -> None:
    assert store.label_sources.opinions(task.id) == []
    write(store, source, seed_set, text_ids[:2])
    (opinions,) = store.label_sources.opinions(task.id)
    stored = store.label_sources.get(source.id)
    assert opinions.source == stored
    assert opinions.of_seeds == {seed_set.examples[0].id: (0.5, 0.3, 0.2)}
    assert opinions.of_texts == dict.fromkeys(text_ids[:2], (0.1, 0.2, 0.7))
    assert (stored.kind, stored.name, stored.n_texts, stored.cost) == (
        LabelSourceKind.LM,
        lms.EMBEDDED_LM.name,
        2,
        0.25,
    )
    assert (stored.state.n_done, stored.state.n_total, stored.state.message) == (11, 40, "going")
    assert stored.config == source.config
    assert store.label_sources.known_seeds(source.id) == {seed_set.examples[0].id}


def test_only_texts_without_an_opinion_that_nobody_rejected_are_left_to_ask(
    store: Store, task: Task, source: StoredLabelSource, seed_set: SeedSet, text_ids: list[int]
) -> None:
    write(store, source, seed_set, text_ids[:2])
    store.reviews.decide(text_ids[2], ReviewAction.REJECT, reviewer="Ada")
    assert store.label_sources.texts_to_ask(task.id, source.id) == {i: f"text {i - text_ids[0]}" for i in text_ids[3:]}
    assert list(store.label_sources.texts_to_ask(task.id)) == [*text_ids[:2], *text_ids[3:]]
    assert store.label_sources.count_to_ask(task.id, source.id) == 3
    assert store.label_sources.count_to_ask(task.id) == 5


def test_what_was_said_of_a_text_is_deleted_once_a_person_edits_it_and_relabelling_keeps_it(
    store: Store, task: Task, source: StoredLabelSource, seed_set: SeedSet, text_ids: list[int]
) -> None:
    write(store, source, seed_set, text_ids[:3])
    store.reviews.decide(text_ids[0], Verdict(ReviewAction.RELABEL, "anger"), reviewer="Ada")
    store.reviews.decide(text_ids[1], Verdict(ReviewAction.EDIT, text="another text"), reviewer="Ada")
    store.reviews.decide(text_ids[1], ReviewAction.ACCEPT, reviewer="Ada")
    (opinions,) = store.label_sources.opinions(task.id)
    assert sorted(opinions.of_texts) == [text_ids[0], text_ids[2]]
    (decided,) = store.label_sources.decided_texts(task.id)  # the edited text was not what any source saw
    assert (decided.id, decided.label, decided.proposed_label) == (text_ids[0], "anger", "joy")


def test_labels_from_a_file_are_a_finished_source(store: Store, task: Task, text_ids: list[int]) -> None:
    source = store.label_sources.add_file(task.id, "Ben", {text_ids[0]: (0.0, 1.0, 0.0)}, message="1 of 1 rows")
    assert (source.kind, source.config, source.n_texts) == (LabelSourceKind.FILE, None, 1)
    assert (source.state.status, source.state.message) == (RunStatus.DONE, "1 of 1 rows")
    assert store.label_sources.all(task.id) == [source]
    with pytest.raises(StorageError, match="came from a file and has no budget"):
        store.label_sources.set_budget(source.id, 3.0)


def test_only_the_budget_of_a_run_changes(store: Store, source: StoredLabelSource) -> None:
    assert source.config is not None
    store.label_sources.set_budget(source.id, 9.0)
    assert store.label_sources.get(source.id).config == replace(source.config, budget=9.0)


def test_a_labelling_run_is_queued_interrupted_and_removed_like_other_runs(
    store: Store, task: Task, source: StoredLabelSource, seed_set: SeedSet, text_ids: list[int]
) -> None:
    key = RunKey(RunKind.LABELLING, source.id)
    store.runs.queue(key, ALIVE)
    store.start_run(key, ALIVE)
    assert [found for found, _ in store.runs.unfinished(task.id)] == [key]
    with pytest.raises(StorageError, match=f"Labelling run {source.id} is still running"):
        store.label_sources.remove(source.id)
    assert store.interrupt_dead(lambda worker: False) == [key]
    assert store.runs.state(key).status is RunStatus.INTERRUPTED
    write(store, source, seed_set, text_ids)
    store.label_sources.remove(source.id)
    assert store.label_sources.opinions(task.id) == store.label_sources.all(task.id) == []
    assert count_opinions(store) == 0
    with pytest.raises(StorageError, match="was removed; its labels cannot be stored"):
        write(store, source, seed_set, text_ids)
    with pytest.raises(StorageError, match=f"no labelling run {source.id} in this database"):
        store.runs.state(key)


def count_opinions(store: Store) -> int:
    with store.engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM label_opinion").scalar_one())


def test_opinions_are_deleted_with_their_texts_and_with_the_task(
    store: Store, task: Task, source: StoredLabelSource, seed_set: SeedSet, text_ids: list[int]
) -> None:
    other = store.generations.import_texts(task.id, "LM", [LabelledText("other", "joy")])
    (kept,) = store.generations.texts([other.id])
    write(store, source, seed_set, [*text_ids, kept.id])
    with store.engine.execution_options(immediate=True).begin() as connection:
        connection.exec_driver_sql("DELETE FROM generation_run WHERE id != ?", (other.id,))
    (opinions,) = store.label_sources.opinions(task.id)
    assert list(opinions.of_texts) == [kept.id]
    with store.engine.execution_options(immediate=True).begin() as connection:
        connection.exec_driver_sql("DELETE FROM task")
    assert count_opinions(store) == 0
    assert store.label_sources.all(task.id) == []


def test_a_database_of_the_sixth_version_keeps_its_rows_and_takes_label_sources(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    engine, config = open_engine(url), Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    now = {"created_at": "2026-01-01 00:00:00"}
    done = {"status": "done", "message": "", "n_done": 1, "n_total": 1, "elapsed_s": 1.0, "worker": ""} | now
    task = {"id": 1, "name": "t", "source": "s", "text_type": "tweet", "label_type": "x", "labels": '["joy", "anger"]'}
    text = {"id": 5, "run_id": 1, "task_id": 1, "number": 0, "text": "old", "proposed_text": "old", "shuffle": 1}
    rows: list[tuple[str, dict[str, object]]] = [
        ("task", task | now),
        ("generation_run", {"id": 1, "task_id": 1, "lm_name": "LM", "n_attempts": 1, "cost": 0.0} | done),
        (
            "synthetic_text",
            text | {"proposed_label": "joy", "label": "joy", "status": "pending", "note": ""} | now,
        ),
    ]
    with engine.execution_options(immediate=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0006")
        for table, row in rows:
            columns = [sqlalchemy.column(name) for name in row]
            connection.execute(sqlalchemy.insert(sqlalchemy.table(table, *columns)).values(row))
    engine.dispose()
    store = Store.open(url)
    assert store.reviews.text(5).text == "old"
    assert store.label_sources.opinions(1) == []
    store.label_sources.add_file(1, "Ben", {5: (1.0, 0.0)})
    assert store.label_sources.opinions(1)[0].of_texts == {5: (1.0, 0.0)}
    store.close()
