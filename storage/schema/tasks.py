"""Tables of a task: its examples, rows that were left out, seed sets, prompt versions."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from augment.records import Split
from storage.schema.base import Base, utc_now


class TaskRow(Base):
    """What is labelled and how, and where its examples came from."""

    __tablename__ = "task"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    source: Mapped[str]
    text_type: Mapped[str]
    label_type: Mapped[str]
    labels: Mapped[list[Any]]
    label_knowledge: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # None: as proposed
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class ExampleRow(Base):
    """A labelled text in its split: real, or an LM's text made a seed; `id` follows the source's order."""

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
    """One example's position in a seed set."""

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
