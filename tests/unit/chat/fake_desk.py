"""A desk in memory with the engine's rules for votes: what Slack asks is written down."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from firebreak.contracts.engine import Start, Started
from firebreak.contracts.ledger import IncidentRow
from firebreak.domain.device import Device
from firebreak.domain.halt import Halt
from firebreak.domain.hold import Hold, HoldState
from firebreak.domain.people import Approval, ApprovalState, Principal, Verdict, Vote, passed
from firebreak.domain.plan import Plan
from firebreak.errors import BadInput, Forbidden, NotFound
from tests.unit.chat.stories import INCIDENT, NOW, row


def device(name: str) -> Device:
    """A camera."""
    return Device.model_validate(
        {"id": name, "mac": "02:00:00:00:00:17", "site": "plant-1", "class": "ip-camera"}
    )


def hold(name: str, action: str = "network.quarantine") -> Hold:
    """A hold on a device."""
    plan = Plan(
        action=action,
        rung="switch",
        adapter="cli",
        device=name,
        site="plant-1",
        target="sw-1 Gi1/0/7",
        before={"vlan": 10},
        after={"vlan": 666},
        reversible=True,
        way_back="VLAN 666 -> 10",
        risk="low",
        summary=f"quarantine {name}",
    )
    return Hold(
        id=f"hold/{name}/{action}",
        incident=INCIDENT,
        device=name,
        action=action,
        plan=plan,
        owner="ana",
        state=HoldState.ACTIVE,
        started_at=NOW,
        expires_at=NOW + timedelta(hours=4),
    )


class FakeDesk:
    """``calls``: what was asked. ``stuck``: nothing is answered before it is set."""

    def __init__(self, *requests: Approval) -> None:
        self.requests = {request.id: request for request in requests}
        self.calls: list[tuple[object, ...]] = []
        self.live = [hold("cam-12")]
        self.halted: list[Halt] = []
        self.stuck: asyncio.Event | None = None
        self.refusal: Exception | None = None

    async def _noted(self, *call: object) -> None:
        self.calls.append(call)
        if self.stuck is not None:
            await self.stuck.wait()
        if self.refusal is not None:
            raise self.refusal

    async def start(self, who: Principal, start: Start) -> Started:
        await self._noted("start", who.id, start.playbook, start.device, start.reason)
        return Started(workflow=f"respond/{start.playbook}/{start.device}", incident=INCIDENT)

    async def release(self, who: Principal, hold: str, reason: str) -> Hold:
        await self._noted("release", who.id, hold, reason)
        found = next(one for one in self.live if one.id == hold)
        return found.model_copy(update={"state": HoldState.RELEASED})

    async def decide(
        self, who: Principal, approval: str, plan_hash: str, verdict: Verdict, reason: str
    ) -> Approval:
        await self._noted("decide", who.id, approval, plan_hash, verdict.value, reason)
        if not reason.strip():
            raise BadInput("a reason of 1 to 2,000 characters is needed")
        request = await self.approval(who, approval)
        if request.state is not ApprovalState.PENDING:
            raise Forbidden(f"{request.id} is {request.state.value} already")
        if plan_hash != request.plan_hash:
            raise Forbidden("the plan is not the one you saw; look at the request again")
        if any(vote.who.id == who.id for vote in request.votes):
            raise Forbidden(f"{who.id} has answered already")
        if not any(gate.role in who.roles for gate in request.gates):
            raise Forbidden(f"{who.id} has none of the roles asked for")
        vote = Vote(
            approval=approval,
            plan_hash=plan_hash,
            who=who,
            verdict=verdict,
            reason=reason,
            at=datetime.now(UTC),
        )
        votes = (*request.votes, vote)
        state = ApprovalState.PENDING
        if verdict is Verdict.DENY:
            state = ApprovalState.DENIED
        elif passed(request.gates, (one.who for one in votes)):
            state = ApprovalState.APPROVED
        changed = request.model_copy(update={"state": state, "votes": votes})
        self.requests[approval] = changed
        return changed

    async def halt(self, who: Principal, site: str | None, reason: str) -> tuple[Halt, ...]:
        await self._noted("halt", who.id, site, reason)
        self.halted.append(Halt(id="h1", site=site, by=who.id, reason=reason, at=NOW))
        return tuple(self.halted)

    async def resume(self, who: Principal, site: str | None, reason: str) -> tuple[Halt, ...]:
        await self._noted("resume", who.id, site, reason)
        return ()

    async def incidents(self, who: Principal, *, open_only: bool) -> Sequence[IncidentRow]:
        await self._noted("incidents", who.id, open_only)
        return [row()]

    async def holds(self, who: Principal) -> Sequence[Hold]:
        await self._noted("holds", who.id)
        return self.live

    async def approvals(self, who: Principal) -> Sequence[Approval]:
        await self._noted("approvals", who.id)
        return list(self.requests.values())

    async def approval(self, who: Principal, approval: str) -> Approval:
        del who
        if approval not in self.requests:
            raise NotFound(f"there is no request {approval}")
        return self.requests[approval]

    async def devices(self, who: Principal, text: str, limit: int) -> Sequence[Device]:
        await self._noted("devices", who.id, text, limit)
        return [device(f"cam-{n}") for n in range(300) if text in f"cam-{n}"]

    async def playbooks(self, who: Principal) -> Sequence[str]:
        del who
        return ["isolate", "mirai-botnet"]

    def asked(self, name: str) -> list[tuple[object, ...]]:
        """The calls of one kind."""
        return [call for call in self.calls if call[0] == name]
