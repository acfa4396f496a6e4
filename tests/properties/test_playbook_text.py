"""Whatever text comes in, the answer is a playbook or a DefinitionError, and it comes soon."""

import contextlib
import string
from datetime import timedelta
from typing import Any

import yaml  # type: ignore[import-untyped]  # PyYAML ships no types
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from firebreak.errors import DefinitionError
from firebreak.playbook.expressions import evaluate, names, render
from firebreak.playbook.fields import seconds
from firebreak.playbook.graph import mermaid
from firebreak.playbook.problems import InvalidPlaybookError
from firebreak.playbook.program import Program
from firebreak.playbook.reading import read_bytes
from firebreak.playbook.schema import KINDS
from tests.unit.playbook.writing import HEAD, compile_text

SOON = settings(deadline=timedelta(seconds=2))

CONTEXT: dict[str, JsonValue] = {
    "alert": {"title": "{{ x }}", "severity": 4, "tags": ["a", "b"]},
    "device": {"id": "cam-17", "attached": None},
}

YAML_BITS = st.sampled_from(
    [
        "playbook: test", "version: 1", "summary: s", "steps:", "  - ", "- ", "do: ", "wait: 1s",
        "network.quarantine", "hold: 4h", "when: ", "then:", "{", "}", "[", "]", "&a ", "*a",
        "!!str ", "|", ">-", "'", '"', ": ", "  ", "#", "---", "...", "%YAML 1.2", "? ", "<<: ",
        "{{ alert.title }}", "{% for %}", "{{ ''.__class__ }}", "é", "\n", "\t", "\u0000",
        "\u2028", "\ufeff", "\n  ", "\n    ",
    ]
)  # fmt: skip
YAMLISH = st.lists(YAML_BITS | st.text(max_size=5), max_size=60).map("".join)

WORDS = st.sampled_from(
    [
        "alert", "device", "alert.title", "alert.severity", ".tags", "x", "self", "4", "1.5",
        "'a'", '"', "'", "(", ")", "[", "]", "{", "}", ",", ":", "|", "~", "+", "-", "*", "**",
        "%", "/", "==", "<", ">=", "!=", "and", "or", "not", "in", "is", "if", "else", "true",
        "none", "default(1)", "length", "lower", "replace", "join", "int", "first", "defined",
        ".__class__", "()", "{{", "}}", "{%", "%}", "{#", "\\", "\n", " ",
    ]
)  # fmt: skip
EXPRESSIONS = st.lists(WORDS | st.text(max_size=3), max_size=25).map(" ".join)

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | EXPRESSIONS
)
KEYS = st.sampled_from(
    [
        *KINDS, "id", "when", "else", "hold", "for", "until", "that", "with", "of", "plan", "as",
        "max", "steps", "ladder", "within", "every", "on_failure", "irreversible", "role",
        "quorum",
    ]
)  # fmt: skip
DURATIONS = st.sampled_from(["1s", "4h", "91d"])
CONDITIONS = st.sampled_from(
    ["device.site == 'a'", "steps.a.contained", "vars.a == 1", "alert is none", "result.reachable"]
)
TEXTS = st.sampled_from(["text", "{{ device.id }}", "{{ steps.b.outcome }}", "{{ one.title }}"])
IDS = st.sampled_from("abc")


def fields(required: dict[str, Any], **optional: Any) -> st.SearchStrategy[dict[str, object]]:
    """A mapping that always has the first fields and sometimes the others."""
    return st.fixed_dictionaries(required, optional=optional)


def containers(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """Steps of steps."""
    steps = st.lists(inner, min_size=1, max_size=3)
    loop = {"for_each": st.just("alerts"), "as": st.just("one"), "max": st.just(3), "steps": steps}
    return st.one_of(
        fields({"when": CONDITIONS, "then": steps}, **{"else": steps}),
        fields({"parallel": st.lists(steps, min_size=2, max_size=2)}, when=CONDITIONS),
        fields(loop, on_failure=steps),
        fields({"do": st.just("device.probe")}, on_failure=steps, id=IDS),
    )


# Well-formed steps whose names, holds and order may be wrong: what lint is for.
SIMPLE = st.one_of(
    fields({"do": st.just("network.quarantine"), "hold": DURATIONS}, id=IDS, when=CONDITIONS),
    fields({"do": st.just("device.probe")}, id=IDS, until=CONDITIONS, within=DURATIONS),
    fields({"do": st.just("device.wipe"), "irreversible": st.just(value=True)}, id=IDS),
    fields({"do": st.just("incident.note"), "with": fields({"text": TEXTS})}, id=IDS),
    fields({"do": st.just("release")}, of=st.lists(IDS, min_size=1, max_size=2), id=IDS),
    fields({"approve": st.just({"role": "on-call"}), "plan": st.lists(IDS, min_size=1)}),
    fields({"wait": DURATIONS}),
    fields({"set": st.dictionaries(IDS, TEXTS, min_size=1)}, when=CONDITIONS),
)
STEPS = st.lists(st.recursive(SIMPLE, containers, max_leaves=6), min_size=1, max_size=4)

TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4)
)
LOOSE = st.lists(st.dictionaries(KEYS, TREES, min_size=1, max_size=5), min_size=1, max_size=4)


def compiled(text: str) -> Program | None:
    """The program, or None when the text is refused with problems that say where."""
    try:
        return compile_text(text)
    except InvalidPlaybookError as error:
        problems = error.problems
    assert problems
    assert all(p.line >= 1 and p.column >= 1 and p.code for p in problems)
    assert all(str(problem).isprintable() for problem in problems)
    return None


@SOON
@given(st.text() | YAMLISH)
def test_any_text_is_a_playbook_or_a_definition_error(text: str) -> None:
    compiled(text)


@SOON
@given(YAMLISH)
def test_any_text_in_place_of_steps_is_a_playbook_or_a_definition_error(text: str) -> None:
    compiled(HEAD + "steps:\n" + text)


@SOON
@given(st.binary())
def test_any_bytes_are_a_playbook_or_a_definition_error(raw: bytes) -> None:
    with contextlib.suppress(InvalidPlaybookError):
        read_bytes(raw, "test.yaml")


@SOON
@given(STEPS | LOOSE)
def test_any_steps_compile_and_can_be_drawn_or_are_a_definition_error(steps: list[object]) -> None:
    data = {"playbook": "test", "version": 1, "summary": "s", "steps": steps}
    program = compiled(yaml.safe_dump(data, allow_unicode=True))
    if program is not None:
        assert Program.model_validate(program.to_json()).digest == program.digest
        assert mermaid(program)


@SOON
@given(EXPRESSIONS | st.text())
def test_any_expression_has_a_plain_value_or_is_a_definition_error(expression: str) -> None:
    try:
        value = evaluate(expression, CONTEXT)
    except DefinitionError:
        return
    assert evaluate(expression, CONTEXT) == value
    assert isinstance(value, bool | int | float | str | list | dict | None)
    assert names(expression) is names(expression)


@SOON
@given(st.lists(EXPRESSIONS | st.text(max_size=10), max_size=4).map("{{".join))
def test_any_template_renders_or_is_a_definition_error(template: str) -> None:
    try:
        render({"a": [template]}, CONTEXT)
    except DefinitionError:
        return


@given(st.text(alphabet=string.printable))
def test_hostile_text_passes_through_a_template_unchanged(text: str) -> None:
    context: dict[str, JsonValue] = {"alert": {"title": text}}
    assert render("{{ alert.title }}", context) == text
    assert render("a {{ alert.title }} b", context) == f"a {text} b"


@given(st.text(alphabet="0123456789dhms.- ", max_size=12))
def test_a_duration_is_positive_or_refused(text: str) -> None:
    try:
        assert 1 <= seconds(text) <= 90 * 24 * 3600
    except ValueError:
        return
