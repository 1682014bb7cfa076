"""Synthetic texts as they stand now, and the decisions of people about them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from augment.records.checks import Finding


class ReviewStatus(StrEnum):
    """What people decided about a synthetic text."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class ReviewAction(StrEnum):
    """What one review event did."""

    ACCEPT = "accept"
    REJECT = "reject"
    RELABEL = "relabel"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class StoredText:
    """A synthetic text as it stands now: the LM's proposal, and the label and status after the last review event."""

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


@dataclass(frozen=True, slots=True)
class ReviewEvent:
    """One decision of a person about one synthetic text: what stood before and after."""

    id: int
    text_id: int
    action: ReviewAction
    reviewer: str
    label_before: str
    label_after: str
    status_before: ReviewStatus
    status_after: ReviewStatus
    created_at: datetime
