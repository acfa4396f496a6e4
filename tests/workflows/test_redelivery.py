"""A batch of alerts that comes again, and longer: after the API died before it settled them."""

import asyncio
from typing import cast

from firebreak.domain.people import Verdict
from firebreak.domain.record import Entry, Kind
from tests.workflows.bench import ON_CALL, Bench
from tests.workflows.playbooks import ask, contain, program, release
from tests.workflows.test_joining import AUTOMATION, alert


def joined(chain: tuple[Entry, ...]) -> list[str]:
    bodies = (
        cast("list[dict[str, str]]", e.body["alerts"]) for e in chain if e.kind is Kind.JOINED
    )
    return [alert["id"] for alerts in bodies for alert in alerts]


async def test_what_is_new_in_a_repeated_first_batch_is_not_lost(bench: Bench) -> None:
    steps = program(contain(), ask(), release())
    first = await bench.start(steps, requester=AUTOMATION, alerts=(alert(1),))
    await bench.start(steps, requester=AUTOMATION, alerts=(alert(1), alert(2)))
    (request,) = await bench.requests()
    await bench.engine.decide(request.id, request.plan_hash, Verdict.APPROVE, ON_CALL, "")
    await bench.result(first)
    assert joined(await bench.ledger.chain(first.incident)) == [alert(2).id]


async def test_what_is_new_in_a_repeated_joined_batch_ends_no_response(bench: Bench) -> None:
    steps = program(contain(), ask(), release())
    first = await bench.start(steps, requester=AUTOMATION, alerts=(alert(1),))
    await bench.start(steps, requester=AUTOMATION, alerts=(alert(2),))
    (request,) = await bench.requests()
    await bench.start(steps, requester=AUTOMATION, alerts=(alert(2), alert(3)))
    async with asyncio.timeout(15):
        while len(joined(await bench.ledger.chain(first.incident))) < 2:
            await asyncio.sleep(0.05)
    await bench.engine.decide(request.id, request.plan_hash, Verdict.APPROVE, ON_CALL, "")
    assert (await bench.result(first)).status == "completed"
    assert joined(await bench.ledger.chain(first.incident)) == [alert(2).id, alert(3).id]
