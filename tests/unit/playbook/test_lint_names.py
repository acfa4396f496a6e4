"""Lint of names: an expression reads only what surely exists when it runs."""

import pytest

from tests.unit.playbook.writing import HEAD, TRIGGERED, codes, lint_steps

CONTAIN = "- {id: contain, do: network.quarantine, hold: 4h}\n"


def note(expression: str) -> str:
    return f"- {{do: incident.note, with: {{text: 'x {{{{ {expression} }}}}'}}}}\n"


@pytest.mark.parametrize(
    "expression",
    [
        "device.class",
        "device.attached.switch",
        "incident.reason",
        "alert.title",
        "alerts[0].devices[0]",
        "inputs.who",
        "steps.contain.outcome",
        "steps.look.result.reach",
        "vars.a",
    ],
)
def test_what_exists_can_be_read(expression: str) -> None:
    head = TRIGGERED + "inputs: {who: {}}\n"
    before = CONTAIN + "- {id: look, do: device.probe}\n- set: {a: 1}\n"
    assert codes(before + note(expression), head) == []


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("devise.id", "`devise` is not defined"),
        ("device.clas", "`device.clas` is not defined"),
        ("device.attached.vlan", "`device.attached.vlan`"),
        ("alert.technik", "`alert.technik`"),
        ("alerts[0].nothing", "`alerts.0.nothing`"),
        ("incident.severity", "`incident.severity`"),
        ("inputs.whom", "`inputs.whom`"),
        ("vars.b", "`vars.b`"),
        ("steps.contian.outcome", "`steps.contian`"),
        ("steps.contain.verdict", "`steps.contain.verdict`"),
        ("steps.contain.result.vlan", "`steps.contain.result.vlan`"),
        ("result.reachable", "`result` is not defined"),
        ("steps.pause.outcome", "has not surely run"),
    ],
)
def test_what_does_not_exist_is_a_problem(expression: str, says: str) -> None:
    head = TRIGGERED + "inputs: {who: {}}\n"
    before = CONTAIN + "- set: {a: 1}\n- {id: pause, wait: 1s}\n"
    (problem,) = lint_steps(before + note(expression), head)
    assert problem.code in ("undefined-name", "too-early")
    assert says in problem.message
    assert problem.line == 11


UNSURE = {
    "later": note("steps.contain.outcome") + CONTAIN,
    "in another branch": """
- parallel:
    - {id: contain, do: network.quarantine, hold: 4h}
    - {do: incident.note, with: {text: "{{ steps.contain.outcome }}"}}
""",
    "one way of a choice": """
- when: device.site == 'a'
  then: [{id: contain, do: network.quarantine, hold: 4h}]
- {do: incident.note, with: {text: "{{ steps.contain.outcome }}"}}
""",
    "only after a failure": """
- wait: 1s
  on_failure: [{id: contain, do: network.quarantine, hold: 4h}]
- {do: incident.note, with: {text: "{{ steps.contain.outcome }}"}}
""",
    "in a loop": """
- for_each: alerts
  as: one
  max: 3
  steps: [{id: contain, do: network.quarantine, hold: 4h}]
- {do: incident.note, with: {text: "{{ steps.contain.outcome }}"}}
""",
    "in a block behind a guard": """
- when: device.site == 'a'
  parallel: [{id: contain, do: network.quarantine, hold: 4h}, {wait: 1s}]
- {do: incident.note, with: {text: "{{ steps.contain.outcome }}"}}
""",
    "in a block that may have failed": """
- parallel: [{id: contain, do: network.quarantine, hold: 4h}, {wait: 1s}]
  on_failure: [wait: 1s]
- {do: incident.note, with: {text: "{{ steps.contain.outcome }}"}}
""",
}
SURE = {
    "before": CONTAIN + note("steps.contain.outcome"),
    "behind a guard, for a skipped action has an outcome too": """
- {id: contain, do: device.probe, when: device.site == 'a'}
- {do: incident.note, with: {text: "{{ steps.contain.outcome }}"}}
""",
    "in its own failure edge and after it": """
- id: contain
  do: network.quarantine
  hold: 4h
  on_failure:
    - {do: incident.note, with: {text: "{{ steps.contain.error }}"}}
- {do: incident.note, with: {text: "{{ steps.contain.outcome }}"}}
""",
    "after all branches": """
- parallel: [{id: contain, do: network.quarantine, hold: 4h}, {wait: 1s}]
- {do: incident.note, with: {text: "{{ steps.contain.outcome }}"}}
""",
}


@pytest.mark.parametrize("where", UNSURE)
def test_a_step_that_has_not_surely_run_cannot_be_read(where: str) -> None:
    assert codes(UNSURE[where]) == ["too-early"]


@pytest.mark.parametrize("where", SURE)
def test_a_step_that_has_surely_been_tried_can_be_read(where: str) -> None:
    assert codes(SURE[where]) == []


def test_a_variable_set_on_both_ways_can_be_read() -> None:
    both = "- when: device.site == 'a'\n  then: [set: {a: 1}]\n  else: [set: {a: 2}]\n"
    one = "- when: device.site == 'a'\n  then: [set: {a: 1}]\n"
    assert codes(both + note("vars.a")) == []
    assert codes(one + note("vars.a")) == ["undefined-name"]
    assert codes("- {when: device.site == 'a', set: {a: 1}}\n" + note("vars.a")) == [
        "undefined-name"
    ]


def test_a_loop_variable_lives_in_its_loop_only() -> None:
    loop = "- for_each: '{{ alerts }}'\n  as: one\n  max: 3\n  steps:\n    - do: incident.note\n"
    assert codes(loop + "      with: {text: '{{ one.title }}'}\n") == []
    assert codes(loop + "      with: {text: '{{ one.titel }}'}\n") == ["undefined-name"]
    after = "      with: {text: a}\n" + note("one.title")
    assert codes(loop + after) == ["undefined-name"]


@pytest.mark.parametrize("name", ["alert", "steps", "result", "self", "loop", "none"])
def test_a_loop_variable_takes_no_name_that_has_a_meaning(name: str) -> None:
    loop = f"- for_each: alerts\n  as: {name}\n  max: 3\n  steps: [wait: 1s]\n"
    assert codes(loop) == ["taken-name"]


def test_without_triggers_a_playbook_asks_whether_there_is_an_alert() -> None:
    assert codes(note("alert.title"), HEAD) == ["no-alert"]
    assert codes(note("alert.title"), TRIGGERED) == []
    assert codes(note("alert.title if alert else incident.reason"), HEAD) == []
    guarded = "- when: alert is not none\n  then:\n    - do: incident.note\n"
    assert codes(guarded + "      with: {text: '{{ alert.title }}'}\n", HEAD) == []


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("alert.severity >=", "not-an-expression"),
        ("alert.__class__()", "not-an-expression"),
        ("''.__class__", "not-an-expression"),
        ("{% for a in b %}", "not-an-expression"),
        ("alert | attr('title')", "not-an-expression"),
        ("alert.__class__", "undefined-name"),
        ("steps.contain.outcome == 'enforced'", "undefined-name"),
        ("incident.reason == ''", "undefined-name"),
        ("true", "constant-condition"),
        ("1 == 2", "constant-condition"),
        ("'yes'", "not-boolean"),
        ("4", "not-boolean"),
    ],
)
def test_a_trigger_is_a_condition_on_alert_and_device(expression: str, code: str) -> None:
    head = HEAD + f'triggers:\n  - when: "{expression}"\n'
    found = lint_steps("- wait: 1s", head)
    assert [(p.code, p.line, p.column) for p in found] == [(code, 5, 11)]


@pytest.mark.parametrize("always", ["false", "true", '"false"', "'1 == 2'", "'{{ false }}'"])
def test_a_condition_that_decides_nothing_is_a_problem(always: str) -> None:
    assert codes(f"- {{wait: 1s, when: {always}}}") == ["constant-condition"]
    assert codes(f"- {{when: {always}, then: [wait: 1s]}}") == ["constant-condition"]


def test_a_step_is_read_by_name_only() -> None:
    assert "unclear-step" in codes(CONTAIN + note("steps[device.id].outcome"))


def test_until_sees_the_result_of_its_action() -> None:
    until = "- {do: device.probe, within: 5m, until: result.%s == false}"
    assert codes(until % "reachable") == []
    assert codes(until % "reachabel") == ["undefined-name"]


def test_a_hold_looks_alone_with_fixed_inputs() -> None:
    hold = (
        "- do: network.quarantine\n  hold:\n    for: 4h\n    until: {do: device.probe, that: %s}\n"
    )
    assert codes(hold % "result.reachable == false") == []
    assert codes(hold % "device.id == 'a'") == ["undefined-name"]
    assert codes(hold % "result.reachable == false, with: {a: '{{ device.id }}'}") == [
        "unknown-input",
        "not-literal",
    ]
