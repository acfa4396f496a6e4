"""The 802.1X and MAB sessions of a switch, as a NAS keeps them: by MAC address, on its ports.

A port of the range carries one VLAN, so devices that share a port share what a session gets.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from firebreak.cyber_range.journal import Journal, Write
from firebreak.cyber_range.network import Network, Node, Port, SwitchState
from firebreak.cyber_range.policy import RangeAuthorization

# Where a session is between two authentications. No switch has this VLAN, so nothing passes.
UNAUTHORIZED = 4094


class NasSessions:
    """Who is authorized on which port, kept in the network itself.

    ``reauth_s`` is how long a device takes to authenticate again; 0: at once.
    """

    def __init__(
        self,
        network: Network,
        switch: SwitchState,
        policy: RangeAuthorization,
        journal: Journal,
        reauth_s: float,
    ) -> None:
        self._network = network
        self._switch = switch
        self._policy = policy
        self._journal = journal
        self._reauth_s = reauth_s
        self._timers: set[asyncio.TimerHandle] = set()

    def find(self, mac: str) -> Port | None:
        """The port of a session, or None."""
        for port in self._switch.ports.values():
            open_ = port.wanted.up and port.config.mode == "access"
            if open_ and port.session_vlan != UNAUTHORIZED and _who(port, mac):
                return port
        return None

    def vlan(self, mac: str) -> int | None:
        """The VLAN a session is in."""
        port = self.find(mac)
        return None if port is None else port.wanted.vlan

    def reauthenticate(self, command: str, port: Port, mac: str, *, lapse: bool) -> None:
        """Ask the RADIUS server again. With ``lapse`` the session ends first."""
        if not self._reauth_s:
            self._authorize(command, port, mac, self._policy.vlan(mac))
            return
        if lapse:
            self._authorize(command, port, mac, UNAUTHORIZED)
        loop = asyncio.get_running_loop()
        self._timers = {timer for timer in self._timers if timer.when() > loop.time()}
        self._timers.add(loop.call_later(self._reauth_s, self._late, command, port, mac))

    def move(self, command: str, port: Port, mac: str, vlan: int) -> bool:
        """Put a session into a VLAN; False when the switch does not have it."""
        if vlan not in self._switch.vlans:
            return False
        self._authorize(command, port, mac, vlan)
        return True

    def shut(self, command: str, port: Port) -> None:
        """Shut the port."""
        down = replace(port.config, up=False)
        self._note(command, port, lambda: self._network.configure(port, down))

    def stop(self) -> None:
        """Nobody authenticates any more."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _late(self, command: str, port: Port, mac: str) -> None:
        if port.wanted.up and _who(port, mac):
            self._authorize(f"{command} (authenticated)", port, mac, self._policy.vlan(mac))

    def _authorize(self, command: str, port: Port, mac: str, vlan: int | None) -> None:
        node = _who(port, mac)
        if node is not None:
            self._note(command, port, lambda: self._network.authorize(node.id, vlan))

    def _note(self, command: str, port: Port, act: Callable[[], None]) -> None:
        """Do it, and journal it whether or not it makes a difference."""
        before = port.wanted
        act()
        self._journal.append(
            Write(
                switch=self._switch.name,
                session=f"{self._switch.name}-radius",
                user="radius",
                kind="config",
                command=command,
                port=port.name,
                before=before.to_json(),
                after=port.wanted.to_json(),
            )
        )


def _who(port: Port, mac: str) -> Node | None:
    return next((node for node in port.nodes if node.mac == mac), None)
