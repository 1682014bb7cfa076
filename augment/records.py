"""The words of the project as frozen records, and every config.

Knows nothing of how they are made, stored or shown. A config checks itself and says what it expected and what it found.
Times are UTC. Records that the store hands out carry its `id`; records that the domain makes do not have one yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from augment.errors import AugmentError, DataError, LMError, TrainingError


class Split(StrEnum):
    """Where an example stands; seeds are drawn from the pool only."""

    POOL = "pool"
    VALIDATION = "validation"
    TEST = "test"


class RunStatus(StrEnum):
    """How far a generation or training run is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def is_active(self) -> bool:
        """Whether a job still works on it, or will."""
        return self in (RunStatus.QUEUED, RunStatus.RUNNING)


class RunKind(StrEnum):
    """What a job does."""

    GENERATION = "generation"
    TRAINING = "training"


class ReviewStatus(StrEnum):
    """What people decided about a synthetic text."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class ReviewAction(StrEnum):
    """What one review event did."""

    ACCEPT = "accept"
    REJECT = "reject"
    RELABEL = "relabel"
    UNDO = "undo"


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


class LMKind(StrEnum):
    """Which backend asks a language model."""

    EMBEDDED = "embedded"
    TRANSFORMERS = "transformers"
    OPENAI = "openai"
    IMPORTED = "imported"


class EndpointApi(StrEnum):
    """Which of an OpenAI-compatible endpoint's two interfaces is used."""

    COMPLETIONS = "completions"
    CHAT = "chat"


class EncoderKind(StrEnum):
    """Where a classifier's encoder comes from."""

    EMBEDDED = "embedded"
    TRANSFORMERS = "transformers"


class TextUse(StrEnum):
    """Which synthetic texts of the chosen runs a training run takes, and with which label."""

    NONE = "none"
    RAW = "raw"
    ACCEPTED = "accepted"


# Data ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text and its label, wherever both come from."""

    text: str
    label: str


@dataclass(frozen=True, slots=True)
class Example:
    """A real labelled text in its split."""

    id: int
    split: Split
    text: str
    label: str


@dataclass(frozen=True, slots=True)
class Task:
    """What is labelled with what: a text type, a label type and the ordered labels."""

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
    """A source after columns, labels, filter and splits: ready to be stored as a task."""

    name: str
    source: str
    labels: tuple[str, ...]
    splits: Mapping[Split, tuple[LabelledText, ...]]
    left_out: tuple[LeftOut, ...] = ()
    text_type: str = "tweet"
    label_type: str = "sentiment"

    def __post_init__(self) -> None:
        if len(self.labels) < 2:
            raise DataError(
                f"A task needs at least 2 labels; {len(self.labels)} left ({', '.join(self.labels) or 'none'}). "
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


# Prompts -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """The three parts of a few-shot prompt and the two words that fill it.

    `description` holds `{examples}`, where the seeds' items go, one a line; `item` holds `{text}` and `{label}`;
    `open_item` is what the LM continues. All may use `{text_type}`, `{label_type}` (capitalised: `{Text_type}`,
    `{Label_type}`) and `{labels}`. Checked by `augment.prompts.check_template`.
    """

    description: str
    item: str
    open_item: str
    text_type: str = "tweet"
    label_type: str = "sentiment"


@dataclass(frozen=True, slots=True)
class PromptVersion:
    """One immutable state of a task's template."""

    id: int
    task_id: int
    number: int
    template: PromptTemplate
    note: str
    created_at: datetime


# Language models and generation --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LMSpec:
    """Which language model, and how it is reached. Holds no key: that is looked up when the LM is loaded."""

    kind: LMKind
    name: str
    base_url: str = ""
    api: EndpointApi = EndpointApi.COMPLETIONS

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise LMError(
                "The language model has no name. Expected a hub name such as "
                "EleutherAI/gpt-neo-2.7B, a folder, or the endpoint's model name."
            )
        if self.kind is LMKind.OPENAI and not self.base_url.startswith(("http://", "https://")):
            raise LMError(f"The endpoint address must start with http:// or https://; found '{self.base_url}'.")


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the LM draws tokens.

    `temperature` and `top_p` as in Holtzman et al. 2020 (arXiv 1904.09751); `top_k` 0 means no cut.
    `max_new_tokens` is per completion. The same `rng_seed`, LM and dtype give the same texts on a local LM.
    """

    temperature: float = 1.0
    top_p: float = 0.9
    top_k: int = 50
    max_new_tokens: int = 60
    rng_seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.temperature <= 5:
            raise LMError(f"Temperature must be above 0 and at most 5; found {self.temperature}.")
        if not 0 < self.top_p <= 1:
            raise LMError(f"Top-p must be above 0 and at most 1; found {self.top_p}.")
        if self.top_k < 0:
            raise LMError(f"Top-k must be 0 (off) or more; found {self.top_k}.")
        if not 1 <= self.max_new_tokens <= 2048:
            raise LMError(f"New tokens must be 1 to 2048; found {self.max_new_tokens}.")


@dataclass(frozen=True, slots=True)
class Completion:
    """One raw answer of the LM. `text` is exactly what came after the prompt, the stop newline left out."""

    text: str
    n_tokens: int


@dataclass(frozen=True, slots=True)
class LabelQuestion:
    """How an LM is asked for a text's label: score each of `labels` right after text and `mark`.

    All strings as they stand in the prompt: ' (Sentiment:' and ' joy', leading spaces included. With `content_free`
    (' N/A') the same is asked once a prompt of a text that says nothing, to calibrate by.
    """

    mark: str
    labels: tuple[str, ...]
    content_free: str | None = None


@dataclass(frozen=True, slots=True)
class ScoredCompletion:
    """A completion and the log-probabilities in nats of each label after it, and after the content-free text."""

    completion: Completion
    label_logprobs: tuple[float, ...]
    content_free_logprobs: tuple[float, ...] | None = None


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
class RunState:
    """Where a run stands, whatever its kind. `elapsed_s` is working time in seconds."""

    status: RunStatus
    message: str
    n_done: int
    n_total: int
    elapsed_s: float
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def eta_s(self) -> float | None:
        """Seconds left at the rate so far; None before the first unit is done or when nothing runs."""
        if self.status is not RunStatus.RUNNING or not self.n_done or self.elapsed_s <= 0:
            return None
        return self.elapsed_s / self.n_done * max(self.n_total - self.n_done, 0)


@dataclass(frozen=True, slots=True)
class RunKey:
    """Names one run for the job runner and its sink."""

    kind: RunKind
    id: int


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
class StoredText:
    """A synthetic text as it stands now: the LM's proposal, and the label and status after the last review event."""

    id: int
    run_id: int
    lm_name: str
    text: str
    proposed_label: str
    label: str
    status: ReviewStatus
    label_probs: tuple[float, ...] | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class StoredReject:
    """A stored reject: its raw text, its reason and what was found."""

    id: int
    run_id: int
    raw: str
    reason: RejectReason
    detail: str


@dataclass(frozen=True, slots=True)
class ReviewEvent:
    """One decision of a person about one synthetic text: what stood before and after."""

    id: int
    text_id: int
    action: ReviewAction
    reviewer: str
    label_before: str
    label_after: str
    status_before: ReviewStatus
    status_after: ReviewStatus
    created_at: datetime


# Training ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """Which encoder a classifier stands on: the embedded one, or a hub name or folder."""

    kind: EncoderKind = EncoderKind.EMBEDDED
    name: str = "all-MiniLM-L6-v2"

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise TrainingError(
                "The encoder has no name. Expected a hub name such as distilbert-base-uncased, or a folder."
            )


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """How a classifier is trained. The defaults are the reference notebook's.

    `frozen_layers` counts from the bottom and needs `freeze_embeddings`; `eval_every` is in optimiser steps; the
    learning rate falls linearly to 0 over `steps`, as in the notebook's Trainer.
    """

    labels: tuple[str, ...]
    encoder: EncoderSpec = field(default_factory=EncoderSpec)
    steps: int = 125
    learning_rate: float = 1e-4
    weight_decay: float = 0.01
    batch_size: int = 8
    frozen_layers: int = 3
    eval_every: int = 20
    max_tokens: int = 128
    rng_seed: int = 0

    def __post_init__(self) -> None:
        if len(self.labels) < 2:
            raise TrainingError(f"A classifier needs at least 2 labels; found {len(self.labels)}.")
        for name in ("steps", "batch_size", "eval_every"):
            if getattr(self, name) < 1:
                raise TrainingError(
                    f"{name.replace('_', ' ').capitalize()} must be 1 or more; found {getattr(self, name)}."
                )
        if not 0 < self.learning_rate < 1:
            raise TrainingError(f"The learning rate must lie between 0 and 1; found {self.learning_rate}.")
        if self.frozen_layers < 0:
            raise TrainingError(f"Frozen layers must be 0 or more; found {self.frozen_layers}.")


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """What one training run trains on: seeds, and `n_synthetic` texts of the chosen generation runs."""

    seed_set_id: int
    use: TextUse
    generation_run_ids: tuple[int, ...]
    n_synthetic: int

    def __post_init__(self) -> None:
        if self.n_synthetic < 0:
            raise TrainingError(f"The number of synthetic texts must be 0 or more; found {self.n_synthetic}.")
        if self.use is TextUse.NONE and self.n_synthetic:
            raise TrainingError(
                f"{self.n_synthetic} synthetic texts asked for, but none chosen. Choose generation runs."
            )
        if self.use is not TextUse.NONE and not self.generation_run_ids:
            raise TrainingError("No generation run is chosen. Choose at least one, or train on the seeds only.")


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """Metrics on the evaluation texts after `step` optimiser steps. Losses are mean cross-entropy in nats."""

    step: int
    train_loss: float | None
    loss: float
    accuracy: float
    macro_f1: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the classifier says of evaluation text number `index`; `probs` follow the task's label order."""

    index: int
    label: str
    probs: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """How far a training run is, in optimiser steps."""

    step: int
    n_steps: int
    elapsed_s: float
    message: str = ""

    @property
    def n_done(self) -> int:
        """Units done, as every progress record tells them."""
        return self.step

    @property
    def n_total(self) -> int:
        """Units in all, as every progress record tells them."""
        return self.n_steps


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A stored training run and its last metrics; `arm` is the label a chart gives its line."""

    id: int
    task_id: int
    arm: str
    config: TrainingConfig
    plan: TrainingPlan
    n_train: int
    state: RunState
    last: MetricPoint | None
