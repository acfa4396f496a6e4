"""The guard asks all that apply side by side, and lets nothing pass that has not said free."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from firebreak.contracts.sources import Probe, StateSource
from firebreak.domain.device import Device
from firebreak.domain.hold import Hold, HoldState
from firebreak.domain.interlock import CalendarInterlock, Interlock
from firebreak.domain.plan import ProbeReport, Reach
from firebreak.domain.reading import Reading
from firebreak.errors import AuthFailed, InterlockEngaged, LedgerUnavailable, Unreachable
from firebreak.policy.guard import Interlocks, Redundancy
from integrations.interlocks.turns import InTurn
from tests.unit.interlocks.entries import (
    NOW,
    Says,
    device,
    hold,
    http,
    opcua,
    plan,
    redundancy,
)

IDLE = Reading("idle", NOW, "/state")
BUSY = Reading("busy", NOW, "/state")
PRESSES = tuple(device(number) for number in (1, 2, 3))


class Looks(Probe):
    def __init__(self, **reach: Reach) -> None:
        self.reach = reach

    async def look(self, device: Device) -> ProbeReport:
        return ProbeReport(
            vantage="s",
            target=device.id,
            method="tcp",
            reach=self.reach[device.id.replace("-", "_")],
            at=NOW,
        )


def guard(
    *entries: Interlock,
    sources: dict[str, StateSource] | None = None,
    holds: Sequence[Hold] | Exception = (),
    devices: Sequence[Device] = PRESSES,
    probe: Probe | None = None,
) -> Interlocks:
    async def live() -> Sequence[Hold]:
        if isinstance(holds, Exception):
            raise holds
        return holds

    return Interlocks(
        entries, sources or {}, Redundancy(live, lambda: devices, probe), clock=lambda: NOW
    )


async def test_when_all_are_free_each_gives_a_line_of_evidence() -> None:
    entries = (http(), opcua(id="other"), opcua(id="elsewhere", applies_to={"device": ["press-1"]}))
    sources: dict[str, StateSource] = {
        "press-3-cycle": Says(IDLE),
        "other": Says(Reading(0, NOW, "ns=2;s=X")),
    }
    assert await guard(*entries, sources=sources).check(device(), plan()) == (
        'press-3-cycle is free: /state = "idle", 0.0 s old',
        "other is free: ns=2;s=X = 0, 0.0 s old",
    )


async def test_a_device_without_interlocks_needs_no_evidence() -> None:
    assert await guard(http(), sources={}).check(device(1), plan("press-1")) == ()


async def test_every_engaged_one_is_named_with_its_reason_and_what_to_do() -> None:
    entries = (http(contact="the shift lead, 4711"), opcua(id="other"), opcua(id="third"))
    sources: dict[str, StateSource] = {
        "press-3-cycle": Says(BUSY),
        "other": Says(Unreachable("the PLC is gone")),
        "third": Says(Reading(0, NOW, "ns=2;s=X")),
    }
    with pytest.raises(InterlockEngaged) as caught:
        await guard(*entries, sources=sources).check(device(), plan())
    assert str(caught.value) == (
        "network.quarantine on press-3 is not safe now: "
        'press-3-cycle is engaged (press 3 is in a cycle): /state = "busy", 0.0 s old; engaged '
        "when it is not 'idle'; ask the shift lead, 4711 | "
        "other is engaged (press 3 is in a cycle): no reading, and silence is engaged: the PLC is "
        "gone. `firebreak interlocks press-3` shows when they are free; act before that by "
        "break-glass only"
    )


@pytest.mark.parametrize(
    "failure",
    [
        Unreachable("gone"),
        AuthFailed("no"),
        TimeoutError(),
        ValueError("a bug"),
        KeyError("secret"),
        RecursionError(),
        LookupError(),
    ],
)
async def test_a_source_that_fails_in_any_way_is_engaged(failure: Exception) -> None:
    with pytest.raises(InterlockEngaged):
        await guard(http(), sources={"press-3-cycle": Says(failure)}).check(device(), plan())


async def test_an_interlock_without_a_source_is_engaged() -> None:
    with pytest.raises(InterlockEngaged):
        await guard(http(), sources={}).check(device(), plan())


async def test_sources_are_read_side_by_side() -> None:
    meet = asyncio.Barrier(2)

    class Meets(Says):
        async def read(self) -> Reading:
            await meet.wait()
            return await super().read()

    sources: dict[str, StateSource] = {"press-3-cycle": Meets(IDLE), "other": Meets(IDLE)}
    entries = (http(), http(id="other"))
    assert len(await guard(*entries, sources=sources).check(device(), plan())) == 2


async def test_closing_closes_every_source() -> None:
    source = Says(IDLE)
    await guard(http(), sources={"press-3-cycle": source}).close()
    assert source.closed


@pytest.mark.parametrize(
    ("held", "free"),
    [((), True), (("press-3",), True), (("press-1",), False), (("saw-9",), True)],
)
async def test_redundancy_counts_the_others_that_no_hold_is_on(
    held: tuple[str, ...], free: bool
) -> None:
    asked = guard(redundancy(), holds=[hold(name) for name in held])
    (verdict,) = await asked.look(device())
    assert verdict.engaged is not free


@pytest.mark.parametrize("state", [HoldState.PENDING, HoldState.ACTIVE, HoldState.STUCK])
async def test_a_hold_in_any_live_state_counts(state: HoldState) -> None:
    (verdict,) = await guard(redundancy(), holds=[hold("press-2", state)]).look(device())
    assert verdict.engaged
    assert verdict.reason == ("1 alive (press-1), 2 needed; not counted: press-2 (held)")


async def test_redundancy_counts_the_devices_of_this_moment() -> None:
    assert not (await guard(redundancy()).look(device()))[0].engaged
    (verdict,) = await guard(redundancy(), devices=PRESSES[1:]).look(device())
    assert verdict.engaged


@pytest.mark.parametrize("reach", list(Reach))
async def test_only_who_answers_is_well(reach: Reach) -> None:
    probe = Looks(press_1=Reach.REACHABLE, press_2=reach)
    (verdict,) = await guard(redundancy(health="probe"), probe=probe).look(device())
    assert verdict.engaged is (reach is not Reach.REACHABLE)


async def test_health_without_a_probe_is_engaged() -> None:
    (verdict,) = await guard(redundancy(health="probe")).look(device())
    assert verdict.engaged


async def test_without_a_device_redundancy_says_whether_any_one_may_go() -> None:
    assert not (await guard(redundancy()).look())[0].engaged
    assert (await guard(redundancy(keep=3)).look())[0].engaged


async def test_a_ledger_that_is_away_is_no_refusal_and_no_permission() -> None:
    with pytest.raises(LedgerUnavailable):
        await guard(redundancy(), holds=LedgerUnavailable("away")).check(device(), plan())


async def test_a_ledger_that_hangs_is_engaged() -> None:
    async def never() -> Sequence[Hold]:
        await asyncio.Event().wait()
        return ()

    entry = redundancy(timeout_s=0.02)
    asked = Interlocks((entry,), {}, Redundancy(never, lambda: PRESSES, None), lambda: NOW)
    assert (await asked.look(device()))[0].reason.endswith("no answer within 0.02 s")


class Slow(Says):
    """Answers when it is let go, with how often it was read."""

    def __init__(self) -> None:
        super().__init__(IDLE)
        self.gate = asyncio.Event()
        self.most = self.at_once = 0

    async def read(self) -> Reading:
        self.reads += 1
        mine = self.reads
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await self.gate.wait()
        finally:
            self.at_once -= 1
        return Reading(mine, datetime.now(UTC), "")


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_hundred_who_ask_together_are_one_look_at_a_time_and_none_is_told_of_before() -> (
    None
):
    source = Slow()
    shared = InTurn(source, 5)
    first = asyncio.create_task(shared.read())
    await settled()
    late = [asyncio.create_task(shared.read()) for _ in range(100)]
    await settled()
    source.gate.set()
    assert (await first).value == 1
    assert {reading.value for reading in await asyncio.gather(*late)} == {2}
    assert (source.reads, source.most) == (2, 1)


async def test_who_gives_up_does_not_take_the_answer_from_others() -> None:
    source = Slow()
    shared = InTurn(source, 5)
    one, other = asyncio.create_task(shared.read()), asyncio.create_task(shared.read())
    await settled()
    one.cancel()
    await settled()
    source.gate.set()
    assert (await other).value == 1


async def test_everyone_who_waits_is_told_of_the_failure_and_the_next_look_is_new() -> None:
    source: Any = Says(Unreachable("gone"))
    shared = InTurn(source, 5)
    answers = await asyncio.gather(*(shared.read() for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in answers] == [Unreachable] * 3
    source.answer = IDLE
    assert await shared.read() == IDLE


async def test_a_look_ends_with_its_time() -> None:
    shared = InTurn(Slow(), 0.02)
    with pytest.raises(TimeoutError):
        await shared.read()


# -- change windows --------------------------------------------------------------------------------


def window(name: str, rule: str = "only-within", **applies_to: list[str]) -> Interlock:
    return CalendarInterlock.model_validate(
        {
            "id": name,
            "kind": "calendar",
            "rule": rule,
            "summary": "no change window is open",
            "applies_to": applies_to or {"device": ["press-3"]},
            "file": "/nowhere.ics",
            "max_age_s": 60,
        }
    )


@pytest.mark.parametrize(
    ("says", "is_open"),
    [
        ({"a": True}, True),
        ({"a": False}, False),
        ({"a": True, "b": True}, True),
        ({"a": True, "b": False}, False),
        ({"a": None}, False),
        ({}, False),
    ],
)
async def test_a_change_window_is_open_when_every_calendar_of_them_says_so(
    says: dict[str, bool | None], is_open: bool
) -> None:
    entries = [window(name) for name in says]
    sources: dict[str, StateSource] = {
        name: Says(Reading(inside, NOW, "windows.ics")) for name, inside in says.items()
    }
    assert await guard(*entries, sources=sources).change_window(PRESSES[2]) is is_open


async def test_a_freeze_or_the_window_of_another_device_opens_nothing() -> None:
    entries = [window("freeze", "never-within"), window("other", device=["press-1"])]
    sources: dict[str, StateSource] = {
        "freeze": Says(Reading(value=False, at=NOW, where="f.ics")),
        "other": Says(Reading(value=True, at=NOW, where="o.ics")),
    }
    assert await guard(*entries, sources=sources).change_window(PRESSES[2]) is False


async def test_a_calendar_that_cannot_be_read_is_closed() -> None:
    found = guard(window("a"), sources={"a": Says(Unreachable("no file"))})
    assert await found.change_window(PRESSES[2]) is False
