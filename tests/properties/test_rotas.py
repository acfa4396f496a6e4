"""Over random rotas, zones and moments: somebody is on duty, and handoffs divide all of time."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from firebreak.domain.rota import DAYS, Layer, Rota
from firebreak.people.shifts import Spell, duty, shifts
from firebreak.people.wall import instant, reading

SOON = settings(deadline=timedelta(seconds=5), max_examples=150)
# Half-hour changes, changes at midnight, a day that never was, and none at all.
ZONES = st.sampled_from(
    [
        *("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut"),
        *("America/Havana", "Pacific/Apia", "Asia/Kathmandu", "UTC", "America/St_Johns"),
    ]
)
LOCAL = st.datetimes(datetime(2009, 1, 1), datetime(2031, 1, 1)).map(  # noqa: DTZ001 - wall clock
    lambda at: at.replace(second=0, microsecond=0)
)
CHANGES = st.sampled_from(
    [
        *("2026-03-29T01:00", "2026-10-25T01:00", "2026-03-08T07:00", "2026-11-01T06:00"),
        *("2026-10-03T15:30", "2026-04-04T15:00", "2011-12-30T10:00", "2026-03-28T22:00"),
        *("2011-03-13T03:31", "2010-11-07T02:31"),
    ]
).map(lambda text: datetime.fromisoformat(text).replace(tzinfo=UTC))
MOMENTS = st.datetimes(
    datetime(2009, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    datetime(2031, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
) | st.builds(lambda at, by: at + by, CHANGES, st.timedeltas(timedelta(days=-2), timedelta(days=2)))
CLOCK = st.times().map(lambda at: at.strftime("%H:%M"))
WHO = ["ops-a", "ops-b", "ops-c"]


@st.composite
def layers(draw: st.DrawFn) -> dict[str, Any]:
    hours = draw(st.sampled_from([1, 5, 12, 24, 36, 48, 168, 1344]))
    made: dict[str, Any] = {
        "start": draw(LOCAL).isoformat(timespec="minutes"),
        "rotation": draw(st.sampled_from(["daily", "weekly", f"{hours}h"])),
        "members": draw(st.lists(st.sampled_from(WHO), min_size=1, max_size=4)),
    }
    if made["rotation"] in ("daily", "weekly") and draw(st.booleans()):
        made["handoff"] = draw(CLOCK)
    if draw(st.booleans()):
        days = draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True))
        made["only"] = {"days": days, "from": draw(CLOCK), "to": draw(CLOCK)}
    return made


@st.composite
def overrides(draw: st.DrawFn) -> dict[str, Any]:
    since = draw(LOCAL)
    until = since + timedelta(minutes=draw(st.integers(1, 30 * 24 * 60)))
    return {
        "from": since.isoformat(timespec="minutes"),
        "to": until.isoformat(timespec="minutes"),
        "person": "cover",
    }


@st.composite
def rotas(draw: st.DrawFn) -> Rota:
    return Rota.model_validate(
        {
            "role": "on-call",
            "time_zone": draw(ZONES),
            "layers": draw(st.lists(layers(), min_size=1, max_size=3)),
            "overrides": draw(st.lists(overrides(), max_size=3)),
            "fallback": ["lead", "chief"],
        }
    )


@SOON
@given(rotas(), MOMENTS)
def test_at_any_moment_one_member_one_cover_or_the_fallback_is_on_duty(
    rota: Rota, at: datetime
) -> None:
    now, zone = duty(rota, at), ZoneInfo(rota.time_zone)
    covered = any(instant(o.since, zone) <= at < instant(o.until, zone) for o in rota.overrides)
    assert (now.by == "override") == covered
    match now.by:
        case "override":
            assert now.who == ("cover",)
        case "layer":
            (only,) = now.who
            begun = [one for one in rota.layers if instant(one.start, zone) <= at]
            assert any(only in one.members for one in begun)
        case "fallback":
            assert now.who == ("lead", "chief")
            always = [one for one in rota.layers if one.only is None]
            assert all(at < instant(one.start, zone) for one in always)
        case _:
            raise AssertionError(now)


@SOON
@given(rotas(), MOMENTS, st.integers(1, 21), st.integers(0, 999))
def test_shifts_divide_time_and_say_what_every_moment_says(
    rota: Rota, since: datetime, days: int, part: int
) -> None:
    until = since + timedelta(days=days)
    found = shifts(rota, since, until)
    assert [s.since for s in found] == [since, *(s.until for s in found[:-1])]
    assert found[-1].until == until
    assert all(s.since < s.until for s in found)
    at = since + (until - since) * part // 1000
    (only,) = [s for s in found if s.since <= at < s.until]
    assert only.duty == duty(rota, at)


@SOON
@given(rotas(), MOMENTS)
def test_a_different_division_of_time_changes_nothing(rota: Rota, since: datetime) -> None:
    middle, until = since + timedelta(hours=37), since + timedelta(days=4)
    whole = shifts(rota, since, until)
    parts = (*shifts(rota, since, middle), *shifts(rota, middle, until))
    for at in sorted({s.since for s in (*whole, *parts)}):
        told = [[s.duty for s in of if s.since <= at < s.until] for of in (whole, parts)]
        assert told[0] == told[1] == [duty(rota, at)]


@SOON
@given(ZONES, LOCAL, st.timedeltas(timedelta(0), timedelta(days=3)))
def test_later_on_the_wall_is_never_an_earlier_moment(
    zone: str, local: datetime, later: timedelta
) -> None:
    place = ZoneInfo(zone)
    at = instant(local, place)
    assert at <= instant(local + later, place)
    assert reading(at, place) >= local
    assert reading(at - timedelta(seconds=1), place) < local


@SOON
@given(layers(), ZONES, MOMENTS)
def test_everyone_in_a_layer_takes_their_turn_in_order(
    written: dict[str, Any], zone: str, since: datetime
) -> None:
    written = {**written, "members": WHO} | {"only": {"days": list(DAYS)}}
    rota = Rota.model_validate(
        {"role": "r", "time_zone": zone, "layers": [written], "fallback": ["lead"]}
    )
    layer = Layer.model_validate(written)
    since = max(since, instant(layer.start, ZoneInfo(zone)))
    found = shifts(rota, since, since + 5 * layer.rotation)
    numbers = [WHO.index(s.duty.who[0]) for s in found]
    skipped = layer.rotation <= timedelta(days=1)  # a turn that the clocks leap over is nobody's
    assert all((b - a) % len(WHO) == 1 or skipped for a, b in pairwise(numbers))


@SOON
@given(
    st.lists(
        st.tuples(st.sampled_from(WHO), st.none() | MOMENTS, st.none() | MOMENTS),
        max_size=4,
    ),
    MOMENTS,
)
def test_whatever_another_system_says_somebody_known_is_on_duty(
    said: list[tuple[str, datetime | None, datetime | None]], at: datetime
) -> None:
    rota = Rota.model_validate(
        {"role": "r", "pagerduty": {"schedule": "P1", "token": "env:T"}, "fallback": ["lead"]}
    )
    spells = tuple(Spell(*one) for one in said)
    now = duty(rota, at, spells)
    covering = {spell.person for spell in spells if spell.covers(at)}
    assert set(now.who) == (covering or {"lead"})
    assert len(now.who) == len(set(now.who))
