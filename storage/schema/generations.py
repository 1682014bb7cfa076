"""Tables of generation: runs, completions, synthetic texts and their flags."""

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from augment.records import RejectReason, ReviewStatus
from storage.schema.base import Base, RunRow, utc_now


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
    """One raw answer of the LM with its exact prompt; a reject if `reject_reason` is set."""

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
    """A parsed completion. `text`, `label`, `status` and `note` are set with the last review event, in one transaction.

    `proposed_text` and `proposed_label` are what the LM wrote. `confidence` is the probability of the likeliest label,
    `label_prob` that of the current label, `shuffle` the text's position in the random order.
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
    """A check's finding about a synthetic text that did not reject the text."""

    __tablename__ = "text_flag"
    text_id: Mapped[int] = mapped_column(ForeignKey("synthetic_text.id", ondelete="CASCADE"), primary_key=True)
    reason: Mapped[RejectReason] = mapped_column(primary_key=True)
    detail: Mapped[str]
