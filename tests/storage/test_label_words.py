"""Edited label words on a real SQLite file, and migration 0009."""

from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config

from augment.records import LabelKnowledge, LabelWords, Task
from storage import Store
from storage.engine import MIGRATIONS, open_engine

WORDS = LabelKnowledge(("{word}", "so {word}"), (LabelWords("joy", ("glad", "merry")), LabelWords("anger", ("cross",))))


def test_edited_words_are_read_as_they_were_saved(store: Store, task: Task) -> None:
    assert store.tasks.label_knowledge(task.id) is None
    store.tasks.save_label_knowledge(task.id, WORDS)
    assert store.tasks.label_knowledge(task.id) == WORDS
    assert store.tasks.label_knowledge(task.id + 1) is None
    store.tasks.save_label_knowledge(task.id, None)
    assert store.tasks.label_knowledge(task.id) is None


def test_a_task_of_the_eighth_version_has_no_edited_words_and_takes_some(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    engine, config = open_engine(url), Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    row = {"id": 1, "name": "t", "source": "s", "text_type": "tweet", "label_type": "x", "labels": '["joy", "anger"]'}
    row["created_at"] = "2026-01-01 00:00:00"
    with engine.execution_options(immediate=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0008")
        columns = [sqlalchemy.column(name) for name in row]
        connection.execute(sqlalchemy.insert(sqlalchemy.table("task", *columns)).values(row))
    engine.dispose()
    store = Store.open(url)
    assert store.tasks.all()[0].labels == ("joy", "anger")
    assert store.tasks.label_knowledge(1) is None
    store.tasks.save_label_knowledge(1, WORDS)
    assert store.tasks.label_knowledge(1) == WORDS
    store.close()
