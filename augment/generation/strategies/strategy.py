"""The interface of a strategy: the batch it gets and what it returns. Does not know the strategies themselves.

A strategy gets the planned attempts of one batch and returns one outcome per attempt, or None where the LM failed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from augment.errors import LMError, PartialError
from augment.lms import LanguageModel
from augment.prompts.few_shot import FewShot
from augment.prompts.parsing import ParsedCompletion
from augment.records import Completion, GenerationConfig, RejectReason, Sampling


@dataclass(frozen=True, slots=True)
class Outcome:
    """One completion and its parsed content. `label_probs` are in the task's label order; None if not scored."""

    completion: Completion
    parsed: ParsedCompletion
    label_probs: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """One planned attempt: its number, its prompt, the seeds in it, and the label if it is given."""

    number: int
    prompt: str
    seed_ids: tuple[int, ...]
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One batch for a strategy. `lm` is None if the strategy needs none."""

    config: GenerationConfig
    lm: LanguageModel | None
    shots: FewShot
    planned: Sequence[Planned]
    sampling: Sampling

    @property
    def prompts(self) -> list[str]:
        """The prompts, one per attempt."""
        return [attempt.prompt for attempt in self.planned]

    def writer(self) -> LanguageModel:
        """The LM of a strategy that needs one.

        Raises:
            LMError: no LM was chosen.
        """
        if self.lm is None:
            raise LMError(f"Strategy '{self.config.strategy}' needs a language model. Choose one.")
        return self.lm

    def rng(self, attempt: Planned) -> Random:
        """The attempt's own RNG: the same run and attempt number always give the same draws."""
        return Random(f"{self.config.sampling.rng_seed}:{attempt.number}")


@dataclass(frozen=True, slots=True)
class Written:
    """The outcomes of a batch, in the order of its attempts; None where the LM failed with `error`."""

    outcomes: Sequence[Outcome | None]
    error: LMError | None = None


def no_check(_config: GenerationConfig, _label: str, _n_texts: int) -> None:
    """For strategies that can write any number of texts of any label."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way to write texts, and what the rest of the workbench must know about it.

    `gives_label`: the label is decided before the text, so quotas are met exactly. `changes_seed`: each text is made
    from one seed. `needs_scores`: the LM must give label scores. `skips`: checks that its texts would always fail.
    `check_label` raises an AugmentError if the strategy cannot write that many texts of a label.
    """

    title: str
    summary: str
    write: Callable[[Request], Written]
    gives_label: bool = False
    needs_lm: bool = True
    needs_scores: bool = False
    changes_seed: bool = False
    skips: frozenset[RejectReason] = frozenset()
    check_label: Callable[[GenerationConfig, str, int], None] = no_check


def ask_lm(ask: Callable[[], Sequence[Any]]) -> tuple[Sequence[Any], LMError | None]:
    """The LM's answers, and its error if it failed midway."""
    try:
        return ask(), None
    except PartialError as error:
        return error.answers, error
