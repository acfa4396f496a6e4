"""The one truth of the range: ports, VLANs and who hangs where. Pure and synchronous.

The switch emulators write to it and the simulated devices follow it, so that what the command
line says and what a probe sees come from the same state, except where a fault makes a switch lie.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from firebreak.cyber_range.ports import canonical, speaks
from firebreak.domain.estate import Platform

Mode = Literal["access", "trunk"]


@dataclass(frozen=True, slots=True)
class PortConfig:
    """What a port is configured to do. ``vlan`` is the access VLAN, kept while it is a trunk."""

    mode: Mode = "access"
    vlan: int = 1
    up: bool = True
    description: str = ""

    def to_json(self) -> dict[str, Any]:
        """``{mode, vlan, up, description}``."""
        return {
            "mode": self.mode,
            "vlan": self.vlan,
            "up": self.up,
            "description": self.description,
        }


@dataclass(frozen=True, slots=True)
class Node:
    """A device on the wire. ``home_vlan`` is the production network it is reachable in."""

    id: str
    mac: str
    ip: str
    home_vlan: int


@dataclass(frozen=True, slots=True)
class Learned:
    """A row of a MAC table."""

    vlan: int
    mac: str
    port: str


@dataclass(slots=True)
class Port:
    """A port: ``config`` is what the command line shows, ``forwarding`` what the hardware does.

    ``session_vlan`` is where an authentication server has put the session on it, if it has.
    ``blocked``: 802.1X is told to let nobody in.
    """

    name: str
    config: PortConfig
    forwarding: PortConfig
    nodes: list[Node] = field(default_factory=list)
    session_vlan: int | None = None
    blocked: bool = False

    @property
    def wanted(self) -> PortConfig:
        """The configuration, with what 802.1X makes of it: the session's VLAN, or no link."""
        if self.blocked:
            return replace(self.config, up=False)
        if self.session_vlan is None or self.config.mode != "access":
            return self.config
        return replace(self.config, vlan=self.session_vlan)

    @property
    def linked(self) -> bool:
        """Whether something is plugged in and the port is up; a trunk has a switch behind it."""
        return self.config.up and (bool(self.nodes) or self.config.mode == "trunk")


class SwitchState:
    """A switch: its VLANs, its ports, and the configuration it boots with."""

    def __init__(
        self, name: str, platform: Platform, vlans: dict[int, str], ports: dict[str, PortConfig]
    ) -> None:
        self.name = name
        self.platform = platform
        self.vlans = dict(vlans)
        self.ports = {n: Port(n, config, config) for n, config in ports.items()}
        self._startup = self.snapshot()

    def port(self, text: str) -> Port | None:
        """The port an operator means by any spelling the platform understands."""
        name = canonical(self.platform, text)
        return self.ports.get(name) if name else None

    def understands(self, text: str) -> bool:
        """Whether the text has the shape of a port name here, present or not."""
        return speaks(self.platform, text)

    def snapshot(self) -> dict[str, Any]:
        """The running configuration as plain JSON: ``{vlans, ports}``."""
        return {
            "vlans": {str(v): name for v, name in self.vlans.items()},
            "ports": {name: port.config.to_json() for name, port in self.ports.items()},
        }

    @property
    def uplink(self) -> Port | None:
        """The first trunk that is up."""
        return next(
            (p for p in self.ports.values() if p.config.mode == "trunk" and p.config.up), None
        )

    @property
    def startup(self) -> dict[str, Any]:
        """The saved configuration, in the shape of ``snapshot``."""
        return self._startup

    @startup.setter
    def startup(self, saved: dict[str, Any]) -> None:
        self._startup = saved


class Network:
    """All switches and devices, and who is told when a device's reachability may have changed."""

    def __init__(self) -> None:
        self.switches: dict[str, SwitchState] = {}
        self._place: dict[str, tuple[SwitchState, Port]] = {}
        self._nodes: dict[str, Node] = {}
        self._observers: list[Callable[[str], None]] = []
        self.on_save: Callable[[SwitchState], None] = lambda _: None

    def add_switch(self, switch: SwitchState) -> None:
        """Rack a switch. Names are unique."""
        if switch.name in self.switches:
            raise ValueError(f"switch {switch.name} is racked already")
        self.switches[switch.name] = switch

    def plug(self, node: Node, switch: str, port: str) -> None:
        """Plug a device into a port; a device that hangs elsewhere is moved.

        Raises:
            KeyError: no such switch or port.
        """
        state = self.switches[switch]
        target = state.port(port)
        if target is None:
            raise KeyError(f"switch {switch} has no port {port}")
        self.unplug(node.id)
        target.nodes.append(node)
        self._place[node.id] = (state, target)
        self._nodes[node.id] = node
        self._notify([node])

    def unplug(self, node_id: str) -> None:
        """Pull a device's cable; nothing happens when it hangs nowhere."""
        place = self._place.pop(node_id, None)
        if place is not None:
            place[1].nodes.remove(self._nodes[node_id])
            if place[1].session_vlan is not None:
                place[1].session_vlan = None
                self.configure(place[1], place[1].config)
            self._notify([self._nodes[node_id]])

    def node(self, node_id: str) -> Node:
        """A device by id. Raises KeyError."""
        return self._nodes[node_id]

    def nodes(self) -> tuple[Node, ...]:
        """All devices."""
        return tuple(self._nodes.values())

    def place(self, node_id: str) -> tuple[SwitchState, Port] | None:
        """Where a device hangs."""
        return self._place.get(node_id)

    def reachable(self, node_id: str) -> bool:
        """In production: port up, access mode, in the device's home VLAN, and that VLAN exists."""
        place = self._place.get(node_id)
        if place is None:
            return False
        switch, port = place
        hardware = port.forwarding
        return (
            hardware.up
            and hardware.mode == "access"
            and hardware.vlan == self._nodes[node_id].home_vlan
            and hardware.vlan in switch.vlans
        )

    def mac_table(self, switch: SwitchState) -> tuple[Learned, ...]:
        """What a switch has learned: its own devices, and all others behind its uplink.

        The VLANs are those of the configuration: a lying switch lies here too.
        """
        rows = [*_talking(switch)]
        uplink = switch.uplink
        if uplink is not None:
            for other in self.switches.values():
                if other is not switch and other.uplink:
                    rows += [replace(row, port=uplink.name) for row in _talking(other)]
        return tuple(sorted(rows, key=lambda row: (row.vlan, row.mac)))

    def configure(self, port: Port, config: PortConfig, *, enforce: bool = True) -> None:
        """Write a port's configuration; without ``enforce`` the hardware goes on as before."""
        port.config = config
        if enforce:
            port.forwarding = port.wanted
            self._notify(port.nodes)

    def authorize(self, node_id: str, vlan: int | None) -> None:
        """Put a device's session into a VLAN, or with None into the one its port is configured for.

        Nothing happens when it hangs nowhere; the session ends with the cable.
        """
        place = self._place.get(node_id)
        if place is not None and place[1].session_vlan != vlan:
            place[1].session_vlan = vlan
            self.configure(place[1], place[1].config)

    def block(self, port: Port, *, blocked: bool) -> None:
        """Have 802.1X let nobody in on a port, or let it decide again."""
        port.blocked = blocked
        self.configure(port, port.config)

    def set_vlan(self, switch: SwitchState, vlan: int, name: str | None) -> None:
        """Create or rename a VLAN, or delete it with ``None``."""
        if name is None:
            switch.vlans.pop(vlan, None)
        else:
            switch.vlans[vlan] = name
        self._notify(n for p in switch.ports.values() for n in p.nodes)

    def settle(self, switch: SwitchState) -> None:
        """Bring the hardware into line with the configuration."""
        for port in switch.ports.values():
            if port.forwarding != port.wanted:
                self.configure(port, port.config)

    def load(self, switch: SwitchState, saved: dict[str, Any]) -> None:
        """Replace the running configuration by one in the shape of ``snapshot``."""
        switch.vlans = {int(v): str(name) for v, name in saved["vlans"].items()}
        for name, port in switch.ports.items():
            self.configure(port, replace(port.config, **saved["ports"].get(name, {})))

    def save(self, switch: SwitchState) -> None:
        """Make the running configuration the one the switch boots with."""
        switch.startup = switch.snapshot()
        self.on_save(switch)

    def reboot(self, switch: SwitchState) -> None:
        """Lose the running configuration."""
        self.load(switch, switch.startup)

    def observe(self, callback: Callable[[str], None]) -> None:
        """Call back with a device id after each change that may concern it."""
        self._observers.append(callback)

    def _notify(self, nodes: Iterable[Node]) -> None:
        for node in list(nodes):
            for callback in self._observers:
                callback(node.id)


def _talking(switch: SwitchState) -> Iterable[Learned]:
    """The devices that send frames into a VLAN of this switch."""
    for port in switch.ports.values():
        vlan = port.wanted.vlan if port.config.mode == "access" else 1
        if port.wanted.up and vlan in switch.vlans:
            for node in port.nodes:
                yield Learned(vlan, node.mac, port.name)
