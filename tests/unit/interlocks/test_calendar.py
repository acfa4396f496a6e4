"""Change windows and freezes as calendars really are: zones, DST, recurrences, and broken ones."""

import asyncio
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from firebreak.cyber_range.api_server import ApiServer
from firebreak.cyber_range.journal import Journal
from firebreak.errors import FirebreakError, Rejected
from firebreak.policy.interlocks import judge
from integrations.interlocks.calendar_file import CalendarSource
from integrations.interlocks.calendar_rules import ChangeCalendar
from tests.unit.interlocks.entries import calendar

BERLIN = "DTSTART;TZID=Europe/Berlin:"
WEEKLY = "RRULE:FREQ=WEEKLY;BYDAY=SU"


def ics(*events: tuple[str, ...], head: tuple[str, ...] = ()) -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//plant//changes//EN", *head]
    for number, event in enumerate(events):
        lines += ["BEGIN:VEVENT", "DTSTAMP:20260101T000000Z", *event]
        lines += [] if any(line.startswith("UID") for line in event) else [f"UID:{number}"]
        lines += ["END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def within(body: bytes, moment: datetime, zone: str = "UTC", *, tentative: bool = True) -> bool:
    read = ChangeCalendar(body, "changes.ics", ZoneInfo(zone))
    return read.at(moment, tentative=tentative) is not None


SUNDAYS = ics((f"{BERLIN}20260104T020000", "DTEND;TZID=Europe/Berlin:20260104T060000", WEEKLY))


@pytest.mark.parametrize(
    ("utc", "inside"),
    [
        ("2026-03-22 00:59:59", False),
        ("2026-03-22 01:00:00", True),  # winter: 02:00 is 01:00 UTC
        ("2026-03-22 04:59:59", True),
        ("2026-03-22 05:00:00", False),
        ("2026-04-05 00:00:00", True),  # summer: 02:00 is 00:00 UTC
        ("2026-04-05 04:00:00", False),
        ("2026-03-29 03:59:59", True),  # forward in that very night: the clock says 05:59:59
        ("2026-03-29 04:00:00", False),
        ("2026-10-25 00:00:00", True),  # back in that very night, when the hour comes twice
        ("2026-10-25 04:59:59", True),
        ("2026-10-25 05:00:00", False),
        ("2026-03-23 02:00:00", False),  # a Monday
    ],
)
def test_a_weekly_window_keeps_its_local_hour_over_the_change_of_clocks(
    utc: str, inside: bool
) -> None:
    for zone in ("UTC", "Europe/Berlin", "Pacific/Apia"):
        assert within(SUNDAYS, at(utc), zone) is inside


def test_a_zone_of_the_calendars_own_is_understood() -> None:
    zone = (
        *("BEGIN:VTIMEZONE", "TZID:Plant Time"),
        *("BEGIN:STANDARD", "DTSTART:19701025T030000", "TZOFFSETFROM:+0200"),
        *("TZOFFSETTO:+0100", "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU", "END:STANDARD"),
        *("BEGIN:DAYLIGHT", "DTSTART:19700329T020000", "TZOFFSETFROM:+0100"),
        *("TZOFFSETTO:+0200", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", "END:DAYLIGHT"),
        "END:VTIMEZONE",
    )
    body = ics(("DTSTART;TZID=Plant Time:20260701T100000", "DURATION:PT1H"), head=zone)
    assert within(body, at("2026-07-01 08:30"))
    assert not within(body, at("2026-07-01 09:30"))


def test_times_without_a_zone_are_in_the_interlocks() -> None:
    body = ics(("DTSTART:20260701T100000", "DTEND:20260701T110000"))
    assert within(body, at("2026-07-01 08:30"), "Europe/Berlin")
    assert not within(body, at("2026-07-01 08:30"), "UTC")


def test_a_whole_day_is_a_day_of_the_interlocks_zone() -> None:
    body = ics(("DTSTART;VALUE=DATE:20261224", "DTEND;VALUE=DATE:20261227"))
    zone = "America/New_York"
    assert within(body, at("2026-12-24 00:00", zone), zone)
    assert not within(body, at("2026-12-23 23:59", zone), zone)
    assert within(body, at("2026-12-26 23:59", zone), zone)
    assert not within(body, at("2026-12-27 00:00", zone), zone)


def test_exceptions_moves_and_cancellations_count() -> None:
    body = ics(
        (
            *("UID:w", f"{BERLIN}20260104T020000", "DTEND;TZID=Europe/Berlin:20260104T060000"),
            *(WEEKLY, "EXDATE;TZID=Europe/Berlin:20260111T020000"),
        ),
        (
            *("UID:w", "RECURRENCE-ID;TZID=Europe/Berlin:20260118T020000"),
            *(f"{BERLIN}20260119T020000", "DTEND;TZID=Europe/Berlin:20260119T030000"),
        ),
        (
            *("UID:w", "RECURRENCE-ID;TZID=Europe/Berlin:20260125T020000", "STATUS:CANCELLED"),
            *(f"{BERLIN}20260125T020000", "DTEND;TZID=Europe/Berlin:20260125T060000"),
        ),
    )
    inside = [
        day for day in range(1, 32) if within(body, at(f"2026-01-{day:02} 02:30", "Europe/Berlin"))
    ]
    assert inside == [4, 19]


def test_a_tentative_freeze_counts_and_a_tentative_window_does_not() -> None:
    body = ics(("DTSTART:20260701T100000Z", "DURATION:PT1H", "STATUS:TENTATIVE"))
    assert within(body, at("2026-07-01 10:30"), tentative=True)
    assert not within(body, at("2026-07-01 10:30"), tentative=False)


GOOD = ("DTSTART:20260701T100000Z", "DURATION:PT1H")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"change windows: sundays",
        b"\x00\xff\xfe",
        b"<html>please log in</html>",
        ics(GOOD)[:-20],
        ics(GOOD)[: ics(GOOD).index(b"END:VEVENT")],
        ics(GOOD) + ics(GOOD),
        ics(("DURATION:PT1H",)),
        ics(("DTSTART:2026-07-01 10:00", "DURATION:PT1H")),
        ics(("DTSTART:20260701T100000Z", "DTEND:20260631T000000Z")),
        ics(("DTSTART:20260701T100000Z", "DTEND:20260601T000000Z")),
        ics(("DTSTART:20260701T100000Z", "DURATION:-PT1H")),
        ics(("DTSTART:20260701T100000Z", "DTEND;VALUE=DATE:20260702")),
        ics(("DTSTART;TZID=Europe/Atlantis:20260701T100000", "DURATION:PT1H")),
        ics((*GOOD, "RRULE:FREQ=SOMETIMES")),
        ics((*GOOD, "RRULE:FREQ=DAILY;BYDAY=XX")),
        ics((*GOOD, "RRULE:FREQ=SECONDLY")),
        ics((*GOOD, "RRULE:FREQ=HOURLY")),
        ics((*GOOD, "RRULE:FREQ=DAILY;BYSECOND=1,2,3")),
        ics((*GOOD, "EXDATE;TZID=Europe/Atlantis:20260701T100000")),
        ics(*[("DTSTART:10000101T000000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY")] * 10),
        ics(*[(*GOOD, "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31")] * 600),
        ics(*[GOOD] * 5001),
        ics((*GOOD, "SUMMARY:" + "x" * 2**20)),
        b"BEGIN:VEVENT\r\nDTSTART:20260701T100000Z\r\nEND:VEVENT\r\n",
    ],
    ids=range(25),
)
def test_a_calendar_that_is_not_wholly_understood_is_refused(body: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        within(body, at("2030-07-01 10:30"))
    assert str(caught.value).isprintable()


def test_an_empty_calendar_of_freezes_holds_nobody_back() -> None:
    assert not within(ics(), at("2026-07-01 10:30"))


class Hosted(ApiServer):
    body = b""

    def __init__(self, folder: Path) -> None:
        super().__init__("calendar", folder, Journal())

    def routes(self) -> list[Route]:
        return [Route("/{rest:path}", self.reading(self._reply))]

    def refuse(self, request: Request) -> Response | None:
        del request
        return None

    def rejection(self, request: Request) -> Response:
        return Response(f"no {request.method}", status_code=422)

    async def _reply(self, request: Request) -> Response:
        del request
        return Response(self.body, media_type="text/calendar")


async def look(moment: datetime, **fields: Any) -> tuple[bool, str]:
    entry = calendar(**fields)
    source = CalendarSource(entry, lambda: moment)
    try:
        verdict = judge(entry, await source.read(), moment)
    finally:
        await source.close()
    return verdict.engaged, verdict.reason


async def test_a_file_is_read_anew_at_every_look_and_its_age_counts(tmp_path: Path) -> None:
    file = tmp_path / "freezes.ics"
    file.write_bytes(ics((*GOOD, "SUMMARY:Stocktaking")))
    now = at("2026-07-01 10:30")
    os.utime(file, (now.timestamp(), now.timestamp()))
    engaged, why = await look(now, file=str(file))
    assert engaged
    assert "in 'Stocktaking'" in why
    assert not (await look(now, file=str(file), rule="only-within"))[0]
    file.write_bytes(ics())
    os.utime(file, (now.timestamp(), now.timestamp()))
    assert not (await look(now, file=str(file)))[0]
    assert (await look(now, file=str(file), rule="only-within"))[0]
    engaged, why = await look(now + timedelta(days=2), file=str(file))
    assert engaged
    assert "stale" in why


async def test_a_file_that_is_not_there_is_no_reading(tmp_path: Path) -> None:
    for path in (tmp_path / "none.ics", tmp_path):
        with pytest.raises(FirebreakError):
            await look(at("2026-07-01 10:30"), file=str(path))


async def test_a_url_is_fetched_over_tls(tmp_path: Path) -> None:
    server = Hosted(tmp_path)
    await server.start("127.0.0.1", 0)
    try:
        server.body = ics(GOOD)
        place = {"url": f"{server.url}/changes.ics", "ca_file": str(server.ca_file)}
        assert (await look(at("2026-07-01 10:30"), **place))[0]
        assert not (await look(at("2026-07-01 11:30"), **place))[0]
        server.body = ics(GOOD)[:-20]
        with pytest.raises(Rejected):
            await look(at("2026-07-01 11:30"), **place)
    finally:
        await server.stop()


async def test_a_calendar_that_takes_long_keeps_one_thread_busy_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go, inside = threading.Event(), []

    def slow(self: CalendarSource, body: bytes | None) -> None:
        del self, body
        inside.append(threading.current_thread().name)
        let_go.wait(5)

    monkeypatch.setattr(CalendarSource, "_look", slow)
    source = CalendarSource(calendar(file=str(tmp_path / "a.ics")), lambda: datetime.now(UTC))
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await source.read()
    assert len(inside) == 1
    let_go.set()
    await source.close()
