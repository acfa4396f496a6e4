"""A hold ends by its time, by a person, by its condition; and always with what was there before."""

import asyncio

import pytest

from firebreak.domain.hold import HoldState
from firebreak.domain.record import Kind
from firebreak.errors import NotFound, Rejected, RevertFailed
from firebreak.playbook.program import HoldSpec, Until
from tests.workflows.bench import ON_CALL, Bench
from tests.workflows.playbooks import contain, note, probe, program, release
from tests.workflows.site import PRODUCTION, QUARANTINE

HOLD = "hold/cam-17/network.quarantine"


async def until_released(bench: Bench) -> None:
    async with asyncio.timeout(20):
        while await bench.ledger.hold(HOLD) is not None:
            await asyncio.sleep(0.05)


async def test_a_hold_expires_and_gives_back_what_was_there(bench: Bench) -> None:
    bench.site.vlan["cam-17"] = 20
    result, _ = await bench.run(program(contain(hold=HoldSpec(for_s=1))))
    assert result.status == "completed"
    await until_released(bench)
    assert bench.site.vlan["cam-17"] == 20
    chain = await bench.ledger.chain(result.incident)
    (end,) = [entry for entry in chain if entry.kind is Kind.HOLD_ENDED]
    assert end.body["why"] == "its time is up"


async def test_a_person_ends_a_hold_and_hears_only_what_is_proven(bench: Bench) -> None:
    await bench.run(program(contain()))
    hold = await bench.engine.release(HOLD, ON_CALL, "patched")
    assert hold.state is HoldState.RELEASED
    assert bench.site.vlan["cam-17"] == PRODUCTION
    assert await bench.ledger.holds() == ()


async def test_a_way_back_that_fails_is_said_and_tried_again(bench: Bench) -> None:
    await bench.run(program(contain()))
    bench.site.faults.stuck.add("switch")
    with pytest.raises(RevertFailed, match="no way back"):
        await bench.engine.release(HOLD, ON_CALL, "patched")
    stuck = await bench.ledger.hold(HOLD)
    assert stuck is not None
    assert stuck.state is HoldState.STUCK
    assert bench.site.vlan["cam-17"] == QUARANTINE
    bench.site.faults.stuck.clear()
    await until_released(bench)  # nobody asks again, and its time is far away
    assert bench.site.vlan["cam-17"] == PRODUCTION


async def test_a_failed_release_is_not_tried_again_when_the_hold_is_extended(bench: Bench) -> None:
    await bench.run(program(contain()))
    bench.site.faults.stuck.add("switch")
    with pytest.raises(RevertFailed, match="no way back"):
        await bench.engine.release(HOLD, ON_CALL, "patched")
    await bench.engine.extend(HOLD, 1800, ON_CALL, "not patched after all")
    bench.site.faults.stuck.clear()
    await asyncio.sleep(3 * bench.settings.release_retry_s)
    assert bench.site.vlan["cam-17"] == QUARANTINE
    assert (await bench.engine.release(HOLD, ON_CALL, "now")).state is HoldState.RELEASED


async def test_a_port_that_somebody_changed_is_not_overwritten(bench: Bench) -> None:
    await bench.run(program(contain()))
    bench.site.vlan["cam-17"] = 99
    with pytest.raises(RevertFailed, match="99"):
        await bench.engine.release(HOLD, ON_CALL, "patched")
    assert bench.site.vlan["cam-17"] == 99


async def test_a_hold_can_be_extended_but_not_without_end(bench: Bench) -> None:
    await bench.run(program(contain(hold=HoldSpec(for_s=3600))))
    before = await bench.ledger.hold(HOLD)
    after = await bench.engine.extend(HOLD, 1800, ON_CALL, "still looking")
    assert before is not None
    assert before.expires_at is not None
    assert after.expires_at is not None
    assert (after.expires_at - before.expires_at).total_seconds() == 1800
    listed = await bench.ledger.hold(HOLD)
    assert listed is not None
    assert listed.expires_at == after.expires_at
    with pytest.raises(Rejected, match="7 days"):
        await bench.engine.extend(HOLD, 8 * 86400, ON_CALL, "for ever")


async def test_a_hold_ends_early_when_its_condition_is_seen(bench: Bench) -> None:
    until = Until(do="device.probe", that="result.reachable == false", every_s=1)
    result, _ = await bench.run(program(contain(hold=HoldSpec(for_s=3600, until=until))))
    await until_released(bench)
    assert bench.site.vlan["cam-17"] == PRODUCTION
    chain = await bench.ledger.chain(result.incident)
    (end,) = [entry for entry in chain if entry.kind is Kind.HOLD_ENDED]
    assert "its condition holds" in str(end.body["why"])


async def test_an_unknown_hold_is_not_found(bench: Bench) -> None:
    with pytest.raises(NotFound):
        await bench.engine.release("hold/cam-18/network.quarantine", ON_CALL, "?")


async def test_a_second_playbook_stands_under_the_same_hold(bench: Bench) -> None:
    await bench.run(program(contain(), name="first"))
    result, chain = await bench.run(program(contain(), note(), name="second"))
    assert (result.status, result.contained) == ("completed", True)
    assert [write[1] for write in bench.site.writes] == ["switch"]
    assert not [entry for entry in chain if entry.kind is Kind.INTENT and "contain" in entry.key]
    await bench.engine.release(HOLD, ON_CALL, "done")
    assert bench.site.vlan["cam-17"] == PRODUCTION  # the first plan's state, not quarantine


async def test_a_hold_that_ended_meanwhile_needs_no_release(bench: Bench) -> None:
    waiting = probe(until="result.reachable", every_s=1, within_s=30)
    steps = program(contain(hold=HoldSpec(for_s=1)), waiting, release())
    result, _ = await bench.run(steps)
    assert result.status == "completed"
    assert [write[1] for write in bench.site.writes] == ["switch", "switch/revert"]


async def test_a_change_whose_end_stays_unknown_is_held_for_a_person(bench: Bench) -> None:
    bench.site.faults.lose_answer.add("switch")
    bench.site.faults.deaf_after_write = True
    result, _ = await bench.run(program(contain()))
    assert (result.status, result.contained) == ("failed", False)
    hold = await bench.ledger.hold(HOLD)
    assert hold is not None
    assert hold.state is HoldState.STUCK
    released = await bench.engine.release(HOLD, ON_CALL, "looked at it by hand")
    assert released.state is HoldState.RELEASED
    assert bench.site.vlan["cam-17"] == PRODUCTION
