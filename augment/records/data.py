"""Examples, tasks and seed sets: the data before any language model is used."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from augment.errors import DataError


class Split(StrEnum):
    """The split of an example; seeds are drawn from the pool only.

    WRITTEN is for synthetic texts that a person made seeds: they are in no other split and never count as real.
    """

    POOL = "pool"
    VALIDATION = "validation"
    TEST = "test"
    WRITTEN = "written"

    @property
    def is_real(self) -> bool:
        """Whether its texts come from the source of the data."""
        return self is not Split.WRITTEN


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text and its label, from any source."""

    text: str
    label: str


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled text in its split: a real text, or a synthetic text that a person made a seed."""

    id: int
    split: Split
    text: str
    label: str


@dataclass(frozen=True, slots=True)
class Task:
    """What is labelled and how: a text type, a label type and the ordered labels."""

    id: int
    name: str
    source: str
    text_type: str
    label_type: str
    labels: tuple[str, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One row of the source that was left out, and why."""

    split: Split
    text: str
    label: str
    reason: str


@dataclass(frozen=True, slots=True)
class PreparedData:
    """A source with its columns and labels chosen, filtered and split: ready to be stored as a task."""

    name: str
    source: str
    labels: tuple[str, ...]
    splits: Mapping[Split, tuple[LabelledText, ...]]
    left_out: tuple[LeftOut, ...] = ()
    text_type: str = "text"
    label_type: str = "label"

    def __post_init__(self) -> None:
        if len(self.labels) < 2:
            raise DataError(
                f"A task needs at least 2 labels; found {len(self.labels)} ({', '.join(self.labels) or 'none'}). "
                "Keep more labels or loosen the token filter."
            )
        if not self.splits.get(Split.POOL):
            raise DataError(
                "No text is left in the pool. Keep more labels, loosen the token filter, or check the columns."
            )


@dataclass(frozen=True, slots=True)
class SeedSet:
    """The examples chosen as few-shot seeds. Never changed once stored."""

    id: int
    task_id: int
    name: str
    examples: tuple[Example, ...]
    rng_seed: int | None
    created_at: datetime
