"""From a reading to engaged or free. Only a fresh, well-formed value that says free is free."""

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from firebreak.domain.base import Model
from firebreak.domain.comparison import Compared, EngagedWhen, kind_of, same
from firebreak.domain.interlock import CalendarInterlock, Interlock, StateInterlock
from firebreak.domain.reading import Reading

AHEAD = timedelta(seconds=2)  # how far two honest clocks may be apart
_SHOWN = 160


class Verdict(Model):
    """What an interlock says now. ``reason`` names the source, the value and its age."""

    id: str
    kind: str
    protects: str
    summary: str
    contact: str
    engaged: bool
    reason: str

    @property
    def line(self) -> str:
        """One line for evidence and errors."""
        if not self.engaged:
            return f"{self.id} is free: {self.reason}"
        return f"{self.id} is engaged ({self.summary}): {self.reason}"


def judge(
    interlock: StateInterlock | CalendarInterlock, reading: Reading, now: datetime
) -> Verdict:
    """Whether the reading lets anybody act. ``now`` is when it came in."""
    told = f"{_shown(reading.where)} = {shown_value(reading.value)}"
    doubt = _doubt(interlock, reading, now)
    if doubt:
        return _verdict(interlock, f"{told}, {doubt}", engaged=True)
    assert reading.at is not None  # noqa: S101 - a reading without a time is doubted
    told = f"{told}, {age(now - reading.at)} old"
    if isinstance(interlock, CalendarInterlock):
        return _verdict(interlock, told, engaged=reading.value is not calendar_frees(interlock))
    hit = _hit(interlock.engaged_when, reading.value)
    because = f"{told}; engaged when it {interlock.engaged_when}" if hit else told
    return _verdict(interlock, because, engaged=hit)


def silent(interlock: Interlock, why: str) -> Verdict:
    """Nothing usable came: engaged."""
    return _verdict(interlock, f"no reading, and silence is engaged: {_shown(why)}", engaged=True)


def judge_group(
    interlock: Interlock, keep: int, alive: Sequence[str], gone: Sequence[str]
) -> Verdict:
    """Whether enough of those members of a group are alive that nobody means to touch."""
    told = f"{len(alive)} alive ({', '.join(alive) or 'nobody'}), {keep} needed"
    if gone:
        told = f"{told}; not counted: {', '.join(gone)}"
    return _verdict(interlock, told, engaged=len(alive) < keep)


def calendar_frees(interlock: CalendarInterlock) -> bool:
    """What "now is within an event" must be for the interlock to be free."""
    return interlock.rule == "only-within"


def shown_value(value: object) -> str:
    """The value on one line, whatever it holds: others will print it."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if kind_of(value) is None:
        return "nothing" if value is None else f"a {type(value).__name__}"
    return _shown(json.dumps(value))


def age(span: timedelta) -> str:
    """A short word for a time: ``1.2 s``, ``14 min``, ``3 d``."""
    seconds = max(span.total_seconds(), 0.0)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s"


def _doubt(interlock: StateInterlock | CalendarInterlock, reading: Reading, now: datetime) -> str:
    """Why the reading cannot be used; "" when it can."""
    wrong = _malformed(interlock, reading.value)
    if wrong:
        return wrong
    if reading.at is None or reading.at.utcoffset() is None:
        return "which does not say when that was"
    old = now.astimezone(UTC) - reading.at.astimezone(UTC)
    if old < -AHEAD:
        return f"said to be of {age(-old)} in the future; one of the clocks is wrong"
    if old > timedelta(seconds=interlock.max_age_s):
        limit = age(timedelta(seconds=interlock.max_age_s))
        return f"{age(old)} old and so stale: {limit} is the limit"
    return ""


def _malformed(interlock: StateInterlock | CalendarInterlock, value: object) -> str:
    if isinstance(interlock, CalendarInterlock):
        return "" if isinstance(value, bool) else "which is no yes or no"
    kind = kind_of(value)
    expected = interlock.engaged_when.expected
    wanted = "number" if expected is None else kind_of(expected)
    if kind != wanted:
        return f"which is no {wanted}"
    if isinstance(value, float) and not math.isfinite(value):
        return "which is no finite number"
    return _out_of_bounds(interlock, value)


def _out_of_bounds(compared: Compared, value: object) -> str:
    if compared.range is not None and isinstance(value, int | float):
        low, high = compared.range
        if not low <= value <= high:
            return f"out of its range {low} to {high}"
    if compared.values and not any(same(value, known) for known in compared.values):
        return "which is none of the values it can have"
    return ""


def _hit(when: EngagedWhen, value: object) -> bool:
    if when.equals is not None:
        return same(value, when.equals)
    if when.unless is not None:
        return not same(value, when.unless)
    if not isinstance(value, int | float):
        return True
    too_high = when.above is not None and value > when.above
    too_low = when.below is not None and value < when.below
    return too_high or too_low


def _verdict(interlock: Interlock, reason: str, *, engaged: bool) -> Verdict:
    return Verdict(
        id=interlock.id,
        kind=interlock.kind,
        protects=interlock.protects,
        summary=interlock.summary,
        contact=interlock.contact,
        engaged=engaged,
        reason=reason,
    )


def _shown(text: str) -> str:
    """At most so much of it, and nothing that could steer a terminal or break a line."""
    plain = "".join(char if char.isprintable() else "?" for char in text)
    return plain if len(plain) <= _SHOWN else f"{plain[:_SHOWN]}..."
