"""Where RADIUS is a road, and the sentence why not where it is none."""

from dataclasses import dataclass, field
from datetime import datetime

import pytest

from firebreak.contracts.controls import Observation
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device
from firebreak.errors import NotThere, Rejected
from tests.unit.radius.site import MAC, RadiusSite, RangeWitness, soon


@dataclass
class Ports:
    """A port reader that says how it goes."""

    refuses: str = ""
    switches: tuple[str, ...] = ("sw-1",)
    secrets: tuple[str, ...] = ()
    observed: list[Device] = field(default_factory=list)

    def reads(self, switch: str) -> bool:
        return switch in self.switches

    async def observe(self, device: Device) -> Observation:
        self.observed.append(device)
        if self.refuses:
            raise Rejected(self.refuses)
        return Observation(target="sw-1 p", state={}, evidence=("alone on its port",))

    async def read(self, state: JsonObject) -> JsonObject:
        return state

    async def write(self, known: JsonObject, wanted: JsonObject, send_by: datetime) -> JsonObject:
        raise AssertionError((known, wanted, send_by))


def test_a_site_with_a_source_is_served(site: RadiusSite) -> None:
    assert site.control().serves(site.device()) == ""
    assert site.control(vlan="coa").serves(site.device()) == ""


def test_a_device_that_is_nowhere_may_be_found(site: RadiusSite) -> None:
    assert site.control().serves(site.device(switch=None)) == ""


async def test_a_device_that_is_nowhere_is_not_asked_for(site: RadiusSite) -> None:
    with pytest.raises(NotThere):
        await site.control().observe(site.device(switch=None))


def test_a_switch_without_radius_is_not_served(site: RadiusSite) -> None:
    reason = site.control().serves(site.device(switch="sw-9"))
    assert reason == "switch sw-9 has no `radius` entry in the estate"


def test_policy_needs_a_source(site: RadiusSite) -> None:
    reason = site.control(source=False).serves(site.device())
    assert "has no `authorization`" in reason


def test_coa_alone_needs_a_witness(site: RadiusSite) -> None:
    assert "could not be read back" in site.control(source=False, vlan="coa").serves(site.device())
    seen = site.control(source=False, vlan="coa", witness=RangeWitness(site.nas))
    assert seen.serves(site.device()) == ""


def test_bouncing_a_port_needs_to_know_who_hangs_on_it(site: RadiusSite) -> None:
    bounce = "bounce-port"
    assert "who else" in site.control(reauthenticate=bounce).serves(site.device())
    elsewhere = site.control(reauthenticate=bounce, ports=Ports(switches=()))
    assert "who else" in elsewhere.serves(site.device())
    assert site.control(reauthenticate=bounce, ports=Ports()).serves(site.device()) == ""


async def test_a_port_with_several_devices_is_not_bounced(site: RadiusSite) -> None:
    ports = Ports(refuses="3 MAC addresses, more than max_macs")
    control = site.control(reauthenticate="bounce-port", ports=ports)
    with pytest.raises(Rejected, match="max_macs"):
        await site.seen(control)
    assert site.commands() == []


async def test_a_port_of_one_device_is_bounced(site: RadiusSite) -> None:
    control = site.control(reauthenticate="bounce-port", ports=Ports())
    plan = await site.planned(control)
    assert "alone on its port" in plan.evidence
    assert plan.risk == "medium"
    assert await control.apply(plan, soon()) == plan.after
    assert site.commands() == ["CoA-Request bounce-host-port"]
    assert site.vlan() == site.policy.vlan(MAC)


def test_the_secrets_of_all_parts_are_declared(site: RadiusSite) -> None:
    secrets = site.control().capabilities.secrets
    assert secrets == ("env:RANGE_SOURCE", site.access.secret)
