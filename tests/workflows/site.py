"""A site in memory for tests of the engine: ports with VLANs, faults on demand, every write kept.

The engine, the ledger and Temporal are real in these tests; only the outside world is this.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from firebreak.contracts.controls import Capabilities, Observation, Place
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device
from firebreak.domain.limits import Limits
from firebreak.domain.plan import Plan, ProbeReport, Reach, Risk
from firebreak.errors import (
    FirebreakError,
    InterlockEngaged,
    NotFound,
    NotThere,
    OutcomeUnknown,
    StateDrifted,
    Unreachable,
)

PRODUCTION, QUARANTINE = 10, 666


def camera(number: int = 17, **more: object) -> Device:
    return Device.model_validate(
        {
            "id": f"cam-{number}",
            "mac": f"02:00:00:00:{number // 256:02x}:{number % 256:02x}",
            "site": "plant-1",
            "class": "ip-camera",
            "criticality": "low",
            **more,
        }
    )


@dataclass
class Faults:
    """What goes wrong next, by rung."""

    refuse: dict[str, FirebreakError] = field(default_factory=dict)
    lose_answer: set[str] = field(default_factory=set)  # the write lands, the answer does not
    lose_write: set[str] = field(default_factory=set)  # neither does
    lie: set[str] = field(default_factory=set)  # it reads back well and changes nothing
    stuck: set[str] = field(default_factory=set)  # reverts fail
    deaf_after_write: bool = False  # once something was written, nothing can be read
    break_on: set[str] = field(default_factory=set)  # methods with a bug


@dataclass
class MemorySite:
    """Devices, the state of their ports, and what was written to them."""

    devices: dict[str, Device]
    vlan: dict[str, int] = field(default_factory=dict)
    up: dict[str, bool] = field(default_factory=dict)
    writes: list[tuple[str, str, str]] = field(default_factory=list)  # device, rung, what
    faults: Faults = field(default_factory=Faults)
    blind: bool = False
    apply_s: float = 0  # how long a write takes
    roadless: dict[tuple[str, str], str] = field(default_factory=dict)  # device, rung: why not
    place: Place | None = None  # where the switches have seen the device
    claims: int = 1  # how many ports claim it
    limits: Limits = field(default_factory=lambda: Limits(site=None, redundancy_group=None))
    risk: Risk = "medium"  # of every plan
    engaged: list[str] = field(default_factory=list)  # what its interlock says next; "" is fine
    checked: int = 0  # how often that was asked
    lies: set[str] = field(default_factory=set)  # devices that a lying rung left reachable

    @classmethod
    def of(cls, *devices: Device) -> "MemorySite":
        site = cls({device.id: device for device in devices})
        for device in devices:
            site.vlan[device.id], site.up[device.id] = PRODUCTION, True
        return site

    def device(self, device_id: str) -> Device:
        if device_id not in self.devices:
            raise NotFound(f"no device {device_id}")
        return self.devices[device_id]

    def by_address(self, *, ip: str | None = None, mac: str | None = None) -> Device | None:
        for device in self.devices.values():
            if (mac and device.mac == mac) or (ip and device.ip == ip):
                return device
        return None

    def list_devices(self) -> tuple[Device, ...]:
        return tuple(self.devices.values())

    def state(self, device_id: str) -> JsonObject:
        return {"vlan": self.vlan[device_id], "up": self.up[device_id]}

    def put(self, device_id: str, rung: str, state: JsonObject) -> None:
        self.writes.append((device_id, rung, str(sorted(state.items()))))
        if rung in self.faults.lie:
            self.lies.add(device_id)
        self.vlan[device_id] = int(str(state["vlan"]))
        self.up[device_id] = bool(state["up"])

    async def locate(self, device: Device) -> Place | None:
        if self.claims > 1:
            raise InterlockEngaged(f"{device.mac} is claimed by {self.claims} ports")
        return self.place

    async def check(self, device: Device, plan: Plan) -> tuple[str, ...]:
        self.checked += 1
        if self.engaged and (why := self.engaged.pop(0)):
            raise InterlockEngaged(f"{device.id}: {why}")
        return (f"interlock: {plan.target} may go",)

    def reachable(self, device_id: str) -> bool:
        if device_id in self.lies:
            return True
        return self.up[device_id] and self.vlan[device_id] != QUARANTINE

    async def look(self, device: Device) -> ProbeReport:
        reach = Reach.REACHABLE if self.reachable(device.id) else Reach.UNREACHABLE
        return ProbeReport(
            vantage="test",
            target=device.id,
            method="memory",
            reach=Reach.INCONCLUSIVE if self.blind else reach,
            at=datetime.now(UTC),
        )


class MemoryInventory:
    """The site's devices as an Inventory."""

    def __init__(self, site: MemorySite) -> None:
        self._site = site

    def device(self, device_id: str) -> Device:
        return self._site.device(device_id)

    def by_address(self, *, ip: str | None = None, mac: str | None = None) -> Device | None:
        return self._site.by_address(ip=ip, mac=mac)

    def devices(self) -> tuple[Device, ...]:
        return self._site.list_devices()

    def time_zone(self, site: str) -> str:
        del site
        return "UTC"


class MemoryControl:
    """One rung over the site."""

    def __init__(self, site: MemorySite, rung: str, target: JsonObject) -> None:
        self._site = site
        self._target = target
        self.capabilities = Capabilities(
            adapter="memory", rung=rung, reversible=True, idempotent=True, deadline_s=5
        )

    def serves(self, device: Device) -> str:
        return self._site.roadless.get((device.id, self.capabilities.rung), "")

    async def observe(self, device: Device) -> Observation:
        self._maybe_break("observe")
        self._maybe_refuse()
        found = self._site.place
        if found is not None and device.attached != found.attached:
            raise NotThere(f"{device.id} is not on that port")
        return Observation(target=f"port of {device.id}", state=self._site.state(device.id))

    def _maybe_break(self, method: str) -> None:
        if method in self._site.faults.break_on:
            raise KeyError("a bug in the adapter")

    def _maybe_refuse(self) -> None:
        error = self._site.faults.refuse.get(self.capabilities.rung)
        if error is not None:
            raise error
        if self._site.faults.deaf_after_write and self._site.writes:
            raise Unreachable("the management plane is gone")

    async def plan(self, device: Device, inputs: JsonObject, seen: Observation) -> Plan:
        after: JsonObject = {**seen.state, **self._target}
        return Plan(
            action="network.quarantine",
            rung=self.capabilities.rung,
            adapter="memory",
            device=device.id,
            site=device.site,
            target=seen.target,
            inputs=inputs,
            before=seen.state,
            after=after,
            reversible=True,
            way_back=f"back to {seen.state}",
            risk=self._site.risk,
            summary=f"{self.capabilities.rung}: {device.id} to {after}",
            evidence=seen.evidence,
        )

    async def apply(self, plan: Plan, send_by: datetime) -> JsonObject:
        self._maybe_refuse()
        await asyncio.sleep(self._site.apply_s)
        if datetime.now(UTC) >= send_by:
            raise Unreachable("too late to send")
        state = self._site.state(plan.device)
        if state not in (plan.before, plan.after):
            raise StateDrifted(f"it is {state}")
        rung = plan.rung
        if rung in self._site.faults.lose_write:
            self._site.faults.lose_write.discard(rung)
            raise OutcomeUnknown("the line went dead")
        if state != plan.after:
            self._site.put(plan.device, rung, plan.after)
        if rung in self._site.faults.lose_answer:
            self._site.faults.lose_answer.discard(rung)
            raise OutcomeUnknown("the line went dead")
        return self._site.state(plan.device)

    async def revert(self, plan: Plan, send_by: datetime) -> JsonObject:
        del send_by
        self._maybe_break("revert")
        if plan.rung in self._site.faults.stuck:
            raise Unreachable("no way back to the switch")
        state = self._site.state(plan.device)
        if state not in (plan.before, plan.after):
            raise StateDrifted(f"it is {state}")
        if state != plan.before:
            self._site.put(plan.device, f"{plan.rung}/revert", plan.before)
            self._site.lies.discard(plan.device)
        return self._site.state(plan.device)


def memory_controls(site: MemorySite) -> Mapping[tuple[str, str], Sequence[MemoryControl]]:
    """Two rungs of the shipped catalogue."""
    return {
        ("network.quarantine", "switch"): [MemoryControl(site, "switch", {"vlan": QUARANTINE})],
        ("network.quarantine", "port-down"): [MemoryControl(site, "port-down", {"up": False})],
    }
