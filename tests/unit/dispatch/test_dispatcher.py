"""What the record says reaches every channel: once, in order, and soon."""

import asyncio
import time

import pytest

from firebreak.contracts.people import Story, Weight
from firebreak.dispatch.dispatcher import Dispatcher
from firebreak.dispatch.pace import Pace
from firebreak.domain.record import JOURNAL, Kind, NewEntry
from firebreak.errors import RateLimited, Rejected, Unreachable
from firebreak.ledger.store import SqlLedger
from tests.unit.dispatch.theater import (
    FAST,
    HASTY,
    Listener,
    asks,
    chain,
    ended,
    heard,
    new,
    note,
    opened,
    playing,
    quiet,
    rules,
    settled,
    until,
)


async def test_every_entry_is_told_once_and_in_order(ledger: SqlLedger) -> None:
    desk = Listener()
    async with playing(ledger, (rules(), desk)):
        for number in range(1, 11):
            await ledger.append(opened(number))
            for n in range(5):
                await ledger.append(note(f"n{n}", number))
        await quiet(ledger, "desk")
    for number in range(1, 11):
        told = [key for key in desk.heard if key.startswith(chain(number))]
        expected = [f"{chain(number)}/{k}" for k in ("opened", "n0", "n1", "n2", "n3", "n4")]
        assert told == expected
    assert desk.closed


async def test_an_approval_reaches_a_healthy_channel_at_the_next_look(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the pace of production, a look each 0.15 s: within 300 ms."""
    looks = 0
    look = Dispatcher.look

    async def counted(self: Dispatcher) -> None:
        nonlocal looks
        looks += 1
        await look(self)

    async def tells(_: Story) -> None:
        seen.append(looks)

    monkeypatch.setattr(Dispatcher, "look", counted)
    seen: list[int] = []
    asked = []
    desk = Listener(before=tells)
    async with playing(ledger, (rules(weight=Weight.ASK), desk), pace=Pace(grace_s=0.1)):
        for number in range(1, 6):
            await ledger.append(opened(number), asks(number))
            asked.append(looks)
            await heard(desk, f"{chain(number)}/asked")
    assert Pace().poll_s <= 0.15
    waited = sorted(told - before for told, before in zip(seen, asked, strict=True))
    assert waited[len(waited) // 2] <= 2, waited


async def test_nothing_is_told_again_after_a_restart(ledger: SqlLedger) -> None:
    first, second = Listener(), Listener()
    async with playing(ledger, (rules(), first)):
        await ledger.append(opened(), asks())
        await quiet(ledger, "desk")
    await ledger.append(note("later"))
    async with playing(ledger, (rules(), second)):
        await quiet(ledger, "desk")
    assert second.heard == [f"{chain(1)}/later"]
    assert second.known == [{"calls": len(first.calls)}]


async def test_a_channel_that_hangs_holds_up_no_other(ledger: SqlLedger) -> None:
    stuck, well = Listener(before=hangs), Listener()
    async with playing(ledger, (rules("stuck"), stuck), (rules("well"), well)):
        await ledger.append(opened(), asks())
        await heard(well, f"{chain(1)}/asked", within_s=FAST.tell_s / 2)


async def test_a_channel_that_hung_is_tried_again(ledger: SqlLedger) -> None:
    desk = Listener(before=hangs)
    async with playing(ledger, (rules(), desk), pace=HASTY) as dispatcher:
        await ledger.append(opened(), asks())

        async def gave_up() -> bool:
            return dispatcher.statuses()[0].failures >= 1

        await until(gave_up)
        desk.before = None
        await heard(desk, f"{chain(1)}/asked")


async def hangs(_: Story) -> None:
    await asyncio.sleep(60)


async def test_one_chain_that_a_channel_refuses_does_not_hold_up_the_others(
    ledger: SqlLedger,
) -> None:
    async def refuses(story: Story) -> None:
        if story.chain == chain(1):
            raise Rejected("too long")

    desk = Listener(before=refuses)
    async with playing(ledger, (rules(), desk)) as dispatcher:
        for number in range(1, 21):
            await ledger.append(opened(number))
        await heard(desk, *(f"{chain(number)}/opened" for number in range(2, 21)))

        async def one_is_left() -> bool:
            status = dispatcher.statuses()[0]
            return (status.backlog, status.last_error) == (1, "rejected: too long")

        await until(one_is_left)
        desk.before = None
        await heard(desk, f"{chain(1)}/opened")


async def test_a_channel_that_is_down_gets_everything_once_it_is_back(ledger: SqlLedger) -> None:
    async def down(_: Story) -> None:
        raise Unreachable("no answer")

    desk = Listener(before=down)
    async with playing(ledger, (rules(), desk)) as dispatcher:
        for number in range(1, 31):
            await ledger.append(opened(number), asks(number))
        await asyncio.sleep(0.3)
        status = dispatcher.statuses()[0]
        assert (status.standing, status.backlog) == ("failing", 30)
        assert status.last_error == "unreachable: no answer"
        # One call at a time finds out whether it works again, and not one for each that waits.
        assert status.failures < 30
        desk.before = None
        await quiet(ledger, "desk")
    assert sorted(desk.heard) == sorted(
        f"{chain(n)}/{key}" for n in range(1, 31) for key in ("opened", "asked")
    )


async def test_a_channel_that_asks_for_patience_gets_it(ledger: SqlLedger) -> None:
    tries: list[float] = []

    async def throttles(_: Story) -> None:
        tries.append(time.monotonic())
        if len(tries) == 1:
            raise RateLimited("slow down", 0.5)

    desk = Listener(before=throttles)
    async with playing(ledger, (rules(), desk)):
        await ledger.append(opened(1))
        await until_tried(tries, 1)
        await ledger.append(opened(2), asks(2))  # another chain has to wait as well
        await quiet(ledger, "desk")
    assert tries[1] - tries[0] >= 0.5
    assert len(desk.heard) == 3


async def until_tried(tries: list[float], times: int) -> None:
    async def tried() -> bool:
        return len(tries) >= times

    await until(tried)


async def test_a_channel_hears_its_weight_and_still_learns_that_the_response_moved(
    ledger: SqlLedger,
) -> None:
    desk = Listener()
    async with playing(ledger, (rules(weight=Weight.ASK), desk)):
        await ledger.append(opened(1), note("detail", 1))
        await ledger.append(opened(2), asks(2))
        await heard(desk, f"{chain(2)}/asked")
        await ledger.append(note("still", 2))
        await ledger.append(settled(2))
        await quiet(ledger, "desk")
    assert desk.heard == [f"{chain(2)}/asked"]
    last = desk.calls[-1]
    assert (last.news, last.approvals[0].state) == ((), "approved")
    assert [each.entry.key for each in last.past] == ["opened", "asked", "still", "agreed"]
    assert {story.chain for story in desk.calls} == {chain(2)}


async def test_a_channel_of_one_site_hears_of_that_site_and_of_what_concerns_all(
    ledger: SqlLedger,
) -> None:
    def halted(key: str, site: str | None) -> NewEntry:
        entry = new(Kind.HALTED, key, halt=key, site=site, reason="drill")
        return entry.model_copy(update={"incident": JOURNAL})

    desk = Listener()
    async with playing(ledger, (rules(sites=frozenset({"north"})), desk)):
        await ledger.append(opened(1, site="north"))
        await ledger.append(opened(2, site="south"))
        await ledger.append(halted("here", "north"))
        await ledger.append(halted("there", "south"))
        await ledger.append(halted("all", None))
        await quiet(ledger, "desk")
    assert sorted(desk.heard) == sorted([f"{chain(1)}/opened", f"{JOURNAL}/here", f"{JOURNAL}/all"])


async def test_a_new_channel_is_not_told_of_what_has_ended(ledger: SqlLedger) -> None:
    first, second = Listener(), Listener()
    async with playing(ledger, (rules("first"), first)):
        await ledger.append(opened(1), ended(1))
        await ledger.append(opened(2))
        await quiet(ledger, "first")
    async with playing(ledger, (rules("first"), first), (rules("second"), second)):
        await ledger.append(note("more", 1))
        await quiet(ledger, "first", "second")
    assert sorted(second.heard) == sorted([f"{chain(2)}/opened", f"{chain(1)}/more"])


async def test_a_channel_that_was_left_out_for_a_time_is_not_told_of_what_ended_meanwhile(
    ledger: SqlLedger,
) -> None:
    async def down(_: Story) -> None:
        raise Unreachable("no answer")

    other, back = Listener(), Listener()
    async with playing(ledger, (rules("desk"), Listener(before=down))):
        await ledger.append(opened(1))
        await asyncio.sleep(0.1)
    async with playing(ledger, (rules("other"), other)):
        await ledger.append(ended(1))
        await ledger.append(opened(2), ended(2))
        await ledger.append(opened(3))
        await quiet(ledger, "other")
    async with playing(ledger, (rules("desk"), back)):
        await quiet(ledger, "desk")
    assert back.heard == [f"{chain(3)}/opened"]


async def test_the_receipt_comes_with_the_end(ledger: SqlLedger) -> None:
    desk = Listener()
    async with playing(ledger, (rules(), desk)):
        await ledger.append(opened())
        await quiet(ledger, "desk")
        await ledger.append(ended())
        await quiet(ledger, "desk")
    assert [story.receipt for story in desk.calls] == [None, b"receipt of 2 entries"]
    assert desk.calls[-1].ended
