"""The simulated site as one thing: switches, devices, and the estate that describes them."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from firebreak.cyber_range import plant
from firebreak.cyber_range.console import Chassis
from firebreak.cyber_range.devices import GATEWAY, INSIDE, OUTSIDE, Fleet, loopback
from firebreak.cyber_range.faults import Faults
from firebreak.cyber_range.journal import Journal
from firebreak.cyber_range.network import Network, SwitchState
from firebreak.cyber_range.process import PRESS, Press
from firebreak.cyber_range.roads import ROADS, SiteRoads
from firebreak.cyber_range.silence import prove
from firebreak.cyber_range.statedir import Layout, Road, StateDir
from firebreak.cyber_range.switch import EmulatedSwitch, Login
from firebreak.domain.estate import CliAccess, Estate, Platform, Sentinel, Site, Switch
from firebreak.domain.limits import Cap, Limits

USERNAME = "firebreak"
BOT = f"{plant.CAMERA.prefix}-{plant.BOT}"

# Half of it at a time: a range is for trying things out, and for bursts.
_LIMITS = Limits(site=Cap(at_once_percent=50), redundancy_group=Cap(at_once=1))

# Logins to these start unprivileged and need the enable secret, as on most real ones.
_WITH_ENABLE: frozenset[Platform] = frozenset({"cisco_ios", "cisco_xe"})


class Range:
    """A site that runs in this process.

    Keys, passwords, the port, the journal and saved configurations outlive the process in its
    state directory. What a switch held only in its running configuration is lost, as on a real one.
    """

    def __init__(self, state: StateDir, layout: Layout, *, minute_s: float = 60) -> None:
        self.state = state
        self.network = Network()
        self.journal = Journal(state.journal_file)
        self.press = Press(state.path / f"{PRESS}.json")
        self.switches: dict[str, EmulatedSwitch] = {}
        self._layout = layout
        self._plant = plant.build(layout.devices, layout.switches, layout.platforms, layout.seed)
        self._fleet = Fleet(self.network)
        self.network.on_save = lambda switch: state.keep_startup(switch.name, switch.startup)
        for switch in self._plant.switches:
            self._rack(switch, minute_s)
        self.roads = SiteRoads(
            layout.roads,
            state,
            network=self.network,
            chassis={name: switch.chassis for name, switch in self.switches.items()},
            journal=self.journal,
            quarantine_vlan=plant.QUARANTINE_VLAN,
        )
        for placed in self._plant.placed:
            place = placed.device.attached
            if place is not None:
                self.network.plug(placed.node, place.switch, place.port)

    @classmethod
    def build(
        cls,
        path: Path,
        *,
        devices: int = 20,
        switches: int = 2,
        platforms: Sequence[Platform] = ("cisco_ios",),
        roads: Sequence[Road] = ROADS,
        seed: int = 17,
        minute_s: float = 60,
    ) -> Self:
        """Make a range in a state directory, or take up the one that is there.

        ``roads`` are the ways to the network beside the switches' command line. ``minute_s`` is how
        long a minute of Junos' ``commit confirmed`` lasts, in seconds.

        Raises:
            ValueError: the directory holds a range of another shape, or the shape is impossible.
        """
        state = StateDir(path)
        wanted = Layout(devices, switches, tuple(platforms), seed, tuple(roads))
        found = state.layout()
        if found is not None and replace(found, port=0) != wanted:
            raise ValueError(f"{path} holds another range ({found}); use another state directory")
        return cls(state, found or wanted, minute_s=minute_s)

    @property
    def port(self) -> int:
        """The TCP port of every device, of the gateway and of every switch."""
        return self._layout.port

    @property
    def estate_file(self) -> Path:
        """The estate as the product reads it, written by ``start``."""
        return self.state.estate_file

    async def start(self) -> None:
        """Bring everything up and write the estate file.

        Raises:
            OSError: a port is taken.
            RuntimeError: this kernel can't make a device silent.
        """
        try:
            await prove(loopback(GATEWAY))
            port = self._fleet.start(self._layout.port)
            for number, switch in enumerate(self.switches.values(), start=1):
                await switch.start(management(number), port)
            await self.roads.start(port)
            await self.press.start(port)
        except (OSError, RuntimeError):
            await self.stop()
            raise
        self._layout = replace(self._layout, port=port)
        self.state.keep_layout(self._layout)
        self.state.keep_estate(self.estate())

    async def stop(self) -> None:
        """Take everything down."""
        await asyncio.gather(
            self.roads.stop(),
            self.press.stop(),
            *(switch.stop() for switch in self.switches.values()),
        )
        self._fleet.close()
        self.journal.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def estate(self) -> Estate:
        """The site as the product sees it: addresses, host keys, secret references, devices."""
        sentinel = Sentinel(
            id="range-sentinel",
            method="tcp",
            port=self.port,
            control=GATEWAY,
            control_port=self.port,
            nat={str(INSIDE): str(OUTSIDE)},
            attempts=3,
            timeout_s=0.4,
        )
        site = Site(
            id=plant.SITE,
            name="Simulated plant",
            quarantine_vlan=plant.QUARANTINE_VLAN,
            sentinel=sentinel,
            nac=self.roads.nac_access(),
            authorization=self.roads.authorization(),
        )
        devices = tuple(placed.device for placed in self._plant.placed)
        return Estate(
            sites=(site,),
            switches=tuple(self._described(switch) for switch in self.switches.values()),
            devices=devices,
            interlocks=self.press.interlocks(devices),
            limits=_LIMITS,
        )

    def _described(self, switch: EmulatedSwitch) -> Switch:
        state = switch.chassis.state
        host, port = switch.address
        enable = state.platform in _WITH_ENABLE
        return Switch(
            id=state.name,
            site=plant.SITE,
            cli=CliAccess(
                host=host,
                port=port,
                platform=state.platform,
                username=USERNAME,
                password=f"file:{self.state.secret_file(state.name, 'password')}",
                enable_secret=f"file:{self.state.secret_file(state.name, 'enable')}"
                if enable
                else None,
                host_key=switch.host_key_line,
            ),
            snmp=self.roads.snmp_access(state.name),
            radius=self.roads.radius_access(state.name),
            uplinks=(self._plant.uplinks[state.name],),
        )

    def _rack(self, switch: SwitchState, minute_s: float) -> None:
        self.network.add_switch(switch)
        saved = self.state.startup(switch.name)
        if saved is not None:
            switch.startup = saved
            self.network.reboot(switch)
        enable = (
            self.state.secret(switch.name, "enable") if switch.platform in _WITH_ENABLE else None
        )
        chassis = Chassis(self.network, switch, Faults(), self.journal, enable)
        login = Login(USERNAME, self.state.secret(switch.name, "password"))
        key = self.state.host_key(switch.name)
        self.switches[switch.name] = EmulatedSwitch(chassis, login, key, minute_s=minute_s)


def management(number: int) -> str:
    """The address of the ``number``-th switch's management plane, counted from one."""
    return f"127.21.{number // 256}.{number % 256}"
