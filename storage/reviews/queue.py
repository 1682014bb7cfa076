"""The review queue: which cards come next, and who has them. A card is lent: two people never read one at once."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Engine, Select, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from augment.records import ReviewOrder, ReviewStatus, StoredText, TextFilters
from storage.engine import reading, writing
from storage.generations import select_texts, to_stored_texts
from storage.reviews.own_decisions import has_decided
from storage.reviews.text_queries import conditions_of, order_of
from storage.schema import (
    ReviewLeaseRow,
    SyntheticTextRow,
    TextPredictionRow,
    utc_now,
)

LENT_FOR = timedelta(minutes=3)  # since the card was shown; a decision after that still counts, and shows a conflict
AHEAD_FOR = timedelta(seconds=20)  # a card that is only ready to be shown next: a closed page keeps it no longer


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
        n: int = 1,
        is_first_shown: bool = True,
        order: ReviewOrder = ReviewOrder.OLDEST,
        judge_id: int | None = None,
        second_by: str | None = None,
        skipped: frozenset[int] = frozenset(),
    ) -> list[StoredText]:
        """Lend up to `n` texts more to a tab: the first that wait, pass the filters and that no tab has.

        The first of them is for the desk, unless a card lies there already; the others are ahead.
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
            session.execute(delete(ReviewLeaseRow).where(ReviewLeaseRow.expires_at <= now))
            found = self._judged_first(session, query, judge_id, n) if judge_id is not None else []
            if len(found) < n:
                others = query.where(text.id.not_in([one.id for one in found])) if found else query
                found += to_stored_texts(session, others.order_by(*order_of(order)).limit(n - len(found)))
            ids = [one.id for one in found]
            session.add_all(_leases(ids, holder, shown=ids[:1] if is_first_shown else []))
            return found

    def hold(self, text_ids: Sequence[int], *, holder: str) -> frozenset[int]:
        """Lend just these texts to a tab, or for longer, and take back its others; those it now has.

        The first lies on the desk, the others are ahead. Left out are those that another tab has or that are gone.
        """
        lease, now = ReviewLeaseRow, utc_now()
        with writing(self._engine) as session:
            session.execute(delete(lease).where(or_(lease.holder == holder, lease.expires_at <= now)))
            taken = set(session.scalars(select(lease.text_id).where(lease.text_id.in_(text_ids))))
            there = session.scalars(select(SyntheticTextRow.id).where(SyntheticTextRow.id.in_(text_ids)))
            free = frozenset(there) - taken
            session.add_all(_leases(free, holder, shown=text_ids[:1]))
            return free

    def count_lent(self, task_id: int, filters: TextFilters, *, holder: str) -> int:
        """How many texts that wait and pass the filters, but for their status, lie on the desks of other tabs."""
        lease, text = ReviewLeaseRow, SyntheticTextRow
        wanted = [*conditions_of(task_id, replace(filters, status=None)), text.status == ReviewStatus.PENDING]
        others = [lease.holder != holder, lease.expires_at > utc_now()]
        query = select(func.count()).select_from(lease).join(text, text.id == lease.text_id).where(*wanted, *others)
        with reading(self._engine) as session:
            return session.scalar(query) or 0

    def _judged_first(
        self, session: Session, query: Select[SyntheticTextRow, str], judge_id: int, n: int
    ) -> list[StoredText]:
        judged = query.join(TextPredictionRow, TextPredictionRow.text_id == SyntheticTextRow.id)
        judged = judged.where(TextPredictionRow.training_run_id == judge_id)
        return to_stored_texts(session, judged.order_by(TextPredictionRow.label_prob, SyntheticTextRow.id).limit(n))


def _leases(text_ids: Iterable[int], holder: str, *, shown: Container[int]) -> list[ReviewLeaseRow]:
    now = utc_now()
    ends = {one: now + (LENT_FOR if one in shown else AHEAD_FOR) for one in text_ids}
    return [ReviewLeaseRow(text_id=one, holder=holder, expires_at=end) for one, end in ends.items()]
