"""Generation runs: their config, what they yield, and how they are stored."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from augment.errors import AugmentError
from augment.records.checks import Finding, RejectReason, TextChecks
from augment.records.labels import LabelKnowledge
from augment.records.lms import Completion, LMKind, LMSpec, Price, Sampling
from augment.records.prompts import PromptTemplate
from augment.records.runs import RunState


class SeedChoice(StrEnum):
    """How the seeds of a prompt are chosen."""

    UNIFORM = "uniform"
    BALANCED = "balanced"
    NEAREST = "nearest"
    FURTHEST = "furthest"


@dataclass(frozen=True, slots=True)
class GenerationConfig:
    """One generation run: what the LM is asked for, how often, and when the run ends.

    Each prompt has `n_seeds` examples, drawn by `seed_choice`, and gives `texts_per_prompt` completions. With the
    strategy `conditional`, the seeds have the given label and follow `n_contrast` seeds of other labels. The run ends
    at `target` synthetic texts, after `attempt_cap` completions (0: 10 × target + 50), or before it costs more than
    `budget` by `price`. `batch_size` is the number of completions between two stored steps. `label_shares` are the
    target proportions of the labels, in order; None takes labels as they come, or evenly if the strategy gives the
    label. A run stops if it parses less than `min_parse_rate` of its attempts, once there are 50. `is_calibrated`
    divides label probabilities by those of a content-free text.
    """

    template: PromptTemplate
    labels: tuple[str, ...]
    lm: LMSpec
    sampling: Sampling = field(default_factory=Sampling)
    strategy: str = "free"
    n_seeds: int = 8
    target: int = 50
    attempt_cap: int = 0
    batch_size: int = 64
    texts_per_prompt: int = 8
    is_calibrated: bool = True
    checks: TextChecks = field(default_factory=TextChecks)
    min_parse_rate: float = 0.1
    seed_choice: SeedChoice = SeedChoice.UNIFORM
    n_contrast: int = 0
    label_shares: tuple[float, ...] | None = None
    price: Price = field(default_factory=Price)
    budget: float | None = None
    word_templates: LabelKnowledge | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.target <= 100_000:
            raise AugmentError(f"The target must be 1 to 100,000 texts; found {self.target}.")
        if not 1 <= self.n_seeds <= 16:
            raise AugmentError(f"Seeds per prompt must be 1 to 16; found {self.n_seeds}.")
        if not 0 <= self.n_contrast <= 16:
            raise AugmentError(f"Contrasting seeds must be 0 to 16; found {self.n_contrast}.")
        if not 1 <= self.batch_size <= 512:
            raise AugmentError(f"The batch size must be 1 to 512; found {self.batch_size}.")
        if not 1 <= self.texts_per_prompt <= 512:
            raise AugmentError(f"Texts per prompt must be 1 to 512; found {self.texts_per_prompt}.")
        if self.attempt_cap == 0:
            object.__setattr__(self, "attempt_cap", 10 * self.target + 50)
        if self.attempt_cap < self.target:
            raise AugmentError(
                f"The attempt cap ({self.attempt_cap:,}) is below the target ({self.target:,}). Raise the cap."
            )
        if self.label_shares is not None:
            _check_shares(self.label_shares, self.labels)
        if self.budget is not None and self.budget <= 0:
            raise AugmentError(f"The budget must be above 0; found {self.budget}.")


def _check_shares(shares: Sequence[float], labels: Sequence[str]) -> None:
    if len(shares) != len(labels):
        raise AugmentError(f"{len(shares)} label shares given for {len(labels)} labels. Give one per label.")
    if min(shares) < 0 or sum(shares) <= 0:
        raise AugmentError("Label shares must be 0 or more, and at least one above 0.")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One completion in its run: its number from 0, the exact prompt, the seeds in it, and the raw answer."""

    number: int
    prompt: str
    seed_ids: tuple[int, ...]
    completion: Completion


@dataclass(frozen=True, slots=True)
class SyntheticText:
    """A parsed completion: a text, the label proposed or given, and the flags from its checks.

    `label_probs` are in the task's label order.
    """

    text: str
    label: str
    attempt: Attempt
    label_probs: tuple[float, ...] | None = None
    flags: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Reject:
    """A rejected completion with its reason; `detail` is what was found."""

    reason: RejectReason
    detail: str
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class GenerationProgress:
    """The progress of a generation run.

    `n_attempts` counts requested completions, `n_completed` those that were answered. `elapsed_s` is working time,
    including earlier starts of the same run. `n_by_label` counts the texts per label in the task's order. `cost` is by
    the config's price.
    """

    n_attempts: int
    n_texts: int
    target: int
    elapsed_s: float
    message: str = ""
    n_by_label: tuple[int, ...] = ()
    cost: float = 0.0
    n_completed: int = 0

    @property
    def n_done(self) -> int:
        """Units done, a property of every progress record."""
        return self.n_texts

    @property
    def n_total(self) -> int:
        """Units in total, a property of every progress record."""
        return self.target


@dataclass(frozen=True, slots=True)
class Writer:
    """Who wrote a generation run's texts: the language model, and the strategy if it is known."""

    lm_name: str
    strategy: str = ""

    @property
    def name(self) -> str:
        """'GPT-J 6B · mix'; imported texts and texts without a language model have no strategy."""
        return f"{self.lm_name} · {self.strategy}" if self.strategy else self.lm_name


@dataclass(frozen=True, slots=True)
class GenerationRun:
    """A stored generation run. Imported runs have no config, seed set or prompt version."""

    id: int
    task_id: int
    lm_name: str
    config: GenerationConfig | None
    seed_set_id: int | None
    prompt_version_id: int | None
    state: RunState
    n_attempts: int
    n_texts: int
    cost: float = 0.0

    @property
    def name(self) -> str:
        """'12 · GPT-J 6B · mix'."""
        return f"{self.id} · {self.writer.name}"

    @property
    def writer(self) -> Writer:
        """Who wrote its texts, and how."""
        if self.config is None or self.config.lm.kind is LMKind.RULES:
            return Writer(self.lm_name)
        return Writer(self.lm_name, self.config.strategy)


@dataclass(frozen=True, slots=True)
class StoredReject:
    """A stored reject: its raw text, its reason and what was found."""

    id: int
    run_id: int
    raw: str
    reason: RejectReason
    detail: str
