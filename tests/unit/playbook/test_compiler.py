"""A program spells out what the author abbreviated, and is the same for the same text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebreak.domain.durations import duration
from firebreak.playbook.catalogue import SHIPPED
from firebreak.playbook.compiler import compile_source
from firebreak.playbook.library import Library
from firebreak.playbook.problems import InvalidPlaybookError
from firebreak.playbook.program import (
    Approve,
    Do,
    ForEach,
    HoldSpec,
    Input,
    Parallel,
    Program,
    Release,
    Run,
    Set,
    Until,
    Wait,
    When,
)
from tests.unit.playbook.writing import HEAD, TRIGGERED, compile_steps, named


def test_an_action_is_spelled_out() -> None:
    (step,) = compile_steps("- {do: network.quarantine, hold: 1h30m}").steps
    assert step == Do(
        id="network_quarantine",
        line=5,
        action="network.quarantine",
        ladder=SHIPPED["network.quarantine"].ladder,
        chosen=True,
        hold=HoldSpec(for_s=5400),
    )


def test_an_action_keeps_what_the_author_chose() -> None:
    steps = """
    - id: contain
      when: "{{ device.site == 'a' }}"
      do: network.quarantine
      device: "{{ device.id }}"
      ladder: [port-down]
      hold:
        for: 4h
        until: {do: device.probe, that: result.reachable == false, every: 1m}
      on_failure: [wait: 10s]
    """
    (step,) = compile_steps(steps).steps
    until = Until(do="device.probe", that="result.reachable == false", every_s=60)
    assert step == Do(
        id="contain",
        line=5,
        when="device.site == 'a'",
        action="network.quarantine",
        device="{{ device.id }}",
        ladder=("port-down",),
        hold=HoldSpec(for_s=4 * 3600, until=until),
        on_failure=(Wait(id="wait", line=13, seconds=10),),
    )


def test_an_observation_that_repeats_is_spelled_out() -> None:
    (step,) = compile_steps("- {do: device.probe, until: result.reachable, within: 5m}").steps
    assert isinstance(step, Do)
    assert (step.until, step.every_s, step.within_s) == ("result.reachable", 10, 300)
    assert step.ladder == ()


def test_defaults_of_the_catalogue_are_pinned() -> None:
    steps = compile_steps(
        "- {do: ticket.open, with: {title: a}}\n- {do: incident.note, with: {text: a}}"
    ).steps
    assert [s.inputs for s in steps if isinstance(s, Do)] == [
        {"title": "a", "priority": 3},
        {"text": "a"},
    ]
    assert [s.quick for s in steps if isinstance(s, Do)] == [False, True]


def test_every_other_kind_of_step_is_spelled_out() -> None:
    steps = """
    - {do: network.quarantine, hold: 1h, id: c}
    - {id: sure, approve: {role: on-call, quorum: 2, within: 1h, reason: why}, plan: [wipe, back]}
    - {id: wipe, do: device.wipe, irreversible: true}
    - {do: release, of: [c], id: back}
    - parallel:
        - wait: 1s
        - [wait: 2s, set: {a: 1}]
    - {for_each: "{{ alerts }}", as: one, max: 5, at_once: 2, steps: [wait: 3s]}
    - {when: device.site == 'a', then: [wait: 4s], else: [wait: 5s]}
    """
    _, sure, wipe, back, parallel, loop, choice = compile_steps(steps).steps
    assert sure == Approve(
        id="sure",
        line=6,
        role="on-call",
        quorum=2,
        within_s=3600,
        plan=("wipe", "back"),
        reason="why",
    )
    assert wipe == Do(id="wipe", line=7, action="device.wipe", irreversible=True)
    assert back == Release(id="back", line=8, of=("c",))
    assert parallel == Parallel(
        id="parallel",
        line=9,
        branches=(
            (Wait(id="wait", line=10, seconds=1),),
            (Wait(id="wait_2", line=11, seconds=2), Set(id="set", line=11, values={"a": 1})),
        ),
    )
    assert loop == ForEach(
        id="for_each",
        line=12,
        items="alerts",
        name="one",
        limit=5,
        at_once=2,
        steps=(Wait(id="wait_3", line=12, seconds=3),),
    )
    assert choice == When(
        id="choose",
        line=13,
        test="device.site == 'a'",
        then=(Wait(id="wait_4", line=13, seconds=4),),
        otherwise=(Wait(id="wait_5", line=13, seconds=5),),
    )


def test_another_playbook_is_inlined_and_its_version_pinned() -> None:
    head = HEAD.replace("test", "other").replace("version: 1", "version: 7")
    other = head + "inputs: {who: {default: me}, n: {type: integer}}\nsteps: [wait: 1s]\n"
    program = compile_steps("- {run: other, with: {n: 2}}", others={"other": other})
    assert program.steps == (
        Run(
            id="run_other",
            line=5,
            playbook="other",
            version=7,
            inputs={"who": "me", "n": 2},
            steps=(Wait(id="wait", line=5, seconds=1),),
        ),
    )


def test_a_change_in_an_inlined_playbook_changes_the_digest() -> None:
    first = compile_steps("- {run: other}", others={"other": named("other", "- wait: 1s")})
    second = compile_steps("- {run: other}", others={"other": named("other", "- wait: 2s")})
    assert first.digest != second.digest


def test_the_head_is_kept() -> None:
    head = TRIGGERED + "inputs: {who: {type: list, default: [a], summary: Whom}}\n"
    program = compile_steps("- wait: 1s", head)
    assert (program.name, program.version, program.summary) == ("test", 1, "A test")
    assert program.triggers == ("alert.severity >= 4",)
    assert program.inputs == {"who": Input(type="list", default=["a"], summary="Whom")}


def test_a_derived_id_avoids_the_given_ones() -> None:
    steps = compile_steps("- wait: 1s\n- {id: wait_2, wait: 1s}\n- wait: 1s\n- {id: w, wait: 1s}")
    assert [step.id for step in steps.steps] == ["wait", "wait_2", "wait_3", "w"]


def test_a_program_survives_the_journey_through_json() -> None:
    program = compile_steps("- {do: network.quarantine, hold: 1h}\n- do: release", TRIGGERED)
    again = Program.model_validate(program.to_json())
    assert (again, again.digest) == (program, program.digest)


def test_a_playbook_with_problems_is_never_compiled() -> None:
    with pytest.raises(InvalidPlaybookError) as caught:
        compile_source(
            HEAD + "steps: [{do: network.quarantine}, {do: nothing.here}]\n",
            file="x/test.yaml",
            catalogue=SHIPPED,
            library=Library({}, SHIPPED),
        )
    assert [p.code for p in caught.value.problems] == ["no-hold", "unknown-action"]
    assert str(caught.value).startswith("x/test.yaml:4:9: ")
    assert caught.value.code == "definition"


@given(st.integers(min_value=1, max_value=90 * 24 * 3600))
def test_a_duration_is_read_as_it_is_written(seconds: int) -> None:
    (step,) = compile_steps(f"- wait: {duration(seconds)}").steps
    assert isinstance(step, Wait)
    assert step.seconds == seconds


def test_roles_alone_share_the_time_evenly() -> None:
    steps = """
    - {id: c, do: network.quarantine, hold: 1h}
    - {id: sure, approve: {role: a, within: 15m, escalate: [b, c], remind: 2m}, plan: [back]}
    - {id: back, do: release}
    """
    sure = compile_steps(steps).steps[1]
    assert isinstance(sure, Approve)
    assert [(level.role, level.after_s) for level in sure.levels] == [("b", 300), ("c", 600)]
    assert {level.instead_of for level in sure.levels} == {("a",)}
    assert sure.remind_s == 120


@pytest.mark.parametrize(
    "terms",
    [
        "escalate: [a]",
        "escalate: [b, b]",
        "escalate: [{role: b, after: 15m}]",
        "escalate: [{role: b, after: 5m}, {role: c, after: 5m}]",
        "escalate: [b, {role: c, after: 5m}]",
        "escalate: []",
        "remind: 15m",
        "otherwise: allow",
    ],
)
def test_an_escalation_that_cannot_be_is_refused(terms: str) -> None:
    steps = f"""
    - {{id: c, do: network.quarantine, hold: 1h}}
    - {{id: sure, approve: {{role: a, within: 15m, {terms}}}, plan: [back]}}
    - {{id: back, do: release}}
    """
    with pytest.raises(InvalidPlaybookError):
        compile_steps(steps)
