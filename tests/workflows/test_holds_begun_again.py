"""A hold whose workflow was lost and begun again: its tries are real, and nobody is forgotten."""

import asyncio

import pytest
from temporalio.client import WorkflowExecutionStatus

from firebreak.domain.hold import HoldState
from firebreak.domain.people import Verdict
from firebreak.errors import RevertFailed
from firebreak.playbook.program import HoldSpec
from tests.workflows.bench import ON_CALL, Bench
from tests.workflows.playbooks import ask, contain, program, release
from tests.workflows.site import PRODUCTION, QUARANTINE

HOLD = "hold/cam-17/network.quarantine"


async def test_a_release_after_the_workflow_was_lost_is_really_tried(bench: Bench) -> None:
    await bench.run(program(contain()))
    bench.site.faults.stuck.add("switch")
    for _ in range(3):  # as every minute of a night in which the switch is down
        with pytest.raises(RevertFailed, match="no way back"):
            await bench.engine.release(HOLD, ON_CALL, "patched")
    await bench.client.get_workflow_handle(HOLD).terminate("Temporal's data was lost")
    bench.site.faults.stuck.clear()  # the switch is up again
    released = await bench.engine.release(HOLD, ON_CALL, "patched")
    assert released.state is HoldState.RELEASED
    assert bench.site.vlan["cam-17"] == PRODUCTION


async def test_a_hold_can_be_moved_after_its_workflow_was_lost(bench: Bench) -> None:
    await bench.run(program(contain(hold=HoldSpec(for_s=600)), name="first"))
    await bench.engine.extend(HOLD, 600, ON_CALL, "still looking")
    await bench.client.get_workflow_handle(HOLD).terminate("Temporal's data was lost")
    live = await bench.ledger.hold(HOLD)
    assert live is not None
    assert live.expires_at is not None
    await bench.engine.keep(live)  # as the hold watch begins it again
    result, _ = await bench.run(program(contain(hold=HoldSpec(for_s=86400)), name="second"))
    described = await bench.client.get_workflow_handle(HOLD).describe()
    after = await bench.ledger.hold(HOLD)
    assert result.contained
    assert described.status is WorkflowExecutionStatus.RUNNING
    assert after is not None
    assert after.expires_at is not None
    assert after.expires_at > live.expires_at


async def test_a_hold_begun_again_stays_for_whoever_else_needs_it(bench: Bench) -> None:
    first = await bench.start(program(contain(), ask(), release(), name="first"))
    await bench.requests()
    second = await bench.start(program(contain(), ask(), release(), name="second"))
    async with asyncio.timeout(15):
        while len(requests := await bench.ledger.approvals()) < 2:
            await asyncio.sleep(0.05)
    await bench.client.get_workflow_handle(HOLD).terminate("by hand")
    (mine,) = [request for request in requests if request.incident == first.incident]
    await bench.engine.decide(mine.id, mine.plan_hash, Verdict.APPROVE, ON_CALL, "done here")
    await bench.result(first)
    (still,) = await bench.ledger.approvals()
    assert still.incident == second.incident
    assert bench.site.vlan["cam-17"] == QUARANTINE
    await bench.engine.decide(still.id, still.plan_hash, Verdict.APPROVE, ON_CALL, "and here")
    await bench.result(second)
    assert bench.site.vlan["cam-17"] == PRODUCTION
