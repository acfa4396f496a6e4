"""Lint of order: people are asked before, holds are released after, and every path ends."""

import pytest

from tests.unit.playbook.writing import codes, lint_steps

ASK = "- {id: sure, approve: {role: on-call}, plan: [wipe]}\n"
WIPE = "- {id: wipe, do: device.wipe, irreversible: true}\n"
CONTAIN = "- {id: contain, do: network.quarantine, hold: 4h}\n"


def test_an_irreversible_action_that_people_agreed_to_is_accepted() -> None:
    assert codes(ASK + WIPE) == []
    assert codes(ASK + "- wait: 1m\n" + WIPE) == []


NOT_ASKED = {
    "nobody": WIPE,
    "about something else": ASK.replace("[wipe]", "[look]")
    + "- {id: look, do: device.probe}\n"
    + WIPE,
    "not always": ASK.replace("plan", "when: device.site == 'a', plan") + WIPE,
    "and a refusal is passed over": ASK.replace("plan", "on_failure: [wait: 1s], plan") + WIPE,
    "one way of a choice": """
- when: device.site == 'a'
  then:
    - {id: sure, approve: {role: on-call}, plan: [w]}
    - {id: w, do: device.wipe, irreversible: true}
  else:
    - {id: wipe, do: device.wipe, irreversible: true}
""",
    "in another branch": """
- parallel:
    - - {id: sure, approve: {role: on-call}, plan: [look]}
      - {id: look, do: device.probe}
    - {id: wipe, do: device.wipe, irreversible: true}
""",
    "after a failure": """
- wait: 1s
  on_failure: [{id: wipe, do: device.wipe, irreversible: true}]
""",
    "afterwards": WIPE + ASK,
}


@pytest.mark.parametrize("asked", NOT_ASKED)
def test_an_irreversible_action_nobody_was_surely_asked_about_is_a_problem(asked: str) -> None:
    assert "not-approved" in codes(NOT_ASKED[asked])


def test_an_irreversible_action_says_so() -> None:
    found = codes(ASK + WIPE.replace(", irreversible: true", ""))
    assert found == ["no-way-back"]


def test_an_irreversible_action_has_no_hold() -> None:
    assert codes(ASK + WIPE.replace("irreversible", "hold: 4h, irreversible")) == [
        "no-hold-possible"
    ]


@pytest.mark.parametrize(
    ("plan", "after", "code"),
    [
        ("[wipe]", "", "unknown-plan"),
        ("[sure]", WIPE, "unknown-plan"),
        ("[inside]", "- parallel: [{id: inside, wait: 1s}, {wait: 2s}]\n", "unknown-plan"),
        ("[pause]", "- {id: pause, wait: 1s}\n", "no-plan"),
        ("[wipe, wipe]", WIPE, "repeated-plan"),
    ],
)
def test_people_agree_to_actions_that_follow(plan: str, after: str, code: str) -> None:
    assert code in codes(ASK.replace("[wipe]", plan) + after)


def test_people_are_asked_when_the_plan_is_known() -> None:
    between = "- {id: look, do: device.probe}\n- set: {who: '{{ steps.look.result.reach }}'}\n"
    wipe = "- {id: wipe, do: device.wipe, irreversible: true, device: '{{ vars.who }}'}\n"
    assert codes(ASK + between + wipe) == ["plan-too-early"]
    assert codes(between + ASK + wipe) == []


NEVER_HELD = {
    "nothing at all": "- do: release\n",
    "only later": "- {do: release, of: [contain]}\n" + CONTAIN,
    "no hold": "- {id: look, do: device.probe}\n" + CONTAIN + "- {do: release, of: [look]}\n",
    "another name": CONTAIN + "- {do: release, of: [contian]}\n",
    "outside of the loop": CONTAIN
    + """
- for_each: alerts
  as: one
  max: 2
  steps: [{do: release, of: [contain]}]
""",
    "the other way of a choice": """
- when: device.site == 'a'
  then: [{id: contain, do: network.quarantine, hold: 4h}]
  else: [{do: release, of: [contain]}]
""",
}
MAYBE_HELD = {
    "before": CONTAIN + "- {do: release, of: [contain]}\n",
    "anything before": CONTAIN + "- do: release\n",
    "anything before a loop": CONTAIN
    + """
- for_each: alerts
  as: one
  max: 2
  steps: [do: release]
""",
    "one way of a choice": """
- when: device.site == 'a'
  then: [{id: contain, do: network.quarantine, hold: 4h}]
- {do: release, of: [contain]}
""",
    "accepted, then failed": """
- id: contain
  do: network.quarantine
  hold: 4h
  on_failure: [{do: release, of: [contain]}]
""",
}


@pytest.mark.parametrize("held", NEVER_HELD)
def test_what_was_never_held_is_not_released(held: str) -> None:
    assert codes(NEVER_HELD[held]) == ["nothing-held"]


@pytest.mark.parametrize("held", MAYBE_HELD)
def test_what_may_be_held_is_released(held: str) -> None:
    assert codes(MAYBE_HELD[held]) == []


def test_an_id_is_given_once() -> None:
    (problem,) = lint_steps("- {id: a, wait: 1s}\n- parallel: [{id: a, wait: 1s}, {wait: 1s}]")
    assert (problem.code, problem.line, problem.column) == ("duplicate-id", 6, 21)


def test_a_playbook_has_a_bounded_number_of_steps() -> None:
    def both(each: int) -> str:
        branch = "[" + "{wait: 1s}, " * each + "]"
        return f"- parallel: [{branch}, {branch}]"

    assert codes(both(500)) == ["too-large"]
    assert codes(both(499)) == []
    assert codes("- wait: 1s\n" * 1001) == ["wrong-value"]
