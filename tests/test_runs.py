"""What pages do with runs, without a page: imports, generation, training and their resumption, on the real store."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from augment import lms
from augment.errors import DataError
from augment.prompts import DEFAULT_TEMPLATE
from augment.records import (
    GenerationConfig,
    LabelledText,
    LMKind,
    LMSpec,
    PreparedData,
    RunStatus,
    Split,
    TextUse,
    TrainingConfig,
    TrainingPlan,
)
from augment.seeds import draw_seeds
from augment.word_templates import default_templates
from pages._runs import Workbench, import_texts, open_workbench, resume_generation, start_generation, start_training

LABELS = ("joy", "anger", "surprise")


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
    assert (run.id, run.n_train, run.arm) == (trained.id, 70, "SmolLM2-135M-Instruct · mix · raw")
    assert run.state.status is RunStatus.DONE
    assert run.last is not None


def seeded(bench: Workbench, task_id: int) -> tuple[int, int]:
    """Ids of a seed set of thirty and of the default prompt."""
    pool = bench.store.tasks.examples(task_id, Split.POOL)
    seed_set = bench.store.tasks.create_seed_set(task_id, "30", draw_seeds(pool, LABELS, 10, rng_seed=0))
    return seed_set.id, bench.store.prompts.save(task_id, DEFAULT_TEMPLATE).id


@pytest.mark.parametrize(("strategy", "name"), [("templates", "label-word templates"), ("eda", "EDA")])
def test_an_arm_without_an_lm_is_a_run_like_any_other(bench: Workbench, task_id: int, strategy: str, name: str) -> None:
    seed_set_id, version_id = seeded(bench, task_id)
    config = GenerationConfig(
        DEFAULT_TEMPLATE,
        LABELS,
        LMSpec(LMKind.RULES, name),
        strategy=strategy,
        target=60,
        word_templates=default_templates(LABELS),
    )
    key = start_generation(bench, task_id, config, seed_set_id=seed_set_id, prompt_version_id=version_id)
    assert bench.runner.wait(60)
    assert bench.store.runs.state(key).status is RunStatus.DONE
    assert bench.store.generations.count_labels(key.id) == dict.fromkeys(LABELS, 20)
    assert bench.lms.loaded is None
    again = start_generation(bench, task_id, config, seed_set_id=seed_set_id, prompt_version_id=version_id)
    assert bench.runner.wait(60)
    first, second = ({one.text for one in bench.store.generations.texts([one.id])} for one in (key, again))
    assert first.isdisjoint(second)  # what an earlier run wrote is a duplicate
    lenient = replace(config, checks=replace(config.checks, looks_at_earlier=False))
    third = start_generation(bench, task_id, lenient, seed_set_id=seed_set_id, prompt_version_id=version_id)
    assert bench.runner.wait(60)
    assert {one.text for one in bench.store.generations.texts([third.id])} == first


def test_an_ended_run_is_extended_and_goes_on(bench: Workbench, task_id: int) -> None:
    seed_set_id, version_id = seeded(bench, task_id)
    rules = LMSpec(LMKind.RULES, "EDA")
    config = GenerationConfig(DEFAULT_TEMPLATE, LABELS, rules, strategy="eda", target=9)
    key = start_generation(bench, task_id, config, seed_set_id=seed_set_id, prompt_version_id=version_id)
    assert bench.runner.wait(60)
    kept = bench.store.generations.texts([key.id])
    bench.store.generations.extend(key.id, replace(config, target=30, attempt_cap=400))
    resume_generation(bench, key.id)
    assert bench.runner.wait(60)
    assert bench.store.generations.texts([key.id])[:9] == kept
    assert bench.store.generations.count_labels(key.id) == dict.fromkeys(LABELS, 10)
