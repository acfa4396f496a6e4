"""Over SNMPv3 and a real switch: what the agent is told, the packets do."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from firebreak.contracts.controls import Control
from firebreak.domain.plan import Plan
from firebreak.errors import AuthFailed, OutcomeUnknown, StateDrifted, Unreachable
from integrations.network.locate import SiteLocator
from integrations.network.snmp.controls import SnmpPortDown, SnmpQuarantine
from integrations.network.snmp.finder import SnmpFinder
from integrations.network.snmp.fleet import SnmpFleet
from tests.peers.ovs import DEVICE_IP, DEVICE_MAC, DEVICE_QUARANTINE_IP, GATEWAY_IP, HUB_PORT
from tests.peers.snmpd import ENGINES, SnmpdPeer

pytestmark = [
    pytest.mark.peer("ovs"),
    pytest.mark.peer("snmpd"),
    pytest.mark.xdist_group("snmpd"),
]


@pytest.fixture
async def fleet(snmpd: SnmpdPeer) -> AsyncIterator[SnmpFleet]:
    async with SnmpFleet([snmpd.switch]) as opened:
        yield opened


@pytest.fixture
def restored(snmpd: SnmpdPeer) -> Iterator[SnmpdPeer]:
    """The agent, started again with its first engine ID whatever a test does to it."""
    yield snmpd
    snmpd.stop()
    snmpd.start(ENGINES[0])


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=20)


def quarantine(snmpd: SnmpdPeer, fleet: SnmpFleet) -> SnmpQuarantine:
    return SnmpQuarantine(fleet, {snmpd.ovs.site.id: snmpd.ovs.site})


async def planned(snmpd: SnmpdPeer, control: Control) -> Plan:
    return await control.plan(snmpd.ovs.device, {}, await control.observe(snmpd.ovs.device))


async def test_a_moved_port_reaches_quarantine_only_and_comes_back(
    snmpd: SnmpdPeer, fleet: SnmpFleet
) -> None:
    control, ovs = quarantine(snmpd, fleet), snmpd.ovs
    assert ovs.ping("dev", GATEWAY_IP)
    plan = await planned(snmpd, control)
    await control.apply(plan, soon())
    assert not ovs.ping("dev", GATEWAY_IP)
    assert ovs.ping("quar", DEVICE_QUARANTINE_IP)
    await control.revert(plan, soon())
    assert ovs.ping("dev", GATEWAY_IP)
    assert not ovs.ping("quar", DEVICE_QUARANTINE_IP)


async def test_a_shut_port_reaches_nothing_and_comes_back(
    snmpd: SnmpdPeer, fleet: SnmpFleet
) -> None:
    control, ovs = SnmpPortDown(fleet), snmpd.ovs
    plan = await planned(snmpd, control)
    await control.apply(plan, soon())
    assert not ovs.ping("prod", DEVICE_IP)
    assert not ovs.ping("quar", DEVICE_QUARANTINE_IP)
    await control.revert(plan, soon())
    assert ovs.ping("prod", DEVICE_IP)


async def test_other_ports_bits_that_change_meanwhile_are_left_alone(
    snmpd: SnmpdPeer, fleet: SnmpFleet
) -> None:
    control, ovs = quarantine(snmpd, fleet), snmpd.ovs
    plan = await planned(snmpd, control)
    await control.apply(plan, soon())
    ovs.vsctl("set", "port", "p3", "tag=20")
    await control.revert(plan, soon())
    assert (ovs.tag("p1"), ovs.tag("p3")) == (10, 20)


async def test_a_tagged_membership_added_by_someone_else_stops_a_revert(
    snmpd: SnmpdPeer, fleet: SnmpFleet
) -> None:
    control, ovs = quarantine(snmpd, fleet), snmpd.ovs
    plan = await planned(snmpd, control)
    await control.apply(plan, soon())
    ovs.vsctl("set", "port", "p1", "trunks=20,666", "vlan_mode=native-untagged")
    with pytest.raises(StateDrifted):
        await control.revert(plan, soon())
    assert ovs.tag("p1") == 666


async def test_a_wrong_authentication_key_is_told_as_such(snmpd: SnmpdPeer) -> None:
    key = snmpd.secret("stranger", "another-passphrase")
    async with SnmpFleet([snmpd.with_snmp(auth_key=key)]) as fleet:
        with pytest.raises(AuthFailed, match=r"(?i)digest") as caught:
            await SnmpPortDown(fleet).observe(snmpd.ovs.device)
    assert "another-passphrase" not in str(caught.value)


async def test_a_wrong_privacy_key_is_told_as_such_though_the_agent_only_falls_silent(
    snmpd: SnmpdPeer,
) -> None:
    key = snmpd.secret("stranger", "another-passphrase")
    async with SnmpFleet([snmpd.with_snmp(priv_key=key)]) as fleet:
        with pytest.raises(AuthFailed, match="priv") as caught:
            await SnmpPortDown(fleet).observe(snmpd.ovs.device)
    assert "another-passphrase" not in str(caught.value)


async def test_an_unknown_user_is_told_as_such(snmpd: SnmpdPeer) -> None:
    async with SnmpFleet([snmpd.with_snmp(user="nobody")]) as fleet:
        with pytest.raises(AuthFailed, match="nobody"):
            await SnmpPortDown(fleet).observe(snmpd.ovs.device)


async def test_a_user_without_a_write_view_is_told_so_and_changes_nothing(
    snmpd: SnmpdPeer,
) -> None:
    async with SnmpFleet([snmpd.with_snmp(user="reader")]) as fleet:
        control = quarantine(snmpd, fleet)
        plan = await planned(snmpd, control)
        with pytest.raises(AuthFailed, match="reader"):
            await control.apply(plan, soon())
    assert snmpd.ovs.tag("p1") == 10


async def test_an_agent_that_comes_back_with_another_engine_id_is_found_again(
    restored: SnmpdPeer, fleet: SnmpFleet
) -> None:
    control = quarantine(restored, fleet)
    plan = await planned(restored, control)
    restored.stop()
    restored.start(ENGINES[1])
    assert await control.apply(plan, soon()) == plan.after
    assert restored.ovs.tag("p1") == 666


async def test_an_agent_that_restarts_with_its_engine_id_is_found_again(
    restored: SnmpdPeer, fleet: SnmpFleet
) -> None:
    control = quarantine(restored, fleet)
    plan = await planned(restored, control)
    restored.stop()
    restored.start(ENGINES[0])
    assert await control.apply(plan, soon()) == plan.after


async def test_an_agent_that_is_gone_is_unreachable(restored: SnmpdPeer, fleet: SnmpFleet) -> None:
    control = quarantine(restored, fleet)
    plan = await planned(restored, control)
    restored.stop()
    with pytest.raises(Unreachable):
        await control.apply(plan, soon())


async def test_a_set_without_an_answer_is_never_called_done(
    snmpd: SnmpdPeer, fleet: SnmpFleet
) -> None:
    control = quarantine(snmpd, fleet)
    plan = await planned(snmpd, control)
    snmpd.arm("cut-after-write p1")
    with pytest.raises(OutcomeUnknown):
        await control.apply(plan, soon())
    snmpd.arm(None)
    assert (await control.observe(snmpd.ovs.device)).state == plan.after


async def test_two_devices_of_one_switch_do_not_undo_each_other(
    snmpd: SnmpdPeer, fleet: SnmpFleet
) -> None:
    first, ovs = quarantine(snmpd, fleet), snmpd.ovs
    ctl = ovs.device.model_validate(
        {
            **ovs.device.model_dump(by_alias=True),
            "id": "cam-18",
            "mac": "02:00:00:00:00:02",
            "ip": "192.0.2.2",
            "attached": {"switch": "ovs-1", "port": "p3"},
        }
    )
    plans = [
        await planned(snmpd, first),
        await first.plan(ctl, {}, await first.observe(ctl)),
    ]
    results = await asyncio.gather(*(first.apply(plan, soon()) for plan in plans))
    assert results == [plan.after for plan in plans]
    assert (ovs.tag("p1"), ovs.tag("p3")) == (666, 666)


async def test_the_locator_finds_the_device_by_its_mac_address(
    snmpd: SnmpdPeer, fleet: SnmpFleet
) -> None:
    locator = SiteLocator({"ovs-1": snmpd.switch}, [SnmpFinder(fleet)])
    place = await locator.locate(snmpd.ovs.device.model_copy(update={"attached": None}))
    assert place is not None
    assert (place.attached.port, place.confidence) == ("p1", "seen")


async def test_a_mac_table_holds_who_hangs_where(snmpd: SnmpdPeer, fleet: SnmpFleet) -> None:
    table = await SnmpFinder(fleet).table(snmpd.switch)
    ports = {sight.mac: sight.port for sight in table.sights}
    assert ports[DEVICE_MAC] == "p1"
    assert len([sight for sight in table.sights if sight.port == HUB_PORT]) == 2
