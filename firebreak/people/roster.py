"""Who is on duty and who is to be asked, by the people file and the schedules it names."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial

import structlog

from firebreak.contracts.people import OnCall, OnCallSource
from firebreak.domain.people import Person
from firebreak.domain.rota import PagerDutySchedule, Rota
from firebreak.people.book import EMAIL, People
from firebreak.people.live import LivePeople
from firebreak.people.shifts import Duty, Shift, Spell, duty, shifts
from firebreak.people.standing import StandingOnCall

PAGERDUTY = "pagerduty"
_MOST_STRANGERS = 1000

_log = structlog.get_logger(__name__)

Connect = Callable[[PagerDutySchedule], OnCallSource]


class RotaRoster:
    """A Roster from the people file.

    Args:
        people: the file.
        connect: how to ask a schedule that is kept elsewhere; connects to nothing yet.

    Raises:
        DefinitionError: a schedule's CA file holds no certificate.
    """

    def __init__(self, people: LivePeople, connect: Connect) -> None:
        self._people = people
        self._connect = connect
        self._standing: dict[PagerDutySchedule, StandingOnCall] = {}
        self._strangers: set[str] = set()
        for rota in people.current().rotas.values():
            if (standing := self._schedule(rota)) is not None:
                standing.source()

    async def on_duty(self, role: str, at: datetime) -> tuple[str, ...]:
        """See Roster."""
        people = self._people.current()
        if (rota := people.rotas.get(role)) is not None:
            return (await self._duty(people, rota, at)).who
        return tuple(person.id for person in people.persons.values() if role in person.roles)

    async def roles(self, people: People, person: Person, at: datetime) -> frozenset[str]:
        """All that a person may be at that moment: their own roles, and those they are on duty for.

        ``people``: what the person was found in.
        """
        held = [
            rota.role
            for rota in people.rotas.values()
            if person.id in (await self._duty(people, rota, at)).who
        ]
        return person.roles.union(held)

    async def duty(self, role: str, at: datetime) -> Duty:
        """Who is on duty by the rota of a role, and why. Raises KeyError when it has none."""
        people = self._people.current()
        return await self._duty(people, people.rotas[role], at)

    async def shifts(self, role: str, since: datetime, until: datetime) -> tuple[Shift, ...]:
        """The shifts of a role's rota in a time, a schedule kept elsewhere being asked anew.

        Raises:
            KeyError: no rota gives out the role.
            Unreachable, RateLimited, AuthFailed, Rejected: the schedule cannot be asked.
        """
        people = self._people.current()
        rota = people.rotas[role]
        standing = self._schedule(rota)
        calls = await standing.source().on_call(since, until) if standing else ()
        return shifts(rota, since, until, tuple(self._spells(people, rota, calls)))

    async def close(self) -> None:
        """Let go of the file and of every schedule."""
        self._people.close()
        for standing in self._standing.values():
            await standing.close()

    async def _duty(self, people: People, rota: Rota, at: datetime) -> Duty:
        standing = self._schedule(rota)
        calls = (await standing.at(at) or ()) if standing else ()
        return duty(rota, at, tuple(self._spells(people, rota, calls)))

    def _schedule(self, rota: Rota) -> StandingOnCall | None:
        schedule = rota.pagerduty
        if schedule is None:
            return None
        if schedule not in self._standing:
            self._standing[schedule] = StandingOnCall(
                f"PagerDuty schedule {schedule.schedule}",
                partial(self._connect, schedule),
                cache_s=schedule.cache_s,
                keep_s=schedule.keep_s,
            )
        return self._standing[schedule]

    def _spells(self, people: People, rota: Rota, calls: Sequence[OnCall]) -> Iterator[Spell]:
        """The calls of people we know, by their id there or else by their address there."""
        for call in calls:
            person = people.owner(PAGERDUTY, call.account) or people.owner(EMAIL, call.email)
            if person is not None:
                yield Spell(person.id, call.since, call.until)
            else:
                self._wonder(rota, call)

    def _wonder(self, rota: Rota, call: OnCall) -> None:
        """Say once that somebody on call is nobody in the file."""
        known = f"{rota.role} {call.account}"
        if known in self._strangers:
            return
        if len(self._strangers) < _MOST_STRANGERS:
            self._strangers.add(known)
        _log.error(
            "somebody on call is nobody in the people file, and is left out",
            role=rota.role,
            pagerduty=call.account,
        )
