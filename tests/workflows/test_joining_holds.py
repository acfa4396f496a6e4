"""A second response stands under a hold only while there is one, and only as long as agreed."""

import asyncio
from datetime import UTC, datetime

import pytest

from activities.control import ControlRunner
from activities.verdict import Job, Verdicts
from firebreak.domain.base import JsonObject
from firebreak.domain.hold import Hold
from firebreak.domain.people import Gate, Verdict
from firebreak.domain.plan import OutcomeKind, Plan, ProbeReport
from firebreak.domain.record import JOURNAL, Kind, NewEntry
from firebreak.domain.step import Answer, Ask
from firebreak.errors import Rejected
from firebreak.playbook.program import HoldSpec, Wait
from tests.workflows.bench import ON_CALL, SECOND, Bench
from tests.workflows.playbooks import ask, contain, program, release
from tests.workflows.site import PRODUCTION, QUARANTINE, MemoryControl
from workflows.messages import EndOrder

HOLD = "hold/cam-17/network.quarantine"
BOTH = (Gate(role="on-call", within_s=60), Gate(role="soc-lead", within_s=60))


class SlowRevert:
    """The first revert stands still before it writes, as one over a slow SSH line does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._begun, self.go = asyncio.Event(), asyncio.Event()
        revert = MemoryControl.revert

        async def slow(control: MemoryControl, plan: Plan, send_by: datetime) -> JsonObject:
            self._begun.set()
            await self.go.wait()
            return await revert(control, plan, send_by)

        monkeypatch.setattr(MemoryControl, "revert", slow)

    async def begun(self) -> None:
        async with asyncio.timeout(15):
            await self._begun.wait()


async def until_recorded(bench: Bench, incident: str, key: str) -> None:
    async with asyncio.timeout(15):
        while await bench.ledger.entry(incident, key) is None:
            await asyncio.sleep(0.02)


async def signals_to(bench: Bench, workflow: str, name: str) -> int:
    """How often a workflow was told something."""
    history = await bench.client.get_workflow_handle(workflow).fetch_history()
    told = [event.workflow_execution_signaled_event_attributes for event in history.events]
    return len([signal for signal in told if signal.signal_name == name])


# -- while it ends --------------------------------------------------------------------------


async def test_who_joins_a_hold_that_is_being_given_back_contains_anew(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SlowRevert(monkeypatch)
    await bench.run(program(contain(hold=HoldSpec(for_s=1)), name="first"))
    await slow.begun()  # its time is up, the way back is on its way
    second = await bench.start(program(contain(), Wait(id="wait", seconds=1), name="second"))
    await until_recorded(bench, second.incident, "outcome:contain/switch")
    await asyncio.sleep(0.5)  # it has asked the hold by now
    slow.go.set()
    result = await bench.result(second)
    held = await bench.ledger.hold(HOLD)
    assert (result.status, result.contained) == ("completed", True)
    assert held is not None
    assert held.incident == second.incident
    assert bench.site.vlan["cam-17"] == QUARANTINE
    assert [write[1] for write in bench.site.writes] == ["switch", "switch/revert", "switch"]


async def test_who_joins_a_hold_whose_way_back_fails_is_not_contained(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SlowRevert(monkeypatch)
    await bench.run(program(contain(hold=HoldSpec(for_s=1)), name="first"))
    await slow.begun()
    second = await bench.start(program(contain(), name="second"))
    await until_recorded(bench, second.incident, "outcome:contain/switch")
    await asyncio.sleep(0.5)
    bench.site.faults.stuck.add("switch")
    slow.go.set()
    result = await bench.result(second)
    assert (result.status, result.contained) == ("failed", False)
    assert "needs a person first" in result.detail


async def test_a_stop_while_the_hold_is_being_given_back_sends_nothing_more(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SlowRevert(monkeypatch)
    await bench.run(program(contain(hold=HoldSpec(for_s=1)), name="first"))
    await slow.begun()
    second = await bench.start(program(contain(), name="second"))
    await until_recorded(bench, second.incident, "outcome:contain/switch")
    await asyncio.sleep(0.5)
    await bench.engine.cancel(second.incident, ON_CALL, "wrong camera")
    result = await bench.result(second)
    slow.go.set()
    async with asyncio.timeout(15):
        while await bench.ledger.hold(HOLD) is not None:
            await asyncio.sleep(0.05)
    assert (result.status, result.contained) == ("cancelled", False)
    assert [write[1] for write in bench.site.writes] == ["switch", "switch/revert"]


async def test_who_joins_a_hold_that_ends_before_the_word_is_written_contains_anew(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.run(program(contain(), name="first"))
    worth = ControlRunner._worth

    async def paused(
        self: ControlRunner, job: Job, live: Hold, baseline: ProbeReport
    ) -> tuple[OutcomeKind, str]:
        found = await worth(self, job, live, baseline)
        await bench.engine.release(HOLD, ON_CALL, "patched")  # by a person, meanwhile
        return found

    monkeypatch.setattr(ControlRunner, "_worth", paused)
    result, _ = await bench.run(program(contain(), name="second"))
    held = await bench.ledger.hold(HOLD)
    assert (result.status, result.contained) == ("completed", True)
    assert held is not None
    assert held.incident == result.incident
    assert bench.site.vlan["cam-17"] == QUARANTINE


async def test_a_hold_that_ended_before_its_step_takes_new_agreement_to_begin_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.rules.gates["network.quarantine"] = (Gate(role="on-call", within_s=60),)
    again = Verdicts.again

    async def late(self: Verdicts, ask_: Ask) -> Answer:
        if ask_.step == "contain/switch":  # a person is faster than the activity's answer
            await bench.engine.release(HOLD, ON_CALL, "wrong camera")
        return await again(self, ask_)

    monkeypatch.setattr(Verdicts, "again", late)
    started = await bench.start(program(contain()))
    (first,) = await bench.requests()
    await bench.engine.decide(first.id, first.plan_hash, Verdict.APPROVE, ON_CALL, "yes")
    async with asyncio.timeout(15):
        while [r.id for r in await bench.ledger.approvals()] in ([], [first.id]):
            await asyncio.sleep(0.05)
    (second,) = await bench.ledger.approvals()
    assert bench.site.vlan["cam-17"] == PRODUCTION
    await bench.engine.decide(second.id, second.plan_hash, Verdict.DENY, ON_CALL, "no")
    result = await bench.result(started)
    assert (result.status, result.contained) == ("denied", False)


async def test_a_hold_that_is_being_given_back_cannot_be_extended(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SlowRevert(monkeypatch)
    await bench.run(program(contain(hold=HoldSpec(for_s=1)), name="first"))
    await slow.begun()
    with pytest.raises(Rejected, match="being given back"):
        await bench.engine.extend(HOLD, 7200, ON_CALL, "the supplier comes tomorrow")
    slow.go.set()
    async with asyncio.timeout(15):
        while bench.site.vlan["cam-17"] == QUARANTINE:
            await asyncio.sleep(0.05)


async def test_whoever_gives_a_hold_back_while_it_ends_is_answered(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SlowRevert(monkeypatch)
    await bench.run(program(contain(hold=HoldSpec(for_s=1)), name="first"))
    await slow.begun()
    other = await bench.start(program(contain(), ask(), release(), name="other"), "cam-18")
    await bench.requests()
    order = EndOrder(who="ada", why="a test", response=other.workflow)
    await bench.client.get_workflow_handle(HOLD).signal("end", order)
    slow.go.set()
    async with asyncio.timeout(15):
        while not await signals_to(bench, other.workflow, "hold_ended"):
            await asyncio.sleep(0.05)


async def test_an_order_about_an_earlier_life_does_not_end_the_hold(bench: Bench) -> None:
    await bench.run(program(contain(), name="first"))
    earlier = await bench.ledger.hold(HOLD)
    assert earlier is not None
    await bench.engine.release(HOLD, ON_CALL, "patched")
    second = await bench.start(program(contain(), ask(), release(), name="second"))
    await bench.requests()
    order = EndOrder(who="ada", why="late", response=second.workflow, life=earlier.life)
    await bench.client.get_workflow_handle(HOLD).signal("end", order)
    async with asyncio.timeout(15):
        while not await signals_to(bench, second.workflow, "hold_ended"):
            await asyncio.sleep(0.05)
    assert bench.site.vlan["cam-17"] == QUARANTINE


# -- for how long ---------------------------------------------------------------------------


async def test_joining_makes_a_hold_longer_where_nobody_needs_to_agree(bench: Bench) -> None:
    await bench.run(program(contain(hold=HoldSpec(for_s=60)), name="first"))
    before = await bench.ledger.hold(HOLD)
    await bench.run(program(contain(hold=HoldSpec(for_s=86400)), name="second"))
    after = await bench.ledger.hold(HOLD)
    assert before
    assert before.expires_at
    assert after
    assert after.expires_at
    assert after.expires_at > before.expires_at


async def test_joining_makes_no_hold_longer_than_people_agreed_to(bench: Bench) -> None:
    bench.rules.gates["network.quarantine"] = BOTH
    first = await bench.start(program(contain(hold=HoldSpec(for_s=60)), name="first"))
    (request,) = await bench.requests()
    for who in (ON_CALL, SECOND):
        await bench.engine.decide(request.id, request.plan_hash, Verdict.APPROVE, who, "a minute")
    await bench.result(first)
    before = await bench.ledger.hold(HOLD)
    steps = program(contain(hold=HoldSpec(for_s=86400)), name="second")
    result, chain = await bench.run(steps)  # it asks nobody
    after = await bench.ledger.hold(HOLD)
    assert (result.status, result.contained) == ("completed", True)
    assert before
    assert before.expires_at
    assert after
    assert after.expires_at == before.expires_at
    (outcome,) = [entry for entry in chain if entry.kind is Kind.OUTCOME]
    assert outcome.body["until"] == before.expires_at.isoformat()
    assert "to stay longer people would have to agree" in str(outcome.body["outcome"])
    (decision,) = [entry for entry in chain if entry.kind is Kind.DECISION]
    assert decision.body["agreed"] is False


async def test_joining_makes_no_hold_longer_while_effects_are_halted(bench: Bench) -> None:
    await bench.run(program(contain(hold=HoldSpec(for_s=60)), name="first"))
    before = await bench.ledger.hold(HOLD)
    body: JsonObject = {"halt": "h", "site": None, "reason": "forged alerts"}
    now = datetime.now(UTC)
    await bench.ledger.append(
        NewEntry(incident=JOURNAL, key="h", kind=Kind.HALTED, at=now, actor="grace", body=body)
    )
    result, _ = await bench.run(program(contain(hold=HoldSpec(for_s=86400)), name="second"))
    after = await bench.ledger.hold(HOLD)
    assert result.contained
    assert before is not None
    assert after is not None
    assert after.expires_at == before.expires_at
