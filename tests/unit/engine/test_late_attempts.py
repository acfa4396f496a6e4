"""A first attempt that is slow and not dead: nothing of it arrives after others have moved on."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from activities.control import ControlRunner
from activities.release import ReleaseRunner
from activities.witness import Witness
from activities.world import World
from firebreak.domain.hold import HoldState
from firebreak.domain.people import Principal
from firebreak.domain.plan import OutcomeKind, Plan
from firebreak.domain.step import Ask, ReleaseOrder
from firebreak.errors import Unreachable
from firebreak.ledger.store import SqlLedger
from firebreak.playbook.catalogue import SHIPPED
from firebreak.policy.blast_radius import BlastRadius
from tests.workflows.policy import Rules
from tests.workflows.site import (
    PRODUCTION,
    MemoryControl,
    MemoryInventory,
    MemorySite,
    camera,
    memory_controls,
)

HOLD = "hold/cam-17/network.quarantine"


def ask(incident: str = "inc-0123456789ab") -> Ask:
    return Ask(
        incident=incident,
        response="respond/isolate/cam-17",
        step="contain/switch",
        action="network.quarantine",
        rung="switch",
        device="cam-17",
        requester=Principal(id="ada"),
        hold_s=3600,
    )


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SqlLedger]:
    opened = await SqlLedger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield opened
    await opened.close()


def world(ledger: SqlLedger, site: MemorySite, window_s: float = 2) -> World:
    inventory = MemoryInventory(site)
    return World(
        catalogue=SHIPPED,
        ledger=ledger,
        policy=Rules(),
        inventory=inventory,
        controls=memory_controls(site),
        locator=site,
        operations={},
        witness=Witness(site, rounds=1, pause_s=0),
        clock=lambda: datetime.now(UTC),
        send_window=timedelta(seconds=window_s),
        blast_radius=BlastRadius(lambda: site.limits, inventory),
    )


class Once:
    """The first call of a method of a control waits before it does anything."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        self.begun, self.go, self.calls = asyncio.Event(), asyncio.Event(), 0
        real = getattr(MemoryControl, name)

        async def slow(control: MemoryControl, plan: Plan, send_by: datetime) -> object:
            self.calls += 1
            if self.calls == 1:
                self.begun.set()
                await self.go.wait()
                if datetime.now(UTC) >= send_by:  # adapters keep to it
                    raise Unreachable("too late to send")
            return await real(control, plan, send_by)

        monkeypatch.setattr(MemoryControl, name, slow)


async def test_a_change_that_was_given_up_never_arrives_after_its_hold_has_ended(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = MemorySite.of(camera())
    runner, releases = ControlRunner(world(ledger, site)), ReleaseRunner(world(ledger, site))
    slow = Once(monkeypatch, "apply")
    first = asyncio.create_task(runner.perform(ask(), last_attempt=False))
    await slow.begun.wait()  # its intent is on disk, nothing is sent yet; its worker seems dead
    site.faults.refuse["switch"] = Unreachable("the switch does not answer")
    given_up = await runner.perform(ask(), last_attempt=True)
    assert given_up.outcome is not None
    assert given_up.outcome.kind is OutcomeKind.UNKNOWN
    site.faults.refuse.clear()
    hold = await ledger.hold(HOLD)
    assert hold is not None
    assert hold.state is HoldState.STUCK
    order = ReleaseOrder(hold=hold, attempt=1, why="looked at it", who="grace")
    released = await releases.release(order, last_attempt=True)
    assert released.kind is OutcomeKind.ENFORCED
    assert await ledger.hold(HOLD) is None
    slow.go.set()
    await asyncio.gather(first, return_exceptions=True)
    assert (site.vlan["cam-17"], site.writes) == (PRODUCTION, [])
    assert await ledger.hold(HOLD) is None


async def test_a_hold_is_not_given_back_while_its_change_may_still_be_sent(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the response was ended by hand: nobody gave the change up before."""
    site = MemorySite.of(camera())
    runner, releases = ControlRunner(world(ledger, site)), ReleaseRunner(world(ledger, site))
    slow = Once(monkeypatch, "apply")
    first = asyncio.create_task(runner.perform(ask(), last_attempt=False))
    await slow.begun.wait()
    hold = await ledger.hold(HOLD)
    assert hold is not None
    assert hold.state is HoldState.PENDING
    order = ReleaseOrder(hold=hold, attempt=1, why="it is overdue", who="firebreak")
    assert (await releases.release(order, last_attempt=True)).kind is OutcomeKind.ENFORCED
    slow.go.set()
    await asyncio.gather(first, return_exceptions=True)
    assert (site.vlan["cam-17"], site.writes) == (PRODUCTION, [])
    assert await ledger.hold(HOLD) is None


async def test_a_hold_whose_only_sender_has_ended_is_given_back_at_once(ledger: SqlLedger) -> None:
    site = MemorySite.of(camera())
    patient = world(ledger, site, window_s=3600)
    await ControlRunner(patient).perform(ask(), last_attempt=True)
    hold = await ledger.hold(HOLD)
    assert hold is not None
    order = ReleaseOrder(hold=hold, attempt=1, why="a false alarm", who="grace")
    async with asyncio.timeout(30):
        released = await ReleaseRunner(patient).release(order, last_attempt=True)
    assert released.kind is OutcomeKind.ENFORCED


async def test_a_slow_release_frees_nobody_after_the_next_try_has_ended_the_hold(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = MemorySite.of(camera())
    runner, releases = ControlRunner(world(ledger, site)), ReleaseRunner(world(ledger, site))
    await runner.perform(ask(), last_attempt=True)
    hold = await ledger.hold(HOLD)
    assert hold is not None
    slow = Once(monkeypatch, "revert")
    order = ReleaseOrder(hold=hold, attempt=1, why="its time is up", who="firebreak")
    first = asyncio.create_task(releases.release(order, last_attempt=False))
    await slow.begun.wait()
    again = order.model_copy(update={"attempt": 2})
    assert (await releases.release(again, last_attempt=True)).kind is OutcomeKind.ENFORCED
    other = await runner.perform(ask("inc-ffffffffffff"), last_attempt=True)
    assert other.outcome is not None
    assert other.outcome.kind is OutcomeKind.ENFORCED
    slow.go.set()
    await asyncio.gather(first, return_exceptions=True)
    assert site.vlan["cam-17"] != PRODUCTION


async def test_what_another_attempt_has_put_back_meanwhile_is_not_sent_again(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = MemorySite.of(camera())
    runner = ControlRunner(world(ledger, site))
    slow = Once(monkeypatch, "apply")
    site.faults.lie.add("switch")  # the sentinel still sees it
    first = asyncio.create_task(runner.perform(ask(), last_attempt=False))
    await slow.begun.wait()
    second = asyncio.create_task(runner.perform(ask(), last_attempt=False))
    await asyncio.sleep(0.2)  # it has looked, and waits
    slow.go.set()
    ended = [await first, await second]
    assert [end.outcome.kind for end in ended if end.outcome] == [OutcomeKind.FAILED] * 2
    assert [write[1] for write in site.writes] == ["switch", "switch/revert"]
    assert await ledger.hold(HOLD) is None


async def test_a_late_way_back_never_undoes_the_containment_of_another_response(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = MemorySite.of(camera())
    runner = ControlRunner(world(ledger, site))
    slow = Once(monkeypatch, "revert")
    site.faults.lie.add("switch")  # the sentinel still sees it
    first = asyncio.create_task(runner.perform(ask(), last_attempt=False))
    await slow.begun.wait()  # about to put it back; its worker seems dead
    again = await runner.perform(ask(), last_attempt=False)
    assert again.outcome is not None
    assert again.outcome.kind is OutcomeKind.FAILED
    site.faults.lie.clear()
    other = await runner.perform(ask("inc-ffffffffffff"), last_attempt=True)
    assert other.outcome is not None
    assert other.outcome.kind is OutcomeKind.ENFORCED
    slow.go.set()
    await asyncio.gather(first, return_exceptions=True)
    assert site.vlan["cam-17"] != PRODUCTION  # inc-ffffffffffff says that it is contained
