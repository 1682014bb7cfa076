"""What pages do with runs, without a page: imports, generation, training and their resumption, on the real store."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from augment import lms
from augment.errors import DataError
from augment.prompts import DEFAULT_TEMPLATE
from augment.records import (
    GenerationConfig,
    LabelledText,
    PreparedData,
    RunStatus,
    Split,
    TextUse,
    TrainingConfig,
    TrainingPlan,
)
from augment.seeds import draw_seeds
from pages._runs import Workbench, import_texts, open_workbench, resume_generation, start_generation, start_training


@pytest.fixture
def bench(home: Path) -> Iterator[Workbench]:
    opened = open_workbench()
    yield opened
    assert opened.runner.wait(120)
    opened.store.close()


@pytest.fixture
def task_id(bench: Workbench, starter: PreparedData) -> int:
    return bench.store.tasks.create(starter).id


def test_copies_of_held_out_texts_are_left_out_of_an_import_and_counted(bench: Workbench, task_id: int) -> None:
    test = bench.store.tasks.examples(task_id, Split.TEST)[0]
    texts = [LabelledText("mine", "joy"), LabelledText(test.text.upper(), test.label)]
    run_id, n_left_out = import_texts(bench, task_id, "LM", texts)
    assert n_left_out == 1
    assert [one.text for one in bench.store.generations.texts([run_id])] == ["mine"]
    assert "1 copies of validation or test texts left out" in bench.store.generations.get(run_id).state.message
    with pytest.raises(DataError, match="All 1 texts stand in the validation or test split"):
        import_texts(bench, task_id, "LM", texts[1:])


@pytest.mark.models
def test_a_cancelled_generation_resumes_to_its_target_and_is_trained_on(bench: Workbench, task_id: int) -> None:
    labels = ("joy", "anger", "surprise")
    seeds = draw_seeds(bench.store.tasks.examples(task_id, Split.POOL), labels, 10, rng_seed=0)
    seed_set = bench.store.tasks.create_seed_set(task_id, "30", seeds)
    version = bench.store.prompts.save(task_id, DEFAULT_TEMPLATE)
    config = GenerationConfig(DEFAULT_TEMPLATE, labels, lms.EMBEDDED_LM, strategy="mix", target=40, batch_size=8)
    key = start_generation(bench, task_id, config, seed_set_id=seed_set.id, prompt_version_id=version.id)
    deadline = time.monotonic() + 60
    while not bench.store.runs.state(key).n_done and time.monotonic() < deadline:
        time.sleep(0.05)
    bench.runner.cancel(key)
    assert bench.runner.wait(60)
    kept = [one.text for one in bench.store.generations.texts([key.id])]
    assert bench.store.runs.state(key).status is RunStatus.CANCELLED
    assert 0 < len(kept) < 40
    resume_generation(bench, key.id)
    assert bench.runner.wait(120)
    texts = bench.store.generations.texts([key.id])
    assert [one.text for one in texts][: len(kept)] == kept
    assert len({one.text for one in texts}) == len(texts) == 40
    assert all(one.label_probs and sum(one.label_probs) == pytest.approx(1) for one in texts)
    plan = TrainingPlan(seed_set.id, TextUse.RAW, (key.id,), 40)
    trained = start_training(bench, task_id, TrainingConfig(labels, steps=4, eval_every=4), plan)
    assert bench.runner.wait(60)
    run = bench.store.trainings.all(task_id)[0]
    assert (run.id, run.n_train, run.arm) == (trained.id, 70, "SmolLM2-135M-Instruct · raw")
    assert run.state.status is RunStatus.DONE
    assert run.last is not None
