"""A variant: one way to choose the texts that are added to the seeds, and the kind of classifier trained on them.

A variant is what a line on a chart, a row of a table or a paragraph of the report is about, and the key they are found
by. It has no name: `augment.results.variants` writes one for people, and nothing reads it back.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self

from augment.errors import TrainingError
from augment.records.training import ClassifierKind


class TextUse(StrEnum):
    """Which texts a variant adds to the seeds, and with which label.

    RAW: every text, with the label the LM proposed. ACCEPTED: texts that people accepted as proposed. REVIEWED: texts
    that people accepted, each with its label after review. RELABELLED: all texts except rejected ones, each with its
    label after review; texts that nobody has reviewed are included. SOFT: every text, with its label probabilities as
    its label where it has some (label-word templates have none); no text at all where none has any. CONSENSUS: all
    texts except rejected ones; a label that a person decided counts, any other text gets the consensus of its label
    sources as a soft label, and its confidence as weight. REAL: real texts of the pool that are not seeds, as the
    ceiling.
    """

    RAW = "raw"
    ACCEPTED = "accepted"
    REVIEWED = "reviewed"
    RELABELLED = "relabelled"
    SOFT = "soft labels"
    CONSENSUS = "consensus"
    REAL = "real"


@dataclass(frozen=True, slots=True)
class TextFilter:
    """A filter on a variant's texts. It uses no validation or test data.

    `agrees` drops texts to which a linear probe trained on the seeds gives another label; `keep_share` keeps that share
    of each label's texts, those whose label the probe finds most probable; `is_balanced` takes equally many of each
    label. Consensus labels are their own judge instead of the probe, and texts that people decided are always kept.
    """

    agrees: bool = False
    keep_share: float = 1.0
    is_balanced: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.keep_share <= 1:
            raise TrainingError(f"The share of texts to keep must be above 0 and at most 1; found {self.keep_share:g}.")

    @property
    def needs_probe(self) -> bool:
        """Whether it needs a classifier trained on the seeds."""
        return self.agrees or self.keep_share < 1

    def count_drawable(self, n_per_label: Collection[int]) -> int:
        """How many texts can be drawn, given the texts of each label that are left after `agrees` and `keep_share`."""
        return min(n_per_label, default=0) * len(n_per_label) if self.is_balanced else sum(n_per_label)


@dataclass(frozen=True, slots=True)
class Variant:
    """Added texts, their labels, a filter, and the kind of classifier. Without a `use` no texts are added to the seeds.

    `has_sentences` adds label sentences to the seeds ("This tweet is joyful."), as many per label as there are seeds.
    `experiment_id` is set only where experiments are compared that both have this variant: the later one was made from
    other texts or labels, so the two must not be averaged.
    """

    use: TextUse | None = None
    generation_run_ids: tuple[int, ...] = ()
    filter: TextFilter = field(default_factory=TextFilter)
    kind: ClassifierKind = ClassifierKind.FINE_TUNED
    has_sentences: bool = False
    experiment_id: int | None = None

    def __post_init__(self) -> None:
        if self.is_synthetic and not self.generation_run_ids:
            raise TrainingError("No generation run is chosen. Choose at least one, or train on the seeds only.")

    @property
    def is_baseline(self) -> bool:
        """Whether it is the seeds only."""
        return self.use is None and not self.has_sentences

    @property
    def has_texts(self) -> bool:
        """Whether it adds synthetic or real texts; without, its only size is 0."""
        return self.use is not None

    @property
    def is_ceiling(self) -> bool:
        """Whether it adds real texts: what perfect synthetic texts could reach, not a variant that could win."""
        return self.use is TextUse.REAL

    @property
    def is_synthetic(self) -> bool:
        """Whether it adds texts that a language model, or rules, wrote."""
        return self.has_texts and not self.is_ceiling

    @property
    def baseline(self) -> "Variant":
        """What it is compared with: the same kind of classifier trained on the seeds only."""
        return Variant(kind=self.kind)

    @property
    def without_texts(self) -> "Variant":
        """The same without added texts: where its learning curve begins."""
        return Variant(kind=self.kind, has_sentences=self.has_sentences)

    @property
    def texts(self) -> Self:
        """The same added texts, whatever is trained on them: variants that share this share a colour."""
        return replace(self, kind=ClassifierKind.FINE_TUNED)


def cut_sizes(sizes: Sequence[int], n_texts: int) -> tuple[int, ...]:
    """The sizes that a variant with `n_texts` can have, ascending; larger sizes become all of its texts."""
    return tuple(sorted({min(size, n_texts) for size in sizes} - {0}))


@dataclass(frozen=True, slots=True)
class VariantText:
    """A synthetic text of a variant, with the label it had when the experiment was created.

    `probs` are the soft label: the LM's label scores, or the consensus once it was found; `lm_probs` are the LM's.
    `proposed_label` is what it was written with, and `is_decided` whether a person had accepted its label by then.
    `is_judged`: its writer gave it that label after writing, or it was imported with it.
    """

    id: int
    text: str
    label: str
    probs: tuple[float, ...] | None = None
    proposed_label: str = ""
    is_decided: bool = False
    lm_probs: tuple[float, ...] | None = None
    is_judged: bool = False
