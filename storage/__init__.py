"""All SQL. Returns records; imports nothing heavier than augment.records and augment.errors."""

from storage.store import Store

__all__ = ["Store"]
