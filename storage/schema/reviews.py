"""Tables of review: steps, their events, and the cards that browser tabs have open."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from augment.records import ReviewAction, ReviewStatus
from storage.schema.base import Base, utc_now


class ReviewStepRow(Base):
    """One action of one person, on one text or many. Append-only; `undoes_id` is the step that an undo takes back.

    Steps from an imported file are `is_restored`: they are part of the history, but undo skips them.
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
    """What a step did to one synthetic text. Append-only; texts and notes are stored only if they changed."""

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
    """A card that one browser tab shows; no other tab gets it before `expires_at`."""

    __tablename__ = "review_lease"
    text_id: Mapped[int] = mapped_column(ForeignKey("synthetic_text.id", ondelete="CASCADE"), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64), index=True)
    expires_at: Mapped[datetime]
