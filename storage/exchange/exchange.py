"""Export a task's texts with lineage and history, and import texts or labels. Each call is one transaction."""

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
    """Exports and imports of texts and labels."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def count(self, task_id: int, filters: TextFilters, statuses: Collection[ReviewStatus]) -> int:
        """How many texts `export` would return."""
        with reading(self._engine) as session:
            return count_texts(session, task_id, filters, statuses)

    def export(self, task_id: int, filters: TextFilters, statuses: Collection[ReviewStatus]) -> Iterator[ExportedText]:
        """The texts with these statuses that pass the filters, oldest first; `filters.status` is ignored.

        One consistent snapshot, however long it takes: it has all events of a step or none.
        """
        with reading(self._engine) as session:
            yield from export_texts(session, task_id, filters, statuses)

    def preview(self, task_id: int, records: Iterable[ExportedText]) -> Restoration:
        """What `restore` would store; it raises the same errors."""
        with reading(self._engine) as session:
            return plan_restoration(session, task_id, records).outcome

    def restore(self, task_id: int, records: Iterable[ExportedText]) -> Restoration:
        """Store exported texts with lineage and history, as one finished run for each run that they came from.

        Stores all texts or none. Copies of validation and test examples are left out, and so are seeds that are not
        examples of the task. The prompt version is the task's version with the same template, or a new one.

        Raises:
            DataError: the task does not have a label, a text does not match its history, or there are only copies of
                held-out texts.
        """
        with reading(self._engine) as session:  # parsed and checked before the write lock is taken
            plan = plan_restoration(session, task_id, records)
        if not plan.texts:
            raise DataError(
                f"All {plan.outcome.n_held_out:,} texts are in the validation or test split. Training on them would "
                "leak the test data."
            )
        with writing(self._engine) as session:
            return restore_texts(session, task_id, plan)

    def compare(self, task_id: int, decided: DecidedElsewhere) -> DecisionCount:
        """How many texts the decisions would change, to be shown before `Reviews.import_decisions`.

        Raises:
            DataError: an id is not the id of a text in this task, or the table has a different text for it.
        """
        with reading(self._engine) as session:
            return count_changes(session, task_id, decided)
