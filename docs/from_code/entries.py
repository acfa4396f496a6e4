"""docs/reference/entries.md: every kind of ledger entry and what its body holds."""

from dataclasses import dataclass

from docs.from_code.markdown import code, codes, page, section, table
from firebreak.domain.hold import Hold
from firebreak.domain.people import Approval, Decision, Vote
from firebreak.domain.plan import Outcome, OutcomeKind, Plan, ProbeReport
from firebreak.domain.record import Entry, Kind

_INTRO = """\
The ledger of an incident is a chain of entries that is only ever appended to. `GET
/incidents/{incident}` shows it, and a receipt holds all of it. Every entry has `incident`, `seq`
(its place, from 0), `key` (unique within the incident: appending it again does nothing), `kind`,
`at`, `actor`, `body`, `prev` and `hash`.

`hash` is SHA-256 over the RFC 8785 form of all the other fields; `prev` is the hash of the entry
before, and `sha256:` with 64 zeros for the first one."""


@dataclass(frozen=True)
class Written:
    """What an entry of one kind says. ``body``: the fields it has, ``sometimes``: may have."""

    means: str
    body: tuple[str, ...]
    sometimes: tuple[str, ...] = ()


KINDS: dict[Kind, Written] = {
    Kind.OPENED: Written(
        "A response began.",
        (
            "workflow", "playbook", "version", "digest", "device", "title", "requester", "reason",
            "alerts", "severity", "detected_at", "policy",
        ),
    ),
    Kind.JOINED: Written(
        "More alerts, or another person's wish for the same response.", ("reason", "alerts")
    ),
    Kind.PLAN: Written("What would be done to what.", ("step", "plan", "plan_hash")),
    Kind.DECISION: Written(
        "What policy says to that plan, by which rules, and whether it has the agreement it wants. "
        "`glass`: the break-glass that stands in for it.",
        ("step", "plan_hash", "decision", "agreed"),
        ("glass",),
    ),
    Kind.INTENT: Written(
        "Something is about to be sent. On disk before it is. `revert`: it puts back what was "
        "there. `send_by`: after this time nothing is sent under this intent. `override`: the "
        "break-glass it is sent under, and what that overrides.",
        ("step",),
        ("plan", "plan_hash", "baseline", "send_by", "inputs", "revert", "override"),
    ),
    Kind.OUTCOME: Written(
        "The last word on a step, and the hold that its change stands under. `joined`: the life of "
        "another's hold that it stands under, and `until` when at most, if nobody agreed to more.",
        ("step", "outcome", "plan", "hold"),
        ("started_at", "expires_at", "joined", "until"),
    ),
    Kind.STEP: Written(
        "Something that is no effect: a step was skipped, a choice made, the next rung taken, "
        "nothing sent under an intent, or what two attempts agree on (`stands`, `put back`).",
        ("step", "what", "detail"),
        ("hold", "intent"),
    ),
    Kind.APPROVAL_REQUESTED: Written("People are asked.", ("step", "approval")),
    Kind.APPROVAL_VOTE: Written("One person's answer.", ("vote",)),
    Kind.APPROVAL_CLOSED: Written(
        "The request is settled: approved, denied, expired, void, or unopposed: nobody answered "
        "and policy lets that be enough. `approval.change`: who wanted another plan.",
        ("approval",),
    ),
    Kind.HOLD_STARTED: Written(
        "A change is in force for a limited time.", ("step", "hold", "owner", "expires_at"),
        ("started_at",),
    ),
    Kind.HOLD_EXTENDED: Written(
        "Its end was moved.", ("hold", "expires_at", "who", "reason"), ("started_at",)
    ),
    Kind.HOLD_ENDED: Written(
        "What was there before is in force again.",
        ("step", "hold", "why", "outcome"),
        ("started_at",),
    ),
    Kind.HOLD_STUCK: Written(
        "It could not be ended: a person has to look.", ("step", "hold", "detail"), ("started_at",)
    ),
    Kind.HALTED: Written(
        "A person stopped all new effects, at one site or (`site` is null) everywhere. In the "
        "chain of the installation, `inc-000000000000`.",
        ("halt", "site", "who", "reason"),
    ),
    Kind.RESUMED: Written(
        "A second person let effects go on, in the same chain.", ("site", "who", "reason")
    ),
    Kind.APPROVAL_REMINDED: Written(
        "People who have not answered were asked again: those in `to`, or the roles.",
        ("approval", "to"),
    ),
    Kind.APPROVAL_ESCALATED: Written(
        "Nobody answered in time: the next role may answer too, and was asked.", ("approval",)
    ),
    Kind.APPROVAL_DELEGATED: Written(
        "Somebody who may answer named another person to answer instead.",
        ("approval", "to", "reason"),
    ),
    Kind.APPROVAL_SNOOZED: Written(
        "Somebody who was asked wants to be asked again later.", ("approval", "until")
    ),
    Kind.GLASS_BROKEN: Written(
        "Break-glass: a person overrides what protects, for a short time. In the chain of the "
        "installation.",
        ("glass",),
    ),
    Kind.GLASS_ENDED: Written(
        "It is over, and waits for its review. `glass`: its id.", ("glass", "why", "ended_at")
    ),
    Kind.REVIEW_CLOSED: Written("Another person reviewed it.", ("glass", "finding")),
    Kind.POLICY_CHANGED: Written(
        "Other policies are in force from now on. In the chain of the installation.",
        ("digest", "before", "files"),
    ),
    Kind.UNDELIVERED: Written(
        "A channel could not tell people something in time, which one does instead, and the first "
        "`entry` that it could not tell.",
        ("channel", "detail", "instead", "entry"),
        ("approval",),
    ),
    Kind.NOTE: Written(
        "Words: a stop, or an answer that was refused and why.", ("text",), ("approval",)
    ),
    Kind.CLOSED: Written("The response ended.", ("status", "contained", "detail")),
}  # fmt: skip

# The shapes that bodies hold, from the code.
_SHAPES = (Plan, Outcome, ProbeReport, Decision, Approval, Vote, Hold)


def render() -> str:
    """The page. Raises KeyError when a kind of entry is not explained."""
    rows = [
        (code(kind.value), KINDS[kind].means, codes(KINDS[kind].body), codes(KINDS[kind].sometimes))
        for kind in Kind
    ]
    outcomes = [(code(kind.value), _OUTCOMES[kind]) for kind in OutcomeKind]
    shapes = [(code(shape.__name__), codes(shape.model_fields)) for shape in _SHAPES]
    return page(
        "Ledger entries",
        "firebreak/domain/record.py",
        _INTRO,
        table(("kind", "what it says", "body", "body, sometimes"), rows),
        section("Outcomes", table(("`outcome.kind`", "what it means"), outcomes)),
        section("Shapes", table(("shape", "fields"), shapes)),
        section("Fields of an entry", codes(Entry.model_fields)),
    )


_OUTCOMES = {
    OutcomeKind.ENFORCED: (
        "Seen in force. Of a control: the state was read back, and the device answered the "
        "sentinel before and is silent now; nothing else counts as contained. Of any other action: "
        "it was done"
    ),
    OutcomeKind.ACCEPTED: (
        "In the configuration, but nobody could witness it: the device was silent before, or the "
        "sentinel could not judge. Held and put back like an enforced one"
    ),
    OutcomeKind.UNKNOWN: "No answer, and looking did not settle it. The hold is stuck",
    OutcomeKind.REFUSED: "A rule or the system itself said no; nothing was changed",
    OutcomeKind.FAILED: "Not in force; what was done has been put back",
}
