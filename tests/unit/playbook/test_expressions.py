"""Expressions are pure look-ups in JSON: no Python, no surprise types, no unbounded work."""

import pytest
from pydantic import JsonValue

from firebreak.errors import DefinitionError
from firebreak.playbook.expressions import evaluate, names, render, truth

CONTEXT: dict[str, JsonValue] = {
    "alert": {"title": "[1, 2]", "severity": 4, "technique": "T1110", "owner": None},
    "alerts": [{"title": "first"}, {"title": "second"}],
    "device": {"id": "cam-17", "class": "ip-camera", "items": "a field, not a method"},
    "steps": {"contain": {"contained": True}},
    "nobody": None,
    "result": {"reachable": False},
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("alert.severity >= 4", True),
        ("device.class == 'ip-camera' and alert.technique in ['T1110', 'T1498']", True),
        ("not steps.contain.contained", False),
        ("result.reachable == false", True),
        ("alerts[1].title", "second"),
        ("alerts[-1].title", "second"),
        ("device['id']", "cam-17"),
        ("device['i' ~ 'd']", "cam-17"),
        ("device.items", "a field, not a method"),
        ("-alert.severity", -4),
        ("alert.severity - 1.5", 2.5),
        ("[alert.severity] + [1]", [4, 1]),
        ("(1, 'a')", [1, "a"]),
        ("{'a': alert.severity}", {"a": 4}),
        ("'yes' if alert.severity > 3 else 'no'", "yes"),
        ("alerts | length", 2),
        ("alerts | first", {"title": "first"}),
        ("'A-b' | lower | replace('-', '_') | upper", "A_B"),
        ("['a', 1] | join('-')", "a-1"),
        ("' 12 ' | int", 12),
        ("7 | string", "7"),
        ("' x ' | trim", "x"),
        ("alert.nothing | default('none')", "none"),
        ("alert.nothing is defined", False),
        ("nobody is none", True),
        ("nobody.name | default('anyone')", "anyone"),
    ],
)
def test_an_expression_has_its_native_value(expression: str, value: JsonValue) -> None:
    found = evaluate(expression, CONTEXT)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "expression",
    [
        "''.__class__",
        "''['__class__']",
        "alert.__class__.__mro__",
        "alert.items()",
        "alert.items",
        "alerts.append",
        "device.id.upper",
        "range(10)",
        "lipsum",
        "self",
        "self._TemplateReference__context",
        "cycler.__init__.__globals__",
        "alert | attr('title')",
        "alert | map(attribute='title')",
        "alert | tojson",
        "'a' * 9",
        "9 ** 9",
        "'%s' % alert",
        "4 // 2",
        "alert.title[0:1]",
        "alert.title if alert.severity",
        "alert.title is callable",
        "alert.title is sameas alert.title",
        "['a'] | join(attribute='x')",
        "alert.title | replace(*alerts)",
        "_private",
        "Alert.title",
        "x y",
        "",
        "   ",
        "}} {{ alert.title",
        "alert.title }}{% set x = 1 %}{{ x",
        "1e999",
        "9007199254740992",
        r"'\d'",
    ],
)
def test_what_is_not_on_the_list_is_refused(expression: str) -> None:
    with pytest.raises(DefinitionError):
        evaluate(expression, CONTEXT)


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("alert.techniqe == 'T1110'", "alert.techniqe"),
        ("steps.contian.outcome", "steps.contian"),
        ("nothing", "nothing"),
        ("nothing is defined", "nothing"),
        ("nothing | default(1)", "nothing"),
        ("[alert.gone]", "alert.gone"),
        ("{'a': alert.gone}", "alert.gone"),
        ("alert.gone ~ 'x'", "alert.gone"),
        ("alert.gone + 1", "alert.gone"),
        ("alert.gone is none", "alert.gone"),
        ("not alert.gone", "alert.gone"),
        ("alert.gone | lower", "alert.gone"),
        ("alert.gone.further | default(1)", "alert.gone"),
        ("alerts[7].title", "alerts.7"),
        ("nobody.name", "nobody` is null"),
    ],
)
def test_what_is_not_defined_is_an_error_that_names_it(expression: str, named: str) -> None:
    with pytest.raises(DefinitionError, match=f"`{named}"):
        evaluate(expression, CONTEXT)


@pytest.mark.parametrize("expression", ["alert.severity", "alerts", "nobody", "'true'", "''"])
def test_only_true_and_false_decide(expression: str) -> None:
    with pytest.raises(DefinitionError, match="must be true or false"):
        truth(expression, CONTEXT)


@pytest.mark.parametrize(
    "expression", ["alert.severity < 'high'", "1 + 'a'", "true + 1", "'a' - 'b'", "'x' | int"]
)
def test_types_that_do_not_fit_are_an_error(expression: str) -> None:
    with pytest.raises(DefinitionError):
        evaluate(expression, CONTEXT)


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ alert.severity }}", 4),
        ("{{- alert.severity -}}", 4),
        ("severity {{ alert.severity }}", "severity 4"),
        (" {{ alert.severity }}", " 4"),
        ("{{ alert.title }}", "[1, 2]"),
        ("{{ alert.title }}{{ '' }}", "[1, 2]"),
        ("plain }} text", "plain }} text"),
        ("{{ {'a': {'b': 1}} }}", {"a": {"b": 1}}),
        ("{{ '{{ alert.severity }}' }}", "{{ alert.severity }}"),
        (["{{ alerts }}", {"k": "{{ nobody }}"}, 7], [CONTEXT["alerts"], {"k": None}, 7]),
    ],
)
def test_a_lone_expression_keeps_its_type_and_text_stays_text(
    template: JsonValue, value: JsonValue
) -> None:
    assert render(template, CONTEXT) == value


@pytest.mark.parametrize(
    "hostile",
    ["{{ device.id }}", "{% for a in b %}", "[1, 2]", "None", "{'a': 1}", "12", "{{", "true"],
)
def test_hostile_alert_text_is_never_read_again(hostile: str) -> None:
    context: dict[str, JsonValue] = {"alert": {"title": hostile}}
    assert render("{{ alert.title }}", context) == hostile
    assert render("<{{ alert.title }}>", context) == f"<{hostile}>"


@pytest.mark.parametrize(
    "template",
    [
        "{{ a",
        "{% if true %}x{% endif %}",
        "a {# hidden #}",
        "{{ }}",
        "{{}}",
        "{% raw %}",
        "{{ ) }}",
    ],
)
def test_a_template_holds_expressions_only(template: str) -> None:
    with pytest.raises(DefinitionError):
        render(template, CONTEXT)


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 300 + "1" + ")" * 300,
        "[" * 21 + "]" * 21,
        "not " * 400 + "true",
        "-" * 1900 + "1",
        " + ".join(["1"] * 400),
        "1 if true else " * 100 + "1",
        "'a' ~ " * 20 + "x" * 2000,
        "alert" + ".a" * 900,
    ],
)
def test_a_long_or_deep_expression_is_refused(expression: str) -> None:
    with pytest.raises(DefinitionError):
        evaluate(expression, CONTEXT)


@pytest.mark.parametrize(
    "expression",
    [
        "big ~ big",
        "big + big",
        "big | replace('x', big)",
        "big | replace('', big)",
        "many | join(big)",
        "[big] * 2",
    ],
)
def test_a_result_cannot_grow_without_bound(expression: str) -> None:
    context: dict[str, JsonValue] = {"big": "x" * 60_000, "many": ["a"] * 1000}
    with pytest.raises(DefinitionError):
        evaluate(expression, context)


def test_a_whole_value_is_bounded_too() -> None:
    context: dict[str, JsonValue] = {"big": "x" * 60_000}
    with pytest.raises(DefinitionError, match="larger than"):
        render(["{{ big }}"] * 20, context)


def test_names_are_dotted_paths_as_far_as_they_are_constant() -> None:
    expression = "steps.contain.outcome == alerts[0].title and vars[inputs['key']].x in [device.id]"
    assert names(expression) == {
        "steps.contain.outcome",
        "alerts.0.title",
        "vars",
        "inputs.key",
        "device.id",
    }


def test_a_value_is_a_copy_of_the_context() -> None:
    found = evaluate("alerts", CONTEXT)
    assert isinstance(found, list)
    found.append("changed")
    assert evaluate("alerts | length", CONTEXT) == 2
