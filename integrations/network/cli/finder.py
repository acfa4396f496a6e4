"""MAC tables over the command line, for integrations.network.locate."""

from firebreak.domain.estate import Switch
from integrations.network.cli.fleet import SwitchFleet
from integrations.network.locate import MacTable, Sight


class CliFinder:
    """Reads a switch's whole MAC table in one command. Neighbors are not asked for: see uplinks."""

    road = "cli"

    def __init__(self, fleet: SwitchFleet) -> None:
        """``fleet``: whose sessions are used."""
        self._fleet = fleet

    def serves(self, switch: Switch) -> bool:
        """A switch with a command line."""
        return switch.id in self._fleet.switches

    async def table(self, switch: Switch) -> MacTable:
        """The whole table. Raises Unreachable, AuthFailed, Rejected."""
        platform = self._fleet.session(switch.id).platform
        rows = await self._fleet.run(switch.id, platform.learned, self._fleet.fence())
        return MacTable(tuple(Sight(mac, port) for mac, port in rows))

    def canonical(self, switch: Switch, port: str) -> str:
        """The platform's full name. Raises Rejected."""
        return self._fleet.session(switch.id).platform.canonical(port)
