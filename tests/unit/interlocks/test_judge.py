"""From reading to verdict: what each kind of nonsense is called, and where the bounds lie."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from firebreak.domain.interlock import StateInterlock
from firebreak.domain.reading import Reading
from firebreak.policy.interlocks import judge, silent
from tests.unit.interlocks.entries import NOW, calendar, http, opcua

ABOVE = {"engaged_when": {"above": 5, "below": 1}, "range": [0, 9.5]}
BUSY = {"engaged_when": {"equals": "busy"}, "values": ["busy", "idle"]}
ON = {"engaged_when": {"equals": True}}
IDLE: dict[str, Any] = {"engaged_when": {"not": "idle"}}
ZERO: dict[str, Any] = {"engaged_when": {"not": 0}}


def said(value: object, at: datetime | None = NOW) -> Reading:
    return Reading(value, at, "Press3.State")


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        (ABOVE, 5),
        (ABOVE, 1),
        (ABOVE, 2.5),
        (BUSY, "idle"),
        (ON, False),
        (IDLE, "idle"),
        (ZERO, 0.0),
    ],
)
def test_a_fresh_value_that_says_free_is_free(fields: dict[str, Any], value: object) -> None:
    verdict = judge(http(**fields), said(value, NOW - timedelta(seconds=1.2)), NOW)
    assert not verdict.engaged
    assert verdict.reason.endswith(", 1.2 s old")


@pytest.mark.parametrize(
    ("fields", "value", "why"),
    [
        (ABOVE, 5.1, "engaged when it is above 5 or below 1"),
        (ABOVE, 0, "engaged when it is above 5 or below 1"),
        (ABOVE, 9.6, "out of its range 0 to 9.5"),
        (ABOVE, -9999, "out of its range"),
        (ABOVE, float("nan"), "no finite number"),
        (ABOVE, float("-inf"), "no finite number"),
        (ABOVE, True, "no number"),
        (ABOVE, "3", "no number"),
        (BUSY, "busy", "engaged when it equals 'busy'"),
        (BUSY, "BUSY", "none of the values"),
        (BUSY, "", "none of the values"),
        (BUSY, None, "no text"),
        (BUSY, 0, "no text"),
        (ON, True, "engaged when"),
        (ON, 0, "no flag"),
        (ON, "false", "no flag"),
        (ON, None, "no flag"),
        (IDLE, "idle ", "engaged when it is not 'idle'"),
        (IDLE, ["idle"], "no text"),
        (IDLE, b"idle", "no text"),
        (ZERO, 1, "engaged when it is not 0"),
        (ZERO, False, "no number"),
        (ZERO, {}, "no number"),
    ],
)
def test_anything_else_is_engaged_and_says_why(
    fields: dict[str, Any], value: object, why: str
) -> None:
    verdict = judge(http(**fields), said(value), NOW)
    assert verdict.engaged
    assert why in verdict.reason


@pytest.mark.parametrize(
    ("at", "why"),
    [
        (None, "does not say when"),
        (NOW.replace(tzinfo=None), "does not say when"),
        (NOW - timedelta(seconds=30.001), "stale"),
        (datetime.min.replace(tzinfo=NOW.tzinfo), "stale"),
        (NOW + timedelta(seconds=2.001), "in the future"),
        (datetime.max.replace(tzinfo=NOW.tzinfo), "in the future"),
    ],
)
def test_a_value_of_another_time_is_engaged(at: datetime | None, why: str) -> None:
    verdict = judge(http(), said("idle", at), NOW)
    assert verdict.engaged
    assert why in verdict.reason


def test_the_limits_of_age_themselves_are_free() -> None:
    for at in (NOW - timedelta(seconds=30), NOW + timedelta(seconds=2)):
        assert not judge(http(), said("idle", at), NOW).engaged


@pytest.mark.parametrize(
    ("rule", "inside", "engaged"),
    [
        ("only-within", True, False),
        ("only-within", False, True),
        ("never-within", True, True),
        ("never-within", False, False),
        ("only-within", 1, True),
        ("never-within", 0, True),
        ("never-within", None, True),
    ],
)
def test_a_calendar_frees_within_its_windows_or_outside_its_freezes(
    rule: str, inside: object, engaged: bool
) -> None:
    entry = calendar(rule=rule, file="a.ics")
    assert judge(entry, said(inside), NOW).engaged is engaged


def test_what_came_from_outside_can_neither_break_the_line_nor_fill_it() -> None:
    hostile = "idle\n\x1b[2J\u202e" + "x" * 5000
    for verdict in (
        judge(http(), said(hostile), NOW),
        judge(http(), Reading("idle", NOW, hostile), NOW),
        silent(opcua(), hostile),
    ):
        assert verdict.line.isprintable()
        assert len(verdict.line) < 600


def test_silence_is_engaged() -> None:
    entry: StateInterlock = http()
    verdict = silent(entry, "no answer")
    assert verdict.engaged
    assert verdict.line == (
        "press-3-cycle is engaged (press 3 is in a cycle): "
        "no reading, and silence is engaged: no answer"
    )
