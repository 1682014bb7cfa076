"""Convert configs of augment.records to and from the JSON of a column.

pydantic uses the dataclasses' types and runs their checks.
"""

from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")

_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}  # building one takes a millisecond


def to_json(record: Any) -> dict[str, Any]:
    """A config as plain JSON types."""
    dumped: dict[str, Any] = _adapter(type(record)).dump_python(record, mode="json")
    return dumped


def from_json(kind: type[T], data: dict[str, Any]) -> T:
    """A config from its stored JSON."""
    loaded: T = _adapter(kind).validate_python(data)
    return loaded


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]
