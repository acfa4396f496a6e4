"""Stories, requests and people as the Slack tests need them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from firebreak.contracts.ledger import IncidentRow
from firebreak.contracts.people import News, Story, Weight
from firebreak.domain.base import digest
from firebreak.domain.hold import Hold
from firebreak.domain.people import (
    Approval,
    ApprovalState,
    Gate,
    Level,
    Person,
    Principal,
    Verdict,
    Vote,
)
from firebreak.domain.record import JOURNAL, Entry, Kind

INCIDENT = "inc-0123456789ab"
NOW = datetime(2030, 3, 1, 3, 4, tzinfo=UTC)
PLANS = ("sha256:" + "a" * 64, "sha256:" + "b" * 64)


def approval(**changes: Any) -> Approval:
    """A request for two people's yes."""
    given = {
        "id": f"{INCIDENT}.1",
        "incident": INCIDENT,
        "step": "contain",
        "plans": PLANS[:1],
        "plan_hash": digest(list(PLANS[:1])),
        "summary": (
            "quarantine cam-12: VLAN 10 -> 666 [sw-1 Gi1/0/7; risk low; undo: VLAN 666 -> 10]",
        ),
        "gates": (Gate(role="on-call"), Gate(role="soc-lead")),
        "why": "cam-12 is the only camera of gate 3",
        "requester": "automation",
        "requested_at": NOW,
        "expires_at": NOW + timedelta(minutes=15),
        "device": "cam-12",
        "title": "ET MALWARE Mirai variant",
        "severity": 4,
        "hits": ("gate 3 is not watched meanwhile",),
        "asked": ("ana", "ben"),
        "levels": (Level(after_s=300, role="plant-manager"),),
    }
    return Approval.model_validate({**given, **changes})


def vote(who: str, verdict: Verdict = Verdict.APPROVE, reason: str = "") -> Vote:
    """One answer to that request."""
    return Vote(
        approval=f"{INCIDENT}.1",
        plan_hash=approval().plan_hash,
        who=Principal(id=who),
        verdict=verdict,
        reason=reason,
        at=NOW + timedelta(minutes=1),
    )


def decided(state: ApprovalState, *votes: Vote, **changes: Any) -> Approval:
    """The request, over."""
    return approval(state=state, votes=votes, **changes)


def news(
    seq: int, word: str, text: str, weight: Weight = Weight.PROGRESS, kind: Kind = Kind.NOTE
) -> News:
    """An entry in words."""
    entry = Entry(
        incident=INCIDENT,
        key=f"k{seq}",
        kind=kind,
        at=NOW,
        actor="automation",
        seq=seq,
        prev="sha256:" + "0" * 64,
        hash="sha256:" + "1" * 64,
    )
    return News(entry=entry, weight=weight, word=word, text=text)


def row(**changes: Any) -> IncidentRow:
    """The incident in a list."""
    given = {
        "id": INCIDENT,
        "workflow": "respond/mirai-botnet/cam-12",
        "playbook": "mirai-botnet",
        "device": "cam-12",
        "title": "ET MALWARE Mirai variant",
        "requester": "automation",
        "status": "open",
        "contained": False,
        "opened_at": NOW,
    }
    return IncidentRow.model_validate({**given, **changes})


def story(
    *told: News,
    approvals: Sequence[Approval] = (),
    holds: Sequence[Hold] = (),
    incident: IncidentRow | None = None,
) -> Story:
    """An incident's story."""
    return Story(
        chain=INCIDENT,
        incident=incident or row(),
        news=told,
        past=(),
        approvals=tuple(approvals),
        holds=tuple(holds),
        receipt=None,
    )


def journal(*told: News) -> Story:
    """News of the installation."""
    return Story(
        chain=JOURNAL,
        incident=None,
        news=told,
        past=(),
        approvals=(),
        holds=(),
        receipt=None,
    )


class People:
    """A directory in memory: the people file's part in these tests."""

    def __init__(self, *people: Person) -> None:
        self.people = {person.id: person for person in people}

    def person(self, person_id: str) -> Person | None:
        return self.people.get(person_id)

    async def principal(self, provider: str, account: str, at: datetime) -> Principal | None:
        del at
        for person in self.people.values():
            known = person.emails if provider == "email" else person.accounts.get(provider, ())
            if account in known:
                return Principal(id=person.id, roles=person.roles)
        return None

    async def current(self, principal: Principal, at: datetime) -> Principal:
        del at
        return principal


class Kept:
    """The dispatcher's memory of a channel. ``lose``: the process dies before it is saved."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}
        self.times = 0

    async def keep(self, known: dict[str, Any]) -> None:
        self.times += 1
        self.known = known


def words(blocks: Any) -> str:
    """Everything that a reader of the blocks sees, a line a text."""
    found: list[str] = []

    def visit(part: Any) -> None:
        if isinstance(part, list):
            for one in part:
                visit(one)
        elif isinstance(part, dict):
            text = part.get("text")
            if isinstance(text, str):
                found.append(text)
            for one in part.values():
                visit(one)

    visit(blocks)
    return "\n".join(found)
