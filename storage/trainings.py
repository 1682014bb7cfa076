"""Training runs: what each was trained on, its metrics and its predictions on the test split."""

from collections.abc import Sequence

from sqlalchemy import Engine, delete, func, insert, select
from sqlalchemy.orm import Session

from augment.errors import StorageError
from augment.records import (
    MetricPoint,
    Prediction,
    ReviewStatus,
    RunStatus,
    Split,
    StoredText,
    TextUse,
    TrainingConfig,
    TrainingPlan,
    TrainingProgress,
    TrainingRun,
)
from storage.codec import from_json, to_json
from storage.engine import reading, writing
from storage.generations import select_texts, to_stored_texts
from storage.runs import state_of
from storage.schema import (
    ExampleRow,
    MetricPointRow,
    PredictionRow,
    SeedSetExampleRow,
    SyntheticTextRow,
    TrainingRunRow,
    TrainingTextRow,
    utc_now,
)


class Trainings:
    """Classifiers that were trained, each once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def available(self, plan: TrainingPlan) -> list[StoredText]:
        """The texts that the plan's runs and use offer, in the order in which sizes take them (so that 10 ⊂ 50)."""
        with reading(self._engine) as session:
            return _available(session, plan)

    def create(self, task_id: int, arm: str, config: TrainingConfig, plan: TrainingPlan) -> TrainingRun:
        """Store a new run, queued, with the synthetic texts it takes and the labels they have now.

        Raises:
            StorageError: the plan's runs offer fewer texts than it asks for.
        """
        with writing(self._engine) as session:
            texts = _available(session, plan)[: plan.n_synthetic] if plan.n_synthetic else []
            if len(texts) < plan.n_synthetic:
                raise StorageError(
                    f"{plan.n_synthetic} {plan.use} texts asked for, {len(texts)} there. "
                    "Choose fewer, generate more, or review more."
                )
            n_seeds = session.scalar(select(func.count()).where(SeedSetExampleRow.seed_set_id == plan.seed_set_id))
            row = TrainingRunRow(
                task_id=task_id,
                seed_set_id=plan.seed_set_id,
                arm=arm,
                use=plan.use,
                generation_run_ids=list(plan.generation_run_ids),
                n_synthetic=plan.n_synthetic,
                n_train=(n_seeds or 0) + len(texts),
                config=to_json(config),
                status=RunStatus.QUEUED,
                n_total=config.steps,
            )
            session.add(row)
            session.flush()
            if texts:
                links = [
                    {"training_run_id": row.id, "text_id": one.id, "label": _label(one, plan.use)} for one in texts
                ]
                session.execute(insert(TrainingTextRow), links)
            return _to_run(row, None)

    def texts(self, run_id: int) -> list[tuple[str, str]]:
        """The synthetic texts that the run takes, each with the label it had when the run was made."""
        query = (
            select(SyntheticTextRow.text, TrainingTextRow.label)
            .join(SyntheticTextRow, SyntheticTextRow.id == TrainingTextRow.text_id)
            .where(TrainingTextRow.training_run_id == run_id)
            .order_by(SyntheticTextRow.number, SyntheticTextRow.run_id)
        )
        with reading(self._engine) as session:
            return [(text, label) for text, label in session.execute(query)]

    def restart(self, run_id: int) -> None:
        """Forget what an unfinished run measured, so that it can be trained from the beginning."""
        with writing(self._engine) as session:
            row = _get(session, run_id)
            session.execute(delete(MetricPointRow).where(MetricPointRow.training_run_id == run_id))
            session.execute(delete(PredictionRow).where(PredictionRow.training_run_id == run_id))
            row.n_done, row.elapsed_s = 0, 0.0

    def write(self, run_id: int, records: Sequence[MetricPoint | Prediction], progress: TrainingProgress) -> None:
        """Store measurements and how far the run is, together or not at all.

        A prediction's index counts the task's test examples in their order.
        """
        with writing(self._engine) as session:
            run = _get(session, run_id)
            predictions = [record for record in records if isinstance(record, Prediction)]
            for record in records:
                if isinstance(record, MetricPoint):
                    session.add(
                        MetricPointRow(
                            training_run_id=run_id,
                            step=record.step,
                            train_loss=record.train_loss,
                            loss=record.loss,
                            accuracy=record.accuracy,
                            macro_f1=record.macro_f1,
                        )
                    )
            if predictions:
                ids = session.scalars(
                    select(ExampleRow.id)
                    .where(ExampleRow.task_id == run.task_id, ExampleRow.split == Split.TEST)
                    .order_by(ExampleRow.id)
                ).all()
                rows = [
                    {
                        "training_run_id": run_id,
                        "example_id": ids[one.index],
                        "label": one.label,
                        "probs": list(one.probs),
                    }
                    for one in predictions
                ]
                session.execute(insert(PredictionRow), rows)
            run.n_done, run.n_total, run.elapsed_s = progress.step, progress.n_steps, progress.elapsed_s
            run.message, run.heartbeat_at = progress.message, utc_now()

    def all(self, task_id: int) -> list[TrainingRun]:
        """Every run of the task, newest first, with its last metrics."""
        newest = (
            select(MetricPointRow.training_run_id, func.max(MetricPointRow.step).label("step"))
            .group_by(MetricPointRow.training_run_id)
            .subquery()
        )
        query = (
            select(TrainingRunRow, MetricPointRow)
            .outerjoin(newest, newest.c.training_run_id == TrainingRunRow.id)
            .outerjoin(
                MetricPointRow,
                (MetricPointRow.training_run_id == TrainingRunRow.id) & (MetricPointRow.step == newest.c.step),
            )
            .where(TrainingRunRow.task_id == task_id)
            .order_by(TrainingRunRow.id.desc())
        )
        with reading(self._engine) as session:
            return [_to_run(row, point) for row, point in session.execute(query)]

    def get(self, run_id: int) -> TrainingRun:
        """One run, without its metrics.

        Raises:
            StorageError: there is none of that id.
        """
        with reading(self._engine) as session:
            return _to_run(_get(session, run_id), None)

    def points(self, run_ids: Sequence[int]) -> dict[int, list[MetricPoint]]:
        """The metric points of some runs, by run, in the order of their steps."""
        query = select(MetricPointRow).where(MetricPointRow.training_run_id.in_(run_ids))
        found: dict[int, list[MetricPoint]] = {run_id: [] for run_id in run_ids}
        with reading(self._engine) as session:
            for row in session.scalars(query.order_by(MetricPointRow.training_run_id, MetricPointRow.step)):
                found[row.training_run_id].append(_to_point(row))
        return found


def _available(session: Session, plan: TrainingPlan) -> list[StoredText]:
    query = select_texts().where(SyntheticTextRow.run_id.in_(plan.generation_run_ids))
    if plan.use is TextUse.ACCEPTED:
        query = query.where(SyntheticTextRow.status == ReviewStatus.ACCEPTED)
    query = query.order_by(SyntheticTextRow.number, SyntheticTextRow.run_id)
    return to_stored_texts(session, query)


def _label(text: StoredText, use: TextUse) -> str:
    return text.proposed_label if use is TextUse.RAW else text.label


def _get(session: Session, run_id: int) -> TrainingRunRow:
    row = session.get(TrainingRunRow, run_id)
    if row is None:
        raise StorageError(f"There is no training run {run_id} in this database. Reload the page.")
    return row


def _to_point(row: MetricPointRow) -> MetricPoint:
    return MetricPoint(row.step, row.train_loss, row.loss, row.accuracy, row.macro_f1)


def _to_run(row: TrainingRunRow, point: MetricPointRow | None) -> TrainingRun:
    plan = TrainingPlan(row.seed_set_id, TextUse(row.use), tuple(row.generation_run_ids), row.n_synthetic)
    return TrainingRun(
        id=row.id,
        task_id=row.task_id,
        arm=row.arm,
        config=from_json(TrainingConfig, row.config),
        plan=plan,
        n_train=row.n_train,
        state=state_of(row),
        last=_to_point(point) if point else None,
    )
