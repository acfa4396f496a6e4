"""Is this moment within an event of a calendar? Strict: what cannot be understood is refused.

A calendar library that skips an event it cannot read would turn a freeze into none.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar, Component, vRecur

from firebreak.errors import Rejected

MAX_BYTES = 1024 * 1024
_DAY = timedelta(days=1)
_MOST_EVENTS = 5000
_MOST_RULES = 500
_MOST_DAYS = 1_000_000  # of recurrence to look through, over all rules
# Rules of these would take hours to look through, and no change window recurs by the minute.
_FINE = frozenset({"SECONDLY", "MINUTELY", "HOURLY"})
_FINE_PARTS = frozenset({"BYSECOND", "BYMINUTE", "BYHOUR"})
_TIMED = ("DTSTART", "DTEND", "RECURRENCE-ID", "EXDATE", "RDATE")


class ChangeCalendar:
    """A calendar that has been read and understood.

    Args:
        body: iCalendar, RFC 5545.
        source: what errors call it.
        zone: what times without a time zone mean.

    Raises:
        Rejected: it is no calendar, or something in it is not understood.
    """

    def __init__(self, body: bytes, source: str, zone: ZoneInfo) -> None:
        self._source = source
        self._zone = zone
        if len(body) > MAX_BYTES:
            raise Rejected(f"{source} is larger than {MAX_BYTES} bytes")
        try:
            self._calendar = Calendar.from_ical(body)
        except Exception as error:  # the parser raises whatever its input leads it to
            raise Rejected(f"{source} is no calendar: {type(error).__name__}") from error
        self._check()

    def at(self, now: datetime, *, tentative: bool) -> str | None:
        """The summary of an event that ``now`` is in, or None. ``tentative`` ones count or not.

        A window from 02:00 to 06:00 is that by the clock on the wall, also on the night in which
        the clocks change.

        Raises:
            Rejected: a rule cannot be worked out.
        """
        ignored = {"CANCELLED"} if tentative else {"CANCELLED", "TENTATIVE"}
        try:
            # Asked for one instant, the library is an hour off on the night the clocks change.
            query = recurring_ical_events.of(self._calendar)
            near = query.between(*(now.astimezone(self._zone) + each for each in (-_DAY, _DAY)))
            events = [event for event in near if self._holds(event, now)]
        except Exception as error:  # as above
            raise Rejected(
                f"{self._source} cannot be worked out: {type(error).__name__}"
            ) from error
        standing = [each for each in events if str(each.get("STATUS", "")).upper() not in ignored]
        return str(standing[0].get("SUMMARY", "an event without a name")) if standing else None

    def _holds(self, event: Component, now: datetime) -> bool:
        start, end = event.decoded("DTSTART"), event.decoded("DTEND")
        return self._moment(start) <= now < self._moment(end)

    def _moment(self, time: date) -> datetime:
        """A time of the calendar in UTC; a day begins at midnight, and both in the zone given."""
        if not isinstance(time, datetime):
            time = datetime(time.year, time.month, time.day)  # noqa: DTZ001 - aware in the next line
        return (time if time.tzinfo else time.replace(tzinfo=self._zone)).astimezone(UTC)

    def _check(self) -> None:
        if self._calendar.name != "VCALENDAR":
            raise Rejected(f"{self._source} is no calendar")
        for part in self._calendar.walk():
            if part.errors:
                name, problem = part.errors[0]
                raise self._refused(part, f"{name}: {problem}")
        events = self._calendar.walk("VEVENT")
        if len(events) > _MOST_EVENTS:
            raise Rejected(f"{self._source} has more than {_MOST_EVENTS} events")
        days = [self._days(event, rule) for event in events for rule in self._rules(event)]
        if len(days) > _MOST_RULES or sum(days) > _MOST_DAYS:
            raise Rejected(f"{self._source} has more recurrences than can be looked through")

    def _rules(self, event: Component) -> list[vRecur]:
        """The recurrence rules of an event that has been checked."""
        if "DTSTART" not in event:
            raise self._refused(event, "it has no DTSTART")
        if _is_backward(event):
            raise self._refused(event, "it ends before it begins")
        for name in _TIMED:
            for value in _each(event.get(name)):
                if "TZID" in getattr(value, "params", ()) and not _zoned(value):
                    raise self._refused(event, f"{name} is in a time zone that nobody knows")
        rules = []
        for rule in (*_each(event.get("RRULE")), *_each(event.get("EXRULE"))):
            if not isinstance(rule, vRecur) or _is_fine(rule):
                raise self._refused(event, "its recurrence is finer than a day")
            rules.append(rule)
        return rules

    def _days(self, event: Component, rule: vRecur) -> int:
        """How far a rule has to be followed from its start to now."""
        start = event.decoded("DTSTART")
        first = start.date() if isinstance(start, datetime) else start
        if not isinstance(first, date):
            raise self._refused(event, "DTSTART is no date")
        return max((datetime.now(UTC).date() - first).days, 0) if rule else 0

    def _refused(self, part: Component, why: str) -> Rejected:
        uid = str(part.get("UID", "without a UID"))[:60]
        return Rejected(f"{self._source}: {part.name} {uid} is not understood: {why[:120]}")


def _is_backward(event: Component) -> bool:
    """Whether its end lies before its start, or cannot be compared with it."""
    try:
        if "DURATION" in event and event.decoded("DURATION") < timedelta(0):
            return True
        return "DTEND" in event and event.decoded("DTEND") < event.decoded("DTSTART")
    except (TypeError, ValueError):
        return True


def _is_fine(rule: vRecur) -> bool:
    frequency = {str(each).upper() for each in rule.get("FREQ", ())}
    return bool(_FINE_PARTS & set(rule) or _FINE & frequency)


def _each(value: object) -> list[object]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _zoned(value: object) -> bool:
    """Whether every time in a property knows its zone."""
    inner = getattr(value, "dts", None)
    times = [each.dt for each in inner] if inner is not None else [getattr(value, "dt", None)]
    return all(isinstance(each, datetime) and each.utcoffset() is not None for each in times)
