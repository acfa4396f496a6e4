"""What a hold of another response is worth, by where the device is seen now."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from activities.control import ControlRunner
from activities.witness import Witness
from activities.world import World
from firebreak.contracts.controls import Capabilities, Observation, Place
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Attachment, Device
from firebreak.domain.people import Principal
from firebreak.domain.plan import Outcome, OutcomeKind, Plan, ProbeReport, Reach
from firebreak.domain.record import Kind, NewEntry
from firebreak.domain.step import Ask
from firebreak.ledger.store import SqlLedger
from firebreak.playbook.catalogue import SHIPPED
from firebreak.policy.blast_radius import BlastRadius
from tests.workflows.policy import Rules
from tests.workflows.site import MemoryInventory, MemorySite, camera

FIRST = Attachment(switch="sw-1", port="Gi0/1")
OTHER = Attachment(switch="sw-2", port="Gi0/7")
INCIDENTS = ("inc-0123456789ab", "inc-ffffffffffff")


class TwoSwitches:
    """A device that hangs ``at`` a port; whether a switch has ``heard`` it, and its VLAN there."""

    def __init__(self, at: Attachment) -> None:
        self.vlan: dict[str, int] = {}
        self.at = at
        self.heard = True
        self.booting = False

    async def locate(self, device: Device) -> Place | None:
        if self.heard:
            return Place(attached=self.at, confidence="seen", evidence=())
        assert device.attached is not None
        return Place(attached=device.attached, confidence="inventory", evidence=())

    async def look(self, device: Device) -> ProbeReport:
        silent = self.booting or 666 in (self.vlan.get(str(self.at)), self.vlan.get(device.mac))
        return ProbeReport(
            vantage="test",
            target=device.id,
            method="memory",
            reach=Reach.UNREACHABLE if silent else Reach.REACHABLE,
            at=datetime.now(UTC),
        )


class VlanControl:
    """Sets the VLAN of the port; or of the address, wherever it hangs, as a NAC does."""

    capabilities = Capabilities(
        adapter="memory", rung="switch", reversible=True, idempotent=True, deadline_s=5
    )

    def __init__(self, net: TwoSwitches, *, by_address: bool = False) -> None:
        self._net = net
        self._by_address = by_address

    def serves(self, device: Device) -> str:
        del device
        return ""

    async def observe(self, device: Device) -> Observation:
        target = device.mac if self._by_address else str(device.attached)
        return Observation(
            target=target,
            state={"of": target, "vlan": self._net.vlan.get(target, 10)},
            sighted=self._net.heard and device.attached == self._net.at,
        )

    async def plan(self, device: Device, inputs: JsonObject, seen: Observation) -> Plan:
        return Plan(
            action="network.quarantine",
            rung="switch",
            adapter="memory",
            device=device.id,
            site=device.site,
            target=seen.target,
            inputs=inputs,
            before=seen.state,
            after={**seen.state, "vlan": 666},
            reversible=True,
            way_back="back",
            risk="medium",
            summary=f"{device.id} on {seen.target} to 666",
        )

    async def apply(self, plan: Plan, send_by: datetime) -> JsonObject:
        del send_by
        self._net.vlan[str(plan.after["of"])] = 666
        return plan.after

    async def revert(self, plan: Plan, send_by: datetime) -> JsonObject:
        raise AssertionError(f"{plan.summary}: nothing is put back here, {send_by}")


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SqlLedger]:
    store = await SqlLedger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    await store.append(*(opened(incident) for incident in INCIDENTS))
    yield store
    await store.close()


def opened(incident: str) -> NewEntry:
    return NewEntry(
        incident=incident,
        key="opened",
        kind=Kind.OPENED,
        at=datetime.now(UTC),
        actor="ada",
        body={
            "workflow": "respond/isolate/cam-17",
            "playbook": "isolate",
            "version": 1,
            "digest": "d",
            "device": {"id": "cam-17"},
            "title": "t",
            "requester": "ada",
            "reason": "r",
            "policy": "p",
        },
    )


def runner(ledger: SqlLedger, net: TwoSwitches, control: VlanControl) -> ControlRunner:
    """Over an inventory that has the device on ``FIRST``."""
    site = MemorySite.of(camera(attached=FIRST))
    inventory = MemoryInventory(site)
    return ControlRunner(
        World(
            catalogue=SHIPPED,
            ledger=ledger,
            policy=Rules(),
            inventory=inventory,
            controls={("network.quarantine", "switch"): [control]},
            locator=net,
            operations={},
            witness=Witness(net, rounds=1, pause_s=0),
            clock=lambda: datetime.now(UTC),
            send_window=timedelta(seconds=30),
            blast_radius=BlastRadius(lambda: site.limits, inventory),
        )
    )


async def isolated(controls: ControlRunner, incident: str) -> Outcome:
    ask = Ask(
        incident=incident,
        response="respond/isolate/cam-17",
        step="contain/switch",
        action="network.quarantine",
        rung="switch",
        device="cam-17",
        requester=Principal(id="ada"),
        hold_s=3600,
    )
    answer = await controls.perform(ask, last_attempt=True)
    assert answer.outcome is not None
    return answer.outcome


async def test_a_hold_on_the_port_that_the_device_has_left_is_not_in_force(
    ledger: SqlLedger,
) -> None:
    net = TwoSwitches(FIRST)
    controls = runner(ledger, net, VlanControl(net))
    assert (await isolated(controls, INCIDENTS[0])).kind is OutcomeKind.ENFORCED
    net.at, net.booting = OTHER, True  # plugged into another switch, and silent while it starts
    joined = await isolated(controls, INCIDENTS[1])
    assert joined.kind is OutcomeKind.FAILED
    assert f"held on {FIRST}, and seen on {OTHER}" in joined.detail
    assert not (await ledger.incident(INCIDENTS[1])).contained


async def test_a_hold_stands_where_the_device_was_found_while_nothing_shows_it_elsewhere(
    ledger: SqlLedger,
) -> None:
    net = TwoSwitches(OTHER)
    controls = runner(ledger, net, VlanControl(net))
    assert (await isolated(controls, INCIDENTS[0])).kind is OutcomeKind.ENFORCED
    net.heard = False  # in quarantine it says nothing, and the switches forget it
    assert (await isolated(controls, INCIDENTS[1])).kind is OutcomeKind.ENFORCED


async def test_a_hold_on_an_address_goes_where_the_device_goes(ledger: SqlLedger) -> None:
    net = TwoSwitches(FIRST)
    controls = runner(ledger, net, VlanControl(net, by_address=True))
    assert (await isolated(controls, INCIDENTS[0])).kind is OutcomeKind.ENFORCED
    net.at = OTHER
    assert (await isolated(controls, INCIDENTS[1])).kind is OutcomeKind.ENFORCED
