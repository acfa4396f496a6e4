"""Judges a change by two independent looks: the state read back, and a probe from outside."""

import asyncio
from dataclasses import dataclass

from firebreak.contracts.sources import Probe
from firebreak.domain.device import Device
from firebreak.domain.plan import OutcomeKind, ProbeReport, Reach


@dataclass(frozen=True)
class Judgment:
    """What the probe makes of a change that reads back as in force."""

    kind: OutcomeKind
    detail: str
    probes: tuple[ProbeReport, ...]


class Witness:
    """Looks a few times, since an address table or a cache may lag behind the port."""

    def __init__(self, probe: Probe, *, rounds: int = 4, pause_s: float = 0.5) -> None:
        """``rounds`` looks at most, ``pause_s`` seconds apart."""
        self._probe = probe
        self._rounds = rounds
        self._pause_s = pause_s

    async def baseline(self, device: Device) -> ProbeReport:
        """How the device looks before anything is done to it."""
        return await self._probe.look(device)

    async def cut_off(self, device: Device, before: ProbeReport) -> Judgment:
        """Whether production can no longer reach the device, and whether that proves anything."""
        after = await self._until(device, Reach.UNREACHABLE)
        probes = (before, after)
        match after.reach, before.reach:
            case Reach.REACHABLE, _:
                return Judgment(
                    OutcomeKind.FAILED, f"{device.id} still answers: {after.detail}", probes
                )
            case Reach.UNREACHABLE, Reach.REACHABLE:
                return Judgment(
                    OutcomeKind.ENFORCED, f"{device.id} answered before and is silent now", probes
                )
            case Reach.UNREACHABLE, _:
                detail = f"{device.id} did not answer before either: silence proves nothing"
                return Judgment(OutcomeKind.ACCEPTED, detail, probes)
            case _:
                detail = f"the sentinel could not judge: {after.detail}"
                return Judgment(OutcomeKind.ACCEPTED, detail, probes)

    async def back(self, device: Device) -> ProbeReport:
        """How the device looks once its place has been given back."""
        return await self._until(device, Reach.REACHABLE)

    async def _until(self, device: Device, wanted: Reach) -> ProbeReport:
        report = await self._probe.look(device)
        for _ in range(self._rounds - 1):
            if report.reach in (wanted, Reach.INCONCLUSIVE):
                break
            await asyncio.sleep(self._pause_s)
            report = await self._probe.look(device)
        return report
