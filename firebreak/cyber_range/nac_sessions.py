"""What a NAC knows and decides: who is isolated, and what each session was last given."""

from firebreak.cyber_range.network import Network, Node, Port, SwitchState


class NacSessions:
    """The sessions of every device that hangs on the network.

    A decision is one thing and a session another: the session takes the decision up when it is
    made to authenticate again, or when the device is plugged in somewhere.
    """

    def __init__(self, network: Network, quarantine_vlan: int) -> None:
        self._network = network
        self._vlan = quarantine_vlan
        self._isolated: set[str] = set()
        self._ports: dict[str, Port] = {}
        network.observe(self._noticed)

    def node(self, mac: str) -> Node | None:
        """The device with a MAC address (lower case, colons)."""
        return next((n for n in self._network.nodes() if n.mac == mac), None)

    def place(self, mac: str) -> tuple[SwitchState, Port] | None:
        """Where the device has its session: on a port that is up."""
        node = self.node(mac)
        place = self._network.place(node.id) if node else None
        return place if place is not None and place[1].config.up else None

    def decide(self, mac: str, *, isolated: bool) -> None:
        """What the device gets when it authenticates next."""
        if isolated:
            self._isolated.add(mac)
        else:
            self._isolated.discard(mac)

    def isolates(self, mac: str) -> bool:
        """What was decided, whether or not a session has taken it up."""
        return mac in self._isolated

    def reauthorize(self, mac: str) -> bool:
        """Make the session take the decision up; False when there is none."""
        node = self.node(mac)
        if node is None or self.place(mac) is None:
            return False
        self._network.authorize(node.id, self._vlan if mac in self._isolated else None)
        return True

    def in_quarantine(self, mac: str) -> bool:
        """What the session was given, whatever was decided since."""
        place = self.place(mac)
        return place is not None and place[1].session_vlan == self._vlan

    def _noticed(self, node_id: str) -> None:
        place = self._network.place(node_id)
        if place is None:
            self._ports.pop(node_id, None)
        elif self._ports.get(node_id) is not place[1]:
            self._ports[node_id] = place[1]
            self.reauthorize(self._network.node(node_id).mac)
