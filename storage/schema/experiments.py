"""Tables of training: experiments, their variants with texts, training runs and their results."""

from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from storage.schema.base import Base, RunRow


class ExperimentRow(RunRow):
    """A grid of training runs. `config` has everything except the variants, which have their own rows.

    `is_gathered` marks experiments that a migration made from training runs that predate experiments.
    """

    __tablename__ = "experiment"
    name: Mapped[str]
    seed_set_id: Mapped[int] = mapped_column(ForeignKey("seed_set.id"))
    config: Mapped[dict[str, Any]]
    is_gathered: Mapped[bool] = mapped_column(default=False)


class VariantRow(Base):
    """One line of an experiment's learning curve; `spec` is its `Variant` record."""

    __tablename__ = "variant"
    __table_args__ = (UniqueConstraint("experiment_id", "position"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiment.id", ondelete="CASCADE"))
    position: Mapped[int]
    spec: Mapped[dict[str, Any]]
    n_texts: Mapped[int]
    n_dropped: Mapped[int | None]  # None until its filter has run
    n_decisions: Mapped[int]
    is_labelled: Mapped[bool] = mapped_column(default=False)  # whether its texts have their consensus labels


class VariantTextRow(Base):
    """A synthetic text that a variant may use, with its wording and label from when the experiment was created.

    `text` is None in experiments that are older than this column: they use the current text. `is_decided`: a person had
    accepted the label by then. `probs` are the consensus, in variants that use it.
    """

    __tablename__ = "variant_text"
    variant_id: Mapped[int] = mapped_column(ForeignKey("variant.id", ondelete="CASCADE"), primary_key=True)
    text_id: Mapped[int] = mapped_column(
        ForeignKey("synthetic_text.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    text: Mapped[str | None]
    label: Mapped[str]
    is_dropped: Mapped[bool] = mapped_column(default=False)
    is_decided: Mapped[bool] = mapped_column(default=False)
    probs: Mapped[list[Any] | None]


class TrainingRunRow(RunRow):
    """One classifier trained once; on the seeds only if it has no variant.

    If `can_retry` is false, it failed for a reason that retrying does not change.
    """

    __tablename__ = "training_run"
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiment.id", ondelete="CASCADE"), index=True)
    variant_id: Mapped[int | None] = mapped_column(ForeignKey("variant.id", ondelete="CASCADE"), index=True)
    n_synthetic: Mapped[int]
    n_train: Mapped[int]
    config: Mapped[dict[str, Any]]
    final_step: Mapped[int | None]
    can_retry: Mapped[bool] = mapped_column(default=True)
    variant: Mapped[VariantRow | None] = relationship(lazy="joined")


class TrainingTextRow(Base):
    """A synthetic text that a training run was trained on, with the label it had then."""

    __tablename__ = "training_text"
    training_run_id: Mapped[int] = mapped_column(ForeignKey("training_run.id", ondelete="CASCADE"), primary_key=True)
    text_id: Mapped[int] = mapped_column(
        ForeignKey("synthetic_text.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    label: Mapped[str]


class MetricPointRow(Base):
    """Metrics on the test split after `step` optimiser steps."""

    __tablename__ = "metric_point"
    training_run_id: Mapped[int] = mapped_column(ForeignKey("training_run.id", ondelete="CASCADE"), primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True)
    train_loss: Mapped[float | None]
    loss: Mapped[float]
    accuracy: Mapped[float]
    macro_f1: Mapped[float]
    validation_macro_f1: Mapped[float | None]


class PredictionRow(Base):
    """A finished classifier's prediction for one test or validation example."""

    __tablename__ = "prediction"
    training_run_id: Mapped[int] = mapped_column(ForeignKey("training_run.id", ondelete="CASCADE"), primary_key=True)
    example_id: Mapped[int] = mapped_column(ForeignKey("example.id", ondelete="CASCADE"), primary_key=True, index=True)
    label: Mapped[str]
    probs: Mapped[list[Any]]


class TextPredictionRow(Base):
    """A finished classifier's prediction for a synthetic text that it was not trained on; sorts the review queue.

    `label_prob` is its probability of the label that the text had been given by then, never of its consensus label.
    """

    __tablename__ = "text_prediction"
    __table_args__ = (Index("ix_text_prediction_run_prob", "training_run_id", "label_prob"),)
    training_run_id: Mapped[int] = mapped_column(ForeignKey("training_run.id", ondelete="CASCADE"), primary_key=True)
    text_id: Mapped[int] = mapped_column(
        ForeignKey("synthetic_text.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    label: Mapped[str]
    prob: Mapped[float]
    label_prob: Mapped[float]
