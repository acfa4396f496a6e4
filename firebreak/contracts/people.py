"""How people are known, told and asked: the contracts of identity, on-call and channels."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Protocol

from firebreak.contracts.engine import Start, Started
from firebreak.contracts.ledger import IncidentRow
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device
from firebreak.domain.halt import Halt
from firebreak.domain.hold import Hold
from firebreak.domain.people import Approval, Person, Principal, Verdict
from firebreak.domain.record import Entry


class Directory(Protocol):
    """Who people are, and what they may be at a moment. Its roles win over any token's."""

    def person(self, person_id: str) -> Person | None:
        """The person, or None."""
        ...

    async def principal(self, provider: str, account: str, at: datetime) -> Principal | None:
        """The one person behind an account, with the roles they hold at that moment.

        ``provider``: ``token``, ``oidc``, ``slack``, ``pagerduty`` or ``email`` (which the caller
        knows to be verified). None when nobody has the account: it is nobody's, never a guess by
        a name. A role that a rota gives out is held only by who is on duty.
        """
        ...

    async def current(self, principal: Principal, at: datetime) -> Principal:
        """The principal with the roles of this moment; without any when they are gone.

        Of a directory that knows people, a person it does not know has none. A service is no
        person and comes back unchanged.
        """
        ...


class Roster(Protocol):
    """Who is to be asked."""

    async def on_duty(self, role: str, at: datetime) -> tuple[str, ...]:
        """The people to ask for a role at that moment, by principal id, first to ask first.

        A hole in a rota is filled by its fallback, never by nobody. Empty only for a role that no
        person and no rota has.
        """
        ...


@dataclass(frozen=True)
class OnCall:
    """Someone's time on call in a schedule kept elsewhere; None: without begin or end.

    ``account`` is their id there, ``email`` their address there or "". Both came from outside.
    """

    account: str
    email: str
    since: datetime | None
    until: datetime | None


class OnCallSource(Protocol):
    """A schedule that is kept in another system."""

    async def on_call(self, since: datetime, until: datetime) -> Sequence[OnCall]:
        """Every call that meets the time, first to ask first.

        Raises:
            Unreachable, RateLimited, AuthFailed, Rejected: it cannot say.
        """
        ...

    async def close(self) -> None:
        """Let go of every connection."""
        ...


class Weight(IntEnum):
    """How much a piece of news matters to who is not watching."""

    DETAIL = 0  # for the record
    PROGRESS = 1  # the response moved
    ASK = 2  # people must answer
    ALARM = 3  # something is wrong, or is known to be dangerous


@dataclass(frozen=True)
class News:
    """An entry of the record, in words. ``text`` may hold anything that came from outside."""

    entry: Entry
    weight: Weight
    word: str  # CONTAINED, asks, denied, ...
    text: str


@dataclass(frozen=True)
class Story:
    """One incident as a channel is to show it, and what it has not been told yet.

    ``incident`` None: news of the installation itself (halts, break-glass, a new policy).
    ``news`` is what this channel is to say, by its weight and sites. It is empty when the response
    has moved and there is nothing to say: cards are to be closed, pages resolved. ``past`` are the
    entries before, and those that are not for this channel: the first one and the latest 500.
    """

    chain: str  # id of the incident, or of the journal
    incident: IncidentRow | None
    news: tuple[News, ...]
    past: tuple[News, ...]
    approvals: tuple[Approval, ...]  # all of the incident, as they stand now
    holds: tuple[Hold, ...]  # those of the incident that are live
    receipt: bytes | None  # signed; there once the response and all its holds have ended

    @property
    def ended(self) -> bool:
        """The response has ended, and nothing of it is in force any more."""
        return self.incident is not None and self.incident.status != "open" and not self.holds


Keep = Callable[[JsonObject], Awaitable[None]]


class Channel(Protocol):
    """A place where people are told: a chat, a pager, a ticket system, a mailbox."""

    async def tell(self, story: Story, known: JsonObject, keep: Keep) -> JsonObject:
        """Bring the channel up to date, and return what it must know the next time.

        ``known`` is what the last call returned or kept; ``{}`` as long as the channel has said
        nothing of the incident: it is called without news only after that. ``keep`` saves it at
        once: after each thing that must not be done twice. Since a process can die in between, a
        first attempt is told from a repeat by looking: for a ticket by its correlation id, for a
        comment by the number of its entry.

        Raises:
            Unreachable, RateLimited: it is tried again later, as often as it takes.
            AuthFailed, Rejected: so is this, slowly and loudly: someone must mend it.
        """
        ...

    async def close(self) -> None:
        """Let go of every connection."""
        ...


class Desk(Protocol):
    """What people can ask for and order, whichever way they come.

    Every call checks the principal's roles and stands in the audit log, refused or not. Raises
    Forbidden when they may not, NotFound, BadInput, and what Engine raises.
    """

    async def start(self, who: Principal, start: Start) -> Started:
        """Start a response, or join the one that runs. ``start.requester`` is overwritten."""
        ...

    async def release(self, who: Principal, hold: str, reason: str) -> Hold:
        """End a hold and wait for the proof. Policy is asked. Raises PolicyDenied too."""
        ...

    async def decide(
        self, who: Principal, approval: str, plan_hash: str, verdict: Verdict, reason: str
    ) -> Approval:
        """Answer a request."""
        ...

    async def halt(self, who: Principal, site: str | None, reason: str) -> tuple[Halt, ...]:
        """Stop all new effects; the halts that stand then."""
        ...

    async def resume(self, who: Principal, site: str | None, reason: str) -> tuple[Halt, ...]:
        """Let effects go on; the halts that still stand then."""
        ...

    async def incidents(self, who: Principal, *, open_only: bool) -> Sequence[IncidentRow]:
        """Incidents, newest first."""
        ...

    async def holds(self, who: Principal) -> Sequence[Hold]:
        """Live holds, soonest expiry first."""
        ...

    async def approvals(self, who: Principal) -> Sequence[Approval]:
        """What waits for people, oldest first."""
        ...

    async def approval(self, who: Principal, approval: str) -> Approval:
        """One request."""
        ...

    async def devices(self, who: Principal, text: str, limit: int) -> Sequence[Device]:
        """Devices whose id holds the text, by id: what a person is typing."""
        ...

    async def playbooks(self, who: Principal) -> Sequence[str]:
        """Names of the playbooks that can be started."""
        ...
