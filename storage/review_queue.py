"""The review queue: which card comes next, and who has it. A card is lent: two people never read one at once."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Engine, Select, delete, exists, or_
from sqlalchemy.orm import Session

from augment.records import ReviewOrder, ReviewStatus, StoredText, TextFilters
from storage.engine import writing
from storage.generations import select_texts, to_stored_texts
from storage.own_decisions import has_decided
from storage.schema import (
    ReviewLeaseRow,
    SyntheticTextRow,
    TextPredictionRow,
    utc_now,
)
from storage.text_queries import conditions_of, order_of

LENT_FOR = timedelta(minutes=3)  # since the card was shown; a decision after that still counts, and shows a conflict


class ReviewQueue:
    """Hands out cards. `holder` names one browser tab."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(
        self,
        task_id: int,
        filters: TextFilters,
        *,
        holder: str,
        order: ReviewOrder = ReviewOrder.OLDEST,
        judge_id: int | None = None,
        second_by: str | None = None,
        skipped: frozenset[int] = frozenset(),
    ) -> StoredText | None:
        """Lend the first text that waits, passes the filters and no other tab has; None if there is none.

        `filters.status` does not count: pending texts wait. With `second_by`, a reviewer: texts that others decided on
        and this one did not, for a second opinion. With `judge_id`, a training run: first those whose label that
        classifier holds least likely, then the rest by `order`.
        """
        text, now = SyntheticTextRow, utc_now()
        lent = exists().where(ReviewLeaseRow.text_id == text.id)
        query = select_texts().where(*conditions_of(task_id, replace(filters, status=None)), ~lent)
        if second_by is None:
            query = query.where(text.status == ReviewStatus.PENDING)
        else:
            query = query.where(text.status != ReviewStatus.PENDING, ~has_decided(second_by))
        if skipped:
            query = query.where(text.id.not_in(skipped))
        with writing(self._engine) as session:
            session.execute(
                delete(ReviewLeaseRow).where(or_(ReviewLeaseRow.holder == holder, ReviewLeaseRow.expires_at <= now))
            )
            found = self._judged_first(session, query, judge_id) if judge_id is not None else []
            found = found or to_stored_texts(session, query.order_by(*order_of(order)).limit(1))
            if not found:
                return None
            session.add(ReviewLeaseRow(text_id=found[0].id, holder=holder, expires_at=now + LENT_FOR))
            return found[0]

    def hold(self, text_id: int, *, holder: str) -> bool:
        """Lend that very text to a tab, or for longer; False where another tab has it."""
        now = utc_now()
        with writing(self._engine) as session:
            lease = session.get(ReviewLeaseRow, text_id)
            if lease is not None and lease.holder != holder and lease.expires_at > now:
                return False
            session.execute(
                delete(ReviewLeaseRow).where(or_(ReviewLeaseRow.holder == holder, ReviewLeaseRow.text_id == text_id))
            )
            if session.get(SyntheticTextRow, text_id) is not None:
                session.add(ReviewLeaseRow(text_id=text_id, holder=holder, expires_at=now + LENT_FOR))
            return True

    def _judged_first(self, session: Session, query: Select[SyntheticTextRow, str], judge_id: int) -> list[StoredText]:
        judged = query.join(TextPredictionRow, TextPredictionRow.text_id == SyntheticTextRow.id)
        judged = judged.where(TextPredictionRow.training_run_id == judge_id)
        return to_stored_texts(session, judged.order_by(TextPredictionRow.label_prob, SyntheticTextRow.id).limit(1))
