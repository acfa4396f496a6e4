"""A whole response as the activities record it, for everything that reads the record."""

from datetime import UTC, datetime, timedelta
from typing import Any

from firebreak.contracts.ledger import Claim
from firebreak.domain.hold import hold_id
from firebreak.domain.people import Approval, ApprovalState, Gate, Principal, Verdict, Vote
from firebreak.domain.plan import Outcome, OutcomeKind, Plan, ProbeReport, Reach
from firebreak.domain.record import GENESIS, Entry, Kind, NewEntry, entry_hash

INCIDENT = "inc-00000000000a"
OTHER = "inc-00000000000b"
START = datetime(2026, 3, 1, 3, 0, 0, 123456, tzinfo=UTC)
DEVICE = "cam-17"
ACTION = "network.quarantine"
HOLD = hold_id(DEVICE, ACTION)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def new(
    kind: Kind, key: str, body: dict[str, Any], *, s: float = 0, incident: str = INCIDENT
) -> NewEntry:
    return NewEntry(incident=incident, key=key, kind=kind, at=at(s), actor="ana", body=body)


def note(key: str, text: str = "", *, s: float = 0, incident: str = INCIDENT) -> NewEntry:
    return new(Kind.NOTE, key, {"text": text}, s=s, incident=incident)


def plan(vlan: int = 10, device: str = DEVICE, action: str = ACTION) -> Plan:
    state = {"switch": "sw-1", "port": "Gi1/0/7", "mode": "access", "admin": "up"}
    return Plan(
        action=action,
        rung="switch",
        adapter="cisco_ios",
        device=device,
        site="plant",
        target="sw-1 Gi1/0/7",
        before={**state, "vlan": vlan},
        after={**state, "vlan": 666},
        reversible=True,
        way_back=f"access VLAN {vlan}",
        risk="low",
        summary=f"quarantine {device}: VLAN {vlan} -> 666",
    )


CLAIM = Claim(device=DEVICE, action=ACTION, plan=plan(), owner="ana", step="contain")


def saying(entry: NewEntry, **fields: Any) -> NewEntry:
    """The entry with more fields in its body, or other ones."""
    return entry.model_copy(update={"body": {**entry.body, **fields}})


def probe(reach: Reach) -> ProbeReport:
    return ProbeReport(vantage="prod", target="10.20.0.17", method="icmp", reach=reach, at=at(4))


def outcome(
    kind: OutcomeKind = OutcomeKind.ENFORCED,
    *,
    action: str = ACTION,
    device: str = DEVICE,
    step: str = "contain",
    s: float = 4,
) -> Outcome:
    return Outcome(
        kind=kind,
        step=step,
        action=action,
        rung="switch",
        device=device,
        detail="seen from production it is gone",
        changed=kind in (OutcomeKind.ENFORCED, OutcomeKind.ACCEPTED),
        observed=plan().after,
        probes=(probe(Reach.UNREACHABLE),),
        started_at=at(s - 1),
        ended_at=at(s),
    )


def opened(*, incident: str = INCIDENT, workflow: str = "respond/mirai/cam-17") -> NewEntry:
    body = {
        "workflow": workflow,
        "playbook": "mirai-botnet",
        "version": 3,
        "digest": "sha256:" + "1" * 64,
        "device": {"id": DEVICE, "site": "plant", "mac": "02:00:00:00:00:17"},
        "title": "Mirai scanner \u0007 on camera",
        "requester": "suricata",
        "reason": "alert",
        "alerts": ["suricata:0123456789abcdef"],
        "detected_at": at(-2).isoformat(),
        "policy": "sha256:" + "2" * 64,
    }
    return new(Kind.OPENED, "opened", body, incident=incident)


def planned() -> NewEntry:
    body = {"step": "contain", "plan": plan().to_json(), "plan_hash": plan().hash}
    return new(Kind.PLAN, "plan:contain", body, s=0.5)


def intent(number: int = 1, *, s: float = 3, incident: str = INCIDENT) -> NewEntry:
    body = {"step": "contain", "plan": plan().to_json()}
    return new(Kind.INTENT, f"intent:contain#{number}", body, s=s, incident=incident)


def unsent(
    number: int = 1, *, step: str = "contain", incident: str = INCIDENT, **fields: Any
) -> NewEntry:
    body = {"step": step, "what": "not sent", "detail": "unreachable: sw-1", **fields}
    return new(Kind.STEP, f"unsent:{step}#{number}", body, s=3.5, incident=incident)


def acted(
    said: Outcome | None = None,
    *,
    hold: str | None = HOLD,
    key: str = "outcome:contain",
    plan_: Plan | None = None,
    incident: str = INCIDENT,
) -> NewEntry:
    body = {
        "outcome": (said or outcome()).to_json(),
        "plan": (plan_ or plan()).to_json(),
        "hold": hold,
    }
    return new(Kind.OUTCOME, key, body, s=4, incident=incident)


def hold_started(*, s: float = 4, until: float = 3600, incident: str = INCIDENT) -> NewEntry:
    body = {"hold": HOLD, "expires_at": at(until).isoformat(), "owner": "ana"}
    return new(Kind.HOLD_STARTED, "hold:contain", body, s=s, incident=incident)


def hold_extended(*, until: float = 9000, incident: str = INCIDENT) -> NewEntry:
    body = {"hold": HOLD, "expires_at": at(until).isoformat(), "who": "bo", "reason": "r"}
    return new(Kind.HOLD_EXTENDED, "extended:contain", body, s=30, incident=incident)


def hold_stuck(detail: str = "no line", *, incident: str = INCIDENT) -> NewEntry:
    body = {"hold": HOLD, "detail": detail}
    return new(Kind.HOLD_STUCK, "stuck:contain", body, s=50, incident=incident)


def hold_ended(outcome_: str = "enforced", *, s: float = 60, incident: str = INCIDENT) -> NewEntry:
    body = {"hold": HOLD, "why": "expired", "outcome": outcome_}
    return new(Kind.HOLD_ENDED, "ended:contain", body, s=s, incident=incident)


def approval(state: ApprovalState = ApprovalState.PENDING, *, incident: str = INCIDENT) -> Approval:
    return Approval(
        id=f"{incident}.1",
        incident=incident,
        step="contain",
        plans=(plan().hash,),
        plan_hash="sha256:" + "3" * 64,
        summary=(plan().summary,),
        gates=(Gate(role="on-call"),),
        why="policy",
        requester="suricata",
        requested_at=at(1),
        expires_at=at(901),
        state=state,
    )


def vote() -> Vote:
    return Vote(
        approval=f"{INCIDENT}.1",
        plan_hash="sha256:" + "3" * 64,
        who=Principal(id="bo", roles=frozenset({"on-call"})),
        verdict=Verdict.APPROVE,
        reason="go",
        at=at(2),
    )


def asked() -> NewEntry:
    return new(Kind.APPROVAL_REQUESTED, "asked", {"approval": approval().to_json()}, s=1)


def voted() -> NewEntry:
    return new(Kind.APPROVAL_VOTE, "voted", {"vote": vote().to_json()}, s=2)


def agreed() -> NewEntry:
    settled = approval(ApprovalState.APPROVED).model_copy(update={"votes": (vote(),)})
    return new(Kind.APPROVAL_CLOSED, "agreed", {"approval": settled.to_json()}, s=2)


def closed(*, contained: bool = True) -> NewEntry:
    body = {"status": "completed", "contained": contained, "detail": ""}
    return new(Kind.CLOSED, "closed", body, s=61)


def story() -> tuple[NewEntry, ...]:
    released = outcome(action="network.release", s=59)
    return (
        opened(),
        planned(),
        asked(),
        voted(),
        agreed(),
        intent(),
        acted(),
        hold_started(),
        acted(released, hold=None, key="outcome:release"),
        hold_ended(),
        closed(),
    )


def chained(*entries: NewEntry) -> tuple[Entry, ...]:
    """The chain these entries make, without a database."""
    chain: list[Entry] = []
    prev = GENESIS
    for seq, entry in enumerate(entries):
        hash_ = entry_hash(entry, seq, prev)
        chain.append(Entry(**dict(entry), seq=seq, prev=prev, hash=hash_))
        prev = hash_
    return tuple(chain)
