"""Every line of SQL. Returns records; imports augment.records and augment.errors and nothing heavier."""

from storage.store import Store

__all__ = ["Store"]
