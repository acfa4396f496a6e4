"""Lint against the catalogue: actions, inputs, rungs, ways back and repetition."""

import pytest

from tests.unit.playbook.writing import codes, lint_steps


def test_a_good_playbook_has_no_problems() -> None:
    steps = """
    - {do: network.quarantine, ladder: [port-down], hold: 1h30m}
    - {do: device.probe, until: result.reachable == false, within: 5m, every: 30s}
    - {do: ticket.open, with: {title: "{{ device.id }}", priority: 1, tags: [a]}}
    - {do: release}
    """
    assert codes(steps) == []


@pytest.mark.parametrize(
    ("step", "code", "says"),
    [
        ("{do: network.quarantin, hold: 4h}", "unknown-action", "network.quarantin"),
        (
            "{do: network.quarantine, hold: 4h, ladder: [telepathy]}",
            "unknown-rung",
            "nac, radius, controller, switch",
        ),
        (
            "{do: network.quarantine, hold: 4h, ladder: [switch, switch]}",
            "repeated-rung",
            "twice",
        ),
        ("{do: device.probe, ladder: [switch]}", "unknown-rung", "none"),
        ("{do: network.quarantine}", "no-hold", "hold: 4h"),
        ("{do: device.probe, hold: 4h}", "no-hold-possible", "not a control"),
        ("{do: network.quarantine, hold: 4h, irreversible: true}", "not-irreversible", "way back"),
        ("{do: incident.note}", "missing-input", "needs input 'text'"),
        ("{do: incident.note, with: {txt: a}}", "missing-input", "needs input 'text'"),
        ("{do: incident.note, with: {text: 3}}", "wrong-type", "must be string, not integer"),
        ("{do: incident.note, with: {text: [a]}}", "wrong-type", "must be string, not list"),
        ("{do: incident.note, with: {text: null}}", "wrong-type", "not null"),
        ("{do: ticket.open, with: {title: a, priority: b}}", "wrong-type", "must be integer"),
        ("{do: ticket.open, with: {title: a, priority: true}}", "wrong-type", "not boolean"),
        ("{do: ticket.open, with: {title: a, priority: 1.5}}", "wrong-type", "not number"),
        (
            "{do: ticket.open, with: {title: a, tags: 'x {{ device.id }}'}}",
            "wrong-type",
            "must be list, not string",
        ),
        ("{do: device.probe, until: result.reachable}", "unending", "within: 30m"),
        ("{do: device.probe, within: 5m}", "no-until", "`within` does nothing"),
        ("{do: device.probe, every: 5m}", "no-until", "`every` does nothing"),
        (
            "{do: ticket.open, with: {title: a}, until: result.number == '1', within: 1h}",
            "repeated-effect",
            "not an observation",
        ),
    ],
)
def test_what_does_not_fit_the_catalogue_is_a_problem(step: str, code: str, says: str) -> None:
    found = {problem.code: problem for problem in lint_steps(f"- {step}")}
    assert code in found, found
    assert says in found[code].message + found[code].hint


def test_a_hold_ends_on_an_observation() -> None:
    until = "{do: incident.note, with: {text: a}, that: result == 1}"
    hold = f"- {{do: network.quarantine, hold: {{for: 4h, until: {until}}}}}"
    assert "repeated-effect" in codes(hold)


@pytest.mark.parametrize("value", ["'{{ inputs.p }}'", "3", "null"])
def test_a_lone_expression_or_nothing_fits_any_optional_input(value: str) -> None:
    head = "playbook: test\nversion: 1\nsummary: A\ninputs: {p: {type: integer, default: 1}}\n"
    assert codes(f"- {{do: ticket.open, with: {{title: a, priority: {value}}}}}", head) == []


def test_a_problem_points_at_the_value_that_is_wrong() -> None:
    (problem,) = lint_steps(
        "- do: network.quarantine\n  hold: 4h\n  ladder:\n    - switch\n    - telepathy"
    )
    assert (problem.line, problem.column) == (9, 9)


def test_an_unknown_action_gets_a_hint() -> None:
    problem = lint_steps("- {do: network.quarantin, hold: 4h}")[0]
    assert problem.hint == "did you mean 'network.quarantine'?"
    assert str(problem).startswith("test.yaml:5:10: ")


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        ("{type: integer, default: a}", "wrong-type"),
        ("{type: string, default: 1}", "wrong-type"),
        ("{required: true, default: a}", "needless-default"),
        ("{type: list, default: []}", None),
    ],
)
def test_a_default_must_be_of_its_type(declared: str, code: str | None) -> None:
    head = f"playbook: test\nversion: 1\nsummary: A\ninputs: {{a: {declared}}}\n"
    assert codes("- wait: 1s", head) == ([code] if code else [])
