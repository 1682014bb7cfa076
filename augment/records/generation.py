"""One generation run: its config, what it yields, and how it is stored."""

from dataclasses import dataclass, field

from augment.errors import AugmentError
from augment.records.checks import RejectReason, TextChecks
from augment.records.lms import Completion, LMSpec, Sampling
from augment.records.prompts import PromptTemplate
from augment.records.runs import RunState


@dataclass(frozen=True, slots=True)
class GenerationConfig:
    """One generation run: what is asked of the LM, how often, and when it ends.

    `n_seeds` examples are drawn for each prompt, and `texts_per_prompt` completions from it. The run ends at `target`
    synthetic texts or after `attempt_cap` completions, whichever comes first. `batch_size` is the number of completions
    between two stored steps. A run that parses less than `min_parse_rate` of its first 50 or more attempts stops.
    `is_calibrated` divides label probabilities by those of a content-free text (`mix`).
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

    def __post_init__(self) -> None:
        if not 1 <= self.target <= 100_000:
            raise AugmentError(f"The target must be 1 to 100,000 texts; found {self.target}.")
        if self.n_seeds < 1:
            raise AugmentError(f"At least 1 seed a prompt is needed; found {self.n_seeds}.")
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


@dataclass(frozen=True, slots=True)
class Attempt:
    """One completion in its run: its number from 0, the exact prompt, the seeds in it, and the raw answer."""

    number: int
    prompt: str
    seed_ids: tuple[int, ...]
    completion: Completion


@dataclass(frozen=True, slots=True)
class SyntheticText:
    """A parsed completion: a text and the label the LM proposed. `label_probs` follow the task's label order."""

    text: str
    label: str
    attempt: Attempt
    label_probs: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Reject:
    """A completion that was not taken, with its reason; `detail` names what was found."""

    reason: RejectReason
    detail: str
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class GenerationProgress:
    """How far a generation run is. `elapsed_s` counts working time, earlier starts of the same run included."""

    n_attempts: int
    n_texts: int
    target: int
    elapsed_s: float
    message: str = ""

    @property
    def n_done(self) -> int:
        """Units done, as every progress record tells them."""
        return self.n_texts

    @property
    def n_total(self) -> int:
        """Units in all, as every progress record tells them."""
        return self.target


@dataclass(frozen=True, slots=True)
class GenerationRun:
    """A stored generation run. Imported ones have no config, seed set or prompt version."""

    id: int
    task_id: int
    name: str
    lm_name: str
    config: GenerationConfig | None
    seed_set_id: int | None
    prompt_version_id: int | None
    state: RunState
    n_attempts: int
    n_texts: int


@dataclass(frozen=True, slots=True)
class StoredReject:
    """A stored reject: its raw text, its reason and what was found."""

    id: int
    run_id: int
    raw: str
    reason: RejectReason
    detail: str
