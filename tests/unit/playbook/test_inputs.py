"""Inputs: checked against what is declared, with defaults, at lint and at run time."""

import pytest
from pydantic import JsonValue

from firebreak.errors import DefinitionError
from firebreak.playbook.catalogue import Param, ValueType
from firebreak.playbook.inputs import bind, fits

DECLARED = {
    "title": Param(required=True),
    "priority": Param(type="integer", default=3),
    "note": Param(),
}


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("string", ["", "a"], [1, True, None, []]),
        ("integer", [0, -1], [1.5, True, "1", None]),
        ("number", [0, 1.5], [True, "1.5", None]),
        ("boolean", [True, False], [0, 1, "true", None]),
        ("list", [[], [1]], ["a", {}, None]),
        ("object", [{}, {"a": 1}], [[], "a", None]),
    ],
)
def test_a_value_fits_its_type_only(
    kind: ValueType, good: list[JsonValue], bad: list[JsonValue]
) -> None:
    assert all(fits(kind, value) for value in good)
    assert not any(fits(kind, value) for value in bad)


def test_what_is_left_out_has_its_default() -> None:
    assert bind(DECLARED, {"title": "a"}, "it") == {"title": "a", "priority": 3, "note": None}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "it needs input 'title'"),
        ({"title": None}, "it needs input 'title'"),
        ({"title": 1}, "it: title must be string, not integer"),
        ({"title": "a", "priority": True}, "priority must be integer, not boolean"),
        ({"title": "a", "other": 1}, "it has no input 'other'; it has: title, priority, note"),
    ],
)
def test_what_does_not_fit_is_an_error(given: dict[str, JsonValue], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        bind(DECLARED, given, "it")
