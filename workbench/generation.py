"""Starts and resumes generation runs, tries out prompts and imports texts written elsewhere.

Reads from the store what a run needs and submits the run to the job runner. The runner stores its results.
"""

from collections.abc import Generator, Sequence
from dataclasses import replace

from augment.errors import DataError
from augment.generation.generate import generate, try_out
from augment.generation.strategies import STRATEGIES
from augment.generation.strategies.strategy import Outcome
from augment.lms import EMBEDDED_LM
from augment.prompts.template import template_for
from augment.records import (
    Example,
    GenerationConfig,
    GenerationProgress,
    GenerationRun,
    LabelledText,
    LMKind,
    PromptVersion,
    RejectReason,
    RunKey,
    RunKind,
    Split,
    Task,
)
from augment.records.copies import CopyCheck
from augment.wording import plural
from storage import Store
from workbench.bench import Workbench
from workbench.jobs import Record, worker_name

DEFAULT_STRATEGY = next(iter(STRATEGIES))
DEFAULT_TARGET = 200  # a minute on two cores


def plan_generation(bench: Workbench, task: Task) -> tuple[GenerationConfig, PromptVersion]:
    """The generation run that the Generate page starts with: the embedded LM and the newest prompt."""
    version = next(iter(bench.store.prompts.all(task.id)), None)
    version = version or bench.store.prompts.save(task.id, template_for(task))
    config = GenerationConfig(
        version.template, task.labels, EMBEDDED_LM, strategy=DEFAULT_STRATEGY, target=DEFAULT_TARGET
    )
    return config, version


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
    """Queue a generation run to continue from its last stored progress."""
    key = RunKey(RunKind.GENERATION, run_id)
    bench.store.runs.queue(key, worker_name())
    bench.runner.submit(key, lambda: _generate(bench, run_id, api_key))
    return key


def extend_generation(bench: Workbench, run_id: int, config: GenerationConfig, *, api_key: str | None = None) -> RunKey:
    """Change the target, cap or budget of a generation run that has ended, and queue it to continue.

    Raises:
        StorageError: it was imported, or the configs differ in anything else.
    """
    bench.store.generations.extend(run_id, config)
    return resume_generation(bench, run_id, api_key=api_key)


def try_prompt(
    bench: Workbench,
    config: GenerationConfig,
    seeds: Sequence[Example],
    *,
    number: int,
    n: int,
    api_key: str | None = None,
) -> list[Outcome]:
    """Get `n` completions of attempt `number`'s prompt now; nothing is stored.

    Raises:
        AugmentError: the template is invalid, or the LM cannot be loaded or fails.
    """
    with bench.lms.borrow(config.lm, key=api_key) as lm:
        return try_out(config, lm, seeds, number=number, n=n)


def import_texts(bench: Workbench, task_id: int, lm_name: str, texts: Sequence[LabelledText]) -> GenerationRun:
    """Store texts written elsewhere as a run, without copies of held-out texts.

    The run's message counts these copies. It also counts copies of other runs' texts, which are kept: two LMs may write
    the same text.

    Raises:
        DataError: all texts are copies of held-out texts.
    """
    held_out = CopyCheck()
    for split in (Split.VALIDATION, Split.TEST):
        examples = bench.store.tasks.examples(task_id, split)
        held_out.forbid((example.text for example in examples), RejectReason.HELD_OUT_COPY)
    kept = [text for text in texts if held_out.find(text.text) is None]
    n_left_out = len(texts) - len(kept)
    if not kept:
        raise DataError(
            f"All {len(texts):,} texts are in the validation or test split. Training on them would leak the test data."
        )
    known = bench.store.generations.proposed_texts(task_id)
    n_known = sum(text.text in known for text in kept)
    message = f"{plural(len(kept), 'text')} imported"
    if n_known:
        message += f", {n_known:,} of them also in earlier runs"
    if n_left_out:
        message += f"; {n_left_out:,} left out (in the validation or test split)"
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
    """The run's own texts, those of earlier runs if `looks_at_earlier`, and every held-out text."""
    own = store.generations.texts([run.id])
    avoid = {text.text: RejectReason.DUPLICATE for text in own}
    if looks_at_earlier:
        avoid |= dict.fromkeys(store.generations.earlier_texts(run.id), RejectReason.DUPLICATE)
    for split in (Split.VALIDATION, Split.TEST):
        avoid |= {example.text: RejectReason.HELD_OUT_COPY for example in store.tasks.examples(run.task_id, split)}
    return avoid
