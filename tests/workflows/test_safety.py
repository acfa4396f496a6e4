"""Ways in which something could read as done without being so, or never end. Each was once open."""

import asyncio

import pytest

from firebreak.domain.hold import HoldState
from firebreak.domain.people import Gate, Verdict
from firebreak.domain.plan import OutcomeKind
from firebreak.errors import Forbidden, NotFound, Rejected
from firebreak.playbook.program import Approve, HoldSpec, Until
from tests.workflows.bench import ANALYST, ON_CALL, SECOND, Bench
from tests.workflows.playbooks import ask, contain, note, probe, program, release
from tests.workflows.site import PRODUCTION, QUARANTINE
from tests.workflows.test_response import outcomes

HOLD = "hold/cam-17/network.quarantine"


async def test_joining_a_hold_that_nobody_witnessed_proves_nothing(bench: Bench) -> None:
    bench.site.up["cam-17"] = False
    first, _ = await bench.run(program(contain(), name="first"))
    second, chain = await bench.run(program(contain(), name="second"))
    assert (first.contained, second.contained) == (False, False)
    assert outcomes(chain) == {"contain/switch": OutcomeKind.ACCEPTED}


async def test_joining_a_hold_whose_port_was_changed_by_hand_is_a_failure(bench: Bench) -> None:
    await bench.run(program(contain(), name="first"))
    bench.site.vlan["cam-17"], bench.site.up["cam-17"] = 20, False
    result, chain = await bench.run(program(contain(ladder=("switch",)), name="second"))
    assert (result.status, result.contained) == ("failed", False)
    assert outcomes(chain) == {"contain/switch": OutcomeKind.FAILED}


async def test_the_end_of_an_earlier_hold_is_not_the_end_of_the_next(bench: Bench) -> None:
    free = probe("free", until="result.reachable", every_s=1, within_s=30)
    steps = program(
        contain(hold=HoldSpec(for_s=1)), free, contain(id="again"), release(of=("again",))
    )
    result, _ = await bench.run(steps)
    assert result.status == "completed"
    sent = ["switch", "switch/revert", "switch", "switch/revert"]
    assert [write[1] for write in bench.site.writes] == sent
    assert bench.site.vlan["cam-17"] == PRODUCTION


async def test_a_rung_that_nobody_agreed_to_is_asked_for(bench: Bench) -> None:
    bench.site.faults.refuse.clear()
    started = await bench.start(program(ask(plan=("contain",)), contain()))
    (first,) = await bench.requests()
    bench.site.faults.refuse["switch"] = Rejected("the port is a trunk now")
    await bench.engine.decide(first.id, first.plan_hash, Verdict.APPROVE, ON_CALL, "")
    (second,) = await bench.requests()
    assert "port-down" in second.summary[0]
    assert bench.site.writes == []
    await bench.engine.decide(second.id, second.plan_hash, Verdict.DENY, ON_CALL, "")
    assert (await bench.result(started)).status == "denied"
    assert bench.site.writes == []


async def test_what_was_denied_does_not_run_behind_a_failure_edge(bench: Bench) -> None:
    sure = Approve(id="sure", role="on-call", plan=("back",), on_failure=(note("told"),))
    started = await bench.start(program(contain(), sure, release()))
    (request,) = await bench.requests()
    await bench.engine.decide(request.id, request.plan_hash, Verdict.DENY, ON_CALL, "")
    assert (await bench.result(started)).status == "denied"
    assert bench.site.vlan["cam-17"] == QUARANTINE


async def test_whoever_joined_the_request_cannot_approve_it(bench: Bench) -> None:
    bench.rules.gates["network.quarantine"] = (Gate(role="on-call", within_s=60),)
    await bench.start(program(contain()))
    (request,) = await bench.requests()
    await bench.start(program(contain()), requester=ON_CALL)
    with pytest.raises(Forbidden, match="asked for it"):
        await bench.engine.decide(request.id, request.plan_hash, Verdict.APPROVE, ON_CALL, "")
    await bench.engine.decide(request.id, request.plan_hash, Verdict.APPROVE, SECOND, "")


async def test_policy_is_asked_before_a_hold_is_joined(bench: Bench) -> None:
    await bench.run(program(contain(), name="first"))
    bench.rules.forbidden.add("network.quarantine")
    result, chain = await bench.run(program(contain(), name="second"))
    assert (result.status, result.contained) == ("failed", False)
    assert outcomes(chain) == {"contain/switch": OutcomeKind.REFUSED}


async def test_two_releases_at_once_are_one_release_and_both_are_answered(bench: Bench) -> None:
    await bench.run(program(contain()))
    both = [bench.engine.release(HOLD, who, "patched") for who in (ON_CALL, SECOND)]
    ends = await asyncio.gather(*both, return_exceptions=True)
    assert any(not isinstance(end, BaseException) for end in ends)
    lost = [end for end in ends if isinstance(end, BaseException)]
    assert all(isinstance(end, NotFound | Rejected) for end in lost)
    assert [write[1] for write in bench.site.writes] == ["switch", "switch/revert"]
    async with asyncio.timeout(10):
        await bench.client.get_workflow_handle(HOLD).result()


async def test_an_adapter_that_breaks_ends_the_step_and_is_not_tried_again(bench: Bench) -> None:
    bench.site.faults.break_on = {"observe"}
    result, chain = await bench.run(program(contain(ladder=("switch",))))
    assert result.status == "failed"
    assert outcomes(chain) == {"contain/switch": OutcomeKind.FAILED}
    assert "KeyError" in result.detail


async def test_a_way_back_that_breaks_is_held_for_a_person(bench: Bench) -> None:
    bench.site.faults.break_on = {"revert"}
    await bench.run(program(contain(hold=HoldSpec(for_s=1))))
    async with asyncio.timeout(20):
        while (hold := await bench.ledger.hold(HOLD)) is None or hold.state is HoldState.ACTIVE:
            await asyncio.sleep(0.05)
    assert hold.state is HoldState.STUCK
    bench.site.faults.break_on = set()
    await bench.engine.release(HOLD, ON_CALL, "mended")
    assert bench.site.vlan["cam-17"] == PRODUCTION


async def test_a_condition_that_cannot_be_seen_does_not_keep_a_hold_beyond_its_time(
    bench: Bench,
) -> None:
    bench.rules.forbidden.add("device.probe")
    until = Until(do="device.probe", that="result.reachable == false", every_s=1)
    await bench.run(program(contain(hold=HoldSpec(for_s=2, until=until))))
    async with asyncio.timeout(20):
        while await bench.ledger.hold(HOLD) is not None:
            await asyncio.sleep(0.05)
    assert bench.site.vlan["cam-17"] == PRODUCTION


async def test_a_hold_whose_workflow_was_ended_by_hand_is_still_given_back(bench: Bench) -> None:
    started = await bench.start(program(contain(), ask(), release()))
    (request,) = await bench.requests()
    await bench.client.get_workflow_handle(HOLD).terminate("by hand")
    await bench.engine.decide(request.id, request.plan_hash, Verdict.APPROVE, ON_CALL, "")
    assert (await bench.result(started)).status == "completed"
    assert bench.site.vlan["cam-17"] == PRODUCTION


async def test_a_hold_ends_when_the_last_response_that_needs_it_gives_it_back(
    bench: Bench,
) -> None:
    first = await bench.start(program(contain(), ask(), release(), name="first"))
    (request,) = await bench.requests()
    second, _ = await bench.run(program(contain(), release(), name="second"))
    assert second.status == "completed"
    assert bench.site.vlan["cam-17"] == QUARANTINE
    await bench.engine.decide(request.id, request.plan_hash, Verdict.APPROVE, ON_CALL, "")
    await bench.result(first)
    assert bench.site.vlan["cam-17"] == PRODUCTION


async def test_an_approval_of_an_operation_loses_nothing_from_the_record(bench: Bench) -> None:
    steps = program(note("first"), contain())
    started = await bench.start(program(ask(plan=("first",)), *steps.steps))
    async with asyncio.timeout(15):
        result = await bench.result(started)
    assert result.status == "failed"  # a note has no plan that people could agree to
    assert (await bench.ledger.incident(result.incident)).status == "failed"


async def test_a_hold_can_be_moved_to_and_fro(bench: Bench) -> None:
    await bench.run(program(contain()))
    for by_s in (600, -600, 600):
        await bench.engine.extend(HOLD, by_s, ON_CALL, "thinking")
    await bench.engine.release(HOLD, ON_CALL, "done")
    assert bench.site.vlan["cam-17"] == PRODUCTION


async def test_stopping_an_incident_that_has_died_does_not_stop_the_next(bench: Bench) -> None:
    steps = program(contain(), ask(), release())
    dead = await bench.start(steps)
    await bench.requests()
    await bench.client.get_workflow_handle(dead.workflow).terminate("by hand")
    alive = await bench.start(steps, requester=ANALYST)
    assert alive.incident != dead.incident
    async with asyncio.timeout(15):
        while len(await bench.ledger.approvals()) < 2:
            await asyncio.sleep(0.05)
    with pytest.raises(Rejected):
        await bench.engine.cancel(dead.incident, ON_CALL, "old")
    assert (await bench.ledger.incident(alive.incident)).status == "open"
