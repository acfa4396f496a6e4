"""Reads JSON whose shape belongs to somebody else: what is not there is empty, never an error."""

from collections.abc import Mapping

from pydantic import JsonValue

Json = JsonValue | Mapping[str, JsonValue]


def get(value: Json, *path: str) -> Json:
    """What stands at that path of names, or None."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def text(value: Json, *path: str) -> str:
    """The scalar at that path as text; "" for nothing, a list or an object."""
    found = get(value, *path)
    return "" if found is None or isinstance(found, list | Mapping) else str(found)


def items(value: Json, *path: str) -> list[JsonValue]:
    """The list at that path, or an empty one."""
    found = get(value, *path)
    return found if isinstance(found, list) else []
