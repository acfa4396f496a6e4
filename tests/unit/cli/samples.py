"""Answers of the API in its documented shape, for the command line to show."""

from datetime import UTC, datetime, timedelta
from typing import Any

from firebreak.contracts.ledger import IncidentRow
from firebreak.domain.base import JsonObject
from firebreak.domain.hold import Hold, HoldState
from firebreak.domain.people import Approval, ApprovalState, Gate
from firebreak.domain.plan import Plan
from firebreak.domain.record import GENESIS, Entry, Kind

START = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
INCIDENT = "inc-0123456789ab"
HASH = "sha256:" + "ab" * 32

PLAN = Plan(
    action="network.quarantine",
    rung="switch",
    adapter="netmiko",
    device="cam-17",
    site="north",
    target="sw-north GigabitEthernet0/7",
    before={"vlan": 20, "admin": "up"},
    after={"vlan": 666, "admin": "up"},
    reversible=True,
    way_back="put the port back into VLAN 20",
    risk="medium",
    summary="move cam-17 from VLAN 20 to quarantine VLAN 666",
)


def entry(seq: int, kind: Kind, /, **body: Any) -> Entry:
    return Entry(
        incident=INCIDENT,
        key=f"{kind.value}:{seq}",
        kind=kind,
        at=START + timedelta(seconds=seq),
        actor="oncall",
        body=body,
        seq=seq,
        prev=GENESIS,
        hash=HASH,
    )


def row(
    status: str = "open", *, contained: bool = False, title: str = "telnet scan"
) -> IncidentRow:
    return IncidentRow(
        id=INCIDENT,
        workflow="respond/mirai-botnet/cam-17",
        playbook="mirai-botnet",
        device="cam-17",
        title=title,
        requester="suricata",
        status=status,
        contained=contained,
        opened_at=START,
    )


def approval(state: ApprovalState = ApprovalState.PENDING, **changes: Any) -> Approval:
    made = Approval(
        id="apr-1",
        incident=INCIDENT,
        step="contain",
        plans=(PLAN.hash,),
        plan_hash=HASH,
        summary=(PLAN.summary,),
        gates=(Gate(role="on-call"),),
        why="cam-17 has high criticality",
        requester="suricata",
        requested_at=START,
        expires_at=START + timedelta(minutes=15),
        state=state,
    )
    return made.model_copy(update=changes)


def hold(state: HoldState = HoldState.ACTIVE) -> Hold:
    return Hold(
        id="hold/cam-17/network.quarantine",
        incident=INCIDENT,
        device="cam-17",
        action="network.quarantine",
        plan=PLAN,
        owner="suricata",
        state=state,
        started_at=START,
        expires_at=START + timedelta(hours=4),
    )


def probe(reach: str) -> JsonObject:
    return {
        "vantage": "sentinel-north",
        "target": "cam-17",
        "method": "tcp",
        "reach": reach,
        "at": START.isoformat(),
    }


def whole_story() -> list[Entry]:
    """A response from the alert to its end, one entry of each kind that people see."""
    asked = approval().to_json()
    vote = {"who": {"id": "oncall"}, "verdict": "approve", "reason": "go"}
    outcome = {
        "kind": "enforced",
        "step": "contain",
        "action": "network.quarantine",
        "rung": "switch",
        "device": "cam-17",
        "detail": "cam-17 answered before and is silent now",
        "probes": [probe("reachable"), probe("unreachable")],
    }
    restored = {
        "kind": "enforced",
        "action": "network.release",
        "rung": "switch",
        "device": "cam-17",
        "probes": [probe("reachable")],
    }
    held = "hold/cam-17/network.quarantine"
    until = (START + timedelta(hours=4)).isoformat()
    opened: dict[str, Any] = {
        "workflow": "respond/mirai-botnet/cam-17",
        "playbook": "mirai-botnet",
        "version": 3,
        "device": {"id": "cam-17"},
        "title": "telnet scan",
        "requester": "suricata",
        "reason": "",
        "alerts": ["suricata:0123456789abcdef"],
    }
    gated = {"effect": "approve", "gates": asked["gates"], "rules": ["high-criticality"]}
    return [
        entry(0, Kind.OPENED, **opened),
        entry(1, Kind.PLAN, step="contain", plan=PLAN.to_json(), plan_hash=PLAN.hash),
        entry(2, Kind.DECISION, step="contain", decision=gated),
        entry(3, Kind.APPROVAL_REQUESTED, approval=asked),
        entry(4, Kind.APPROVAL_VOTE, vote=vote),
        entry(5, Kind.APPROVAL_CLOSED, approval=approval(ApprovalState.APPROVED).to_json()),
        entry(6, Kind.INTENT, step="contain", plan=PLAN.to_json(), send_by=until),
        entry(7, Kind.OUTCOME, step="contain", plan=PLAN.to_json(), hold=held, outcome=outcome),
        entry(8, Kind.HOLD_STARTED, step="contain", hold=held, owner="suricata", expires_at=until),
        entry(9, Kind.HOLD_EXTENDED, hold=held, expires_at=until, who="oncall", reason="more"),
        entry(10, Kind.INTENT, step="release", revert=True, send_by=until),
        entry(11, Kind.OUTCOME, step="release", plan=PLAN.to_json(), outcome=restored),
        entry(12, Kind.HOLD_ENDED, hold=held, why="step back", outcome="enforced"),
        entry(13, Kind.CLOSED, status="completed", contained=True, detail=""),
    ]
