"""People who do not answer: they are asked by name, reminded, escalated past; silence is a no."""

import asyncio
from itertools import pairwise

import pytest

from firebreak.domain.people import ApprovalState, Gate, Level
from firebreak.domain.record import Kind
from firebreak.errors import Forbidden, Unreachable
from tests.workflows.asking import ADMIN, LEAD, ONE, entries, gated, say, waiting
from tests.workflows.bench import ON_CALL, SECOND, Bench
from tests.workflows.playbooks import ask, contain, program, release

SHORT = Gate(role="on-call", within_s=7)


async def test_whoever_is_on_duty_is_asked_by_name(bench: Bench) -> None:
    bench.people.duty = {"on-call": ("grace", "edith"), "soc-lead": ("edith", "mary")}
    await bench.start(gated(bench, ONE, Gate(role="soc-lead", within_s=60)))
    request = await waiting(bench)
    assert request.asked == ("grace", "edith", "mary")
    assert (request.device, request.title, request.severity) == ("cam-17", "a test", 0)


async def test_whoever_asks_is_not_asked_themselves(bench: Bench) -> None:
    bench.people.duty = {"on-call": ("ada", "grace")}
    await bench.start(gated(bench, ONE))
    assert (await waiting(bench)).asked == ("grace",)


async def test_a_roster_that_fails_keeps_nobody_from_being_asked(bench: Bench) -> None:
    bench.people.roster_error = ValueError("a bug")
    await bench.start(gated(bench, ONE))
    request = await waiting(bench)
    assert request.asked == ()
    assert (await say(bench, request, ON_CALL)).state is ApprovalState.APPROVED


async def test_nobody_is_looked_up_where_nobody_is_asked(bench: Bench) -> None:
    result, _ = await bench.run(program(contain()))
    assert result.contained
    assert bench.people.asked_for == []


async def test_reminders_are_counted_exactly_and_end_with_the_answer(bench: Bench) -> None:
    bench.people.duty = {"on-call": ("grace", "edith")}
    gate = Gate(role="on-call", quorum=2, within_s=60)
    started = await bench.start(gated(bench, gate, remind_s=1))
    request = await waiting(bench)
    await entries(bench, started.incident, Kind.APPROVAL_REMINDED, 1)
    await say(bench, request, ON_CALL)
    await entries(bench, started.incident, Kind.APPROVAL_REMINDED, 2)
    await say(bench, request, SECOND)
    await bench.result(started)
    reminded = await entries(bench, started.incident, Kind.APPROVAL_REMINDED)
    first, second = reminded[:2]
    assert first.body["to"] == ["grace", "edith"]
    assert second.body["to"] == ["edith"]
    settled = await bench.ledger.approval(request.id)
    assert settled.reminders == len(reminded)
    gaps = [b.at - a.at for a, b in pairwise(reminded)]
    assert all(0.5 < gap.total_seconds() < 5 for gap in gaps)


async def test_nobody_answers_and_it_escalates_and_then_it_is_denied(bench: Bench) -> None:
    bench.people.duty = {"on-call": ("grace",), "soc-lead": ("mary",), "admin": ("joan",)}
    levels = (Level(after_s=1, role="soc-lead"), Level(after_s=2, role="admin"))
    result, chain = await bench.run(gated(bench, SHORT, levels=levels))
    assert result.status == "denied"
    assert bench.site.writes == []
    kinds = [e.kind for e in chain if e.kind.value.startswith("approval.")]
    assert kinds == [
        Kind.APPROVAL_REQUESTED,
        Kind.APPROVAL_ESCALATED,
        Kind.APPROVAL_ESCALATED,
        Kind.APPROVAL_CLOSED,
    ]
    request = (await bench.ledger.approvals(pending_only=False))[0]
    assert (request.state, request.reached) == (ApprovalState.EXPIRED, 2)
    assert request.asked == ("grace", "mary", "joan")


async def test_a_level_answers_once_it_is_reached_and_not_before(bench: Bench) -> None:
    levels = (Level(after_s=1, role="soc-lead"),)
    started = await bench.start(gated(bench, ONE, levels=levels))
    request = await waiting(bench)
    with pytest.raises(Forbidden, match="none of the roles"):
        await say(bench, request, LEAD)
    await entries(bench, started.incident, Kind.APPROVAL_ESCALATED, 1)
    settled = await say(bench, request, LEAD)
    assert settled.state is ApprovalState.APPROVED
    assert settled.votes[0].role == "soc-lead"
    assert (await bench.result(started)).contained


async def test_one_stand_in_is_one_person_and_not_a_whole_quorum(bench: Bench) -> None:
    gates = (ONE, Gate(role="soc-lead", within_s=60))
    levels = (Level(after_s=1, role="admin"),)
    started = await bench.start(gated(bench, *gates, levels=levels))
    request = await waiting(bench)
    await entries(bench, started.incident, Kind.APPROVAL_ESCALATED, 1)
    assert (await say(bench, request, ADMIN)).state is ApprovalState.PENDING
    assert (await say(bench, request, LEAD)).state is ApprovalState.APPROVED
    assert (await bench.result(started)).contained


async def test_an_authors_stand_in_does_not_stand_in_for_whom_policy_wants(bench: Bench) -> None:
    bench.rules.gates["network.release"] = (ONE,)
    levels = (Level(after_s=1, role="admin", instead_of=("on-call",)),)
    await bench.start(program(contain(), ask(levels=levels), release()))
    assert (await waiting(bench)).levels == ()


async def test_an_authors_stand_in_counts_where_policy_asks_nobody(bench: Bench) -> None:
    levels = (Level(after_s=1, role="admin", instead_of=("on-call",)),)
    started = await bench.start(program(contain(), ask(levels=levels), release()))
    request = await waiting(bench)
    await entries(bench, started.incident, Kind.APPROVAL_ESCALATED, 1)
    await say(bench, request, ADMIN)
    assert (await bench.result(started)).status == "completed"


async def test_silence_is_enough_only_where_policy_says_so_for_a_harmless_plan(
    bench: Bench,
) -> None:
    bench.site.risk = "low"
    gate = Gate(role="on-call", within_s=1)
    result, _ = await bench.run(gated(bench, gate, otherwise="allow"))
    assert result.contained
    request = (await bench.ledger.approvals(pending_only=False))[0]
    assert (request.state, request.votes) == (ApprovalState.UNOPPOSED, ())


async def test_silence_is_not_enough_for_a_risky_plan(bench: Bench) -> None:
    gate = Gate(role="on-call", within_s=1)
    result, _ = await bench.run(gated(bench, gate, otherwise="allow"))
    assert (result.status, bench.site.writes) == ("denied", [])


async def test_one_no_is_stronger_than_silence(bench: Bench) -> None:
    bench.site.risk = "low"
    started = await bench.start(gated(bench, ONE, otherwise="allow"))
    await say(bench, await waiting(bench), ON_CALL, "deny")
    assert (await bench.result(started)).status == "denied"
    assert bench.site.writes == []


async def test_silence_is_not_enough_once_policy_no_longer_says_so(bench: Bench) -> None:
    bench.site.risk = "low"
    gate = Gate(role="on-call", within_s=5)
    started = await bench.start(gated(bench, gate, otherwise="allow"))
    await waiting(bench)
    gated(bench, gate)
    assert (await bench.result(started)).status == "denied"
    assert bench.site.writes == []


@pytest.mark.parametrize("wanted", [Gate(role="admin", within_s=3), Gate(role="on-call")])
async def test_silence_of_others_or_for_a_shorter_time_is_not_enough(
    bench: Bench, wanted: Gate
) -> None:
    bench.site.risk = "low"
    started = await bench.start(gated(bench, Gate(role="on-call", within_s=3), otherwise="allow"))
    request = await waiting(bench)
    gated(bench, wanted, otherwise="allow")
    while (again := await waiting(bench)).id == request.id:
        await asyncio.sleep(0.05)
    assert again.gates == (wanted,)
    assert bench.site.writes == []
    await say(bench, again, ADMIN if wanted.role == "admin" else ON_CALL, "deny")
    assert (await bench.result(started)).status == "denied"


async def test_a_roster_that_cannot_be_reached_is_asked_again(bench: Bench) -> None:
    bench.people.duty = {"on-call": ("grace",)}
    bench.people.roster_error = Unreachable("the pager service is away")
    started = await bench.start(gated(bench, ONE))
    handle = bench.client.get_workflow_handle(started.workflow)
    while not (await handle.describe()).raw_description.pending_activities:
        await asyncio.sleep(0.05)
    bench.people.roster_error = None
    assert (await waiting(bench)).asked == ("grace",)
