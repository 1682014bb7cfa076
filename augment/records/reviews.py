"""Synthetic texts as they stand now, which of them are wanted, and the decisions of people about them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

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
    """Which text comes first, in the queue and in the table.

    `DISAGREEMENT`: whose label is least likely, to the LM or to a trained classifier. `LEAST_CONFIDENT`: whose
    likeliest label is least likely. Texts without probabilities come last. `RANDOM` is the same for all and stays.
    """

    DISAGREEMENT = "disagreement first"
    LEAST_CONFIDENT = "least confident first"
    NEWEST = "newest first"
    OLDEST = "oldest first"
    RUN = "run by run"
    RANDOM = "random"


@dataclass(frozen=True, slots=True)
class TextFilters:
    """Which synthetic texts of a task are wanted; None and '' ask for nothing.

    `search` is a part of the text, upper or lower case; `least` and `most` bound the confidence, the probability of the
    likeliest label; `is_disputed` asks for texts that two reviewers decided differently.
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
    """A synthetic text as it stands now: the LM's proposal, and what the last review event made of it.

    `last_event_id` tells whether somebody decided since it was read; `proposed_text` is what the LM wrote, whatever
    became of `text`.
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
    def confidence(self) -> float | None:
        """The probability of the likeliest label, where there are probabilities."""
        return max(self.label_probs) if self.label_probs else None


@dataclass(frozen=True, slots=True)
class ReviewStep:
    """What one person did at once, to one text or to many; `undoes_id` names the step that an undo takes back.

    `n_kept` counts texts that it left alone, since somebody else decided on them; `event` is the only event of a step
    with one, None where its text is gone.
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
        """The only text of a step with one."""
        return self.event.text_id if self.event else None


@dataclass(frozen=True, slots=True)
class ReviewEvent:
    """What one step did to one synthetic text: what stood before and after. Texts and notes that stayed are None."""

    id: int
    step_id: int
    text_id: int
    action: ReviewAction
    reviewer: str
    label_before: str
    label_after: str
    status_before: ReviewStatus
    status_after: ReviewStatus
    created_at: datetime
    text_before: str | None = None
    text_after: str | None = None
    note_before: str | None = None
    note_after: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person wants a text to become; None leaves a part as it is."""

    label: str | None = None
    status: ReviewStatus | None = None
    text: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """What became of a run's texts for which the LM proposed one label."""

    run_id: int
    proposed_label: str
    n_pending: int
    n_kept: int
    n_relabelled: int
    n_rejected: int


@dataclass(frozen=True, slots=True)
class PairCount:
    """How often two reviewers' standing decisions on one text were these labels; '' stands for a rejected text."""

    first: str
    second: str
    first_outcome: str
    second_outcome: str
    n: int
