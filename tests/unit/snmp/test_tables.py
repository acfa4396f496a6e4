"""Where a MAC address is, what a port is called, and who is an uplink."""

from collections.abc import Sequence

import pytest

from firebreak.cyber_range.network import Node, PortConfig, SwitchState
from firebreak.errors import Rejected
from integrations.network.locate import SiteLocator
from integrations.network.snmp.agent import Line
from integrations.network.snmp.finder import SnmpFinder
from integrations.network.snmp.interfaces import Interface, Interfaces
from integrations.network.snmp.mib import (
    LLDP_LOCAL_ID,
    LLDP_REMOTE_ABLE,
    LLDP_REMOTE_CHASSIS,
    Oid,
)
from integrations.network.snmp.tables import Learned, interfaces, mac_table, neighbors
from tests.unit.snmp.rack import MAC, Rack

PORTS = Interfaces(
    [
        Interface(101, "Gi0/1", "GigabitEthernet0/1", 1),
        Interface(102, "Gi0/2", "GigabitEthernet0/2", 2),
        Interface(1, "Vl1", "Vlan1"),
        Interface(7, "twin", "twin"),
        Interface(8, "Twin", "twin"),
    ],
    "sw-1",
)


@pytest.mark.parametrize("text", ["Gi0/2", "gi0/2", "GigabitEthernet0/2", "2", " Gi0/2 "])
def test_a_port_is_known_by_its_names_and_its_bridge_port_number(text: str) -> None:
    assert PORTS.resolve(text).index == 102


@pytest.mark.parametrize(("text", "why"), [("Gi0/9", "does not know"), ("102", "does not know"),
                                           ("twin", "several"), ("", "does not know")])  # fmt: skip
def test_what_means_no_port_or_several_is_refused(text: str, why: str) -> None:
    with pytest.raises(Rejected, match=why):
        PORTS.resolve(text)


async def test_a_row_of_the_mac_table_names_the_port_and_maps_the_fdb_to_its_vlan(
    rack: Rack,
) -> None:
    fleet = rack.fleet()

    async def look(line: Line) -> tuple[Learned, ...]:
        return await mac_table(line, await interfaces(line))

    rows = await fleet.run("sw-1", look, fleet.fence())
    assert Learned(MAC, rack.name("device"), 10) in rows
    assert len(rows) == 3


async def test_a_cisco_switch_is_asked_for_each_vlan(cisco: Rack) -> None:
    cisco.network.plug(Node("lab", "02:00:00:00:00:20", "10.20.0.20", 20), "sw-1", "Gi0/6")
    port = cisco.port("empty")
    cisco.network.configure(port, PortConfig(vlan=20))
    fleet = cisco.fleet()

    async def look(line: Line) -> tuple[Learned, ...]:
        return await mac_table(line, await interfaces(line))

    rows = await fleet.run("sw-1", look, fleet.fence())
    assert Learned(MAC, "Gi0/1", 10) in rows
    assert Learned("02:00:00:00:00:20", "Gi0/6", 20) in rows


async def test_a_port_with_a_switch_behind_it_is_a_neighbors(rack: Rack) -> None:
    table = await SnmpFinder(rack.fleet()).table(rack.switch)
    assert table.neighbors == {rack.name("trunk")}


async def test_a_device_behind_another_switch_is_not_found_on_the_uplink(rack: Rack) -> None:
    far = SwitchState("sw-2", "aruba_aoscx", {10: "cams"}, {
        "1/1/1": PortConfig(vlan=10), "1/1/2": PortConfig(mode="trunk")})  # fmt: skip
    rack.network.add_switch(far)
    rack.network.plug(rack.network.node("node-17"), "sw-2", "1/1/1")
    finder = SnmpFinder(rack.fleet())
    table = await finder.table(rack.switch)
    assert rack.name("trunk") in {sight.port for sight in table.sights if sight.mac == MAC}
    locator = SiteLocator({"sw-1": rack.switch}, [finder])
    assert await locator.locate(rack.device(attached=None)) is None


async def test_the_locator_finds_a_device_that_has_moved(rack: Rack) -> None:
    rack.network.plug(rack.network.node("node-17"), "sw-1", rack.name("other"))
    place = await SiteLocator({"sw-1": rack.switch}, [SnmpFinder(rack.fleet())]).locate(
        rack.device()
    )
    assert place is not None
    assert (place.attached.port, place.confidence) == (rack.name("other"), "seen")


class Lldp:
    """A line that has read some LLDP objects."""

    def __init__(self, chassis: bytes, able: bytes | None, local: bytes | None = None) -> None:
        self._columns = {
            LLDP_REMOTE_CHASSIS: {(0, 2, 1): chassis},
            LLDP_REMOTE_ABLE: {} if able is None else {(0, 2, 1): able},
            LLDP_LOCAL_ID: {} if local is None else {(2,): local},
        }

    async def walk(self, *columns: Oid) -> Sequence[object]:
        return [self._columns[column] for column in columns]


CAMERA = bytes.fromhex(MAC.replace(":", ""))


@pytest.mark.parametrize(
    ("able", "macs", "found"),
    [
        (b"\x20", [], True),  # a bridge
        (b"\x10", [MAC], True),  # an access point
        (b"\x04", [MAC], True),  # a telephone has a second port
        (b"\x01", [MAC], False),  # a station
        (None, [MAC], False),  # says nothing, and is the only one there
        (b"\x00", [MAC], False),
        (None, [MAC, "02:00:00:00:00:18"], True),
        (None, [], True),
    ],
)
async def test_who_forwards_frames_is_told_from_a_device_that_speaks_lldp(
    able: bytes | None, macs: list[str], found: bool
) -> None:
    rows = [Learned(mac, "Gi0/2") for mac in macs]
    seen = await neighbors(Lldp(CAMERA, able), PORTS, rows)  # type: ignore[arg-type] # all it asks
    assert seen == ({"Gi0/2": MAC} if found else {})


async def test_an_lldp_port_that_says_its_name_is_believed_over_its_number() -> None:
    line = Lldp(CAMERA, b"\x20", b"GigabitEthernet0/1")
    assert await neighbors(line, PORTS, []) == {"Gi0/1": MAC}  # type: ignore[arg-type] # all it asks
