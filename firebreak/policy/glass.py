"""Whether a person overrides what protects: the one place where a break-glass is believed.

The ledger's table and the clock decide. What was read is worth nothing a moment later, so it is
read each time, and a ledger that does not answer means no.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

import structlog

from firebreak.contracts.ledger import Ledger
from firebreak.domain.device import Device
from firebreak.domain.glass import BREAK_GLASS, Glass
from firebreak.domain.people import Principal
from firebreak.domain.record import JOURNAL, Kind, NewEntry
from firebreak.domain.step import SYSTEM
from firebreak.errors import LedgerConflict

# The principal with the roles they hold at that moment; Directory.current is one.
Current = Callable[[Principal, datetime], Awaitable[Principal]]
Clock = Callable[[], datetime]

LAPSED = "its time was up"

_log = structlog.get_logger("firebreak.glass")


class Glasses:
    """The break-glasses of the ledger, for the people who broke them."""

    def __init__(self, ledger: Ledger, current: Current, clock: Clock) -> None:
        """``current``: whoever lost the role since has no glass any more."""
        self._ledger = ledger
        self._current = current
        self._clock = clock

    async def of(self, who: Principal, device: Device) -> Glass | None:
        """The glass that this person may act under on this device now, the narrowest first.

        Raises LedgerUnavailable.
        """
        if who.kind != "person":
            return None
        now = self._clock()
        theirs = [glass for glass in await self._ledger.glasses() if glass.who == who.id]
        await lapse(self._ledger, theirs, now)
        live = [glass for glass in theirs if glass.in_force(now) and glass.covers(device)]
        if not live:
            return None
        person = await self._current(who, now)
        if person.kind != "person" or BREAK_GLASS not in person.roles:
            _log.warning("a glass of somebody who lost the role", who=who.id, glass=live[0].id)
            return None
        return min(live, key=lambda glass: (glass.scope, glass.id))  # device/ before site/


async def lapse(ledger: Ledger, glasses: Iterable[Glass], now: datetime) -> int:
    """Note the end of those whose time is up, so that no clock can bring them back; how many.

    Raises LedgerUnavailable.
    """
    late = [glass for glass in glasses if glass.ended_at is None and now >= glass.expires_at]
    for glass in late:
        try:
            await ledger.append(ending(glass, SYSTEM, LAPSED, at=now, ended_at=glass.expires_at))
        except LedgerConflict:  # a person was quicker
            continue
    return len(late)


def ending(glass: Glass, actor: str, why: str, *, at: datetime, ended_at: datetime) -> NewEntry:
    """The one entry that ends a glass: whoever writes a second one meets a conflict."""
    return NewEntry(
        incident=JOURNAL,
        key=f"ended:{glass.id}",
        kind=Kind.GLASS_ENDED,
        at=at,
        actor=actor,
        body={"glass": glass.id, "why": why, "ended_at": ended_at.isoformat()},
    )
