"""Tables of label sources, their opinions, and the consensus of all sources."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from augment.records import LabelSourceKind
from storage.schema.base import Base, RunRow, utc_now


class LabelSourceRow(RunRow):
    """A labelling run, or labels from a file, which have neither a config nor a seed set."""

    __tablename__ = "label_source"
    kind: Mapped[LabelSourceKind]
    name: Mapped[str]
    seed_set_id: Mapped[int | None] = mapped_column(ForeignKey("seed_set.id"))
    config: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    cost: Mapped[float] = mapped_column(default=0.0)


class LabelOpinionRow(Base):
    """A source's label probabilities for a synthetic text or for a seed: one of `text_id` and `example_id` is set."""

    __tablename__ = "label_opinion"
    __table_args__ = (  # the convention would give both the same name
        UniqueConstraint("source_id", "text_id", name="uq_label_opinion_source_id_text_id"),
        UniqueConstraint("source_id", "example_id", name="uq_label_opinion_source_id_example_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("label_source.id", ondelete="CASCADE"))
    text_id: Mapped[int | None] = mapped_column(ForeignKey("synthetic_text.id", ondelete="CASCADE"), index=True)
    example_id: Mapped[int | None] = mapped_column(ForeignKey("example.id", ondelete="CASCADE"), index=True)
    probs: Mapped[list[Any]]


class ConsensusVersionRow(Base):
    """A consensus that was computed for a task: what it was made from, and how much each source counted."""

    __tablename__ = "consensus_version"
    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    seed_set_id: Mapped[int] = mapped_column(ForeignKey("seed_set.id", ondelete="CASCADE"))
    n_decisions: Mapped[int]
    last_event_id: Mapped[int]
    n_opinions: Mapped[int]
    last_opinion_id: Mapped[int]
    weights: Mapped[list[Any]]


class TextConsensusRow(Base):
    """The current consensus of a text, without a person's decision about the text itself.

    `prob` is the probability of `label`, the likeliest; `opinions` are lists of a position in the version's weights, a
    label and its probability.
    """

    __tablename__ = "text_consensus"
    text_id: Mapped[int] = mapped_column(ForeignKey("synthetic_text.id", ondelete="CASCADE"), primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("consensus_version.id", ondelete="CASCADE"), index=True)
    label: Mapped[str]
    prob: Mapped[float]
    probs: Mapped[list[Any]]
    opinions: Mapped[list[Any]]
