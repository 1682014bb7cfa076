"""Reasons to reject a completion or to flag a text, and how strict a run is."""

from dataclasses import dataclass
from enum import StrEnum

from augment.errors import AugmentError


class RejectReason(StrEnum):
    """Why a completion was rejected or a text was flagged."""

    EMPTY = "empty"
    NO_LABEL = "no label"
    UNKNOWN_LABEL = "unknown label"
    SEED_COPY = "copy of a seed"
    DUPLICATE = "duplicate"
    HELD_OUT_COPY = "copy of a held-out text"
    NEAR_DUPLICATE = "near-duplicate"
    TOO_SHORT = "too short"
    TOO_LONG = "too long"
    CUT_OFF = "cut off"
    MARK_INSIDE = "label mark inside"
    UNSURE = "label too unsure"
    DISAGREES = "label disagrees"
    OVER_QUOTA = "over the label's quota"
    SURPLUS = "over the target"


class CheckAction(StrEnum):
    """What a failed check does to a text."""

    REJECT = "reject"
    FLAG = "flag"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: the reason, and the figure or text behind it."""

    reason: RejectReason
    detail: str


@dataclass(frozen=True, slots=True)
class TextChecks:
    """The checks on a parsed text, and what a failed check does: reject the text, flag it, or nothing if it is off.

    `near_duplicate` is the similarity (0 to 1, edit ratio) to a seed, a held-out text or another text from which a text
    counts as a near-duplicate. `min_confidence` is the minimum probability of the text's label. `looks_at_earlier` also
    finds duplicates in the task's earlier runs. A copy of a validation or test text is always rejected.
    """

    min_words: int = 2
    max_words: int = 60
    near_duplicate: float = 0.9
    min_confidence: float = 0.0
    looks_at_earlier: bool = True
    too_short: CheckAction = CheckAction.REJECT
    too_long: CheckAction = CheckAction.REJECT
    cut_off: CheckAction = CheckAction.REJECT
    mark_inside: CheckAction = CheckAction.REJECT
    seed_copy: CheckAction = CheckAction.REJECT
    duplicate: CheckAction = CheckAction.REJECT
    near: CheckAction = CheckAction.REJECT
    unsure: CheckAction = CheckAction.REJECT
    disagrees: CheckAction = CheckAction.FLAG

    def __post_init__(self) -> None:
        if not 1 <= self.min_words <= self.max_words:
            raise AugmentError(
                f"Minimum words must be 1 or more and at most the maximum; found {self.min_words} to {self.max_words}."
            )
        if not 0 < self.near_duplicate <= 1:
            raise AugmentError(
                f"The near-duplicate similarity must be above 0 and at most 1; found {self.near_duplicate}."
            )
        if not 0 <= self.min_confidence < 1:
            raise AugmentError(f"The minimum confidence must be 0 or more and below 1; found {self.min_confidence}.")

    def action(self, reason: RejectReason) -> CheckAction:
        """What a finding of `reason` does; a reason without a setting rejects."""
        named = {
            RejectReason.TOO_SHORT: self.too_short,
            RejectReason.TOO_LONG: self.too_long,
            RejectReason.CUT_OFF: self.cut_off,
            RejectReason.MARK_INSIDE: self.mark_inside,
            RejectReason.SEED_COPY: self.seed_copy,
            RejectReason.DUPLICATE: self.duplicate,
            RejectReason.NEAR_DUPLICATE: self.near,
            RejectReason.UNSURE: self.unsure,
            RejectReason.DISAGREES: self.disagrees,
        }
        return named.get(reason, CheckAction.REJECT)
