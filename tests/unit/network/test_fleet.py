"""Sessions: kept, let go, opened again, and never used beyond what the fence allows."""

import asyncio
import time
import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firebreak.contracts.controls import Control
from firebreak.cyber_range.faults import Fault, FaultKind
from firebreak.domain.plan import Plan
from firebreak.errors import AuthFailed, DefinitionError, Rejected, Unreachable
from integrations.network.cli.controls import PortDown
from integrations.network.cli.fleet import SwitchFleet
from tests.conformance.bench import with_cli
from tests.conformance.switch_benches import PASSWORD, EmulatedBench, emulated_bench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[EmulatedBench]:
    async with emulated_bench("cisco_ios", "switch", tmp_path) as opened:
        yield opened


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=20)


async def planned(bench: EmulatedBench, control: Control) -> Plan:
    return await control.plan(bench.device, {}, await control.observe(bench.device))


async def test_one_session_serves_many_operations(bench: EmulatedBench) -> None:
    control = bench.control(20)
    for _ in range(3):
        await control.observe(bench.device)
    await asyncio.gather(*(control.observe(bench.device) for _ in range(5)))
    assert bench.sessions() == 1


async def test_a_session_that_died_is_opened_again_without_a_word(bench: EmulatedBench) -> None:
    control = bench.control(20)
    await control.observe(bench.device)
    await bench.emulated.reboot()
    assert (await control.observe(bench.device)).state["vlan"] == 10


async def test_a_kept_session_that_hangs_leaves_time_for_a_new_one(bench: EmulatedBench) -> None:
    control = bench.control(6)
    await control.observe(bench.device)
    await bench.emulated.inject(Fault(FaultKind.HANG, times=1))
    await control.observe(bench.device)


async def test_an_idle_session_is_closed(bench: EmulatedBench) -> None:
    async with SwitchFleet([bench.switch], idle_s=0.1) as fleet:
        await PortDown(fleet).observe(bench.device)
        assert bench.sessions() == 1
        async with asyncio.timeout(5):
            while bench.sessions():
                await asyncio.sleep(0.02)
        await PortDown(fleet).observe(bench.device)


async def test_waiting_for_a_busy_switch_ends_at_the_deadline(bench: EmulatedBench) -> None:
    async with SwitchFleet([bench.switch], deadline_s=3) as fleet:
        control = PortDown(fleet)
        await bench.emulated.inject(Fault(FaultKind.HANG))
        began = time.monotonic()
        results = await asyncio.gather(
            *(control.observe(bench.device) for _ in range(3)), return_exceptions=True
        )
        assert time.monotonic() - began < 8  # and not 9: one after the other
    assert [type(result) for result in results] == [Unreachable] * 3


async def test_a_hanging_switch_does_not_hold_up_another(
    bench: EmulatedBench,
) -> None:
    other = bench.switch.model_copy(update={"id": "sw-2"})
    async with SwitchFleet([bench.switch, other], deadline_s=5, threads=2) as fleet:
        control = PortDown(fleet)
        await control.observe(bench.device)
        await bench.emulated.inject(Fault(FaultKind.HANG, times=1))
        stuck = asyncio.ensure_future(control.observe(bench.device))
        await asyncio.sleep(0.1)
        attached = {"switch": "sw-2", "port": bench.port("device")}
        device = bench.device_on(bench.port("device"), attached=attached)
        await control.observe(device)
        assert not stuck.done()
        await asyncio.wait({stuck})


async def test_a_startup_configuration_that_was_not_written_is_told_and_no_failure(
    bench: EmulatedBench,
) -> None:
    control = bench.control(20)
    plan = await planned(bench, control)
    await bench.emulated.inject(Fault(FaultKind.REJECT_SAVE, times=1))
    assert await control.apply(plan, soon()) == plan.after
    seen = await control.observe(bench.device)
    assert any("startup configuration is behind" in line for line in seen.evidence)
    await control.revert(plan, soon())
    seen = await control.observe(bench.device)
    assert not any("startup configuration is behind" in line for line in seen.evidence)


async def test_a_saved_change_survives_a_power_cut(bench: EmulatedBench) -> None:
    control = bench.control(20)
    plan = await planned(bench, control)
    await control.apply(plan, soon())
    await bench.emulated.reboot()
    assert (await control.observe(bench.device)).state == plan.after


async def test_saving_can_be_left_out(bench: EmulatedBench) -> None:
    bench.switch = with_cli(bench.switch, save=False)
    control = bench.control(20)
    await control.apply(await planned(bench, control), soon())
    kinds = [write.kind for write in bench.emulated.chassis.journal.writes()]
    assert "save" not in kinds


async def test_a_quarantine_vlan_that_is_missing_on_the_switch_is_refused(
    bench: EmulatedBench,
) -> None:
    bench.state.vlans.pop(666)
    with pytest.raises(Rejected, match="quarantine VLAN 666 is not active"):
        await bench.control(20).observe(bench.device)


async def test_a_device_of_another_site_is_refused(bench: EmulatedBench) -> None:
    device = bench.device_on(bench.port("device"), site="elsewhere")
    with pytest.raises(Rejected, match="of site elsewhere"):
        await bench.control(20).observe(device)


async def test_uplinks_are_known_by_any_spelling(bench: EmulatedBench) -> None:
    short = bench.port("device").replace("GigabitEthernet", "gi")
    bench.switch = bench.switch.model_copy(update={"uplinks": (short,)})
    with pytest.raises(Rejected, match="uplink"):
        await bench.control(20).observe(bench.device)


async def test_a_plan_with_lines_of_its_own_sends_none_of_them(bench: EmulatedBench) -> None:
    control = bench.control(20)
    plan = await planned(bench, control)
    evil = f"{plan.before['port']}\nshutdown"
    forged = plan.model_copy(
        update={"before": {**plan.before, "port": evil}, "after": {**plan.after, "port": evil}}
    )
    with pytest.raises(Rejected):
        await control.apply(forged, soon())
    assert bench.effects() == 0


async def test_a_switch_that_is_silent_is_unreachable_in_time(bench: EmulatedBench) -> None:
    await bench.emulated.inject(Fault(FaultKind.SILENT))
    began = time.monotonic()
    with pytest.raises(Unreachable):
        await bench.control(1.5).observe(bench.device)
    assert time.monotonic() - began < 10


async def test_no_secret_is_in_an_error_or_a_log(
    bench: EmulatedBench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    await bench.emulated.inject(Fault(FaultKind.WRONG_PASSWORD, times=1))
    control = bench.control(20)
    with pytest.raises(AuthFailed) as caught:
        await control.observe(bench.device)
    await control.observe(bench.device)
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))
    assert PASSWORD not in caplog.text
    assert PASSWORD not in repr(control.capabilities)


async def test_a_missing_secret_is_told_before_anything_is_sent(bench: EmulatedBench) -> None:
    bench.switch = with_cli(bench.switch, password="env:NOT_SET_ANYWHERE")
    with pytest.raises(AuthFailed, match="env:NOT_SET_ANYWHERE"):
        await bench.control(20).observe(bench.device)
    assert bench.sessions() == 0


async def test_a_closed_fleet_does_nothing(bench: EmulatedBench) -> None:
    fleet = SwitchFleet([bench.switch])
    await fleet.close()
    with pytest.raises(Unreachable):
        await PortDown(fleet).observe(bench.device)


@pytest.mark.parametrize(
    "key", ["", "ssh-ed25519", "ssh-ed25519 !!!", "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIA==", "a\nb c"]
)
async def test_a_host_key_that_is_none_is_refused_at_load(bench: EmulatedBench, key: str) -> None:
    with pytest.raises(DefinitionError, match="host_key"):
        SwitchFleet([with_cli(bench.switch, host_key=key)])


async def test_the_native_timer_is_declared_where_every_switch_has_it(tmp_path: Path) -> None:
    async with emulated_bench("juniper_junos", "switch", tmp_path) as junos:
        assert junos.control(20).capabilities.native_timer
        ios = with_cli(junos.switch, platform="cisco_ios").model_copy(update={"id": "sw-2"})
        async with SwitchFleet([junos.switch, ios]) as fleet:
            assert not PortDown(fleet).capabilities.native_timer


async def test_enable_is_asked_for_when_the_estate_has_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with emulated_bench("cisco_ios", "switch", tmp_path, enable="0pen") as bench:
        monkeypatch.setenv("SW_ENABLE", "0pen")
        bench.switch = with_cli(bench.switch, enable_secret="env:SW_ENABLE")
        control = bench.control(20)
        plan = await planned(bench, control)
        assert await control.apply(plan, soon()) == plan.after
        monkeypatch.setenv("SW_ENABLE", "wrong")
        with pytest.raises(AuthFailed, match="enable"):
            await bench.control(20).observe(bench.device)
