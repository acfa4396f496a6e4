"""The guard that asks every interlock of a device, side by side, before anything is done to it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

import structlog

from firebreak.contracts.sources import Probe, StateSource
from firebreak.domain.device import Device
from firebreak.domain.hold import Hold
from firebreak.domain.interlock import (
    CalendarInterlock,
    Interlock,
    RedundancyInterlock,
    StateInterlock,
)
from firebreak.domain.plan import Plan, Reach
from firebreak.errors import FirebreakError, InterlockEngaged, LedgerUnavailable
from firebreak.policy.interlocks import Verdict, judge, judge_group, silent

_log = structlog.get_logger(__name__)

Holds = Callable[[], Awaitable[Sequence[Hold]]]
Devices = Callable[[], Sequence[Device]]


class Redundancy:
    """Counts who is alive in a group: over live holds, and by looking when it is asked for.

    Args:
        holds: every live hold. Raises LedgerUnavailable.
        devices: the devices of the estate as they are now.
        probe: looks at a device; without one, ``health: probe`` is silence.
    """

    def __init__(self, holds: Holds, devices: Devices, probe: Probe | None) -> None:
        self._holds = holds
        self._devices = devices
        self._probe = probe

    async def look(self, interlock: RedundancyInterlock, device: Device | None) -> Verdict:
        """Whether ``device`` may go; without one, whether any one member may."""
        others = [
            member
            for member in self._devices()
            if interlock.covers(member) and (device is None or member.id != device.id)
        ]
        held = {hold.device for hold in await self._holds()}
        free = [member for member in others if member.id not in held]
        well = [member.id for member in free]
        if interlock.health == "probe":
            well = await self._answering(free)
        gone = [f"{each.id} (held)" for each in others if each.id in held]
        gone += [f"{each.id} (no answer)" for each in free if each.id not in well]
        # Nobody in particular: one of those that are alive would be the one to go.
        keep = interlock.keep + (device is None)
        return judge_group(interlock, keep, well, gone)

    async def _answering(self, members: Sequence[Device]) -> list[str]:
        if self._probe is None:
            raise InterlockEngaged("there is no probe here to ask whether the others are well")
        reports = await asyncio.gather(*(self._probe.look(member) for member in members))
        return [
            member.id
            for member, report in zip(members, reports, strict=True)
            if report.reach is Reach.REACHABLE
        ]


class Interlocks:
    """Implements Guard over the interlocks of an estate.

    Args:
        interlocks: all of them.
        sources: where each is read, by its id; redundancy has none. Each bounds its own time.
        redundancy: counts groups.
        clock: the time now, aware.
    """

    def __init__(
        self,
        interlocks: Sequence[Interlock],
        sources: Mapping[str, StateSource],
        redundancy: Redundancy,
        clock: Callable[[], datetime],
    ) -> None:
        self._interlocks = tuple(interlocks)
        self._sources = sources
        self._redundancy = redundancy
        self._clock = clock

    async def check(self, device: Device, plan: Plan) -> tuple[str, ...]:
        """A line of evidence for each interlock of the device, when all are free.

        Raises:
            InterlockEngaged: names each engaged one, its reason, and what to do.
            LedgerUnavailable: the holds of a redundancy group cannot be read just now.
        """
        verdicts = await self.look(device)
        engaged = [verdict for verdict in verdicts if verdict.engaged]
        if engaged:
            said = tuple(verdict.line for verdict in engaged)
            raise InterlockEngaged(_refusal(device, plan, engaged), said)
        return tuple(verdict.line for verdict in verdicts)

    async def look(self, device: Device | None = None) -> tuple[Verdict, ...]:
        """What every interlock of the device says now, or all of them. Raises LedgerUnavailable."""
        asked = [each for each in self._interlocks if device is None or each.covers(device)]
        return tuple(await asyncio.gather(*(self._look(each, device) for each in asked)))

    async def change_window(self, device: Device) -> bool:
        """Whether a change window is open: every calendar of them that covers the device says so.

        False where none does. One that cannot be read is closed.
        """
        windows = [
            each
            for each in self._interlocks
            if isinstance(each, CalendarInterlock)
            and each.rule == "only-within"
            and each.covers(device)
        ]
        verdicts = await asyncio.gather(*(self._look(each, device) for each in windows))
        return bool(windows) and not any(verdict.engaged for verdict in verdicts)

    async def close(self) -> None:
        """Let go of every connection."""
        for source in self._sources.values():
            await source.close()

    async def _look(self, interlock: Interlock, device: Device | None) -> Verdict:
        try:
            if isinstance(interlock, RedundancyInterlock):
                async with asyncio.timeout(interlock.timeout_s):
                    return await self._redundancy.look(interlock, device)
            return await self._read(interlock)
        except LedgerUnavailable:
            raise  # nothing can be done now, and it is tried again: that is no refusal
        except FirebreakError as error:
            return silent(interlock, str(error))
        except TimeoutError:
            return silent(interlock, f"no answer within {interlock.timeout_s:g} s")
        except Exception as error:  # noqa: BLE001 - a source that fails in any way is engaged
            _log.error("interlock failed; engaged", interlock=interlock.id, exc_info=True)
            return silent(interlock, f"the adapter failed: {type(error).__name__}")

    async def _read(self, interlock: StateInterlock | CalendarInterlock) -> Verdict:
        reading = await self._sources[interlock.id].read()
        return judge(interlock, reading, self._clock())


def _refusal(device: Device, plan: Plan, engaged: Sequence[Verdict]) -> str:
    lines = [f"{each.line}; ask {each.contact}" if each.contact else each.line for each in engaged]
    return (
        f"{plan.action} on {device.id} is not safe now: {' | '.join(lines)}. "
        f"`firebreak interlocks {device.id}` shows when they are free; act before that by "
        "break-glass only"
    )
