"""Label sources: labelling runs and labels from files, and their opinions about synthetic texts and seeds."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, Engine, exists, func, insert, select
from sqlalchemy.orm import Session

from augment.errors import StorageError
from augment.records import (
    LabellingConfig,
    LabellingProgress,
    LabelOpinion,
    LabelOpinions,
    LabelSourceKind,
    ReviewStatus,
    RunStatus,
    StoredLabelSource,
    VariantText,
)
from storage.codec import from_json, to_json
from storage.engine import reading, writing
from storage.runs import state_of
from storage.schema import LabelOpinionRow, LabelSourceRow, SyntheticTextRow, utc_now


class LabelSources:
    """Label sources and what they say. An opinion about a text is deleted when a person edits the text."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(self, task_id: int, config: LabellingConfig) -> StoredLabelSource:
        """Store a new labelling run as queued; `Store.start_run` starts it."""
        with writing(self._engine) as session:
            row = LabelSourceRow(
                task_id=task_id,
                kind=LabelSourceKind.LM,
                name=config.lm.name,
                seed_set_id=config.seed_set_id,
                config=to_json(config),
                status=RunStatus.QUEUED,
            )
            session.add(row)
            session.flush()
            return _to_source(row)

    def add_file(
        self, task_id: int, name: str, of_texts: Mapping[int, tuple[float, ...]], *, message: str = ""
    ) -> StoredLabelSource:
        """Store labels that were given elsewhere, by text id, as a source named `name`."""
        n = len(of_texts)
        with writing(self._engine) as session:
            row = LabelSourceRow(
                task_id=task_id,
                kind=LabelSourceKind.FILE,
                name=name,
                status=RunStatus.DONE,
                message=message,
                n_done=n,
                n_total=n,
                finished_at=utc_now(),
            )
            session.add(row)
            session.flush()
            _add_opinions(session, row.id, (LabelOpinion(probs, text_id) for text_id, probs in of_texts.items()))
            return _to_source(row, n)

    def write(self, source_id: int, opinions: Sequence[LabelOpinion], progress: LabellingProgress) -> None:
        """Store one batch and the run's progress, together or not at all.

        Raises:
            StorageError: the source was removed.
        """
        with writing(self._engine) as session:
            row = session.get(LabelSourceRow, source_id)
            if row is None:
                raise StorageError(f"Labelling run {source_id} was removed; its labels cannot be stored.")
            _add_opinions(session, source_id, opinions)
            row.n_done, row.n_total, row.cost = progress.n_done, progress.n_total, progress.cost
            row.elapsed_s, row.message, row.heartbeat_at = progress.elapsed_s, progress.message, utc_now()

    def all(self, task_id: int) -> list[StoredLabelSource]:
        """Every source of the task, newest first."""
        query = select(LabelSourceRow).where(LabelSourceRow.task_id == task_id).order_by(LabelSourceRow.id.desc())
        with reading(self._engine) as session:
            rows = session.scalars(query).all()
            counts = _count_texts(session, [row.id for row in rows])
            return [_to_source(row, counts.get(row.id, 0)) for row in rows]

    def get(self, source_id: int) -> StoredLabelSource:
        """The source with this id.

        Raises:
            StorageError: there is no such source.
        """
        with reading(self._engine) as session:
            return _to_source(_get(session, source_id), _count_texts(session, [source_id]).get(source_id, 0))

    def opinions(self, task_id: int) -> list[LabelOpinions]:
        """What every source of the task says so far, oldest source first; sources without an opinion are left out.

        As stored: `augment.labels.source_accuracy.even_out` takes an LM's lean to some labels off.
        """
        with reading(self._engine) as session:
            return read_opinions(session, task_id)

    def known_seeds(self, source_id: int) -> set[int]:
        """Ids of the seeds that the source has an opinion about."""
        query = select(LabelOpinionRow.example_id).where(LabelOpinionRow.source_id == source_id)
        with reading(self._engine) as session:
            return {example_id for example_id in session.scalars(query) if example_id is not None}

    def texts_to_ask(self, task_id: int, source_id: int | None = None) -> dict[int, str]:
        """The task's texts by id, without those that people rejected and those that the source has an opinion about."""
        text = SyntheticTextRow
        query = select(text.id, text.text).where(*_is_to_ask(task_id, source_id)).order_by(text.id)
        with reading(self._engine) as session:
            return {row.id: row.text for row in session.execute(query)}

    def count_to_ask(self, task_id: int, source_id: int | None = None) -> int:
        """How many texts `texts_to_ask` has."""
        with reading(self._engine) as session:
            return session.scalar(select(func.count()).where(*_is_to_ask(task_id, source_id))) or 0

    def decided_texts(self, task_id: int) -> list[VariantText]:
        """Texts whose label people accepted or changed; not those whose text they edited, which no source has seen."""
        text = SyntheticTextRow
        query = select(text).where(
            text.task_id == task_id, text.status == ReviewStatus.ACCEPTED, text.text == text.proposed_text
        )
        with reading(self._engine) as session:
            return [
                VariantText(
                    row.id,
                    row.text,
                    row.label,
                    tuple(row.label_probs) if row.label_probs else None,
                    proposed_label=row.proposed_label,
                    is_decided=True,
                )
                for row in session.scalars(query.order_by(text.id))
            ]

    def count_scored(self, task_id: int) -> int:
        """Texts, without those that people rejected, whose labels were scored by the LM that wrote them."""
        text = SyntheticTextRow
        query = select(func.count()).where(
            text.task_id == task_id, text.status != ReviewStatus.REJECTED, text.confidence.is_not(None)
        )
        with reading(self._engine) as session:
            return session.scalar(query) or 0

    def set_budget(self, source_id: int, budget: float | None) -> None:
        """Change the budget of a labelling run; nothing else of its config ever changes.

        Raises:
            StorageError: there is no such run, or it is a file.
        """
        with writing(self._engine) as session:
            row = _get(session, source_id)
            if row.config is None:
                raise StorageError(f"Label source {source_id} came from a file and has no budget.")
            row.config = to_json(replace(from_json(LabellingConfig, row.config), budget=budget))

    def remove(self, source_id: int) -> None:
        """Delete a source with its opinions.

        Raises:
            StorageError: it is running or queued, or there is no such source.
        """
        with writing(self._engine) as session:
            row = _get(session, source_id)
            if RunStatus(row.status).is_active:
                raise StorageError(f"Labelling run {source_id} is still running. Cancel it first.")
            session.delete(row)


def read_opinions(session: Session, task_id: int) -> list[LabelOpinions]:
    """See `LabelSources.opinions`."""
    query = (
        select(LabelOpinionRow.source_id, LabelOpinionRow.text_id, LabelOpinionRow.example_id, LabelOpinionRow.probs)
        .join(LabelSourceRow, LabelSourceRow.id == LabelOpinionRow.source_id)
        .where(LabelSourceRow.task_id == task_id)
    )
    of_seeds: dict[int, dict[int, tuple[float, ...]]] = defaultdict(dict)
    of_texts: dict[int, dict[int, tuple[float, ...]]] = defaultdict(dict)
    for source_id, text_id, example_id, probs in session.execute(query.order_by(LabelOpinionRow.id)):
        if text_id is not None:
            of_texts[source_id][text_id] = tuple(probs)
        elif example_id is not None:
            of_seeds[source_id][example_id] = tuple(probs)
    rows = session.scalars(select(LabelSourceRow).where(LabelSourceRow.task_id == task_id).order_by(LabelSourceRow.id))
    return [
        LabelOpinions(_to_source(row, len(of_texts[row.id])), of_seeds[row.id], of_texts[row.id])
        for row in rows
        if row.id in of_seeds or row.id in of_texts
    ]


def _get(session: Session, source_id: int) -> LabelSourceRow:
    row = session.get(LabelSourceRow, source_id)
    if row is None:
        raise StorageError(f"There is no label source {source_id} in this database. Reload the page.")
    return row


def _is_to_ask(task_id: int, source_id: int | None) -> list[ColumnElement[bool]]:
    text = SyntheticTextRow
    conditions = [text.task_id == task_id, text.status != ReviewStatus.REJECTED]
    if source_id is not None:
        conditions.append(~exists().where(LabelOpinionRow.source_id == source_id, LabelOpinionRow.text_id == text.id))
    return conditions


def _add_opinions(session: Session, source_id: int, opinions: Iterable[LabelOpinion]) -> None:
    values = [
        {
            "source_id": source_id,
            "text_id": opinion.text_id,
            "example_id": opinion.example_id,
            "probs": list(opinion.probs),
        }
        for opinion in opinions
    ]
    if values:
        session.execute(insert(LabelOpinionRow), values)


def _count_texts(session: Session, source_ids: Sequence[int]) -> dict[int, int]:
    query = (
        select(LabelOpinionRow.source_id, func.count(LabelOpinionRow.text_id).label("n"))
        .where(LabelOpinionRow.source_id.in_(source_ids))
        .group_by(LabelOpinionRow.source_id)
    )
    return {row.source_id: row.n for row in session.execute(query)}


def _to_source(row: LabelSourceRow, n_texts: int = 0) -> StoredLabelSource:
    return StoredLabelSource(
        id=row.id,
        task_id=row.task_id,
        kind=LabelSourceKind(row.kind),
        name=row.name,
        config=from_json(LabellingConfig, row.config) if row.config else None,
        state=state_of(row),
        n_texts=n_texts,
        cost=row.cost or 0.0,
    )
