"""Connections, transactions, migrations, and readable messages for SQLite's errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError
from sqlalchemy.orm import Session

from augment.errors import StorageError

MIGRATIONS = Path(__file__).parent / "migrations"


def open_engine(url: str) -> Engine:
    """An engine for `url`. SQLite: creates the file's folder, uses WAL and foreign keys, begins writes IMMEDIATE.

    Raises:
        StorageError: the URL is malformed or the folder cannot be created.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite" and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed)
    except (ArgumentError, NoSuchModuleError) as error:
        raise StorageError(
            f"'{url}' is not a database address. Expected one such as sqlite:///instance/workbench.db."
        ) from error
    except OSError as error:
        raise StorageError(f"The folder of {url} cannot be created: {error.strerror}. Choose another.") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A short session for reading."""
    with _explaining(), Session(engine, expire_on_commit=False) as session:
        yield session


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """A session that holds the write lock from its start and commits at its end, or changes nothing.

    Raises:
        StorageError: the disk is full, the file is locked or cannot be written.
    """
    with (
        _explaining(),
        Session(engine.execution_options(immediate=True), expire_on_commit=False) as session,
        session.begin(),
    ):
        yield session


def migrate(engine: Engine) -> str:
    """Migrate the tables to the newest version; returns its name.

    Raises:
        StorageError: the database is from a newer version of the workbench.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    head = scripts.get_current_head() or ""
    with _explaining(), _without_foreign_keys(engine.execution_options(immediate=True)) as connection:
        current = MigrationContext.configure(connection).get_current_revision()
        if current == head:
            return head
        known = {script.revision for script in scripts.walk_revisions()}
        if current is not None and current not in known:
            raise StorageError(
                f"The database is at version {current}, which this workbench (version {head}) does not know. "  # noqa: S608  prose
                "Update the workbench, or set AUGMENT_DATABASE_URL to another file."
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return head


@contextmanager
def _without_foreign_keys(engine: Engine) -> Iterator[Connection]:
    """A transaction in which a table can be replaced: otherwise SQLite would delete the rows that refer to it.

    Source: SQLite's documentation of ALTER TABLE, "Making other kinds of table schema changes".
    """
    with engine.connect() as connection:
        if engine.dialect.name != "sqlite":
            with connection.begin():
                yield connection
            return
        driver = connection.connection.driver_connection
        assert driver is not None  # noqa: S101  an open connection has one
        driver.execute("PRAGMA foreign_keys=OFF")  # has no effect inside a transaction
        try:
            with connection.begin():
                yield connection
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
                if broken:
                    raise StorageError(
                        f"The database has {len(broken):,} rows that refer to missing rows, first in table "
                        f"'{broken[0][0]}'. It was not changed. Restore a copy of it."
                    )
        finally:
            driver.execute("PRAGMA foreign_keys=ON")


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin its own transactions
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "busy_timeout=10000",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "cache_size=-16000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


_EXPLANATIONS = {
    "disk is full": (
        "The disk is full. This step was not stored; everything before it was. Free some space, then resume."
    ),
    "database is locked": (
        "Another program has locked the database for more than 10 s. Close that program, then try again."
    ),
    "readonly": "The database file cannot be written. Check the permissions of the file and its folder.",
    "unable to open": "The database file cannot be opened. Check the path and the permissions of its folder.",
    "not a database": "The database file is not SQLite. Move it, or set AUGMENT_DATABASE_URL to another file.",
}


@contextmanager
def _explaining() -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        text = str(error.orig)
        for mark, sentence in _EXPLANATIONS.items():
            if mark in text:
                raise StorageError(sentence) from error
        raise
