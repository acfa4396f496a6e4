"""What was lost on its way is sent again only while policy and people stand by it."""

import asyncio

from firebreak.contracts.engine import Started
from firebreak.domain.people import Gate, Verdict
from firebreak.domain.plan import OutcomeKind
from tests.workflows.bench import ON_CALL, Bench
from tests.workflows.playbooks import contain, program
from tests.workflows.test_response import outcomes


async def _lost(bench: Bench) -> Started:
    """A response whose first write has an intent, and never arrives."""
    bench.site.faults.lose_write.add("switch")
    return await bench.start(program(contain()))


async def _agreed(bench: Bench) -> Started:
    """The same, after the one person who had to has agreed."""
    bench.rules.gates["network.quarantine"] = (Gate(role="on-call", within_s=60),)
    bench.people.roles["grace"] = ON_CALL.roles
    started = await _lost(bench)
    (request,) = await bench.requests()
    await bench.engine.decide(request.id, request.plan_hash, Verdict.APPROVE, ON_CALL, "yes")
    return started


async def _intended(bench: Bench, started: Started) -> None:
    async with asyncio.timeout(15):
        while await bench.ledger.entry(started.incident, "intent:contain/switch#1") is None:
            await asyncio.sleep(0.005)


async def _not_sent_again(bench: Bench, started: Started) -> None:
    result = await bench.result(started)
    assert (result.contained, bench.site.writes) == (False, [])
    chain = list(await bench.ledger.chain(started.incident))
    assert outcomes(chain) == {"contain/switch": OutcomeKind.FAILED}
    (said,) = (e.body["outcome"] for e in chain if e.key == "outcome:contain/switch")
    assert isinstance(said, dict)
    assert said["error"] == "policy-denied"
    assert "not sent again" in str(said["detail"])


async def test_what_policy_forbids_meanwhile_is_not_sent_again(bench: Bench) -> None:
    started = await _lost(bench)
    await _intended(bench, started)
    bench.rules.forbidden.add("network.quarantine")
    await _not_sent_again(bench, started)


async def test_what_somebody_agreed_to_who_lost_the_role_is_not_sent_again(bench: Bench) -> None:
    started = await _agreed(bench)
    await _intended(bench, started)
    bench.people.roles["grace"] = frozenset()
    await _not_sent_again(bench, started)


async def test_what_people_still_stand_by_is_sent_again(bench: Bench) -> None:
    started = await _agreed(bench)
    result = await bench.result(started)
    assert result.contained
    assert [write[1] for write in bench.site.writes] == ["switch"]
    assert await bench.ledger.entry(started.incident, "intent:contain/switch#2") is not None
