"""An emulated switch with many cameras, and everyone asking it for something at the same time."""

import asyncio
import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from firebreak.cyber_range.console import Chassis
from firebreak.cyber_range.faults import Fault, FaultKind, Faults
from firebreak.cyber_range.journal import Journal
from firebreak.cyber_range.network import Network, Node, PortConfig, SwitchState
from firebreak.cyber_range.ports import port_name
from firebreak.cyber_range.switch import EmulatedSwitch, Login, new_host_key
from firebreak.domain.device import Attachment, Device
from firebreak.domain.estate import CliAccess, Platform, Switch
from integrations.network.cli.fleet import SwitchFleet
from integrations.network.ports import PortState
from tests.ports import free_port

PASSWORD = "correct-horse-17"
HOME = 10
MINUTE_S = 1.0  # how long a minute of `commit confirmed` lasts here
Outcome = PortState | BaseException


def vlan_of(number: int) -> int:
    """The VLAN a port is moved to: each its own, so that a fault can pick one out."""
    return 700 + number


def soon(seconds: float = 30) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


@dataclass
class Crowd:
    """``known`` are the states of all ports as they were read at first."""

    emulated: EmulatedSwitch
    switch: Switch
    fleet: SwitchFleet
    known: list[PortState]

    def device(self, number: int) -> Device:
        return Device.model_validate(
            {
                "id": f"cam-{number}",
                "mac": _mac(number),
                "ip": f"10.20.1.{number + 1}",
                "site": "bench",
                "class": "ip-camera",
                "attached": Attachment(switch="sw-1", port=self.known[number].port),
            }
        )

    def wanted(self, number: int, vlan: int | None = None) -> PortState:
        platform = self.fleet.session("sw-1").platform
        return platform.moved(self.known[number], vlan or vlan_of(number))

    async def move(self, number: int, send_by: datetime | None = None) -> PortState:
        """Ask for one port's move, as it was known at first."""
        known, wanted = self.known[number], self.wanted(number)
        return await self.fleet.change(known, wanted, send_by or soon())

    async def move_all(self) -> list[Outcome]:
        """Ask for all at once."""
        moves = (self.move(number) for number in range(len(self.known)))
        return await asyncio.gather(*moves, return_exceptions=True)

    def truth(self, number: int) -> int:
        """The VLAN the port is in."""
        return self.emulated.chassis.state.ports[self.known[number].port].config.vlan

    def drift(self, number: int) -> None:
        """Someone else moves a port."""
        state = self.emulated.chassis.state
        port = state.ports[self.known[number].port]
        self.emulated.chassis.network.configure(port, PortConfig(vlan=20))
        if self.emulated._store is not None:  # Junos reads its own configuration database
            self.emulated._store.reboot()

    def written(self, kind: str) -> int:
        """How many lines of a kind the switch has taken."""
        return sum(write.kind == kind for write in self.emulated.chassis.journal.writes())

    async def counting(self) -> Fault:
        """From now on its ``hits`` are the lines the switch was sent."""
        return await self.emulated.inject(Fault(FaultKind.SLOW))

    def another(self, **options: float) -> "Crowd":
        """The same switch, by a fleet of its own; to be closed by the caller."""
        return Crowd(self.emulated, self.switch, SwitchFleet([self.switch], **options), self.known)  # type: ignore[arg-type]  # options of its constructor


def _mac(number: int) -> str:
    return f"02:00:00:00:01:{number:02x}"


@asynccontextmanager
async def crowd(platform: Platform, size: int, folder: Path) -> AsyncIterator[Crowd]:
    """A switch with so many cameras, each alone on its port."""
    names = [port_name(platform, number) for number in range(size)]
    vlans = {1: "default", HOME: "cams", 20: "lab", 666: "q"}
    vlans |= {vlan_of(number): f"v{vlan_of(number)}" for number in range(size)}
    ports = {name: PortConfig(vlan=HOME) for name in names}
    state = SwitchState("sw-1", platform, vlans, ports)
    network = Network()
    network.add_switch(state)
    for number, name in enumerate(names):
        network.plug(
            Node(f"cam-{number}", _mac(number), f"10.20.1.{number + 1}", HOME), "sw-1", name
        )
    chassis = Chassis(network, state, Faults(), Journal())
    login = Login("firebreak", PASSWORD)
    emulated = EmulatedSwitch(chassis, login, new_host_key(), minute_s=MINUTE_S)
    await emulated.start("127.0.0.1", free_port())
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    cli = CliAccess(
        host=emulated.address[0],
        port=emulated.address[1],
        platform=platform,
        username="firebreak",
        password=f"file:{secret}",
        host_key=emulated.host_key_line,
    )
    switch = Switch(id="sw-1", site="bench", cli=cli)
    async with SwitchFleet([switch]) as fleet:
        known = [await read(fleet, name) for name in names]
        yield Crowd(emulated, switch, fleet, known)
    await emulated.stop()


async def read(fleet: SwitchFleet, port: str) -> PortState:
    """The port as the fleet reads it."""
    platform = fleet.session("sw-1").platform
    job = functools.partial(platform.read, switch="sw-1", port=port)
    return (await fleet.run("sw-1", job, fleet.fence())).state
