"""Firebreak's side: its own server and worker processes, over an estate that does nothing."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import uvloop

from bench.common import EFFECTS, Bell
from firebreak import logs, memory
from firebreak.domain.alert import Alert
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device
from firebreak.domain.plan import ProbeReport, Reach
from firebreak.errors import NotFound
from firebreak.playbook.catalogue import Action, ActionKind, Catalogue
from firebreak.playbook.program import Approve, Do, Program
from firebreak.settings import Settings
from firebreak.wiring.server import serve_api
from firebreak.wiring.worker import Adapters, serve_worker
from integrations.network.locate import SiteLocator

DEVICES = 20_000


def device(number: int) -> Device:
    """A made-up camera with an address of its own."""
    high, low = divmod(number, 250)
    return Device.model_validate(
        {
            "id": f"cam-{number}",
            "mac": f"02:00:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}",
            "ip": f"10.{20 + high // 250}.{high % 250}.{low + 1}",
            "site": "bench",
            "class": "ip-camera",
            "criticality": "low",
        }
    )


class Estate:
    """Many devices, by id and address."""

    def __init__(self) -> None:
        self._by_id = {d.id: d for d in map(device, range(DEVICES))}
        self._by_ip = {d.ip: d for d in self._by_id.values()}

    def device(self, device_id: str) -> Device:
        """By id."""
        if device_id not in self._by_id:
            raise NotFound(device_id)
        return self._by_id[device_id]

    def by_address(self, *, ip: str | None = None, mac: str | None = None) -> Device | None:
        """By address."""
        del mac
        return self._by_ip.get(ip)

    def devices(self) -> tuple[Device, ...]:
        """All."""
        return tuple(self._by_id.values())

    def time_zone(self, site: str) -> str:
        """Nobody asks for the time."""
        del site
        return "UTC"


class Ring:
    """The effect that both sides have. Idempotent, so a crash may repeat it."""

    idempotent = True

    def __init__(self, bell: Bell) -> None:
        self._bell = bell

    async def run(self, target: Device, inputs: JsonObject, key: str) -> JsonObject:
        """Ring."""
        del inputs
        self._bell.ring(target.id, key.rpartition("/")[2])
        return {}


class NoProbe:
    """Never asked: the playbook has no control."""

    async def look(self, target: Device) -> ProbeReport:
        """Nothing is known."""
        return ProbeReport(
            vantage="bench",
            target=target.id,
            method="none",
            reach=Reach.INCONCLUSIVE,
            at=datetime.now(UTC),
        )


class OnePlaybook:
    """Five effects in a row, started by any alert."""

    def __init__(self, mode: str) -> None:
        """``mode``: ``ordinary`` or ``quick`` effects, or one that is ``approved`` first."""
        effects = [
            Do(id=f"e{number}", action="bench.effect", quick=mode == "quick")
            for number in range(EFFECTS)
        ]
        ask = Approve(id="ask", role="on-call", within_s=3600, plan=())
        steps = (ask, effects[0]) if mode == "approved" else tuple(effects)
        self._program = Program(name="respond5", version=1, summary="Effects", steps=steps)

    def program(self, name: str) -> Program:
        """The one there is."""
        if name != self._program.name:
            raise NotFound(name)
        return self._program

    def programs(self) -> Sequence[Program]:
        """The one there is."""
        return [self._program]

    def matching(self, alert: Alert, target: Device) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Always."""
        del alert, target
        return ("respond5",), ()


def _adapters(bell_port: int) -> Adapters:
    async def close() -> None:
        """Nothing is open."""

    effect = Action(name="bench.effect", kind=ActionKind.EFFECT, summary="Ring a bell")
    return Adapters(
        catalogue=Catalogue([effect]),
        inventory=Estate(),
        probe=NoProbe(),
        controls={},
        locator=SiteLocator({}, ()),
        operations={"bench.effect": Ring(Bell(bell_port))},
        close=close,
    )


def main() -> None:
    """``worker <bell port>`` or ``server <mode of OnePlaybook>``; settings from the environment."""
    settings = Settings()
    logs.configure(settings)
    memory.settle()
    if sys.argv[1] == "worker":
        uvloop.run(serve_worker(settings, _adapters(int(sys.argv[2]))))
    else:
        playbooks = OnePlaybook(sys.argv[2])
        uvloop.run(serve_api(settings, playbooks, Estate()))


if __name__ == "__main__":
    main()
