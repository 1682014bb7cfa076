"""The state of runs of all kinds."""

from collections.abc import Callable

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from augment.errors import StorageError
from augment.records import RunKey, RunKind, RunState, RunStatus
from storage.engine import reading, writing
from storage.schema import ExperimentRow, GenerationRunRow, LabelSourceRow, RunRow, TrainingRunRow, utc_now

_ROWS: dict[RunKind, type[RunRow]] = {
    RunKind.GENERATION: GenerationRunRow,
    RunKind.EXPERIMENT: ExperimentRow,
    RunKind.LABELLING: LabelSourceRow,
}
UNFINISHED = (RunStatus.QUEUED, RunStatus.RUNNING)


def state_of(row: RunRow) -> RunState:
    """A run's state as a record."""
    return RunState(
        status=RunStatus(row.status),
        message=row.message,
        n_done=row.n_done,
        n_total=row.n_total,
        elapsed_s=row.elapsed_s,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def end_training_runs(session: Session, experiment_id: int, status: RunStatus) -> None:
    """Give an experiment's queued and running training runs the status that the experiment ended with."""
    session.execute(
        update(TrainingRunRow)
        .where(TrainingRunRow.experiment_id == experiment_id, TrainingRunRow.status.in_(UNFINISHED))
        .values(status=status)
    )


class Runs:
    """Queued → running → done, cancelled, failed or interrupted."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def state(self, key: RunKey) -> RunState:
        """The run's state.

        Raises:
            StorageError: there is no such run.
        """
        with reading(self._engine) as session:
            row = session.get(_ROWS[key.kind], key.id)
            if row is None:
                raise StorageError(f"There is no {key.name} in this database. Reload the page.")
            return state_of(row)

    def queue(self, key: RunKey, worker: str) -> None:
        """Mark the run as queued for `worker`; its stored results stay."""
        self._set(key, status=RunStatus.QUEUED, worker=worker, message="", finished_at=None, heartbeat_at=utc_now())

    def start(self, key: RunKey, worker: str) -> None:
        """Mark the run as running in `worker`."""
        self._set(
            key, status=RunStatus.RUNNING, worker=worker, message="", started_at=utc_now(), heartbeat_at=utc_now()
        )

    def finish(self, key: RunKey, status: RunStatus, message: str) -> None:
        """Mark the run as ended; an experiment's unfinished training runs end too."""
        with writing(self._engine) as session:
            _update(session, key, status=status, message=message, finished_at=utc_now())
            if key.kind is RunKind.EXPERIMENT:
                end_training_runs(session, key.id, RunStatus.INTERRUPTED if status is RunStatus.DONE else status)

    def unfinished(self, task_id: int | None = None) -> list[tuple[RunKey, RunState]]:
        """Queued and running runs, oldest first, of one task or all."""
        found = []
        with reading(self._engine) as session:
            for kind, row_type in _ROWS.items():
                query = select(row_type).where(row_type.status.in_(UNFINISHED))
                if task_id is not None:
                    query = query.where(row_type.task_id == task_id)
                found += [(RunKey(kind, row.id), state_of(row)) for row in session.scalars(query)]
        return sorted(found, key=lambda pair: pair[1].created_at)

    def interrupt_dead(self, is_alive: Callable[[str], bool]) -> list[RunKey]:
        """Mark every unfinished run of a dead worker as interrupted; returns their keys."""
        interrupted = []
        with writing(self._engine) as session:
            for kind, row_type in _ROWS.items():
                for row in session.scalars(select(row_type).where(row_type.status.in_(UNFINISHED))):
                    if not is_alive(row.worker):
                        row.status = RunStatus.INTERRUPTED
                        row.message = "The workbench stopped during this run. Stored results are kept."
                        row.finished_at = utc_now()
                        interrupted.append(RunKey(kind, row.id))
            for key in interrupted:
                if key.kind is RunKind.EXPERIMENT:
                    end_training_runs(session, key.id, RunStatus.INTERRUPTED)
        return interrupted

    def _set(self, key: RunKey, **values: object) -> None:
        with writing(self._engine) as session:
            _update(session, key, **values)


def _update(session: Session, key: RunKey, **values: object) -> None:
    row = session.get(_ROWS[key.kind], key.id)
    if row is None:
        raise StorageError(f"There is no {key.name} in this database. Reload the page.")
    for name, value in values.items():
        setattr(row, name, value)
