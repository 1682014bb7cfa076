"""What is known about labels: words and sentences for each of them, and what several sources say of a text's label."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from augment.errors import AugmentError
from augment.records.data import LabelledText


@dataclass(frozen=True, slots=True)
class LabelWords:
    """The words that say what one label means."""

    label: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelKnowledge:
    """Words for each label, and patterns with a `{word}` that turn them into sentences: 'This tweet is joyful.'"""

    patterns: tuple[str, ...]
    words: tuple[LabelWords, ...]

    def __post_init__(self) -> None:
        if not self.patterns:
            raise AugmentError("There is no pattern. Expected at least one, such as 'i feel {word}'.")
        for pattern in self.patterns:
            if pattern.count("{word}") != 1 or set("{}") & set(pattern.replace("{word}", "")):
                raise AugmentError(f"The pattern '{pattern}' must contain {{word}} exactly once and no other braces.")
        for entry in self.words:
            if not entry.words:
                raise AugmentError(f"Label '{entry.label}' has no words. Give it at least one.")
            if set("{}") & set("".join(entry.words)):
                raise AugmentError(f"A word of '{entry.label}' contains a brace. Only patterns may contain {{word}}.")

    def words_of(self, label: str) -> tuple[str, ...]:
        """The label's words.

        Raises:
            AugmentError: it has none.
        """
        found = next((entry.words for entry in self.words if entry.label == label), ())
        if not found:
            raise AugmentError(f"Label '{label}' has no words. Give it at least one.")
        return found

    @property
    def sentences(self) -> tuple[LabelledText, ...]:
        """Every word in every pattern, with the label that the word stands for; each sentence once per label."""
        found = [
            LabelledText(pattern.replace("{word}", word), entry.label)
            for entry in self.words
            for word in entry.words
            for pattern in self.patterns
        ]
        return tuple(dict.fromkeys(found))


class LabelSource(StrEnum):
    """What has an opinion about a text's label; a person's decision is no opinion, but stands."""

    WRITTEN = "the label it was written with"
    SCORED = "the language model's label scores"
    CLASSIFIER = "a classifier trained on seeds, label sentences and decisions"


@dataclass(frozen=True, slots=True)
class SourceWeight:
    """How much a source counts in the consensus: the exponent of its distribution. 0 ignores it."""

    source: LabelSource
    exponent: float


@dataclass(frozen=True, slots=True)
class ConsensusLabel:
    """What all sources together say of a text: the likeliest label and the probability of every label."""

    label: str
    probs: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Consensus:
    """The consensus labels of texts, in their order, and how much each source counted."""

    labels: Sequence[ConsensusLabel]
    weights: tuple[SourceWeight, ...]
