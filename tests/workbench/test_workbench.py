"""What pages do with runs, without a page: import, generate, train and resume, on the real store."""

import time
from dataclasses import replace
from itertools import product

import pytest

from augment import lms
from augment.data.draw_seeds import draw_seeds
from augment.errors import DataError, StorageError
from augment.generation.strategies.word_templates import default_templates
from augment.prompts.template import DEFAULT_TEMPLATE
from augment.records import (
    ClassifierKind,
    EncoderKind,
    EncoderSpec,
    ExperimentConfig,
    GenerationConfig,
    LabelledText,
    LMKind,
    LMSpec,
    PreparedData,
    RunKey,
    RunStatus,
    Split,
    TextUse,
    TrainingConfig,
    Variant,
)
from workbench.bench import Workbench
from workbench.experiments import extend_experiment, resume_experiment, start_experiment
from workbench.generation import extend_generation, import_texts, resume_generation, start_generation

LABELS = ("joy", "anger", "surprise")


@pytest.fixture
def task_id(bench: Workbench, starter: PreparedData) -> int:
    return bench.store.tasks.create(starter).id


def test_copies_of_held_out_texts_are_left_out_of_an_import_and_counted(bench: Workbench, task_id: int) -> None:
    test = bench.store.tasks.examples(task_id, Split.TEST)[0]
    texts = [LabelledText("mine", "joy"), LabelledText(test.text.upper(), test.label)]
    run = import_texts(bench, task_id, "LM", texts)
    assert [text.text for text in bench.store.generations.texts([run.id])] == ["mine"]
    assert run.state.message == "1 text imported; 1 left out (in the validation or test split)"
    with pytest.raises(DataError, match="All 1 texts are in the validation or test split"):
        import_texts(bench, task_id, "LM", texts[1:])
    again = import_texts(bench, task_id, "another LM", [texts[0], LabelledText("new", "joy")])
    assert again.n_texts == 2
    assert again.state.message == "2 texts imported, 1 of them also in earlier runs"


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
    kept = [text.text for text in bench.store.generations.texts([key.id])]
    assert bench.store.runs.state(key).status is RunStatus.CANCELLED
    assert 0 < len(kept) < 40
    resume_generation(bench, key.id)
    assert bench.runner.wait(120)
    texts = bench.store.generations.texts([key.id])
    assert [text.text for text in texts][: len(kept)] == kept
    assert len({text.text for text in texts}) == len(texts) == 40
    assert all(text.label_probs and sum(text.label_probs) == pytest.approx(1) for text in texts)
    variants = tuple(Variant(use, (key.id,)) for use in (TextUse.RAW, TextUse.SOFT))
    recipe = TrainingConfig(labels, steps=4, eval_every=4)
    start_experiment(bench, task_id, ExperimentConfig(seed_set.id, recipe, variants, sizes=(40,), rng_seeds=(0,)))
    assert bench.runner.wait(60)
    runs = bench.store.trainings.all(task_id)
    assert {(run.variant, run.n_train) for run in runs} == {(Variant(), 30), *((variant, 70) for variant in variants)}
    assert {run.state.status for run in runs} == {RunStatus.DONE}
    figures = {run.last.loss for run in runs if run.last is not None}
    assert len(figures) == 3  # soft labels give other figures than hard ones


def seeded(bench: Workbench, task_id: int) -> tuple[int, int]:
    """Ids of a seed set of thirty and of the default prompt."""
    pool = bench.store.tasks.examples(task_id, Split.POOL)
    seed_set = bench.store.tasks.create_seed_set(task_id, "30", draw_seeds(pool, LABELS, 10, rng_seed=0))
    return seed_set.id, bench.store.prompts.save(task_id, DEFAULT_TEMPLATE).id


@pytest.mark.parametrize(("strategy", "name"), [("templates", "label-word templates"), ("eda", "EDA")])
def test_texts_without_an_lm_are_an_ordinary_run(bench: Workbench, task_id: int, strategy: str, name: str) -> None:
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
    first, second = ({text.text for text in bench.store.generations.texts([run_key.id])} for run_key in (key, again))
    assert first.isdisjoint(second)  # texts of an earlier run are duplicates
    lenient = replace(config, checks=replace(config.checks, looks_at_earlier=False))
    third = start_generation(bench, task_id, lenient, seed_set_id=seed_set_id, prompt_version_id=version_id)
    assert bench.runner.wait(60)
    assert {text.text for text in bench.store.generations.texts([third.id])} == first


def test_a_finished_run_can_be_extended(bench: Workbench, task_id: int) -> None:
    seed_set_id, version_id = seeded(bench, task_id)
    rules = LMSpec(LMKind.RULES, "EDA")
    config = GenerationConfig(DEFAULT_TEMPLATE, LABELS, rules, strategy="eda", target=9)
    key = start_generation(bench, task_id, config, seed_set_id=seed_set_id, prompt_version_id=version_id)
    assert bench.runner.wait(60)
    kept = bench.store.generations.texts([key.id])
    extend_generation(bench, key.id, replace(config, target=30, attempt_cap=400))
    assert bench.runner.wait(60)
    assert bench.store.generations.texts([key.id])[:9] == kept
    assert bench.store.generations.count_labels(key.id) == dict.fromkeys(LABELS, 10)


# Experiments ---------------------------------------------------------------------------------------------------------


def start_small(bench: Workbench, task_id: int, *, kind: ClassifierKind = ClassifierKind.FINE_TUNED) -> RunKey:
    """Two points × three RNG seeds on a short recipe."""
    seed_set_id, _ = seeded(bench, task_id)
    recipe = TrainingConfig(LABELS, steps=8, eval_every=8)
    real = Variant(TextUse.REAL, kind=kind)
    config = ExperimentConfig(seed_set_id, recipe, (real,), sizes=(10,), rng_seeds=(0, 1, 2), baselines=(kind,))
    return start_experiment(bench, task_id, config, name="small")


@pytest.mark.models
@pytest.mark.parametrize("stop", ["pause", "cancel"])
def test_an_experiment_is_stopped_during_a_run_and_resumed(bench: Workbench, task_id: int, stop: str) -> None:
    key = start_small(bench, task_id)
    deadline = time.monotonic() + 90
    while not bench.store.runs.state(key).n_done and time.monotonic() < deadline:
        time.sleep(0.01)
    assert getattr(bench.runner, stop)(key)
    assert bench.runner.wait(60)
    status = RunStatus.PAUSED if stop == "pause" else RunStatus.CANCELLED
    experiment = bench.store.experiments.get(key.id)
    assert experiment.state.status is status
    runs = bench.store.experiments.runs(key.id)
    done = {run.id: run.last for run in runs if run.state.status is RunStatus.DONE}
    assert 1 <= len(done) < 6
    assert {run.state.status for run in runs} == {RunStatus.DONE, status}
    resume_experiment(bench, key.id)
    assert bench.runner.wait(120)
    after = {run.id: run for run in bench.store.experiments.runs(key.id)}
    assert all(run.state.status is RunStatus.DONE for run in after.values())
    assert {run_id: after[run_id].last for run_id in done} == done
    assert bench.store.experiments.get(key.id).state.n_done == 6


@pytest.mark.models
def test_an_experiment_is_extended_by_the_next_rng_seeds_and_removed_completely(bench: Workbench, task_id: int) -> None:
    key = start_small(bench, task_id, kind=ClassifierKind.PROBE)
    assert bench.runner.wait(60)
    extend_experiment(bench, key.id, 2)
    with pytest.raises(StorageError, match="is still running. Cancel or pause"):
        bench.store.experiments.remove(key.id)
    assert bench.runner.wait(60)
    experiment = bench.store.experiments.get(key.id)
    assert experiment.config.rng_seeds == (0, 1, 2, 3, 4)
    assert (experiment.state.n_done, experiment.state.n_total) == (10, 10)
    runs = bench.store.experiments.runs(key.id)
    variants = [Variant(use, kind=ClassifierKind.PROBE) for use in (None, TextUse.REAL)]
    assert {(run.variant, run.config.rng_seed) for run in runs} == set(product(variants, range(5)))
    bench.store.experiments.remove(key.id)
    assert bench.store.trainings.all(task_id) == []
    assert bench.store.trainings.predictions([run.id for run in runs]) == []
    with pytest.raises(StorageError, match="no experiment"):
        bench.store.experiments.get(key.id)


def test_an_experiment_fails_with_the_reason_if_every_run_failed(bench: Workbench, task_id: int) -> None:
    seed_set_id, _ = seeded(bench, task_id)
    recipe = TrainingConfig(LABELS, EncoderSpec(EncoderKind.TRANSFORMERS, "/no/folder"))
    key = start_experiment(bench, task_id, ExperimentConfig(seed_set_id, recipe, rng_seeds=(0, 1)))
    assert bench.runner.wait(60)
    state = bench.store.runs.state(key)
    assert (state.status, state.n_done) == (RunStatus.FAILED, 2)
    assert state.message.startswith("Every training run failed. The first error: There is no folder '/no/folder'")
    runs = bench.store.experiments.runs(key.id)
    assert {run.state.status for run in runs} == {RunStatus.FAILED}
    assert bench.store.experiments.list_finished(task_id) == []
