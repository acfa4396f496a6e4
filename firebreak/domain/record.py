"""The ledger's words: what can be appended, and how a chain of entries is hashed."""

from enum import StrEnum

from pydantic import AwareDatetime, Field

from firebreak.domain.base import JsonObject, Model, digest

# The chain of what concerns the installation and no single incident, such as halts.
JOURNAL = "inc-000000000000"

GENESIS = "sha256:" + "0" * 64


class Kind(StrEnum):
    """Every kind of entry. The body of each is documented where the entry is written."""

    OPENED = "response.opened"
    JOINED = "alert.joined"
    DECISION = "policy.decision"
    PLAN = "plan.made"
    INTENT = "effect.intent"
    OUTCOME = "effect.outcome"
    STEP = "step.noted"  # skipped, set, waited, failed edge taken
    APPROVAL_REQUESTED = "approval.requested"
    APPROVAL_VOTE = "approval.vote"
    APPROVAL_REMINDED = "approval.reminded"
    APPROVAL_ESCALATED = "approval.escalated"
    APPROVAL_DELEGATED = "approval.delegated"
    APPROVAL_SNOOZED = "approval.snoozed"
    APPROVAL_CLOSED = "approval.closed"
    HOLD_STARTED = "hold.started"
    HOLD_EXTENDED = "hold.extended"
    HOLD_ENDED = "hold.ended"
    HOLD_STUCK = "hold.stuck"
    HALTED = "halt.engaged"
    RESUMED = "halt.lifted"
    GLASS_BROKEN = "glass.broken"
    GLASS_ENDED = "glass.ended"
    REVIEW_CLOSED = "review.closed"
    POLICY_CHANGED = "policy.changed"
    UNDELIVERED = "channel.undelivered"  # a channel could not say it in time; who says it instead
    NOTE = "note"
    CLOSED = "response.closed"


class NewEntry(Model):
    """Something to append. ``key`` is unique within the incident: appending it again is a no-op."""

    incident: str = Field(pattern=r"^inc-[0-9a-f]{12}$")
    key: str = Field(min_length=1, max_length=400)
    kind: Kind
    at: AwareDatetime
    actor: str = Field(min_length=1, max_length=200)
    body: JsonObject = Field(default_factory=dict)


class Entry(NewEntry):
    """An appended entry, linked to the one before it."""

    seq: int = Field(ge=0)
    prev: str
    hash: str


def entry_hash(new: NewEntry, seq: int, prev: str) -> str:
    """The link: a digest over everything in the entry, its place, and the entry before it."""
    return digest({**_plain(new), "seq": seq, "prev": prev})


def _plain(new: NewEntry) -> dict[str, object]:
    body = new.to_json()
    return {name: body[name] for name in NewEntry.model_fields}
