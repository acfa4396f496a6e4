"""Requests that outlive workers, and many that wait at once."""

import asyncio
import dataclasses
from datetime import timedelta
from uuid import uuid4

from firebreak.domain.people import ApprovalState, Gate, Level
from firebreak.domain.record import Kind
from tests.workflows.asking import entries, gated, say
from tests.workflows.bench import ON_CALL, Bench, end_all, patient_worker, replay_all
from tests.workflows.site import PRODUCTION, MemoryInventory, camera
from workflows.engine import TemporalEngine
from workflows.messages import Timing

MANY = 200


def elsewhere(bench: Bench, **settings: object) -> Bench:
    """The same bench on a task queue that no worker listens on yet."""
    queue = f"test-{uuid4().hex}"
    engine = TemporalEngine(
        bench.client,
        bench.programs,
        MemoryInventory(bench.site),
        bench.ledger,
        policy_digest=lambda: bench.rules.digest,
        task_queue=queue,
        timing=Timing(),
        task_timeout=timedelta(seconds=10),
    )
    changed = bench.settings.model_copy(update={"task_queue": queue, **settings})
    return dataclasses.replace(bench, engine=engine, settings=changed)


async def test_a_jump_over_several_reminders_makes_one_and_every_level_is_reached_once(
    bench: Bench,
) -> None:
    """No worker runs while two rounds of reminders and a level come due."""
    there = elsewhere(bench)
    bench.people.duty = {"on-call": ("grace",), "soc-lead": ("mary",)}
    gate = Gate(role="on-call", within_s=60)
    steps = gated(there, gate, remind_s=2, levels=(Level(after_s=3, role="soc-lead"),))
    async with patient_worker(there.client, there.settings, there.steps):
        started = await there.start(steps)
        (request,) = await there.requests()
    await asyncio.sleep(5)
    async with patient_worker(there.client, there.settings, there.steps):
        await entries(there, started.incident, Kind.APPROVAL_ESCALATED, 1)
        await say(there, request, ON_CALL)
        await there.result(started)
        await end_all(there.client, there.settings.task_queue)
    chain = await there.ledger.chain(started.incident)
    (escalated,) = [e for e in chain if e.kind is Kind.APPROVAL_ESCALATED]
    missed = [e for e in chain if e.kind is Kind.APPROVAL_REMINDED and e.at <= escalated.at]
    assert len(missed) == 1
    await replay_all(there.client, there.settings.task_queue)


async def test_two_hundred_wait_at_once_and_all_are_answered(bench: Bench) -> None:
    there = elsewhere(bench, cached_workflows=MANY)
    program = gated(there, Gate(role="on-call", within_s=600))
    for number in range(MANY):
        device = camera(1000 + number)
        there.site.devices[device.id] = device
        there.site.vlan[device.id], there.site.up[device.id] = PRODUCTION, True
    starts = [there.start(program, f"cam-{1000 + number}") for number in range(MANY)]
    room = asyncio.Semaphore(20)

    async with patient_worker(there.client, there.settings, there.steps), asyncio.timeout(90):
        await asyncio.gather(*starts)
        while len(requests := await there.ledger.approvals()) < MANY:
            await asyncio.sleep(0.1)

        async def refuse(number: int) -> ApprovalState:
            async with room:
                return (await say(there, requests[number], ON_CALL, "deny")).state

        said = await asyncio.gather(*map(refuse, range(MANY)))
        while await there.ledger.incidents(status="open"):
            await asyncio.sleep(0.1)
    assert set(said) == {ApprovalState.DENIED}
    assert await there.ledger.approvals() == ()
    assert there.site.writes == []
