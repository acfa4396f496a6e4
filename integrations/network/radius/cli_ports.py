"""The switch's command line as the other road to a port that RADIUS shuts."""

from datetime import datetime

from firebreak.contracts.controls import Observation
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device
from integrations.network import checks
from integrations.network.cli.controls import PortDown
from integrations.network.cli.fleet import SwitchFleet
from integrations.network.ports import PortState


class CliPorts:
    """A PortReader and PortReviver over the kept sessions of a fleet."""

    def __init__(self, fleet: SwitchFleet) -> None:
        """``fleet``: shared with the controls of the command line."""
        self._fleet = fleet
        self._down = PortDown(fleet)

    @property
    def secrets(self) -> tuple[str, ...]:
        """See PortReader.secrets."""
        return self._down.capabilities.secrets

    def reads(self, switch: str) -> bool:
        """Switches with a command line."""
        return switch in self._fleet.switches

    async def observe(self, device: Device) -> Observation:
        """See PortReader.observe: the refusals are those of rung ``port-down``."""
        return await self._down.observe(device)

    async def read(self, state: JsonObject) -> JsonObject:
        """See PortReader.read."""
        about = PortState.from_record(state)
        platform = self._fleet.session(about.switch).platform
        reading = await self._fleet.run(
            about.switch,
            lambda reader: platform.read(reader, about.switch, about.port),
            self._fleet.fence(),
        )
        return reading.state.record()

    async def write(self, known: JsonObject, wanted: JsonObject, send_by: datetime) -> JsonObject:
        """See PortReviver.write."""
        before, after = PortState.from_record(known), PortState.from_record(wanted)
        session = self._fleet.session(after.switch)
        port = session.platform.canonical(after.port)
        checks.no_uplink(session.platform, session.switch, port)
        return (await self._fleet.change(before, after, send_by)).record()
