"""People decide: who may answer, what their answer binds to, and what happens without one."""

import pytest

from firebreak.domain.people import Approval, ApprovalState, Gate, Principal, Verdict
from firebreak.domain.record import Kind
from firebreak.errors import Forbidden, NotFound, Rejected
from firebreak.playbook.program import Program
from tests.workflows.bench import ANALYST, ON_CALL, SECOND, Bench
from tests.workflows.playbooks import ask, contain, note, program, release
from tests.workflows.site import PRODUCTION, QUARANTINE

ONE = Gate(role="on-call", quorum=1, within_s=60)
TWO = Gate(role="on-call", quorum=2, within_s=60)


async def say(
    bench: Bench, request: Approval, who: Principal, verdict: str = "approve"
) -> Approval:
    return await bench.engine.decide(request.id, request.plan_hash, Verdict(verdict), who, "seen")


def gated(bench: Bench, *gates: Gate) -> Program:
    bench.rules.gates["network.quarantine"] = gates
    return program(contain())


async def test_nothing_is_written_before_the_gate_is_passed(bench: Bench) -> None:
    started = await bench.start(gated(bench, ONE))
    (request,) = await bench.requests()
    assert bench.site.writes == []
    assert "switch: cam-17" in request.summary[0]
    assert request.ways_back[0] in request.summary[0]
    assert len(request.ways_back) == len(request.plans)
    assert (await say(bench, request, ON_CALL)).state is ApprovalState.APPROVED
    assert (await bench.result(started)).contained
    assert [write[1] for write in bench.site.writes] == ["switch"]


async def test_the_votes_stand_in_the_ledger_before_the_effect(bench: Bench) -> None:
    started = await bench.start(gated(bench, ONE))
    (request,) = await bench.requests()
    await say(bench, request, ON_CALL)
    result = await bench.result(started)
    chain = await bench.ledger.chain(result.incident)
    kinds = [entry.kind for entry in chain]
    assert kinds.index(Kind.APPROVAL_VOTE) < kinds.index(Kind.INTENT)
    assert kinds.index(Kind.APPROVAL_CLOSED) < kinds.index(Kind.INTENT)


async def test_one_no_ends_it_and_nothing_happens(bench: Bench) -> None:
    started = await bench.start(gated(bench, TWO))
    (request,) = await bench.requests()
    assert (await say(bench, request, ON_CALL, "deny")).state is ApprovalState.DENIED
    assert (await bench.result(started)).status == "denied"
    assert bench.site.writes == []


async def test_silence_is_a_no(bench: Bench) -> None:
    result, chain = await bench.run(gated(bench, Gate(role="on-call", within_s=1)))
    assert result.status == "denied"
    assert bench.site.writes == []
    closed = [entry for entry in chain if entry.kind is Kind.APPROVAL_CLOSED]
    assert isinstance(closed[0].body["approval"], dict)
    assert closed[0].body["approval"]["state"] == "expired"


async def test_a_no_is_an_outcome_that_on_failure_can_ask_for(bench: Bench) -> None:
    bench.rules.gates["network.quarantine"] = (Gate(role="on-call", within_s=1),)
    said = note(text="{{ steps.contain.outcome }}: {{ steps.contain.detail }}")
    result, chain = await bench.run(program(contain(on_failure=(said,))))
    assert (result.status, result.contained) == ("completed", False)
    assert "refused: contain/switch: expired" in str([e.body for e in chain])
    assert bench.site.writes == []


async def test_two_people_are_two_people(bench: Bench) -> None:
    started = await bench.start(gated(bench, TWO))
    (request,) = await bench.requests()
    assert (await say(bench, request, ON_CALL)).state is ApprovalState.PENDING
    assert len((await say(bench, request, ON_CALL)).votes) == 1  # a double click is one vote
    with pytest.raises(Rejected, match="has answered already"):
        await say(bench, request, ON_CALL, "deny")
    assert (await say(bench, request, SECOND)).state is ApprovalState.APPROVED
    assert (await bench.result(started)).contained


@pytest.mark.parametrize(
    ("who", "why"),
    [
        (ANALYST.model_copy(update={"roles": frozenset({"on-call"})}), "asked for it"),
        (Principal(id="mallory", roles=frozenset({"analyst"})), "none of the roles"),
        (Principal(id="bot", roles=frozenset({"on-call"}), kind="automation"), "only people"),
    ],
)
async def test_a_vote_that_may_not_count_is_refused_and_recorded(
    bench: Bench, who: Principal, why: str
) -> None:
    started = await bench.start(gated(bench, ONE))
    (request,) = await bench.requests()
    with pytest.raises(Forbidden, match=why):
        await say(bench, request, who)
    assert bench.site.writes == []
    notes = [e for e in await bench.ledger.chain(started.incident) if e.kind is Kind.NOTE]
    assert who.id in [entry.actor for entry in notes]


async def test_a_vote_for_another_plan_is_refused(bench: Bench) -> None:
    await bench.start(gated(bench, ONE))
    (request,) = await bench.requests()
    with pytest.raises(Rejected, match="not the one you saw"):
        await bench.engine.decide(request.id, "sha256:" + "0" * 64, Verdict.APPROVE, ON_CALL, "")
    assert bench.site.writes == []


async def test_an_unknown_request_is_not_found(bench: Bench) -> None:
    with pytest.raises(NotFound):
        await bench.engine.decide("inc-000000000000.1", "x", Verdict.APPROVE, ON_CALL, "")


async def test_state_that_drifted_after_approval_voids_it(bench: Bench) -> None:
    started = await bench.start(gated(bench, ONE))
    (request,) = await bench.requests()
    bench.site.vlan["cam-17"] = 20  # someone moved it while people were thinking
    await say(bench, request, ON_CALL)
    again = (await bench.requests())[0]
    assert again.id != request.id
    assert again.plan_hash != request.plan_hash
    assert bench.site.writes == []
    await say(bench, again, ON_CALL)
    assert (await bench.result(started)).contained
    assert bench.site.vlan["cam-17"] == QUARANTINE


async def test_an_author_asks_for_the_way_back_and_gets_an_answer_bound_to_it(
    bench: Bench,
) -> None:
    started = await bench.start(program(contain(), ask(), release()))
    (request,) = await bench.requests()
    assert "release cam-17" in request.summary[0]
    assert bench.site.vlan["cam-17"] == QUARANTINE
    await say(bench, request, ON_CALL)
    assert (await bench.result(started)).status == "completed"
    assert bench.site.vlan["cam-17"] == PRODUCTION


async def test_policy_and_author_are_asked_together_and_never_for_less(bench: Bench) -> None:
    bench.rules.gates["network.release"] = (Gate(role="soc-lead", quorum=1),)
    started = await bench.start(program(contain(), ask(), release()))
    (request,) = await bench.requests()
    assert {gate.role for gate in request.gates} == {"on-call", "soc-lead"}
    assert (await say(bench, request, SECOND)).state is ApprovalState.PENDING
    assert (await say(bench, request, ON_CALL)).state is ApprovalState.APPROVED
    assert (await bench.result(started)).status == "completed"


async def test_a_denied_way_back_leaves_the_hold_in_force(bench: Bench) -> None:
    started = await bench.start(program(contain(), ask(), release(), note()))
    (request,) = await bench.requests()
    await say(bench, request, ON_CALL, "deny")
    assert (await bench.result(started)).status == "denied"
    assert bench.site.vlan["cam-17"] == QUARANTINE
    assert [hold.state.value for hold in await bench.ledger.holds()] == ["active"]
