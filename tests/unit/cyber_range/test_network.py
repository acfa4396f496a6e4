import json
from pathlib import Path

import pytest

from firebreak.cyber_range.dialects import pipes
from firebreak.cyber_range.grammar import Found, Grammar, Rule, Wrong, mac_address, vlan_id
from firebreak.cyber_range.journal import Journal, Write
from firebreak.cyber_range.network import Network, Node, PortConfig, SwitchState
from firebreak.cyber_range.plant import BADGE_READER, BOT, build
from firebreak.cyber_range.ports import canonical
from firebreak.domain.estate import Platform

VLANS = {1: "default", 10: "PLANT", 666: "QUARANTINE"}


def network() -> Network:
    net = Network()
    for name in ("a", "b"):
        ports = {f"Ethernet{n}": PortConfig(vlan=10) for n in (1, 2)}
        ports["Ethernet3"] = PortConfig(mode="trunk")
        net.add_switch(SwitchState(name, "arista_eos", VLANS, ports))
    net.plug(Node("cam", "02:00:00:00:00:01", "10.20.0.11", 10), "a", "Et1")
    return net


def test_a_mac_is_seen_on_its_port_and_behind_the_uplink_elsewhere() -> None:
    net = network()
    assert [row.port for row in net.mac_table(net.switches["a"])] == ["Ethernet1"]
    assert [row.port for row in net.mac_table(net.switches["b"])] == ["Ethernet3"]


def test_a_port_that_is_down_learns_nothing() -> None:
    net = network()
    port = net.switches["a"].ports["Ethernet1"]
    net.configure(port, PortConfig(vlan=10, up=False))
    assert net.mac_table(net.switches["a"]) == ()
    assert not net.reachable("cam")


def test_observers_hear_of_the_device_whose_port_changed() -> None:
    net = network()
    heard: list[str] = []
    net.observe(heard.append)
    net.configure(net.switches["a"].ports["Ethernet1"], PortConfig(vlan=666))
    net.configure(net.switches["a"].ports["Ethernet2"], PortConfig(vlan=666))
    assert heard == ["cam"]


def test_a_reboot_loses_what_was_not_saved() -> None:
    net = network()
    switch = net.switches["a"]
    net.configure(switch.ports["Ethernet1"], PortConfig(vlan=666))
    net.save(switch)
    net.configure(switch.ports["Ethernet1"], PortConfig(vlan=10))
    net.reboot(switch)
    assert switch.ports["Ethernet1"].config.vlan == 666


def test_plugging_into_nothing_is_an_error() -> None:
    with pytest.raises(KeyError):
        network().plug(Node("x", "02:00:00:00:00:02", "10.20.0.12", 10), "a", "Et9")


@pytest.mark.parametrize(
    ("platform", "text", "name"),
    [
        ("cisco_ios", "gi0/3", "GigabitEthernet0/3"),
        ("cisco_ios", "GigabitEthernet 0/3", "GigabitEthernet0/3"),
        ("cisco_xe", "Gig1/0/3", "GigabitEthernet1/0/3"),
        ("cisco_ios", "Te0/3", None),
        ("cisco_ios", "0/3", None),
        ("cisco_ios", "Gi0/3; reload", None),
        ("arista_eos", "et3", "Ethernet3"),
        ("cisco_nxos", "e1/3", "Ethernet1/3"),
        ("juniper_junos", "ge-0/0/3", "ge-0/0/3"),
        ("juniper_junos", "xe-0/0/3", None),
        ("aruba_aoscx", "1/1/3", "1/1/3"),
        ("aruba_aoscx", "lag1", None),
    ],
)
def test_ports_have_one_name_whatever_the_spelling(
    platform: Platform, text: str, name: str | None
) -> None:
    assert canonical(platform, text) == name


GRAMMAR = Grammar(
    [
        Rule("show vlan brief", lambda _: "brief"),
        Rule("switchport access vlan <vlan>", lambda a: f"vlan {a['vlan']}"),
        Rule("description <text>", lambda a: str(a["text"])),
    ],
    {"vlan": vlan_id, "mac": mac_address},
)


@pytest.mark.parametrize(
    ("line", "result"),
    [
        ("sh vl br", "brief"),
        ("SHOW VLAN BRIEF", "brief"),
        ("sw acc vl 666", "vlan 666"),
        ("description the  north gate", "the  north gate"),
    ],
)
def test_commands_may_be_abbreviated(line: str, result: str) -> None:
    found = GRAMMAR.parse(line)
    assert isinstance(found, Found)
    assert found() == result


@pytest.mark.parametrize(
    ("line", "column", "incomplete"),
    [
        ("show clock", 5, False),
        ("show vlan brief now", 16, False),
        ("switchport access vlan 4095", 23, False),
        ("switchport access vlan", 22, True),
        ("show", 4, True),
        ("reload", 0, False),
    ],
)
def test_a_mistake_is_shown_where_it_stands(line: str, column: int, *, incomplete: bool) -> None:
    wrong = GRAMMAR.parse(line)
    assert isinstance(wrong, Wrong)
    assert (wrong.column, wrong.incomplete) == (column, incomplete)


def test_output_filters_do_what_they_say() -> None:
    output = "one\ntwo\nthree\n"
    assert pipes.filtered(output, ["include t"]) == "two\nthree\n"
    assert pipes.filtered(output, ["exclude t"]) == "one\n"
    assert pipes.filtered(output, ["begin two", "include three"]) == "three\n"
    assert pipes.filtered(output, ["tee flash:x"]) is None
    assert pipes.filtered(output, ["include ("]) is None


def test_the_journal_outlives_a_crash_in_the_middle_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    first = Journal(path)
    write = Write("sw-1", "s", "ops", "config", "shutdown", "Gi0/1", {"up": True}, {"up": False})
    kept = first.append(write)
    first.close()
    with path.open("a") as file:
        file.write('{"switch": "sw-1", "sess')
    second = Journal(path)
    assert second.writes() == (kept,)
    second.append(write)
    second.close()
    assert [json.loads(line)["seq"] for line in path.read_text().splitlines()] == [1, 2]


def test_an_effect_sent_twice_counts_twice_even_if_it_changed_nothing() -> None:
    journal = Journal()
    same = {"vlan": 666}
    for _ in range(2):
        journal.append(Write("sw-1", "s", "ops", "config", "x", "Gi0/1", same, same))
    journal.append(Write("sw-1", "s", "ops", "save", "save"))
    assert len(journal.effects(port="Gi0/1")) == 2
    assert not any(effect.changed for effect in journal.effects())


def test_a_plant_is_the_same_for_the_same_seed_and_plausible() -> None:
    plants = [build(200, 8, ("cisco_ios", "juniper_junos"), seed=3) for _ in range(2)]
    devices = [[p.device for p in plant.placed] for plant in plants]
    assert devices[0] == devices[1]
    assert devices[0] != [p.device for p in build(200, 8, ("cisco_ios",), seed=4).placed]
    classes = [d.device_class for d in devices[0]]
    assert classes.count(BADGE_READER.device_class) == 1
    assert {"ip-camera", "plc", "sensor", "gateway"} < set(classes)
    for device in devices[0]:
        if device.device_class == "plc":
            assert (device.criticality, device.safety) == ("critical", "protective")
    places = [(d.attached.switch, d.attached.port) for d in devices[0] if d.attached]
    assert len(set(places)) == 200
    uplinks = set(plants[0].uplinks.items())
    assert not uplinks & set(places)


@pytest.mark.parametrize("devices", [1, 2, 6, 7, 20, 500, 5000])
def test_the_bot_is_always_there(devices: int) -> None:
    placed = build(devices, 3, ("cisco_ios",), seed=17).placed
    assert len({p.device.ip for p in placed}) == devices
    assert [p.device.id for p in placed if p.device.ip == f"10.20.0.{BOT}"] == [f"cam-{BOT}"]


def test_an_impossible_plant_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        build(0, 1, ("cisco_ios",), seed=1)
    with pytest.raises(ValueError, match="ovs_linux"):
        build(1, 1, ("ovs_linux",), seed=1)
