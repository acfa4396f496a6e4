"""Whether a device is called contained: by what is in force now, never by what once was."""

from datetime import timedelta

import pytest

from firebreak.cli.standing import in_short, in_words
from firebreak.domain.hold import HoldState
from firebreak.domain.record import Kind
from tests.unit.cli.conftest import Call, StubApi
from tests.unit.cli.samples import INCIDENT, START, entry, hold, row, whole_story

DONE = row("completed", contained=True)


@pytest.mark.parametrize(
    ("live", "short", "words"),
    [
        ({"cam-17": HoldState.ACTIVE}, "yes", "contained"),
        ({"cam-17": HoldState.STUCK}, "was; hold stuck", "was contained; the hold is stuck"),
        ({"cam-18": HoldState.ACTIVE}, "was", "was contained"),
        ({}, "was", "was contained"),
        (None, "was", "was contained"),
    ],
)
def test_only_a_live_hold_is_the_present_tense(
    live: dict[str, HoldState] | None, short: str, words: str
) -> None:
    assert in_short(DONE, live).plain == short
    assert in_words(DONE, live).plain == words


def test_what_was_never_contained_is_not_called_so() -> None:
    assert in_short(row(), {"cam-17": HoldState.ACTIVE}).plain == "no"
    assert in_words(row(), {"cam-17": HoldState.ACTIVE}).plain == "not contained"


def test_the_release_has_its_time_once_no_hold_stands() -> None:
    at = (START + timedelta(seconds=12)).astimezone().strftime("%H:%M:%S")
    assert f"released {START.astimezone():%Y-%m-%d} {at}" in in_words(DONE, {}, whole_story()).plain
    again = {"kind": "enforced", "device": "cam-17"}
    held = [*whole_story(), entry(14, Kind.OUTCOME, outcome=again, hold="hold/cam-17/x.y")]
    assert in_words(DONE, None, held).plain == "was contained"


@pytest.mark.parametrize(("holds", "word"), [([hold().to_json()], "yes"), ([], "was")])
def test_the_list_and_the_story_look_at_what_is_in_force(
    api: StubApi, call: Call, holds: list[object], word: str
) -> None:
    api.answer("GET", "/holds", {"holds": holds})
    api.answer("GET", "/incidents", {"incidents": [DONE.to_json()]})
    api.answer("GET", f"/incidents/{INCIDENT}", {"incident": DONE.to_json(), "entries": []})
    assert word in call("incidents").stdout.split()
    told = call("incident", "show", INCIDENT).stdout
    assert ("completed  contained" in told) == bool(holds)
    assert ("was contained" in told) != bool(holds)
