"""One training run: its config, its training set, what it yields."""

from dataclasses import dataclass, field
from enum import StrEnum

from augment.errors import TrainingError
from augment.records.runs import RunState


class EncoderKind(StrEnum):
    """Where a classifier's encoder comes from."""

    EMBEDDED = "embedded"
    TRANSFORMERS = "transformers"


class TextUse(StrEnum):
    """Which synthetic texts of the chosen runs a training run takes, and with which label."""

    NONE = "none"
    RAW = "raw"
    ACCEPTED = "accepted"


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
