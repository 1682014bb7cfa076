"""Training runs: their metrics, and their predictions for the test split and for synthetic texts."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Engine, Integer, Select, delete, exists, func, insert, select
from sqlalchemy.orm import Session

from augment.errors import StorageError
from augment.records import (
    MetricPoint,
    Prediction,
    RunEnded,
    RunMeasured,
    RunStarted,
    RunStatus,
    Split,
    StoredPrediction,
    TextJudged,
    TrainingConfig,
    TrainingRun,
    Variant,
)
from storage.codec import from_json
from storage.engine import reading
from storage.runs import state_of
from storage.schema import (
    ExampleRow,
    ExperimentRow,
    MetricPointRow,
    PredictionRow,
    SeedSetExampleRow,
    TextPredictionRow,
    TrainingRunRow,
    TrainingTextRow,
    utc_now,
)


class Trainings:
    """Training runs and their results."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self, task_id: int) -> list[TrainingRun]:
        """Every run of the task, newest first, with its final metrics (the newest while it goes on)."""
        query = select_runs().where(TrainingRunRow.task_id == task_id).order_by(TrainingRunRow.id.desc())
        with reading(self._engine) as session:
            return [to_run(row, point) for row, point in session.execute(query)]

    def count_done(self, task_id: int) -> int:
        """Training runs of the task that are done."""
        is_done = (TrainingRunRow.task_id == task_id, TrainingRunRow.status == RunStatus.DONE)
        with reading(self._engine) as session:
            return session.scalar(select(func.count()).where(*is_done)) or 0

    def newest_done(self, task_id: int, *, limit: int) -> list[TrainingRun]:
        """The task's newest finished runs, without their metrics."""
        query = select(TrainingRunRow).where(TrainingRunRow.task_id == task_id, TrainingRunRow.status == RunStatus.DONE)
        with reading(self._engine) as session:
            rows = session.scalars(query.order_by(TrainingRunRow.id.desc()).limit(limit))
            return [to_run(row, None) for row in rows]

    def texts(self, run_id: int) -> dict[int, str]:
        """The synthetic texts that the run was trained on, by id, each with the label it had."""
        query = select(TrainingTextRow.text_id, TrainingTextRow.label).where(TrainingTextRow.training_run_id == run_id)
        with reading(self._engine) as session:
            rows = session.execute(query.order_by(TrainingTextRow.text_id))
            return {row.text_id: row.label for row in rows}

    def points(self, run_ids: Sequence[int]) -> dict[int, list[MetricPoint]]:
        """The metric points of some runs, by run, in the order of their steps."""
        query = select(MetricPointRow).where(MetricPointRow.training_run_id.in_(run_ids))
        found: dict[int, list[MetricPoint]] = {run_id: [] for run_id in run_ids}
        with reading(self._engine) as session:
            for row in session.scalars(query.order_by(MetricPointRow.training_run_id, MetricPointRow.step)):
                found[row.training_run_id].append(_to_point(row))
        return found

    def predictions(self, run_ids: Sequence[int], *, split: Split = Split.TEST) -> list[StoredPrediction]:
        """The runs' predictions for the examples of the test or validation split, by run and in the examples' order."""
        return self._predictions(run_ids, ExampleRow.split == split)

    def choosing_predictions(self, run_ids: Sequence[int]) -> list[StoredPrediction]:
        """The predictions that a variant is chosen by: for validation texts and, where these are few, for seeds.

        Each seed was predicted by a classifier trained without it; see `augment.training.cross_validation`.
        """
        return self._predictions(run_ids, ExampleRow.split != Split.TEST)

    def _predictions(self, run_ids: Sequence[int], which: ColumnElement[bool]) -> list[StoredPrediction]:
        query = (
            select(
                PredictionRow.training_run_id,
                PredictionRow.example_id,
                ExampleRow.text,
                ExampleRow.label,
                PredictionRow.label,
                PredictionRow.probs,
            )
            .join(ExampleRow, ExampleRow.id == PredictionRow.example_id)
            .where(PredictionRow.training_run_id.in_(run_ids), which)
            .order_by(PredictionRow.training_run_id, PredictionRow.example_id)
        )
        with reading(self._engine) as session:
            return [
                StoredPrediction(run_id, example_id, text, truth, label, tuple(probs))
                for run_id, example_id, text, truth, label, probs in session.execute(query)
            ]

    def judging(self, task_id: int, *, limit: int | None = None) -> list[TrainingRun]:
        """The finished runs with predictions for synthetic texts, newest first, without their metrics."""
        has_judged = exists().where(TextPredictionRow.training_run_id == TrainingRunRow.id)
        query = select(TrainingRunRow).where(
            TrainingRunRow.task_id == task_id, TrainingRunRow.status == RunStatus.DONE, has_judged
        )
        with reading(self._engine) as session:
            rows = session.scalars(query.order_by(TrainingRunRow.id.desc()).limit(limit))
            return [to_run(row, None) for row in rows]

    def count_judged(self, run_id: int) -> tuple[int, int]:
        """The number of synthetic texts that a run judged, and of those for which it predicted a different label."""
        differs = TextPredictionRow.label_prob < TextPredictionRow.prob
        query = select(func.count(), func.sum(differs.cast(Integer))).where(TextPredictionRow.training_run_id == run_id)
        with reading(self._engine) as session:
            n, n_differing = session.execute(query).one()
            return n, n_differing or 0

    def judgements(self, run_id: int, text_ids: Sequence[int]) -> dict[int, TextJudged]:
        """A run's predictions for synthetic texts, by id; without texts that it was trained on or never saw."""
        table = TextPredictionRow
        query = select(table).where(table.training_run_id == run_id, table.text_id.in_(text_ids))
        with reading(self._engine) as session:
            found = session.scalars(query)
            return {row.text_id: TextJudged(run_id, row.text_id, row.label, row.prob, row.label_prob) for row in found}


# Inside an experiment's transactions --------------------------------------------------------------------------------


def start_training(session: Session, record: RunStarted) -> None:
    """Mark the run as running: delete its earlier results and store the texts that it uses."""
    row = _get(session, record.run_id)
    for table in (MetricPointRow, PredictionRow, TextPredictionRow, TrainingTextRow):
        session.execute(delete(table).where(table.training_run_id == record.run_id))
    row.status, row.message, row.n_train, row.final_step = RunStatus.RUNNING, "", record.n_train, None
    row.elapsed_s, row.started_at, row.finished_at, row.n_done = 0.0, utc_now(), None, 0
    links = [{"training_run_id": row.id, "text_id": text.id, "label": text.label} for text in record.texts]
    if links:
        session.execute(insert(TrainingTextRow), links)


def end_training(session: Session, record: RunEnded) -> None:
    """Mark the run as done or failed."""
    row = _get(session, record.run_id)
    row.status, row.message, row.final_step = record.status, record.message, record.final_step
    row.can_retry = record.can_retry
    row.elapsed_s, row.finished_at = record.elapsed_s, utc_now()
    if record.status is RunStatus.DONE:
        row.n_done = row.n_total


def write_measurements(session: Session, experiment: ExperimentRow, records: Sequence[RunMeasured]) -> None:
    """Store metric points and predictions.

    A prediction's index counts the test examples, then the validation examples, then the seeds.
    """
    for measured in records:
        point = measured.record
        if isinstance(point, MetricPoint):
            session.add(
                MetricPointRow(
                    training_run_id=measured.run_id,
                    step=point.step,
                    train_loss=point.train_loss,
                    loss=point.loss,
                    accuracy=point.accuracy,
                    macro_f1=point.macro_f1,
                    validation_macro_f1=point.validation_macro_f1,
                )
            )
    predictions = [(row.run_id, row.record) for row in records if isinstance(row.record, Prediction)]
    if predictions:
        ids = _measured_ids(session, experiment)
        rows = [
            {
                "training_run_id": run_id,
                "example_id": ids[prediction.index],
                "label": prediction.label,
                "probs": [round(prob, 6) for prob in prediction.probs],
            }
            for run_id, prediction in predictions
        ]
        session.execute(insert(PredictionRow), rows)


def _measured_ids(session: Session, experiment: ExperimentRow) -> list[int]:
    of_task = select(ExampleRow.id).where(ExampleRow.task_id == experiment.task_id).order_by(ExampleRow.id)
    seeds = select(SeedSetExampleRow.example_id).where(SeedSetExampleRow.seed_set_id == experiment.seed_set_id)
    queries = (
        of_task.where(ExampleRow.split == Split.TEST),
        of_task.where(ExampleRow.split == Split.VALIDATION),
        seeds.order_by(SeedSetExampleRow.position),
    )
    return [example_id for query in queries for example_id in session.scalars(query)]


def select_runs() -> Select[TrainingRunRow, MetricPointRow]:
    """Training runs, each with its final metric point, or its newest point while it runs."""
    newest = (
        select(MetricPointRow.training_run_id, func.max(MetricPointRow.step).label("step"))
        .group_by(MetricPointRow.training_run_id)
        .subquery()
    )
    step = func.coalesce(TrainingRunRow.final_step, newest.c.step)
    return (
        select(TrainingRunRow, MetricPointRow)
        .outerjoin(newest, newest.c.training_run_id == TrainingRunRow.id)
        .outerjoin(
            MetricPointRow, (MetricPointRow.training_run_id == TrainingRunRow.id) & (MetricPointRow.step == step)
        )
    )


def to_run(row: TrainingRunRow, point: MetricPointRow | None) -> TrainingRun:
    """A run as a record."""
    config = from_json(TrainingConfig, row.config)
    return TrainingRun(
        id=row.id,
        task_id=row.task_id,
        experiment_id=row.experiment_id,
        variant_id=row.variant_id,
        variant=from_json(Variant, row.variant.spec) if row.variant else Variant(kind=config.kind),
        n_synthetic=row.n_synthetic,
        n_train=row.n_train,
        config=config,
        state=state_of(row),
        last=_to_point(point) if point else None,
    )


def _get(session: Session, run_id: int) -> TrainingRunRow:
    row = session.get(TrainingRunRow, run_id)
    if row is None:
        raise StorageError(f"There is no training run {run_id} in this database. Reload the page.")
    return row


def _to_point(row: MetricPointRow) -> MetricPoint:
    return MetricPoint(row.step, row.train_loss, row.loss, row.accuracy, row.macro_f1, row.validation_macro_f1)
