"""The RADIUS controls against the range's NAS: by policy, by CoA alone, and a port shut by it."""

import functools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from firebreak.contracts.controls import Control
from firebreak.cyber_range.nas import NasConfig, RadiusNas
from firebreak.cyber_range.nas_faults import NasFault, NasFaultKind
from firebreak.cyber_range.policy import RangeAuthorization
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device
from firebreak.domain.estate import RadiusAccess
from integrations.network.cli.fleet import SwitchFleet
from integrations.network.radius.cli_ports import CliPorts
from integrations.network.radius.client import DynamicAuthorization
from integrations.network.radius.port_down import RadiusPortDown
from tests.conformance.bench import Adapter, Bench, Case, Fault, Forbidden, Tested
from tests.conformance.switch_benches import EmulatedBench, emulated_bench
from tests.unit.radius.site import (
    HOME,
    MAC,
    SECRET,
    RadiusSite,
    RangeWitness,
    radius_site,
)

_NAS_FAULTS = {
    Fault.HANG: NasFaultKind.SILENT,
    Fault.CUT_BEFORE_WRITE: NasFaultKind.SILENT,
    Fault.HANG_AFTER_WRITE: NasFaultKind.HANG_AFTER_WRITE,
    Fault.CUT_AFTER_WRITE: NasFaultKind.HANG_AFTER_WRITE,
    Fault.REFUSE_WRITE: NasFaultKind.NAK,
}
_SILENT_NAS = (
    "a NAS drops what it cannot authenticate without a word (RFC 5176, section 3.4), so a wrong "
    "secret is Unreachable; it is found out before anything is changed"
)
_NO_IDENTITY = "a NAS has no identity but the shared secret: another one is silent, or not believed"
_NO_PORT = "one session is moved, and no port is touched"
_ASKED_LATER = "a NAS says only when it is asked to act that it has no such session (503)"

EXEMPT_UDP: dict[Case, str] = {
    Fault.WRONG_CREDENTIALS: _SILENT_NAS,
    Fault.CHANGED_IDENTITY: _NO_IDENTITY,
}
EXEMPT_SESSION: dict[Case, str] = {
    **EXEMPT_UDP,
    Forbidden.TRUNK: _NO_PORT,
    Forbidden.UPLINK: _NO_PORT,
    Forbidden.CROWDED: _NO_PORT,
    Forbidden.UNKNOWN: _NO_PORT,
    Forbidden.MOVED: _ASKED_LATER,
}


async def break_nas(nas: RadiusNas, fault: Fault) -> None:
    """Make a NAS fail as the suite wants it."""
    if fault is Fault.UNREACHABLE:
        await nas.stop()
    else:
        nas.faults.inject(NasFault(_NAS_FAULTS[fault]))


async def mend_nas(nas: RadiusNas) -> None:
    """The NAS as it was, at the same address."""
    nas.faults.clear()
    await nas.stop()
    await nas.start(*nas.address)


@dataclass
class SessionBench:
    """A session on the range's NAS. ``make`` gives the control over the site."""

    site: RadiusSite
    make: Callable[[RadiusSite, float], Control]
    by_policy: bool
    secret: str = SECRET

    @property
    def device(self) -> Device:
        return self.site.device()

    def forbidden(self, kind: Forbidden) -> Device:
        assert kind is Forbidden.UNPLACED
        return self.site.device(switch=None)

    def refusal(self, kind: Forbidden) -> str:
        assert kind is Forbidden.UNPLACED
        return "does not say which port"

    def truth(self) -> JsonObject:
        """What the device gets: the server's word, as long as the session follows it."""
        vlan = self.site.vlan()
        if not self.by_policy:
            return {"vlan": vlan}
        follows = vlan == (self.site.policy.vlan(MAC) or HOME)
        return {"authorized": self.site.source.state(MAC) if follows else {"session in": vlan}}

    def effects(self) -> int:
        return len(self.site.commands()) + self.site.source.writes

    def sessions(self) -> int:
        return 0  # datagrams

    def credentials_tried(self) -> int:
        return 0

    async def drift(self) -> None:
        self.site.policy.assign(MAC, 20)
        self.site.network.authorize("node-17", 20)

    async def break_with(self, fault: Fault) -> None:
        await break_nas(self.site.nas, fault)

    async def mend(self) -> None:
        await mend_nas(self.site.nas)

    def control(self, deadline_s: float) -> Control:
        return self.make(self.site, deadline_s)


@dataclass
class PortDownBench:
    """An IOS-like switch whose NAS shuts ports and whose command line brings them up again."""

    emulated: EmulatedBench
    nas: RadiusNas
    client: DynamicAuthorization
    fleets: list[SwitchFleet] = field(default_factory=list)
    secret: str = SECRET

    @property
    def device(self) -> Device:
        return self.emulated.device

    def forbidden(self, kind: Forbidden) -> Device:
        return self.emulated.forbidden(kind)

    def refusal(self, kind: Forbidden) -> str:
        return self.emulated.refusal(kind)

    def truth(self) -> JsonObject:
        return self.emulated.truth()

    def effects(self) -> int:
        return self.emulated.effects()

    def sessions(self) -> int:
        return 0  # datagrams; those of the command line are another adapter's

    def credentials_tried(self) -> int:
        return 0

    async def drift(self) -> None:
        await self.emulated.drift()

    async def break_with(self, fault: Fault) -> None:
        await break_nas(self.nas, fault)
        if fault is Fault.CUT_AFTER_WRITE:  # the way back is the command line's
            await self.emulated.break_with(fault)

    async def mend(self) -> None:
        await mend_nas(self.nas)
        await self.emulated.mend()

    def control(self, deadline_s: float) -> Control:
        fleet = SwitchFleet([self.emulated.switch], deadline_s=deadline_s, threads=4)
        self.fleets.append(fleet)
        ports = CliPorts(fleet)
        return RadiusPortDown(self.client, ports, ports, deadline_s=deadline_s)


@asynccontextmanager
async def session_bench(
    folder: Path, make: Callable[[RadiusSite, float], Control], *, by_policy: bool
) -> AsyncIterator[SessionBench]:
    """A site of its own for each test."""
    async with radius_site(folder) as site:
        yield SessionBench(site, make, by_policy)


@asynccontextmanager
async def port_down_bench(folder: Path) -> AsyncIterator[PortDownBench]:
    """The emulated switch with a NAS beside its command line."""
    secret = folder / "radius-secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    async with emulated_bench("cisco_ios", "port-down", folder) as emulated:
        chassis = emulated.emulated.chassis
        config = NasConfig(secret=SECRET.encode())
        nas = RadiusNas(
            chassis.network, chassis.state, RangeAuthorization(), chassis.journal, config
        )
        await nas.start("127.0.0.1")
        access = RadiusAccess(
            host="127.0.0.1",
            port=nas.address[1],
            secret=f"file:{secret}",
            disable_port=True,
            timeout_s=0.1,
            settle_s=1.0,
        )
        switch = emulated.switch.model_copy(update={"radius": access})
        bench = PortDownBench(emulated, nas, DynamicAuthorization({switch.id: switch}))
        try:
            yield bench
        finally:
            for fleet in bench.fleets:
                await fleet.close()
            await bench.client.close()
            await nas.stop()


def _disconnect(site: RadiusSite, deadline_s: float) -> Control:
    return site.control(deadline_s=deadline_s)


def _reauthenticate(site: RadiusSite, deadline_s: float) -> Control:
    return site.control(
        deadline_s=deadline_s, witness=RangeWitness(site.nas), reauthenticate="reauthenticate"
    )


def _coa(site: RadiusSite, deadline_s: float) -> Control:
    return site.control(
        source=False, deadline_s=deadline_s, witness=RangeWitness(site.nas), vlan="coa"
    )


def _session(
    make: Callable[[RadiusSite, float], Control],
    request: pytest.FixtureRequest,
    *,
    by_policy: bool = True,
) -> AbstractAsyncContextManager[Bench]:
    return session_bench(request.getfixturevalue("tmp_path"), make, by_policy=by_policy)


def _port_down(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Bench]:
    return port_down_bench(request.getfixturevalue("tmp_path"))


def _adapter(
    name: str,
    rung: str,
    opens: Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[Bench]],
    exempt: dict[Case, str],
) -> Adapter:
    return Adapter(name, "radius", rung, Tested.EMULATOR, opens, exempt=exempt)


RADIUS: list[Adapter] = [
    _adapter(
        "radius-disconnect", "radius", functools.partial(_session, _disconnect), EXEMPT_SESSION
    ),
    _adapter(
        "radius-reauthenticate",
        "radius",
        functools.partial(_session, _reauthenticate),
        EXEMPT_SESSION,
    ),
    _adapter(
        "radius-coa", "radius", functools.partial(_session, _coa, by_policy=False), EXEMPT_SESSION
    ),
    _adapter("radius-port-down", "radius-port-down", _port_down, EXEMPT_UDP),
]
