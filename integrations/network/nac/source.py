"""What every NAC has in common: something is assigned to a MAC address, and its session follows.

The assignment is what a change is made to and what drift is judged by. Whether the session has
followed is read back too, where the NAC tells it, so that an accepted call is never taken for a
contained device.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from weakref import WeakValueDictionary

from firebreak.domain.base import JsonObject
from firebreak.errors import (
    AuthFailed,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    StateDrifted,
    Unreachable,
)
from integrations.network import clock
from integrations.network.rest import Rest, Window, unsettled

_POLL_S = 0.5
_LAST_LOOK_S = 2.0  # kept back from the deadline for reading once more


@dataclass(frozen=True)
class Standing:
    """What is assigned to a MAC address, and whether its session is quarantined by now.

    A device without a session counts as quarantined when the assignment would do it.
    """

    assigned: str | None
    quarantined: bool


@dataclass(frozen=True)
class Sight:
    """A standing as just read, what it was read from, and whether the device has a session."""

    standing: Standing
    evidence: tuple[str, ...] = ()
    sighted: bool = True


class NacSource(ABC):
    """A NAC as a contracts.AuthorizationSource.

    Its records are ``{<key>: <what is assigned> | null, "quarantined": bool}``.

    Args:
        system: what errors call it: ``ISE of site plant-1``.
        rest: its API.
        assigns: what quarantines: the name of a policy, the number of an event.
        secrets: the references that are resolved for it.
        deadline_s: the longest one call may take.
        settle_s: how long a session may take to follow the assignment.
    """

    adapter: ClassVar[str]
    key: ClassVar[str]
    noun: ClassVar[str]  # what is assigned, in words

    def __init__(
        self,
        system: str,
        rest: Rest,
        assigns: str,
        *,
        secrets: tuple[str, ...],
        deadline_s: float,
        settle_s: float,
    ) -> None:
        self.system = system
        self.assigns = assigns
        self.secrets = secrets
        self.deadline_s = deadline_s
        self._settle_s = settle_s
        self._rest = rest
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._under_way: set[asyncio.Task[JsonObject]] = set()

    def record(self, standing: Standing) -> JsonObject:
        """The record of a standing."""
        return {self.key: standing.assigned, "quarantined": standing.quarantined}

    def standing(self, record: JsonObject) -> Standing:
        """Read a record back. Raises Rejected when it is another source's."""
        assigned, quarantined = record.get(self.key), record.get("quarantined")
        fits = set(record) == {self.key, "quarantined"} and isinstance(quarantined, bool)
        if not fits or not (assigned is None or isinstance(assigned, str)):
            raise Rejected(f"the plan holds no state of {self.adapter}")
        return Standing(assigned, quarantined is True)

    def quarantined(self, before: JsonObject) -> JsonObject:
        """The state that quarantines. Raises Rejected when ``before`` is another source's."""
        self.standing(before)
        return self.record(Standing(self.assigns, quarantined=True))

    async def look(self, mac: str) -> Sight:
        """How the MAC address stands, once no change of ours is under way.

        Raises:
            Unreachable, AuthFailed, RateLimited, Rejected, NotThere: see contracts.Control.
        """
        window = Window.of(self.deadline_s)
        async with self._turn(mac, window):
            return await self._see(mac, window)

    async def read(self, mac: str) -> JsonObject:
        """The record of how it stands."""
        return self.record((await self.look(mac)).standing)

    async def write(
        self, mac: str, known: JsonObject, wanted: JsonObject, send_by: datetime
    ) -> JsonObject:
        """Bring ``wanted`` about; what the session did by the deadline is in the answer.

        A cancelled caller does not stop what has begun: it ends by itself within the deadline, and
        whoever looks next waits for that.

        Raises:
            StateDrifted: what is assigned is neither the known nor the wanted.
            Unreachable, OutcomeUnknown, AuthFailed, RateLimited, Rejected: see contracts.Control.
        """
        old, new = self.standing(known), self.standing(wanted)
        window = Window.of(self.deadline_s, send_by)
        work = asyncio.ensure_future(self._in_turn(mac, old, new, window))
        self._under_way.add(work)
        work.add_done_callback(self._under_way.discard)
        return await asyncio.shield(work)

    async def _in_turn(self, mac: str, old: Standing, new: Standing, window: Window) -> JsonObject:
        async with self._turn(mac, window):
            return self.record(await self._bring(mac, old, new, window))

    async def _bring(self, mac: str, old: Standing, new: Standing, window: Window) -> Standing:
        now = (await self._see(mac, window)).standing
        if now == new:
            return now
        if now.assigned not in {old.assigned, new.assigned}:
            raise StateDrifted(
                f"{self.system} has {self._named(now)} for {mac}; the plan knows "
                f"{self._named(old)} and wants {self._named(new)}"
            )
        changes = now.assigned != new.assigned
        if changes:
            await self._change(mac, now, new, window)
        with unsettled(self._change_of(mac)) if changes else nullcontext():
            return await self._follow(mac, new, window)

    async def _change(self, mac: str, now: Standing, new: Standing, window: Window) -> None:
        cleared = False
        try:
            if now.assigned is not None:
                await self._clear(mac, now.assigned, window)
                cleared = True
            if new.assigned is not None:
                await self._assign(mac, new.assigned, window)
        except (Rejected, Unreachable, RateLimited, AuthFailed) as error:
            if cleared and now.assigned is not None:
                with unsettled(self._change_of(mac)):
                    await self._assign(mac, now.assigned, window)
            if isinstance(error, Rejected):
                await self._after_refusal(mac, now, new, window, error)
                return
            raise
        if new.assigned is None:
            with unsettled(self._change_of(mac)):
                await self._reevaluate(mac, window)

    async def _after_refusal(
        self, mac: str, now: Standing, new: Standing, window: Window, refusal: Rejected
    ) -> None:
        """A refusal may only mean that somebody else was quicker, so look."""
        with unsettled(self._change_of(mac)):
            seen = (await self._see(mac, window)).standing
        if seen.assigned == new.assigned:
            return
        if seen.assigned == now.assigned:
            raise refusal
        raise OutcomeUnknown(f"{self.system} refused and has {self._named(seen)} now") from refusal

    async def _follow(self, mac: str, new: Standing, window: Window) -> Standing:
        """Wait for the session; a session that does not follow is asked to authenticate once."""
        asked = False
        end = clock.now() + min(self._settle_s, window.left() - _LAST_LOOK_S)
        while True:
            seen = (await self._see(mac, window)).standing
            if seen == new or clock.now() >= end:
                return seen
            if not asked and seen.assigned == new.assigned:
                await self._reevaluate(mac, window)
                asked = True
            await asyncio.sleep(_POLL_S)

    @asynccontextmanager
    async def _turn(self, mac: str, window: Window) -> AsyncIterator[None]:
        lock = self._turns.setdefault(mac, asyncio.Lock())
        try:
            async with asyncio.timeout(window.left()):
                await lock.acquire()
        except TimeoutError as error:
            raise Unreachable(f"{self.system} was busy with {mac} until the deadline") from error
        try:
            yield
        finally:
            lock.release()

    def _named(self, standing: Standing) -> str:
        return f"{self.noun} {standing.assigned}" if standing.assigned else f"no {self.noun}"

    def _change_of(self, mac: str) -> str:
        return f"{self.system}: a change of {mac}"

    @abstractmethod
    async def _see(self, mac: str, window: Window) -> Sight:
        """Read how the MAC address stands."""

    @abstractmethod
    async def _assign(self, mac: str, what: str, window: Window) -> None:
        """Assign; the answer is no proof."""

    @abstractmethod
    async def _clear(self, mac: str, what: str, window: Window) -> None:
        """Take away what is assigned; the answer is no proof."""

    @abstractmethod
    async def _reevaluate(self, mac: str, window: Window) -> None:
        """Make the session, if there is one, take up what is assigned."""

    async def close(self) -> None:
        """Let changes under way end, and close the connections."""
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._rest.close()
