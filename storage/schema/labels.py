"""Tables of label sources and their opinions."""

from typing import Any

from sqlalchemy import JSON, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from augment.records import LabelSourceKind
from storage.schema.base import Base, RunRow


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
