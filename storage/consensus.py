"""The consensus of a task: its versions, the current consensus of each text, and what it is computed from."""

from collections.abc import Sequence

from sqlalchemy import Engine, Row, delete, exists, func, insert, or_, select
from sqlalchemy.orm import Session

from augment.errors import StorageError
from augment.records import (
    Consensus,
    ConsensusBasis,
    ConsensusVersion,
    LabelSource,
    ReviewStatus,
    SourceOpinion,
    SourceWeight,
    StatedLabel,
    TextConsensus,
    VariantText,
)
from storage.engine import reading, writing
from storage.schema import (
    ConsensusVersionRow,
    GenerationRunRow,
    LabelOpinionRow,
    LabelSourceRow,
    ReviewEventRow,
    ReviewStepRow,
    SeedSetRow,
    SyntheticTextRow,
    TaskRow,
    TextConsensusRow,
)
from storage.text_rows import is_judged

CHUNK = 500  # SQLite allows at least this many parameters per statement


class TaskConsensus:
    """The consensus of tasks. Rejected texts have none; a text's is deleted when a person edits the text."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # What it is computed from ----------------------------------------------------------------------------------------

    def texts(self, task_id: int) -> list[VariantText]:
        """The task's texts that are not rejected, oldest first."""
        text = SyntheticTextRow
        columns = (text.id, text.text, text.label, text.proposed_label, text.status, text.label_probs)
        query = (
            select(*columns, is_judged().label("is_judged"))
            .join(GenerationRunRow, GenerationRunRow.id == text.run_id)
            .where(text.task_id == task_id, text.status != ReviewStatus.REJECTED)
            .order_by(text.id)
        )
        with reading(self._engine) as session:
            return [
                VariantText(
                    row.id,
                    row.text,
                    row.label,
                    proposed_label=row.proposed_label,
                    is_decided=row.status == ReviewStatus.ACCEPTED,
                    lm_probs=tuple(row.label_probs) if row.label_probs else None,
                    is_judged=bool(row.is_judged),
                )
                for row in session.execute(query)
            ]

    def basis(self, task_id: int) -> ConsensusBasis | None:
        """What a consensus would be made from now, besides the texts; None without a seed set."""
        text, opinion = SyntheticTextRow, LabelOpinionRow
        opinions = select(func.count(), func.max(opinion.id)).join_from(opinion, LabelSourceRow)
        is_accepted = (text.task_id == task_id, text.status == ReviewStatus.ACCEPTED)
        with reading(self._engine) as session:
            seed_set_id = session.scalar(select(func.max(SeedSetRow.id)).where(SeedSetRow.task_id == task_id))
            if seed_set_id is None:
                return None
            n_opinions, last_opinion_id = session.execute(opinions.where(LabelSourceRow.task_id == task_id)).one()
            return ConsensusBasis(
                seed_set_id,
                session.scalar(select(func.count()).where(*is_accepted)) or 0,
                session.scalar(select(func.max(ReviewEventRow.id))) or 0,
                n_opinions,
                last_opinion_id or 0,
            )

    def count_new_decisions(self, task_id: int, after_event_id: int) -> int:
        """How many texts people accepted, rejected or relabelled, or took that back, after a review event."""
        event = ReviewEventRow
        query = (
            select(func.count(event.text_id.distinct()))
            .join(ReviewStepRow, ReviewStepRow.id == event.step_id)
            .where(event.id > after_event_id, ReviewStepRow.task_id == task_id)
            .where(or_(event.label_before != event.label_after, event.status_before != event.status_after))
        )
        with reading(self._engine) as session:
            return session.scalar(query) or 0

    def has_new_texts(self, task_id: int) -> bool:
        """Whether a text that is not rejected has no consensus."""
        text = SyntheticTextRow
        is_known = exists().where(TextConsensusRow.text_id == text.id)
        query = select(text.id).where(text.task_id == task_id, text.status != ReviewStatus.REJECTED, ~is_known)
        with reading(self._engine) as session:
            return session.scalar(query.limit(1)) is not None

    # Writing ---------------------------------------------------------------------------------------------------------

    def write(
        self, task_id: int, basis: ConsensusBasis, texts: Sequence[VariantText], consensus: Consensus
    ) -> ConsensusVersion:
        """Replace the task's consensus; texts that were edited, rejected or deleted in the meantime are left out.

        Raises:
            StorageError: there is no such task.
        """
        text = SyntheticTextRow
        with writing(self._engine) as session:
            if session.get(TaskRow, task_id) is None:
                raise StorageError(f"Task {task_id} was removed; its consensus cannot be stored.")
            row = _add_version(session, task_id, basis, consensus)
            old = select(ConsensusVersionRow.id).where(ConsensusVersionRow.task_id == task_id)
            session.execute(delete(TextConsensusRow).where(TextConsensusRow.version_id.in_(old)))
            of_task = select(text.id, text.text).where(text.task_id == task_id, text.status != ReviewStatus.REJECTED)
            now = {found.id: found.text for found in session.execute(of_task)}
            places = [place for place, known in enumerate(texts) if now.get(known.id) == known.text]
            values = _to_values(row.id, texts, consensus, places)
            if values:
                session.execute(insert(TextConsensusRow), values)
            return _to_version(row)

    # Reading ---------------------------------------------------------------------------------------------------------

    def newest(self, task_id: int) -> ConsensusVersion | None:
        """The current version; None before the first."""
        with reading(self._engine) as session:
            row = _newest(session, task_id)
            return _to_version(row) if row else None

    def of_texts(self, text_ids: Sequence[int]) -> dict[int, TextConsensus]:
        """The consensus of these texts, by id; texts without one, and rejected texts, are left out."""
        with reading(self._engine) as session:
            return read_consensus(session, text_ids)

    def stated(self, task_id: int) -> list[StatedLabel]:
        """What the consensus expects of each text that is not rejected, and what people decided about it."""
        text, of_text = SyntheticTextRow, TextConsensusRow
        query = (
            select(of_text.label, of_text.prob, text.label, text.status)
            .join_from(text, of_text, of_text.text_id == text.id)
            .where(text.task_id == task_id, text.status != ReviewStatus.REJECTED)
            .order_by(text.id)
        )
        with reading(self._engine) as session:
            return [
                StatedLabel(label, prob, now if status == ReviewStatus.ACCEPTED else None)
                for label, prob, now, status in session.execute(query)
            ]


def read_consensus(session: Session, text_ids: Sequence[int]) -> dict[int, TextConsensus]:
    """See `TaskConsensus.of_texts`."""
    text, version = SyntheticTextRow, ConsensusVersionRow
    columns = (TextConsensusRow, text.label.label("label_now"), text.status, version.weights)
    query = (
        select(*columns)
        .join(text, text.id == TextConsensusRow.text_id)
        .join(version, version.id == TextConsensusRow.version_id)
        .where(text.status != ReviewStatus.REJECTED)
    )
    found: dict[int, TextConsensus] = {}
    for start in range(0, len(text_ids), CHUNK):
        chunk = query.where(text.id.in_(text_ids[start : start + CHUNK]))
        found |= {row[0].text_id: _to_text_consensus(row) for row in session.execute(chunk)}
    return found


def _newest(session: Session, task_id: int) -> ConsensusVersionRow | None:
    row = ConsensusVersionRow
    return session.scalar(select(row).where(row.task_id == task_id).order_by(row.id.desc()).limit(1))


def _add_version(session: Session, task_id: int, basis: ConsensusBasis, consensus: Consensus) -> ConsensusVersionRow:
    weights = [[weight.source.value, weight.exponent, weight.name] for weight in consensus.weights]
    row = ConsensusVersionRow(
        task_id=task_id,
        seed_set_id=basis.seed_set_id,
        n_decisions=basis.n_decisions,
        last_event_id=basis.last_event_id,
        n_opinions=basis.n_opinions,
        last_opinion_id=basis.last_opinion_id,
        weights=weights,
    )
    session.add(row)
    session.flush()
    return row


def _to_values(
    version_id: int, texts: Sequence[VariantText], consensus: Consensus, places: Sequence[int]
) -> list[dict[str, object]]:
    """The rows of the texts at these places. Names of sources are stored once, with the version."""
    positions = {(weight.source, weight.name): i for i, weight in enumerate(consensus.weights)}
    return [
        {
            "text_id": texts[place].id,
            "version_id": version_id,
            "label": consensus.undecided[place].label,
            "prob": max(consensus.undecided[place].probs),
            "probs": list(consensus.undecided[place].probs),
            "opinions": [
                [positions[opinion.source, opinion.name], opinion.label, opinion.prob]
                for opinion in consensus.opinions[place]
            ],
        }
        for place in places
    ]


def _to_version(row: ConsensusVersionRow) -> ConsensusVersion:
    return ConsensusVersion(
        row.id,
        row.task_id,
        row.created_at,
        ConsensusBasis(row.seed_set_id, row.n_decisions, row.last_event_id, row.n_opinions, row.last_opinion_id),
        tuple(SourceWeight(LabelSource(source), exponent, name) for source, exponent, name in row.weights),
    )


def _to_text_consensus(
    found: Row[TextConsensusRow, str, ReviewStatus, list[list[object]]],
) -> TextConsensus:
    row, label_now, status, weights = found
    is_decided = status == ReviewStatus.ACCEPTED
    return TextConsensus(
        label=label_now if is_decided else row.label,
        prob=1.0 if is_decided else row.prob,
        is_decided=is_decided,
        expected_label=row.label,
        expected_prob=row.prob,
        opinions=tuple(
            SourceOpinion(LabelSource(weights[position][0]), label, prob, str(weights[position][2]))
            for position, label, prob in row.opinions
        ),
        version_id=row.version_id,
    )
