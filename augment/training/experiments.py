"""Run an experiment: its training runs one after the other, as one plain generator of records.

What all runs share (the encoder, its frozen outputs, the seeds' classifier) is computed once. A run that fails becomes
a record with its reason, and the next one starts. Does not use storage; to resume, pass the runs that are not done.
"""

import logging
import time
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from augment.encoders.frozen import load_encoder
from augment.encoders.probes import fit_probe
from augment.errors import AugmentError, ShortageError, TrainingError
from augment.hardware.memory import trim_allocator
from augment.records import (
    Experiment,
    ExperimentMaterial,
    ExperimentProgress,
    ExperimentRecord,
    ExperimentVariant,
    LabelledText,
    MetricPoint,
    Prediction,
    RunEnded,
    RunMeasured,
    RunStarted,
    RunStatus,
    TextJudged,
    TextUse,
    TrainingProgress,
    TrainingRun,
    TrainingText,
    Variant,
    VariantFiltered,
    VariantLabelled,
    VariantText,
    cut_runs,
)
from augment.training.cross_validation import cross_validate, find_cross_validated
from augment.training.filters import find_dropped, find_uncertain
from augment.training.labelling import find_consensus_labels, use_labels
from augment.training.texts import choose_texts
from augment.training.train import explaining_memory, train

MAX_VALIDATED = 1_000  # validation texts that every classifier predicts: enough to choose a variant by
PROGRESS_EVERY_S = 0.3  # between two progress records of a run; each is a database transaction
log = logging.getLogger(__name__)


def order_runs(runs: Sequence[TrainingRun]) -> list[TrainingRun]:
    """Sort by RNG seed, so that every point of the chart appears early and its interval then narrows."""
    return sorted(runs, key=lambda run: (run.config.rng_seed, run.n_synthetic, run.id))


def run_experiment(
    experiment: Experiment,
    runs: Sequence[TrainingRun],
    material: ExperimentMaterial,
    names: Mapping[Variant, str],
    *,
    n_done: int = 0,
    elapsed_s: float = 0.0,
) -> Iterator[ExperimentRecord | ExperimentProgress]:
    """Train `runs` in order and report progress, with the variants' `names` in its messages.

    `n_done` and `elapsed_s` count what was done before the experiment was resumed. Each finished run of the
    experiment's first RNG seed also judges the variants' texts that it was not trained on.

    Raises:
        TrainingError: at the end, if every run failed and none was done before.
    """
    clock = _Clock(n_done, n_done + len(runs), elapsed_s)
    if not runs:
        yield clock.report()
        return
    yield clock.report(f"Loading {experiment.config.recipe.encoder.name}")
    ready = yield from _prepare_variants(experiment, runs, material)
    clock.n_total = n_done + len(ready.runs)
    judged = _gather_texts(experiment, ready.material)
    cross_validated = find_cross_validated(experiment, ready.runs, ready.material)
    reasons: list[str] = []
    for run in order_runs(ready.runs):
        others = judged if run.config.rng_seed == min(experiment.config.rng_seeds) else ()
        started = time.monotonic()
        try:
            if run.variant_id in ready.broken:
                raise ready.broken[run.variant_id]
            is_cross_validated = run.id in cross_validated
            name = _describe(run, names)
            yield from _train_run(run, ready.material, others, clock, name, is_cross_validated=is_cross_validated)
        except AugmentError as error:
            reasons.append(str(error))
            elapsed = time.monotonic() - started
            can_retry = not isinstance(error, ShortageError)
            yield RunEnded(run.id, RunStatus.FAILED, reasons[-1], elapsed, can_retry=can_retry)
        except Exception as error:  # a bug in one run must not cost the others; the log has its traceback
            log.exception("training run %d failed", run.id)
            reasons.append(f"Unexpected {type(error).__name__}; see the log for details.")
            yield RunEnded(run.id, RunStatus.FAILED, reasons[-1], time.monotonic() - started)
        trim_allocator()
        clock.n_done += 1
        yield clock.report(f"{len(reasons)} failed" if reasons else "")
    if len(reasons) == len(ready.runs) and not n_done:
        raise TrainingError(f"Every training run failed. The first error: {reasons[0]}")


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What remains after the filters: runs, texts, and the errors of failed filters by the variant's id."""

    runs: Sequence[TrainingRun]
    material: ExperimentMaterial
    broken: dict[int | None, AugmentError]


def _prepare_variants(
    experiment: Experiment, runs: Sequence[TrainingRun], material: ExperimentMaterial
) -> Generator[ExperimentRecord, None, _Prepared]:
    """Label and filter the variants that need it and have not been yet, and limit the runs to what remains."""
    texts = dict(material.texts)
    broken: dict[int | None, AugmentError] = {}
    for stored in experiment.variants:
        needs_labels = stored.variant.use is TextUse.CONSENSUS and not stored.is_labelled and texts[stored.id]
        needs_filter = stored.variant.filter.needs_probe and stored.n_dropped is None
        if not (needs_labels or needs_filter):
            continue
        try:
            _check_seeds(experiment, material, knows_sentences=stored.variant.use is TextUse.CONSENSUS)
            if needs_labels:
                labels = find_consensus_labels(experiment.config.recipe, material, texts[stored.id])
                texts[stored.id] = use_labels(texts[stored.id], labels)
                yield VariantLabelled(stored.id, labels)
            if needs_filter:
                dropped = _find_dropped(stored, experiment, material.seeds, texts[stored.id])
                texts[stored.id] = tuple(text for text in texts[stored.id] if text.id not in dropped)
                yield VariantFiltered(stored.id, tuple(sorted(dropped)))
        except AugmentError as error:  # the variant's runs fail with this reason; the others start
            broken[stored.id] = error
        except Exception as error:
            log.exception("preparing variant %d failed", stored.id)
            broken[stored.id] = TrainingError(
                f"Labelling or filtering the texts failed ({type(error).__name__}). See the log for details."
            )
        n_left = stored.variant.filter.count_drawable(Counter(text.label for text in texts[stored.id]).values())
        of_variant = [run for run in runs if run.variant_id == stored.id]
        runs = [*(run for run in runs if run.variant_id != stored.id), *cut_runs(of_variant, n_left)]
    return _Prepared(runs, replace(material, texts=texts), broken)


def _check_seeds(experiment: Experiment, material: ExperimentMaterial, *, knows_sentences: bool) -> None:
    """Check that the classifier which filters or labels can learn every label; filters know no label sentences."""
    known = (*material.seeds, *(material.sentences if knows_sentences else ()))
    missing = sorted(set(experiment.config.recipe.labels) - {text.label for text in known})
    if missing:
        raise ShortageError(
            "Filters and consensus labels need a classifier trained on the seeds, but no seed is labelled "
            f"{', '.join(missing)}. Add seeds of every label, or choose other labels and no filter."
        )


def _gather_texts(experiment: Experiment, material: ExperimentMaterial) -> tuple[VariantText, ...]:
    """Every text of the variants once, with its label after review if a variant uses that.

    Never with its consensus label: people review the label that the text was given, and nobody gave it that one.
    """
    corrected = (TextUse.REVIEWED, TextUse.RELABELLED, TextUse.CONSENSUS)
    found: dict[int, VariantText] = {}
    for stored in sorted(experiment.variants, key=lambda stored: stored.variant.use in corrected):
        for text in material.texts.get(stored.id, ()):
            is_pooled = stored.variant.use is TextUse.CONSENSUS and not text.is_decided
            found[text.id] = replace(text, label=text.proposed_label) if is_pooled else text
    return tuple(found.values())


class _Clock:
    """Tracks the experiment's progress and time."""

    def __init__(self, n_done: int, n_total: int, elapsed_s: float) -> None:
        self.n_done = n_done
        self.n_total = n_total
        self._started = time.monotonic() - elapsed_s
        self._reported = 0.0

    def report(self, message: str = "") -> ExperimentProgress:
        """The current progress."""
        self._reported = time.monotonic()
        return ExperimentProgress(self.n_done, self.n_total, self._reported - self._started, message)

    @property
    def is_due(self) -> bool:
        """Whether the next progress record is due."""
        return time.monotonic() - self._reported >= PROGRESS_EVERY_S


def _train_run(
    run: TrainingRun,
    material: ExperimentMaterial,
    others: Sequence[VariantText],
    clock: _Clock,
    name: str,
    *,
    is_cross_validated: bool,
) -> Iterator[ExperimentRecord | ExperimentProgress]:
    """Train one run and yield its records, from its start to its end."""
    started = time.monotonic()
    texts, used = choose_texts(run, material)
    yield RunStarted(run.id, len(texts), used)
    yield clock.report(name)
    used_ids = {text.id for text in used}
    unseen = [text for text in others if text.id not in used_ids]
    predicted = [*(row.text for row in material.validation[:MAX_VALIDATED]), *(text.text for text in unseen)]
    first_unseen = len(material.test) + len(predicted) - len(unseen)
    points: list[MetricPoint] = []
    records = train(run.config, texts, material.test, validation=material.validation, others=predicted)
    for record in records:
        if isinstance(record, TrainingProgress):
            if clock.is_due:
                yield clock.report(f"{name} · step {record.step} of {record.n_steps}" if record.step else name)
        elif isinstance(record, Prediction) and record.index >= first_unseen:
            yield _judge(run, unseen[record.index - first_unseen], record)
        else:
            if isinstance(record, MetricPoint):
                points.append(record)
            yield RunMeasured(run.id, record)
    if is_cross_validated:
        yield from _cross_validate(run, material, clock, name)
    yield RunEnded(run.id, RunStatus.DONE, "", time.monotonic() - started, choose_final(points).step)


def _cross_validate(
    run: TrainingRun, material: ExperimentMaterial, clock: _Clock, name: str
) -> Iterator[ExperimentRecord | ExperimentProgress]:
    first_seed = len(material.test) + len(material.validation)
    for record in cross_validate(run, material):
        if isinstance(record, Prediction):
            yield RunMeasured(run.id, replace(record, index=first_seed + record.index))
        else:
            yield clock.report(f"{name} · cross-validation, part {record.step} of {record.n_steps}")


def choose_final(points: Sequence[MetricPoint]) -> MetricPoint:
    """The point that counts for a run: the first best on validation texts if it used them, else the last."""
    figures = [point.validation_macro_f1 for point in points]
    seen = [figure for figure in figures if figure is not None]
    return points[figures.index(max(seen))] if seen else points[-1]


def _find_dropped(
    variant: ExperimentVariant, experiment: Experiment, seeds: Sequence[LabelledText], texts: Sequence[VariantText]
) -> set[int]:
    """Ids of the texts that the variant's filter leaves out, by a probe trained on the seeds or by the consensus."""
    recipe, text_filter = experiment.config.recipe, variant.variant.filter
    if variant.variant.use is TextUse.CONSENSUS:
        return find_uncertain(texts, recipe.labels, text_filter)
    if not texts:
        return set()
    with explaining_memory(recipe):
        encoder = load_encoder(recipe)
        sure = [TrainingText(seed.text, seed.label) for seed in seeds]
        probe = fit_probe(encoder.embed([seed.text for seed in sure]), sure, recipe)
        probs = probe(encoder.embed([text.text for text in texts]))
    labels = [text.label for text in texts]
    return {texts[i].id for i in find_dropped(labels, probs, recipe.labels, text_filter)}


def _judge(run: TrainingRun, text: VariantText, prediction: Prediction) -> TextJudged:
    label_prob = prediction.probs[run.config.labels.index(text.label)]
    return TextJudged(run.id, text.id, prediction.label, max(prediction.probs), label_prob)


def _describe(run: TrainingRun, names: Mapping[Variant, str]) -> str:
    size = f" · {run.n_synthetic:,} texts" if run.n_synthetic else ""
    return f"RNG seed {run.config.rng_seed} · {names[run.variant]}{size}"
