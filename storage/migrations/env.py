"""Alembic's entry point: runs migrations on a given connection, or on AUGMENT_DATABASE_URL from the command line."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection

from storage.engine import open_engine
from storage.schema import Base, UtcDateTime
from storage.store import default_url


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our types as SQLAlchemy's own: a migration must not change when schema.py does."""
    return "sa.DateTime()" if kind == "type" and isinstance(item, UtcDateTime) else False


def run(connection: Connection) -> None:
    """Run the requested migrations; SQLite alters tables by copying them (batch mode)."""
    context.configure(
        connection=connection, target_metadata=Base.metadata, render_as_batch=True, render_item=render_item
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with open_engine(default_url()).begin() as opened:
        run(opened)
