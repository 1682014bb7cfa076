"""Running an experiment: training runs one after the other, as one plain generator of records.

What all runs share (the encoder, its frozen outputs, the seeds' classifier) is computed once. A run that fails becomes
a record with its reason, and the next one begins. Knows nothing of storage; resumption is asking for the runs that are
not done.
"""

import logging
import time
from collections.abc import Iterator, Sequence

from augment.encoders.frozen import load_encoder
from augment.errors import AugmentError, TrainingError
from augment.hardware.memory import trim_allocator
from augment.records import (
    Arm,
    ArmFiltered,
    ArmText,
    ClassifierKind,
    Experiment,
    ExperimentMaterial,
    ExperimentProgress,
    ExperimentRecord,
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
)
from augment.training.filters import draw_nested, find_dropped
from augment.training.probes import fit_probe
from augment.training.train import explaining_memory, train

TELL_EVERY_S = 0.3  # how often a run in progress says so; each time is a transaction
log = logging.getLogger(__name__)


# Seconds a training step, and an evaluation a test text, with all-MiniLM-L6-v2 on one core (docs/LOG.md).
STEP_S, EVALUATED_TEXT_S, PROBE_S = 0.036, 0.0007, 0.3
N_TIMES_CONTRASTIVE = 2  # two texts a pair


def guess_run_s(kind: ClassifierKind, n_steps: int, n_test: int) -> float:
    """Seconds a run may take, before any was measured; evaluation every 20 steps."""
    if kind.is_instant:
        return PROBE_S
    steps_s = n_steps * STEP_S * (N_TIMES_CONTRASTIVE if kind is ClassifierKind.CONTRASTIVE else 1)
    return steps_s + (n_steps / 20 + 1) * n_test * EVALUATED_TEXT_S


def order_runs(runs: Sequence[TrainingRun]) -> list[TrainingRun]:
    """RNG seed after RNG seed, so that every point of the chart is there early and its interval narrows."""
    return sorted(runs, key=lambda run: (run.config.rng_seed, run.n_synthetic, run.id))


def run_experiment(
    experiment: Experiment,
    runs: Sequence[TrainingRun],
    material: ExperimentMaterial,
    *,
    n_done: int = 0,
    elapsed_s: float = 0.0,
) -> Iterator[ExperimentRecord | ExperimentProgress]:
    """Train `runs` in order and say how it goes. `n_done` and `elapsed_s` count what earlier sittings did.

    Each finished run of the experiment's first RNG seed also judges the arms' texts that it was not trained on.

    Raises:
        TrainingError: at the end, where every run failed and none was done before.
    """
    clock = _Clock(n_done, n_done + len(runs), elapsed_s)
    if not runs:
        yield clock.tell()
        return
    yield clock.tell(f"Loading {experiment.config.recipe.encoder.name}")
    kept = dict(material.arm_texts)
    broken: dict[int | None, AugmentError] = {}
    for one in experiment.arms:
        if one.spec.filter.needs_probe and one.n_dropped is None:
            try:
                dropped = _filter_arm(one, experiment, material)
            except AugmentError as error:  # its runs fail with that reason; the others begin
                broken[one.id] = error
                continue
            except Exception as error:
                log.exception("the filter of arm %d failed", one.id)
                broken[one.id] = TrainingError(f"{one.name}: its filter failed ({type(error).__name__}), see the log.")
                continue
            kept[one.id] = tuple(text for text in kept[one.id] if text.id not in dropped)
            yield ArmFiltered(one.id, tuple(sorted(dropped)))
    judged = _gather_texts(experiment, material)
    arms = {arm.id: arm for arm in experiment.arms}
    reasons: list[str] = []
    for run in order_runs(runs):
        arm = arms[run.arm_id] if run.arm_id is not None else None
        others = judged if run.config.rng_seed == min(experiment.config.rng_seeds) else ()
        started = time.monotonic()
        try:
            if run.arm_id in broken:
                raise broken[run.arm_id]
            yield from _train_run(run, arm, kept, material, others, clock)
        except AugmentError as error:
            reasons.append(str(error))
            yield RunEnded(run.id, RunStatus.FAILED, reasons[-1], time.monotonic() - started)
        except Exception as error:  # a bug in one run must not cost the others; the log has its traceback
            log.exception("training run %d failed", run.id)
            reasons.append(f"Unexpected {type(error).__name__}; the log has the details.")
            yield RunEnded(run.id, RunStatus.FAILED, reasons[-1], time.monotonic() - started)
        trim_allocator()
        clock.n_done += 1
        yield clock.tell(f"{len(reasons)} failed" if reasons else "")
    if len(reasons) == len(runs) and not n_done:
        raise TrainingError(f"Every training run failed. The first one said: {reasons[0]}")


def _gather_texts(experiment: Experiment, material: ExperimentMaterial) -> tuple[ArmText, ...]:
    """Every text of the arms once; where an arm has people's label for it, with that."""
    corrected = (TextUse.REVIEWED, TextUse.RELABELLED)
    arms = sorted(experiment.arms, key=lambda arm: arm.spec.use in corrected)
    return tuple({text.id: text for arm in arms for text in material.arm_texts.get(arm.id, ())}.values())


class _Clock:
    """How far the experiment is."""

    def __init__(self, n_done: int, n_total: int, elapsed_s: float) -> None:
        self.n_done = n_done
        self._n_total = n_total
        self._started = time.monotonic() - elapsed_s
        self._told = 0.0

    def tell(self, message: str = "") -> ExperimentProgress:
        """Progress as of now."""
        self._told = time.monotonic()
        return ExperimentProgress(self.n_done, self._n_total, self._told - self._started, message)

    @property
    def is_due(self) -> bool:
        """Whether something should be told again."""
        return time.monotonic() - self._told >= TELL_EVERY_S


def _train_run(
    run: TrainingRun,
    arm: Arm | None,
    kept: dict[int, tuple[ArmText, ...]],
    material: ExperimentMaterial,
    others: Sequence[ArmText],
    clock: _Clock,
) -> Iterator[ExperimentRecord | ExperimentProgress]:
    """One run from its texts to its end."""
    started = time.monotonic()
    texts, used = choose_texts(run, arm, kept, material)
    yield RunStarted(run.id, len(texts), used)
    yield clock.tell(name := _describe(run))
    unseen = [one for one in others if one.id not in {taken.id for taken in used}]
    points: list[MetricPoint] = []
    records = train(
        run.config, texts, material.test, validation=material.validation, others=[one.text for one in unseen]
    )
    for record in records:
        if isinstance(record, TrainingProgress):
            if clock.is_due:
                yield clock.tell(f"{name} · step {record.step} of {record.n_steps}" if record.step else name)
        elif isinstance(record, Prediction) and record.index >= len(material.test):
            yield _judge(run, unseen[record.index - len(material.test)], record)
        else:
            if isinstance(record, MetricPoint):
                points.append(record)
            yield RunMeasured(run.id, record)
    yield RunEnded(run.id, RunStatus.DONE, "", time.monotonic() - started, choose_final(points).step)


def choose_texts(
    run: TrainingRun, arm: Arm | None, kept: dict[int, tuple[ArmText, ...]], material: ExperimentMaterial
) -> tuple[list[TrainingText], tuple[ArmText, ...]]:
    """What a run is trained on: the seeds and the arm's first texts under its RNG seed; and which of them were written.

    Raises:
        TrainingError: the arm has fewer texts than the run's size.
    """
    texts = [TrainingText(one.text, one.label) for one in material.seeds]
    if arm is None or not run.n_synthetic:
        return texts, ()
    if arm.spec.use is TextUse.REAL:
        real = draw_nested(
            material.real,
            run.n_synthetic,
            run.config.rng_seed,
            key=lambda one: one.text,
            label=_label,
            is_balanced=arm.spec.filter.is_balanced,
        )
        return texts + [TrainingText(one.text, one.label) for one in real], ()
    try:
        written = draw_nested(
            kept[arm.id],
            run.n_synthetic,
            run.config.rng_seed,
            key=lambda one: str(one.id),
            label=_label,
            is_balanced=arm.spec.filter.is_balanced,
        )
    except TrainingError as error:
        raise TrainingError(f"{arm.name}: {error}") from error
    weight = run.config.synthetic_weight
    is_soft = arm.spec.use is TextUse.SOFT
    texts += [TrainingText(one.text, one.label, one.probs if is_soft else None, weight) for one in written]
    return texts, tuple(written)


def choose_final(points: Sequence[MetricPoint]) -> MetricPoint:
    """The point a run is judged by: the first best on validation texts where it looked at them, else the last."""
    figures = [point.validation_macro_f1 for point in points]
    seen = [one for one in figures if one is not None]
    return points[figures.index(max(seen))] if seen else points[-1]


def _filter_arm(arm: Arm, experiment: Experiment, material: ExperimentMaterial) -> set[int]:
    """Ids of the texts that the arm's filter leaves out, by a probe trained on the seeds."""
    recipe = experiment.config.recipe
    texts = material.arm_texts[arm.id]
    missing = sorted(set(recipe.labels) - {one.label for one in material.seeds})
    if missing:
        raise TrainingError(
            f"{arm.name}: its filter needs a classifier trained on the seeds, and no seed is labelled "
            f"{', '.join(missing)}. Add seeds of every label, or do without the filter."
        )
    if not texts:
        return set()
    with explaining_memory(recipe):
        encoder = load_encoder(recipe)
        seeds = [TrainingText(one.text, one.label) for one in material.seeds]
        probe = fit_probe(encoder.embed([one.text for one in seeds]), seeds, recipe)
        probs = probe(encoder.embed([one.text for one in texts]))
    return {texts[i].id for i in find_dropped([one.label for one in texts], probs, recipe.labels, arm.spec.filter)}


def _judge(run: TrainingRun, text: ArmText, prediction: Prediction) -> TextJudged:
    label_prob = prediction.probs[run.config.labels.index(text.label)]
    return TextJudged(run.id, text.id, prediction.label, max(prediction.probs), label_prob)


def _describe(run: TrainingRun) -> str:
    size = f" · {run.n_synthetic} texts" if run.n_synthetic else ""
    return f"RNG seed {run.config.rng_seed} · {run.arm}{size}"


def _label(one: ArmText | LabelledText) -> str:
    return one.label
