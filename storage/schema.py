"""The tables, as SQLAlchemy 2 typed classes. Rows never leave this package: callers get records.

Each arrow of the journey is one table: task → example → seed_set; prompt_version; generation_run → completion →
synthetic_text → review_event ← review_step; experiment → arm → arm_text; training_run → metric_point, prediction,
text_prediction. Migrations follow this file (Alembic).
"""

import secrets
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, Index, MetaData, String, Text, UniqueConstraint, text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from augment.records import RejectReason, ReviewAction, ReviewStatus, RunStatus, Split


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time; stored without its zone, since SQLite has none."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database."""
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        return value.replace(tzinfo=UTC) if value else None


def utc_now() -> datetime:
    """Now, aware, in UTC."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """All tables, with names for every constraint so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  SQLAlchemy's own name
        datetime: UtcDateTime,
        str: Text,
        dict[str, Any]: JSON,
        list[Any]: JSON,
        # Plain strings on disk: a new reason or status is no migration.
        Split: String(16),
        RunStatus: String(16),
        ReviewStatus: String(16),
        ReviewAction: String(16),
        RejectReason: String(40),
    }


class TaskRow(Base):
    """What is labelled with what, and where its examples came from."""

    __tablename__ = "task"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    source: Mapped[str]
    text_type: Mapped[str]
    label_type: Mapped[str]
    labels: Mapped[list[Any]]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class ExampleRow(Base):
    """A labelled text in its split: real, or taken over from an LM as a seed; `id` follows the source's order."""

    __tablename__ = "example"
    __table_args__ = (Index("ix_example_task_split", "task_id", "split"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"))
    split: Mapped[Split]
    text: Mapped[str]
    label: Mapped[str]


class LeftOutRow(Base):
    """A row of the source that was left out, and why."""

    __tablename__ = "left_out"
    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"), index=True)
    split: Mapped[Split]
    text: Mapped[str]
    label: Mapped[str]
    reason: Mapped[str]


class SeedSetRow(Base):
    """The examples chosen as few-shot seeds; never changed."""

    __tablename__ = "seed_set"
    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    rng_seed: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class SeedSetExampleRow(Base):
    """One example's place in a seed set."""

    __tablename__ = "seed_set_example"
    seed_set_id: Mapped[int] = mapped_column(ForeignKey("seed_set.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    example_id: Mapped[int] = mapped_column(ForeignKey("example.id", ondelete="CASCADE"), index=True)


class PromptVersionRow(Base):
    """One immutable state of a task's template."""

    __tablename__ = "prompt_version"
    __table_args__ = (UniqueConstraint("task_id", "number"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"))
    number: Mapped[int]
    template: Mapped[dict[str, Any]]
    note: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class RunRow(Base):
    """What every run carries: how far it is, and which worker has it."""

    __abstract__ = True
    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"), index=True)
    status: Mapped[RunStatus] = mapped_column(index=True)
    message: Mapped[str] = mapped_column(default="")
    n_done: Mapped[int] = mapped_column(default=0)
    n_total: Mapped[int] = mapped_column(default=0)
    elapsed_s: Mapped[float] = mapped_column(default=0.0)
    worker: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]


class GenerationRunRow(RunRow):
    """Seed set × prompt version × LM × sampling × strategy; imported runs have only an LM's name."""

    __tablename__ = "generation_run"
    seed_set_id: Mapped[int | None] = mapped_column(ForeignKey("seed_set.id"))
    prompt_version_id: Mapped[int | None] = mapped_column(ForeignKey("prompt_version.id"))
    lm_name: Mapped[str]
    config: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    n_attempts: Mapped[int] = mapped_column(default=0)
    cost: Mapped[float] = mapped_column(default=0.0, server_default="0")


class CompletionRow(Base):
    """One raw answer of the LM with its exact prompt; a reject where `reject_reason` is set."""

    __tablename__ = "completion"
    __table_args__ = (
        UniqueConstraint("run_id", "number"),
        Index("ix_completion_run_reason", "run_id", "reject_reason"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("generation_run.id", ondelete="CASCADE"))
    number: Mapped[int]
    prompt: Mapped[str]
    seed_ids: Mapped[list[Any]]
    raw: Mapped[str]
    n_tokens: Mapped[int]
    n_prompt_tokens: Mapped[int] = mapped_column(default=0, server_default="0")
    reject_reason: Mapped[RejectReason | None]
    reject_detail: Mapped[str] = mapped_column(default="")


class SyntheticTextRow(Base):
    """A parsed completion. `text`, `label`, `status` and `note` repeat the last review event, in the same transaction.

    `proposed_text` and `proposed_label` are what the LM wrote. `confidence` is the probability of the likeliest label,
    `label_prob` that of the current one, `shuffle` the text's place in the random order.
    """

    __tablename__ = "synthetic_text"
    __table_args__ = (
        Index("ix_synthetic_text_run_status", "run_id", "status"),
        Index("ix_synthetic_text_task", "task_id", "id"),
        Index("ix_synthetic_text_task_status", "task_id", "status", "id"),
        Index("ix_synthetic_text_task_label", "task_id", "label", "status"),
        Index("ix_synthetic_text_task_run", "task_id", "status", "run_id", "id"),
        Index("ix_synthetic_text_shuffle", "task_id", "status", "shuffle", "id"),
        # texts without probabilities come last; `storage.reviews.text_queries` orders by the same expressions
        Index("ix_synthetic_text_label_prob", "task_id", "status", text("coalesce(label_prob, 2.0)"), "id"),
        Index("ix_synthetic_text_confidence", "task_id", "status", text("coalesce(confidence, 2.0)"), "id"),
        UniqueConstraint("run_id", "number"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("generation_run.id", ondelete="CASCADE"))
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"))
    completion_id: Mapped[int | None] = mapped_column(ForeignKey("completion.id", ondelete="CASCADE"), index=True)
    number: Mapped[int]
    text: Mapped[str]
    proposed_text: Mapped[str]
    proposed_label: Mapped[str]
    label_probs: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    label: Mapped[str]
    status: Mapped[ReviewStatus]
    note: Mapped[str] = mapped_column(default="")
    confidence: Mapped[float | None]
    label_prob: Mapped[float | None]
    shuffle: Mapped[int] = mapped_column(default=lambda: secrets.randbits(31))
    last_event_id: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class TextFlagRow(Base):
    """Something that a check found in a synthetic text without rejecting it."""

    __tablename__ = "text_flag"
    text_id: Mapped[int] = mapped_column(ForeignKey("synthetic_text.id", ondelete="CASCADE"), primary_key=True)
    reason: Mapped[RejectReason] = mapped_column(primary_key=True)
    detail: Mapped[str]


class ReviewStepRow(Base):
    """What one person did at once, to one text or many. Only ever added; `undoes_id` names what an undo takes back.

    A step that an imported file brought is `is_restored`: it is history here, and undo passes it by.
    """

    __tablename__ = "review_step"
    __table_args__ = (Index("ix_review_step_reviewer", "task_id", "reviewer", "is_restored", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"))
    action: Mapped[ReviewAction]
    reviewer: Mapped[str]
    n_events: Mapped[int]
    undoes_id: Mapped[int | None] = mapped_column(ForeignKey("review_step.id", ondelete="CASCADE"), unique=True)
    is_restored: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class ReviewEventRow(Base):
    """What a step did to one synthetic text. Only ever added; texts and notes are stored where they changed."""

    __tablename__ = "review_event"
    id: Mapped[int] = mapped_column(primary_key=True)
    step_id: Mapped[int] = mapped_column(ForeignKey("review_step.id", ondelete="CASCADE"), index=True)
    text_id: Mapped[int] = mapped_column(ForeignKey("synthetic_text.id", ondelete="CASCADE"), index=True)
    label_before: Mapped[str]
    label_after: Mapped[str]
    status_before: Mapped[ReviewStatus]
    status_after: Mapped[ReviewStatus]
    text_before: Mapped[str | None]
    text_after: Mapped[str | None]
    note_before: Mapped[str | None]
    note_after: Mapped[str | None]


class ReviewLeaseRow(Base):
    """A card that one browser tab shows, so that no other is handed it before `expires_at`."""

    __tablename__ = "review_lease"
    text_id: Mapped[int] = mapped_column(ForeignKey("synthetic_text.id", ondelete="CASCADE"), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64), index=True)
    expires_at: Mapped[datetime]


class ExperimentRow(RunRow):
    """A grid of training runs; `config` holds the arms' specs in the order of their rows."""

    __tablename__ = "experiment"
    name: Mapped[str]
    seed_set_id: Mapped[int] = mapped_column(ForeignKey("seed_set.id"))
    config: Mapped[dict[str, Any]]


class ArmRow(Base):
    """One line of an experiment's learning curve."""

    __tablename__ = "arm"
    __table_args__ = (UniqueConstraint("experiment_id", "position"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiment.id", ondelete="CASCADE"))
    position: Mapped[int]
    name: Mapped[str]
    n_texts: Mapped[int]
    n_dropped: Mapped[int | None]  # none until its filter has run
    n_decisions: Mapped[int]


class ArmTextRow(Base):
    """A synthetic text that an arm may take, as it read and was labelled when the experiment was made.

    `text` is none in experiments of before it was kept: they read the text as it is now.
    """

    __tablename__ = "arm_text"
    arm_id: Mapped[int] = mapped_column(ForeignKey("arm.id", ondelete="CASCADE"), primary_key=True)
    text_id: Mapped[int] = mapped_column(
        ForeignKey("synthetic_text.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    text: Mapped[str | None]
    label: Mapped[str]
    is_dropped: Mapped[bool] = mapped_column(default=False)


class TrainingRunRow(RunRow):
    """One classifier trained once; on the seeds only where it has no arm."""

    __tablename__ = "training_run"
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiment.id", ondelete="CASCADE"), index=True)
    arm_id: Mapped[int | None] = mapped_column(ForeignKey("arm.id", ondelete="CASCADE"), index=True)
    arm: Mapped[str]
    n_synthetic: Mapped[int]
    n_train: Mapped[int]
    config: Mapped[dict[str, Any]]
    final_step: Mapped[int | None]


class TrainingTextRow(Base):
    """A synthetic text that a training run was trained on, with the label it had then."""

    __tablename__ = "training_text"
    training_run_id: Mapped[int] = mapped_column(ForeignKey("training_run.id", ondelete="CASCADE"), primary_key=True)
    text_id: Mapped[int] = mapped_column(
        ForeignKey("synthetic_text.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    label: Mapped[str]


class MetricPointRow(Base):
    """Metrics on the test split after so many optimiser steps."""

    __tablename__ = "metric_point"
    training_run_id: Mapped[int] = mapped_column(ForeignKey("training_run.id", ondelete="CASCADE"), primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True)
    train_loss: Mapped[float | None]
    loss: Mapped[float]
    accuracy: Mapped[float]
    macro_f1: Mapped[float]
    validation_macro_f1: Mapped[float | None]


class PredictionRow(Base):
    """What a finished classifier says of one test example."""

    __tablename__ = "prediction"
    training_run_id: Mapped[int] = mapped_column(ForeignKey("training_run.id", ondelete="CASCADE"), primary_key=True)
    example_id: Mapped[int] = mapped_column(ForeignKey("example.id", ondelete="CASCADE"), primary_key=True, index=True)
    label: Mapped[str]
    probs: Mapped[list[Any]]


class TextPredictionRow(Base):
    """What a finished classifier says of a synthetic text that it was not trained on: the review queue's disagreement.

    `label_prob` is its probability of the label that the text had in the experiment.
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
