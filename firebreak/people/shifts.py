"""Who is on duty by a rota at a moment, and every change of it. Pure: no clock, no file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

from firebreak.domain.rota import DAYS, Hours, Layer, Rota
from firebreak.people.wall import instant, reading

By = Literal["override", "layer", "pagerduty", "fallback"]

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Spell:
    """A person's time on call as another system gives it out; None: without begin or end."""

    person: str
    since: datetime | None
    until: datetime | None

    def covers(self, at: datetime) -> bool:
        """Whether the moment is in it."""
        begun = self.since is None or self.since <= at
        return begun and (self.until is None or at < self.until)


@dataclass(frozen=True)
class Duty:
    """Who is on duty, first to ask first, and what says so."""

    who: tuple[str, ...]
    by: By


@dataclass(frozen=True)
class Shift:
    """A stretch of time in which the same people are on duty for the same reason."""

    since: datetime
    until: datetime
    duty: Duty


def duty(rota: Rota, at: datetime, spells: Sequence[Spell] = ()) -> Duty:
    """Who is on duty. ``spells``: what PagerDuty says, for a rota that is kept there."""
    zone = ZoneInfo(rota.time_zone)
    for override in reversed(rota.overrides):
        if instant(override.since, zone) <= at < instant(override.until, zone):
            return Duty((override.person,), "override")
    if given := tuple(dict.fromkeys(spell.person for spell in spells if spell.covers(at))):
        return Duty(given, "pagerduty")
    for layer in reversed(rota.layers):
        if (member := _member(layer, at, zone)) is not None:
            return Duty((member,), "layer")
    return Duty(rota.fallback, "fallback")


def shifts(
    rota: Rota, since: datetime, until: datetime, spells: Sequence[Spell] = ()
) -> tuple[Shift, ...]:
    """The shifts from ``since`` to ``until`` without a gap, the first and last cut there."""
    edges = {at for at in _edges(rota, since, until, spells) if since < at < until}
    times = [since, *sorted(edges), until]
    found: list[Shift] = []
    for begin, end in pairwise(times):
        now = duty(rota, begin, spells)
        if found and found[-1].duty == now:
            found[-1] = Shift(found[-1].since, end, now)
        else:
            found.append(Shift(begin, end, now))
    return tuple(found)


def _member(layer: Layer, at: datetime, zone: ZoneInfo) -> str | None:
    """Whose turn it is; None when the layer does not count at this moment."""
    if at < instant(layer.start, zone):
        return None
    if layer.only is not None and not any(
        begin <= at < end for begin, end in _spans(layer.only, at, at, zone)
    ):
        return None
    return layer.members[_turn(layer, at, zone) % len(layer.members)]


def _turn(layer: Layer, at: datetime, zone: ZoneInfo) -> int:
    """Which turn it is, from 0: as the clock on the wall says, or said before it was set back."""
    turn = max(0, (reading(at, zone) - layer.anchor) // layer.rotation)
    while _handoff(layer, turn + 1, zone) <= at:
        turn += 1
    return turn


def _handoff(layer: Layer, turn: int, zone: ZoneInfo) -> datetime:
    return instant(layer.anchor + turn * layer.rotation, zone)


def _spans(
    hours: Hours, since: datetime, until: datetime, zone: ZoneInfo
) -> Iterator[tuple[datetime, datetime]]:
    """The stretches that ``hours`` names, at least all that meet the time asked for."""
    day = reading(since, zone).date() - _DAY  # one that began yesterday may last until today
    last = reading(until, zone).date() + _DAY  # a clock set back at midnight
    while day <= last:
        if DAYS[day.weekday()] in hours.days:
            ends = day if hours.until > hours.since else day + _DAY
            yield (
                instant(datetime.combine(day, hours.since), zone),
                instant(datetime.combine(ends, hours.until), zone),
            )
        day += _DAY


def _edges(
    rota: Rota, since: datetime, until: datetime, spells: Sequence[Spell]
) -> Iterator[datetime]:
    """Every moment at which something may change."""
    zone = ZoneInfo(rota.time_zone)
    for override in rota.overrides:
        yield from (instant(override.since, zone), instant(override.until, zone))
    for spell in spells:
        yield from (at for at in (spell.since, spell.until) if at is not None)
    for layer in rota.layers:
        yield instant(layer.start, zone)
        for span in _spans(layer.only, since, until, zone) if layer.only else ():
            yield from span
        turn = _turn(layer, since, zone)
        while (handoff := _handoff(layer, turn + 1, zone)) < until:
            yield handoff
            turn += 1
