"""A switch of the range with an SNMP agent, and the estate's entry for it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from firebreak.cyber_range.agent import EmulatedAgent, SnmpUser
from firebreak.cyber_range.console import Chassis
from firebreak.cyber_range.faults import Faults
from firebreak.cyber_range.journal import Journal
from firebreak.cyber_range.network import Network, Node, Port, PortConfig, SwitchState
from firebreak.cyber_range.ports import port_name
from firebreak.domain.device import Attachment, Device
from firebreak.domain.estate import Platform, Sentinel, Site, SnmpAccess, Switch
from integrations.network.snmp.fleet import SnmpFleet

AUTH_KEY, PRIV_KEY = "correct-horse-17", "battery-staple-17"
MAC = "02:00:00:00:00:17"
PORTS = {"device": 0, "uplink": 1, "trunk": 2, "crowded": 3, "other": 4, "empty": 5, "missing": 40}


@dataclass
class Rack:
    """One switch, its agent, and whoever asks it."""

    folder: Path
    state: SwitchState
    network: Network
    journal: Journal
    agent: EmulatedAgent
    switch: Switch
    fleets: list[SnmpFleet] = field(default_factory=list)

    @property
    def site(self) -> Site:
        sentinel = Sentinel(id="none", method="icmp", control="127.0.0.1")
        return Site(id="bench", quarantine_vlan=666, sentinel=sentinel)

    def name(self, port: str) -> str:
        """The full name of one of PORTS on this platform."""
        return port_name(self.state.platform, PORTS[port])

    def port(self, port: str = "device") -> Port:
        return self.state.ports[self.name(port)]

    def vlan(self, port: str = "device") -> int:
        """What the hardware does."""
        return self.port(port).forwarding.vlan

    def device(self, port: str = "device", **more: object) -> Device:
        """The camera, as an inventory would have it on a port."""
        return Device.model_validate(
            {
                "id": "cam-17",
                "mac": MAC,
                "site": "bench",
                "class": "ip-camera",
                "attached": Attachment(switch="sw-1", port=self.name(port)),
                **more,
            }
        )

    def with_snmp(self, **changes: object) -> Switch:
        """The switch with another way to ask its agent."""
        assert self.switch.snmp is not None
        snmp = SnmpAccess.model_validate({**self.switch.snmp.model_dump(), **changes})
        return self.switch.model_copy(update={"snmp": snmp})

    def secret(self, name: str, text: str) -> str:
        """A reference to a secret in a file."""
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        return f"file:{path}"

    def fleet(self, switch: Switch | None = None, *, deadline_s: float = 10.0) -> SnmpFleet:
        """A fleet that is closed with the rack."""
        fleet = SnmpFleet([switch or self.switch], deadline_s=deadline_s)
        self.fleets.append(fleet)
        return fleet


@asynccontextmanager
async def running_rack(
    folder: Path,
    *,
    platform: Platform = "aruba_aoscx",
    piecemeal: bool = False,
    timeout_s: float = 0.3,
) -> AsyncIterator[Rack]:
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
        node = Node(f"node-{number}", f"02:00:00:00:00:{number}", f"10.20.0.{number}", 10)
        network.plug(node, "sw-1", port_name(platform, PORTS[where]))
    journal = Journal()
    chassis = Chassis(network, state, Faults(), journal)
    user = SnmpUser("firebreak", AUTH_KEY, PRIV_KEY)
    agent = EmulatedAgent(chassis, user, dot1x=True, piecemeal=piecemeal)
    await agent.start("127.0.0.1", 0)
    switch = Switch(
        id="sw-1",
        site="bench",
        uplinks=(port_name(platform, PORTS["uplink"]),),
        snmp=SnmpAccess(
            host=agent.address[0],
            port=agent.address[1],
            user="firebreak",
            auth_key="env:UNSET",
            priv_key="env:UNSET",
            vlan_by="cisco" if platform == "cisco_ios" else "pvid",
            dot1x=True,
            timeout_s=timeout_s,
        ),
    )
    rack = Rack(folder, state, network, journal, agent, switch)
    keys = {"auth_key": rack.secret("auth", AUTH_KEY), "priv_key": rack.secret("priv", PRIV_KEY)}
    rack.switch = rack.with_snmp(**keys)
    try:
        yield rack
    finally:
        for fleet in rack.fleets:
            await fleet.close()
        await agent.stop()
