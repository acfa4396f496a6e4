"""The NAC controls over the range's APIs, which are written from the vendors' documentation."""

import functools
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

from firebreak.contracts.controls import Control
from firebreak.cyber_range.api_server import ApiServer
from firebreak.cyber_range.faults import Fault as RangeFault
from firebreak.cyber_range.faults import FaultKind
from firebreak.cyber_range.journal import Journal
from firebreak.cyber_range.nac_ise import IseApi, IseSetup
from firebreak.cyber_range.nac_packetfence import ISOLATION, PacketFenceApi, PacketFenceSetup
from firebreak.cyber_range.nac_sessions import NacSessions
from firebreak.cyber_range.network import Network, Node, PortConfig, SwitchState
from firebreak.cyber_range.ports import port_name
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device
from firebreak.domain.estate import IseNac, PacketFenceNac
from integrations.network.nac.control import NacQuarantine
from integrations.network.nac.ise import IseAnc
from integrations.network.nac.packetfence import PacketFence
from integrations.network.nac.source import NacSource
from tests.conformance.bench import Adapter, Bench, Case, Fault, Forbidden, Tested, Trait

PASSWORD = "correct-horse-17"
MAC = "02:00:00:00:00:17"
PORT, OTHER_PORT = (port_name("cisco_ios", n) for n in (0, 1))
QUARANTINE, HOME = 666, 10

_FAULTS = {
    Fault.UNREACHABLE: FaultKind.REFUSE,
    Fault.WRONG_CREDENTIALS: FaultKind.WRONG_PASSWORD,
    Fault.CHANGED_IDENTITY: FaultKind.WRONG_CERTIFICATE,
    Fault.HANG: FaultKind.HANG,
    Fault.HANG_AFTER_WRITE: FaultKind.HANG_AFTER_WRITE,
    Fault.CUT_BEFORE_WRITE: FaultKind.DROP_BEFORE_WRITE,
    Fault.CUT_AFTER_WRITE: FaultKind.DROP_AFTER_WRITE,
    Fault.REFUSE_WRITE: FaultKind.REJECT_WRITE,
}
_A_SESSION = "a NAC acts on the session of one MAC address and never on a port"
_ANYWHERE = "a NAC finds the session wherever the device hangs"
_BINARY = "an event is open or it is not, so that nothing is neither before nor after"
_ANY_MAC = "ISE takes an assignment for a MAC address it has never seen"
_PORTLESS: dict[Case, str] = {
    Forbidden.TRUNK: _A_SESSION,
    Forbidden.UPLINK: _A_SESSION,
    Forbidden.CROWDED: _A_SESSION,
    Forbidden.MOVED: _ANYWHERE,
}


@dataclass
class NacBench(ABC):
    """A camera on a switch port that a NAC authorizes."""

    network: Network
    sessions_of: NacSessions
    folder: Path
    sources: list[NacSource] = field(default_factory=list)

    @property
    @abstractmethod
    def api(self) -> ApiServer: ...

    @abstractmethod
    def source(self, deadline_s: float) -> NacSource: ...

    @abstractmethod
    async def drift(self) -> None: ...

    @abstractmethod
    def assigned(self) -> JsonObject: ...

    secret = PASSWORD

    @property
    def device(self) -> Device:
        return Device.model_validate(
            {"id": "cam-17", "mac": MAC, "site": "bench", "class": "ip-camera"}
        )

    def forbidden(self, kind: Forbidden) -> Device:
        if kind is Forbidden.UNKNOWN:
            return self.device.model_copy(update={"site": "elsewhere"})
        return self.device.model_copy(update={"mac": "02:00:00:00:00:99"})

    def refusal(self, kind: Forbidden) -> str:
        return "site elsewhere has no" if kind is Forbidden.UNKNOWN else "does not know 02:00"

    @property
    def vlan(self) -> int:
        """Where the hardware puts the camera's frames."""
        return self.network.switches["sw-1"].ports[PORT].forwarding.vlan

    def truth(self) -> JsonObject:
        return {**self.assigned(), "quarantined": self.vlan == QUARANTINE}

    def effects(self) -> int:
        return len(self.api.journal.effects())

    def sessions(self) -> int:
        return self.api.sessions

    def credentials_tried(self) -> int:
        return self.api.logins

    async def break_with(self, fault: Fault) -> None:
        await self.api.inject(RangeFault(_FAULTS[fault]))

    async def mend(self) -> None:
        await self.api.clear()

    def control(self, deadline_s: float) -> Control:
        source = self.source(deadline_s)
        self.sources.append(source)
        return NacQuarantine(source.adapter, {"bench": source})

    def password(self) -> str:
        """A reference to the credential."""
        file = self.folder / "password"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(PASSWORD)
        return f"file:{file}"


@dataclass
class IseBench(NacBench):
    """ISE with MnT."""

    setup: IseSetup = field(default_factory=lambda: IseSetup("firebreak", PASSWORD))

    @functools.cached_property
    def api(self) -> IseApi:
        return IseApi("ise-1", self.setup, self.sessions_of, self.folder / "ise", Journal())

    def source(self, deadline_s: float) -> IseAnc:
        estate = IseNac(
            kind="ise",
            url=self.api.url,
            mnt_url=self.api.url,
            ca_file=str(self.api.ca_file),
            username=self.setup.username,
            password=self.password(),
            policy=self.setup.policy,
            profile=self.setup.profile,
        )
        return IseAnc("bench", estate, deadline_s=deadline_s)

    async def drift(self) -> None:
        self.api.assign(MAC, "Monitor")

    def assigned(self) -> JsonObject:
        return {"policy": self.api.policies.get(MAC)}


@dataclass
class PacketFenceBench(NacBench):
    """PacketFence with one security event that isolates."""

    setup: PacketFenceSetup = field(default_factory=lambda: PacketFenceSetup("firebreak", PASSWORD))

    @functools.cached_property
    def api(self) -> PacketFenceApi:
        folder = self.folder / "packetfence"
        return PacketFenceApi("pf-1", self.setup, self.sessions_of, folder, Journal())

    def source(self, deadline_s: float) -> PacketFence:
        estate = PacketFenceNac(
            kind="packetfence",
            url=self.api.url,
            ca_file=str(self.api.ca_file),
            username=self.setup.username,
            password=self.password(),
            security_event=self.setup.isolates,
            role=ISOLATION,
        )
        return PacketFence("bench", estate, deadline_s=deadline_s)

    async def drift(self) -> None:
        raise NotImplementedError(_BINARY)

    def assigned(self) -> JsonObject:
        rows = self.api.open_events(MAC)
        return {"security_event": str(rows[0]) if rows else None}


AnyBench = TypeVar("AnyBench", bound=NacBench)


@asynccontextmanager
async def nac_bench(
    kind: Callable[[Network, NacSessions, Path], AnyBench], folder: Path
) -> AsyncIterator[AnyBench]:
    """A network with one switch, one camera and the NAC."""
    network = Network()
    vlans = {1: "default", HOME: "cams", QUARANTINE: "quarantine"}
    ports = dict.fromkeys((PORT, OTHER_PORT), PortConfig(vlan=HOME))
    network.add_switch(SwitchState("sw-1", "cisco_ios", vlans, ports))
    bench = kind(network, NacSessions(network, QUARANTINE), folder)
    network.plug(Node("cam-17", MAC, "10.20.0.17", HOME), "sw-1", PORT)
    await bench.api.start("127.0.0.1", 0)
    try:
        yield bench
    finally:
        for source in bench.sources:
            await source.close()
        await bench.api.stop()


def _open(
    kind: Callable[[Network, NacSessions, Path], NacBench], request: pytest.FixtureRequest
) -> AbstractAsyncContextManager[Bench]:
    return nac_bench(kind, request.getfixturevalue("tmp_path"))


NACS: list[Adapter] = [
    Adapter(
        "ise-nac",
        "ise",
        "nac",
        Tested.DOCUMENTED,
        functools.partial(_open, IseBench),
        exempt={**_PORTLESS, Forbidden.UNPLACED: _ANY_MAC},
    ),
    Adapter(
        "packetfence-nac",
        "packetfence",
        "nac",
        Tested.DOCUMENTED,
        functools.partial(_open, PacketFenceBench),
        exempt={**_PORTLESS, Trait.DRIFT: _BINARY},
    ),
]
