"""Responses without Temporal: the real interpreter, activities, ledger and policy engine.

People answer, adapters fail and workers die as a script says.
"""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue

from activities.control import ControlRunner
from activities.roads import choose
from activities.witness import Witness
from activities.world import World
from firebreak.contracts.policy import Policy
from firebreak.domain.base import JsonObject
from firebreak.domain.hold import Hold
from firebreak.domain.people import NOBODY, Approval, ApprovalState, Principal, Terms, Verdict
from firebreak.domain.plan import Outcome, Plan
from firebreak.domain.record import Kind, NewEntry
from firebreak.domain.step import Answer, ApprovalAsk, Ask, Roads
from firebreak.errors import FirebreakError, OutcomeUnknown, Unreachable
from firebreak.ledger.store import SqlLedger
from firebreak.playbook.catalogue import SHIPPED
from firebreak.playbook.interpreter import Interpreter
from firebreak.playbook.program import Do, HoldSpec, Program
from firebreak.playbook.runtime import StepFailedError
from firebreak.playbook.scope import Scope
from firebreak.policy.blast_radius import BlastRadius
from tests.workflows.site import QUARANTINE, MemoryControl, MemoryInventory, MemorySite
from workflows.answers import AnswerRefusedError, check_vote
from workflows.board import Board
from workflows.calls import roads_ask
from workflows.messages import VoteOrder

ATTEMPTS = 4
PEOPLE = tuple(
    Principal(id=f"{role}-{number}", roles=frozenset({role}))
    for role in ("on-call", "soc-lead", "admin", "x")
    for number in range(3)
)
CONTAIN = Program(
    name="contain",
    version=1,
    summary="Contain it",
    steps=(
        Do(
            id="contain",
            action="network.quarantine",
            ladder=("switch", "port-down"),
            hold=HoldSpec(for_s=3600),
        ),
    ),
)


class WorkerDied(BaseException):
    """The process is gone: nothing of ours gets to run after it."""


@dataclass
class Said:
    """One answer of a person. ``stale``: to a plan that they did not see."""

    who: Principal
    verdict: Verdict
    stale: bool = False


@dataclass
class Script:
    """What people say about one device, in turn. When it has run out, nobody speaks.

    ``drifts``: whether somebody else moves the port while people think, request by request.
    """

    answers: list[Said] = field(default_factory=list)
    drifts: list[bool] = field(default_factory=list)


class MortalControl(MemoryControl):
    """A rung whose writes end as the fates say, in turn; then well."""

    def __init__(self, site: MemorySite, rung: str, target: JsonObject, fates: list[str]) -> None:
        super().__init__(site, rung, target)
        self._fates = fates

    async def apply(self, plan: Plan, send_by: datetime) -> JsonObject:
        fate = self._fates.pop(0) if self._fates else "well"
        if fate == "unreachable":
            raise Unreachable("nothing was sent")
        if fate == "died before":
            raise WorkerDied
        state = await super().apply(plan, send_by)
        if fate == "died after":
            raise WorkerDied
        if fate == "lost":
            raise OutcomeUnknown("the answer was lost")
        return state


FATES = ("well", "unreachable", "died before", "died after", "lost")


def world(ledger: SqlLedger, policy: Policy, site: MemorySite, fates: list[str]) -> World:
    """The activities' world over a site in memory."""
    inventory = MemoryInventory(site)
    rungs: dict[str, JsonObject] = {"switch": {"vlan": QUARANTINE}, "port-down": {"up": False}}
    return World(
        catalogue=SHIPPED,
        ledger=ledger,
        policy=policy,
        inventory=inventory,
        controls={
            ("network.quarantine", rung): [MortalControl(site, rung, target, fates)]
            for rung, target in rungs.items()
        },
        locator=site,
        operations={},
        witness=Witness(site, rounds=1, pause_s=0),
        clock=lambda: datetime.now(UTC),
        send_window=timedelta(milliseconds=30),
        blast_radius=BlastRadius(lambda: site.limits, inventory),
    )


class Direct:
    """The interpreter's Runtime, with activities called directly and again after a death."""

    def __init__(
        self, world_: World, script: Script, site: MemorySite, incident: str, requester: Principal
    ) -> None:
        self._world = world_
        self._script = script
        self._site = site
        self._incident = incident
        self._requester = requester
        self._runner = ControlRunner(world_)
        self._board = Board(incident, requester.id)

    async def act(
        self,
        step: Do,
        key: str,
        rung: str,
        device: str,
        inputs: dict[str, JsonValue],
        *,
        ladder: str = "",
        plan: Plan | None = None,
        author: Terms = NOBODY,
        approvals: tuple[Approval, ...] = (),
        preview: bool = False,
    ) -> Answer:
        ask = Ask(
            incident=self._incident,
            response="",
            step=key,
            action=step.action,
            rung=rung,
            device=device,
            inputs=inputs,
            requester=self._requester,
            severity=4,
            confidence=60,
            hold_s=step.hold.for_s if step.hold else None,
            ladder=ladder,
            plan=plan,
            author=author,
            approvals=approvals,
            preview=preview,
        )
        for attempt in range(ATTEMPTS):
            try:
                return await self._runner.perform(ask, last_attempt=attempt == ATTEMPTS - 1)
            except WorkerDied:
                continue
            except FirebreakError:
                await asyncio.sleep(0)
        raise StepFailedError("no attempt came to an end")

    async def roads(self, step: Do, device: str) -> Roads:
        return choose(self._world, roads_ask(step, device))

    async def approve(self, ask: ApprovalAsk) -> Approval:
        """Whoever speaks next in the script, until it is decided or nobody does."""
        request = self._board.open(ask, datetime.now(UTC))
        while self._board[request.id].state is ApprovalState.PENDING and self._script.answers:
            said = self._script.answers.pop(0)
            shown = "sha256:" + "0" * 64 if said.stale else request.plan_hash
            order = VoteOrder(
                approval=request.id, plan_hash=shown, who=said.who, verdict=said.verdict
            )
            try:
                check_vote(self._board, order, datetime.now(UTC))
            except AnswerRefusedError:
                continue
            _, vote = self._board.cast(order, datetime.now(UTC))
            body: JsonObject = {"vote": vote.to_json(), "plans": list(request.plans)}
            await self._note(Kind.NOTE, f"vote:{request.id}:{said.who.id}", body)
        if self._script.drifts and self._script.drifts.pop(0):
            for plan in ask.plans:
                self._site.vlan[plan.device] += 1
        return self._board.settle(request.id, ApprovalState.EXPIRED)

    async def hold(
        self,
        hold: Hold,
        spec: HoldSpec,
        inputs: dict[str, JsonValue],
        *,
        until: datetime | None = None,
    ) -> bool:
        del hold, spec, inputs, until
        return True

    async def may_release(self, key: str, hold: Hold, **_: object) -> Answer:
        raise NotImplementedError  # the program releases nothing

    async def release(self, key: str, hold: Hold) -> Outcome:
        raise NotImplementedError

    async def sleep(self, seconds: float) -> None:
        del seconds

    def elapsed(self) -> float:
        return 0

    def note(self, key: str, what: str, detail: str) -> None:
        """Nothing here reads notes."""

    def cancelled(self) -> bool:
        return False

    async def _note(self, kind: Kind, key: str, body: JsonObject) -> None:
        await self._world.ledger.append(
            NewEntry(
                incident=self._incident,
                key=key,
                kind=kind,
                at=datetime.now(UTC),
                actor="test",
                body=body,
            )
        )


async def respond(
    world_: World,
    scripts: Mapping[str, Script],
    site: MemorySite,
    incidents: Iterator[str],
    requester: Principal,
) -> dict[str, str]:
    """Contain all devices of the scripts at once; the incident of each."""
    named = {device: next(incidents) for device in scripts}

    async def one(device: str, script: Script) -> None:
        runtime = Direct(world_, script, site, named[device], requester)
        facts: dict[str, JsonValue] = {"device": site.devices[device].to_json()}
        with contextlib.suppress(StepFailedError):
            await Interpreter(runtime, device, Scope(facts, {})).run(CONTAIN)

    await asyncio.gather(*(one(device, script) for device, script in scripts.items()))
    return named
