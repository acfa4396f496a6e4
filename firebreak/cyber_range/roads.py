"""Every road to the range beside the command line: SNMP agents, RADIUS, a NAC; on one network."""

import asyncio
from collections.abc import Collection, Mapping

from firebreak.cyber_range.agent import EmulatedAgent, SnmpUser
from firebreak.cyber_range.api_server import ApiServer
from firebreak.cyber_range.console import Chassis
from firebreak.cyber_range.faults import Fault, FaultKind
from firebreak.cyber_range.journal import Journal
from firebreak.cyber_range.nac_ise import IseApi, IseSetup
from firebreak.cyber_range.nac_packetfence import PacketFenceApi, PacketFenceSetup
from firebreak.cyber_range.nac_sessions import NacSessions
from firebreak.cyber_range.nas import NasConfig, RadiusNas
from firebreak.cyber_range.nas_faults import NasFault, NasFaultKind
from firebreak.cyber_range.network import Network
from firebreak.cyber_range.policy import RangeAuthorization
from firebreak.cyber_range.statedir import Road, StateDir
from firebreak.domain.estate import (
    FreeRadiusUsers,
    IseNac,
    Nac,
    PacketFenceNac,
    RadiusAccess,
    SnmpAccess,
)

ROADS: tuple[Road, ...] = ("snmp", "radius", "ise")  # a site has one NAC
USER = "firebreak"
NAC = "nac"  # the NAC's name in the range's own files and orders

# What a NAS does for a fault of the other systems.
_NAS_FAULTS = {
    FaultKind.REFUSE: NasFaultKind.SILENT,
    FaultKind.SILENT: NasFaultKind.SILENT,
    FaultKind.WRONG_PASSWORD: NasFaultKind.WRONG_SECRET,
    FaultKind.HANG: NasFaultKind.SWALLOW,
    FaultKind.HANG_BEFORE_WRITE: NasFaultKind.SWALLOW,
    FaultKind.HANG_AFTER_WRITE: NasFaultKind.HANG_AFTER_WRITE,
    FaultKind.DROP_BEFORE_WRITE: NasFaultKind.SWALLOW,
    FaultKind.DROP_AFTER_WRITE: NasFaultKind.HANG_AFTER_WRITE,
    FaultKind.REJECT_WRITE: NasFaultKind.NAK,
    FaultKind.LIE: NasFaultKind.LIE,
}


class _Answers(RangeAuthorization):
    """The RADIUS server's answers, where the NAC has the first word."""

    def __init__(self, state: StateDir, sessions: NacSessions, quarantine_vlan: int) -> None:
        super().__init__(state.path / "radius-users")
        self._sessions = sessions
        self._vlan = quarantine_vlan

    def vlan(self, mac: str) -> int | None:
        """See RangeAuthorization.vlan."""
        return self._vlan if self._sessions.isolates(mac) else super().vlan(mac)


class SiteRoads:
    """The systems of one range. Faults know them as ``sw-1/snmp``, ``sw-1/radius`` and ``nac``."""

    def __init__(
        self,
        roads: Collection[Road],
        state: StateDir,
        *,
        network: Network,
        chassis: Mapping[str, Chassis],
        journal: Journal,
        quarantine_vlan: int,
    ) -> None:
        """Build what is asked for. Raises ValueError for two NACs."""
        if {"ise", "packetfence"} <= set(roads):
            raise ValueError("a range has one NAC: ise or packetfence")
        self._state = state
        self._sessions = NacSessions(network, quarantine_vlan)
        self._policy = _Answers(state, self._sessions, quarantine_vlan)
        self.agents = {
            name: EmulatedAgent(each, self._snmp_user(name), dot1x=True)
            for name, each in chassis.items()
            if "snmp" in roads
        }
        self.nases = {
            name: RadiusNas(
                network,
                each.state,
                self._policy,
                journal,
                NasConfig(state.secret(name, "radius").encode()),
            )
            for name, each in chassis.items()
            if "radius" in roads
        }
        self.nac = self._nac(roads, journal)

    def _snmp_user(self, switch: str) -> SnmpUser:
        return SnmpUser(
            USER,
            auth_key=self._state.secret(switch, "snmp-auth"),
            priv_key=self._state.secret(switch, "snmp-priv"),
        )

    def _nac(self, roads: Collection[Road], journal: Journal) -> ApiServer | None:
        folder, password = self._state.path / NAC, self._state.secret(NAC, "password")
        if "ise" in roads:
            return IseApi(NAC, IseSetup(USER, password), self._sessions, folder, journal)
        if "packetfence" in roads:
            setup = PacketFenceSetup(USER, password)
            return PacketFenceApi(NAC, setup, self._sessions, folder, journal)
        return None

    async def start(self, port: int) -> None:
        """Listen, all on one port number, at addresses of their own. Raises OSError."""
        agents = (a.start(_address(21, n), port) for n, a in enumerate(self.agents.values(), 1))
        nases = (a.start(_address(23, n), port) for n, a in enumerate(self.nases.values(), 1))
        await asyncio.gather(*agents, *nases)
        if self.nac is not None:
            await self.nac.start(_address(24, 1), port)

    async def stop(self) -> None:
        """Take everything down."""
        agents = (agent.stop() for agent in self.agents.values())
        nases = (nas.stop() for nas in self.nases.values())
        await asyncio.gather(*agents, *nases)
        if self.nac is not None:
            await self.nac.stop()

    async def inject(self, system: str, fault: Fault) -> None:
        """Arm a fault. Raises KeyError for an unknown system, ValueError for one it cannot have."""
        switch, _, road = system.partition("/")
        if road == "snmp":
            self.agents[switch].inject(fault)
        elif road == "radius":
            if fault.kind not in _NAS_FAULTS:
                raise ValueError(f"a NAS has no {fault.kind}")
            kind = _NAS_FAULTS[fault.kind]
            self.nases[switch].faults.inject(NasFault(kind, times=fault.times))
        elif system == NAC and self.nac is not None:
            await self.nac.inject(fault)
        else:
            raise KeyError(system)

    async def clear(self, system: str) -> None:
        """Disarm every fault of a system. Raises KeyError."""
        switch, _, road = system.partition("/")
        if road == "snmp":
            self.agents[switch].clear()
        elif road == "radius":
            self.nases[switch].faults.clear()
        elif system == NAC and self.nac is not None:
            await self.nac.clear()
        else:
            raise KeyError(system)

    # -- as the estate has them -------------------------------------------------------------

    def snmp_access(self, switch: str) -> SnmpAccess | None:
        """The switch's agent, once started."""
        if switch not in self.agents:
            return None
        host, port = self.agents[switch].address
        return SnmpAccess(
            host=host,
            port=port,
            user=USER,
            auth_key=f"file:{self._state.secret_file(switch, 'snmp-auth')}",
            priv_key=f"file:{self._state.secret_file(switch, 'snmp-priv')}",
            dot1x=True,
        )

    def radius_access(self, switch: str) -> RadiusAccess | None:
        """The switch as a NAS, once started."""
        if switch not in self.nases:
            return None
        host, port = self.nases[switch].address
        return RadiusAccess(
            host=host,
            port=port,
            secret=f"file:{self._state.secret_file(switch, 'radius')}",
            disable_port=True,
        )

    def authorization(self) -> FreeRadiusUsers | None:
        """Where the RADIUS server takes its answers from. The range reads the file each time."""
        if not self.nases:
            return None
        file = self._state.path / "radius-users"
        file.touch(mode=0o600)
        return FreeRadiusUsers(
            kind="freeradius-users", file=str(file), reload=("true",), reload_gap_s=0
        )

    def nac_access(self) -> Nac | None:
        """The NAC, once started."""
        password = f"file:{self._state.secret_file(NAC, 'password')}"
        match self.nac:
            case IseApi():
                return IseNac(
                    kind="ise",
                    url=self.nac.url,
                    mnt_url=self.nac.url,
                    ca_file=str(self.nac.ca_file),
                    username=USER,
                    password=password,
                    policy=self.nac.setup.policy,
                    profile=self.nac.setup.profile,
                )
            case PacketFenceApi():
                return PacketFenceNac(
                    kind="packetfence",
                    url=self.nac.url,
                    ca_file=str(self.nac.ca_file),
                    username=USER,
                    password=password,
                    security_event=self.nac.setup.isolates,
                )
            case _:
                return None


def _address(net: int, number: int) -> str:
    """The ``number``-th loopback address of one kind of system, counted from one."""
    return f"127.{net}.{number // 256}.{number % 256}"
