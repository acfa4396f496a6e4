"""Rung ``nac`` on a service in the documented shape of ClearPass."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from firebreak.contracts.controls import Control
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device
from firebreak.domain.estate import ClearPassNac
from integrations.network.nac.clearpass import ClearPass
from integrations.network.nac.control import NacQuarantine
from tests.conformance.bench import Adapter, Bench, Forbidden, Tested
from tests.conformance.documented_bench import MAC, DocumentedBench, camera, opened
from tests.documented import clearpass
from tests.documented.clearpass import ClearPassServer
from tests.documented.service import Service

BARE = MAC.replace(":", "")
_PER_SESSION = "a NAC acts on the device's own session, on whichever port that is"
_REFUSALS = {Forbidden.UNKNOWN: "has no clearpass", Forbidden.MOVED: "does not know"}


@dataclass
class ClearPassBench(DocumentedBench):
    """One ClearPass that knows one camera."""

    server: ClearPassServer = field(default_factory=ClearPassServer)
    secret = clearpass.SECRET

    @property
    def device(self) -> Device:
        return camera()

    def forbidden(self, kind: Forbidden) -> Device:
        if kind is Forbidden.UNKNOWN:
            return camera().model_copy(update={"site": "elsewhere"})
        return camera(mac="02:00:00:00:00:99")

    def refusal(self, kind: Forbidden) -> str:
        return _REFUSALS[kind]

    def truth(self) -> JsonObject:
        value = self.server.endpoints[BARE]["attributes"].get("Firebreak")
        return {"mac": MAC, "value": value, "quarantined": value == "quarantine"}

    def effects(self) -> int:
        return len(self.server.changes)

    async def drift(self) -> None:
        self.server.endpoints[BARE]["attributes"]["Firebreak"] = "trusted"

    def source(self, deadline_s: float) -> ClearPass:
        """The source alone."""
        api = ClearPassNac(
            kind="clearpass",
            url=self.service.url,
            ca_file=self.service.ca_file,
            client_id=clearpass.CLIENT,
            client_secret=f"file:{self.secret_file}",
            profile=clearpass.PROFILE,
        )
        source = ClearPass("bench", api, deadline_s=deadline_s)
        self.closers.append(source.close)
        return source

    def control(self, deadline_s: float) -> Control:
        return NacQuarantine("clearpass", {"bench": self.source(deadline_s)})


def clearpass_bench(folder: Path) -> AbstractAsyncContextManager[ClearPassBench]:
    """A ClearPass with the camera's endpoint and its session."""
    server = ClearPassServer()
    server.enroll(MAC, Location="hall 3")
    refusal: tuple[int, JsonObject] = (422, {"title": "Unprocessable Entity", "status": 422})
    service = Service(server.app, folder, refusal, login="/api/oauth")
    bench = ClearPassBench(service, folder / "clearpass-secret", server=server)
    return opened(bench, clearpass.SECRET)


def _clearpass(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Bench]:
    return clearpass_bench(request.getfixturevalue("tmp_path"))


CLEARPASS: list[Adapter] = [
    Adapter(
        "clearpass-nac",
        "clearpass",
        "nac",
        Tested.DOCUMENTED,
        _clearpass,
        exempt={
            Forbidden.TRUNK: _PER_SESSION,
            Forbidden.UPLINK: _PER_SESSION,
            Forbidden.CROWDED: _PER_SESSION,
            Forbidden.UNPLACED: _PER_SESSION,
        },
    )
]
