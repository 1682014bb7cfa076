"""Synthetic texts as they are now, which of them are wanted, and people's decisions about them."""

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
    the likeliest label, lowest first. Texts without probabilities come last. `RANDOM` is one order for everybody.
    """

    DISAGREEMENT = "disagreement"
    LEAST_CONFIDENT = "least-confident"
    NEWEST = "newest"
    OLDEST = "oldest"
    RUN = "run"
    RANDOM = "random"


@dataclass(frozen=True, slots=True)
class TextState:
    """What review can change of a text. Inside a `TextChange`, a text or note that stayed is None."""

    label: str
    status: ReviewStatus
    text: str | None = None
    note: str | None = None

    def after(self, change: "TextChange") -> "TextState":
        """The state that the change leads to from here."""
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


# What the eight values of a `TextChange` are called in the database and in exported files.
CHANGE_COLUMNS = tuple(f"{part.name}_{side}" for part in fields(TextState) for side in ("before", "after"))


@dataclass(frozen=True, slots=True)
class TextFilters:
    """Which synthetic texts of a task are wanted; None and '' filter nothing.

    `search` is a part of the text, whatever its case; `least` and `most` bound the LM's probability of the likeliest
    label; `is_disputed` asks for texts that two reviewers decided differently.
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
    """A synthetic text as it is now: the LM's proposal, and what the last review event made of it.

    `last_event_id` shows whether somebody changed it since it was read. `proposed_text` is what the LM wrote, even
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
        """What review can change of it."""
        return TextState(self.label, self.status, self.text, self.note)

    @property
    def confidence(self) -> float | None:
        """The LM's probability of the likeliest label, where there are probabilities."""
        return max(self.label_probs) if self.label_probs else None


@dataclass(frozen=True, slots=True)
class ReviewStep:
    """What one person did at once, to one text or to many; `undoes_id` is the step that an undo takes back.

    `n_kept` counts the texts that it left unchanged because somebody else had decided on them. `event` is the
    only event of a step with one, unless its text was deleted.
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
    """What a person wants a text to become; None leaves a part as it is."""

    label: str | None = None
    status: ReviewStatus | None = None
    text: str | None = None
    note: str | None = None

    def is_noop(self, state: TextState) -> bool:
        """Whether a text in this state is as the decision wants it."""
        return (
            self.label in (None, state.label)
            and self.status in (None, state.status)
            and self.text in (None, state.text)
            and self.note in (None, state.note)
        )

    def change(self, state: TextState) -> TextChange:
        """The change that the decision makes of a text in this state."""
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
    """An action on one text or many, and what it gives: a relabel its label, an edit its text, a note its note."""

    action: ReviewAction
    label: str | None = None
    text: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ShownTexts:
    """Texts as a page showed them: the last event of each by the text's id, None where there was none."""

    last_event_ids: Mapping[int, int | None]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which part of a list of texts is wanted: page `number` (from 1) of `size` texts each, in an order."""

    order: ReviewOrder = ReviewOrder.OLDEST
    number: int = 1
    size: int = 50


@dataclass(frozen=True, slots=True)
class QueueOrder:
    """Which texts the queue hands out, and which of them first.

    With `judge_id`, a training run: first the texts whose label that classifier holds least likely, then the others by
    `sort`. For a second opinion: texts that others decided on and the reviewer did not, instead of pending ones.
    """

    sort: ReviewOrder = ReviewOrder.OLDEST
    judge_id: int | None = None
    is_second: bool = False


@dataclass(frozen=True, slots=True)
class QueueRequest:
    """Which cards a browser tab asks the queue for, and how many; `filters.status` is ignored.

    `reviewer` is who asks, needed for a second opinion. The first card is to be shown at once if `is_first_shown`; the
    others are only kept ready.
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
    """How often two reviewers gave one text these two labels, by their latest decisions; '' is a rejection."""

    first: str
    second: str
    first_outcome: str
    second_outcome: str
    n: int
