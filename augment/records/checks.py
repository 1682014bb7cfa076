"""Why a completion is not taken, or a text flagged; and how strict a run is about it."""

from dataclasses import dataclass
from enum import StrEnum

from augment.errors import AugmentError


class RejectReason(StrEnum):
    """Why a completion was not taken."""

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
    UNSURE = "label too unsure"
    SURPLUS = "over the target"


@dataclass(frozen=True, slots=True)
class TextChecks:
    """What a parsed text must pass; what fails is a reject with its reason and figure.

    `near_duplicate` is the similarity (0 to 1, edit ratio) to a seed, a held-out text or another text of the run from
    which a text is rejected; 1 turns it off. `min_confidence` asks that much of the likeliest label's probability.
    """

    min_words: int = 2
    max_words: int = 60
    near_duplicate: float = 0.9
    min_confidence: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.min_words <= self.max_words:
            raise AugmentError(
                f"Words must be at least 1 and at most the upper limit; found {self.min_words} to {self.max_words}."
            )
        if not 0 < self.near_duplicate <= 1:
            raise AugmentError(
                f"The near-duplicate similarity must be above 0 and at most 1; found {self.near_duplicate}."
            )
        if not 0 <= self.min_confidence < 1:
            raise AugmentError(f"The least confidence must be 0 or more and below 1; found {self.min_confidence}.")
