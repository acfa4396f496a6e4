"""The switch controls on every platform: emulated ones, and a real Open vSwitch."""

import functools
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from firebreak.contracts.controls import Control
from firebreak.cyber_range.console import Chassis
from firebreak.cyber_range.faults import Fault as EmulatedFault
from firebreak.cyber_range.faults import FaultKind, Faults
from firebreak.cyber_range.journal import Journal
from firebreak.cyber_range.network import Network, Node, PortConfig, SwitchState
from firebreak.cyber_range.ports import port_name
from firebreak.cyber_range.switch import EmulatedSwitch, Login, new_host_key
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Attachment, Device
from firebreak.domain.estate import CliAccess, Platform, Sentinel, Site, Switch
from integrations.network.cli.controls import PortDown, SwitchQuarantine
from integrations.network.cli.fleet import SwitchFleet
from tests.conformance.bench import Adapter, Bench, Fault, Forbidden, Tested, with_cli
from tests.peers.ovs import HUB_PORT, TRUNK_PORT, OvsPeer
from tests.ports import free_port

PLATFORMS: Sequence[Platform] = (
    "cisco_ios",
    "cisco_xe",
    "arista_eos",
    "cisco_nxos",
    "juniper_junos",
    "aruba_aoscx",
)
RUNGS = ("switch", "port-down")
PASSWORD = "correct-horse-17"
MINUTE_S = 3.0  # how long a minute of `commit confirmed` lasts here
PORTS = {"device": 0, "uplink": 1, "trunk": 2, "crowded": 3, "other": 4, "missing": 40}

_EMULATED = {
    Fault.UNREACHABLE: FaultKind.REFUSE,
    Fault.WRONG_CREDENTIALS: FaultKind.WRONG_PASSWORD,
    Fault.CHANGED_IDENTITY: FaultKind.WRONG_HOST_KEY,
    Fault.HANG: FaultKind.HANG,
    Fault.HANG_AFTER_WRITE: FaultKind.HANG_AFTER_WRITE,
    Fault.CUT_BEFORE_WRITE: FaultKind.DROP_BEFORE_WRITE,
    Fault.CUT_AFTER_WRITE: FaultKind.DROP_AFTER_WRITE,
    Fault.REFUSE_WRITE: FaultKind.REJECT_WRITE,
}


_REFUSALS = {
    Forbidden.TRUNK: "trunk",
    Forbidden.UPLINK: "uplink",
    Forbidden.CROWDED: "max_macs",
    Forbidden.UNKNOWN: "does not know port|no configuration",
    Forbidden.MOVED: "has moved to",
    Forbidden.UNPLACED: "does not say which port",
}


def _control(rung: str, fleet: SwitchFleet, site: Site) -> Control:
    if rung == "switch":
        return SwitchQuarantine(fleet, {site.id: site})
    return PortDown(fleet)


def _site() -> Site:
    sentinel = Sentinel(id="none", method="icmp", control="127.0.0.1")
    return Site(id="bench", quarantine_vlan=666, sentinel=sentinel)


@dataclass
class EmulatedBench:
    """An emulated switch, made for one test."""

    platform: Platform
    rung: str
    switch: Switch
    emulated: EmulatedSwitch
    fleets: list[SwitchFleet] = field(default_factory=list)

    @property
    def state(self) -> SwitchState:
        return self.emulated.chassis.state

    def device_on(self, port: str, **more: object) -> Device:
        """The camera, as an inventory would have it on a port."""
        return Device.model_validate(
            {
                "id": "cam-17",
                "mac": "02:00:00:00:00:17",
                "ip": "10.20.0.17",
                "site": "bench",
                "class": "ip-camera",
                "attached": Attachment(switch="sw-1", port=port),
                **more,
            }
        )

    def port(self, name: str) -> str:
        """The name of one of PORTS on this platform."""
        return port_name(self.platform, PORTS[name])

    @property
    def device(self) -> Device:
        return self.device_on(self.port("device"))

    def forbidden(self, kind: Forbidden) -> Device:
        if kind is Forbidden.UNPLACED:
            return self.device_on(self.port("device"), attached=None)
        where = {
            Forbidden.TRUNK: "trunk",
            Forbidden.UPLINK: "uplink",
            Forbidden.CROWDED: "crowded",
            Forbidden.UNKNOWN: "missing",
            Forbidden.MOVED: "other",
        }
        mac = "02:00:00:00:00:31" if kind is Forbidden.CROWDED else "02:00:00:00:00:17"
        return self.device_on(self.port(where[kind]), mac=mac)

    secret = PASSWORD

    def refusal(self, kind: Forbidden) -> str:
        return _REFUSALS[kind]

    def truth(self) -> JsonObject:
        config = self.state.ports[self.port("device")].config
        return {"mode": config.mode, "vlan": config.vlan, "admin": "up" if config.up else "down"}

    def effects(self) -> int:
        return len(self.emulated.chassis.journal.effects())

    def sessions(self) -> int:
        return self.emulated.sessions

    def credentials_tried(self) -> int:
        return sum(f.hits for f in self.emulated.faults.listed() if f.kind == "wrong-password")

    async def drift(self) -> None:
        port = self.state.ports[self.port("device")]
        drifted = replace(port.config, vlan=20)
        self.emulated.chassis.network.configure(port, drifted)
        store = getattr(self.emulated, "_store", None)
        if store is not None:  # Junos reads its own configuration database
            store.reboot()

    async def break_with(self, fault: Fault) -> None:
        if fault is Fault.CHANGED_IDENTITY:  # to count the credentials that reach the impostor
            await self.emulated.inject(EmulatedFault(FaultKind.WRONG_PASSWORD))
        await self.emulated.inject(EmulatedFault(_EMULATED[fault]))

    async def mend(self) -> None:
        await self.emulated.clear()

    def control(self, deadline_s: float) -> Control:
        fleet = SwitchFleet([self.switch], deadline_s=deadline_s, threads=4)
        self.fleets.append(fleet)
        return _control(self.rung, fleet, _site())


@asynccontextmanager
async def emulated_bench(
    platform: Platform, rung: str, folder: Path, *, enable: str | None = None
) -> AsyncIterator[EmulatedBench]:
    """A switch with a camera, an uplink, a trunk and a port with a hub."""
    trunk, access = PortConfig(mode="trunk"), PortConfig(vlan=10)
    ports = {
        port_name(platform, n): trunk if n == PORTS["trunk"] else access
        for name, n in PORTS.items()
        if name != "missing"
    }
    state = SwitchState("sw-1", platform, {1: "default", 10: "cams", 20: "lab", 666: "q"}, ports)
    network = Network()
    network.add_switch(state)
    for number, where in ((17, "device"), (31, "crowded"), (32, "crowded")):
        mac = f"02:00:00:00:00:{number}"
        node = Node(f"node-{number}", mac, f"10.20.0.{number}", 10)
        network.plug(node, "sw-1", port_name(platform, PORTS[where]))
    chassis = Chassis(network, state, Faults(), Journal(), enable)
    emulated = EmulatedSwitch(
        chassis, Login("firebreak", PASSWORD), new_host_key(), minute_s=MINUTE_S
    )
    await emulated.start("127.0.0.1", free_port())
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    switch = Switch(
        id="sw-1",
        site="bench",
        uplinks=(port_name(platform, PORTS["uplink"]),),
        cli=CliAccess(
            host=emulated.address[0],
            port=emulated.address[1],
            platform=platform,
            username="firebreak",
            password=f"file:{secret}",
            host_key=emulated.host_key_line,
        ),
    )
    bench = EmulatedBench(platform, rung, switch, emulated)
    try:
        yield bench
    finally:
        for fleet in bench.fleets:
            await fleet.close()
        await emulated.stop()


@dataclass
class OvsBench:
    """The real switch; faults come from its management plane."""

    peer: OvsPeer
    rung: str
    switch: Switch
    fleets: list[SwitchFleet] = field(default_factory=list)

    @property
    def device(self) -> Device:
        return self.peer.device

    def forbidden(self, kind: Forbidden) -> Device:
        ports = {
            Forbidden.TRUNK: TRUNK_PORT,
            Forbidden.UPLINK: "p2",
            Forbidden.CROWDED: HUB_PORT,
            Forbidden.UNKNOWN: "p99",
            Forbidden.MOVED: "p3",
        }
        attached = Attachment(switch="ovs-1", port=ports[kind]) if kind in ports else None
        return self.peer.device.model_copy(update={"attached": attached})

    secret = "PRIVATE KEY"

    def refusal(self, kind: Forbidden) -> str:
        return _REFUSALS[kind]

    def truth(self) -> JsonObject:
        return {"mode": "access", "vlan": self.peer.tag("p1"), "admin": self.peer.admin("p1")}

    def effects(self) -> int:
        return len(self.peer.writes())

    def sessions(self) -> int:
        return self.peer.sessions()

    def credentials_tried(self) -> int:
        return self.peer.logins_tried()

    async def drift(self) -> None:
        self.peer.vsctl("set", "port", "p1", "tag=20")

    async def break_with(self, fault: Fault) -> None:
        match fault:
            case Fault.UNREACHABLE:
                self.switch = with_cli(self.switch, port=free_port())
            case Fault.WRONG_CREDENTIALS:
                stranger = str(self.peer.folder / "stranger")
                self.switch = with_cli(self.switch, key_file=stranger)
            case Fault.CHANGED_IDENTITY:
                key = self.peer.public_key("stranger")
                self.switch = with_cli(self.switch, host_key=key)
            case _:
                self.peer.arm(fault.value)

    async def mend(self) -> None:
        self.peer.arm(None)
        self.switch = self.peer.switch

    def control(self, deadline_s: float) -> Control:
        fleet = SwitchFleet([self.switch], deadline_s=deadline_s, threads=4)
        self.fleets.append(fleet)
        return _control(self.rung, fleet, self.peer.site)


@asynccontextmanager
async def ovs_bench(peer: OvsPeer, rung: str) -> AsyncIterator[OvsBench]:
    """The shared switch, put back to how it was made."""
    bench = OvsBench(peer, rung, peer.switch)
    try:
        yield bench
    finally:
        for fleet in bench.fleets:
            await fleet.close()
        peer.arm(None)


def _emulated(
    platform: Platform, rung: str, request: pytest.FixtureRequest
) -> AbstractAsyncContextManager[Bench]:
    return emulated_bench(platform, rung, request.getfixturevalue("tmp_path"))


def _ovs(rung: str, request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Bench]:
    return ovs_bench(request.getfixturevalue("ovs"), rung)


SWITCHES: list[Adapter] = [
    *(
        Adapter(
            f"{platform}-{rung}",
            f"netmiko {platform}",
            rung,
            Tested.EMULATOR,
            functools.partial(_emulated, platform, rung),
        )
        for platform in PLATFORMS
        for rung in RUNGS
    ),
    *(
        Adapter(
            f"ovs_linux-{rung}",
            "netmiko ovs_linux",
            rung,
            Tested.REAL_PEER,
            functools.partial(_ovs, rung),
            peers=("ovs", "sshd"),
        )
        for rung in RUNGS
    ),
]
