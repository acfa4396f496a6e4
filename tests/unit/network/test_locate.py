"""A device is found by what the switches of its site have seen, or a person is asked to look."""

import asyncio

import pytest

from firebreak.domain.device import Attachment, Device
from firebreak.domain.estate import SnmpAccess, Switch
from firebreak.errors import InterlockEngaged, Unreachable
from integrations.network.locate import Finder, MacTable, Sight, SiteLocator

MAC = "02:00:00:00:00:17"
ACCESS = SnmpAccess(host="192.0.2.1", user="u", auth_key="env:A", priv_key="env:P")


def switch(name: str, site: str = "plant", **more: object) -> Switch:
    values = {"id": name, "site": site, "snmp": ACCESS, **more}
    return Switch.model_validate(values)


def device(port: str | None = "Gi1/0/3") -> Device:
    attached = Attachment(switch="sw-1", port=port) if port else None
    return Device.model_validate(
        {"id": "cam-17", "mac": MAC, "site": "plant", "class": "ip-camera", "attached": attached}
    )


class Tables:
    """A finder over tables that a test wrote."""

    road = "test"

    def __init__(self, tables: dict[str, MacTable]) -> None:
        self.tables = tables
        self.reads = 0
        self.silent: set[str] = set()

    def serves(self, switch: Switch) -> bool:
        return switch.id in self.tables or switch.id in self.silent

    async def table(self, switch: Switch) -> MacTable:
        self.reads += 1
        if switch.id in self.silent:
            raise Unreachable("nobody answers")
        await asyncio.sleep(0)
        return self.tables[switch.id]

    def canonical(self, switch: Switch, port: str) -> str:
        del switch
        return port.replace("Gi", "GigabitEthernet")


def table(*sights: tuple[str, str], neighbors: tuple[str, ...] = ()) -> MacTable:
    return MacTable(tuple(Sight(mac, port) for mac, port in sights), frozenset(neighbors))


def locator(finder: Finder, *more: Switch) -> SiteLocator:
    switches = [switch("sw-1"), switch("sw-2"), switch("sw-x", site="other"), *more]
    return SiteLocator({s.id: s for s in switches}, [finder])


async def test_the_inventory_is_confirmed_in_its_own_spelling() -> None:
    finder = Tables({"sw-1": table((MAC, "GigabitEthernet1/0/3")), "sw-2": table()})
    found = await locator(finder).locate(device())
    assert found is not None
    assert found.attached == device().attached
    assert found.confidence == "seen"
    assert any("2 of 2 switches" in line for line in found.evidence)


async def test_a_moved_device_is_found_on_another_switch() -> None:
    finder = Tables({"sw-1": table(), "sw-2": table((MAC, "GigabitEthernet1/0/9"))})
    found = await locator(finder).locate(device())
    assert found is not None
    assert found.attached == Attachment(switch="sw-2", port="GigabitEthernet1/0/9")


async def test_uplinks_neighbors_and_crowded_ports_are_no_places() -> None:
    crowd = [(f"02:00:00:00:01:{n:02x}", "GigabitEthernet1/0/7") for n in range(9)]
    finder = Tables(
        {
            "sw-1": table((MAC, "GigabitEthernet1/0/48")),
            "sw-2": table(*crowd, (MAC, "GigabitEthernet1/0/7")),
            "sw-3": table((MAC, "GigabitEthernet1/0/1"), neighbors=("GigabitEthernet1/0/1",)),
        }
    )
    uplinked = switch("sw-1", uplinks=("Gi1/0/48",))
    found = await locator(finder, uplinked, switch("sw-3")).locate(device())
    assert found is not None
    assert found.confidence == "inventory"


async def test_two_ports_that_claim_one_address_stop_it() -> None:
    finder = Tables({"sw-1": table((MAC, "A1")), "sw-2": table((MAC, "B7"))})
    with pytest.raises(InterlockEngaged, match="sw-1 A1, sw-2 B7"):
        await locator(finder).locate(device())


async def test_a_silent_switch_is_named_in_the_evidence_and_does_not_stop_it() -> None:
    finder = Tables({"sw-1": table((MAC, "GigabitEthernet1/0/3"))})
    finder.silent.add("sw-2")
    found = await locator(finder).locate(device())
    assert found is not None
    assert any(
        "1 of 2" in line and "sw-2 (test: nobody answers)" in line for line in found.evidence
    )


async def test_a_device_nobody_knows_of_is_nowhere() -> None:
    finder = Tables({"sw-1": table(), "sw-2": table()})
    assert await locator(finder).locate(device(port=None)) is None


async def test_a_burst_reads_each_table_once() -> None:
    finder = Tables({"sw-1": table((MAC, "A1")), "sw-2": table()})
    site = locator(finder)
    await asyncio.gather(*(site.locate(device()) for _ in range(50)))
    assert finder.reads == 2


async def test_a_dead_switch_is_not_asked_again_at_once() -> None:
    finder = Tables({"sw-1": table((MAC, "A1"))})
    finder.silent.add("sw-2")
    site = locator(finder)
    for _ in range(3):
        await site.locate(device())
    assert finder.reads == 2
