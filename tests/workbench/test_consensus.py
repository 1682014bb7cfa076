"""The consensus of a task with the embedded encoder: kept current in its own thread, and what it estimates."""

import logging
from dataclasses import replace

import pytest

from augment.data.draw_seeds import draw_seeds
from augment.records import (
    LabelledText,
    LabelSource,
    PreparedData,
    QueueOrder,
    QueueRequest,
    ReviewAction,
    ReviewOrder,
    Split,
    Task,
    TextConsensus,
    Verdict,
)
from workbench.bench import Workbench
from workbench.consensus import NEW_DECISIONS, estimate_labels, expect_next
from workbench.generation import import_texts
from workbench.labelling import import_labels

HAPPY = "i feel so happy and delighted about"
FURIOUS = "i am furious and so angry about"
THINGS = ("this", "my friends", "the weather", "work", "the news", "my neighbours", "tonight", "football")


@pytest.fixture
def task(bench: Workbench, starter: PreparedData) -> Task:
    """Thirty seeds; eight happy and eight furious texts, all written with the label 'joy'."""
    task = bench.store.tasks.create(starter)
    pool = bench.store.tasks.examples(task.id, Split.POOL)
    bench.store.tasks.create_seed_set(task.id, "30", draw_seeds(pool, task.labels, 10, rng_seed=0))
    texts = [LabelledText(f"{start} {thing}", "joy") for start in (HAPPY, FURIOUS) for thing in THINGS]
    import_texts(bench, task.id, "LM", texts)
    return task


def refresh(bench: Workbench, task: Task) -> dict[int, TextConsensus]:
    """The consensus of every text, once it is current, in the order of their ids."""
    bench.consensus.refresh(task)
    assert bench.consensus.wait(120)
    return bench.store.consensus.of_texts(text_ids(bench, task))


def text_ids(bench: Workbench, task: Task) -> list[int]:
    return [text.id for text in bench.store.consensus.texts(task.id)]


def decide(bench: Workbench, task: Task, n: int, *, skip: int = 0) -> None:
    """Accept the happy texts and make the furious ones 'anger', `n` in all."""
    for text in bench.store.consensus.texts(task.id)[skip : skip + n]:
        label = "joy" if text.text.startswith(HAPPY) else "anger"
        bench.store.reviews.decide(text.id, Verdict(ReviewAction.RELABEL, label), reviewer="Ada")


@pytest.mark.models
def test_the_consensus_corrects_wrong_labels_and_says_who_says_what(bench: Workbench, task: Task) -> None:
    assert bench.consensus.is_stale(task.id)
    found = list(refresh(bench, task).values())
    assert [one.label for one in found] == ["joy"] * 8 + ["anger"] * 8
    assert all(0.4 < one.prob < 1 and not one.is_decided for one in found)
    angry = {opinion.source: opinion.label for opinion in found[8].opinions}
    assert angry == {LabelSource.CLASSIFIER: "anger", LabelSource.JUDGED: "joy"}
    assert not bench.consensus.is_stale(task.id)


@pytest.mark.models
def test_five_decisions_make_it_stale_and_a_new_version_knows_them(bench: Workbench, task: Task) -> None:
    refresh(bench, task)
    first = bench.store.consensus.newest(task.id)
    assert first is not None
    decide(bench, task, NEW_DECISIONS - 1)
    assert not bench.consensus.is_stale(task.id)
    bench.consensus.refresh(task)
    assert not bench.consensus.is_working(task.id)
    decide(bench, task, 1, skip=8)
    assert bench.consensus.is_stale(task.id)
    found = refresh(bench, task)
    second = bench.store.consensus.newest(task.id)
    assert second is not None
    assert (second.basis.n_decisions, first.basis.n_decisions) == (5, 0)
    assert [one.is_decided for one in found.values()] == [True] * 4 + [False] * 4 + [True] + [False] * 7
    assert not bench.consensus.is_stale(task.id)


@pytest.mark.models
def test_new_texts_opinions_and_seed_sets_make_it_stale(bench: Workbench, task: Task) -> None:
    refresh(bench, task)
    import_texts(bench, task.id, "LM", [LabelledText("what a surprise, i did not expect that", "joy")])
    assert bench.consensus.is_stale(task.id)
    assert len(refresh(bench, task)) == 17
    import_labels(bench, task, "Ben", [LabelledText(f"{HAPPY} this", "surprise")])
    assert bench.consensus.is_stale(task.id)
    first = next(iter(refresh(bench, task).values()))
    assert [(opinion.name, opinion.label) for opinion in first.opinions][-1] == ("Ben", "surprise")
    bench.store.label_sources.remove(bench.store.label_sources.all(task.id)[0].id)
    assert bench.consensus.is_stale(task.id)
    refresh(bench, task)
    pool = bench.store.tasks.examples(task.id, Split.POOL)
    bench.store.tasks.create_seed_set(task.id, "6", draw_seeds(pool, task.labels, 2, rng_seed=1))
    assert bench.consensus.is_stale(task.id)
    refresh(bench, task)
    assert not bench.consensus.is_stale(task.id)


def test_without_seeds_or_texts_there_is_nothing_to_do(bench: Workbench, starter: PreparedData) -> None:
    task = bench.store.tasks.create(starter)
    assert not bench.consensus.is_stale(task.id)
    pool = bench.store.tasks.examples(task.id, Split.POOL)
    bench.store.tasks.create_seed_set(task.id, "6", draw_seeds(pool, task.labels, 2, rng_seed=1))
    assert not bench.consensus.is_stale(task.id)
    bench.consensus.refresh(task)
    assert not bench.consensus.is_working(task.id)
    assert estimate_labels(bench.store, task.id) is None


@pytest.mark.models
def test_an_error_is_logged_and_leaves_the_last_consensus(
    bench: Workbench, starter: PreparedData, caplog: pytest.LogCaptureFixture
) -> None:
    """Labels that are called 0 to 2 have no label sentences; of one, the second seed set has no seed."""
    numbers = {label: str(i) for i, label in enumerate(starter.labels)}
    splits = {
        split: tuple(replace(example, label=numbers[example.label]) for example in examples)
        for split, examples in starter.splits.items()
    }
    task = bench.store.tasks.create(replace(starter, labels=("0", "1", "2"), splits=splits, left_out=()))
    pool = bench.store.tasks.examples(task.id, Split.POOL)
    seeds = draw_seeds(pool, task.labels, 5, rng_seed=0)
    bench.store.tasks.create_seed_set(task.id, "all", seeds)
    import_texts(bench, task.id, "LM", [LabelledText(f"{HAPPY} this", "0")])
    refresh(bench, task)
    version = bench.store.consensus.newest(task.id)
    assert version is not None
    bench.store.tasks.create_seed_set(task.id, "some", [seed for seed in seeds if seed.label != "1"])
    assert bench.consensus.is_stale(task.id)
    with caplog.at_level(logging.ERROR):
        found = refresh(bench, task)
    assert "could not be computed; the last one stays" in caplog.text
    assert "'1'" in caplog.text
    assert bench.store.consensus.newest(task.id) == version
    assert len(found) == 1
    assert not bench.consensus.is_stale(task.id)  # it is not tried again with the same seeds and decisions
    bench.store.tasks.create_seed_set(task.id, "all again", seeds)
    refresh(bench, task)
    newest = bench.store.consensus.newest(task.id)
    assert newest is not None
    assert newest.id > version.id


@pytest.mark.models
def test_the_estimate_rises_with_decisions_and_the_hint_follows_the_queue(bench: Workbench, task: Task) -> None:
    refresh(bench, task)
    before = estimate_labels(bench.store, task.id)
    assert before is not None
    assert before.accuracy.low < before.accuracy.share < before.accuracy.high
    decide(bench, task, 12)
    refresh(bench, task)
    after = estimate_labels(bench.store, task.id)
    assert after is not None
    assert after.accuracy.n_decided == 12
    assert (after.calibration.n_decided, after.calibration.n_right) == (12, 12)
    assert after.accuracy.share > before.accuracy.share
    assert after.accuracy.high - after.accuracy.low < before.accuracy.high - before.accuracy.low
    hint = expect_next(bench.store, task.id, QueueRequest(order=QueueOrder(ReviewOrder.OLDEST)), after.calibration)
    assert hint.n == 4
    assert 0 < hint.n_changes < 2
