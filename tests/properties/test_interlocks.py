"""Nothing but a fresh, well-formed reading that says free is free."""

import json
import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from firebreak.domain.comparison import EngagedWhen
from firebreak.domain.interlock import HttpInterlock, StateInterlock
from firebreak.domain.reading import Reading
from firebreak.errors import Rejected
from firebreak.policy.interlocks import judge
from integrations.interlocks.calendar_rules import ChangeCalendar
from integrations.interlocks.json_value import find, moment, parse

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
MAX_AGE = 30.0

SCALARS = st.one_of(
    st.booleans(), st.integers(-5, 5), st.floats(-5, 5), st.sampled_from(["idle", "busy", ""])
)
VALUES = st.one_of(
    SCALARS,
    st.none(),
    st.floats(),
    st.integers(),
    st.text(),
    st.binary(),
    st.lists(SCALARS),
    st.dictionaries(st.text(), SCALARS),
    st.datetimes(),
)
TIMES = st.one_of(
    st.none(),
    st.datetimes(),  # naive
    st.datetimes(timezones=st.just(UTC)),
    st.floats(-120, 120).map(lambda seconds: NOW - timedelta(seconds=seconds)),
)
Condition = tuple[dict[str, object], dict[str, object]]
CONDITIONS: st.SearchStrategy[Condition] = st.one_of(
    st.booleans().map(lambda value: ({"equals": value}, {})),
    SCALARS.map(lambda value: ({"not": value}, {})),
    SCALARS.map(lambda value: ({"equals": value}, {"values": [value, 3, "busy"]})),
    st.tuples(st.floats(-4, 4), st.sampled_from(["above", "below"])).map(
        lambda both: ({both[1]: both[0]}, {"range": [-4.5, 4.5]})
    ),
)


def interlock(condition: Condition) -> StateInterlock:
    when, more = condition
    return HttpInterlock.model_validate(
        {
            "id": "i",
            "kind": "http",
            "summary": "s",
            "applies_to": {"device": ["d"]},
            "url": "https://example.org/",
            "value": "/v",
            "timestamp": "/t",
            "max_age_s": MAX_AGE,
            "engaged_when": when,
            **more,
        }
    )


def frees(when: EngagedWhen, value: object) -> bool:
    """What the words of the condition mean, written down a second time."""
    number = type(value) in {int, float}
    if when.equals is not None or when.unless is not None:
        expected = when.equals if when.equals is not None else when.unless
        alike = type(value) is type(expected) or (number and type(expected) in {int, float})
        return alike and ((value != when.equals) if when.unless is None else value == expected)
    if not isinstance(value, int | float) or not number or not math.isfinite(value):
        return False
    return (when.above is None or value <= when.above) and (
        when.below is None or value >= when.below
    )


@given(CONDITIONS, VALUES, TIMES)
def test_only_a_fresh_well_formed_value_that_says_free_is_free(
    condition: Condition, value: object, at: datetime | None
) -> None:
    entry = interlock(condition)
    verdict = judge(entry, Reading(value, at, "where"), NOW)
    if verdict.engaged:
        return
    assert at is not None
    assert at.tzinfo is not None
    assert timedelta(seconds=-2) <= NOW - at <= timedelta(seconds=MAX_AGE)
    assert frees(entry.engaged_when, value)
    assert not entry.values or value in entry.values
    assert entry.range is None or entry.range[0] <= value <= entry.range[1]  # type: ignore[operator]  # a number, by the line above


@given(CONDITIONS, VALUES)
def test_a_fresh_value_that_says_free_is_never_held_back(
    condition: Condition, value: object
) -> None:
    entry = interlock(condition)
    usual = frees(entry.engaged_when, value)
    listed = not entry.values or any(
        value == each and isinstance(value, bool) == isinstance(each, bool) for each in entry.values
    )
    if entry.range is not None:
        usual = usual and entry.range[0] <= value <= entry.range[1]  # type: ignore[operator]  # a number, as frees says
    assert judge(entry, Reading(value, NOW, "where"), NOW).engaged is not (usual and listed)


@given(st.binary(max_size=300), st.text(max_size=20))
def test_any_body_is_a_value_or_refused(body: bytes, pointer: str) -> None:
    try:
        found = find(parse(body, "source"), pointer, "source")
    except Rejected:
        return
    assert json.dumps(found)


@given(
    st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.none(), st.lists(st.none()))
)
def test_a_time_is_aware_or_none(value: object) -> None:
    for unit in ("s", "ms"):
        found = moment(value, unit)
        assert found is None or found.utcoffset() is not None


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "BEGIN:VEVENT",
                "END:VEVENT",
                "DTSTART:20260310T110000Z",
                "DTSTART;VALUE=DATE:20260310",
                "DTSTART;TZID=Nowhere:20260310T110000",
                "DTEND:20260310T130000Z",
                "DTEND:20250101T000000Z",
                "DURATION:PT2H",
                "DURATION:-P1D",
                "RRULE:FREQ=DAILY",
                "RRULE:FREQ=SECONDLY",
                "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31",
                "RRULE:FREQ=DAILY;COUNT=0",
                "EXDATE:20260310T110000Z",
                "RECURRENCE-ID:20260310T110000Z",
                "STATUS:CANCELLED",
                "UID:1",
            ]
        ),
        st.text(max_size=30),
    ),
    max_size=12,
)


@given(LINES)
def test_any_calendar_is_understood_or_refused(lines: list[str]) -> None:
    body = "\r\n".join(["BEGIN:VCALENDAR", *lines, "END:VCALENDAR", ""])
    try:
        ChangeCalendar(body.encode(errors="replace"), "c", ZoneInfo("UTC")).at(NOW, tentative=True)
    except Rejected:
        return
