"""Reviews: synthetic texts and people's decisions about them. Each call is one transaction."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Engine

from augment.records import (
    Decision,
    PageRequest,
    ReviewAction,
    ReviewEvent,
    ReviewStatus,
    ReviewStep,
    ShownTexts,
    StoredText,
    TextFilters,
    Verdict,
)
from storage.engine import reading, writing
from storage.reviews import decisions, history, texts
from storage.reviews.standing import last_decisions
from storage.reviews.verdicts import as_verdict

FIRST_PAGE = PageRequest()


class Reviews:
    """Synthetic texts and people's decisions about them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # Texts -----------------------------------------------------------------------------------------------------------

    def text(self, text_id: int) -> StoredText:
        """One synthetic text in its current state.

        Raises:
            StorageError: there is no such text.
        """
        with reading(self._engine) as session:
            return texts.get_text(session, text_id)

    def texts(self, text_ids: Sequence[int]) -> list[StoredText]:
        """The texts with these ids, in the same order; missing texts are left out."""
        with reading(self._engine) as session:
            return texts.get_texts(session, text_ids)

    def page(self, task_id: int, filters: TextFilters, page: PageRequest = FIRST_PAGE) -> list[StoredText]:
        """One page of the texts that pass the filters."""
        with reading(self._engine) as session:
            return texts.get_page(session, task_id, filters, page)

    def newest_texts(self, task_id: int, filters: TextFilters, *, limit: int) -> dict[int, str]:
        """The newest texts that pass the filters, by id."""
        with reading(self._engine) as session:
            return texts.newest_texts(session, task_id, filters, limit=limit)

    def count(self, task_id: int, filters: TextFilters) -> int:
        """How many texts pass the filters."""
        with reading(self._engine) as session:
            return texts.count_texts(session, task_id, filters)

    def count_status(self, task_id: int) -> dict[ReviewStatus, int]:
        """The task's synthetic texts by review status, including statuses without any."""
        with reading(self._engine) as session:
            return texts.count_by_status(session, task_id)

    # History ---------------------------------------------------------------------------------------------------------

    def history(self, text_id: int) -> list[ReviewEvent]:
        """Every event of a text, oldest first."""
        with reading(self._engine) as session:
            return history.events_of(session, text_id)

    def as_of(self, text_id: int, event_id: int | None) -> StoredText:
        """A text as it was after one of its events, or as the LM proposed it if that is None; with its current note.

        Raises:
            StorageError: there is no such text.
        """
        with reading(self._engine) as session:
            return history.text_as_of(session, text_id, event_id)

    def last_step(self, task_id: int, *, reviewer: str) -> ReviewStep | None:
        """The step that `undo` would take back."""
        with reading(self._engine) as session:
            return history.last_step(session, task_id, reviewer=reviewer)

    def count_events(self, task_id: int) -> int:
        """How many events the task's texts have, including undone events and undos."""
        with reading(self._engine) as session:
            return history.count_events(session, task_id)

    def has_decided(self, text_id: int, *, reviewer: str) -> bool:
        """Whether the reviewer decided on the text and did not undo it."""
        with reading(self._engine) as session:
            return bool(last_decisions(session, [text_id], reviewer))

    def rate(self, task_id: int, *, reviewer: str) -> float | None:
        """The reviewer's decisions on single texts per minute, from the newest decisions and without long pauses.

        None before the third decision of a sitting. Undone decisions count: the text was read and decided on.
        """
        with reading(self._engine) as session:
            return history.rate_per_min(session, task_id, reviewer=reviewer)

    # Deciding --------------------------------------------------------------------------------------------------------

    def decide(
        self, text_id: int, verdict: Verdict | ReviewAction, *, reviewer: str, seen: StoredText | None = None
    ) -> ReviewEvent | None:
        """Accept, reject, relabel (which accepts too), edit or annotate one text.

        With `seen`, the text as it was shown, a text that someone changed afterwards is refused. A verdict that repeats
        the reviewer's last one (a double click) adds no event: the earlier event is returned, or None for a note or an
        edit that changes nothing. Agreeing with someone else adds an event.

        Raises:
            ConflictError: someone decided on the text after it was shown.
            StorageError: the text is missing, the label is not one of the task's, or the new text cannot be used.
        """
        with writing(self._engine) as session:
            return decisions.decide(session, text_id, as_verdict(verdict), reviewer=reviewer, seen=seen)

    def decide_many(
        self,
        task_id: int,
        chosen: TextFilters | ShownTexts | Sequence[int],
        verdict: Verdict | ReviewAction,
        *,
        reviewer: str,
    ) -> ReviewStep | None:
        """Accept, reject or relabel every text that passes the filters, or the given texts, as one step.

        `ShownTexts` that someone else acted on in the meantime stay unchanged and are counted in the step's `n_kept`.
        Texts that already match the reviewer's last decision get no event; None if all of them do.

        Raises:
            StorageError: the label is not one of the task's.
        """
        with writing(self._engine) as session:
            return decisions.decide_many(session, task_id, chosen, as_verdict(verdict), reviewer=reviewer)

    def import_decisions(self, task_id: int, decided: Mapping[int, Decision], *, reviewer: str) -> ReviewStep | None:
        """Store decisions that were made elsewhere, by text id, as one step; None if there is nothing to store.

        Raises:
            StorageError: an id or a label is not one of the task's.
        """
        with writing(self._engine) as session:
            return decisions.import_decisions(session, task_id, decided, reviewer=reviewer)

    def undo(self, task_id: int, *, reviewer: str) -> ReviewStep | None:
        """Take back the reviewer's last step that is not undone yet, as a new step; None if there is none.

        Texts that someone else decided on afterwards stay as they are and are counted in `n_kept`.
        """
        with writing(self._engine) as session:
            return decisions.undo(session, task_id, reviewer=reviewer)
