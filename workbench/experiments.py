"""Starts, resumes and extends experiments.

Reads from the store what the training runs need and submits them to the job runner. The runner stores their results.
"""

from collections.abc import Generator

from augment.hardware.imports import importing_alone
from augment.records import (
    ClassifierKind,
    Experiment,
    ExperimentConfig,
    ExperimentProgress,
    RunKey,
    RunKind,
    RunStatus,
    Task,
    TextFilter,
    TextUse,
    TrainingConfig,
    Variant,
    Writer,
)
from augment.results.variants import VariantNames, name_variants
from workbench.bench import Workbench
from workbench.jobs import Record, worker_name
from workbench.label_words import find_knowledge

DEFAULT_KIND = ClassifierKind.CONTRASTIVE  # the best of three with few texts, see docs/LOG.md
DEFAULT_SIZES = (50, 200)
DEFAULT_SHARE = 0.25  # of the texts that nobody decided: those whose consensus labels are surest
DEFAULT_RNG_SEEDS = (0, 1, 2)
DEFAULT_STEPS = 125  # evaluated once, at the end: evaluations take most of a run's time


def plan_experiment(bench: Workbench, task: Task, seed_set_id: int, *, is_preview: bool = False) -> ExperimentConfig:
    """The default experiment: seeds only, label sentences, the texts with the surest consensus labels, and real texts.

    Leaves out what the task does not have: synthetic texts, real texts that are not seeds, labels whose names mean
    something. A preview has the same runs, but no words from WordNet: looking for them takes seconds.

    Raises:
        TrainingError: the embedded encoder is not installed.
        DataError: WordNet is not installed.
    """
    knowledge = find_knowledge(bench.store, task, is_quick=is_preview)
    run_ids = tuple(sorted(run.id for run in bench.store.generations.all(task.id) if run.n_texts))
    variants = [Variant(kind=DEFAULT_KIND, has_sentences=True)] if knowledge else []
    if run_ids:
        surest = TextFilter(keep_share=DEFAULT_SHARE)
        has_sentences = knowledge is not None
        variants.append(Variant(TextUse.CONSENSUS, run_ids, surest, DEFAULT_KIND, has_sentences=has_sentences))
    variants.append(Variant(TextUse.REAL, kind=DEFAULT_KIND))
    count = bench.store.experiments.count_texts
    return ExperimentConfig(
        seed_set_id,
        TrainingConfig(task.labels, eval_every=DEFAULT_STEPS, steps=DEFAULT_STEPS),
        tuple(variant for variant in variants if not variant.has_texts or count(variant, seed_set_id)),
        DEFAULT_SIZES,
        DEFAULT_RNG_SEEDS,
        (DEFAULT_KIND,),
        knowledge,
    )


def start_experiment(bench: Workbench, task_id: int, config: ExperimentConfig, *, name: str = "") -> RunKey:
    """Store a new experiment with the current texts of its variants, and queue it."""
    experiment = bench.store.experiments.create(task_id, name, config)
    return _submit_experiment(bench, experiment.id)


def resume_experiment(bench: Workbench, experiment_id: int) -> RunKey:
    """Queue an experiment's unfinished training runs, each from its start; failed runs only if retrying can help.

    Raises:
        StorageError: it is already running or queued.
    """
    bench.store.experiments.requeue(experiment_id)
    return _submit_experiment(bench, experiment_id)


def extend_experiment(bench: Workbench, experiment_id: int, n_more: int) -> RunKey:
    """Add `n_more` RNG seeds after the highest one, and queue their runs."""
    first = max(bench.store.experiments.get(experiment_id).config.rng_seeds) + 1
    bench.store.experiments.extend(experiment_id, range(first, first + n_more))
    return resume_experiment(bench, experiment_id)


def name_experiment_variants(bench: Workbench, experiment: Experiment) -> VariantNames:
    """The names of the experiment's variants and baselines, for charts and progress messages."""
    config = experiment.config
    return name_variants(
        [*(Variant(kind=kind) for kind in config.baselines), *config.variants], list_writers(bench, experiment.task_id)
    )


def list_writers(bench: Workbench, task_id: int) -> dict[int, Writer]:
    """The writer of each generation run of the task, by the run's id."""
    return {run.id: run.writer for run in bench.store.generations.all(task_id)}


def _submit_experiment(bench: Workbench, experiment_id: int) -> RunKey:
    key = RunKey(RunKind.EXPERIMENT, experiment_id)
    bench.store.runs.queue(key, worker_name())
    bench.runner.submit(key, lambda: _experiment(bench, experiment_id))
    return key


def _experiment(bench: Workbench, experiment_id: int) -> Generator[Record | ExperimentProgress, None, None]:
    with importing_alone:
        from augment.training.experiments import run_experiment  # loads torch, transformers and scikit-learn

    bench.lms.unload()  # frees memory for training; loading the LM again takes seconds
    store = bench.store
    experiment = store.experiments.get(experiment_id)
    yield from run_experiment(
        experiment,
        store.experiments.runs(experiment_id, status=RunStatus.QUEUED),
        store.experiments.material(experiment_id),
        name_experiment_variants(bench, experiment).names,
        n_done=experiment.state.n_done,
        elapsed_s=experiment.state.elapsed_s,
    )
