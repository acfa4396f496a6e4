"""What a workflow noted and no activity has appended yet; it travels with the next call."""

from pydantic import JsonValue
from temporalio import workflow

from firebreak.domain.record import Kind, NewEntry
from firebreak.domain.step import SYSTEM

_TIMED = frozenset(
    {
        Kind.APPROVAL_REQUESTED,
        Kind.APPROVAL_VOTE,
        Kind.APPROVAL_REMINDED,
        Kind.APPROVAL_ESCALATED,
        Kind.APPROVAL_DELEGATED,
        Kind.APPROVAL_SNOOZED,
        Kind.APPROVAL_CLOSED,
    }
)


class Outbox:
    """Entries in order. Sending one twice is harmless: its key makes the append idempotent."""

    def __init__(self, incident: str) -> None:
        """``incident``: whose chain the entries belong to."""
        self._incident = incident
        self._waiting: dict[str, NewEntry] = {}

    def put(self, kind: Kind, key: str, *, actor: str = SYSTEM, **body: JsonValue) -> None:
        """Note something, now. A key that waits already keeps its first content."""
        self._waiting.setdefault(
            key,
            NewEntry(
                incident=self._incident,
                key=key,
                kind=kind,
                at=workflow.now(),
                actor=actor,
                body=body,
            ),
        )

    def carry(self, entries: tuple[NewEntry, ...]) -> None:
        """Take in what an activity left to the next one."""
        self._waiting.update({entry.key: entry for entry in entries})

    def holds_times(self) -> bool:
        """Whether an entry waits whose body holds a time: it may not travel by local activity."""
        return any(entry.kind in _TIMED for entry in self._waiting.values())

    def waiting(self) -> tuple[NewEntry, ...]:
        """What the next activity must append first."""
        return tuple(self._waiting.values())

    def sent(self, entries: tuple[NewEntry, ...]) -> None:
        """Forget entries that an activity has appended."""
        for entry in entries:
            self._waiting.pop(entry.key, None)
