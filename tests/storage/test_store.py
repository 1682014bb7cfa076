"""The store on real SQLite files: round trips, interrupted runs, threads, a full disk, migrations."""

import json
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy.schema import CreateIndex

from augment import lms
from augment.errors import StorageError
from augment.prompts.template import DEFAULT_TEMPLATE
from augment.records import (
    Attempt,
    ClassifierKind,
    Completion,
    Finding,
    GenerationConfig,
    GenerationProgress,
    GenerationRun,
    LabelledText,
    PreparedData,
    Reject,
    RejectReason,
    ReviewAction,
    ReviewStatus,
    RunKey,
    RunKind,
    RunStatus,
    SeedSet,
    Split,
    SyntheticText,
    Task,
    TextChecks,
    TextFilter,
    TextUse,
    Variant,
    Verdict,
)
from storage import Store
from storage.engine import MIGRATIONS, open_engine
from storage.schema import Base, SyntheticTextRow

ALIVE = "host:1:1.00"


@pytest.fixture
def run(store: Store, task: Task, seed_set: SeedSet, prompt_version_id: int) -> GenerationRun:
    config = GenerationConfig(DEFAULT_TEMPLATE, task.labels, lms.EMBEDDED_LM, target=20)
    return store.generations.create(task.id, config, seed_set_id=seed_set.id, prompt_version_id=prompt_version_id)


def attempt(number: int, text: str = "raw") -> Attempt:
    return Attempt(number, f"prompt {number}", (1, 2), Completion(text, 7))


def write_texts(store: Store, run_id: int, n: int, *, first: int = 0) -> None:
    labels = ("joy", "anger", "surprise")
    texts = [SyntheticText(f"text {i}", labels[i % 3], attempt(i, f" text {i} (…)")) for i in range(first, first + n)]
    store.generations.write(run_id, texts, GenerationProgress(first + n, first + n, 20, 1.5))


# Round trips ---------------------------------------------------------------------------------------------------------


def test_a_task_is_read_back_with_its_examples_in_order(store: Store, starter: PreparedData) -> None:
    task = store.tasks.create(replace(starter, name="Ünïcode 🙂 'quoted'"))
    assert store.tasks.all() == [task]
    for split in starter.splits:
        stored = [(example.text, example.label) for example in store.tasks.examples(task.id, split)]
        assert stored == [(row.text, row.label) for row in starter.splits[split]]
    assert sum(store.tasks.count_examples(task.id).values()) == sum(map(len, starter.splits.values()))
    assert store.tasks.left_out(task.id) == list(starter.left_out)


def test_a_seed_set_takes_pool_examples_only(store: Store, task: Task, seed_set: SeedSet) -> None:
    assert store.tasks.seed_set(seed_set.id) == seed_set
    assert store.tasks.seed_sets(task.id) == [seed_set]
    test = store.tasks.examples(task.id, Split.TEST)[:1]
    with pytest.raises(StorageError, match="needs examples from the pool; found .* from the test split"):
        store.tasks.create_seed_set(task.id, "wrong", test)


def test_saving_an_unchanged_prompt_creates_no_new_version(store: Store, task: Task) -> None:
    first = store.prompts.save(task.id, DEFAULT_TEMPLATE)
    assert store.prompts.save(task.id, DEFAULT_TEMPLATE) == first
    second = store.prompts.save(task.id, replace(DEFAULT_TEMPLATE, text_type="post"))
    assert [version.number for version in store.prompts.all(task.id)] == [2, 1]
    assert store.prompts.all(task.id)[0] == second
    assert store.prompts.all(task.id)[1].template == DEFAULT_TEMPLATE


def test_a_batch_is_read_back_with_its_lineage_and_progress(store: Store, run: GenerationRun) -> None:
    reject = Reject(RejectReason.NO_LABEL, "no mark", attempt(1, "junk"))
    flags = (Finding(RejectReason.DISAGREES, "anger 0.6, joy 0.3"), Finding(RejectReason.TOO_SHORT, "1 words"))
    made = Attempt(0, "prompt 0", (1, 2), Completion(" fine (Sentiment: joy)", 7, n_prompt_tokens=90))
    text = SyntheticText("fine", "joy", made, label_probs=(0.7, 0.2, 0.1), flags=flags)
    progress = GenerationProgress(2, 1, 20, 3.5, n_by_label=(1, 0, 0), cost=0.125, n_completed=2)
    store.generations.write(run.id, [text, reject], progress)
    stored = store.generations.texts([run.id])[0]
    assert (stored.text, stored.proposed_label, stored.label, stored.status) == (
        "fine",
        "joy",
        "joy",
        ReviewStatus.PENDING,
    )
    assert stored.label_probs == (0.7, 0.2, 0.1)
    assert store.generations.attempt(stored.id) == text.attempt
    assert store.generations.count_rejects(run.id) == {RejectReason.NO_LABEL: 1}
    assert store.generations.rejects(run.id, newest=5)[0].raw == "junk"
    assert store.generations.progress(run.id) == progress
    assert set(stored.flags) == set(flags)
    assert store.generations.count_flags(run.id) == {RejectReason.DISAGREES: 1, RejectReason.TOO_SHORT: 1}
    assert store.reviews.text(stored.id) == stored
    assert store.generations.get(run.id).config == run.config


def test_the_same_attempt_cannot_be_stored_twice(store: Store, run: GenerationRun) -> None:
    write_texts(store, run.id, 3)
    with pytest.raises(Exception, match="UNIQUE"):
        write_texts(store, run.id, 1, first=2)
    assert len(store.generations.texts([run.id])) == 3
    assert store.generations.progress(run.id).n_attempts == 3


def test_imported_texts_are_a_finished_run_of_their_lm(store: Store, task: Task) -> None:
    run = store.generations.import_texts(task.id, "GPT-J", [LabelledText("a", "joy"), LabelledText("b", "anger")])
    assert (run.state.status, run.n_texts, run.config) == (RunStatus.DONE, 2, None)
    stored = store.generations.texts([run.id])
    assert [(text.text, text.lm_name) for text in stored] == [("a", "GPT-J"), ("b", "GPT-J")]
    assert store.generations.attempt(stored[0].id) is None


# Training ------------------------------------------------------------------------------------------------------------


def test_runs_of_a_dead_worker_are_marked_interrupted(store: Store, run: GenerationRun, task: Task) -> None:
    key = RunKey(RunKind.GENERATION, run.id)
    store.start_run(key, ALIVE)
    assert store.interrupt_dead(lambda worker: worker == ALIVE) == []
    assert [run_key for run_key, _ in store.runs.unfinished(task.id)] == [key]
    assert store.interrupt_dead(lambda worker: False) == [key]
    assert store.runs.state(key).status is RunStatus.INTERRUPTED
    assert store.interrupt_dead(lambda worker: False) == []


@pytest.mark.parametrize(
    ("kind", "missing"), [(RunKind.GENERATION, "no generation run 5 in"), (RunKind.EXPERIMENT, "no experiment 5 in")]
)
def test_a_run_that_does_not_exist_is_called_what_people_call_it(store: Store, kind: RunKind, missing: str) -> None:
    with pytest.raises(StorageError, match=f"There is {missing} this database"):
        store.runs.state(RunKey(kind, 5))
    with pytest.raises(StorageError, match=f"There is {missing} this database"):
        store.runs.queue(RunKey(kind, 5), ALIVE)


def test_threads_that_read_and_write_do_not_fail_on_locks(store: Store, task: Task, run: GenerationRun) -> None:
    write_texts(store, run.id, 12)
    texts = store.generations.texts([run.id])
    errors: list[Exception] = []

    def review(thread: int) -> None:
        try:
            for i in range(25):
                store.reviews.decide(
                    texts[(thread * 4 + i) % 12].id,
                    Verdict(ReviewAction.RELABEL, task.labels[i % 3]),
                    reviewer=str(thread),
                )
                store.reviews.count_status(task.id)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=review, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_full_disk_gives_a_clear_error_and_keeps_stored_data(tmp_path: Path, starter: PreparedData) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'full.db'}")
    task = store.tasks.create(starter)
    run = store.generations.import_texts(task.id, "LM", [LabelledText("kept", "joy")])
    store.close()
    store = Store.open(f"sqlite:///{tmp_path / 'full.db'}")
    with store.engine.connect() as connection:  # SQLite then returns SQLITE_FULL, as on a full disk
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}")
        connection.commit()
    with pytest.raises(StorageError, match="The disk is full. This step was not stored"):
        store.generations.import_texts(task.id, "LM", [LabelledText("x" * 5000, "joy")] * 20)
    assert [text.text for text in store.generations.texts([run.id])] == ["kept"]
    assert len(store.generations.all(task.id)) == 1
    store.close()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("nonsense", "not a database address"),
        ("sqlite:////proc/nowhere/x.db", "cannot be created"),
    ],
)
def test_a_database_that_cannot_be_opened_gives_the_reason(url: str, expected: str) -> None:
    with pytest.raises(StorageError, match=expected):
        Store.open(url)


def test_a_file_that_is_not_a_database_is_left_unchanged(tmp_path: Path) -> None:
    file = tmp_path / "notes.db"
    file.write_text("my notes, not a database at all\n" * 50)
    with pytest.raises(StorageError, match="not SQLite"):
        Store.open(f"sqlite:///{file}")
    assert file.read_text().startswith("my notes")


# Migrations ----------------------------------------------------------------------------------------------------------


def test_extending_a_run_changes_only_its_limits(store: Store, run: GenerationRun) -> None:
    assert run.config is not None
    longer = replace(run.config, target=40, attempt_cap=900, budget=2.0)
    store.generations.extend(run.id, longer)
    assert store.generations.get(run.id).config == longer
    assert store.generations.progress(run.id).target == 40
    with pytest.raises(StorageError, match="Only the target, cap and budget of generation run"):
        store.generations.extend(run.id, replace(longer, strategy="mix"))


def test_earlier_texts_are_those_of_earlier_runs_only(
    store: Store, task: Task, run: GenerationRun, starter: PreparedData
) -> None:
    store.generations.import_texts(task.id, "A", [LabelledText("later", "joy")])
    other = store.tasks.create(starter)
    store.generations.import_texts(other.id, "A", [LabelledText("of another task", "joy")])
    last = store.generations.import_texts(task.id, "B", [LabelledText("last", "joy")])
    assert store.generations.earlier_texts(run.id) == []
    assert store.generations.earlier_texts(last.id) == ["later"]


def test_a_database_of_the_first_version_is_migrated_with_its_rows(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    engine = open_engine(url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.execution_options(immediate=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        old = {"min_words": 2, "max_words": 60, "near_duplicate": 0.9, "min_confidence": 0.0}
        settings = {"template": {"description": "{examples}", "item": "{text} ({label})", "open_item": "Tweet:"}}
        settings |= {"labels": ["joy", "anger"], "lm": {"kind": "embedded", "name": "x"}, "target": 5, "checks": old}
        now = {"created_at": "2026-01-01 00:00:00"}
        task = {"id": 1, "name": "t", "source": "s", "text_type": "tweet", "label_type": "sentiment", "labels": "[]"}
        run = {"id": 1, "task_id": 1, "lm_name": "x", "config": json.dumps(settings), "n_attempts": 3, "message": ""}
        run |= {"status": "done", "n_done": 1, "n_total": 5, "elapsed_s": 2.0, "worker": ""}
        completion = {"id": 1, "run_id": 1, "number": 0, "prompt": "p", "seed_ids": "[]", "raw": " old", "n_tokens": 4}
        text = {"id": 1, "run_id": 1, "completion_id": 1, "number": 0, "text": "old", "proposed_label": "joy"}
        for table, row in (
            ("task", task | now),
            ("generation_run", run | now),
            ("completion", completion | {"reject_detail": ""}),
            ("synthetic_text", text | {"label": "joy", "status": "pending"} | now),
        ):
            columns = [sqlalchemy.column(name) for name in row]
            connection.execute(sqlalchemy.insert(sqlalchemy.table(table, *columns)).values(row))
    engine.dispose()
    store = Store.open(url)
    run = store.generations.get(1)
    assert run.config is not None
    assert (run.cost, run.config.checks, run.config.label_shares) == (0.0, TextChecks(), None)
    stored = store.generations.texts([1])[0]
    assert (stored.text, stored.flags) == ("old", ())
    attempt = store.generations.attempt(1)
    assert attempt is not None
    assert attempt.completion == Completion(" old", 4)
    store.close()


def test_training_runs_of_the_second_version_become_experiments_with_all_their_metrics(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    engine = open_engine(url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    recipe = {"labels": ["joy", "anger"], "encoder": {"kind": "embedded", "name": "all-MiniLM-L6-v2"}, "steps": 125}
    now = {"created_at": "2026-01-01 00:00:00"}
    done = {"status": "done", "message": "", "n_done": 125, "n_total": 125, "elapsed_s": 8.0, "worker": ""} | now
    task = {"id": 1, "name": "t", "source": "s", "text_type": "tweet", "label_type": "x", "labels": '["joy", "anger"]'}
    text = {"run_id": 1, "proposed_label": "joy", "label": "joy", "status": "pending"} | now
    run = {"task_id": 1, "seed_set_id": 1, "n_train": 1} | done

    def trained(run_id: int, arm: str, use: str, n: int, rng_seed: int, **changes: object) -> dict[str, object]:
        texts = "[]" if use == "none" else "[1]"
        values = {"id": run_id, "arm": arm, "use": use, "generation_run_ids": texts, "n_synthetic": n}
        return run | values | {"config": json.dumps(recipe | {"rng_seed": rng_seed})} | changes

    rows: list[tuple[str, dict[str, object]]] = [
        ("task", task | now),
        ("example", {"id": 1, "task_id": 1, "split": "pool", "text": "seed", "label": "joy"}),
        ("example", {"id": 2, "task_id": 1, "split": "test", "text": "held out", "label": "anger"}),
        ("seed_set", {"id": 1, "task_id": 1, "name": "s"} | now),
        ("seed_set_example", {"seed_set_id": 1, "position": 0, "example_id": 1}),
        ("generation_run", {"id": 1, "task_id": 1, "lm_name": "LM", "n_attempts": 2} | done),
        ("synthetic_text", {"id": 1, "number": 0, "text": "one"} | text),
        ("synthetic_text", {"id": 2, "number": 1, "text": "two"} | text),
        ("training_run", trained(1, "seeds only", "none", 0, 0)),
        ("training_run", trained(2, "LM · raw", "raw", 1, 0)),
        ("training_run", trained(3, "LM · raw", "raw", 2, 0)),
        ("training_run", trained(4, "LM · raw", "raw", 2, 1, status="running")),
        ("training_run", trained(5, "LM · accepted", "accepted", 1, 0, config=json.dumps(recipe | {"steps": 9}))),
        ("training_text", {"training_run_id": 5, "text_id": 1, "label": "anger"}),
        ("training_text", {"training_run_id": 2, "text_id": 1, "label": "joy"}),
        ("training_text", {"training_run_id": 3, "text_id": 1, "label": "joy"}),
        ("training_text", {"training_run_id": 3, "text_id": 2, "label": "anger"}),
        ("prediction", {"training_run_id": 3, "example_id": 2, "label": "anger", "probs": "[0.2, 0.8]"}),
    ]
    rows += [
        ("metric_point", {"training_run_id": i, "step": step, "loss": 1.0, "accuracy": 0.5, "macro_f1": i / 10})
        for i in (1, 2, 3)
        for step in (20, 125)
    ]
    with engine.execution_options(immediate=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        for table, row in rows:
            columns = [sqlalchemy.column(name) for name in row]
            connection.execute(sqlalchemy.insert(sqlalchemy.table(table, *columns)).values(row))
    engine.dispose()
    store = Store.open(url)
    other, experiment = store.experiments.all(1)
    # it contained relabelled texts
    assert [stored.variant for stored in other.variants] == [Variant(TextUse.REVIEWED, (1,))]
    assert other.is_gathered
    assert (other.config.baselines, other.state.status) == ((), RunStatus.DONE)
    with pytest.raises(StorageError, match="predate experiments and sampled texts differently"):
        store.experiments.extend(other.id, [7])
    assert (experiment.name, experiment.state.status) == ("Earlier runs", RunStatus.INTERRUPTED)
    assert (experiment.state.n_done, experiment.state.n_total, experiment.state.elapsed_s) == (3, 4, 32.0)
    assert (experiment.config.sizes, experiment.config.rng_seeds) == ((1, 2), (0, 1))
    (raw,) = experiment.variants
    assert (raw.variant, raw.n_texts) == (Variant(TextUse.RAW, (1,)), 2)
    assert store.experiments.runs(experiment.id)[3].state.status is RunStatus.INTERRUPTED
    assert [(stored.text, stored.label) for stored in store.experiments.texts(raw.id)] == [
        ("one", "joy"),
        ("two", "anger"),
    ]
    runs = store.experiments.runs(experiment.id)
    assert [(run.variant_id, run.n_synthetic) for run in runs] == [(None, 0), (raw.id, 1), (raw.id, 2), (raw.id, 2)]
    assert [run.variant for run in runs] == [Variant(), *[raw.variant] * 3]
    assert [run.last.macro_f1 if run.last else None for run in runs] == [0.1, 0.2, 0.3, None]
    assert [len(found) for found in store.trainings.points([1, 2, 3]).values()] == [2, 2, 2]
    assert store.trainings.texts(3) == {1: "joy", 2: "anger"}
    assert [
        (prediction.text, prediction.truth, prediction.label) for prediction in store.trainings.predictions([3])
    ] == [("held out", "anger", "anger")]
    store.experiments.remove(experiment.id)  # foreign keys are on again, so its rows are deleted too
    assert store.trainings.points([1, 2, 3]) == {1: [], 2: [], 3: []}
    store.close()


def test_arms_of_the_fourth_version_become_variants_with_their_texts_and_runs(tmp_path: Path) -> None:
    """An arm's meaning comes from the config of its experiment, never from its name."""
    url = f"sqlite:///{tmp_path / 'old.db'}"
    engine = open_engine(url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    recipe = {"labels": ["joy", "anger"], "encoder": {"kind": "embedded", "name": "all-MiniLM-L6-v2"}, "steps": 125}
    now = {"created_at": "2026-01-01 00:00:00"}
    done = {"status": "done", "message": "", "n_done": 1, "n_total": 1, "elapsed_s": 8.0, "worker": ""} | now
    text = {"run_id": 1, "task_id": 1, "proposed_label": "joy", "label": "joy", "status": "pending", "note": ""}
    text |= {"shuffle": 1} | now
    raw: dict[str, object] = {"use": "raw", "generation_run_ids": [1], "kind": "linear probe"}
    half: dict[str, object] = {"use": "accepted", "generation_run_ids": [1], "filter": {"keep_share": 0.5}}
    grid = {"seed_set_id": 1, "recipe": recipe, "arms": [raw, half], "sizes": [1], "rng_seeds": [0]}
    grid["baselines"] = ["linear probe"]
    task = {"id": 1, "name": "t", "source": "s", "text_type": "tweet", "label_type": "x", "labels": '["joy", "anger"]'}
    arm = {"experiment_id": 1, "n_texts": 1, "n_decisions": 2}
    run = {"task_id": 1, "experiment_id": 1, "n_train": 2} | done
    probe, tuned = json.dumps(recipe | {"kind": "linear probe"}), json.dumps(recipe)
    rows: list[tuple[str, dict[str, object]]] = [
        ("task", task | now),
        ("seed_set", {"id": 1, "task_id": 1, "name": "s"} | now),
        ("generation_run", {"id": 1, "task_id": 1, "lm_name": "real texts, batch 2", "n_attempts": 2} | done),
        ("synthetic_text", {"id": 1, "number": 0, "text": "one", "proposed_text": "one"} | text),
        ("experiment", {"id": 1, "task_id": 1, "seed_set_id": 1, "name": "mine", "config": json.dumps(grid)} | done),
        ("arm", {"id": 7, "position": 0, "name": "real texts, batch 2 · raw · linear probe", "n_dropped": None} | arm),
        ("arm", {"id": 8, "position": 1, "name": "anything", "n_dropped": 3} | arm),
        ("arm_text", {"arm_id": 7, "text_id": 1, "label": "anger", "text": "one, then", "is_dropped": 0}),
        ("training_run", {"id": 1, "arm": "seeds only · linear probe", "n_synthetic": 0, "config": probe} | run),
        ("training_run", {"id": 2, "arm": "real texts, batch 2", "arm_id": 7, "n_synthetic": 1, "config": probe} | run),
        ("training_run", {"id": 3, "arm": "anything", "arm_id": 8, "n_synthetic": 1, "config": tuned} | run),
    ]
    with engine.execution_options(immediate=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        for table, row in rows:
            columns = [sqlalchemy.column(name) for name in row]
            connection.execute(sqlalchemy.insert(sqlalchemy.table(table, *columns)).values(row))
    engine.dispose()
    store = Store.open(url)
    experiment = store.experiments.get(1)
    probe_kind = ClassifierKind.PROBE
    first = Variant(TextUse.RAW, (1,), kind=probe_kind)
    second = Variant(TextUse.ACCEPTED, (1,), TextFilter(keep_share=0.5))
    assert experiment.config.variants == (first, second)
    assert [(stored.id, stored.n_texts, stored.n_dropped, stored.n_decisions) for stored in experiment.variants] == [
        (7, 1, None, 2),
        (8, 1, 3, 2),
    ]
    assert not experiment.is_gathered
    assert [(stored.text, stored.label) for stored in store.experiments.texts(7)] == [("one, then", "anger")]
    runs = store.experiments.runs(1)
    assert [(run.id, run.variant, run.n_synthetic) for run in runs] == [
        (1, Variant(kind=probe_kind), 0),
        (2, first, 1),
        (3, second, 1),
    ]
    store.experiments.remove(1)
    assert store.trainings.all(1) == []
    store.close()


@pytest.mark.filterwarnings("ignore:.*expression-based index")
def test_the_migrations_produce_exactly_the_schema(store: Store) -> None:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        query = "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql LIKE '%coalesce%'"
        migrated = {" ".join(sql.split()) for (sql,) in connection.exec_driver_sql(query)}
    wanted = {
        str(CreateIndex(index)) for index in SyntheticTextRow.__table__.indexes if "coalesce" in str(CreateIndex(index))
    }
    assert migrated == wanted  # Alembic cannot compare these indexes
    assert len(wanted) == 2


def test_reopening_changes_nothing_and_a_newer_database_is_refused(tmp_path: Path, starter: PreparedData) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    first = Store.open(url)
    task = first.tasks.create(starter)
    first.close()
    again = Store.open(url)
    assert again.tasks.all() == [task]
    again.close()
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StorageError, match="version 9999, which this workbench"):
        Store.open(url)
