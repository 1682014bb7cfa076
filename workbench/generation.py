"""What a run needs, out of the store, and into the runner. Knows nothing of Streamlit.

The one place where domain and storage meet: every page starts, resumes and cancels runs through it.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

from augment.errors import DataError
from augment.generation.generate import generate, try_out
from augment.generation.strategies import Outcome
from augment.hardware.devices import leave_a_core
from augment.lms.cache import LMCache
from augment.records import (
    Example,
    ExperimentConfig,
    ExperimentProgress,
    GenerationConfig,
    GenerationProgress,
    GenerationRun,
    LabelledText,
    LMKind,
    RejectReason,
    RunKey,
    RunKind,
    RunStatus,
    Split,
)
from augment.records.copies import CopyCheck
from augment.results.variants import name_arm, name_baseline
from augment.training.experiments import run_experiment
from augment.wording import plural
from storage import Store
from workbench.jobs import JobRunner, Record, is_worker_alive, worker_name


@dataclass(frozen=True, slots=True)
class Workbench:
    """What the whole process shares: the store, the runner of background jobs, the LM that is loaded."""

    store: Store
    runner: JobRunner
    lms: LMCache


def open_workbench(url: str | None = None) -> Workbench:
    """Open the store, mark what a dead process left running as interrupted, make the runner."""
    leave_a_core()
    store = Store.open(url)
    store.interrupt_dead(is_worker_alive)
    return Workbench(store, JobRunner(store), LMCache())


def start_generation(
    bench: Workbench,
    task_id: int,
    config: GenerationConfig,
    *,
    seed_set_id: int,
    prompt_version_id: int,
    api_key: str | None = None,
) -> RunKey:
    """Store a new generation run and queue it."""
    run = bench.store.generations.create(task_id, config, seed_set_id=seed_set_id, prompt_version_id=prompt_version_id)
    return resume_generation(bench, run.id, api_key=api_key)


def resume_generation(bench: Workbench, run_id: int, *, api_key: str | None = None) -> RunKey:
    """Queue a generation run from where it stands; what is stored is not written again."""
    key = RunKey(RunKind.GENERATION, run_id)
    bench.store.runs.queue(key, worker_name())
    bench.runner.submit(key, lambda: _generate(bench, run_id, api_key))
    return key


def try_prompt(
    bench: Workbench,
    config: GenerationConfig,
    seeds: Sequence[Example],
    *,
    number: int,
    n: int,
    api_key: str | None = None,
) -> list[Outcome]:
    """Ask the LM now for `n` completions of attempt `number`'s prompt; nothing is stored.

    Raises:
        AugmentError: the template is broken, or the LM cannot be loaded or asked.
    """
    with bench.lms.borrow(config.lm, key=api_key) as lm:
        return try_out(config, lm, seeds, number=number, n=n)


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


def _submit_experiment(bench: Workbench, experiment_id: int) -> RunKey:
    key = RunKey(RunKind.EXPERIMENT, experiment_id)
    bench.store.runs.queue(key, worker_name())
    bench.runner.submit(key, lambda: _experiment(bench, experiment_id))
    return key


def extend_experiment(bench: Workbench, experiment_id: int, n_more: int) -> RunKey:
    """Add that many RNG seeds, following the highest, and queue their runs."""
    first = max(bench.store.experiments.get(experiment_id).config.rng_seeds) + 1
    bench.store.experiments.extend(experiment_id, range(first, first + n_more))
    return resume_experiment(bench, experiment_id)


def import_texts(bench: Workbench, task_id: int, lm_name: str, texts: Sequence[LabelledText]) -> GenerationRun:
    """Store texts written elsewhere as a run, without copies of held-out texts.

    Its message counts these, and copies of other runs' texts, which are kept: two LMs may write alike.

    Raises:
        DataError: nothing but copies of held-out texts.
    """
    held_out = CopyCheck()
    for split in (Split.VALIDATION, Split.TEST):
        held_out.forbid((one.text for one in bench.store.tasks.examples(task_id, split)), RejectReason.HELD_OUT_COPY)
    kept = [one for one in texts if held_out.find(one.text) is None]
    n_left_out = len(texts) - len(kept)
    if not kept:
        raise DataError(
            f"All {len(texts)} texts stand in the validation or test split. Training on them would be a leak."
        )
    known = bench.store.generations.proposed_texts(task_id)
    n_known = sum(one.text in known for one in kept)
    message = f"{plural(len(kept), 'text')} imported"
    if n_known:
        message += f", {n_known} of them in earlier runs too"
    if n_left_out:
        message += f"; {n_left_out} left out, in the validation or test split"
    return bench.store.generations.import_texts(task_id, lm_name, kept, message=message)


def _generate(bench: Workbench, run_id: int, api_key: str | None) -> Generator[Record | GenerationProgress, None, None]:
    run = bench.store.generations.get(run_id)
    if run.config is None or run.seed_set_id is None:
        raise ValueError(f"generation run {run_id} was imported and cannot be run")
    seeds = bench.store.tasks.seed_set(run.seed_set_id).examples
    avoid = _texts_to_avoid(bench.store, run, looks_at_earlier=run.config.checks.looks_at_earlier)
    progress = bench.store.generations.progress(run_id)
    if run.config.lm.kind is LMKind.RULES:
        yield from generate(run.config, None, seeds, avoid=avoid, resume_from=progress)
        return
    yield replace(progress, message=f"Loading {run.lm_name}")
    with bench.lms.borrow(run.config.lm, key=api_key) as lm:
        yield from generate(run.config, lm, seeds, avoid=avoid, resume_from=progress)


def _texts_to_avoid(store: Store, run: GenerationRun, *, looks_at_earlier: bool) -> dict[str, RejectReason]:
    """The run's own texts, those of earlier runs if wanted, and every held-out text."""
    own = store.generations.texts([run.id])
    avoid = {one.text: RejectReason.DUPLICATE for one in own}
    if looks_at_earlier:
        avoid |= dict.fromkeys(store.generations.earlier_texts(run.id), RejectReason.DUPLICATE)
    for split in (Split.VALIDATION, Split.TEST):
        avoid |= {one.text: RejectReason.HELD_OUT_COPY for one in store.tasks.examples(run.task_id, split)}
    return avoid


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
