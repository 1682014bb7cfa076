"""Prompt versions: each save makes a new one; none is ever changed."""

from sqlalchemy import Engine, func, select

from augment.records import PromptTemplate, PromptVersion
from storage.codec import from_json, to_json
from storage.engine import reading, writing
from storage.schema import PromptVersionRow


class Prompts:
    """A task's templates over time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def save(self, task_id: int, template: PromptTemplate, *, note: str = "") -> PromptVersion:
        """Store `template` as the task's next version; returns the newest version if nothing changed."""
        with writing(self._engine) as session:
            newest = session.scalar(
                select(PromptVersionRow)
                .where(PromptVersionRow.task_id == task_id)
                .order_by(PromptVersionRow.number.desc())
                .limit(1)
            )
            if newest is not None and from_json(PromptTemplate, newest.template) == template:
                return _to_version(newest)
            last = session.scalar(select(func.max(PromptVersionRow.number)).where(PromptVersionRow.task_id == task_id))
            row = PromptVersionRow(task_id=task_id, number=(last or 0) + 1, template=to_json(template), note=note)
            session.add(row)
            session.flush()
            return _to_version(row)

    def all(self, task_id: int) -> list[PromptVersion]:
        """Every version of the task, newest first."""
        query = select(PromptVersionRow).where(PromptVersionRow.task_id == task_id)
        with reading(self._engine) as session:
            return [_to_version(row) for row in session.scalars(query.order_by(PromptVersionRow.number.desc()))]


def _to_version(row: PromptVersionRow) -> PromptVersion:
    template = from_json(PromptTemplate, row.template)
    return PromptVersion(row.id, row.task_id, row.number, template, row.note, row.created_at)
