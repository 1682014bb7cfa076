"""Synthetic texts in their current state, filters and orders for them, and people's decisions about them."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from enum import StrEnum
from itertools import chain
from typing import Any

from augment.records.checks import Finding, RejectReason

MAX_TEXT_LENGTH = 10_000  # characters


class ReviewStatus(StrEnum):
    """What people decided about a synthetic text."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class ReviewAction(StrEnum):
    """What a person did in one review step."""

    ACCEPT = "accept"
    REJECT = "reject"
    RELABEL = "relabel"
    EDIT = "edit"
    NOTE = "note"
    IMPORT = "import"
    UNDO = "undo"


class ReviewOrder(StrEnum):
    """How the table and the queue are sorted.

    `DISAGREEMENT`: the LM's probability of the text's label, lowest first. `LEAST_CONFIDENT`: the LM's probability of
    the likeliest label, lowest first. `LEAST_SURE`: the same of the consensus of all label sources. Texts without
    probabilities come last. `RANDOM` is the same order for everyone.
    """

    DISAGREEMENT = "disagreement"
    LEAST_CONFIDENT = "least-confident"
    LEAST_SURE = "least-sure-consensus"
    NEWEST = "newest"
    OLDEST = "oldest"
    RUN = "run"
    RANDOM = "random"


@dataclass(frozen=True, slots=True)
class TextState:
    """The parts of a text that review can change. In a `TextChange`, a text or note that did not change is None."""

    label: str
    status: ReviewStatus
    text: str | None = None
    note: str | None = None

    def after(self, change: "TextChange") -> "TextState":
        """This state after the change."""
        new = change.after
        text = self.text if new.text is None else new.text
        note = self.note if new.note is None else new.note
        return TextState(new.label, new.status, text, note)


@dataclass(frozen=True, slots=True)
class TextChange:
    """One change of a text: its state before and after."""

    before: TextState
    after: TextState

    @property
    def columns(self) -> dict[str, Any]:
        """The eight values by the names in `CHANGE_COLUMNS`."""
        parts = zip(astuple(self.before), astuple(self.after), strict=True)
        return dict(zip(CHANGE_COLUMNS, chain.from_iterable(parts), strict=True))


# The names of the eight values of a `TextChange` in the database and in exported files.
CHANGE_COLUMNS = tuple(f"{part.name}_{side}" for part in fields(TextState) for side in ("before", "after"))


@dataclass(frozen=True, slots=True)
class TextFilters:
    """Filters on a task's synthetic texts; None and '' filter nothing.

    `search` is a part of the text, ignoring case; `least` and `most` bound the LM's probability of the likeliest label;
    `is_disputed` selects texts that two reviewers decided differently.
    """

    status: ReviewStatus | None = None
    label: str | None = None
    proposed_label: str | None = None
    lm_name: str | None = None
    strategy: str | None = None
    run_id: int | None = None
    prompt_version_id: int | None = None
    flag: RejectReason | None = None
    least: float | None = None
    most: float | None = None
    search: str = ""
    is_disputed: bool = False


@dataclass(frozen=True, slots=True)
class StoredText:
    """A synthetic text in its current state: the LM's proposal, and the result of the last review event.

    `last_event_id` shows whether someone changed the text after it was read. `proposed_text` is what the LM wrote, even
    after `text` was edited.
    """

    id: int
    run_id: int
    lm_name: str
    text: str
    proposed_label: str
    label: str
    status: ReviewStatus
    label_probs: tuple[float, ...] | None
    created_at: datetime
    flags: tuple[Finding, ...] = ()
    proposed_text: str = ""
    note: str = ""
    last_event_id: int | None = None

    @property
    def state(self) -> TextState:
        """The parts of the text that review can change."""
        return TextState(self.label, self.status, self.text, self.note)

    @property
    def confidence(self) -> float | None:
        """The LM's probability of the likeliest label; None without probabilities."""
        return max(self.label_probs) if self.label_probs else None


@dataclass(frozen=True, slots=True)
class ReviewStep:
    """One action of one person, on one text or many; `undoes_id` is the step that an undo takes back.

    `n_kept` counts the texts that it left unchanged because someone else had decided on them. `event` is set if the
    step has a single event, unless its text was deleted.
    """

    id: int
    task_id: int
    action: ReviewAction
    reviewer: str
    created_at: datetime
    n_events: int
    undoes_id: int | None = None
    event: "ReviewEvent | None" = None
    n_kept: int = 0

    @property
    def text_id(self) -> int | None:
        """The text of a step with a single event."""
        return self.event.text_id if self.event else None


@dataclass(frozen=True, slots=True)
class ReviewEvent:
    """What one step did to one synthetic text."""

    id: int
    step_id: int
    text_id: int
    action: ReviewAction
    reviewer: str
    change: TextChange
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """The values that a person wants a text to have; None leaves a value as it is."""

    label: str | None = None
    status: ReviewStatus | None = None
    text: str | None = None
    note: str | None = None

    def is_noop(self, state: TextState) -> bool:
        """Whether the decision changes nothing of a text in this state."""
        return (
            self.label in (None, state.label)
            and self.status in (None, state.status)
            and self.text in (None, state.text)
            and self.note in (None, state.note)
        )

    def change(self, state: TextState) -> TextChange:
        """The change that the decision makes to a text in this state."""
        after = TextState(
            state.label if self.label is None else self.label,
            state.status if self.status is None else self.status,
            self.text,
            self.note,
        )
        text = None if self.text is None else state.text
        note = None if self.note is None else state.note
        return TextChange(TextState(state.label, state.status, text, note), after)


@dataclass(frozen=True, slots=True)
class Verdict:
    """An action on one text or many, with its value: the new label, text or note of a relabel, edit or note."""

    action: ReviewAction
    label: str | None = None
    text: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ShownTexts:
    """The texts that a page showed: the last event id by text id, None for a text without events."""

    last_event_ids: Mapping[int, int | None]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A page of a list of texts: page `number` (from 1) with `size` texts per page, in an order."""

    order: ReviewOrder = ReviewOrder.OLDEST
    number: int = 1
    size: int = 50


@dataclass(frozen=True, slots=True)
class QueueOrder:
    """Which texts the queue hands out, and in which order.

    With `judge_id`, the id of a training run, texts whose label its classifier finds least likely come first, then the
    others by `sort`. With `is_second`, the queue has texts that others decided on and the reviewer did not, instead of
    pending texts.
    """

    sort: ReviewOrder = ReviewOrder.OLDEST
    judge_id: int | None = None
    is_second: bool = False


@dataclass(frozen=True, slots=True)
class QueueRequest:
    """A browser tab's request for `n` cards from the queue; `filters.status` is ignored.

    `reviewer` is needed for a second opinion. If `is_first_shown`, the first card is shown at once; the others are only
    kept ready.
    """

    filters: TextFilters = TextFilters()
    order: QueueOrder = QueueOrder()
    reviewer: str = ""
    n: int = 1
    is_first_shown: bool = True
    skipped: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """What people decided about a run's texts with one proposed label."""

    run_id: int
    proposed_label: str
    n_pending: int
    n_kept: int
    n_relabelled: int
    n_rejected: int


@dataclass(frozen=True, slots=True)
class PairCount:
    """How often two reviewers gave the same text these labels, by their latest decisions; '' is a rejection."""

    first: str
    second: str
    first_outcome: str
    second_outcome: str
    n: int
