"""Training one classifier: its config, its texts, what it yields."""

import math
from dataclasses import dataclass, field
from enum import StrEnum

from augment.errors import TrainingError


class EncoderKind(StrEnum):
    """Where a classifier's encoder comes from."""

    EMBEDDED = "embedded"
    TRANSFORMERS = "transformers"


class ClassifierKind(StrEnum):
    """What is trained: the encoder's upper layers, with a head or by pairs, or a regression on frozen embeddings."""

    FINE_TUNED = "fine-tuned"
    CONTRASTIVE = "contrastive"
    PROBE = "linear probe"

    @property
    def is_instant(self) -> bool:
        """Whether it is fitted in one go, without optimiser steps."""
        return self is ClassifierKind.PROBE


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """The encoder of a classifier: the embedded one, or a hub name or folder."""

    kind: EncoderKind = EncoderKind.EMBEDDED
    name: str = "all-MiniLM-L6-v2"

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise TrainingError(
                "The encoder has no name. Expected a hub name such as distilbert-base-uncased, or a folder."
            )


@dataclass(frozen=True, slots=True)
class TrainingText:
    """A text to train on. `probs` (soft label, in the order of the task's labels) overrides `label` if it is set.

    `weight` is the text's weight in the loss; a real text has 1.
    """

    text: str
    label: str
    probs: tuple[float, ...] | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """How a classifier is trained. The defaults are the reference notebook's.

    `frozen_layers` counts from the bottom, with the embeddings; `eval_every` is in optimiser steps; the learning rate
    falls linearly to 0 over all steps, as in the notebook's Trainer. `epochs` overrides `steps` if it is set.
    `patience`, if set, ends the run after that many evaluations without a better macro-F1 on the *validation* texts,
    and the best evaluation is the one reported. `inverse_regularisation` is the probe's C.
    """

    labels: tuple[str, ...]
    encoder: EncoderSpec = field(default_factory=EncoderSpec)
    kind: ClassifierKind = ClassifierKind.FINE_TUNED
    steps: int = 125
    epochs: int | None = None
    learning_rate: float = 1e-4
    weight_decay: float = 0.01
    batch_size: int = 8
    frozen_layers: int = 3
    eval_every: int = 20
    patience: int | None = None
    synthetic_weight: float = 1.0
    inverse_regularisation: float = 1.0
    max_tokens: int = 128
    rng_seed: int = 0

    def __post_init__(self) -> None:
        if len(self.labels) < 2:
            raise TrainingError(f"A classifier needs at least 2 labels; found {len(self.labels)}.")
        for name in ("steps", "batch_size", "eval_every", "epochs", "patience"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise TrainingError(f"{name.replace('_', ' ').capitalize()} must be 1 or more; found {value}.")
        if not 0 < self.learning_rate < 1:
            raise TrainingError(f"The learning rate must be between 0 and 1; found {self.learning_rate}.")
        if self.frozen_layers < 0:
            raise TrainingError(f"Frozen layers must be 0 or more; found {self.frozen_layers}.")
        if not 0 < self.synthetic_weight <= 10:
            raise TrainingError(
                f"The weight of synthetic texts must be above 0 and at most 10; found {self.synthetic_weight:g}. "
                "To leave them out, train on the seeds only."
            )
        if self.inverse_regularisation <= 0:
            raise TrainingError(f"The probe's C must be above 0; found {self.inverse_regularisation:g}.")

    def count_steps(self, n_texts: int) -> int:
        """Optimiser steps of a run on `n_texts` texts."""
        if self.kind.is_instant:
            return 1
        return self.steps if self.epochs is None else self.epochs * math.ceil(n_texts / self.batch_size)

    def has_curve(self, n_texts: int) -> bool:
        """Whether a run on `n_texts` texts is evaluated on its way, not only at its end."""
        return not self.kind.is_instant and self.eval_every < self.count_steps(n_texts)


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """Metrics on the evaluation texts after `step` optimiser steps. Losses are mean cross-entropy in nats.

    `validation_macro_f1` is set if early stopping uses it.
    """

    step: int
    train_loss: float | None
    loss: float
    accuracy: float
    macro_f1: float
    validation_macro_f1: float | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """The classifier's prediction for evaluation text number `index`; `probs` are in the task's label order."""

    index: int
    label: str
    probs: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """The progress of a training run, in optimiser steps."""

    step: int
    n_steps: int
    elapsed_s: float
    message: str = ""

    @property
    def n_done(self) -> int:
        """Units done, a property of every progress record."""
        return self.step

    @property
    def n_total(self) -> int:
        """Units in total, a property of every progress record."""
        return self.n_steps
