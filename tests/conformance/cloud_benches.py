"""The cloud controls on services in the documented shape of Meraki and Mist."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device
from firebreak.domain.estate import CloudSwitch, Meraki, Mist, Switch
from integrations.network.cloud.meraki import MerakiQuarantine
from integrations.network.cloud.mist import MistQuarantine
from tests.conformance.bench import Adapter, Bench, Forbidden, Tested
from tests.conformance.documented_bench import (
    MAC,
    DocumentedBench,
    bench_site,
    camera,
    opened,
)
from tests.documented import meraki, mist
from tests.documented.meraki import MerakiCloud, new_port
from tests.documented.mist import MistCloud
from tests.documented.service import Service

CROWD = ("02:00:00:00:00:31", "02:00:00:00:00:32")
_REFUSALS = {
    Forbidden.TRUNK: "is a trunk",
    Forbidden.UPLINK: "is an uplink",
    Forbidden.CROWDED: "max_macs",
    Forbidden.UNKNOWN: "does not know port",
    Forbidden.MOVED: "has moved to",
    Forbidden.UNPLACED: "does not say which port",
}


@dataclass
class MerakiBench(DocumentedBench):
    """One Meraki switch."""

    cloud: MerakiCloud = field(default_factory=MerakiCloud)
    secret = meraki.KEY

    @property
    def device(self) -> Device:
        return camera(port="1")

    def forbidden(self, kind: Forbidden) -> Device:
        if kind is Forbidden.CROWDED:
            return camera(port="4", mac=CROWD[0])
        ports = {
            Forbidden.TRUNK: "3",
            Forbidden.UPLINK: "24",
            Forbidden.UNKNOWN: "99",
            Forbidden.MOVED: "2",
        }
        return camera(port=ports.get(kind))

    def refusal(self, kind: Forbidden) -> str:
        return _REFUSALS[kind]

    def truth(self) -> JsonObject:
        port = self.cloud.ports["1"]
        admin = "up" if port["enabled"] else "down"
        return {"mode": port["type"], "vlan": port["vlan"], "admin": admin}

    def effects(self) -> int:
        return len(self.cloud.changes)

    async def drift(self) -> None:
        self.cloud.ports["1"]["vlan"] = 20

    def control(self, deadline_s: float, settle_s: float = 30.0) -> MerakiQuarantine:
        """Typed as what it is, for the tests of its own."""
        controller = Meraki(
            kind="meraki",
            url=f"{self.service.url}/api/v1",
            ca_file=self.service.ca_file,
            key=f"file:{self.secret_file}",
            organization=meraki.ORGANIZATION,
        )
        cloud = CloudSwitch(id=meraki.SERIAL)
        switch = Switch(id="sw-1", site="bench", uplinks=("24",), cloud=cloud)
        site = bench_site(controller=controller)
        control = MerakiQuarantine(
            {"bench": site}, {"sw-1": switch}, deadline_s=deadline_s, settle_s=settle_s
        )
        self.closers.append(control.close)
        return control


def meraki_bench(folder: Path) -> AbstractAsyncContextManager[MerakiBench]:
    """A switch with a camera, a trunk, an uplink and a port with a hub."""
    cloud = MerakiCloud()
    for port in (
        new_port("1"),
        new_port("2"),
        new_port("3", type="trunk", name="to ap-3"),
        new_port("4"),
        new_port("24", name="uplink"),
    ):
        cloud.ports[port["portId"]] = port
    cloud.plug(MAC, "1")
    for mac in CROWD:
        cloud.plug(mac, "4")
    refusal: tuple[int, JsonObject] = (400, {"errors": ["Port configuration is locked"]})
    service = Service(cloud.app, folder, refusal)
    return opened(MerakiBench(service, folder / "meraki-key", cloud=cloud), meraki.KEY)


@dataclass
class MistBench(DocumentedBench):
    """One Mist switch."""

    cloud: MistCloud = field(default_factory=MistCloud)
    secret = mist.TOKEN

    @property
    def device(self) -> Device:
        return camera(port="ge-0/0/1")

    def forbidden(self, kind: Forbidden) -> Device:
        if kind is Forbidden.CROWDED:
            return camera(port="ge-0/0/3", mac=CROWD[0])
        ports = {
            Forbidden.TRUNK: "ge-0/0/4",
            Forbidden.UPLINK: "ge-0/0/9",
            Forbidden.UNKNOWN: "ge-0/0/47",
            Forbidden.MOVED: "ge-0/0/2",
        }
        return camera(port=ports.get(kind))

    def refusal(self, kind: Forbidden) -> str:
        return _REFUSALS[kind]

    def truth(self) -> JsonObject:
        return {"override": (self.cloud.overrides or {}).get("ge-0/0/1")}

    def effects(self) -> int:
        return len(self.cloud.changes)

    async def drift(self) -> None:
        others = self.cloud.overrides or {}
        self.cloud.overrides = {**others, "ge-0/0/1": {"usage": "phones"}}

    def control(self, deadline_s: float, settle_s: float = 30.0) -> MistQuarantine:
        """Typed as what it is, for the tests of its own."""
        controller = Mist(
            kind="mist",
            url=self.service.url,
            ca_file=self.service.ca_file,
            token=f"file:{self.secret_file}",
            site_id=mist.SITE,
            quarantine_usage="quarantine",
        )
        cloud = CloudSwitch(id=mist.DEVICE)
        switch = Switch(id="sw-1", site="bench", uplinks=("ge-0/0/9",), cloud=cloud)
        site = bench_site(controller=controller)
        control = MistQuarantine(
            {"bench": site}, {"sw-1": switch}, deadline_s=deadline_s, settle_s=settle_s
        )
        self.closers.append(control.close)
        return control


def mist_bench(folder: Path) -> AbstractAsyncContextManager[MistBench]:
    """A switch with a camera, a trunk, an uplink, a hub and an override of another port."""
    cloud = MistCloud(overrides={"ge-0/0/2": {"usage": "phones", "note": "by the help desk"}})
    cloud.plug(MAC, "ge-0/0/1")
    for mac in CROWD:
        cloud.plug(mac, "ge-0/0/3")
    service = Service(cloud.app, folder, (400, {"detail": "port is locked"}))
    return opened(MistBench(service, folder / "mist-token", cloud=cloud), mist.TOKEN)


def _meraki(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Bench]:
    return meraki_bench(request.getfixturevalue("tmp_path"))


def _mist(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Bench]:
    return mist_bench(request.getfixturevalue("tmp_path"))


CLOUDS: list[Adapter] = [
    Adapter("meraki-controller", "meraki", "controller", Tested.DOCUMENTED, _meraki),
    Adapter("mist-controller", "mist", "controller", Tested.DOCUMENTED, _mist),
]
