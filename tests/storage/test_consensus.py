"""The consensus of a task on a real SQLite file: round trips, what makes it stale, deletion, and migration 0008."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy
from alembic import command
from alembic.config import Config

from augment.errors import StorageError
from augment.records import (
    Consensus,
    ConsensusBasis,
    ConsensusLabel,
    ConsensusVersion,
    LabelledText,
    LabelSource,
    ReviewAction,
    SeedSet,
    SourceOpinion,
    SourceWeight,
    StatedLabel,
    Task,
    VariantText,
    Verdict,
)
from storage import Store
from storage.engine import MIGRATIONS, open_engine

WEIGHTS = (
    SourceWeight(LabelSource.CLASSIFIER, 1.5),
    SourceWeight(LabelSource.FILE, 0.5, "Ben"),
)


@pytest.fixture
def texts(store: Store, task: Task, seed_set: SeedSet) -> list[VariantText]:
    written = [LabelledText(f"text {i}", task.labels[i % 3]) for i in range(6)]
    store.generations.import_texts(task.id, "LM", written)
    return store.consensus.texts(task.id)


def find(task: Task, texts: Sequence[VariantText], prob: float = 0.6) -> Consensus:
    """Everything is 'anger'; the file says so of the first text only."""
    other = (1 - prob) / 2
    labels = [ConsensusLabel("anger", (other, prob, other)) for _ in texts]
    opinions = [(SourceOpinion(LabelSource.CLASSIFIER, "anger", 0.7),) for _ in texts]
    if opinions:
        opinions[0] = (*opinions[0], SourceOpinion(LabelSource.FILE, "anger", 0.9, "Ben"))
    return Consensus(labels, WEIGHTS, opinions, labels)


def write(store: Store, task: Task, texts: Sequence[VariantText], prob: float = 0.6) -> ConsensusVersion:
    basis = store.consensus.basis(task.id)
    assert basis is not None
    return store.consensus.write(task.id, basis, texts, find(task, texts, prob))


def test_a_consensus_is_read_back_with_what_each_source_says(
    store: Store, task: Task, seed_set: SeedSet, texts: list[VariantText]
) -> None:
    assert store.consensus.newest(task.id) is None
    assert store.consensus.of_texts([text.id for text in texts]) == {}
    version = write(store, task, texts)
    assert store.consensus.newest(task.id) == version
    assert version.weights == WEIGHTS
    assert version.basis == ConsensusBasis(seed_set.id, 0, 0, 0, 0)
    found = store.consensus.of_texts([text.id for text in texts])
    assert list(found) == [text.id for text in texts]
    first = found[texts[0].id]
    assert (first.label, first.prob, first.is_decided, first.version_id) == ("anger", 0.6, False, version.id)
    assert first.opinions == (
        SourceOpinion(LabelSource.CLASSIFIER, "anger", 0.7),
        SourceOpinion(LabelSource.FILE, "anger", 0.9, "Ben"),
    )
    assert len(found[texts[1].id].opinions) == 1


def test_a_new_consensus_replaces_the_old_one_and_that_of_no_other_task(
    store: Store, task: Task, texts: list[VariantText]
) -> None:
    first = write(store, task, texts)
    second = write(store, task, texts[:2], prob=0.8)
    assert store.consensus.newest(task.id) == second
    assert second.id > first.id
    found = store.consensus.of_texts([text.id for text in texts])
    assert {text_id: one.prob for text_id, one in found.items()} == dict.fromkeys([texts[0].id, texts[1].id], 0.8)


def test_a_failed_write_leaves_the_old_consensus(store: Store, task: Task, texts: list[VariantText]) -> None:
    version = write(store, task, texts)
    broken = replace(find(task, texts), undecided=())
    with pytest.raises(IndexError):
        store.consensus.write(task.id, version.basis, texts, broken)
    assert store.consensus.newest(task.id) == version
    assert len(store.consensus.of_texts([text.id for text in texts])) == 6
    with pytest.raises(StorageError, match="Task 99 was removed"):
        store.consensus.write(99, version.basis, texts, find(task, texts))


def test_a_decision_stands_at_once_and_undo_takes_it_back(store: Store, task: Task, texts: list[VariantText]) -> None:
    write(store, task, texts)
    joy, rejected = texts[0].id, texts[1].id
    store.reviews.decide(joy, Verdict(ReviewAction.RELABEL, "joy"), reviewer="Ada")
    store.reviews.decide(rejected, ReviewAction.REJECT, reviewer="Ada")
    found = store.consensus.of_texts([joy, rejected])
    assert list(found) == [joy]
    assert (found[joy].label, found[joy].prob, found[joy].is_decided) == ("joy", 1.0, True)
    assert (found[joy].expected_label, found[joy].expected_prob) == ("anger", 0.6)
    stated = store.consensus.stated(task.id)
    assert stated == [StatedLabel("anger", 0.6, "joy"), *[StatedLabel("anger", 0.6, None)] * 4]
    store.reviews.undo(task.id, reviewer="Ada")
    store.reviews.undo(task.id, reviewer="Ada")
    assert store.consensus.of_texts([joy])[joy].label == "anger"
    assert store.consensus.stated(task.id) == [StatedLabel("anger", 0.6, None)] * 6


def test_what_it_is_computed_from_are_the_texts_that_are_not_rejected(
    store: Store, task: Task, texts: list[VariantText]
) -> None:
    assert [text.is_decided for text in texts] == [False] * 6
    store.reviews.decide(texts[0].id, Verdict(ReviewAction.RELABEL, "surprise"), reviewer="Ada")
    store.reviews.decide(texts[1].id, ReviewAction.REJECT, reviewer="Ada")
    first, *others = store.consensus.texts(task.id)
    assert (first.label, first.proposed_label, first.is_decided) == ("surprise", "joy", True)
    assert [text.id for text in others] == [text.id for text in texts[2:]]


def test_decisions_texts_opinions_and_seed_sets_are_seen_as_new(
    store: Store, task: Task, seed_set: SeedSet, texts: list[VariantText]
) -> None:
    assert store.consensus.has_new_texts(task.id)
    version = write(store, task, texts)
    mark = version.basis.last_event_id
    assert not store.consensus.has_new_texts(task.id)
    store.reviews.decide(texts[0].id, ReviewAction.ACCEPT, reviewer="Ada")
    store.reviews.decide(texts[1].id, ReviewAction.REJECT, reviewer="Ada")
    store.reviews.decide(texts[2].id, Verdict(ReviewAction.NOTE, note="hm"), reviewer="Ada")
    store.reviews.decide(texts[0].id, ReviewAction.ACCEPT, reviewer="Ben")  # agrees, and changes nothing
    assert store.consensus.count_new_decisions(task.id, mark) == 2
    assert not store.consensus.has_new_texts(task.id)
    store.label_sources.add_file(task.id, "Ben", {texts[0].id: (0.0, 1.0, 0.0)})
    newer = store.tasks.create_seed_set(task.id, "again", seed_set.examples, rng_seed=1)
    basis = store.consensus.basis(task.id)
    assert basis is not None
    assert (basis.seed_set_id, basis.n_decisions, basis.n_opinions) == (newer.id, 1, 1)
    assert store.consensus.count_new_decisions(task.id, basis.last_event_id) == 0
    store.generations.import_texts(task.id, "LM", [LabelledText("new", "joy")])
    assert store.consensus.has_new_texts(task.id)


def test_without_a_seed_set_there_is_nothing_to_make_it_from(store: Store, task: Task) -> None:
    assert store.consensus.basis(task.id) is None


def test_an_edited_text_loses_its_consensus_and_one_edited_meanwhile_gets_none(
    store: Store, task: Task, texts: list[VariantText]
) -> None:
    version = write(store, task, texts)
    store.reviews.decide(texts[0].id, Verdict(ReviewAction.EDIT, text="another text"), reviewer="Ada")
    assert store.consensus.of_texts([texts[0].id]) == {}
    assert store.consensus.has_new_texts(task.id)
    store.consensus.write(task.id, version.basis, texts, find(task, texts))  # computed before the edit
    assert sorted(store.consensus.of_texts([text.id for text in texts])) == [text.id for text in texts[1:]]


def count_rows(store: Store) -> tuple[int, int]:
    with store.engine.connect() as connection:
        n_versions = connection.exec_driver_sql("SELECT count(*) FROM consensus_version").scalar_one()
        n_texts = connection.exec_driver_sql("SELECT count(*) FROM text_consensus").scalar_one()
    return n_versions, n_texts


def test_a_consensus_is_deleted_with_its_texts_and_with_the_task(
    store: Store, task: Task, texts: list[VariantText]
) -> None:
    other = store.generations.import_texts(task.id, "LM", [LabelledText("other", "joy")])
    write(store, task, store.consensus.texts(task.id))
    assert count_rows(store) == (1, 7)
    with store.engine.execution_options(immediate=True).begin() as connection:
        connection.exec_driver_sql("DELETE FROM generation_run WHERE id != ?", (other.id,))
    assert count_rows(store) == (1, 1)
    with store.engine.execution_options(immediate=True).begin() as connection:
        connection.exec_driver_sql("DELETE FROM task")
    assert count_rows(store) == (0, 0)


def test_a_database_of_the_seventh_version_keeps_its_rows_and_takes_a_consensus(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    engine, config = open_engine(url), Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    now = {"created_at": "2026-01-01 00:00:00"}
    done = {"status": "done", "message": "", "n_done": 1, "n_total": 1, "elapsed_s": 1.0, "worker": ""} | now
    task = {"id": 1, "name": "t", "source": "s", "text_type": "tweet", "label_type": "x", "labels": '["joy", "anger"]'}
    text = {"id": 5, "run_id": 1, "task_id": 1, "number": 0, "text": "old", "proposed_text": "old", "shuffle": 1}
    rows: list[tuple[str, dict[str, object]]] = [
        ("task", task | now),
        ("seed_set", {"id": 3, "task_id": 1, "name": "seeds"} | now),
        ("generation_run", {"id": 1, "task_id": 1, "lm_name": "LM", "n_attempts": 1, "cost": 0.0} | done),
        ("synthetic_text", text | {"proposed_label": "joy", "label": "joy", "status": "pending", "note": ""} | now),
        ("label_source", {"id": 2, "task_id": 1, "kind": "file", "name": "Ben", "cost": 0.0} | done),
        ("label_opinion", {"id": 9, "source_id": 2, "text_id": 5, "probs": "[1.0, 0.0]"}),
    ]
    with engine.execution_options(immediate=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0007")
        for table, row in rows:
            columns = [sqlalchemy.column(name) for name in row]
            connection.execute(sqlalchemy.insert(sqlalchemy.table(table, *columns)).values(row))
    engine.dispose()
    store = Store.open(url)
    assert store.reviews.text(5).text == "old"
    assert store.label_sources.opinions(1)[0].of_texts == {5: (1.0, 0.0)}
    basis, texts = store.consensus.basis(1), store.consensus.texts(1)
    assert basis == ConsensusBasis(3, 0, 0, 1, 9)
    label = ConsensusLabel("anger", (0.2, 0.8))
    store.consensus.write(1, basis, texts, Consensus([label], WEIGHTS, [()], [label]))
    assert store.consensus.of_texts([5])[5].prob == 0.8
    store.close()
