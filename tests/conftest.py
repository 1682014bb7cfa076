"""Shared fixtures: an isolated home folder, real data if available, and records to start from."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from augment.data import prepare, read_files
from augment.data.draw_seeds import draw_seeds
from augment.embedded import unpacked_lm_folder
from augment.hardware.cores import leave_a_core
from augment.prompts.template import DEFAULT_TEMPLATE
from augment.records import (
    ExperimentConfig,
    ExperimentProgress,
    LabelledText,
    MetricPoint,
    PreparedData,
    ReviewAction,
    RunEnded,
    RunKey,
    RunKind,
    RunMeasured,
    RunStarted,
    RunStatus,
    SeedSet,
    Split,
    Task,
    TextUse,
    TrainingConfig,
    Variant,
)
from storage import Store
from tests.app_test import Open

ROOT = Path(__file__).parents[1]
REAL_DATA = ROOT.parent / "shared" / "data"
LABELS = ("joy", "anger", "surprise")

leave_a_core()  # as in the app, but here, because test modules import torch before any store is opened


@pytest.fixture(scope="session")
def models_folder() -> Path:
    """The folder of the unpacked embedded LM; created once and shared by all tests."""
    from augment.lms.unpack import unpack_embedded_lm

    return unpack_embedded_lm().parent


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, models_folder: Path) -> Path:
    """A fresh home folder that shares the unpacked models."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "models").symlink_to(models_folder)
    monkeypatch.setenv("AUGMENT_HOME", str(folder))
    assert unpacked_lm_folder().is_dir()
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path / 'test.db'}")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def starter() -> PreparedData:
    names = {label: label for label in LABELS}
    choice = prepare.DataChoice("text", "label", names, text_type="tweet", label_type="sentiment")
    return prepare.prepare(read_files.read_starter(), choice, name="Starter", source="starter set")


@pytest.fixture
def task(store: Store, starter: PreparedData) -> Task:
    return store.tasks.create(starter)


@pytest.fixture
def seed_set(store: Store, task: Task) -> SeedSet:
    seeds = draw_seeds(store.tasks.examples(task.id, Split.POOL), task.labels, 10, rng_seed=0)
    return store.tasks.create_seed_set(task.id, "30 seeds", seeds, rng_seed=0)


@pytest.fixture
def prompt_version_id(store: Store, task: Task) -> int:
    return store.prompts.save(task.id, DEFAULT_TEMPLATE).id


@pytest.fixture(scope="session")
def emotion_folder() -> Path:
    folder = REAL_DATA / "emotion"
    if not folder.is_dir():
        pytest.skip(f"the Emotion data set is not at {folder}")
    return folder


@pytest.fixture(scope="session")
def ml6_folder() -> Path:
    folder = REAL_DATA / "ml6_synthetic"
    if not folder.is_dir():
        pytest.skip(f"the notebook's synthetic texts are not at {folder}")
    return folder


REVIEWER = "Ada"

# Pages ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def bench(home: Path) -> Iterator[Store]:
    """The store of the app under test, opened from outside."""
    st.cache_resource.clear()
    store = Store.open()
    yield store
    store.close()
    st.cache_resource.clear()


@pytest.fixture
def open_page(bench: Store) -> Open:
    def go(name: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
        app.session_state["reviewer_name"] = REVIEWER  # as a browser whose user has entered a name
        app.run()
        if name != "overview":
            app.switch_page(f"pages/{name}.py").run()
        return app

    return go


@pytest.fixture
def filled(bench: Store, starter: PreparedData) -> Task:
    """A task with seeds, a prompt, an imported run, decisions and two finished training runs."""
    task = bench.tasks.create(starter)
    seeds = draw_seeds(bench.tasks.examples(task.id, Split.POOL), task.labels, 10, rng_seed=0)
    seed_set = bench.tasks.create_seed_set(task.id, "30 seeds", seeds, rng_seed=0)
    bench.prompts.save(task.id, DEFAULT_TEMPLATE)
    texts = [LabelledText(f"![x](http://127.0.0.1:9/{i}) <b>text</b> {i}", task.labels[i % 3]) for i in range(12)]
    run = bench.generations.import_texts(task.id, "GPT-J", texts)
    bench.reviews.decide(bench.generations.texts([run.id])[0].id, ReviewAction.REJECT, reviewer="x")
    config = ExperimentConfig(
        seed_set.id, TrainingConfig(task.labels), (Variant(TextUse.RAW, (run.id,)),), sizes=(12,), rng_seeds=(0,)
    )
    made = bench.experiments.create(task.id, "", config)
    for trained, score in zip(bench.experiments.runs(made.id), (0.4, 0.6), strict=True):
        records = [
            RunStarted(trained.id, trained.n_train, ()),
            RunMeasured(trained.id, MetricPoint(125, 0.1, 0.9, score, score)),
            RunEnded(trained.id, RunStatus.DONE, "", 8.0, 125),
        ]
        bench.experiments.write(made.id, records, ExperimentProgress(2, 2, 16.0))
    bench.runs.finish(RunKey(RunKind.EXPERIMENT, made.id), RunStatus.DONE, "")
    return task
