"""Exchange: texts out of a task with lineage and history, and the ways back in. Each call is one transaction."""

from collections.abc import Collection, Iterable, Iterator

from sqlalchemy import Engine

from augment.errors import DataError
from augment.records import (
    DecidedElsewhere,
    DecisionCount,
    ExportedText,
    Restoration,
    ReviewStatus,
    TextFilters,
)
from storage.engine import reading, writing
from storage.exchange.compare import count_changes
from storage.exchange.export import count_texts, export_texts
from storage.exchange.plan import plan_restoration
from storage.exchange.restore import restore_texts


class Exchange:
    """Exports, and what comes back from them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def count(self, task_id: int, filters: TextFilters, statuses: Collection[ReviewStatus]) -> int:
        """How many texts `export` would give."""
        with reading(self._engine) as session:
            return count_texts(session, task_id, filters, statuses)

    def export(self, task_id: int, filters: TextFilters, statuses: Collection[ReviewStatus]) -> Iterator[ExportedText]:
        """The texts of these statuses that pass the filters, oldest first; `filters.status` is ignored.

        One consistent snapshot, however long it takes: a step of many texts is in it as a whole or not at all.
        """
        with reading(self._engine) as session:
            yield from export_texts(session, task_id, filters, statuses)

    def preview(self, task_id: int, records: Iterable[ExportedText]) -> Restoration:
        """What `restore` would store; it raises the same errors."""
        with reading(self._engine) as session:
            return plan_restoration(session, task_id, records).outcome

    def restore(self, task_id: int, records: Iterable[ExportedText]) -> Restoration:
        """Store exported texts with lineage and history, as one finished run of the task per run they came from.

        All of them or none. Copies of validation and test examples are left out, and so is a seed that is not an
        example of the task. A prompt version is the task's own with the same template, or a new one.

        Raises:
            DataError: the task does not have a label, a history does not lead to what its text is, or there are only
                copies of held-out texts.
        """
        with reading(self._engine) as session:  # parsed and checked before the write lock is taken
            plan = plan_restoration(session, task_id, records)
        if not plan.texts:
            raise DataError(
                f"All {plan.outcome.n_held_out} texts are in the validation or test split. Training on them would be "
                "a leak."
            )
        with writing(self._engine) as session:
            return restore_texts(session, task_id, plan)

    def compare(self, task_id: int, decided: DecidedElsewhere) -> DecisionCount:
        """How many texts the decisions would change, before `Reviews.import_decisions` does it.

        Raises:
            DataError: an id is not of a text of this task, or the table has another text for it.
        """
        with reading(self._engine) as session:
            return count_changes(session, task_id, decided)
