"""Plans, starts and resumes labelling runs, imports labels given elsewhere, and measures how right each source is.

A labelling run asks a language model for the labels of the task's texts. It asks only about texts that it has no
opinion about, so resuming it also covers texts that were written since. Cancel it with the job runner.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

from augment.errors import DataError, StorageError
from augment.labels.asking import LabellingGuess, ask_labels, guess_labelling
from augment.labels.matching import MatchedLabels, match_labels
from augment.labels.source_accuracy import (
    SourceAccuracy,
    even_out,
    measure_opinions,
    measure_scores,
    measure_written,
)
from augment.lms import EMBEDDED_LM
from augment.prompts.template import template_for
from augment.records import (
    LabelledText,
    LabellingConfig,
    LabellingProgress,
    LabelOpinions,
    LMKind,
    LMSpec,
    RunKey,
    RunKind,
    StoredLabelSource,
    Task,
)
from workbench.bench import Workbench
from workbench.jobs import Record, worker_name

ENDPOINT_BATCH = 8  # texts between two stored steps: 40 requests


@dataclass(frozen=True, slots=True)
class MeasuredSource:
    """A label source and how right it is; `n_texts` have an opinion of it.

    `source` is None for the two that texts bring along: the label each was written with, and its LM's scores.
    """

    name: str
    n_texts: int
    accuracy: SourceAccuracy
    source: StoredLabelSource | None = None


def plan_labelling(
    bench: Workbench, task: Task, *, lm: LMSpec = EMBEDDED_LM, seed_set_id: int | None = None
) -> LabellingConfig:
    """A labelling run with default settings: the newest prompt and, unless one is given, the newest seed set.

    Raises:
        DataError: there is no seed set.
    """
    seed_sets = bench.store.tasks.seed_sets(task.id)
    if not seed_sets:
        raise DataError("A language model is shown seeds before it is asked for labels. Save a seed set first.")
    version = next(iter(bench.store.prompts.all(task.id)), None)
    config = LabellingConfig(
        lm,
        version.template if version else template_for(task),
        task.labels,
        seed_sets[0].id if seed_set_id is None else seed_set_id,
    )
    return replace(config, batch_size=ENDPOINT_BATCH) if lm.kind is LMKind.OPENAI else config


def guess_cost(
    bench: Workbench, task_id: int, config: LabellingConfig, *, source_id: int | None = None
) -> LabellingGuess:
    """What a run would ask and cost, from the lengths of its prompts; of a stored run, what is left of it.

    Raises:
        AugmentError: there are too few seeds, or the template is invalid.
    """
    sources = bench.store.label_sources
    seeds = bench.store.tasks.seed_set(config.seed_set_id).examples
    known = sources.known_seeds(source_id) if source_id is not None else set[int]()
    return guess_labelling(config, seeds, sources.texts_to_ask(task_id, source_id), known_seeds=known)


def start_labelling(bench: Workbench, task_id: int, config: LabellingConfig, *, api_key: str | None = None) -> RunKey:
    """Store a new labelling run and queue it.

    Raises:
        DataError: the task has no texts to ask about.
    """
    if not bench.store.label_sources.count_to_ask(task_id):
        raise DataError("There are no texts to ask about. Generate or import some first.")
    return _submit(bench, bench.store.label_sources.create(task_id, config).id, api_key)


def resume_labelling(
    bench: Workbench, source_id: int, *, budget: float | None = None, api_key: str | None = None
) -> RunKey:
    """Queue a labelling run to ask about all texts without an opinion; `budget` replaces the run's budget in total.

    Raises:
        StorageError: it is already running or queued, or it came from a file.
    """
    source = bench.store.label_sources.get(source_id)
    if source.config is None:
        raise StorageError(f"'{source.name}' came from a file and cannot be asked again. Import a new file.")
    if source.state.status.is_active:
        raise StorageError(f"Labelling run {source_id} is already running or queued.")
    if budget is not None:
        bench.store.label_sources.set_budget(source_id, budget)
    return _submit(bench, source_id, api_key)


def preview_labels(bench: Workbench, task: Task, rows: Sequence[LabelledText]) -> MatchedLabels:
    """Match rows of a file to the task's texts; nothing is stored.

    Raises:
        DataError: a label is unknown, or no row matches a text.
    """
    found = match_labels(task.labels, rows, bench.store.label_sources.texts_to_ask(task.id))
    if not found.of_texts:
        raise DataError(
            f"None of the {len(rows):,} rows has the text of one of this task's texts. Export the texts on the Review "
            "page and label that file, or choose another text column."
        )
    return found


def import_labels(bench: Workbench, task: Task, name: str, rows: Sequence[LabelledText]) -> StoredLabelSource:
    """Store the labels of a file as a source named `name`; its message says what matched.

    Raises:
        DataError: see `preview_labels`.
    """
    found = preview_labels(bench, task, rows)
    return bench.store.label_sources.add_file(task.id, name, found.of_texts, message=found.summary)


def read_opinions(bench: Workbench, task: Task) -> list[LabelOpinions]:
    """What each source says, oldest source first, without the lean that its seeds reveal."""
    seed_labels = _seed_labels(bench, task)
    return [even_out(task.labels, opinions, seed_labels) for opinions in bench.store.label_sources.opinions(task.id)]


def measure_sources(bench: Workbench, task: Task) -> list[MeasuredSource]:
    """How right every source is: what texts bring along first, then stored sources, newest first."""
    sources = bench.store.label_sources
    decided, seed_labels = sources.decided_texts(task.id), _seed_labels(bench, task)
    n_texts = sources.count_to_ask(task.id)
    measured = [MeasuredSource("Label it was written with", n_texts, measure_written(decided))]
    if n_scored := sources.count_scored(task.id):
        accuracy = measure_scores(task.labels, decided)
        measured.append(MeasuredSource("Scores of the language model that wrote it", n_scored, accuracy))
    opinions = {opinion.source.id: opinion for opinion in read_opinions(bench, task)}
    for source in sources.all(task.id):
        of_source = opinions.get(source.id, LabelOpinions(source, {}, {}))
        accuracy = measure_opinions(task.labels, of_source, decided, seed_labels)
        measured.append(MeasuredSource(source.name, source.n_texts, accuracy, source))
    return measured


def _seed_labels(bench: Workbench, task: Task) -> dict[int, str]:
    """The label of every seed of the task, by its id."""
    seed_sets = bench.store.tasks.seed_sets(task.id)
    return {seed.id: seed.label for seed_set in seed_sets for seed in seed_set.examples}


def _submit(bench: Workbench, source_id: int, api_key: str | None) -> RunKey:
    key = RunKey(RunKind.LABELLING, source_id)
    bench.store.runs.queue(key, worker_name())
    bench.runner.submit(key, lambda: _label(bench, source_id, api_key))
    return key


def _label(bench: Workbench, source_id: int, api_key: str | None) -> Generator[Record | LabellingProgress, None, None]:
    sources = bench.store.label_sources
    source = sources.get(source_id)
    if source.config is None:
        raise ValueError(f"label source {source_id} came from a file and cannot be run")
    seeds = bench.store.tasks.seed_set(source.config.seed_set_id).examples
    known, texts = sources.known_seeds(source_id), sources.texts_to_ask(source.task_id, source_id)
    n_left = guess_labelling(source.config, seeds, texts, known_seeds=known).n_questions
    progress = LabellingProgress(
        source.state.n_done,
        source.state.n_done + n_left,
        source.state.elapsed_s,
        f"Loading {source.name}",
        source.cost,
    )
    yield progress
    with bench.lms.borrow(source.config.lm, key=api_key) as lm:
        yield from ask_labels(source.config, lm, seeds, texts, known_seeds=known, resume_from=progress)
