"""A site on disk: it outlives every process that is killed, and keeps each write it was sent.

Containment of a device is one file; the journal is appended to, a line a write, so that a write
sent twice cannot hide.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from firebreak.contracts.controls import Capabilities, Observation, Place
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device
from firebreak.domain.plan import Plan, ProbeReport, Reach
from firebreak.errors import NotFound, StateDrifted, Unreachable
from tests.workflows.site import PRODUCTION, QUARANTINE, camera

CAMERAS = 200


class DiskSite:
    """Ports of cameras ``cam-0`` and so on, as files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._journal = folder / "journal.jsonl"
        self._devices = {device.id: device for device in map(camera, range(CAMERAS))}

    def device(self, device_id: str) -> Device:
        if device_id not in self._devices:
            raise NotFound(device_id)
        return self._devices[device_id]

    def by_address(self, *, ip: str | None = None, mac: str | None = None) -> Device | None:
        del ip
        return next((d for d in self._devices.values() if d.mac == mac), None)

    def devices(self) -> tuple[Device, ...]:
        return tuple(self._devices.values())

    def time_zone(self, site: str) -> str:
        del site
        return "UTC"

    async def locate(self, device: Device) -> Place | None:
        """Nobody looks for it."""
        del device
        return None

    def vlan(self, device_id: str) -> int:
        path = self._folder / device_id
        return int(path.read_text()) if path.exists() else PRODUCTION

    def write(self, device_id: str, vlan: int) -> None:
        line = json.dumps({"device": device_id, "vlan": vlan}) + "\n"
        handle = os.open(self._journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(handle, line.encode())
        os.close(handle)
        draft = self._folder / f".{device_id}.{os.getpid()}"
        draft.write_text(str(vlan))
        draft.replace(self._folder / device_id)

    def writes(self, device_id: str) -> list[int]:
        if not self._journal.exists():
            return []
        lines = [json.loads(line) for line in self._journal.read_text().splitlines()]
        return [line["vlan"] for line in lines if line["device"] == device_id]

    async def look(self, device: Device) -> ProbeReport:
        reachable = self.vlan(device.id) == PRODUCTION
        return ProbeReport(
            vantage="disk",
            target=device.id,
            method="disk",
            reach=Reach.REACHABLE if reachable else Reach.UNREACHABLE,
            at=datetime.now(UTC),
        )


class DiskControl:
    """The rung ``switch`` over the site on disk."""

    capabilities = Capabilities(
        adapter="disk", rung="switch", reversible=True, idempotent=True, deadline_s=1
    )

    def __init__(self, site: DiskSite) -> None:
        self._site = site

    def serves(self, device: Device) -> str:
        del device
        return ""

    async def observe(self, device: Device) -> Observation:
        return Observation(target=device.id, state={"vlan": self._site.vlan(device.id)})

    async def plan(self, device: Device, inputs: JsonObject, seen: Observation) -> Plan:
        return Plan(
            action="network.quarantine",
            rung="switch",
            adapter="disk",
            device=device.id,
            site=device.site,
            target=device.id,
            inputs=inputs,
            before=seen.state,
            after={"vlan": QUARANTINE},
            reversible=True,
            way_back="back",
            risk="medium",
            summary=f"quarantine {device.id}",
        )

    async def apply(self, plan: Plan, send_by: datetime) -> JsonObject:
        return self._bring(plan.device, plan.before, plan.after, send_by)

    async def revert(self, plan: Plan, send_by: datetime) -> JsonObject:
        return self._bring(plan.device, plan.after, plan.before, send_by)

    def _bring(
        self, device: str, source: JsonObject, wanted: JsonObject, send_by: datetime
    ) -> JsonObject:
        state: JsonObject = {"vlan": self._site.vlan(device)}
        if state == wanted:
            return state
        if state != source:
            raise StateDrifted(str(state))
        if datetime.now(UTC) >= send_by:
            raise Unreachable("too late to send")
        self._site.write(device, int(str(wanted["vlan"])))
        return wanted
