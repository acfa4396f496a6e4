"""One response for each playbook and device, whatever comes in and however it ends."""

import asyncio
from datetime import UTC, datetime

import pytest

from firebreak.contracts.engine import Start
from firebreak.contracts.policy import Question
from firebreak.domain.alert import Alert
from firebreak.domain.people import Decision, Effect, Principal, Verdict
from firebreak.domain.record import Kind
from firebreak.errors import BadInput, Forbidden, NotFound, Rejected
from firebreak.playbook.program import Input
from tests.workflows.bench import ANALYST, ON_CALL, SECOND, Bench
from tests.workflows.playbooks import ask, contain, note, probe, program, release
from tests.workflows.site import PRODUCTION, QUARANTINE
from workflows.messages import Join
from workflows.response import ResponseWorkflow

AUTOMATION = Principal(id="automation", kind="automation", roles=frozenset({"automation"}))


def alert(number: int) -> Alert:
    return Alert(
        id=f"test:{number:016x}",
        source="test",
        title=f"alert {number}",
        time=datetime.now(UTC),
        severity=4,
        devices=("cam-17",),
    )


async def test_more_alerts_join_the_response_that_runs(bench: Bench) -> None:
    steps = program(contain(), ask(), release())
    first = await bench.start(steps, requester=AUTOMATION, alerts=(alert(1),))
    more = [
        await bench.start(steps, requester=AUTOMATION, alerts=(alert(n), alert(1)))
        for n in range(2, 6)
    ]
    assert {started.incident for started in more} == {first.incident}
    (request,) = await bench.requests()
    await bench.engine.decide(request.id, request.plan_hash, Verdict.APPROVE, ON_CALL, "")
    await bench.result(first)
    chain = await bench.ledger.chain(first.incident)
    joined = [entry for entry in chain if entry.kind is Kind.JOINED]
    assert len(joined) == 4
    assert [write[1] for write in bench.site.writes] == ["switch", "switch/revert"]


async def test_the_same_alert_again_changes_nothing(bench: Bench) -> None:
    steps = program(probe(until="result.reachable == false", every_s=1, within_s=60))
    first = await bench.start(steps, alerts=(alert(1),))
    again = await bench.start(steps, alerts=(alert(1),))
    assert again == first
    bench.site.up["cam-17"] = False
    await bench.result(first)
    chain = await bench.ledger.chain(first.incident)
    assert not [entry for entry in chain if entry.kind is Kind.JOINED]


async def test_nobody_approves_what_they_asked_for_before_it_began(bench: Bench) -> None:
    """Several who came while the last response was closing are requesters of the next."""
    bench.programs.all["test"] = program(contain(), ask(), release())
    ordered = bench.engine._input(Start(playbook="test", device="cam-17", requester=ANALYST))
    late = tuple(Join(start_id=who.id, requester=who, reason="off") for who in (ANALYST, ON_CALL))
    closing = ResponseWorkflow.__new__(ResponseWorkflow)
    closing._start, closing._late = ordered, list(late)
    following = closing._next()
    assert (following.requester, following.also) == (ANALYST, late[1:])
    started = await bench.client.start_workflow(
        ResponseWorkflow.run, following, id="respond/late", task_queue=bench.settings.task_queue
    )
    (request,) = await bench.requests()
    assert request.requesters == (ANALYST.id, ON_CALL.id)
    with pytest.raises(Forbidden, match="asked for it"):
        await bench.engine.decide(request.id, request.plan_hash, Verdict.APPROVE, ON_CALL, "yes")
    await bench.engine.decide(request.id, request.plan_hash, Verdict.APPROVE, SECOND, "yes")
    await started.result()


async def test_a_stopped_response_finishes_its_effect_and_keeps_its_hold(bench: Bench) -> None:
    started = await bench.start(program(contain(), ask(), release()))
    await bench.requests()
    await bench.engine.cancel(started.incident, ON_CALL, "false alarm")
    result = await bench.result(started)
    assert (result.status, result.contained) == ("cancelled", True)
    assert bench.site.vlan["cam-17"] == QUARANTINE
    assert len(await bench.ledger.holds()) == 1
    assert await bench.ledger.approvals() == ()
    with pytest.raises(Rejected, match="ended already"):
        await bench.engine.cancel(started.incident, ON_CALL, "again")


async def test_a_cancellation_in_temporal_is_a_stop_order(bench: Bench) -> None:
    started = await bench.start(program(contain(), ask(), release()))
    await bench.requests()
    await bench.client.get_workflow_handle(started.workflow).cancel()
    result = await bench.result(started)
    assert result.status == "cancelled"
    chain = await bench.ledger.chain(result.incident)
    assert chain[-1].kind is Kind.CLOSED


async def test_a_playbook_is_pinned_when_its_response_starts(bench: Bench) -> None:
    steps = program(contain(), ask(), release())
    started = await bench.start(steps)
    opened = None
    async with asyncio.timeout(15):
        while opened is None:
            opened = await bench.ledger.entry(started.incident, "opened")
            await asyncio.sleep(0.05)
    assert opened.body["digest"] == steps.digest
    assert opened.body["policy"] == bench.rules.digest


async def test_a_dry_run_shows_every_rung_and_touches_nothing(bench: Bench) -> None:
    bench.programs.all["test"] = program(contain(), note())
    lines = await bench.engine.dry_run(Start(playbook="test", device="cam-17", requester=ANALYST))
    assert [line["rung"] for line in lines] == ["switch", "port-down"]
    assert all(line["plan"] for line in lines)
    assert bench.site.writes == []
    assert bench.site.vlan["cam-17"] == PRODUCTION
    assert await bench.ledger.incidents() == ()


async def test_inputs_are_checked_before_anything_starts(bench: Bench) -> None:
    steps = program(note()).model_copy(
        update={"inputs": {"vlan": Input(type="integer", required=True)}}
    )
    with pytest.raises(BadInput, match="needs input 'vlan'"):
        await bench.start(steps)
    with pytest.raises(BadInput, match="vlan must be integer"):
        await bench.start(steps, inputs={"vlan": True})
    with pytest.raises(BadInput, match="has no input 'port'"):
        await bench.start(steps, inputs={"vlan": 5, "port": 1})


async def test_an_unknown_device_or_playbook_starts_nothing(bench: Bench) -> None:
    with pytest.raises(NotFound):
        await bench.start(program(note()), device="cam-99")
    with pytest.raises(NotFound):
        await bench.engine.respond(Start(playbook="x", device="cam-17", requester=ANALYST))


async def test_payloads_in_the_history_cannot_be_read_without_the_key(bench: Bench) -> None:
    started = await bench.start(program(note(text="the secret plan of the attacker")))
    await bench.result(started)
    handle = bench.client.get_workflow_handle(started.workflow)
    raw = "".join(str(event) for event in (await handle.fetch_history()).events)
    assert "secret plan" not in raw
    assert "ip-camera" not in raw


async def test_the_confidence_of_one_alert_says_nothing_for_the_severity_of_another(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decide(question: Question) -> Decision:
        sure = question.severity >= 3 and question.confidence >= 80
        return Decision(effect=Effect.ALLOW if sure else Effect.FORBID, reason="thin evidence")

    monkeypatch.setattr(bench.rules, "decide", decide)
    doubtful = alert(1).model_copy(update={"severity": 4, "confidence": 10})
    harmless = alert(2).model_copy(update={"severity": 1, "confidence": 100})
    started = await bench.start(
        program(contain()), requester=AUTOMATION, alerts=(doubtful, harmless)
    )
    result = await bench.result(started)
    assert (result.contained, bench.site.writes) == (False, [])
