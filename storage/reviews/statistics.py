"""Counts of review decisions, made by the database: outcomes by run and label, and who agreed with whom."""

from sqlalchemy import Engine, case, func, select
from sqlalchemy.orm import aliased

from augment.records import OutcomeCount, PairCount, ReviewStatus
from storage.engine import reading
from storage.reviews.standing import last_decisions_of_all, outcome_of
from storage.schema import ReviewEventRow, SyntheticTextRow


class ReviewStatistics:
    """Counts of decisions; read-only."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def outcomes(self, task_id: int) -> list[OutcomeCount]:
        """What people decided about the texts, by run and proposed label.

        A text with an edited wording but an unchanged label counts as kept: its label is the proposed one.
        """
        row = SyntheticTextRow
        accepted = row.status == ReviewStatus.ACCEPTED
        query = (
            select(
                row.run_id,
                row.proposed_label,
                *(
                    func.sum(case((condition, 1), else_=0))
                    for condition in (
                        row.status == ReviewStatus.PENDING,
                        accepted & (row.label == row.proposed_label),
                        accepted & (row.label != row.proposed_label),
                        row.status == ReviewStatus.REJECTED,
                    )
                ),
            )
            .where(row.task_id == task_id)
            .group_by(row.run_id, row.proposed_label)
            .order_by(row.run_id, row.proposed_label)
        )
        with reading(self._engine) as session:
            return [OutcomeCount(*found) for found in session.execute(query)]

    def count_against_lm(self, task_id: int) -> dict[tuple[str, str], int]:
        """Accepted texts by (proposed label, people's label); rejected texts have no label."""
        row = SyntheticTextRow
        query = (
            select(row.proposed_label, row.label, func.count())
            .where(row.task_id == task_id, row.status == ReviewStatus.ACCEPTED)
            .group_by(row.proposed_label, row.label)
            .order_by(row.proposed_label, row.label)
        )
        with reading(self._engine) as session:
            return {(proposed, label): n for proposed, label, n in session.execute(query)}

    def count_pairs(self, task_id: int) -> list[PairCount]:
        """How often each pair of reviewers gave the same text which labels, by their last decisions.

        Each pair is counted once, in the order of the names; one person under two names is a pair too.
        """
        last = last_decisions_of_all(task_id)
        first, second = last.alias("first"), last.alias("second")
        first_event, second_event = aliased(ReviewEventRow), aliased(ReviewEventRow)
        outcomes = outcome_of(first_event), outcome_of(second_event)
        query = (
            select(first.c.reviewer, second.c.reviewer, *outcomes, func.count())
            .join_from(first, second, (first.c.text_id == second.c.text_id) & (first.c.reviewer < second.c.reviewer))
            .join(first_event, first_event.id == first.c.event_id)
            .join(second_event, second_event.id == second.c.event_id)
            .group_by(first.c.reviewer, second.c.reviewer, *outcomes)
            .order_by(first.c.reviewer, second.c.reviewer, *outcomes)
        )
        with reading(self._engine) as session:
            return [PairCount(*found) for found in session.execute(query)]
