"""An incident reads as a story, whatever its entries hold."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from firebreak.cli.timeline import headline, render, render_rung
from firebreak.domain.people import ApprovalState, Change, Given
from firebreak.domain.record import Kind
from firebreak.telling.story import story
from tests.unit.cli.samples import PLAN, START, approval, entry, row, whole_story


def shown(renderable: Any) -> str:
    console = Console(file=io.StringIO(), width=200, force_terminal=True, color_system=None)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def words() -> list[str]:
    return [line.word for each in whole_story() for line in story(each) if line.word]


def test_a_response_is_told_in_the_words_of_the_field_and_in_order() -> None:
    assert words() == [
        *("ALERT", "response", "plan", "policy", "APPROVAL?", "APPROVED", "approval", "send"),
        *("IN FORCE", "probe", "probe", "CONTAINED", "HOLD", "extended"),
        *("put back", "RESTORED", "probe", "RELEASED", "CLOSED"),
    ]


@pytest.mark.parametrize(
    "fact",
    [
        "vlan 20 -> 666",
        "way back: put the port back into VLAN 20",
        "wants 1 x on-call to agree (rule high-criticality)",
        "firebreak approve apr-1",
        "by oncall: go",
        "cam-17 is unreachable from sentinel-north (tcp)",
        "cam-17 7.0 s after the response began",
        "completed, the device was contained",
    ],
)
def test_what_an_engineer_needs_at_night_is_said(fact: str) -> None:
    assert fact in "".join(shown(render(each, START)) for each in whole_story())


def test_who_joins_without_an_alert_is_named_with_the_reason() -> None:
    told = story(entry(1, Kind.JOINED, reason="it scans again", alerts=[]))
    assert [(line.word, line.text) for line in told] == [
        ("asked", "by oncall too, who joins this response"),
        ("", "because: it scans again"),
    ]


def test_a_changed_plan_says_what_was_changed() -> None:
    given = Given(step="contain", inputs={"vlan": 666}, hold_s=14400)
    change = Change(
        who="oncall", step="contain", hold_s=5, inputs={"vlan": 7, "note": "x"}, reason="longer"
    )
    void = approval(ApprovalState.VOID, given=(given,), change=change)
    told = story(entry(1, Kind.APPROVAL_CLOSED, approval=void.to_json()))
    assert [line.text for line in told] == [
        "by oncall: longer",
        "contain: hold 4h -> 5s",
        "contain: vlan 666 -> 7",
        "contain: note none -> x",
    ]
    asked = story(entry(1, Kind.APPROVAL_REQUESTED, approval=void.to_json()))
    assert "hold: contain for 4h" in [line.text for line in asked]


def test_an_alert_that_joins_is_named() -> None:
    told = story(entry(1, Kind.JOINED, reason="", alerts=[{"title": "telnet scan"}]))
    assert [(line.word, line.text) for line in told] == [
        ("ALERT", "telnet scan, joins this response")
    ]


def test_a_change_without_a_way_back_says_so() -> None:
    plan = PLAN.model_copy(update={"way_back": None, "reversible": False}).to_json()
    assert "none, this cannot be undone" in shown(render_rung({"plan": plan}))


def test_on_a_narrow_terminal_long_lines_stay_in_their_column() -> None:
    console = Console(file=io.StringIO(), width=60)
    console.print(render(entry(0, Kind.OPENED, title="x" * 200, alerts=["a"]), START))
    assert isinstance(console.file, io.StringIO)
    lines = [line for line in console.file.getvalue().splitlines() if "x" in line]
    assert len(lines) > 1
    assert all(line.startswith(" " * 32) for line in lines[1:])


@pytest.mark.parametrize("kind", ["accepted", "unknown", "refused", "failed"])
def test_only_what_was_seen_in_force_is_called_contained(kind: str) -> None:
    outcome = {"kind": kind, "device": "cam-17", "probes": []}
    told = story(entry(1, Kind.OUTCOME, outcome=outcome, plan=PLAN.to_json(), hold="hold/x/y"))
    assert "CONTAINED" not in [line.word for line in told]


def test_a_hostile_title_cannot_steer_the_terminal() -> None:
    hostile = "\x1b]0;owned\x07\x1b[2J[red]scan[/red]\u202egnp.exe\nCLOSED completed\x9b31m"
    opened = entry(0, Kind.OPENED, title=hostile, alerts=["a"], playbook="p", version=1)
    out = shown(render(opened, START)) + shown(headline(row(title=hostile), Text()))
    assert "[red]scan[/red]" in out  # shown as text, not obeyed
    for forbidden in ("\x1b]", "\x1b[2J", "\x07", "\u202e", "\x9b", "\nCLOSED"):
        assert forbidden not in out


_names = st.sampled_from(
    [
        *("plan", "outcome", "approval", "vote", "gates", "probes", "hold", "before", "after"),
        *("kind", "decision", "device", "alerts", "alert", "summary", "effect", "who", "rules"),
        *("expires_at", "reason", "detail", "title", "change", "given", "inputs", "hold_s", "step"),
    ]
)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["", "7", "approve", "enforced", "\x1b[2J", "\n\u202e"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=4),
    max_leaves=12,
)


@given(kind=st.sampled_from(list(Kind)), body=st.dictionaries(_names, json_values, max_size=5))
def test_no_body_of_any_shape_breaks_the_story(kind: Kind, body: dict[str, Any]) -> None:
    assert shown(render(entry(1, kind, **body), START))
