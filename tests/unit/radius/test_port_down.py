"""A port shut over RADIUS is seen to be down over another road, and brought up over it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firebreak.cyber_range.nas_faults import NasFault, NasFaultKind
from firebreak.errors import CapabilityMissing, NotThere, OutcomeUnknown
from integrations.network.cli.fleet import SwitchFleet
from integrations.network.radius.cli_ports import CliPorts
from integrations.network.radius.client import DynamicAuthorization
from integrations.network.radius.port_down import RadiusPortDown
from tests.conformance.radius_benches import PortDownBench, port_down_bench
from tests.unit.radius.site import soon


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[PortDownBench]:
    async with port_down_bench(tmp_path) as opened:
        yield opened


def one_way(bench: PortDownBench) -> RadiusPortDown:
    """Reads the port, and nobody brings it up again."""
    fleet = SwitchFleet([bench.emulated.switch], threads=1)
    bench.fleets.append(fleet)
    return RadiusPortDown(bench.client, CliPorts(fleet))


async def test_without_a_way_back_the_plan_says_so(bench: PortDownBench) -> None:
    control = one_way(bench)
    assert control.capabilities.reversible is False
    plan = await control.plan(bench.device, {}, await control.observe(bench.device))
    assert (plan.reversible, plan.way_back) == (False, None)
    assert "CANNOT be undone" in plan.summary
    assert plan.risk == "high"
    assert await control.apply(plan, soon()) == plan.after
    with pytest.raises(CapabilityMissing, match="bring"):
        await control.revert(plan, soon())


async def test_a_device_not_seen_on_its_port_is_not_acted_on(bench: PortDownBench) -> None:
    bench.emulated.emulated.chassis.network.unplug("node-17")
    with pytest.raises(NotThere, match="may be another one"):
        await bench.control(10.0).observe(bench.device)


async def test_a_shut_port_can_be_looked_at(bench: PortDownBench) -> None:
    control = bench.control(10.0)
    plan = await control.plan(bench.device, {}, await control.observe(bench.device))
    await control.apply(plan, soon())
    seen = await control.observe(bench.device)
    assert seen.state == plan.after
    assert seen.sighted is False


async def test_an_ack_for_another_port_is_unknown(bench: PortDownBench) -> None:
    control = bench.control(10.0)
    plan = await control.plan(bench.device, {}, await control.observe(bench.device))
    bench.emulated.emulated.chassis.network.plug(
        bench.emulated.emulated.chassis.network.node("node-17"),
        "sw-1",
        bench.emulated.port("other"),
    )
    with pytest.raises(OutcomeUnknown, match="agreed to shut the port of the session"):
        await control.apply(plan, soon())


async def test_an_ack_without_an_effect_is_unknown(bench: PortDownBench) -> None:
    control = bench.control(10.0)
    plan = await control.plan(bench.device, {}, await control.observe(bench.device))
    bench.nas.faults.inject(NasFault(NasFaultKind.LIE))
    with pytest.raises(OutcomeUnknown):
        await control.apply(plan, soon())


async def test_a_switch_that_does_not_take_the_command_is_not_served(bench: PortDownBench) -> None:
    switch = bench.client.switches["sw-1"]
    assert switch.radius is not None
    deaf = switch.model_copy(
        update={"radius": switch.radius.model_copy(update={"disable_port": False})}
    )
    fleet = SwitchFleet([switch], threads=1)
    bench.fleets.append(fleet)
    control = RadiusPortDown(DynamicAuthorization({"sw-1": deaf}), CliPorts(fleet))
    assert "disable_port" in control.serves(bench.device)


async def test_a_switch_whose_ports_nobody_reads_is_not_served(bench: PortDownBench) -> None:
    fleet = SwitchFleet([], threads=1)
    bench.fleets.append(fleet)
    control = RadiusPortDown(bench.client, CliPorts(fleet))
    assert "nothing here reads the ports" in control.serves(bench.device)
