"""What both cloud controls share: one change of one port at a time, read back from the controller.

A controller takes a change at once and the switch follows seconds to minutes later. What is read
back here is the controller's word; the independent probe has the last one.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import ClassVar, Generic, TypeVar

from firebreak.contracts.controls import Capabilities, Observation
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device
from firebreak.domain.estate import Meraki, Mist, Site, Switch
from firebreak.domain.plan import Plan
from firebreak.errors import CapabilityMissing, FirebreakError, Rejected, StateDrifted, Unreachable
from integrations.network import checks
from integrations.network.cloud.ports import CloudPorts, Followed, Managed, PortRecord, State
from integrations.network.rest import Window, unsettled

ACTION = "network.quarantine"
RUNG = "controller"
_PAUSE_S = 1.0  # between two looks at a switch that has not followed yet

AnyController = TypeVar("AnyController", bound=Meraki | Mist)
Result = TypeVar("Result")


class CloudQuarantine(ABC, Generic[State, AnyController]):
    """The rung ``controller``; each vendor adds its ports, its record and its plan.

    Args:
        sites: by id; those with a controller of this kind are served.
        switches: by id; those with a ``cloud`` entry are served.
        deadline_s: bounds one operation.
        settle_s: how long a change waits to see that the switch has followed.
    """

    adapter: ClassVar[str]

    def __init__(
        self,
        sites: Mapping[str, Site],
        switches: Mapping[str, Switch],
        *,
        deadline_s: float = 60.0,
        settle_s: float = 30.0,
    ) -> None:
        self._sites = sites
        self._switches = switches
        self._deadline_s = deadline_s
        self._settle_s = settle_s
        self._ports: dict[str, CloudPorts[State]] = {}
        self._turns: dict[str, asyncio.Lock] = {}

    @abstractmethod
    def _controller(self, site: Site) -> AnyController | None:
        """The site's controller, when it is one of this kind."""

    @abstractmethod
    def _open(self, site: Site, controller: AnyController) -> CloudPorts[State]:
        """The site's ports."""

    @abstractmethod
    def _state(self, record: JsonObject) -> State:
        """Raises Rejected when the record is another control's."""

    @abstractmethod
    def _after(self, before: State, site: Site, controller: AnyController) -> tuple[State, str]:
        """The state that quarantines and, in one line, what changes. Raises Rejected."""

    @abstractmethod
    def _way_back(self, before: State) -> str:
        """How ``before`` is restored, in one line."""

    @property
    def capabilities(self) -> Capabilities:
        """Repeating a plan changes nothing more: both controllers take whole values."""
        found = [self._controller(site) for site in self._sites.values()]
        return Capabilities(
            adapter=self.adapter,
            rung=RUNG,
            reversible=True,
            idempotent=True,
            deadline_s=self._deadline_s,
            secrets=tuple(sorted({_secret(c) for c in found if c is not None})),
        )

    def serves(self, device: Device) -> str:
        """A device of a site with such a controller, on no switch that is known to have none."""
        site = self._sites.get(device.site)
        if site is None or self._controller(site) is None:
            return f"site {device.site} has no {self.adapter} controller"
        if device.attached is None:
            return ""
        switch = self._switches.get(device.attached.switch)
        if switch is None or switch.cloud is None:
            return f"switch {device.attached.switch} has no `cloud` entry in the estate"
        return ""

    async def observe(self, device: Device) -> Observation:
        """Read the port and see that the device is on it.

        Raises:
            Rejected: the port may not be touched; says why.
            NotThere: the controller has the device elsewhere, or nobody has said where it is.
            Unreachable: the controller does not answer, or the switch is away from it.
        """
        attached = checks.attachment(device)
        managed = self._managed(attached.switch)
        checks.same_site(device, managed.switch)
        _no_uplink(managed.switch, attached.port)
        window = Window.of(self._deadline_s)
        ports = self._ports_of(managed)
        state, sighted, evidence = await ports.look(managed, attached.port, device, window)
        looked = f"{device.id} is looked for on {managed.switch.id} {attached.port}"
        return Observation(
            target=_target(state),
            state=state.record(),
            evidence=(looked, *evidence),
            sighted=sighted,
        )

    async def plan(self, device: Device, inputs: JsonObject, seen: Observation) -> Plan:
        """Raises Rejected when the port may not be touched."""
        before = self._state(seen.state)
        managed = self._managed(before.switch)
        checks.same_site(device, managed.switch)
        _no_uplink(managed.switch, before.port)
        after, what = self._after(before, *self._served(managed))
        return Plan(
            action=ACTION,
            rung=RUNG,
            adapter=self.adapter,
            device=device.id,
            site=device.site,
            target=seen.target,
            inputs=inputs,
            before=before.record(),
            after=after.record(),
            reversible=True,
            way_back=self._way_back(before),
            risk="medium",
            summary=f"Have {self.adapter} {what} on {seen.target} ({device.id})",
            evidence=seen.evidence,
        )

    async def apply(self, plan: Plan, send_by: datetime) -> JsonObject:
        """Bring ``plan.after`` into force; sends nothing when it is already.

        Raises:
            StateDrifted: the port is neither as planned nor as wanted.
            Unreachable, OutcomeUnknown, AuthFailed, RateLimited, Rejected: see contracts.Control.
        """
        return await self._bring(plan, plan.before, plan.after, send_by)

    async def revert(self, plan: Plan, send_by: datetime) -> JsonObject:
        """Restore ``plan.before``; sends nothing when it is already.

        Raises:
            StateDrifted: someone has changed the port since; what they did is not overwritten.
            Unreachable, OutcomeUnknown, AuthFailed, RateLimited, Rejected: see contracts.Control.
        """
        return await self._bring(plan, plan.after, plan.before, send_by)

    async def close(self) -> None:
        """Close every connection to every controller."""
        for ports in self._ports.values():
            await ports.close()
        self._ports.clear()

    async def _bring(
        self, plan: Plan, source: JsonObject, target: JsonObject, send_by: datetime
    ) -> JsonObject:
        checks.own_plan(plan, self.adapter, RUNG)
        known, wanted = self._state(source), self._state(target)
        if (known.switch, known.port) != (wanted.switch, wanted.port):
            raise Rejected("the plan's before and after are about different ports")
        managed = self._managed(wanted.switch)
        ports = self._ports_of(managed)
        _no_uplink(managed.switch, wanted.port)
        window = Window.of(self._deadline_s, send_by)
        async with self._turn(managed, window):
            now = await ports.read(managed, wanted.port, window)
            if now == wanted:
                return now.record()
            if now != known:
                raise StateDrifted(
                    f"{_target(now)} is {now.record()}; the plan knows {known.record()} and wants "
                    f"{wanted.record()}"
                )
            change = self._change(managed, ports, now, wanted, window)
            seen, followed = await _finished(change)
        if seen == wanted:  # with the turn given on: the switch takes its time by itself
            await _wait(followed, Window.of(min(self._settle_s, window.left())))
        return seen.record()

    async def _change(
        self,
        managed: Managed,
        ports: CloudPorts[State],
        now: State,
        wanted: State,
        window: Window,
    ) -> tuple[State, Followed]:
        """Write, and read until the controller shows it or patience ends."""
        followed = await ports.write(managed, now, wanted, window)
        patience = Window.of(min(self._settle_s, window.left()))
        with unsettled(f"the change of {_target(wanted)}"):
            seen = await ports.read(managed, wanted.port, window)
            while seen != wanted and patience.left():
                await asyncio.sleep(min(_PAUSE_S, patience.left()))
                seen = await ports.read(managed, wanted.port, window)
        return seen, followed

    @asynccontextmanager
    async def _turn(self, managed: Managed, window: Window) -> AsyncIterator[None]:
        """One change of a switch at a time: Mist takes all overrides of a switch in one piece."""
        turn = self._turns.setdefault(managed.switch.id, asyncio.Lock())
        try:
            async with asyncio.timeout(window.left()):
                await turn.acquire()
        except TimeoutError as error:
            raise Unreachable(
                f"other changes of switch {managed.switch.id} took all the time; nothing was sent"
            ) from error
        try:
            yield
        finally:
            turn.release()

    def _managed(self, switch_id: str) -> Managed:
        switch = self._switches.get(switch_id)
        if switch is None or switch.cloud is None:
            raise CapabilityMissing(f"switch {switch_id} has no `cloud` entry in the estate")
        return Managed(switch=switch, id=switch.cloud.id)

    def _ports_of(self, managed: Managed) -> CloudPorts[State]:
        site, controller = self._served(managed)
        if site.id not in self._ports:
            self._ports[site.id] = self._open(site, controller)
        return self._ports[site.id]

    def _served(self, managed: Managed) -> tuple[Site, AnyController]:
        site = self._sites.get(managed.switch.site)
        controller = self._controller(site) if site is not None else None
        if site is None or controller is None:
            raise CapabilityMissing(f"site {managed.switch.site} has no {self.adapter} controller")
        return site, controller


async def _finished(change: Coroutine[None, None, Result]) -> Result:
    """See a change through although the caller is cancelled: left alone, it could land any time.

    It ends by its window, so the caller waits no longer than the deadline.
    """
    task = asyncio.ensure_future(change)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # the caller does not want to know
        raise


async def _wait(followed: Followed, patience: Window) -> None:
    """Until the switch is seen to have followed, or patience ends: the change stands either way."""
    with suppress(FirebreakError):  # nothing that is asked here decides anything
        while not await followed(patience):
            if not patience.left():
                return
            await asyncio.sleep(min(_PAUSE_S, patience.left()))


class _AsWritten:
    """Controllers take a port's name only as they spell it themselves."""

    def canonical(self, port: str) -> str:
        return port


def _no_uplink(switch: Switch, port: str) -> None:
    checks.no_uplink(_AsWritten(), switch, port)


def _target(state: PortRecord) -> str:
    return f"{state.switch} {state.port}"


def _secret(controller: Meraki | Mist) -> str:
    return controller.key if isinstance(controller, Meraki) else controller.token
