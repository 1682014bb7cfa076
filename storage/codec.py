"""Configs of augment.records ↔ the JSON of a column. pydantic reads the dataclasses' own types and runs their checks."""

from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def to_json(record: Any) -> dict[str, Any]:
    """A config as plain JSON types."""
    dumped: dict[str, Any] = _adapter(type(record)).dump_python(record, mode="json")
    return dumped


def from_json(kind: type[T], data: dict[str, Any]) -> T:
    """A config as it was stored."""
    loaded: T = _adapter(kind).validate_python(data)
    return loaded
