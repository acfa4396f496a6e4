"""The SNMP controls: on the range's agent, and on net-snmpd over a real Open vSwitch."""

import functools
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from firebreak.contracts.controls import Control
from firebreak.cyber_range.faults import Fault as EmulatedFault
from firebreak.cyber_range.faults import FaultKind
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Attachment, Device
from firebreak.domain.estate import Platform, Site, Switch
from integrations.network.snmp.controls import Dot1xBlock, SnmpPortDown, SnmpQuarantine
from integrations.network.snmp.fleet import SnmpFleet
from tests.conformance.bench import Adapter, Bench, Case, Fault, Forbidden, Tested
from tests.peers.ovs import HUB_PORT, TRUNK_PORT
from tests.peers.snmpd import SnmpdPeer
from tests.ports import free_port
from tests.unit.snmp.rack import AUTH_KEY, Rack, running_rack

RUNGS = ("snmp", "snmp-port-down", "dot1x")
WORDS = {1: "force-unauthorized", 2: "auto", 3: "force-authorized"}

_EMULATED = {
    Fault.UNREACHABLE: FaultKind.REFUSE,
    Fault.WRONG_CREDENTIALS: FaultKind.WRONG_PASSWORD,
    Fault.HANG: FaultKind.HANG,
    Fault.HANG_AFTER_WRITE: FaultKind.HANG_AFTER_WRITE,
    Fault.CUT_BEFORE_WRITE: FaultKind.DROP_BEFORE_WRITE,
    Fault.CUT_AFTER_WRITE: FaultKind.DROP_AFTER_WRITE,
    Fault.REFUSE_WRITE: FaultKind.REJECT_WRITE,
}
_PLACES = {
    Forbidden.TRUNK: "trunk",
    Forbidden.UPLINK: "uplink",
    Forbidden.CROWDED: "crowded",
    Forbidden.UNKNOWN: "missing",
    Forbidden.MOVED: "other",
}
REFUSALS = {
    Forbidden.TRUNK: "trunk|forwards frames",
    Forbidden.UPLINK: "uplink",
    Forbidden.CROWDED: "max_macs",
    Forbidden.UNKNOWN: "does not know port",
    Forbidden.MOVED: "has moved to",
    Forbidden.UNPLACED: "does not say which port",
}
EXEMPT: Mapping[Case, str] = {
    Fault.CHANGED_IDENTITY: "an agent is known by the user's keys; a new engine ID is no identity",
}


def control_of(rung: str, fleet: SnmpFleet, site: Site) -> Control:
    """The control of a rung."""
    if rung == "snmp":
        return SnmpQuarantine(fleet, {site.id: site})
    return SnmpPortDown(fleet) if rung == "snmp-port-down" else Dot1xBlock(fleet)


@dataclass
class RackBench:
    """The range's agent, made for one test."""

    rung: str
    rack: Rack

    @property
    def device(self) -> Device:
        return self.rack.device()

    @property
    def secret(self) -> str:
        return AUTH_KEY

    def forbidden(self, kind: Forbidden) -> Device:
        if kind is Forbidden.UNPLACED:
            return self.rack.device(attached=None)
        more = {"mac": "02:00:00:00:00:31"} if kind is Forbidden.CROWDED else {}
        return self.rack.device(_PLACES[kind], **more)

    def refusal(self, kind: Forbidden) -> str:
        return REFUSALS[kind]

    def truth(self) -> JsonObject:
        if self.rung == "dot1x":
            return {"control": WORDS[self.rack.agent._objects._control[self.rack.name("device")]]}
        config = self.rack.port().config
        return {"mode": config.mode, "vlan": config.vlan, "admin": "up" if config.up else "down"}

    def effects(self) -> int:
        return len(self.rack.journal.effects())

    def sessions(self) -> int:
        return 0

    def credentials_tried(self) -> int:
        return 0

    async def drift(self) -> None:
        if self.rung == "dot1x":
            self.rack.agent._objects._control[self.rack.name("device")] = 3
        else:
            port = self.rack.port()
            self.rack.network.configure(port, replace(port.config, vlan=20))

    async def break_with(self, fault: Fault) -> None:
        self.rack.agent.inject(EmulatedFault(_EMULATED[fault]))

    async def mend(self) -> None:
        self.rack.agent.clear()

    def control(self, deadline_s: float) -> Control:
        fleet = self.rack.fleet(deadline_s=deadline_s)
        return control_of(self.rung, fleet, self.rack.site)


@asynccontextmanager
async def rack_bench(
    rung: str, platform: Platform, request: pytest.FixtureRequest
) -> AsyncIterator[RackBench]:
    folder = request.getfixturevalue("tmp_path")
    async with running_rack(folder, platform=platform) as rack:
        yield RackBench(rung, rack)


def _emulated(
    rung: str, platform: Platform, request: pytest.FixtureRequest
) -> AbstractAsyncContextManager[Bench]:
    return rack_bench(rung, platform, request)


def _on_range(name: str, rung: str, platform: Platform) -> Adapter:
    return Adapter(
        f"{name}-{rung}",
        "snmp",
        rung,
        Tested.EMULATOR,
        functools.partial(_emulated, rung, platform),
        exempt=EXEMPT,
    )


@dataclass
class SnmpdBench:
    """net-snmpd over the shared Open vSwitch; faults come from the agent and its script."""

    rung: str
    peer: SnmpdPeer
    switch: Switch
    fleets: list[SnmpFleet] = field(default_factory=list)

    @property
    def device(self) -> Device:
        return self.peer.ovs.device

    @property
    def secret(self) -> str:
        return AUTH_KEY

    def forbidden(self, kind: Forbidden) -> Device:
        ports = {
            Forbidden.TRUNK: TRUNK_PORT,
            Forbidden.UPLINK: "p2",
            Forbidden.CROWDED: HUB_PORT,
            Forbidden.UNKNOWN: "p99",
            Forbidden.MOVED: "p3",
        }
        attached = Attachment(switch="ovs-1", port=ports[kind]) if kind in ports else None
        return self.device.model_copy(update={"attached": attached})

    def refusal(self, kind: Forbidden) -> str:
        return REFUSALS[kind]

    def truth(self) -> JsonObject:
        ovs = self.peer.ovs
        return {"mode": "access", "vlan": ovs.tag("p1"), "admin": ovs.admin("p1")}

    def effects(self) -> int:
        return len(self.peer.writes())

    def sessions(self) -> int:
        return 0

    def credentials_tried(self) -> int:
        return 0

    async def drift(self) -> None:
        self.peer.ovs.vsctl("set", "port", "p1", "tag=20")

    async def break_with(self, fault: Fault) -> None:
        match fault:
            case Fault.UNREACHABLE:
                self.switch = self.peer.with_snmp(port=free_port())
            case Fault.WRONG_CREDENTIALS:
                stranger = self.peer.secret("stranger", "another-passphrase")
                self.switch = self.peer.with_snmp(auth_key=stranger)
            case Fault.CUT_AFTER_WRITE | Fault.HANG_AFTER_WRITE:
                self.peer.arm("cut-after-write p1")
            case _:
                self.peer.arm(fault.value)

    async def mend(self) -> None:
        self.peer.arm(None)
        self.switch = self.peer.switch

    def control(self, deadline_s: float) -> Control:
        fleet = SnmpFleet([self.switch], deadline_s=deadline_s)
        self.fleets.append(fleet)
        return control_of(self.rung, fleet, self.peer.ovs.site)


@asynccontextmanager
async def snmpd_bench(rung: str, request: pytest.FixtureRequest) -> AsyncIterator[SnmpdBench]:
    peer = request.getfixturevalue("snmpd")
    bench = SnmpdBench(rung, peer, peer.switch)
    try:
        yield bench
    finally:
        peer.arm(None)
        for fleet in bench.fleets:
            await fleet.close()


def _snmpd(rung: str, request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Bench]:
    return snmpd_bench(rung, request)


SNMP: list[Adapter] = [
    *(_on_range("qbridge", rung, "aruba_aoscx") for rung in RUNGS),
    _on_range("cisco", "snmp", "cisco_ios"),
    *(
        Adapter(
            f"net-snmpd-{rung}",
            "snmp",
            rung,
            Tested.REAL_PEER,
            functools.partial(_snmpd, rung),
            peers=("ovs", "snmpd"),
            exempt=EXEMPT,
        )
        for rung in RUNGS[:2]
    ),
]
