"""A ledger that falters, a channel that fails half-way: nothing is lost or said twice."""

import asyncio
import dataclasses
from collections.abc import Sequence
from datetime import datetime

import pytest

from firebreak.contracts.channels import Behind, Held, Lease
from firebreak.contracts.people import Keep, Story
from firebreak.dispatch import dispatcher as dispatching
from firebreak.domain.base import JsonObject
from firebreak.errors import LedgerUnavailable, NotFound, Rejected, Unreachable
from firebreak.ledger.deliveries import SqlDeliveries
from firebreak.ledger.store import SqlLedger
from tests.unit.dispatch.theater import (
    FAST,
    Listener,
    asks,
    chain,
    heard,
    opened,
    playing,
    quiet,
    rules,
    until,
)


async def test_a_ledger_that_falters_after_the_telling_costs_no_second_telling(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    saves = 0
    save = SqlDeliveries.told

    async def falters(self: SqlDeliveries, lease: Lease, told: int, known: JsonObject) -> bool:
        nonlocal saves
        saves += 1
        if saves <= 3:
            raise LedgerUnavailable("disk is busy")
        return await save(self, lease, told, known)

    monkeypatch.setattr(SqlDeliveries, "told", falters)
    desk = Listener()
    async with playing(ledger, (rules(), desk)):
        await ledger.append(opened())
        await quiet(ledger, "desk")
    assert desk.heard == [f"{chain(1)}/opened"]


async def test_a_lease_that_came_too_late_for_a_whole_call_is_given_back(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    lease = SqlDeliveries.lease

    async def stalls(
        self: SqlDeliveries, channel: str, of: str, now: datetime, until: datetime, *, force: bool
    ) -> Lease | Held:
        nonlocal asked
        asked += 1
        got = await lease(self, channel, of, now, until, force=force)
        if asked == 1:
            await asyncio.sleep(1)
        return got

    monkeypatch.setattr(SqlDeliveries, "lease", stalls)
    desk = Listener()
    async with playing(ledger, (rules(), desk), pace=dataclasses.replace(FAST, tell_s=0.8)):
        await ledger.append(opened())
        await quiet(ledger, "desk")
    assert asked > 1
    assert desk.heard == [f"{chain(1)}/opened"]
    assert desk.known == [{}]


async def test_a_ledger_that_cannot_be_read_for_a_while_loses_nothing(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatching, "REFUSED_S", 0.01)
    look, away = SqlDeliveries.behind, True

    async def gone(
        self: SqlDeliveries, channels: Sequence[str], since: datetime | None
    ) -> tuple[Behind, ...]:
        if away:
            raise LedgerUnavailable("gone")
        return await look(self, channels, since)

    monkeypatch.setattr(SqlDeliveries, "behind", gone)
    desk = Listener()
    async with playing(ledger, (rules(), desk)):
        await ledger.append(opened(), asks())
        await asyncio.sleep(0.05)
        assert desk.heard == []
        away = False
        await heard(desk, f"{chain(1)}/asked")


async def test_what_is_kept_survives_a_failure_and_the_call_goes_on_from_there(
    ledger: SqlLedger,
) -> None:
    class Clerk:
        """Opens a ticket, fails, and finds it again the next time."""

        def __init__(self) -> None:
            self.opened: list[str] = []
            self.known: list[JsonObject] = []

        async def tell(self, story: Story, known: JsonObject, keep: Keep) -> JsonObject:
            self.known.append(known)
            if "ticket" not in known:
                self.opened.append(story.chain)
                await keep({"ticket": "4711"})
                raise Unreachable("before the comment")
            return known

        async def close(self) -> None:
            pass

    clerk = Clerk()
    async with playing(ledger, (rules(), clerk)):
        await ledger.append(opened())
        await quiet(ledger, "desk")
    assert (clerk.opened, clerk.known) == ([chain(1)], [{}, {"ticket": "4711"}])


async def test_a_test_message_says_so_and_what_waits_is_tried_at_once(ledger: SqlLedger) -> None:
    async def down(_: Story) -> None:
        raise Rejected("mend me")

    desk = Listener(before=down)
    slow = dataclasses.replace(FAST, slow_s=60, slow_most_s=60)
    async with playing(ledger, (rules(), desk), pace=slow) as dispatcher:
        await ledger.append(opened())

        async def refused() -> bool:
            return dispatcher.statuses()[0].failures == 1

        await until(refused)
        with pytest.raises(Rejected):
            await dispatcher.test("desk", "ana")
        desk.before = None
        await dispatcher.test("desk", "ana")
        await heard(desk, f"{chain(1)}/opened")
        with pytest.raises(NotFound, match="there are: desk"):
            await dispatcher.test("fax", "ana")
    message = desk.calls[0]
    assert (message.incident, message.news[0].word) == (None, "TEST")
    assert "ana" in message.news[0].text
