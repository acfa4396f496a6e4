"""The state of a session as a plan holds it, and what all ways to change it share."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from pydantic import Field, ValidationError

from firebreak.domain.base import JsonObject, Model
from firebreak.domain.device import Mac, Slug
from firebreak.domain.estate import RadiusAccess
from firebreak.errors import FirebreakError, OutcomeUnknown, Rejected
from integrations.network import clock
from integrations.network.radius.client import DynamicAuthorization
from integrations.network.radius.fence import Fence
from integrations.network.radius.packets import Request
from integrations.network.radius.replies import listening
from integrations.network.radius.requests import NOBODY
from integrations.network.radius.witness import SessionWitness

_POLL_S = 0.2


class SessionState(Model):
    """What a session of a MAC address gets: by the authorization source, or as the NAS has it.

    Either ``source`` (its adapter) and ``authorized`` (its own record), or ``vlan``. Nothing of the
    session itself, whose ids change whenever it authenticates.
    """

    switch: Slug
    mac: Mac
    source: str | None = Field(default=None, max_length=64)
    authorized: JsonObject | None = None
    vlan: int | None = Field(default=None, ge=1, le=4094)

    def record(self) -> JsonObject:
        """The record that stands in plans and observations."""
        return self.model_dump(mode="json", exclude_none=True)

    @classmethod
    def from_record(cls, record: JsonObject) -> "SessionState":
        """Read a plan's record back.

        Raises:
            Rejected: the plan was not made by a session control.
        """
        try:
            return cls.model_validate(record)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise Rejected(f"the plan holds no session state: {where}: {first['msg']}") from error


@dataclass(frozen=True)
class Change:
    """One change of one session. ``vlan`` is the quarantine VLAN; ``into`` it, or out of it."""

    known: SessionState
    wanted: SessionState
    nas: RadiusAccess
    vlan: int
    into: bool
    fence: Fence

    @property
    def mac(self) -> str:
        """Whose session."""
        return self.wanted.mac

    @property
    def switch(self) -> str:
        """On which NAS."""
        return self.wanted.switch

    @property
    def where(self) -> str:
        """The NAS in messages."""
        return f"NAS {self.switch}"


class Way(Protocol):
    """A way to move a session between networks."""

    async def read(self, switch: str, mac: str, fence: Fence) -> SessionState:
        """The state now."""
        ...

    def quarantined(self, before: SessionState, vlan: int) -> SessionState:
        """The state that quarantines. Pure."""
        ...

    def request(self, nas: RadiusAccess, mac: str, vlan: int, *, into: bool) -> Request:
        """What the NAS is asked for. Pure."""
        ...

    async def bring(self, change: Change) -> SessionState:
        """Take the session from ``known`` to ``wanted`` and return what is read afterwards."""
        ...


async def alive(client: DynamicAuthorization, way: Way, change: Change) -> str:
    """Ask for the same change of a session that cannot be: the evidence that the NAS takes it.

    Nothing may be changed anywhere before a NAS has shown that it will follow.

    Raises:
        Unreachable: no answer; nothing was changed.
        FirebreakError: the NAS would refuse.
    """
    request = way.request(change.nas, NOBODY, change.vlan, into=change.into)
    reply = await client.ask(change.switch, request, change.fence)
    return listening(change.where, request, reply)


async def until(
    witness: SessionWitness, change: Change, right: Callable[[int | None], bool]
) -> int | None:
    """The VLAN of the session, once it is right or the time to settle is over."""
    end = clock.now() + min(change.nas.settle_s, change.fence.left_s)
    while True:
        vlan = await change.fence.read(change.where, witness.vlan(change.switch, change.mac))
        if right(vlan) or clock.now() + _POLL_S > end:
            return vlan
        await asyncio.sleep(_POLL_S)


async def read_back(look: Awaitable[SessionState]) -> SessionState:
    """A look after a write: whatever keeps it from succeeding, the write stands. OutcomeUnknown."""
    try:
        return await look
    except FirebreakError as error:
        raise OutcomeUnknown(f"the change was sent and cannot be read back: {error}") from error
