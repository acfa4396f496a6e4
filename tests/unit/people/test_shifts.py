"""Who is on duty when: handoffs by the clock on the wall, on the days it is changed too."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from firebreak.domain.rota import Rota
from firebreak.people.shifts import Duty, Spell, duty, shifts
from firebreak.people.wall import instant
from tests.unit.people.writing import layer, rota, utc

BERLIN = ZoneInfo("Europe/Berlin")


def who(of: Rota, moment: str) -> str:
    (only,) = duty(of, utc(moment)).who
    return only


@pytest.mark.parametrize(
    ("zone", "local", "moment"),
    [
        ("Europe/Berlin", "2026-01-05T09:00", "2026-01-05T08:00"),
        ("Europe/Berlin", "2026-07-05T09:00", "2026-07-05T07:00"),
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:00"),  # leaped over
        ("Europe/Berlin", "2026-03-29T02:00", "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-03-29T03:00", "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30"),  # comes twice
        ("Europe/Berlin", "2026-10-25T03:00", "2026-10-25T02:00"),
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30"),  # half an hour
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00"),  # a whole day
        ("Asia/Kathmandu", "2026-01-05T09:00", "2026-01-05T03:15"),
        ("UTC", "2026-01-05T09:00", "2026-01-05T09:00"),
    ],
)
def test_a_time_on_the_wall_is_the_first_moment_at_which_it_is_reached(
    zone: str, local: str, moment: str
) -> None:
    assert instant(datetime.fromisoformat(local), ZoneInfo(zone)) == utc(moment)


def test_a_daily_handoff_stays_at_its_time_of_day_over_both_changes_of_the_clocks() -> None:
    daily = rota(layers=[layer("2026-03-27T09:00")])
    assert who(daily, "2026-03-28T07:59") == "ops-a"
    assert who(daily, "2026-03-28T08:00") == "ops-b"
    assert who(daily, "2026-03-29T06:59") == "ops-b"  # 23 hours later
    assert who(daily, "2026-03-29T07:00") == "ops-a"
    daily = rota(layers=[layer("2026-10-24T09:00")])
    assert who(daily, "2026-10-24T07:00") == "ops-a"
    assert who(daily, "2026-10-25T07:59") == "ops-a"  # 25 hours
    assert who(daily, "2026-10-25T08:00") == "ops-b"


def test_a_handoff_at_a_time_that_is_leaped_over_is_made_at_the_leap() -> None:
    daily = rota(layers=[layer("2026-03-28T02:30")])
    assert who(daily, "2026-03-29T00:59") == "ops-a"
    assert who(daily, "2026-03-29T01:00") == "ops-b"
    assert who(daily, "2026-03-30T00:29") == "ops-b"
    assert who(daily, "2026-03-30T00:30") == "ops-a"


def test_nobody_is_handed_back_to_when_the_clocks_are_set_back() -> None:
    hourly = rota(layers=[layer("2026-10-25T00:30", "1h")])
    seen = [who(hourly, f"2026-10-{day}T{hour}") for day, hour in [
        ("24", "22:30"), ("24", "23:30"), ("25", "00:29"), ("25", "00:30"), ("25", "01:00"),
        ("25", "01:29"), ("25", "02:29"), ("25", "02:30"),
    ]]  # fmt: skip
    assert seen == ["ops-a", "ops-b", "ops-b", *["ops-a"] * 4, "ops-b"]


def test_a_turn_that_is_leaped_over_whole_is_nobodys() -> None:
    hourly = rota(layers=[layer("2026-03-29T01:00", "1h")])
    found = shifts(hourly, utc("2026-03-29T00:00"), utc("2026-03-29T02:00"))
    assert [(s.since, s.duty.who) for s in found] == [(utc("2026-03-29T00:00"), ("ops-a",))]


def test_a_weekly_rotation_hands_over_at_its_own_time_of_day() -> None:
    weekly = rota(layers=[layer("2026-01-05T12:00", "weekly", handoff="09:00")])
    assert who(weekly, "2026-01-12T07:59") == "ops-a"
    assert who(weekly, "2026-01-12T08:00") == "ops-b"
    assert who(weekly, "2026-06-29T06:59") == "ops-a"
    assert who(weekly, "2026-06-29T07:00") == "ops-b"


def test_the_first_turn_begins_with_the_layer_whatever_the_time_of_handoff() -> None:
    for handoff in ("00:00", "08:59", "23:59"):
        late = rota(layers=[layer("2026-01-05T09:00", handoff=handoff)])
        assert who(late, "2026-01-05T08:00") == "ops-a"
        assert who(late, "2026-01-05T07:59") == "lead"


def test_before_its_start_a_layer_says_nothing() -> None:
    found = duty(rota(layers=[layer()]), utc("2026-01-05T07:59"))
    assert found == Duty(("lead",), "fallback")


def test_hours_may_cross_midnight_and_belong_to_the_day_they_begin_on() -> None:
    night = {"days": ["fri"], "from": "22:00", "to": "06:00"}
    nights = rota(layers=[layer("2026-01-01T00:00", only=night)])
    assert who(nights, "2026-01-09T20:59") == "lead"  # Friday
    assert who(nights, "2026-01-09T21:00") != "lead"
    assert who(nights, "2026-01-10T04:59") != "lead"
    assert who(nights, "2026-01-10T05:00") == "lead"
    assert who(nights, "2026-01-10T21:00") == "lead"  # Saturday


def test_days_alone_are_whole_days() -> None:
    weekdays = {"days": ["mon", "tue", "wed", "thu", "fri"]}
    found = shifts(
        rota(layers=[layer("2026-01-01T00:00", "weekly", only=weekdays)]),
        utc("2026-03-25T23:00"),
        utc("2026-03-30T22:00"),
    )
    holes = [(s.since, s.until) for s in found if s.duty.by == "fallback"]
    assert holes == [(utc("2026-03-27T23:00"), utc("2026-03-29T22:00"))]  # one hour short


def test_the_layer_written_last_lies_on_top() -> None:
    day = layer("2026-01-05T08:00", only={"from": "08:00", "to": "18:00"}, members=["ops-c"])
    both = rota(layers=[layer("2026-01-05T08:00", "weekly"), day])
    assert who(both, "2026-01-06T07:00") == "ops-c"
    assert who(both, "2026-01-06T17:00") == "ops-a"
    assert (
        who(rota(layers=[day, layer("2026-01-05T08:00", "weekly")]), "2026-01-06T07:00") == "ops-a"
    )


def _override(since: str, until: str, person: str) -> dict[str, Any]:
    return {"from": since, "to": until, "person": person}


def test_overrides_win_and_of_two_that_overlap_the_one_written_last() -> None:
    first = _override("2026-01-06T10:00", "2026-01-06T14:00", "ops-c")
    second = _override("2026-01-06T12:00", "2026-01-06T13:00", "ops-d")
    covered = rota(layers=[layer()], overrides=[first, second])
    found = shifts(covered, utc("2026-01-06T08:30"), utc("2026-01-06T14:00"))
    assert [(s.since.hour, s.duty.who[0], s.duty.by) for s in found] == [
        (8, "ops-b", "layer"),
        (9, "ops-c", "override"),
        (11, "ops-d", "override"),
        (12, "ops-c", "override"),
        (13, "ops-b", "layer"),
    ]
    turned = rota(layers=[layer()], overrides=[second, first])
    assert who(turned, "2026-01-06T11:30") == "ops-c"


def test_what_pagerduty_says_counts_below_overrides_and_above_the_fallback() -> None:
    elsewhere = rota(
        pagerduty={"schedule": "P1", "token": "env:T"},
        overrides=[_override("2026-01-06T10:00", "2026-01-06T11:00", "ops-c")],
    )
    spells = (
        Spell("ops-a", None, utc("2026-01-06T12:00")),
        Spell("ops-b", utc("2026-01-06T11:00"), utc("2026-01-06T13:00")),
        Spell("ops-a", None, utc("2026-01-06T12:00")),
    )
    found = shifts(elsewhere, utc("2026-01-06T08:00"), utc("2026-01-06T14:00"), spells)
    assert [(s.since.hour, s.duty.who, s.duty.by) for s in found] == [
        (8, ("ops-a",), "pagerduty"),
        (9, ("ops-c",), "override"),
        (10, ("ops-a",), "pagerduty"),
        (11, ("ops-a", "ops-b"), "pagerduty"),
        (12, ("ops-b",), "pagerduty"),
        (13, ("lead",), "fallback"),
    ]
