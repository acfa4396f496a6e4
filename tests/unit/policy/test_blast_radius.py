"""Caps in devices: of whom a percentage is, what it comes to, and what an effect counts in."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from firebreak.domain.device import Attachment, Device
from firebreak.domain.limits import Cap, Limits, Usage
from firebreak.errors import DefinitionError
from firebreak.policy.blast_radius import BlastRadius
from integrations.inventory.yaml_file import YamlInventory
from tests.workflows.site import MemoryInventory, MemorySite, camera

ESTATE = """\
sites:
  - {id: plant-1, quarantine_vlan: 999, sentinel: {id: s, method: icmp, control: 10.20.0.1}}
devices:
  - {id: cam-17, mac: '02:00:00:00:00:17', site: plant-1, class: ip-camera}
"""


def radius(limits: Limits, *devices: Device) -> BlastRadius:
    return BlastRadius(lambda: limits, MemoryInventory(MemorySite.of(*devices)))


def fleet(count: int) -> list[Device]:
    return [camera(number) for number in range(count)]


@pytest.mark.parametrize(
    ("percent", "devices", "room"),
    [(25, 20, 5), (25, 19, 4), (10, 9, 1), (10, 0, 1), (0, 1000, 0), (0.5, 1000, 5), (100, 3, 3)],
)
def test_a_percentage_is_rounded_down_and_at_least_one_unless_it_is_nothing(
    percent: float, devices: int, room: int
) -> None:
    assert Cap(at_once_percent=percent).room("site/x", devices).at_once == room


@given(st.integers(0, 50), st.floats(0, 100), st.integers(0, 10_000))
def test_of_a_number_and_a_percentage_the_smaller_counts(
    number: int, percent: float, devices: int
) -> None:
    both = Cap(per_hour=number, per_hour_percent=percent).room("site/x", devices).per_hour
    alone = Cap(per_hour_percent=percent).room("site/x", devices).per_hour
    assert both is not None
    assert alone is not None
    assert both == min(number, alone)
    assert alone <= max(1, devices * percent / 100)


def test_without_a_section_a_flood_of_alerts_stops_at_a_quarter_of_a_site() -> None:
    for devices, expected in ((4, 1), (20, 5), (1000, 20)):
        (site, *_) = radius(Limits(), *fleet(devices)).filled(())
        assert (site.scope, site.at_once_cap, site.per_hour_cap) == ("site/plant-1", expected, 30)


def test_an_effect_counts_where_the_device_was_found_not_where_it_is_listed() -> None:
    there = Attachment(switch="sw-1", port="Gi1/0/3")
    device = camera(17, attached=there.to_json(), redundancy_group="gate")
    limits = Limits(switch=Cap(at_once=2), only={"switch/sw-9": Cap(at_once=1)})
    blast = radius(limits, device, *fleet(7))
    taken = blast.reservation(device, step="contain", hold="hold/x", switch="sw-9")
    assert [(room.scope, room.at_once) for room in taken.rooms] == [
        ("site/plant-1", 2),
        ("class/ip-camera", None),
        ("switch/sw-9", 1),
        ("group/gate", 1),
    ]
    listed = blast.reservation(device, step="contain", hold="hold/x", switch=None)
    assert ("switch/sw-1", 2) in [(room.scope, room.at_once) for room in listed.rooms]


def test_what_is_full_is_said_to_be_and_use_without_a_cap_is_shown_too() -> None:
    usage = [
        Usage(scope="site/plant-1", at_once=5, last_hour=7),
        Usage(scope="class/ip-camera", at_once=5, last_hour=7),
    ]
    found = {one.scope: one for one in radius(Limits(), *fleet(20)).filled(usage)}
    assert (found["site/plant-1"].full, found["class/ip-camera"].full) == (True, False)
    assert found["class/ip-camera"].devices == 20


@pytest.mark.parametrize(
    "wrong",
    [
        "limits: {site: {}}",
        "limits: {site: {at_once: -1}}",
        "limits: {site: {at_once_percent: 101}}",
        "limits: {sites: {at_once: 1}}",
        "limits: {only: {plant-1: {at_once: 1}}}",
        "limits: {only: {'site/': {at_once: 1}}}",
    ],
)
def test_limits_that_would_not_do_what_they_seem_to_are_refused(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / "estate.yaml"
    path.write_text(f"{ESTATE}{wrong}\n")
    with pytest.raises(DefinitionError, match=r"estate\.yaml:\d+: limits"):
        YamlInventory.load(path)


def test_the_caps_follow_the_estate_file(tmp_path: Path) -> None:
    path = tmp_path / "estate.yaml"
    path.write_text(ESTATE)
    inventory = YamlInventory.load(path)
    blast = BlastRadius(lambda: inventory.estate.limits, inventory)
    assert blast.filled(())[0].at_once_cap == 1
    path.write_text(f"{ESTATE}limits: {{site: null, device_class: {{at_once: 3}}}}\n")
    inventory.refresh()
    assert [(one.scope, one.at_once_cap) for one in blast.filled(())] == [("class/ip-camera", 3)]


def test_a_cap_that_caps_nothing_is_a_mistake() -> None:
    with pytest.raises(ValidationError):
        Cap()
