from firebreak.cyber_range.devices import GATEWAY, loopback
from firebreak.cyber_range.network import PortConfig
from firebreak.cyber_range.site import BOT, Range
from tests.unit.cyber_range.operators import Operator, sound, sounding


async def test_every_device_and_the_gateway_answer_at_first(site: Range) -> None:
    assert await sounding(loopback(GATEWAY), site.port) == "open"
    for device in site.estate().devices:
        assert await sound(site, device.id) == "open"


async def test_a_device_in_another_vlan_is_silent_and_not_refused(site: Range) -> None:
    place = site.estate().devices[0].attached
    async with Operator(site, "sw-1") as operator:
        await operator.configure("Gi0/3", "switchport access vlan 666")
    assert place is not None
    assert await sound(site, BOT) == "silent"
    assert await sounding(loopback(GATEWAY), site.port) == "open"


async def test_a_device_comes_back_with_its_vlan(site: Range) -> None:
    async with Operator(site, "sw-1") as operator:
        await operator.configure(
            "Gi0/3", "switchport access vlan 666", "switchport access vlan 110"
        )
    assert await sound(site, BOT) == "open"


async def test_shutdown_silences_and_no_shutdown_restores(site: Range) -> None:
    async with Operator(site, "sw-1") as operator:
        await operator.configure("Gi0/3", "shutdown")
        assert await sound(site, BOT) == "silent"
        await operator.say("configure terminal")
        await operator.say("interface Gi0/3")
        await operator.say("no shutdown")
    assert await sound(site, BOT) == "open"


async def test_a_trunk_is_not_production_access(site: Range) -> None:
    async with Operator(site, "sw-1") as operator:
        await operator.configure("Gi0/3", "switchport mode trunk")
    assert await sound(site, BOT) == "silent"


async def test_a_device_without_its_vlan_on_the_switch_is_silent(site: Range) -> None:
    async with Operator(site, "sw-1") as operator:
        await operator.enable()
        await operator.say("configure terminal")
        await operator.say("no vlan 110")
    assert await sound(site, BOT) == "silent"


async def test_an_unplugged_device_is_silent_until_it_is_plugged_in_again(site: Range) -> None:
    site.network.unplug(BOT)
    assert await sound(site, BOT) == "silent"
    site.network.plug(site.network.node(BOT), "sw-2", "Gi0/9")
    assert await sound(site, BOT) == "silent"  # that port is in VLAN 1
    port = site.network.switches["sw-2"].ports["GigabitEthernet0/9"]
    site.network.configure(port, PortConfig(vlan=110))
    assert await sound(site, BOT) == "open"
