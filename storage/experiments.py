"""Experiments: their variants with frozen texts, their training runs, and the results of these runs."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Engine, func, insert, select, update
from sqlalchemy.orm import Session

from augment.errors import ShortageError, StorageError
from augment.records import (
    ClassifierKind,
    Experiment,
    ExperimentConfig,
    ExperimentMaterial,
    ExperimentProgress,
    ExperimentRecord,
    RunEnded,
    RunFailures,
    RunMeasured,
    RunStarted,
    RunStatus,
    TextJudged,
    TrainingConfig,
    TrainingRun,
    Variant,
    VariantFiltered,
    VariantLabelled,
    VariantText,
    cut_runs,
    cut_sizes,
)
from storage.codec import from_json, to_json
from storage.engine import reading, writing
from storage.experiment_material import read_material
from storage.runs import state_of
from storage.schema import (
    ExperimentRow,
    SeedSetExampleRow,
    TextPredictionRow,
    TrainingRunRow,
    VariantRow,
    VariantTextRow,
    utc_now,
)
from storage.trainings import end_training, select_runs, start_training, to_run, write_measurements
from storage.variants import (
    count_drawable,
    count_texts,
    drop_texts,
    freeze,
    label_texts,
    select_variants,
    texts_of,
    to_variant,
)


class Experiments:
    """Grids of training runs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def count_texts(self, variant: Variant, seed_set_id: int) -> int:
        """How many texts a variant would have now with that seed set, before filters that need a classifier."""
        with reading(self._engine) as session:
            return count_texts(session, variant, seed_set_id)

    def create(self, task_id: int, name: str, config: ExperimentConfig) -> Experiment:
        """Store a new experiment as queued, with the current texts and labels of its variants.

        A variant with fewer texts than a size gets one run per RNG seed with all of its texts instead.

        Raises:
            ShortageError: a variant has no texts.
        """
        with writing(self._engine) as session:
            row = ExperimentRow(
                task_id=task_id,
                name=name,
                seed_set_id=config.seed_set_id,
                config=_config_to_json(config),
                status=RunStatus.QUEUED,
            )
            session.add(row)
            session.flush()
            for position, variant in enumerate(config.variants):
                if not freeze(session, row, position, variant).n_texts and variant.has_texts:
                    raise ShortageError(f"There are no texts for '{variant.use}'. Add texts, or leave it out.")
            row.n_total = _add_runs(session, row, config)
            return _to_experiment(session, row)

    def extend(self, experiment_id: int, rng_seeds: Sequence[int]) -> Experiment:
        """Add queued training runs with more RNG seeds; the variants keep their original texts.

        Raises:
            StorageError: there is no such experiment, it is running, or it has one of these RNG seeds.
        """
        with writing(self._engine) as session:
            row = _get_ended(session, experiment_id)
            if row.is_gathered:
                raise StorageError(
                    "These runs predate experiments and sampled texts differently; they cannot be extended. "
                    "Start a new experiment."
                )
            config = _to_experiment(session, row).config
            known = sorted(set(rng_seeds) & set(config.rng_seeds))
            if known:
                raise StorageError(f"The experiment already has RNG seed {known[0]}. Choose other RNG seeds.")
            row.config = _config_to_json(replace(config, rng_seeds=(*config.rng_seeds, *rng_seeds)))
            row.n_total += _add_runs(session, row, replace(config, rng_seeds=tuple(rng_seeds)))
            return _to_experiment(session, row)

    def all(self, task_id: int) -> list[Experiment]:
        """Every experiment of the task, newest first."""
        query = select(ExperimentRow).where(ExperimentRow.task_id == task_id).order_by(ExperimentRow.id.desc())
        with reading(self._engine) as session:
            return [_to_experiment(session, row) for row in session.scalars(query)]

    def get(self, experiment_id: int) -> Experiment:
        """The experiment with this id.

        Raises:
            StorageError: there is no such experiment.
        """
        with reading(self._engine) as session:
            return _to_experiment(session, _get(session, experiment_id))

    def remove(self, experiment_id: int) -> None:
        """Delete an experiment with its runs and their results.

        Raises:
            StorageError: it is running or queued.
        """
        with writing(self._engine) as session:
            session.delete(_get_ended(session, experiment_id))

    def requeue(self, experiment_id: int) -> None:
        """Queue the experiment and its unfinished training runs; failed runs only if retrying can help.

        Raises:
            StorageError: it is already running or queued, perhaps from another tab.
        """
        with writing(self._engine) as session:
            row = _get_ended(session, experiment_id)
            row.status = RunStatus.QUEUED
            of_it = TrainingRunRow.experiment_id == experiment_id
            session.execute(
                update(TrainingRunRow)
                .where(of_it, TrainingRunRow.status != RunStatus.DONE)
                .where((TrainingRunRow.status != RunStatus.FAILED) | TrainingRunRow.can_retry)
                .values(status=RunStatus.QUEUED, message="")
            )
            is_done = TrainingRunRow.status == RunStatus.DONE
            row.n_done = session.scalar(select(func.count()).where(of_it, is_done)) or 0
            row.n_total = session.scalar(select(func.count()).where(of_it)) or 0

    def runs(self, experiment_id: int, *, status: RunStatus | None = None) -> list[TrainingRun]:
        """The experiment's training runs, oldest first, with their final metrics (the newest while a run goes on)."""
        query = select_runs().where(TrainingRunRow.experiment_id == experiment_id)
        if status is not None:
            query = query.where(TrainingRunRow.status == status)
        with reading(self._engine) as session:
            return [to_run(row, point) for row, point in session.execute(query.order_by(TrainingRunRow.id))]

    def list_finished(self, task_id: int) -> list[Experiment]:
        """The task's experiments with at least one finished training run, newest first."""
        is_done = select(TrainingRunRow.experiment_id).where(TrainingRunRow.status == RunStatus.DONE)
        query = select(ExperimentRow).where(ExperimentRow.task_id == task_id, ExperimentRow.id.in_(is_done))
        with reading(self._engine) as session:
            rows = session.scalars(query.order_by(ExperimentRow.id.desc())).all()
            return [_to_experiment(session, row) for row in rows]

    def failures(self, experiment_id: int) -> list[RunFailures]:
        """Failed training runs, counted by variant and reason; the earliest failure first."""
        query = (
            select(TrainingRunRow, func.count(), func.min(TrainingRunRow.id))
            .where(TrainingRunRow.experiment_id == experiment_id, TrainingRunRow.status == RunStatus.FAILED)
            .group_by(TrainingRunRow.variant_id, TrainingRunRow.message, TrainingRunRow.can_retry)
            .order_by(func.min(TrainingRunRow.id))
        )
        with reading(self._engine) as session:
            return [
                RunFailures(to_run(row, None).variant, row.message, n, row.can_retry)
                for row, n, _ in session.execute(query)
            ]

    def variants(self, task_id: int) -> list[Variant]:
        """Every variant of the task once, in order of creation."""
        query = select(VariantRow.spec).join(ExperimentRow, ExperimentRow.id == VariantRow.experiment_id)
        with reading(self._engine) as session:
            specs = session.scalars(query.where(ExperimentRow.task_id == task_id).order_by(VariantRow.id))
            return list(dict.fromkeys(from_json(Variant, spec) for spec in specs))

    def material(self, experiment_id: int) -> ExperimentMaterial:
        """The texts that the experiment's runs are trained and evaluated on."""
        with reading(self._engine) as session:
            return read_material(session, _get(session, experiment_id))

    def texts(self, variant_id: int, *, limit: int | None = None, includes_dropped: bool = False) -> list[VariantText]:
        """The synthetic texts of a variant, after its filter or including what that left out."""
        with reading(self._engine) as session:
            return list(texts_of(session, variant_id, limit=limit, includes_dropped=includes_dropped))

    def count_labels(self, experiment_id: int) -> dict[int, dict[str, int]]:
        """Texts per label of each variant, by the variant's id, after its filter."""
        query = (
            select(VariantTextRow.variant_id, VariantTextRow.label, func.count())
            .join(VariantRow, VariantRow.id == VariantTextRow.variant_id)
            .where(VariantRow.experiment_id == experiment_id, VariantTextRow.is_dropped.is_(False))
            .group_by(VariantTextRow.variant_id, VariantTextRow.label)
        )
        found: dict[int, dict[str, int]] = {}
        with reading(self._engine) as session:
            for variant_id, label, n in session.execute(query):
                found.setdefault(variant_id, {})[label] = n
        return found

    def write(self, experiment_id: int, records: Sequence[ExperimentRecord], progress: ExperimentProgress) -> None:
        """Store the runs' records and the experiment's progress, together or not at all."""
        with writing(self._engine) as session:
            row = _get(session, experiment_id)
            for record in records:
                if isinstance(record, VariantFiltered | VariantLabelled):
                    _prepare_variant(session, row, record)
                elif isinstance(record, RunStarted):
                    start_training(session, record)
                elif isinstance(record, RunEnded):
                    end_training(session, record)
            write_measurements(session, row, [record for record in records if isinstance(record, RunMeasured)])
            judged = [
                {
                    "training_run_id": record.run_id,
                    "text_id": record.text_id,
                    "label": record.label,
                    "prob": record.prob,
                    "label_prob": record.label_prob,
                }
                for record in records
                if isinstance(record, TextJudged)
            ]
            if judged:
                session.execute(insert(TextPredictionRow), judged)
            row.n_done, row.n_total, row.elapsed_s = progress.n_done, progress.n_total, progress.elapsed_s
            row.message, row.heartbeat_at = progress.message, utc_now()


def _add_runs(session: Session, row: ExperimentRow, config: ExperimentConfig) -> int:
    """Add a queued training run per point and RNG seed; returns how many. Sizes are limited to the available texts."""
    points: list[tuple[VariantRow | None, int, ClassifierKind]] = [(None, 0, kind) for kind in config.baselines]
    for stored, spec in zip(session.scalars(select_variants(row.id)).all(), config.variants, strict=True):
        n_texts = count_drawable(session, stored, row.seed_set_id)
        sizes = cut_sizes(config.sizes, n_texts) if spec.has_texts else (0,)
        points += [(stored, size, spec.kind) for size in sizes]
    n_seeds = session.scalar(select(func.count()).where(SeedSetExampleRow.seed_set_id == config.seed_set_id)) or 0
    for rng_seed in config.rng_seeds:
        for variant, size, kind in points:
            recipe: TrainingConfig = replace(config.recipe, kind=kind, rng_seed=rng_seed)
            session.add(
                TrainingRunRow(
                    task_id=row.task_id,
                    experiment_id=row.id,
                    variant=variant,
                    n_synthetic=size,
                    n_train=n_seeds + size,
                    config=to_json(recipe),
                    status=RunStatus.QUEUED,
                    n_total=recipe.count_steps(n_seeds + size),
                )
            )
    return len(points) * len(config.rng_seeds)


def _prepare_variant(session: Session, experiment: ExperimentRow, record: VariantFiltered | VariantLabelled) -> None:
    """Drop or label the texts of a variant, and limit queued runs to the texts that can be drawn now."""
    row = session.get_one(VariantRow, record.variant_id)
    if isinstance(record, VariantLabelled):
        label_texts(session, row, record.labels)
    else:
        drop_texts(session, row, record.dropped_ids)
    n_left = count_drawable(session, row, experiment.seed_set_id)
    runs = select(TrainingRunRow).where(TrainingRunRow.variant_id == row.id, TrainingRunRow.status == RunStatus.QUEUED)
    found = session.scalars(runs.order_by(TrainingRunRow.id)).all()
    kept = {run.id: run for run in cut_runs([to_run(training, None) for training in found], n_left)}
    for training in found:
        if training.id in kept:
            training.n_synthetic, training.n_train = kept[training.id].n_synthetic, kept[training.id].n_train
        else:
            session.delete(training)


def _get(session: Session, experiment_id: int) -> ExperimentRow:
    row = session.get(ExperimentRow, experiment_id)
    if row is None:
        raise StorageError(f"There is no experiment {experiment_id} in this database. Reload the page.")
    return row


def _get_ended(session: Session, experiment_id: int) -> ExperimentRow:
    row = _get(session, experiment_id)
    if RunStatus(row.status).is_active:
        raise StorageError(f"Experiment {experiment_id} is still running. Cancel or pause it first, or let it finish.")
    return row


def _config_to_json(config: ExperimentConfig) -> dict[str, Any]:
    """The config as it is stored: without the variants, which have their own rows."""
    return {name: value for name, value in to_json(config).items() if name != "variants"}


def _to_experiment(session: Session, row: ExperimentRow) -> Experiment:
    variants = session.scalars(select_variants(row.id)).all()
    return Experiment(
        id=row.id,
        task_id=row.task_id,
        name=row.name,
        config=from_json(ExperimentConfig, row.config | {"variants": [variant.spec for variant in variants]}),
        variants=tuple(map(to_variant, variants)),
        state=state_of(row),
        created_at=row.created_at,
        is_gathered=row.is_gathered,
    )
