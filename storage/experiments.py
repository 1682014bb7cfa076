"""Experiments: their arms with frozen texts, their training runs, and what these write while they run."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, Engine, Select, exists, func, insert, literal, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from augment.errors import StorageError
from augment.records import (
    Arm,
    ArmFiltered,
    ArmSpec,
    ArmText,
    ClassifierKind,
    Experiment,
    ExperimentConfig,
    ExperimentMaterial,
    ExperimentProgress,
    ExperimentRecord,
    LabelledText,
    ReviewStatus,
    RunEnded,
    RunMeasured,
    RunStarted,
    RunStatus,
    Split,
    TextJudged,
    TextUse,
    TrainingConfig,
    TrainingRun,
)
from storage.codec import from_json, to_json
from storage.engine import reading, writing
from storage.runs import state_of
from storage.schema import (
    ArmRow,
    ArmTextRow,
    ExampleRow,
    ExperimentRow,
    SeedSetExampleRow,
    SeedSetRow,
    SyntheticTextRow,
    TextPredictionRow,
    TrainingRunRow,
    utc_now,
)
from storage.trainings import end_training, select_runs, start_training, to_run, write_measurements

EARLIER_RUNS = "Earlier runs"  # what migration 0003 calls them


class Experiments:
    """Grids of training runs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def count_texts(self, spec: ArmSpec, seed_set_id: int) -> int:
        """How many texts an arm would find now beside the seeds of that set, before its filter."""
        with reading(self._engine) as session:
            return _count_texts(session, spec, seed_set_id)

    def create(
        self, task_id: int, name: str, config: ExperimentConfig, *, arm_names: Sequence[str], baselines: Sequence[str]
    ) -> Experiment:
        """Store a new experiment, queued, with the texts that its arms find and the labels they have now.

        `arm_names` and `baselines` are what charts call the config's arms and baselines, in their order.
        """
        with writing(self._engine) as session:
            row = ExperimentRow(
                task_id=task_id,
                name=name,
                seed_set_id=config.seed_set_id,
                config=to_json(config),
                status=RunStatus.QUEUED,
                n_total=config.n_runs,
            )
            session.add(row)
            session.flush()
            for position, (spec, arm_name) in enumerate(zip(config.arms, arm_names, strict=True)):
                _freeze_arm(session, row, position, spec, arm_name)
            _add_runs(session, row, config, baselines)
            return _to_experiment(session, row)

    def extend(self, experiment_id: int, rng_seeds: Sequence[int]) -> Experiment:
        """Add training runs with more RNG seeds, queued; the arms' texts stay those of the beginning.

        Raises:
            StorageError: there is no such experiment, it runs, or it has one of these RNG seeds.
        """
        with writing(self._engine) as session:
            row = _get_ended(session, experiment_id)
            if row.name == EARLIER_RUNS:
                raise StorageError(
                    "Runs of before there were experiments drew texts otherwise. Start a new experiment."
                )
            config = from_json(ExperimentConfig, row.config)
            known = sorted(set(rng_seeds) & set(config.rng_seeds))
            if known:
                raise StorageError(f"The experiment has RNG seed {known[0]} already. Choose others.")
            names = session.scalars(
                select(TrainingRunRow.arm)
                .where(TrainingRunRow.experiment_id == experiment_id, TrainingRunRow.arm_id.is_(None))
                .order_by(TrainingRunRow.id)
            )
            baselines = list(dict.fromkeys(names))[: len(config.baselines)]
            longer = replace(config, rng_seeds=(*config.rng_seeds, *rng_seeds))
            _add_runs(session, row, replace(config, rng_seeds=tuple(rng_seeds)), baselines)
            row.config, row.n_total = to_json(longer), row.n_total + replace(config, rng_seeds=tuple(rng_seeds)).n_runs
            return _to_experiment(session, row)

    def all(self, task_id: int) -> list[Experiment]:
        """Every experiment of the task, newest first."""
        query = select(ExperimentRow).where(ExperimentRow.task_id == task_id).order_by(ExperimentRow.id.desc())
        with reading(self._engine) as session:
            return [_to_experiment(session, row) for row in session.scalars(query)]

    def get(self, experiment_id: int) -> Experiment:
        """One experiment.

        Raises:
            StorageError: there is none of that id.
        """
        with reading(self._engine) as session:
            return _to_experiment(session, _get(session, experiment_id))

    def remove(self, experiment_id: int) -> None:
        """Forget an experiment with its runs and all they measured.

        Raises:
            StorageError: it runs or waits.
        """
        with writing(self._engine) as session:
            session.delete(_get_ended(session, experiment_id))

    def requeue(self, experiment_id: int) -> None:
        """Queue the experiment and every training run of it that is not done, failed ones too.

        Raises:
            StorageError: it runs or waits already, in another tab perhaps.
        """
        with writing(self._engine) as session:
            row = _get_ended(session, experiment_id)
            row.status = RunStatus.QUEUED
            of_it = TrainingRunRow.experiment_id == experiment_id
            session.execute(
                update(TrainingRunRow)
                .where(of_it, TrainingRunRow.status != RunStatus.DONE)
                .values(status=RunStatus.QUEUED, message="")
            )
            is_done = TrainingRunRow.status == RunStatus.DONE
            row.n_done = session.scalar(select(func.count()).where(of_it, is_done)) or 0
            row.n_total = session.scalar(select(func.count()).where(of_it)) or 0

    def runs(self, experiment_id: int, *, status: RunStatus | None = None) -> list[TrainingRun]:
        """The experiment's training runs, oldest first, with the metrics they are judged by."""
        query = select_runs().where(TrainingRunRow.experiment_id == experiment_id)
        if status is not None:
            query = query.where(TrainingRunRow.status == status)
        with reading(self._engine) as session:
            return [to_run(row, point) for row, point in session.execute(query.order_by(TrainingRunRow.id))]

    def list_finished(self, task_id: int) -> list[Experiment]:
        """The task's experiments in which some training run is done, newest first."""
        is_done = select(TrainingRunRow.experiment_id).where(TrainingRunRow.status == RunStatus.DONE)
        query = select(ExperimentRow).where(ExperimentRow.task_id == task_id, ExperimentRow.id.in_(is_done))
        with reading(self._engine) as session:
            rows = session.scalars(query.order_by(ExperimentRow.id.desc())).all()
            return [_to_experiment(session, row) for row in rows]

    def count_failures(self, experiment_id: int) -> dict[str, int]:
        """How many training runs failed, by their reason."""
        query = (
            select(TrainingRunRow.message, func.count().label("n"))
            .where(TrainingRunRow.experiment_id == experiment_id, TrainingRunRow.status == RunStatus.FAILED)
            .group_by(TrainingRunRow.message)
            .order_by(func.min(TrainingRunRow.id))
        )
        with reading(self._engine) as session:
            return {row.message: row.n for row in session.execute(query)}

    def arm_names(self, task_id: int) -> list[str]:
        """What the task's arms are called, in the order in which they were made."""
        query = select(ArmRow.name).join(ExperimentRow, ExperimentRow.id == ArmRow.experiment_id)
        with reading(self._engine) as session:
            names = session.scalars(query.where(ExperimentRow.task_id == task_id).order_by(ArmRow.id))
            return list(dict.fromkeys(names))

    def material(self, experiment_id: int) -> ExperimentMaterial:
        """What the experiment's runs learn from and are measured on."""
        with reading(self._engine) as session:
            row = _get(session, experiment_id)
            arm_ids = session.scalars(select(ArmRow.id).where(ArmRow.experiment_id == experiment_id)).all()
            of_task = ExampleRow.task_id == row.task_id
            seeds = (
                select(ExampleRow)
                .join(SeedSetExampleRow, SeedSetExampleRow.example_id == ExampleRow.id)
                .where(SeedSetExampleRow.seed_set_id == row.seed_set_id)
                .order_by(SeedSetExampleRow.position)
            )
            uses = {spec.use for spec in from_json(ExperimentConfig, row.config).arms}
            return ExperimentMaterial(
                seeds=tuple(LabelledText(one.text, one.label) for one in session.scalars(seeds)),
                arm_texts={arm_id: _texts_of(session, arm_id, ArmTextRow.is_dropped.is_(False)) for arm_id in arm_ids},
                real=_labelled(session, *_is_real(row.seed_set_id)) if TextUse.REAL in uses else (),
                validation=_labelled(session, of_task, ExampleRow.split == Split.VALIDATION),
                test=_labelled(session, of_task, ExampleRow.split == Split.TEST),
            )

    def arm_texts(self, arm_id: int, *, limit: int | None = None) -> list[ArmText]:
        """The synthetic texts of an arm that its filter did not leave out."""
        with reading(self._engine) as session:
            return list(_texts_of(session, arm_id, ArmTextRow.is_dropped.is_(False), limit=limit))

    def count_arm_labels(self, experiment_id: int) -> dict[int, dict[str, int]]:
        """Texts a label of each arm, without those that its filter left out."""
        query = (
            select(ArmTextRow.arm_id, ArmTextRow.label, func.count())
            .join(ArmRow, ArmRow.id == ArmTextRow.arm_id)
            .where(ArmRow.experiment_id == experiment_id, ArmTextRow.is_dropped.is_(False))
            .group_by(ArmTextRow.arm_id, ArmTextRow.label)
        )
        found: dict[int, dict[str, int]] = {}
        with reading(self._engine) as session:
            for arm_id, label, n in session.execute(query):
                found.setdefault(arm_id, {})[label] = n
        return found

    def write(self, experiment_id: int, records: Sequence[ExperimentRecord], progress: ExperimentProgress) -> None:
        """Store what runs measured and how far the experiment is, together or not at all."""
        with writing(self._engine) as session:
            row = _get(session, experiment_id)
            for record in records:
                if isinstance(record, ArmFiltered):
                    _drop(session, record)
                elif isinstance(record, RunStarted):
                    start_training(session, record)
                elif isinstance(record, RunEnded):
                    end_training(session, record)
            write_measurements(session, row.task_id, [one for one in records if isinstance(one, RunMeasured)])
            judged = [
                {
                    "training_run_id": one.run_id,
                    "text_id": one.text_id,
                    "label": one.label,
                    "prob": one.prob,
                    "label_prob": one.label_prob,
                }
                for one in records
                if isinstance(one, TextJudged)
            ]
            if judged:
                session.execute(insert(TextPredictionRow), judged)
            row.n_done, row.n_total, row.elapsed_s = progress.n_done, progress.n_total, progress.elapsed_s
            row.message, row.heartbeat_at = progress.message, utc_now()


def _belongs(spec: ArmSpec, seed_set_id: int) -> list[ColumnElement[bool]]:
    """Which synthetic texts an arm takes: none that became a seed, as it stands now or as the LM wrote it.

    Copies of real seeds stay: the checks of a run reject them, and imported texts are taken as they are.
    """
    seeds = _seed_texts(seed_set_id, Split.WRITTEN)
    conditions: list[ColumnElement[bool]] = [
        SyntheticTextRow.run_id.in_(spec.generation_run_ids),
        SyntheticTextRow.text.not_in(seeds),
        SyntheticTextRow.proposed_text.not_in(seeds),
    ]
    if spec.use is TextUse.ACCEPTED:
        conditions.append(SyntheticTextRow.status == ReviewStatus.ACCEPTED)
        conditions.append(SyntheticTextRow.label == SyntheticTextRow.proposed_label)
    elif spec.use is TextUse.REVIEWED:
        conditions.append(SyntheticTextRow.status == ReviewStatus.ACCEPTED)
    elif spec.use is TextUse.RELABELLED:
        conditions.append(SyntheticTextRow.status != ReviewStatus.REJECTED)
    elif spec.use is TextUse.SOFT:
        other = aliased(SyntheticTextRow)
        conditions.append(exists().where(other.run_id.in_(spec.generation_run_ids), other.label_probs.is_not(None)))
    return conditions


def _is_real(seed_set_id: int) -> list[ColumnElement[bool]]:
    """Pool examples of the seed set's task that are none of its seeds."""
    task_id = select(SeedSetRow.task_id).where(SeedSetRow.id == seed_set_id).scalar_subquery()
    is_no_seed = ExampleRow.text.not_in(_seed_texts(seed_set_id, *Split))
    return [ExampleRow.task_id == task_id, ExampleRow.split == Split.POOL, is_no_seed]


def _seed_texts(seed_set_id: int, *splits: Split) -> Select[str]:
    """Texts of the seeds of some splits."""
    seed = aliased(ExampleRow)
    return (
        select(seed.text)
        .join(SeedSetExampleRow, SeedSetExampleRow.example_id == seed.id)
        .where(SeedSetExampleRow.seed_set_id == seed_set_id, seed.split.in_(splits))
    )


def _count_texts(session: Session, spec: ArmSpec, seed_set_id: int) -> int:
    conditions = _is_real(seed_set_id) if spec.use is TextUse.REAL else _belongs(spec, seed_set_id)
    return session.scalar(select(func.count()).where(*conditions)) or 0


def _label_column(use: TextUse) -> InstrumentedAttribute[str]:
    is_corrected = use in (TextUse.REVIEWED, TextUse.RELABELLED)
    return SyntheticTextRow.label if is_corrected else SyntheticTextRow.proposed_label


def _freeze_arm(session: Session, experiment: ExperimentRow, position: int, spec: ArmSpec, name: str) -> None:
    of_runs = SyntheticTextRow.run_id.in_(spec.generation_run_ids)
    is_decided = SyntheticTextRow.status != ReviewStatus.PENDING
    n_decisions = session.scalar(select(func.count()).where(of_runs, is_decided)) or 0
    row = ArmRow(experiment_id=experiment.id, position=position, name=name, n_texts=0, n_decisions=n_decisions)
    session.add(row)
    session.flush()
    if spec.use is TextUse.REAL:
        row.n_texts = _count_texts(session, spec, experiment.seed_set_id)
    else:
        is_reviewed = spec.use in (TextUse.ACCEPTED, TextUse.REVIEWED, TextUse.RELABELLED)
        text = SyntheticTextRow.text if is_reviewed else SyntheticTextRow.proposed_text
        columns = literal(row.id), SyntheticTextRow.id, _label_column(spec.use), text, literal(value=False)
        found = select(*columns).where(*_belongs(spec, experiment.seed_set_id))
        session.execute(insert(ArmTextRow).from_select(["arm_id", "text_id", "label", "text", "is_dropped"], found))
        of_arm = select(func.count()).select_from(ArmTextRow).where(ArmTextRow.arm_id == row.id)
        row.n_texts = session.scalar(of_arm) or 0


def _add_runs(session: Session, row: ExperimentRow, config: ExperimentConfig, baselines: Sequence[str]) -> None:
    """One training run a point and RNG seed of `config`, queued."""
    arms = session.scalars(select(ArmRow).where(ArmRow.experiment_id == row.id).order_by(ArmRow.position)).all()
    points: list[tuple[int | None, str, int, ClassifierKind]] = [
        (None, name, 0, kind) for kind, name in zip(config.baselines, baselines, strict=True)
    ]
    points += [
        (arm.id, arm.name, size, spec.kind)
        for arm, spec in zip(arms, config.arms, strict=True)
        for size in config.sizes
    ]
    n_seeds = session.scalar(select(func.count()).where(SeedSetExampleRow.seed_set_id == config.seed_set_id)) or 0
    for rng_seed in config.rng_seeds:
        for arm_id, name, size, kind in points:
            recipe: TrainingConfig = replace(config.recipe, kind=kind, rng_seed=rng_seed)
            session.add(
                TrainingRunRow(
                    task_id=row.task_id,
                    experiment_id=row.id,
                    arm_id=arm_id,
                    arm=name,
                    n_synthetic=size,
                    n_train=n_seeds + size,
                    config=to_json(recipe),
                    status=RunStatus.QUEUED,
                    n_total=recipe.count_steps(n_seeds + size),
                )
            )


def _drop(session: Session, record: ArmFiltered) -> None:
    of_arm = ArmTextRow.arm_id == record.arm_id
    session.execute(update(ArmTextRow).where(of_arm).values(is_dropped=False))
    for start in range(0, len(record.dropped_ids), 500):  # SQLite takes so many parameters a statement, and more
        chunk = record.dropped_ids[start : start + 500]
        session.execute(update(ArmTextRow).where(of_arm, ArmTextRow.text_id.in_(chunk)).values(is_dropped=True))
    session.execute(update(ArmRow).where(ArmRow.id == record.arm_id).values(n_dropped=len(record.dropped_ids)))


def _texts_of(
    session: Session, arm_id: int, *conditions: ColumnElement[bool], limit: int | None = None
) -> tuple[ArmText, ...]:
    query = (
        select(
            SyntheticTextRow.id,
            func.coalesce(ArmTextRow.text, SyntheticTextRow.text),
            ArmTextRow.label,
            SyntheticTextRow.label_probs,
        )
        .join(ArmTextRow, ArmTextRow.text_id == SyntheticTextRow.id)
        .where(ArmTextRow.arm_id == arm_id, *conditions)
        .order_by(SyntheticTextRow.number, SyntheticTextRow.run_id)
        .limit(limit)
    )
    return tuple(
        ArmText(text_id, text, label, tuple(probs) if probs else None)
        for text_id, text, label, probs in session.execute(query)
    )


def _labelled(session: Session, *conditions: ColumnElement[bool]) -> tuple[LabelledText, ...]:
    query = select(ExampleRow.text, ExampleRow.label).where(*conditions).order_by(ExampleRow.id)
    return tuple(LabelledText(text, label) for text, label in session.execute(query))


def _get(session: Session, experiment_id: int) -> ExperimentRow:
    row = session.get(ExperimentRow, experiment_id)
    if row is None:
        raise StorageError(f"There is no experiment {experiment_id} in this database. Reload the page.")
    return row


def _get_ended(session: Session, experiment_id: int) -> ExperimentRow:
    row = _get(session, experiment_id)
    if RunStatus(row.status).is_active:
        raise StorageError(f"Experiment {experiment_id} still runs. Cancel or pause it first, or wait for its end.")
    return row


def _to_experiment(session: Session, row: ExperimentRow) -> Experiment:
    config = from_json(ExperimentConfig, row.config)
    arms = session.scalars(select(ArmRow).where(ArmRow.experiment_id == row.id).order_by(ArmRow.position))
    return Experiment(
        id=row.id,
        task_id=row.task_id,
        name=row.name,
        config=config,
        arms=tuple(
            Arm(one.id, one.name, spec, one.n_texts, one.n_dropped, one.n_decisions)
            for one, spec in zip(arms, config.arms, strict=True)
        ),
        state=state_of(row),
        created_at=row.created_at,
    )
