"""Answers through others and about other plans: delegation, snooze, changes, lost roles, races."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from firebreak.contracts.engine import Wanted
from firebreak.domain.people import Approval, ApprovalState, Gate, Level, Principal, Verdict
from firebreak.domain.record import Kind
from firebreak.errors import BadInput, FirebreakError, Forbidden, Rejected
from firebreak.playbook.catalogue import SHIPPED
from firebreak.policy.cedar import CedarPolicy
from firebreak.policy.files import shipped
from firebreak.policy.vocabulary import Vocabulary
from tests.workflows.asking import ADMIN, LEAD, ONE, TWO, entries, gated, say, waiting
from tests.workflows.bench import ANALYST, ON_CALL, SECOND, Bench
from tests.workflows.playbooks import ask, contain, program, release
from tests.workflows.site import QUARANTINE

HOLD = "hold/cam-17/network.quarantine"
NOBODY = frozenset[str]()


async def follows(bench: Bench, request: Approval) -> Approval:
    """The request that takes the place of one."""
    async with asyncio.timeout(15):
        while True:
            for other in await bench.ledger.approvals():
                if other.replaces == request.id:
                    return other
            await asyncio.sleep(0.05)


# -- delegation -----------------------------------------------------------------------------


async def test_whoever_is_named_answers_and_whoever_named_them_does_not(bench: Bench) -> None:
    bench.people.roles = {ADMIN.id: ADMIN.roles}
    started = await bench.start(gated(bench, ONE))
    request = await waiting(bench)
    with pytest.raises(Forbidden, match="none of the roles"):
        await say(bench, request, ADMIN)
    first, again = [
        await bench.engine.delegate(request.id, ADMIN.id, ON_CALL, "on the road") for _ in range(2)
    ]
    assert first == again  # a double click
    with pytest.raises(Rejected, match="left it to another person, joan"):
        await say(bench, request, ON_CALL)
    settled = await say(bench, request, ADMIN)
    assert (settled.votes[0].role, settled.votes[0].instead_of) == ("on-call", "grace")
    assert (await bench.result(started)).contained


@pytest.mark.parametrize(
    ("by", "to", "error", "why"),
    [
        (ON_CALL, ANALYST.id, BadInput, "asked for it"),
        (ON_CALL, ON_CALL.id, BadInput, "that is you"),
        (LEAD, ADMIN.id, Forbidden, "none of the roles"),
    ],
)
async def test_a_delegation_that_may_not_be_is_refused(
    bench: Bench, by: Principal, to: str, error: type[FirebreakError], why: str
) -> None:
    await bench.start(gated(bench, ONE))
    with pytest.raises(error, match=why):
        await bench.engine.delegate((await waiting(bench)).id, to, by, "busy")


async def test_whoever_left_it_to_another_can_name_a_third_and_take_it_back(bench: Bench) -> None:
    bench.people.duty = {"on-call": ("grace",)}
    plan = gated(bench, ONE)
    started = await bench.start(plan)
    request = await waiting(bench)

    async def leave(to: Principal) -> Approval:
        return await bench.engine.delegate(request.id, to.id, ON_CALL, "busy")

    for to in (ADMIN, LEAD, ADMIN, LEAD):  # naming somebody again is no double click
        left = await leave(to)
        assert [one.to for one in left.delegations] == [to.id]
        assert left.asked == ("grace", to.id)  # the other one is in peace
    with pytest.raises(Forbidden, match="none of the roles"):
        await say(bench, request, ADMIN)
    back = await leave(ON_CALL)
    assert (back.delegations, back.asked) == ((), ("grace",))
    with pytest.raises(Forbidden, match="none of the roles"):
        await say(bench, request, LEAD)
    assert (await say(bench, request, ON_CALL)).votes[0].instead_of == ""
    assert (await bench.result(started)).contained
    noted = await entries(bench, started.incident, Kind.APPROVAL_DELEGATED)
    assert [entry.body["to"] for entry in noted] == ["joan", "mary", "joan", "mary", "grace"]


async def test_nothing_is_taken_back_once_the_delegate_has_answered(bench: Bench) -> None:
    await bench.start(gated(bench, TWO))
    request = await waiting(bench)
    await bench.engine.delegate(request.id, ADMIN.id, ON_CALL, "busy")
    await say(bench, request, ADMIN)
    for to in (ON_CALL, LEAD):
        with pytest.raises(Rejected, match="joan has answered already"):
            await bench.engine.delegate(request.id, to.id, ON_CALL, "changed my mind")


async def test_a_delegate_without_any_role_answers_with_the_role_of_who_named_them(
    bench: Bench,
) -> None:
    off_duty = Principal(id="lisa")
    bench.people.roles = {off_duty.id: NOBODY, ON_CALL.id: ON_CALL.roles}
    started = await bench.start(gated(bench, ONE))
    request = await waiting(bench)
    await bench.engine.delegate(request.id, off_duty.id, ON_CALL, "on the road")
    vote = (await say(bench, request, off_duty)).votes[0]
    assert (vote.role, vote.instead_of) == ("on-call", "grace")
    assert (await bench.result(started)).contained


async def test_whoever_asked_for_it_is_told_how_to_take_it_back(bench: Bench) -> None:
    started = await bench.start(gated(bench, ONE))
    with pytest.raises(Forbidden, match=f"`firebreak incident cancel {started.incident}`"):
        await say(bench, await waiting(bench), ANALYST, "deny")


async def test_a_delegate_who_comes_to_ask_for_it_cannot_approve_it(bench: Bench) -> None:
    bench.people.roles = {ADMIN.id: ADMIN.roles}
    plan = gated(bench, ONE)
    await bench.start(plan)
    request = await waiting(bench)
    await bench.engine.delegate(request.id, ADMIN.id, ON_CALL, "busy")
    await bench.start(plan, requester=ADMIN)
    with pytest.raises(Forbidden, match="asked for it"):
        await say(bench, request, ADMIN)


async def test_a_delegate_counts_once_whoever_named_them(bench: Bench) -> None:
    bench.people.roles = {ADMIN.id: ADMIN.roles}
    await bench.start(gated(bench, TWO))
    request = await waiting(bench)
    for who in (ON_CALL, SECOND):
        await bench.engine.delegate(request.id, ADMIN.id, who, "busy")
    assert (await say(bench, request, ADMIN)).state is ApprovalState.PENDING


# -- snooze ---------------------------------------------------------------------------------


async def test_whoever_snoozes_is_reminded_later_and_it_expires_as_before(bench: Bench) -> None:
    bench.people.duty = {"on-call": ("grace", "edith")}
    gate = Gate(role="on-call", within_s=9)
    started = await bench.start(gated(bench, gate, remind_s=1))
    request = await waiting(bench)
    until = request.requested_at + timedelta(seconds=5)
    snoozed = await bench.engine.snooze(request.id, until, ON_CALL)
    assert snoozed.expires_at == request.expires_at
    assert (await bench.result(started)).status == "denied"
    reminded = await entries(bench, started.incident, Kind.APPROVAL_REMINDED)
    before = [entry.body["to"] for entry in reminded if entry.at < until]
    assert before
    assert all(to == ["edith"] for to in before)
    assert ["grace", "edith"] in [entry.body["to"] for entry in reminded if entry.at >= until]


async def test_nobody_sleeps_beyond_the_end(bench: Bench) -> None:
    await bench.start(gated(bench, ONE))
    request = await waiting(bench)
    for until in (request.expires_at, datetime.now(UTC) - timedelta(seconds=1)):
        with pytest.raises(BadInput, match=r"expires before|is past"):
            await bench.engine.snooze(request.id, until, ON_CALL)


# -- changes --------------------------------------------------------------------------------


async def test_a_changed_plan_is_asked_anew_and_its_changer_cannot_approve_it(
    bench: Bench,
) -> None:
    started = await bench.start(gated(bench, ONE))
    request = await waiting(bench)
    changed = await bench.engine.change(
        request.id, request.plan_hash, Wanted(hold_s=600), ON_CALL, "ten minutes are enough"
    )
    assert changed.state is ApprovalState.VOID
    new = await follows(bench, request)
    assert new.plan_hash != request.plan_hash
    assert "ten minutes are enough" in new.why
    with pytest.raises(Forbidden, match="asked for it"):
        await say(bench, new, ON_CALL)
    with pytest.raises(Rejected, match="void already"):
        await say(bench, request, SECOND)
    assert bench.site.writes == []
    await say(bench, new, SECOND)
    assert (await bench.result(started)).contained
    hold = await bench.ledger.hold(HOLD)
    assert hold is not None
    assert hold.expires_at is not None
    assert hold.expires_at - hold.started_at < timedelta(minutes=11)


async def test_a_hold_cannot_be_made_longer_than_the_author_says(bench: Bench) -> None:
    await bench.start(gated(bench, ONE))
    request = await waiting(bench)
    with pytest.raises(BadInput, match="1h at most"):
        await bench.engine.change(
            request.id, request.plan_hash, Wanted(hold_s=7200), ON_CALL, "longer"
        )
    with pytest.raises(BadInput, match="says already"):
        await bench.engine.change(request.id, request.plan_hash, Wanted(), ON_CALL, "same")


async def test_inputs_that_cannot_be_planned_put_the_old_plan_up_again(bench: Bench) -> None:
    started = await bench.start(gated(bench, ONE))
    request = await waiting(bench)
    wanted = Wanted(inputs={"vlan": "{{ 7 * 7 }}"})
    await bench.engine.change(request.id, request.plan_hash, wanted, ON_CALL, "another VLAN")
    new = await follows(bench, request)
    assert new.plan_hash == request.plan_hash
    assert "cannot be planned" in new.why
    with pytest.raises(Rejected, match="void already"):
        await say(bench, request, ON_CALL)
    await say(bench, new, ON_CALL)  # nothing of theirs is in it
    assert (await bench.result(started)).contained


async def test_a_step_that_the_author_asks_about_can_be_changed_too(bench: Bench) -> None:
    steps = program(ask(plan=("contain",)), contain())
    started = await bench.start(steps)
    request = await waiting(bench)
    wanted = Wanted(step="contain", hold_s=600)
    await bench.engine.change(request.id, request.plan_hash, wanted, ON_CALL, "shorter")
    new = await follows(bench, request)
    assert new.given[0].hold_s == 600
    with pytest.raises(Forbidden, match="asked for it"):
        await say(bench, new, ON_CALL)
    await say(bench, new, SECOND)
    assert (await bench.result(started)).contained


async def test_a_way_back_has_nothing_to_change(bench: Bench) -> None:
    await bench.start(program(contain(), ask(), release()))
    request = await waiting(bench)
    with pytest.raises(Rejected, match=r"nothing of .* can be changed"):
        await bench.engine.change(request.id, request.plan_hash, Wanted(hold_s=1), ON_CALL, "x")


# -- votes that stop counting, and races ----------------------------------------------------


async def test_whoever_lost_the_role_meanwhile_no_longer_counts(bench: Bench) -> None:
    bench.people.roles = {ON_CALL.id: NOBODY}  # taken away; the token still says on-call
    started = await bench.start(gated(bench, ONE))
    request = await waiting(bench)
    await say(bench, request, ON_CALL)
    new = await follows(bench, request)
    assert "no longer counts" in new.why
    assert bench.site.writes == []
    await say(bench, new, SECOND)
    assert (await bench.result(started)).contained


async def test_a_stand_in_who_lost_the_role_no_longer_counts(bench: Bench) -> None:
    bench.people.roles = {LEAD.id: NOBODY}
    levels = (Level(after_s=1, role="soc-lead"),)
    started = await bench.start(gated(bench, ONE, levels=levels))
    request = await waiting(bench)
    await entries(bench, started.incident, Kind.APPROVAL_ESCALATED, 1)
    await say(bench, request, LEAD)
    await follows(bench, request)
    assert bench.site.writes == []


async def test_a_delegate_of_someone_who_lost_the_role_no_longer_counts(bench: Bench) -> None:
    bench.people.roles = {ON_CALL.id: NOBODY, ADMIN.id: ADMIN.roles}
    await bench.start(gated(bench, ONE))
    request = await waiting(bench)
    await bench.engine.delegate(request.id, ADMIN.id, ON_CALL, "busy")
    await say(bench, request, ADMIN)
    await follows(bench, request)
    assert bench.site.writes == []


async def test_a_voter_who_then_asks_for_it_no_longer_counts(bench: Bench) -> None:
    plan = gated(bench, TWO)
    await bench.start(plan)
    request = await waiting(bench)
    await say(bench, request, ON_CALL)
    await bench.start(plan, requester=ON_CALL)
    third = Principal(id="radia", roles=frozenset({"on-call"}))
    assert (await say(bench, request, SECOND)).state is ApprovalState.PENDING
    assert (await say(bench, request, third)).state is ApprovalState.APPROVED


async def test_two_people_at_once_are_both_counted(bench: Bench) -> None:
    started = await bench.start(gated(bench, TWO))
    request = await waiting(bench)
    await asyncio.gather(say(bench, request, ON_CALL), say(bench, request, SECOND))
    assert (await bench.result(started)).contained
    votes = await entries(bench, started.incident, Kind.APPROVAL_VOTE)
    assert len(votes) == 2


async def test_yes_racing_no_has_one_winner_and_the_effect_obeys_it(bench: Bench) -> None:
    started = await bench.start(gated(bench, ONE))
    request = await waiting(bench)
    both = [say(bench, request, ON_CALL), say(bench, request, SECOND, "deny")]
    said = await asyncio.gather(*both, return_exceptions=True)
    (settled,) = [one for one in said if isinstance(one, Approval)]
    assert [type(one) for one in said if not isinstance(one, Approval)] == [Rejected]
    result = await bench.result(started)
    approved = settled.state is ApprovalState.APPROVED
    assert result.contained is approved
    assert (bench.site.vlan["cam-17"] == QUARANTINE) is approved


async def test_an_answer_after_the_end_does_not_count(bench: Bench) -> None:
    started = await bench.start(gated(bench, Gate(role="on-call", within_s=1)))
    request = await waiting(bench)
    async with asyncio.timeout(15):
        while (await bench.ledger.approval(request.id)).state is ApprovalState.PENDING:
            await asyncio.sleep(0.05)
    with pytest.raises(Rejected):
        await say(bench, request, ON_CALL)
    assert (await bench.result(started)).status == "denied"
    assert bench.site.writes == []


async def test_a_vote_for_what_was_changed_meanwhile_does_not_count(bench: Bench) -> None:
    await bench.start(gated(bench, ONE))
    request = await waiting(bench)
    both = [
        bench.engine.change(request.id, request.plan_hash, Wanted(hold_s=60), SECOND, "shorter"),
        bench.engine.decide(request.id, "sha256:" + "0" * 64, Verdict.APPROVE, ON_CALL, ""),
    ]
    changed, refused = await asyncio.gather(*both, return_exceptions=True)
    assert isinstance(changed, Approval)
    assert isinstance(refused, Rejected)


async def test_a_requester_who_lost_the_role_is_asked_about_as_they_are_now(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the shipped policies, which permit nothing to a person without a role."""
    cedar = CedarPolicy.load(shipped(), Vocabulary(SHIPPED))
    monkeypatch.setattr(bench.rules, "decide", cedar.decide)
    bench.people.roles = {who.id: who.roles for who in (ANALYST, ON_CALL)}
    started = await bench.start(program(contain()))
    (request,) = await bench.requests()
    bench.people.roles[ANALYST.id] = NOBODY
    await bench.engine.decide(request.id, request.plan_hash, Verdict.APPROVE, ON_CALL, "yes")
    result = await bench.result(started)
    assert (result.contained, bench.site.writes) == (False, [])
