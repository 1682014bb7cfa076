"""The review queue: which cards come next, and who has them. Cards are lent, so no two people have the same one."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Engine, Select, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from augment.records import QueueRequest, ReviewStatus, StoredText, TextFilters
from storage.engine import reading, writing
from storage.reviews.standing import has_decided
from storage.reviews.text_queries import conditions_of, order_of
from storage.schema import (
    ReviewLeaseRow,
    SyntheticTextRow,
    TextPredictionRow,
    utc_now,
)
from storage.text_rows import select_texts, to_stored_texts

LENT_FOR = timedelta(minutes=3)  # after the card was shown; a later decision still counts, but may show a conflict
AHEAD_FOR = timedelta(seconds=20)  # for a card that is only kept ready, so that a closed page soon releases it


class ReviewQueue:
    """Hands out cards. `holder` identifies one browser tab."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self, task_id: int, request: QueueRequest, *, holder: str) -> list[StoredText]:
        """Lend more texts to a tab: the first texts that match the request and that no tab has."""
        with writing(self._engine) as session:
            session.execute(delete(ReviewLeaseRow).where(ReviewLeaseRow.expires_at <= utc_now()))
            found = _first_texts(session, _free_texts(task_id, request), request)
            ids = [text.id for text in found]
            session.add_all(_leases(ids, holder, shown=ids[:1] if request.is_first_shown else []))
            return found

    def coming(self, task_id: int, request: QueueRequest, *, n: int) -> list[int]:
        """Ids of the first `n` texts that match the request, in its order, whether or not a tab has them."""
        with reading(self._engine) as session:
            return [text.id for text in _first_texts(session, _matching(task_id, request), replace(request, n=n))]

    def hold(self, text_ids: Sequence[int], *, holder: str) -> frozenset[int]:
        """Lend exactly these texts to a tab, or renew their leases, and release its others; returns those it now has.

        The first text is the one shown; the others are kept ready. Texts that another tab has or that were deleted are
        left out.
        """
        lease, now = ReviewLeaseRow, utc_now()
        with writing(self._engine) as session:
            session.execute(delete(lease).where(or_(lease.holder == holder, lease.expires_at <= now)))
            taken = set(session.scalars(select(lease.text_id).where(lease.text_id.in_(text_ids))))
            existing = session.scalars(select(SyntheticTextRow.id).where(SyntheticTextRow.id.in_(text_ids)))
            free = frozenset(existing) - taken
            session.add_all(_leases(free, holder, shown=text_ids[:1]))
            return free

    def count_lent(self, task_id: int, filters: TextFilters, *, holder: str) -> int:
        """How many pending texts that pass the filters are lent to other tabs; `filters.status` is ignored."""
        lease, text = ReviewLeaseRow, SyntheticTextRow
        wanted = [*conditions_of(task_id, replace(filters, status=None)), text.status == ReviewStatus.PENDING]
        others = [lease.holder != holder, lease.expires_at > utc_now()]
        query = select(func.count()).select_from(lease).join(text, text.id == lease.text_id).where(*wanted, *others)
        with reading(self._engine) as session:
            return session.scalar(query) or 0


def _free_texts(task_id: int, request: QueueRequest) -> Select[SyntheticTextRow, str]:
    """Texts that match the request and that no tab has, unsorted."""
    return _matching(task_id, request).where(~exists().where(ReviewLeaseRow.text_id == SyntheticTextRow.id))


def _matching(task_id: int, request: QueueRequest) -> Select[SyntheticTextRow, str]:
    """Texts that match the request, unsorted."""
    text = SyntheticTextRow
    query = select_texts().where(*conditions_of(task_id, replace(request.filters, status=None)))
    if request.order.is_second:
        query = query.where(text.status != ReviewStatus.PENDING, ~has_decided(request.reviewer))
    else:
        query = query.where(text.status == ReviewStatus.PENDING)
    return query.where(text.id.not_in(request.skipped)) if request.skipped else query


def _first_texts(session: Session, query: Select[SyntheticTextRow, str], request: QueueRequest) -> list[StoredText]:
    """The first `request.n` texts: those that the judge disagrees with most, if there is one, then by sort order."""
    found = []
    if request.order.judge_id is not None:
        judged = query.join(TextPredictionRow, TextPredictionRow.text_id == SyntheticTextRow.id)
        judged = judged.where(TextPredictionRow.training_run_id == request.order.judge_id)
        judged = judged.order_by(TextPredictionRow.label_prob, SyntheticTextRow.id).limit(request.n)
        found = to_stored_texts(session, judged)
    n_missing = request.n - len(found)
    if n_missing > 0:
        others = query.where(SyntheticTextRow.id.not_in([text.id for text in found])) if found else query
        found += to_stored_texts(session, others.order_by(*order_of(request.order.sort)).limit(n_missing))
    return found


def _leases(text_ids: Iterable[int], holder: str, *, shown: Container[int]) -> list[ReviewLeaseRow]:
    now = utc_now()
    ends = {text_id: now + (LENT_FOR if text_id in shown else AHEAD_FOR) for text_id in text_ids}
    return [ReviewLeaseRow(text_id=text_id, holder=holder, expires_at=end) for text_id, end in ends.items()]
