"""What a ticket system must be able to do, whoever makes it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from firebreak.contracts.ledger import IncidentRow
from firebreak.contracts.people import Story
from firebreak.domain.people import ApprovalState


class Phase(StrEnum):
    """Where an incident stands, as a ticket shows it."""

    OPEN = "open"  # the response is at work
    WAITING = "waiting"  # people must answer
    CONTAINED = "contained"  # the device is cut off, or something of the response is in force
    FAILED = "failed"  # the response has ended without success: a person must look
    RESOLVED = "resolved"  # it has ended, and nothing of it is in force


def phase_of(story: Story) -> Phase:
    """Where the incident of a story stands."""
    incident = story.incident
    if incident is not None and story.ended:
        return Phase.RESOLVED if _well(incident) else Phase.FAILED
    if any(approval.state is ApprovalState.PENDING for approval in story.approvals):
        return Phase.WAITING
    if story.holds or (incident is not None and incident.contained):
        return Phase.CONTAINED
    return Phase.OPEN


def _well(incident: IncidentRow) -> bool:
    """Whether nobody needs to look: a playbook can end well and leave the device as it was."""
    if incident.status == "completed":
        return incident.contained
    return incident.status not in {"failed", "denied"}


@dataclass(frozen=True)
class Opening:
    """A new ticket. ``title`` begins with the incident's tag; ``severity`` is OCSF's, 0 to 6."""

    incident: str
    title: str
    text: str
    severity: int


@dataclass(frozen=True)
class Seen:
    """A ticket as it stands.

    ``ticket``: another id than was asked for when somebody merged it. ``version``: what a change
    must still find, where the system can compare (ETag).
    """

    ticket: str
    status: str
    closed: bool
    version: str = ""


class Changed(Exception):
    """The ticket changed since it was seen, and was left alone."""


class Helpdesk(Protocol):
    """One ticket system. What is not raised as OutcomeUnknown was not carried out.

    Every method raises Unreachable, RateLimited, AuthFailed or Rejected; those that write raise
    OutcomeUnknown when nobody knows whether they did.
    """

    @property
    def settle_s(self) -> float:
        """How long after a write that was not answered it may still show up."""
        ...

    @property
    def most_text(self) -> int:
        """Characters that one note can hold."""
        ...

    @property
    def most_title(self) -> int:
        """Characters that a title can hold."""
        ...

    async def find(self, incident: str) -> str | None:
        """The oldest ticket of an incident."""
        ...

    async def create(self, opening: Opening) -> str:
        """A new ticket's id."""
        ...

    async def look(self, ticket: str) -> Seen | None:
        """The ticket; None when it is gone, or hidden from this account."""
        ...

    async def marks(self, ticket: str, incident: str) -> set[str]:
        """What Firebreak has written there, by mark."""
        ...

    async def note(self, ticket: str, mark: str, text: str) -> None:
        """Add a note that only staff see. ``mark`` stands as it is written, and in the text too."""
        ...

    async def attach(self, ticket: str, name: str, content: bytes) -> None:
        """Add a file of JSON."""
        ...

    async def move(self, seen: Seen, phase: Phase, text: str) -> None:
        """Bring the ticket to the status of a phase. ``text`` says why, where a field wants it.

        Raises:
            Changed: somebody else changed it since it was seen.
        """
        ...

    def shows(self, seen: Seen, phase: Phase) -> bool:
        """Whether the ticket has the status of that phase."""
        ...

    async def close(self) -> None:
        """Let go of every connection."""
        ...
