"""When a channel could not say in time what must reach people, writes it down for another."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime

import structlog

from firebreak.contracts.channels import Deliveries
from firebreak.contracts.ledger import Ledger
from firebreak.dispatch.hearing import approval_of, begins, open_asks
from firebreak.dispatch.lane import Lane
from firebreak.dispatch.queue import Item
from firebreak.domain.base import JsonObject
from firebreak.domain.record import Entry, Kind, NewEntry
from firebreak.errors import LedgerConflict

ACTOR = "dispatcher"

_log = structlog.get_logger(__name__)


class Fallback:
    """Appends an UNDELIVERED entry to the chain; reading it, the other channel begins.

    The entry depends on nothing but the configuration and what was not told, so that it does not
    matter which of several servers writes it.
    """

    def __init__(self, ledger: Ledger, deliveries: Deliveries) -> None:
        """Write into ``ledger`` what ``deliveries`` says was not told."""
        self._ledger = ledger
        self._deliveries = deliveries

    async def sweep(self, lanes: Mapping[str, Lane]) -> None:
        """Look at every lane that has another in its place. Raises LedgerUnavailable."""
        for lane in lanes.values():
            if lane.rules.instead is None:
                continue
            for item in lane.queue:
                if item.asks and _late(lane, item):
                    await self._call_instead(lane, item)

    async def _call_instead(self, lane: Lane, item: Item) -> None:
        first = begins(item.asks[0][0])
        seen = await self._deliveries.peek(lane.rules.name, item.chain)
        chains = await self._deliveries.entries([(item.chain, first)])
        here = [entry for entry in chains[item.chain] if entry.seq >= first]
        # Another server may have told it. What is said in another one's place lies before `told`.
        told = seen.told if seen.told > item.told else 0
        late = [entry for entry in open_asks(here) if entry.seq >= told]
        if late:
            await self._write(lane, _entry(lane, late[0]))
        # Said once; what comes later waits for its own time.
        item.asks = [(entry, at) for entry, at in item.asks if entry.seq > here[-1].seq]

    async def _write(self, lane: Lane, new: NewEntry) -> None:
        try:
            await self._ledger.append(new)
        except LedgerConflict:
            return  # written by a server with another configuration
        _log.error(
            "a channel could not tell people in time; another one does",
            channel=lane.rules.name,
            instead=lane.rules.instead,
            chain=new.incident,
            error=lane.last_error,
        )


def _late(lane: Lane, item: Item) -> bool:
    entry, seen = item.asks[0]
    after = lane.rules.instead_after_s
    # Of an old entry that is seen for the first time the channel is asked first.
    tried = item.attempts > 0 or bool(lane.last_error)
    age = (datetime.now(UTC) - entry.at).total_seconds()
    return time.monotonic() - seen >= after or (tried and age >= after)


def _entry(lane: Lane, late: Entry) -> NewEntry:
    rules = lane.rules
    body: JsonObject = {
        "channel": rules.name,
        "detail": f"entry {late.seq} ({late.kind.value}) not told in {rules.instead_after_s:g} s",
        "instead": rules.instead,
        "entry": late.seq,
    }
    if approval := approval_of(late):
        body["approval"] = approval
    return NewEntry(
        incident=late.incident,
        key=f"undelivered:{rules.name}:{late.seq}",
        kind=Kind.UNDELIVERED,
        at=datetime.now(UTC),
        actor=ACTOR,
        body=body,
    )
