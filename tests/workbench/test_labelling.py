"""Labelling runs and imported labels on the real store, with a server that knows labels by words."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from augment.data.draw_seeds import draw_seeds
from augment.errors import DataError, StorageError
from augment.prompts.template import DEFAULT_TEMPLATE
from augment.records import (
    LabelledText,
    LabellingConfig,
    LMKind,
    PreparedData,
    Price,
    ReviewAction,
    RunKey,
    RunStatus,
    Split,
    Task,
    Verdict,
)
from tests.label_server import LabelServer, serving_labels
from workbench.bench import Workbench
from workbench.generation import import_texts
from workbench.labelling import (
    guess_cost,
    import_labels,
    measure_sources,
    plan_labelling,
    preview_labels,
    read_opinions,
    resume_labelling,
    start_labelling,
)

WORDS = {"joy": "happy", "anger": "mad", "surprise": "what"}


@pytest.fixture
def server() -> Iterator[LabelServer]:
    with serving_labels() as serving:
        yield serving


@pytest.fixture
def task(bench: Workbench, starter: PreparedData) -> Task:
    """A task with thirty seeds and twelve texts, of which every third was written with a wrong label."""
    task = bench.store.tasks.create(starter)
    pool = bench.store.tasks.examples(task.id, Split.POOL)
    bench.store.tasks.create_seed_set(task.id, "30", draw_seeds(pool, task.labels, 10, rng_seed=0))
    texts = []
    for i in range(12):
        label = task.labels[i % 3]
        texts.append(LabelledText(f"{WORDS[label]} text {i}", "joy" if label == "surprise" else label))
    import_texts(bench, task.id, "LM", texts)
    return task


def plan(bench: Workbench, task: Task, server: LabelServer) -> LabellingConfig:
    return replace(plan_labelling(bench, task, lm=server.lm()), batch_size=4)


def test_the_default_plan_asks_the_embedded_lm_and_needs_a_seed_set(bench: Workbench, starter: PreparedData) -> None:
    task = bench.store.tasks.create(starter)
    with pytest.raises(DataError, match="Save a seed set first"):
        plan_labelling(bench, task)
    pool = bench.store.tasks.examples(task.id, Split.POOL)
    seed_set = bench.store.tasks.create_seed_set(task.id, "6", draw_seeds(pool, task.labels, 2, rng_seed=0))
    config = plan_labelling(bench, task)
    assert (config.lm.kind, config.seed_set_id, config.template.text_type) == (LMKind.EMBEDDED, seed_set.id, "tweet")
    bench.store.prompts.save(task.id, replace(DEFAULT_TEMPLATE, text_type="post"))
    assert plan_labelling(bench, task).template.text_type == "post"
    with pytest.raises(DataError, match="no texts to ask about"):
        start_labelling(bench, task.id, config)
    assert bench.store.label_sources.all(task.id) == []


def test_a_cancelled_run_goes_on_with_what_is_missing_and_with_new_texts(
    bench: Workbench, task: Task, server: LabelServer
) -> None:
    server.gate.clear()
    key = start_labelling(bench, task.id, plan(bench, task, server))
    with pytest.raises(StorageError, match="already running or queued"):
        resume_labelling(bench, key.id)
    wait_until_running(bench, key)
    bench.runner.cancel(key)
    server.gate.set()
    assert bench.runner.wait(60)
    state = bench.store.runs.state(key)
    assert state.status is RunStatus.CANCELLED
    assert 0 < state.n_done < state.n_total
    kept = bench.store.label_sources.known_seeds(key.id)
    assert 0 < len(kept) < 30
    resume_labelling(bench, key.id)
    assert bench.runner.wait(60)
    source = bench.store.label_sources.get(key.id)
    assert (source.state.status, source.n_texts) == (RunStatus.DONE, 12)
    assert source.state.n_done == source.state.n_total
    assert len(bench.store.label_sources.known_seeds(key.id)) == 30

    import_texts(bench, task.id, "another LM", [LabelledText("mad again", "joy"), LabelledText("mad still", "joy")])
    assert guess_cost(bench, task.id, plan(bench, task, server), source_id=key.id).n_questions == 10
    n_before = len(server.bodies)
    resume_labelling(bench, key.id)
    assert bench.runner.wait(60)
    assert bench.store.label_sources.get(key.id).n_texts == 14
    assert len(server.bodies) - n_before == 10 + 5  # the new texts, and the content-free text once for each prompt
    assert bench.store.runs.state(key).n_done == bench.store.runs.state(key).n_total


def wait_until_running(bench: Workbench, key: RunKey) -> None:
    deadline = time.monotonic() + 30
    while bench.store.runs.state(key).n_total == 0 and time.monotonic() < deadline:
        time.sleep(0.02)


def test_a_run_that_stopped_at_its_budget_goes_on_with_a_higher_one(
    bench: Workbench, task: Task, server: LabelServer
) -> None:
    config = replace(plan(bench, task, server), price=Price(1000.0), budget=3.0)
    guess = guess_cost(bench, task.id, config)
    key = start_labelling(bench, task.id, config)
    assert bench.runner.wait(60)
    source = bench.store.label_sources.get(key.id)
    assert source.state.status is RunStatus.DONE
    assert "Stopped before exceeding the budget of 3" in source.state.message
    assert 1.0 < source.cost <= 3.0
    assert source.state.n_total == guess.n_questions
    resume_labelling(bench, key.id, budget=1000.0)
    assert bench.runner.wait(60)
    source = bench.store.label_sources.get(key.id)
    assert source.n_texts == 12
    assert source.cost > 3.0


def test_a_refused_key_fails_the_run_and_another_key_resumes_it(
    bench: Workbench, task: Task, server: LabelServer
) -> None:
    server.n_answers = 0
    key = start_labelling(bench, task.id, plan(bench, task, server), api_key="wrong")
    assert bench.runner.wait(60)
    state = bench.store.runs.state(key)
    assert state.status is RunStatus.FAILED
    assert "refused the key" in state.message
    server.n_answers = 10_000
    resume_labelling(bench, key.id, api_key="right")
    assert bench.runner.wait(60)
    assert bench.store.label_sources.get(key.id).n_texts == 12


@pytest.mark.models
def test_the_embedded_lm_labels_every_text_and_a_second_run_says_the_same(bench: Workbench, task: Task) -> None:
    config = replace(plan_labelling(bench, task), n_prompts=2, seeds_per_prompt=6)
    for _ in range(2):
        start_labelling(bench, task.id, config)
    assert bench.runner.wait(120)
    first, second = bench.store.label_sources.opinions(task.id)
    assert len(first.of_texts) == 12
    assert all(sum(probs) == pytest.approx(1) for probs in first.of_texts.values())
    assert {i: pytest.approx(probs, abs=1e-3) for i, probs in first.of_texts.items()} == second.of_texts


# Files ---------------------------------------------------------------------------------------------------------------


def test_labels_of_a_file_are_matched_by_text_and_the_source_says_what_matched(bench: Workbench, task: Task) -> None:
    rows = [LabelledText(f"HAPPY text {i}!", "joy") for i in (0, 3, 6)] + [LabelledText("not here", "anger")]
    assert len(preview_labels(bench, task, rows).of_texts) == 3
    assert bench.store.label_sources.all(task.id) == []
    source = import_labels(bench, task, "Ben", rows)
    assert source.state.message == "3 of 4 rows match 3 texts; 9 texts without a row"
    (opinions,) = bench.store.label_sources.opinions(task.id)
    assert set(opinions.of_texts.values()) == {(1.0, 0.0, 0.0)}
    with pytest.raises(StorageError, match="'Ben' came from a file and cannot be asked again"):
        resume_labelling(bench, source.id)


def test_a_file_that_does_not_fit_stores_nothing(bench: Workbench, task: Task) -> None:
    with pytest.raises(DataError, match="None of the 1 rows has the text of one of this task's texts"):
        import_labels(bench, task, "Ben", [LabelledText("not here", "joy")])
    with pytest.raises(DataError, match="does not have: boredom. Expected joy, anger, surprise"):
        import_labels(bench, task, "Ben", [LabelledText("happy text 0", "boredom")])
    assert bench.store.label_sources.all(task.id) == []


# Accuracy ------------------------------------------------------------------------------------------------------------


def test_sources_are_measured_on_what_people_decided(bench: Workbench, task: Task, server: LabelServer) -> None:
    import_labels(bench, task, "Ben", [LabelledText("happy text 0", "joy"), LabelledText("mad text 1", "joy")])
    key = start_labelling(bench, task.id, plan(bench, task, server))
    assert bench.runner.wait(60)
    texts = bench.store.generations.texts([bench.store.generations.all(task.id)[0].id])
    for text, label in zip(texts[:6], ("joy", "anger", "surprise") * 2, strict=True):
        bench.store.reviews.decide(text.id, Verdict(ReviewAction.RELABEL, label), reviewer="Ada")
    written, asked, ben = measure_sources(bench, task)
    assert (written.n_texts, written.source) == (12, None)
    assert (written.accuracy.on_decisions.n_hits, written.accuracy.on_decisions.n) == (4, 6)
    assert (asked.name, asked.n_texts, asked.source) == ("judge", 12, bench.store.label_sources.get(key.id))
    assert (asked.accuracy.on_decisions.n_hits, asked.accuracy.on_decisions.n) == (6, 6)
    assert asked.accuracy.on_decisions.low == pytest.approx(0.6097, abs=1e-4)
    assert 0 < asked.accuracy.on_seeds.n <= 30  # the server has no opinion of seeds without its words
    assert (ben.accuracy.on_decisions.n_hits, ben.accuracy.on_decisions.n) == (1, 2)
    assert ben.accuracy.on_seeds.n == 0
    assert [opinions.source.name for opinions in read_opinions(bench, task)] == ["Ben", "judge"]
