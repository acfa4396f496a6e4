"""What RADIUS cannot see for itself: the VLAN a session is in, and the port it hangs on.

A CoA-ACK says that the NAS agreed. These are the other roads on which the result is looked at.
"""

from datetime import datetime
from typing import Protocol

from firebreak.contracts.controls import Observation
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device


class SessionWitness(Protocol):
    """Sees the sessions of a NAS: its accounting, or its MAC table over SNMP or CLI."""

    def covers(self, switch: str) -> bool:
        """Whether it sees the sessions of this switch. Pure."""
        ...

    async def vlan(self, switch: str, mac: str) -> int | None:
        """The VLAN that the session of a MAC address is in now; None when there is no session.

        Raises what Control's methods do.
        """
        ...


class PortReader(Protocol):
    """Reads the port a device hangs on, over another road to the same switch.

    States are records of integrations.network.ports.PortState.
    """

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secret references it resolves."""
        ...

    def reads(self, switch: str) -> bool:
        """Whether it can read the ports of this switch. Pure."""
        ...

    async def observe(self, device: Device) -> Observation:
        """The port, once it may be touched: no uplink, no trunk, no more addresses than allowed.

        Raises what Control.observe does.
        """
        ...

    async def read(self, state: JsonObject) -> JsonObject:
        """The state now of the port that a state is about."""
        ...


class PortReviver(Protocol):
    """Brings a port back to a state, over another road."""

    async def write(self, known: JsonObject, wanted: JsonObject, send_by: datetime) -> JsonObject:
        """See AuthorizationSource.write: StateDrifted when it is neither, no write when it stands.

        Returns the state read afterwards.
        """
        ...
