"""One generation run: its config, what it yields, and how it is stored."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from augment.errors import AugmentError
from augment.records.checks import Finding, RejectReason, TextChecks
from augment.records.lms import Completion, LMKind, LMSpec, Sampling
from augment.records.prompts import PromptTemplate
from augment.records.runs import RunState


class SeedChoice(StrEnum):
    """Which seeds go into a prompt together."""

    UNIFORM = "uniform"
    BALANCED = "balanced"
    NEAREST = "nearest"
    FURTHEST = "furthest"


@dataclass(frozen=True, slots=True)
class Price:
    """What an endpoint charges, in its own currency per million tokens."""

    prompt_per_million: float = 0.0
    completion_per_million: float = 0.0

    def __post_init__(self) -> None:
        if self.prompt_per_million < 0 or self.completion_per_million < 0:
            raise AugmentError(
                f"A price must be 0 or more; found {self.prompt_per_million} and {self.completion_per_million}."
            )

    def cost(self, n_prompt_tokens: float, n_tokens: float) -> float:
        """What so many tokens read and written cost."""
        return (n_prompt_tokens * self.prompt_per_million + n_tokens * self.completion_per_million) / 1e6


@dataclass(frozen=True, slots=True)
class LabelWords:
    """The words that stand for one label in label-word templates."""

    label: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WordTemplates:
    """Label-word templates: each of `patterns` holds `{word}`, which one of the label's words fills."""

    patterns: tuple[str, ...]
    words: tuple[LabelWords, ...]

    def __post_init__(self) -> None:
        if not self.patterns:
            raise AugmentError("There is no pattern. Expected at least one such as 'i feel {word}'.")
        for pattern in self.patterns:
            if pattern.count("{word}") != 1 or set("{}") & set(pattern.replace("{word}", "")):
                raise AugmentError(f"The pattern '{pattern}' must hold {{word}} exactly once and no other braces.")
        for one in self.words:
            if not one.words:
                raise AugmentError(f"Label '{one.label}' has no words. Give it at least one.")
            if set("{}") & set("".join(one.words)):
                raise AugmentError(f"A word of '{one.label}' holds a brace. Only patterns hold {{word}}.")

    def words_of(self, label: str) -> tuple[str, ...]:
        """The label's words.

        Raises:
            AugmentError: it has none.
        """
        found = next((one.words for one in self.words if one.label == label), ())
        if not found:
            raise AugmentError(f"Label '{label}' has no words. Give it at least one.")
        return found


@dataclass(frozen=True, slots=True)
class GenerationConfig:
    """One generation run: what is asked of the LM, how often, and when it ends.

    `n_seeds` examples are drawn for each prompt by `seed_choice`, and `texts_per_prompt` completions from it; under
    `conditional` they carry the given label, and `n_contrast` of other labels stand before them. The run ends at
    `target` synthetic texts, after `attempt_cap` completions, or before it would cost more than `budget` by `price`.
    `batch_size` is the number of completions between two stored steps. `label_shares` are the wanted proportions of the
    labels, in their order; None takes texts as they come, or evenly where the strategy gives the label. A run that
    parses less than `min_parse_rate` of its first 50 or more attempts stops. `is_calibrated` divides label
    probabilities by those of a content-free text.
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
    word_templates: WordTemplates | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.target <= 100_000:
            raise AugmentError(f"The target must be 1 to 100,000 texts; found {self.target}.")
        if not 1 <= self.n_seeds <= 16:
            raise AugmentError(f"Seeds a prompt must be 1 to 16; found {self.n_seeds}.")
        if not 0 <= self.n_contrast <= 16:
            raise AugmentError(f"Contrasting seeds must be 0 to 16; found {self.n_contrast}.")
        if not 1 <= self.batch_size <= 512:
            raise AugmentError(f"The batch size must be 1 to 512; found {self.batch_size}.")
        if not 1 <= self.texts_per_prompt <= 512:
            raise AugmentError(f"Texts a prompt must be 1 to 512; found {self.texts_per_prompt}.")
        if self.attempt_cap == 0:
            object.__setattr__(self, "attempt_cap", 10 * self.target + 50)
        if self.attempt_cap < self.target:
            raise AugmentError(
                f"The attempt cap ({self.attempt_cap}) is below the target ({self.target}). Raise the cap."
            )
        if self.label_shares is not None:
            _check_shares(self.label_shares, self.labels)
        if self.budget is not None and self.budget <= 0:
            raise AugmentError(f"The budget must be above 0; found {self.budget}.")


def _check_shares(shares: Sequence[float], labels: Sequence[str]) -> None:
    if len(shares) != len(labels):
        raise AugmentError(f"{len(shares)} label shares given for {len(labels)} labels. Give one a label.")
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
    """A parsed completion: a text, the label proposed or given, and what checks flag it for.

    `label_probs` follow the task's label order.
    """

    text: str
    label: str
    attempt: Attempt
    label_probs: tuple[float, ...] | None = None
    flags: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Reject:
    """A completion that was not taken, with its reason; `detail` names what was found."""

    reason: RejectReason
    detail: str
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class GenerationProgress:
    """How far a generation run is.

    `n_attempts` counts completions asked for, `n_completed` those that were answered; `elapsed_s` is working time,
    earlier starts of the same run included; `n_by_label` the texts of each label in the task's order; `cost` what they
    cost by the config's price.
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
        """Units done, as every progress record tells them."""
        return self.n_texts

    @property
    def n_total(self) -> int:
        """Units in all, as every progress record tells them."""
        return self.target


@dataclass(frozen=True, slots=True)
class Writer:
    """Who wrote a generation run's texts: the language model, and its strategy where it is known."""

    lm_name: str
    strategy: str = ""

    @property
    def name(self) -> str:
        """'GPT-J 6B · mix'; imported texts and texts without a language model have no strategy."""
        return f"{self.lm_name} · {self.strategy}" if self.strategy else self.lm_name


@dataclass(frozen=True, slots=True)
class GenerationRun:
    """A stored generation run. Imported ones have no config, seed set or prompt version."""

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
