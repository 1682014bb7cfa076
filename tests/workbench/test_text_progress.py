"""What people and experiments have done with a task's synthetic texts."""

from augment.data.draw_seeds import draw_seeds
from augment.records import (
    ExperimentConfig,
    LabelledText,
    PreparedData,
    ReviewAction,
    RunKey,
    RunKind,
    RunStatus,
    Split,
    Task,
    TextUse,
    TrainingConfig,
    Variant,
)
from augment.results.next_steps import TextProgress
from workbench.bench import Workbench
from workbench.generation import import_texts
from workbench.text_progress import count_progress


def write(bench: Workbench, task: Task, name: str, n: int) -> int:
    rows = [LabelledText(f"{name} wrote text {i}", task.labels[i % 3]) for i in range(n)]
    return import_texts(bench, task.id, name, rows).id


def decide(bench: Workbench, run_id: int, n: int) -> None:
    """Accept the first `n` texts of a run."""
    for text in bench.store.generations.texts([run_id])[:n]:
        bench.store.reviews.decide(text.id, ReviewAction.ACCEPT, reviewer="Ada")


def design(bench: Workbench, task: Task, *variants: Variant) -> RunKey:
    """A queued experiment."""
    seed_set = bench.store.tasks.seed_sets(task.id)[0]
    config = ExperimentConfig(seed_set.id, TrainingConfig(task.labels), variants, sizes=(6,), rng_seeds=(0,))
    return RunKey(RunKind.EXPERIMENT, bench.store.experiments.create(task.id, "", config).id)


def start(bench: Workbench, starter: PreparedData) -> Task:
    task = bench.store.tasks.create(starter)
    seeds = draw_seeds(bench.store.tasks.examples(task.id, Split.POOL), task.labels, 2, rng_seed=0)
    bench.store.tasks.create_seed_set(task.id, "6 seeds", seeds)
    return task


def test_texts_and_decisions_are_new_until_an_experiment_includes_them(bench: Workbench, starter: PreparedData) -> None:
    task = start(bench, starter)
    assert count_progress(bench, task) == TextProgress()
    first = write(bench, task, "A", 12)
    assert count_progress(bench, task) == TextProgress(12, n_new_texts=12)
    decide(bench, first, 3)
    assert count_progress(bench, task) == TextProgress(9, 3, n_new_texts=12, n_new_decisions=3)
    design(bench, task, Variant(TextUse.RAW, (first,)))  # raw texts do not use the decisions
    assert count_progress(bench, task) == TextProgress(9, 3, n_new_decisions=3)
    design(bench, task, Variant(TextUse.CONSENSUS, (first,)))
    assert count_progress(bench, task) == TextProgress(9, 3)
    decide(bench, first, 5)
    second = write(bench, task, "B", 6)
    assert count_progress(bench, task) == TextProgress(13, 5, n_new_texts=6, n_new_decisions=2)
    decide(bench, second, 1)
    both = (first, second)
    design(bench, task, *(Variant(TextUse.RELABELLED, runs) for runs in ((first,), (second,))))
    assert count_progress(bench, task) == TextProgress(12, 6)
    design(bench, task, *(Variant(TextUse.RELABELLED, runs) for runs in ((first,), both)))
    assert count_progress(bench, task) == TextProgress(12, 6)


def test_an_experiment_that_ended_without_a_result_includes_nothing(bench: Workbench, starter: PreparedData) -> None:
    task = start(bench, starter)
    run_id = write(bench, task, "A", 12)
    decide(bench, run_id, 3)
    key = design(bench, task, Variant(TextUse.CONSENSUS, (run_id,)))
    assert count_progress(bench, task) == TextProgress(9, 3)
    bench.store.runs.finish(key, RunStatus.FAILED, "")
    assert count_progress(bench, task) == TextProgress(9, 3, n_new_texts=12, n_new_decisions=3)
