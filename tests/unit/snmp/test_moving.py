"""Moving a port by its bits: what is restored, what is left alone, and what is refused."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from firebreak.cyber_range.faults import Fault, FaultKind
from firebreak.domain.plan import Plan
from firebreak.errors import NotThere, OutcomeUnknown, Rejected
from integrations.network.snmp.controls import SnmpQuarantine
from integrations.network.snmp.fleet import SnmpFleet
from tests.unit.snmp.rack import Rack

PVID = "1.3.6.1.2.1.17.7.1.4.5.1.1"


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=10)


def mover(rack: Rack, fleet: SnmpFleet | None = None) -> SnmpQuarantine:
    return SnmpQuarantine(fleet or rack.fleet(), {"bench": rack.site})


async def planned(rack: Rack, control: SnmpQuarantine, port: str = "device") -> Plan:
    device = rack.device(port)
    return await control.plan(device, {}, await control.observe(device))


async def test_the_record_holds_the_ports_own_memberships_and_nobody_elses(rack: Rack) -> None:
    plan = await planned(rack, mover(rack))
    assert plan.before == {
        "switch": "sw-1",
        "port": rack.name("device"),
        "mode": "access",
        "vlan": 10,
        "admin": "up",
        "egress": [10],
        "untagged": [10],
        "dynamic": [],
    }
    assert plan.after["egress"] == plan.after["untagged"] == [666]


async def test_all_objects_travel_in_one_set(rack: Rack) -> None:
    control = mover(rack)
    await control.apply(await planned(rack, control), soon())
    assert len(rack.journal.effects()) == 1


async def test_an_agent_that_takes_one_object_at_a_time_is_served_in_the_safe_order(
    piecemeal: Rack,
) -> None:
    control = mover(piecemeal)
    plan = await planned(piecemeal, control)
    assert await control.apply(plan, soon()) == plan.after
    steps = [
        write.command.removeprefix("set 1.3.6.1.2.1.17.7.1.4.")
        for write in piecemeal.journal.effects()
    ]
    assert steps == ["3.1.2.666", "3.1.4.666", "5.1.1.1", "3.1.4.10", "3.1.2.10"]
    assert await control.revert(plan, soon()) == plan.before


async def test_a_refusal_half_way_is_rolled_back(piecemeal: Rack) -> None:
    control = mover(piecemeal)
    plan = await planned(piecemeal, control)
    piecemeal.agent.inject(Fault(FaultKind.REJECT_WRITE, match=PVID))
    with pytest.raises(Rejected, match="notWritable"):
        await control.apply(plan, soon())
    piecemeal.agent.clear()
    assert (await control.observe(piecemeal.device())).state == plan.before


async def test_an_end_half_way_is_unknown(piecemeal: Rack) -> None:
    control = mover(piecemeal)
    plan = await planned(piecemeal, control)
    piecemeal.agent.inject(Fault(FaultKind.DROP_AFTER_WRITE, match=PVID))
    with pytest.raises(OutcomeUnknown):
        await control.apply(plan, soon())


async def test_a_lost_answer_is_made_good_by_reading(rack: Rack) -> None:
    control = mover(rack)
    plan = await planned(rack, control)
    rack.agent.inject(Fault(FaultKind.DROP_AFTER_WRITE))
    work = asyncio.ensure_future(control.apply(plan, soon()))
    while not rack.journal.effects():
        await asyncio.sleep(0)
    rack.agent.clear()
    assert await work == plan.after
    assert len(rack.journal.effects()) == 1


async def test_bits_of_other_ports_that_change_meanwhile_are_left_alone(rack: Rack) -> None:
    control = mover(rack)
    plan = await planned(rack, control)
    await control.apply(plan, soon())
    other = rack.port("other")
    rack.network.configure(other, replace(other.config, vlan=666))
    await control.revert(plan, soon())
    assert (rack.vlan("device"), rack.vlan("other")) == (10, 666)


async def test_two_managers_of_one_switch_do_not_lose_each_others_bits(rack: Rack) -> None:
    ports = ("device", "other", "empty")
    movers = [mover(rack, rack.fleet()) for _ in ports]
    rack.network.unplug("node-17")  # so that it may be on any of them
    plans = [await planned(rack, movers[0], port) for port in ports]
    for _ in range(4):
        await asyncio.gather(*(m.apply(p, soon()) for m, p in zip(movers, plans, strict=True)))
        assert [rack.vlan(port) for port in ports] == [666] * 3
        members = rack.agent.shown("")
        await asyncio.gather(*(m.revert(p, soon()) for m, p in zip(movers, plans, strict=True)))
        assert [rack.vlan(port) for port in ports] == [10] * 3
    in_quarantine = members[1, 3, 6, 1, 2, 1, 17, 7, 1, 4, 3, 1, 2, 666]
    assert isinstance(in_quarantine, bytes)
    assert in_quarantine[0] & 0b10001100 == 0b10001100


async def test_a_session_of_8021x_in_another_vlan_is_refused(rack: Rack) -> None:
    rack.network.authorize("node-17", 20)
    with pytest.raises(Rejected, match=r"in VLAN 20 without being configured so"):
        await mover(rack).observe(rack.device())


async def test_a_move_that_8021x_overrides_is_not_called_done_and_can_be_undone(
    rack: Rack,
) -> None:
    control = mover(rack)
    plan = await planned(rack, control)
    rack.network.authorize("node-17", 10)
    seen = await control.apply(plan, soon())
    assert seen != plan.after
    assert seen["dynamic"] == [10]
    rack.network.authorize("node-17", None)
    assert await control.revert(plan, soon()) == plan.before


async def test_a_quarantine_vlan_that_is_not_there_is_refused(rack: Rack) -> None:
    rack.network.set_vlan(rack.state, 666, None)
    with pytest.raises(Rejected, match="666 is not on switch sw-1; create it"):
        await mover(rack).observe(rack.device())


async def test_a_switch_that_renumbers_its_interfaces_is_followed(rack: Rack) -> None:
    control = mover(rack)
    plan = await planned(rack, control)
    ports = rack.agent._objects._ports
    ports.append(ports.pop(0))
    assert await control.apply(plan, soon()) == plan.after
    assert [port.name for port in ports if port.config.vlan == 666] == [rack.name("device")]


async def test_a_silent_device_is_not_sighted(rack: Rack) -> None:
    rack.network.unplug("node-17")
    seen = await mover(rack).observe(rack.device())
    assert not seen.sighted


async def test_a_device_elsewhere_is_not_there_and_where_is_told(rack: Rack) -> None:
    with pytest.raises(NotThere, match=rack.name("device")):
        await mover(rack).observe(rack.device("other"))


async def test_a_cisco_port_is_moved_by_vmvlan(cisco: Rack) -> None:
    control = mover(cisco)
    plan = await planned(cisco, control)
    assert plan.target == "sw-1 Gi0/1"
    assert await control.apply(plan, soon()) == plan.after
    assert cisco.vlan() == 666
    assert await control.revert(plan, soon()) == plan.before


async def test_a_plan_of_another_mib_is_refused(rack: Rack, cisco: Rack) -> None:
    plan = await planned(cisco, mover(cisco))
    with pytest.raises(Rejected, match="no switch port state"):
        await mover(rack).apply(plan, soon())
