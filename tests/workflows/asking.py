"""Short words for tests in which people are asked."""

import asyncio

from firebreak.domain.people import Approval, Gate, Principal, Terms, Verdict
from firebreak.domain.record import Entry, Kind
from firebreak.playbook.program import Program
from tests.workflows.bench import Bench
from tests.workflows.playbooks import contain, program

ADMIN = Principal(id="joan", roles=frozenset({"admin"}))
LEAD = Principal(id="mary", roles=frozenset({"soc-lead"}))
ONE = Gate(role="on-call", quorum=1, within_s=60)
TWO = Gate(role="on-call", quorum=2, within_s=60)


async def say(
    bench: Bench, request: Approval, who: Principal, verdict: str = "approve"
) -> Approval:
    return await bench.engine.decide(request.id, request.plan_hash, Verdict(verdict), who, "seen")


def gated(bench: Bench, *gates: Gate, **more: object) -> Program:
    """A containment that policy wants people to agree to."""
    terms = Terms.model_validate({"gates": gates, **more})
    bench.rules.terms["network.quarantine"] = terms
    return program(contain())


async def waiting(bench: Bench) -> Approval:
    """The one request that waits."""
    (request,) = await bench.requests()
    return request


async def entries(bench: Bench, incident: str, kind: Kind, at_least: int = 0) -> list[Entry]:
    """The incident's entries of a kind, once there are so many."""
    async with asyncio.timeout(15):
        while True:
            found = [e for e in await bench.ledger.chain(incident) if e.kind is kind]
            if len(found) >= at_least:
                return found
            await asyncio.sleep(0.05)
