"""Starts, resumes and extends experiments.

Reads from the store what the training runs need and submits them to the job runner. The runner stores their results.
"""

from collections.abc import Generator

from augment.records import ExperimentConfig, ExperimentProgress, RunKey, RunKind, RunStatus
from augment.results.variants import name_arm, name_baseline
from augment.training.experiments import run_experiment
from workbench.bench import Workbench
from workbench.jobs import Record, worker_name


def start_experiment(bench: Workbench, task_id: int, config: ExperimentConfig, *, name: str = "") -> RunKey:
    """Store a new experiment with the texts that its arms find now, and queue it."""
    writers = {run.id: run.writer for run in bench.store.generations.all(task_id)}
    experiment = bench.store.experiments.create(
        task_id,
        name,
        config,
        arm_names=[name_arm([writers[one] for one in spec.generation_run_ids], spec) for spec in config.arms],
        baselines=[name_baseline(kind) for kind in config.baselines],
    )
    return _submit_experiment(bench, experiment.id)


def resume_experiment(bench: Workbench, experiment_id: int) -> RunKey:
    """Queue an experiment's training runs that are not done, failed ones too, each from its beginning.

    Raises:
        StorageError: it runs or waits already.
    """
    bench.store.experiments.requeue(experiment_id)
    return _submit_experiment(bench, experiment_id)


def extend_experiment(bench: Workbench, experiment_id: int, n_more: int) -> RunKey:
    """Add that many RNG seeds, following the highest, and queue their runs."""
    first = max(bench.store.experiments.get(experiment_id).config.rng_seeds) + 1
    bench.store.experiments.extend(experiment_id, range(first, first + n_more))
    return resume_experiment(bench, experiment_id)


def _submit_experiment(bench: Workbench, experiment_id: int) -> RunKey:
    key = RunKey(RunKind.EXPERIMENT, experiment_id)
    bench.store.runs.queue(key, worker_name())
    bench.runner.submit(key, lambda: _experiment(bench, experiment_id))
    return key


def _experiment(bench: Workbench, experiment_id: int) -> Generator[Record | ExperimentProgress, None, None]:
    bench.lms.unload()  # it shares the memory; loading it again takes seconds
    store = bench.store
    experiment = store.experiments.get(experiment_id)
    yield from run_experiment(
        experiment,
        store.experiments.runs(experiment_id, status=RunStatus.QUEUED),
        store.experiments.material(experiment_id),
        n_done=experiment.state.n_done,
        elapsed_s=experiment.state.elapsed_s,
    )
