"""What all tables share: times in UTC, constraint names, column types, and the columns of every run."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, MetaData, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from augment.records import LabelSourceKind, RejectReason, ReviewAction, ReviewStatus, RunStatus, Split


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
    """All tables, with a name for every constraint so that migrations can refer to it."""

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
        # Plain strings on disk: a new reason or status needs no migration.
        Split: String(16),
        LabelSourceKind: String(16),
        RunStatus: String(16),
        ReviewStatus: String(16),
        ReviewAction: String(16),
        RejectReason: String(40),
    }


class RunRow(Base):
    """The columns of every run: its status, its progress and its worker."""

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
