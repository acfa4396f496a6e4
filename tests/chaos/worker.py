"""A worker in a process of its own that can be told at which moment to be killed.

Everything in it is the product's but the site. A moment is before or after one append to the
ledger, or before or after one write to the site, counted from its start.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from activities.builtin import NoteOperation, ProbeOperation
from firebreak.contracts.controls import Observation
from firebreak.contracts.ledger import Appended, Claim
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device
from firebreak.domain.limits import Limits, Reservation
from firebreak.domain.plan import Plan
from firebreak.domain.record import NewEntry
from firebreak.ledger.store import SqlLedger
from firebreak.playbook.catalogue import SHIPPED
from firebreak.settings import Settings
from firebreak.wiring.shared import connect_temporal, load_policy
from firebreak.wiring.worker import Adapters, build_steps
from firebreak.worker import build_worker
from tests.chaos.site import DiskControl, DiskSite

T = TypeVar("T")


class Fate:
    """Kills this process at the chosen moment; 0 is never."""

    def __init__(self, die_at: int, tally: Path) -> None:
        self._die_at = die_at
        self._tally = tally
        self._moments = 0

    def moment(self) -> None:
        self._moments += 1
        self._tally.write_text(str(self._moments))
        if self._moments == self._die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    async def around(self, work: Awaitable[T]) -> T:
        self.moment()
        done = await work
        self.moment()
        return done


class DoomedLedger(SqlLedger):
    """The real ledger; each append is two moments."""

    fate: Fate

    async def append(
        self,
        *entries: NewEntry,
        claim: Claim | None = None,
        reserve: Reservation | None = None,
    ) -> tuple[Appended, ...]:
        return await self.fate.around(super().append(*entries, claim=claim, reserve=reserve))


class DoomedControl:
    """A control whose writes are two moments each."""

    def __init__(self, control: DiskControl, fate: Fate) -> None:
        self._control = control
        self._fate = fate
        self.capabilities = control.capabilities

    def serves(self, device: Device) -> str:
        return self._control.serves(device)

    async def observe(self, device: Device) -> Observation:
        return await self._control.observe(device)

    async def plan(self, device: Device, inputs: JsonObject, seen: Observation) -> Plan:
        return await self._control.plan(device, inputs, seen)

    async def apply(self, plan: Plan, send_by: datetime) -> JsonObject:
        return await self._fate.around(self._control.apply(plan, send_by))

    async def revert(self, plan: Plan, send_by: datetime) -> JsonObject:
        return await self._fate.around(self._control.revert(plan, send_by))


def run(settings: Settings, folder: str, die_at: int, tally: str) -> None:
    """The process: serve until killed."""
    asyncio.run(_serve(settings, Path(folder), Fate(die_at, Path(tally))))


async def _serve(settings: Settings, folder: Path, fate: Fate) -> None:
    ledger = await DoomedLedger.open(settings.ledger_url)
    ledger.fate = fate
    client = await connect_temporal(settings)
    site = DiskSite(folder)

    async def close() -> None:
        """Nothing is open."""

    adapters = Adapters(
        catalogue=SHIPPED,
        inventory=site,
        probe=site,
        controls={("network.quarantine", "switch"): [DoomedControl(DiskControl(site), fate)]},
        locator=site,
        operations={"device.probe": ProbeOperation(site), "incident.note": NoteOperation()},
        limits=lambda: Limits(site=None),  # every device of the site is contained side by side
        close=close,
    )
    steps = build_steps(settings, ledger, load_policy(settings, site), adapters)
    async with build_worker(client, settings, steps):
        await asyncio.Event().wait()
