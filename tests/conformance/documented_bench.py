"""What benches on a documented vendor API share: its bad days, and where its traces are."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from firebreak.domain.device import Attachment, Device
from firebreak.domain.estate import Sentinel, Site
from tests.conformance.bench import Fault
from tests.documented.service import Service, serving

MAC = "02:00:00:00:00:17"


def camera(switch: str = "sw-1", port: str | None = None, mac: str = MAC) -> Device:
    """The camera, as an inventory would have it on a port."""
    attached = Attachment(switch=switch, port=port) if port else None
    return Device.model_validate(
        {"id": "cam-17", "mac": mac, "site": "bench", "class": "ip-camera", "attached": attached}
    )


def bench_site(**systems: object) -> Site:
    """The site, with the systems that decide about access."""
    sentinel = Sentinel(id="none", method="icmp", control="127.0.0.1")
    return Site.model_validate(
        {"id": "bench", "quarantine_vlan": 666, "sentinel": sentinel, **systems}
    )


@dataclass
class DocumentedBench:
    """One service, and the controls made for it. A subclass knows the vendor."""

    service: Service
    secret_file: Path
    closers: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    def sessions(self) -> int:
        return self.service.connections()

    def credentials_tried(self) -> int:
        return self.service.tried

    async def break_with(self, fault: Fault) -> None:
        if fault is Fault.WRONG_CREDENTIALS:
            self.secret_file.write_text("another-one-4711")
        else:
            await self.service.break_with(fault)

    async def mend(self) -> None:
        self.service.fault = None


AnyBench = TypeVar("AnyBench", bound=DocumentedBench)


@asynccontextmanager
async def opened(bench: AnyBench, secret: str) -> AsyncIterator[AnyBench]:
    """The bench with its service running."""
    bench.secret_file.touch(mode=0o600)
    bench.secret_file.write_text(secret)
    async with serving(bench.service):
        try:
            yield bench
        finally:
            for close in bench.closers:
                await close()
