"""What the dispatcher stands on: where deliveries are kept, and what channels are built from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from firebreak.contracts.ledger import IncidentRow
from firebreak.contracts.people import Channel, Directory, Roster, Story
from firebreak.domain.base import JsonObject
from firebreak.domain.hold import Hold
from firebreak.domain.people import Approval
from firebreak.domain.record import Entry


@dataclass(frozen=True)
class ChannelTools:
    """What every kind of channel may use.

    ``render(template, facts)``: such as ``smtp/body.j2``; raises DefinitionError.
    ``facts(story)``: what templates are given; every text in it is one harmless line.
    ``link(chain)``: where people can look it up; "" when no public URL is set. It carries no
    authority.
    ``secret(reference)``: the secret, at each call; raises AuthFailed.
    """

    render: Callable[[str, JsonObject], str]
    facts: Callable[[Story], JsonObject]
    link: Callable[[str], str]
    secret: Callable[[str], str]
    directory: Directory | None = None
    roster: Roster | None = None


# Makes the channel of a name from its part of the channels file. Connects to nothing yet. Raises
# pydantic's ValidationError for fields, and DefinitionError; both are shown with file and line.
Builder = Callable[[str, JsonObject, ChannelTools], Channel]


@dataclass(frozen=True)
class Behind:
    """A chain that has entries which a channel has not been told of.

    ``begun``: the channel knows something of it already.
    """

    channel: str
    chain: str
    told: int
    length: int
    begun: bool
    attempts: int
    next_at: datetime | None
    leased_until: datetime | None


@dataclass(frozen=True)
class Lease:
    """The right to tell one channel about one chain, until ``until``. What it knows so far."""

    channel: str
    chain: str
    until: datetime
    told: int
    known: JsonObject
    attempts: int
    failing_since: datetime | None


@dataclass(frozen=True)
class Held:
    """Nothing to lease now: told up to ``told``, or not before ``until`` (None: at once)."""

    told: int
    until: datetime | None


@dataclass(frozen=True)
class Scene:
    """A chain's entries, in order, and how the incident stands. ``incident`` None: the journal."""

    entries: tuple[Entry, ...]
    incident: IncidentRow | None
    approvals: tuple[Approval, ...]
    holds: tuple[Hold, ...]


class Deliveries(Protocol):
    """How far each channel has been told each chain. Every method may raise LedgerUnavailable."""

    async def meet(self, channels: Sequence[str]) -> tuple[str, ...]:
        """Begin with these channels, and forget the others; the names that are new.

        A new channel, or one that comes back after it was left out, is not told of responses
        that have ended, nor of what the installation's own chain holds by now.
        """
        ...

    async def behind(self, channels: Sequence[str], since: datetime | None) -> tuple[Behind, ...]:
        """Chains touched since then (None: ever) that a channel is behind on, the oldest first."""
        ...

    async def entries(self, wanted: Sequence[tuple[str, int]]) -> dict[str, tuple[Entry, ...]]:
        """For each ``(chain, seq)`` the entry 0 and those from ``seq`` on, in order."""
        ...

    async def scene(self, chain: str, seq: int) -> Scene:
        """A chain from ``seq`` on, with its first entry, and how things stand now."""
        ...

    async def peek(self, channel: str, chain: str) -> Held:
        """How far the channel is, and until when another process may be telling it."""
        ...

    async def lease(
        self, channel: str, chain: str, now: datetime, until: datetime, *, force: bool
    ) -> Lease | Held:
        """Take the right to tell, unless another process has it or it is to wait.

        ``force``: do not wait for ``next_at``.
        """
        ...

    async def keep(self, lease: Lease, known: JsonObject, until: datetime) -> Lease | None:
        """Save what the channel knows and go on until then; None when the lease was lost."""
        ...

    async def told(self, lease: Lease, told: int, known: JsonObject) -> bool:
        """Save success and give the lease back; False when it was lost before."""
        ...

    async def failed(self, lease: Lease, now: datetime, next_at: datetime, detail: str) -> bool:
        """Save a failure and give the lease back; False when it was lost before."""
        ...

    async def give_back(self, lease: Lease) -> None:
        """End the lease and change nothing else."""
        ...

    async def move_on(self, told: Sequence[tuple[str, str, int]]) -> None:
        """For each ``(channel, chain, told)``: up to there is nothing for the channel to hear."""
        ...
