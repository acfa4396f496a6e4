"""Many at once on one switch: they travel together, and nobody answers for another."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firebreak.cyber_range.console import Console
from firebreak.cyber_range.faults import Fault, FaultKind
from firebreak.domain.estate import Platform
from firebreak.domain.plan import Plan
from firebreak.errors import (
    Busy,
    FirebreakError,
    OutcomeUnknown,
    Rejected,
    StateDrifted,
    Unreachable,
)
from integrations.network.cli.controls import PortDown
from tests.conformance.switch_benches import PLATFORMS
from tests.unit.network.crowd import HOME, Crowd, crowd, read, soon, vlan_of

SIZE = 8
MIDDLE = 4
LINE_BY_LINE: list[Platform] = [p for p in PLATFORMS if p != "juniper_junos"]
BREAKS = [
    FaultKind.REJECT_WRITE,
    FaultKind.DROP_BEFORE_WRITE,
    FaultKind.DROP_AFTER_WRITE,
    FaultKind.HANG_BEFORE_WRITE,
    FaultKind.HANG_AFTER_WRITE,
    FaultKind.REJECT_SAVE,
]


@pytest.fixture(params=PLATFORMS)
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Crowd]:
    async with crowd(request.param, SIZE, tmp_path) as opened:
        yield opened


@pytest.fixture
async def ios(tmp_path: Path) -> AsyncIterator[Crowd]:
    async with crowd("cisco_ios", SIZE, tmp_path) as opened:
        yield opened


@pytest.fixture
async def junos(tmp_path: Path) -> AsyncIterator[Crowd]:
    async with crowd("juniper_junos", SIZE, tmp_path) as opened:
        yield opened


def of_the_middle(site: Crowd) -> str:
    """A text that only the write of the middle port holds; Junos commits all in one line."""
    return "" if site.emulated._store is not None else str(vlan_of(MIDDLE))


async def test_a_burst_travels_in_one_session_and_is_saved_once(site: Crowd) -> None:
    assert await site.move_all() == [site.wanted(number) for number in range(SIZE)]
    assert [site.truth(number) for number in range(SIZE)] == [vlan_of(n) for n in range(SIZE)]
    assert site.emulated.sessions == 1
    if site.emulated._store is None:
        assert (site.written("config"), site.written("save")) == (SIZE, 1)
    else:
        assert len(site.emulated._store.commits) == 1 + 2  # as it booted, confirmed, confirmation


async def test_who_comes_while_a_turn_is_under_way_shares_the_next(ios: Crowd) -> None:
    await ios.emulated.inject(Fault(FaultKind.SLOW, delay_s=0.02))
    first = asyncio.ensure_future(ios.move(0))
    await asyncio.sleep(0.1)
    assert not first.done()
    await asyncio.gather(*(ios.move(number) for number in range(1, SIZE)))
    assert ios.written("save") == 2


async def test_a_burst_costs_less_than_a_line_for_each_wish(ios: Crowd) -> None:
    alone = await ios.counting()
    await ios.move(0)
    together = await ios.counting()
    await ios.emulated.clear()
    together = await ios.counting()
    await asyncio.gather(*(ios.move(number) for number in range(1, SIZE)))
    assert together.hits < (SIZE - 1) * alone.hits / 2


async def test_no_more_than_so_many_share_a_turn(ios: Crowd) -> None:
    few = ios.another(ports_at_once=3)
    async with few.fleet:
        await few.move_all()
    assert few.written("save") == 3


async def test_those_who_look_at_the_same_time_share_what_is_read(site: Crowd) -> None:
    control = PortDown(site.fleet)
    alone = await site.counting()
    one_by_one = [await control.observe(site.device(number)) for number in range(SIZE)]
    await site.emulated.clear()
    together = await site.counting()
    at_once = await asyncio.gather(*(control.observe(site.device(n)) for n in range(SIZE)))
    assert at_once == one_by_one
    assert together.hits < alone.hits


async def test_a_port_that_may_not_be_touched_is_refused_alone(site: Crowd) -> None:
    ghost = site.device(0).model_copy(
        update={"attached": site.device(0).attached.model_copy(update={"port": ghost_of(site)})}  # type: ignore[union-attr]  # it is attached
    )
    control = PortDown(site.fleet)
    devices = [ghost, *(site.device(number) for number in range(1, SIZE))]
    first, *others = await asyncio.gather(
        *(control.observe(device) for device in devices), return_exceptions=True
    )
    assert isinstance(first, Rejected)
    assert not any(isinstance(other, BaseException) for other in others)


def ghost_of(site: Crowd) -> str:
    """A port that is not there."""
    return site.known[0].port[:-1] + "47"


async def test_a_port_that_drifted_is_refused_alone(site: Crowd) -> None:
    site.drift(MIDDLE)
    outcomes = await site.move_all()
    assert isinstance(outcomes[MIDDLE], StateDrifted)
    del outcomes[MIDDLE]
    assert not any(isinstance(outcome, BaseException) for outcome in outcomes)
    assert site.truth(MIDDLE) == 20


async def test_a_port_that_is_as_wanted_already_is_not_written(site: Crowd) -> None:
    await site.move(MIDDLE)
    before = site.written("config") + site.written("candidate")
    assert (await site.move_all())[MIDDLE] == site.wanted(MIDDLE)
    lines = site.written("config") + site.written("candidate") - before
    assert lines == (SIZE - 1) * (1 if site.emulated._store is None else 2)


async def test_who_is_too_late_is_not_sent_and_the_others_are(site: Crowd) -> None:
    moves = [site.move(n, soon(-1) if n == MIDDLE else None) for n in range(SIZE)]
    outcomes = await asyncio.gather(*moves, return_exceptions=True)
    assert isinstance(outcomes[MIDDLE], Unreachable)
    assert site.truth(MIDDLE) == HOME
    assert [site.truth(n) for n in range(SIZE) if n != MIDDLE] == [
        vlan_of(n) for n in range(SIZE) if n != MIDDLE
    ]


@pytest.mark.parametrize("platform", LINE_BY_LINE)
async def test_a_port_that_the_switch_refuses_is_rejected_alone(
    platform: Platform, tmp_path: Path
) -> None:
    async with crowd(platform, SIZE, tmp_path) as site:
        await site.emulated.inject(Fault(FaultKind.REJECT_WRITE, match=of_the_middle(site)))
        outcomes = await site.move_all()
        assert isinstance(outcomes[MIDDLE], Rejected)
        assert outcomes.count(outcomes[MIDDLE]) == 1
        del outcomes[MIDDLE]
        assert not any(isinstance(outcome, BaseException) for outcome in outcomes)
        assert site.truth(MIDDLE) == HOME
        assert site.emulated.sessions == 1
        assert await read(site.fleet, site.known[MIDDLE].port) == site.known[MIDDLE]


async def test_junos_finds_out_one_by_one_whom_it_refuses(junos: Crowd) -> None:
    wanted = [junos.wanted(n, 999 if n == MIDDLE else None) for n in range(SIZE)]
    changes = (junos.fleet.change(k, w, soon()) for k, w in zip(junos.known, wanted, strict=True))
    outcomes = await asyncio.gather(*changes, return_exceptions=True)
    assert isinstance(outcomes[MIDDLE], Rejected)
    assert junos.truth(MIDDLE) == HOME
    assert [junos.truth(n) for n in range(SIZE) if n != MIDDLE] == [
        vlan_of(n) for n in range(SIZE) if n != MIDDLE
    ]
    assert junos.emulated.sessions == 1


async def test_a_switch_that_somebody_else_configures_refuses_all(junos: Crowd) -> None:
    store = junos.emulated._store
    assert store is not None
    store.locked_by = Console(junos.emulated.chassis, "another", "ann")
    outcomes = await junos.move_all()
    assert [type(outcome) for outcome in outcomes] == [Rejected] * SIZE


@pytest.mark.parametrize("kind", BREAKS)
async def test_whatever_breaks_no_caller_is_told_what_is_not_so(
    site: Crowd, kind: FaultKind
) -> None:
    hurried = site.another(deadline_s=1.5)
    async with hurried.fleet:
        await site.emulated.inject(Fault(kind, times=1, match=of_the_middle(site)))
        outcomes = await hurried.move_all()
        await site.emulated.clear()
        await settled(hurried)
    for number, outcome in enumerate(outcomes):
        if not isinstance(outcome, BaseException):
            assert outcome == site.wanted(number)
            assert site.truth(number) == vlan_of(number)
        elif not isinstance(outcome, OutcomeUnknown):
            assert isinstance(outcome, (Rejected, Unreachable))
            assert site.truth(number) == HOME
    if kind not in {FaultKind.REJECT_WRITE, FaultKind.REJECT_SAVE}:
        assert isinstance(outcomes[MIDDLE], OutcomeUnknown)


async def settled(site: Crowd) -> None:
    """The switch has done what it does by itself, and its line works."""
    async with asyncio.timeout(10):
        while True:
            try:
                await read(site.fleet, site.known[0].port)
            except Busy:
                await asyncio.sleep(0.05)
            else:
                return


@pytest.mark.parametrize("kind", [FaultKind.DROP_AFTER_WRITE, FaultKind.HANG_AFTER_WRITE])
async def test_those_behind_a_line_that_broke_were_not_sent(ios: Crowd, kind: FaultKind) -> None:
    hurried = ios.another(deadline_s=1.5)
    async with hurried.fleet:
        await ios.emulated.inject(Fault(kind, times=1, match=of_the_middle(ios)))
        outcomes = await hurried.move_all()
    assert [type(outcome) for outcome in outcomes[: MIDDLE + 1]] == [OutcomeUnknown] * (MIDDLE + 1)
    assert [type(outcome) for outcome in outcomes[MIDDLE + 1 :]] == [Unreachable] * 3
    assert [ios.truth(number) for number in range(MIDDLE + 1, SIZE)] == [HOME] * 3


async def test_a_caller_who_leaves_takes_nobody_with_him(site: Crowd) -> None:
    await site.emulated.inject(Fault(FaultKind.SLOW, delay_s=0.02))
    first = asyncio.ensure_future(site.move(0))
    await asyncio.sleep(0.05)
    others = [asyncio.ensure_future(site.move(number)) for number in range(1, SIZE)]
    await asyncio.sleep(0)
    others[MIDDLE - 1].cancel()
    outcomes = await asyncio.gather(first, *others, return_exceptions=True)
    assert isinstance(outcomes[MIDDLE], asyncio.CancelledError)
    assert site.truth(MIDDLE) == HOME
    del outcomes[MIDDLE]
    assert not any(isinstance(outcome, BaseException) for outcome in outcomes)


async def test_a_caller_who_leaves_a_turn_under_way_takes_nobody_with_him(site: Crowd) -> None:
    await site.emulated.inject(Fault(FaultKind.SLOW, delay_s=0.01))
    moves = [asyncio.ensure_future(site.move(number)) for number in range(SIZE)]
    await asyncio.sleep(0.15)
    moves[MIDDLE].cancel()
    outcomes = await asyncio.gather(*moves, return_exceptions=True)
    del outcomes[MIDDLE]
    assert not any(isinstance(outcome, BaseException) for outcome in outcomes)
    seen = await read(site.fleet, site.known[MIDDLE].port)
    assert seen in (site.known[MIDDLE], site.wanted(MIDDLE))
    assert seen.vlan == site.truth(MIDDLE)


async def test_wishes_for_one_port_are_met_in_their_order(site: Crowd) -> None:
    known, wanted = site.known[0], site.wanted(0)
    there = site.fleet.change(known, wanted, soon())
    back = site.fleet.change(wanted, known, soon())
    again = site.fleet.change(known, wanted, soon())
    others = (site.move(number) for number in range(1, SIZE))
    outcomes = await asyncio.gather(there, back, again, *others)
    assert outcomes[:3] == [wanted, known, wanted]
    assert site.truth(0) == vlan_of(0)


async def test_a_slow_switch_is_not_sent_more_than_can_be_read_back(ios: Crowd) -> None:
    hurried = ios.another(deadline_s=3.0)
    async with hurried.fleet:
        await read(hurried.fleet, ios.known[0].port)
        await ios.emulated.inject(Fault(FaultKind.SLOW, delay_s=0.1))
        outcomes = await hurried.move_all()
        await ios.emulated.clear()
    done = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    late = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert done
    assert {type(outcome) for outcome in late} == {Unreachable}
    for number, outcome in enumerate(outcomes):
        left = isinstance(outcome, FirebreakError)
        assert ios.truth(number) == (HOME if left else vlan_of(number))


async def test_no_session_is_had_when_all_are_told_the_same(ios: Crowd) -> None:
    fresh = ios.another()
    async with fresh.fleet:
        await ios.emulated.inject(Fault(FaultKind.REFUSE))
        outcomes = await fresh.move_all()
    assert [type(outcome) for outcome in outcomes] == [Unreachable] * SIZE


async def test_apply_and_revert_of_many_devices_restore_each_port(site: Crowd) -> None:
    control = PortDown(site.fleet)
    devices = [site.device(number) for number in range(SIZE)]
    plans: list[Plan] = [await control.plan(d, {}, await control.observe(d)) for d in devices]
    applied = await asyncio.gather(*(control.apply(plan, soon()) for plan in plans))
    assert applied == [plan.after for plan in plans]
    reverted = await asyncio.gather(*(control.revert(plan, soon()) for plan in plans))
    assert reverted == [plan.before for plan in plans]
