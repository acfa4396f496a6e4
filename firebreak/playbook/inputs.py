"""Checks values against declared inputs, of actions and of playbooks, at lint and at run time."""

from collections.abc import Mapping

from pydantic import JsonValue

from firebreak.domain.base import JsonObject
from firebreak.errors import DefinitionError
from firebreak.playbook.catalogue import Param, ValueType
from firebreak.playbook.program import Input

_KINDS: dict[ValueType, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "list": (list,),
    "object": (dict,),
}


def fits(kind: ValueType, value: JsonValue) -> bool:
    """Whether a value is of a declared type. True and false are no numbers."""
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _KINDS[kind])


def kind_of(value: JsonValue) -> str:
    """What an author calls the type of a value."""
    return next((kind for kind in _KINDS if fits(kind, value)), "null")


def bind(
    declared: Mapping[str, Param] | Mapping[str, Input], given: Mapping[str, JsonValue], what: str
) -> JsonObject:
    """The given values, checked, with the defaults of those left out.

    Args:
        declared: the inputs of an action or a playbook.
        given: values by name.
        what: whose inputs they are, for the error.

    Raises:
        DefinitionError: an unknown input, a missing one or a value of another type.
    """
    for name in given:
        if name not in declared:
            known = ", ".join(declared) or "none"
            raise DefinitionError(f"{what} has no input {name!r}; it has: {known}")
    bound: JsonObject = {}
    for name, param in declared.items():
        value = given.get(name, param.default)
        if value is None and param.required:
            raise DefinitionError(f"{what} needs input {name!r}")
        if value is not None and not fits(param.type, value):
            raise DefinitionError(f"{what}: {name} must be {param.type}, not {kind_of(value)}")
        bound[name] = value
    return bound
