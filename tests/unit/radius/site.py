"""A switch with a NAS on loopback, the RADIUS server's data behind it, and the product's client."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from firebreak.contracts.controls import Observation
from firebreak.cyber_range.journal import Journal
from firebreak.cyber_range.nas import NasConfig, RadiusNas
from firebreak.cyber_range.nas_faults import NasFault, NasFaultKind
from firebreak.cyber_range.network import Network, Node, PortConfig, SwitchState
from firebreak.cyber_range.policy import RangeAuthorization
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Attachment, Device
from firebreak.domain.estate import RadiusAccess, Sentinel, Site, Switch
from firebreak.domain.plan import Plan
from firebreak.errors import FirebreakError, StateDrifted, Unreachable
from integrations.network.radius.client import DynamicAuthorization
from integrations.network.radius.controls import RadiusQuarantine
from integrations.network.radius.witness import PortReader

SECRET = "radius-secret-17"
MAC = "02:00:00:00:00:17"
PORT = "GigabitEthernet0/1"
CROWDED = "GigabitEthernet0/2"
HOME, QUARANTINE = 10, 666


class RangeSource:
    """The range's RADIUS data as an authorization source: ``{"vlan": 666}``, or ``{}``."""

    adapter = "range-users"
    deadline_s = 5.0
    secrets = ("env:RANGE_SOURCE",)

    def __init__(self, policy: RangeAuthorization, vlan: int = QUARANTINE) -> None:
        self.policy = policy
        self.writes = 0
        self.fails_at: dict[int, FirebreakError] = {}  # by number of the write, counted from 1
        self._vlan = vlan

    def state(self, mac: str) -> JsonObject:
        vlan = self.policy.vlan(mac)
        return {} if vlan is None else {"vlan": vlan}

    async def read(self, mac: str) -> JsonObject:
        await asyncio.sleep(0)
        return self.state(mac)

    def quarantined(self, before: JsonObject) -> JsonObject:
        return {**before, "vlan": self._vlan}

    async def write(
        self, mac: str, known: JsonObject, wanted: JsonObject, send_by: datetime
    ) -> JsonObject:
        await asyncio.sleep(0)
        now = self.state(mac)
        if now == wanted:
            return now
        if now != known:
            raise StateDrifted(f"{now} is neither {known} nor {wanted}")
        if datetime.now(UTC) >= send_by:
            raise Unreachable("too late")
        self.writes += 1
        error = self.fails_at.pop(self.writes, None)
        if error is not None:
            raise error
        vlan = wanted.get("vlan")
        self.policy.assign(mac, vlan if isinstance(vlan, int) else None)
        return self.state(mac)


@dataclass
class RangeWitness:
    """Sees the sessions of the range as its accounting would."""

    nas: RadiusNas
    broken: FirebreakError | None = None

    def covers(self, switch: str) -> bool:
        return switch == "sw-1"

    async def vlan(self, switch: str, mac: str) -> int | None:
        await asyncio.sleep(0)
        if self.broken is not None:
            raise self.broken
        return self.nas.sessions.vlan(mac) if self.covers(switch) else None


@dataclass
class RadiusSite:
    """One site with one switch. ``access`` is how the estate describes the NAS."""

    network: Network
    state: SwitchState
    journal: Journal
    policy: RangeAuthorization
    nas: RadiusNas
    source: RangeSource
    access: RadiusAccess
    site: Site = field(
        default_factory=lambda: Site(
            id="bench",
            quarantine_vlan=QUARANTINE,
            sentinel=Sentinel(id="none", method="icmp", control="127.0.0.1"),
        )
    )
    closing: list[DynamicAuthorization | RadiusQuarantine] = field(default_factory=list)

    def device(self, mac: str = MAC, switch: str | None = "sw-1", port: str = PORT) -> Device:
        """The camera, as an inventory would have it."""
        attached = Attachment(switch=switch, port=port) if switch else None
        return Device.model_validate(
            {"id": "cam-17", "mac": mac, "site": "bench", "class": "ip-camera"}
            | ({"attached": attached} if attached else {})
        )

    @property
    def switch(self) -> Switch:
        return Switch(id="sw-1", site="bench", radius=self.access)

    def client(self, **changes: object) -> DynamicAuthorization:
        """The client, with the NAS described as the estate does, or otherwise."""
        switch = self.switch.model_copy(update={"radius": self.access.model_copy(update=changes)})
        client = DynamicAuthorization({switch.id: switch})
        self.closing.append(client)
        return client

    def control(
        self,
        *,
        source: bool = True,
        witness: RangeWitness | None = None,
        ports: PortReader | None = None,
        deadline_s: float = 10.0,
        **changes: object,
    ) -> RadiusQuarantine:
        """Rung ``radius``, fresh."""
        control = RadiusQuarantine(
            self.client(**changes),
            {"bench": self.site},
            {"bench": self.source} if source else {},
            witness=witness,
            ports=ports,
            deadline_s=deadline_s,
        )
        self.closing.insert(0, control)
        return control

    async def planned(self, control: RadiusQuarantine) -> Plan:
        return await control.plan(self.device(), {}, await self.seen(control))

    async def seen(self, control: RadiusQuarantine) -> Observation:
        return await control.observe(self.device())

    def vlan(self) -> int | None:
        """The VLAN of the camera's session."""
        return self.nas.sessions.vlan(MAC)

    def inject(
        self, kind: NasFaultKind, *, times: int | None = None, cause: int | None = 501
    ) -> NasFault:
        return self.nas.faults.inject(NasFault(kind, times, cause))

    def commands(self) -> list[str]:
        """What the NAS did, oldest first."""
        return [write.command for write in self.journal.effects()]


def soon(seconds: float = 10.0) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def network() -> tuple[Network, SwitchState]:
    """A camera on a port of its own, and two devices on another."""
    ports = {f"GigabitEthernet0/{n}": PortConfig(vlan=HOME) for n in range(1, 6)}
    vlans = {1: "default", HOME: "cams", 20: "lab", QUARANTINE: "q"}
    state = SwitchState("sw-1", "cisco_ios", vlans, ports)
    net = Network()
    net.add_switch(state)
    for number, port in ((17, PORT), (31, CROWDED), (32, CROWDED)):
        mac = f"02:00:00:00:00:{number}"
        net.plug(Node(f"node-{number}", mac, f"10.20.0.{number}", HOME), "sw-1", port)
    return net, state


@asynccontextmanager
async def radius_site(folder: Path, **nas: object) -> AsyncIterator[RadiusSite]:
    """A running site. ``nas``: what differs from the usual NasConfig."""
    secret = folder / "radius-secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    net, state = network()
    policy, journal = RangeAuthorization(), Journal()
    config = NasConfig(secret=SECRET.encode(), **nas)  # type: ignore[arg-type] # by name
    running = RadiusNas(net, state, policy, journal, config)
    await running.start("127.0.0.1")
    access = RadiusAccess(
        host="127.0.0.1",
        port=running.address[1],
        secret=f"file:{secret}",
        nas_identifier="sw-1",
        disable_port=True,
        timeout_s=0.1,
        settle_s=0.5,
    )
    site = RadiusSite(net, state, journal, policy, running, RangeSource(policy), access)
    try:
        yield site
    finally:
        for item in site.closing:
            await item.close()
        await running.stop()
