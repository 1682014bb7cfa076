"""What is known about labels: words and sentences for each of them, and what several sources say of a text's label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from augment.errors import AugmentError
from augment.records.data import LabelledText
from augment.records.lms import LMSpec, Price
from augment.records.prompts import PromptTemplate
from augment.records.runs import RunState


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

    WRITTEN = "the label it was written for"
    JUDGED = "the label that its writer gave it afterwards"
    SCORED = "the label scores of the language model that wrote it"
    CLASSIFIER = "a classifier trained on seeds, label sentences and decisions"
    LM = "a language model that was asked for labels"
    FILE = "labels from a file"


@dataclass(frozen=True, slots=True)
class SourceWeight:
    """How much a source counts in the consensus: the exponent of its distribution. Near 0 it is ignored.

    `name` is that of a stored source: the language model's or the file's.
    """

    source: LabelSource
    exponent: float
    name: str = ""


@dataclass(frozen=True, slots=True)
class ConsensusLabel:
    """What all sources together say of a text: the likeliest label and the probability of every label."""

    label: str
    probs: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SourceOpinion:
    """What one source says of a text: its likeliest label and that label's probability.

    `name` is that of a stored source, as in `SourceWeight`.
    """

    source: LabelSource
    label: str
    prob: float
    name: str = ""


@dataclass(frozen=True, slots=True)
class Consensus:
    """The consensus labels of texts, in their order, and how much each source counted.

    `opinions` are what each source says of a text; a source that prefers no label of it is left out. `undecided` are
    what all sources say together without a person's decision about the text itself: for texts that nobody decided, the
    same as `labels`.
    """

    labels: Sequence[ConsensusLabel]
    weights: tuple[SourceWeight, ...]
    opinions: Sequence[tuple[SourceOpinion, ...]] = ()
    undecided: Sequence[ConsensusLabel] = ()


@dataclass(frozen=True, slots=True)
class ConsensusBasis:
    """What a task's consensus is made from, as counts and newest ids, so that a change can be seen.

    `n_decisions` are accepted texts, whose labels it learned from; `last_event_id` is the newest review event
    of any task, 0 if there is none.
    """

    seed_set_id: int
    n_decisions: int
    last_event_id: int
    n_opinions: int
    last_opinion_id: int


@dataclass(frozen=True, slots=True)
class ConsensusVersion:
    """A consensus of a task: what it was made from, and how much each source counted."""

    id: int
    task_id: int
    created_at: datetime
    basis: ConsensusBasis
    weights: tuple[SourceWeight, ...]


@dataclass(frozen=True, slots=True)
class TextConsensus:
    """The current consensus of a stored text: `label` with its probability, and what each source says.

    A person's decision stands, with probability 1. `expected_label` and `expected_prob` are what all sources say
    together without it; no source saw it.
    """

    label: str
    prob: float
    is_decided: bool
    expected_label: str
    expected_prob: float
    opinions: tuple[SourceOpinion, ...]
    version_id: int


@dataclass(frozen=True, slots=True)
class StatedLabel:
    """What the consensus expects of a text without a person's decision about it, and what people decided, if they did.

    `prob` is the probability of `label`. `decided_label` is None for texts that nobody decided.
    """

    label: str
    prob: float
    decided_label: str | None


# Opinions from elsewhere ----------------------------------------------------------------------------------------------


class LabelSourceKind(StrEnum):
    """Where the opinions of a stored label source come from."""

    LM = "language model"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class LabellingConfig:
    """A labelling run: which LM is asked for the labels of stored texts, and how.

    Each text is put into `n_prompts` prompts. Each has `seeds_per_prompt` seeds of the seed set, evenly over the labels
    and at least 2 of each. A seed is put only into prompts that do not show it. `is_calibrated` divides label
    probabilities by those of a content-free text. `batch_size` is the number of texts between two stored steps. The run
    ends before it costs more than `budget` by `price`.
    """

    lm: LMSpec
    template: PromptTemplate
    labels: tuple[str, ...]
    seed_set_id: int
    seeds_per_prompt: int = 16
    n_prompts: int = 5
    is_calibrated: bool = True
    rng_seed: int = 0
    batch_size: int = 32
    price: Price = field(default_factory=Price)
    budget: float | None = None

    def __post_init__(self) -> None:
        if not 2 <= self.seeds_per_prompt <= 64:
            raise AugmentError(f"Seeds per prompt must be 2 to 64; found {self.seeds_per_prompt}.")
        if not 2 <= self.n_prompts <= 20:
            raise AugmentError(
                f"Prompts per text must be 2 to 20, as each seed is left out of one; found {self.n_prompts}."
            )
        if not 1 <= self.batch_size <= 512:
            raise AugmentError(f"The batch size must be 1 to 512; found {self.batch_size}.")
        if self.budget is not None and self.budget <= 0:
            raise AugmentError(f"The budget must be above 0; found {self.budget}.")


@dataclass(frozen=True, slots=True)
class LabelOpinion:
    """One source's probabilities, in the task's label order, for a synthetic text or a seed: one of the ids is set.

    A label that was only named, without probabilities, has probability 1.
    """

    probs: tuple[float, ...]
    text_id: int | None = None
    example_id: int | None = None


@dataclass(frozen=True, slots=True)
class LabellingProgress:
    """The progress of a labelling run, in questions: one for each text and prompt. `cost` is by the config's price."""

    n_done: int
    n_total: int
    elapsed_s: float
    message: str = ""
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class StoredLabelSource:
    """A stored label source: a labelling run, or labels from a file, which have no config.

    `name` is the LM's, or what a person called the file. `n_texts` counts the texts that it has an opinion about.
    """

    id: int
    task_id: int
    kind: LabelSourceKind
    name: str
    config: LabellingConfig | None
    state: RunState
    n_texts: int = 0
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class LabelOpinions:
    """All opinions of one source: probabilities in the task's label order.

    `of_seeds` are by the id of the example, each from a prompt without it, so that they show how right the source is.
    `of_texts` are by the id of the synthetic text.
    """

    source: StoredLabelSource
    of_seeds: Mapping[int, tuple[float, ...]]
    of_texts: Mapping[int, tuple[float, ...]]
