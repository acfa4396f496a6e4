"""MAC tables for the locator, read over SNMP."""

from firebreak.domain.estate import Switch
from firebreak.errors import Rejected
from integrations.network.locate import MacTable, Sight
from integrations.network.snmp.agent import Line
from integrations.network.snmp.fleet import SnmpFleet
from integrations.network.snmp.interfaces import Interfaces
from integrations.network.snmp.tables import interfaces, mac_table, neighbors


class SnmpFinder:
    """A Finder (see integrations.network.locate); it needs no right to write."""

    road = "snmp"

    def __init__(self, fleet: SnmpFleet) -> None:
        self._fleet = fleet
        self._names: dict[str, Interfaces] = {}

    def serves(self, switch: Switch) -> bool:
        """Whether the switch has an agent."""
        return switch.id in self._fleet.switches

    async def table(self, switch: Switch) -> MacTable:
        """The whole MAC table, and the ports with a neighbor that forwards frames.

        Raises Unreachable, AuthFailed, Rejected, CapabilityMissing.
        """

        async def look(line: Line) -> MacTable:
            ports = await interfaces(line, fresh=True)
            self._names[switch.id] = ports
            rows = await mac_table(line, ports)
            return MacTable(
                sights=tuple(dict.fromkeys(Sight(row.mac, row.port) for row in rows)),
                neighbors=frozenset(await neighbors(line, ports, rows)),
            )

        return await self._fleet.run(switch.id, look, self._fleet.fence())

    def canonical(self, switch: Switch, port: str) -> str:
        """The port's ifName, as its switch was last read; what it does not know stays as it is."""
        try:
            return self._names[switch.id].canonical(port)
        except (KeyError, Rejected):
            return port
