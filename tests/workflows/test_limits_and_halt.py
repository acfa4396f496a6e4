"""What stops a response that policy allows: caps, halts and interlocks."""

import asyncio
from datetime import UTC, datetime

import pytest

from firebreak.contracts.engine import Start
from firebreak.domain.limits import Cap, Limits
from firebreak.domain.people import Gate, Verdict
from firebreak.domain.plan import OutcomeKind
from firebreak.domain.record import JOURNAL, Entry, Kind, NewEntry
from firebreak.errors import Forbidden
from firebreak.playbook.program import ForEach, HoldSpec, Program
from tests.workflows.bench import ANALYST, ON_CALL, Bench
from tests.workflows.playbooks import ask, contain, note, program, release
from tests.workflows.site import PRODUCTION, QUARANTINE, camera
from tests.workflows.test_response import outcomes

MANY, AT_ONCE = 50, 5
HOLD = "hold/cam-17/network.quarantine"


async def journal(bench: Bench, kind: Kind, key: str, who: str) -> Entry:
    body = {"halt": key, "site": None, "reason": "the alerts are forged"}
    entry = NewEntry(
        incident=JOURNAL, key=key, kind=kind, at=datetime.now(UTC), actor=who, body=body
    )
    (appended,) = await bench.ledger.append(entry)
    return appended.entry


async def halt(bench: Bench, key: str = "halt-1") -> Entry:
    return await journal(bench, Kind.HALTED, key, "ada")


def only_one() -> Limits:
    return Limits(site=Cap(at_once=1), redundancy_group=None)


def fleet(bench: Bench) -> Program:
    """One step for each of many devices, some at a time."""
    for number in range(100, 100 + MANY):
        added = camera(number)
        bench.site.devices[added.id] = added
        bench.site.vlan[added.id], bench.site.up[added.id] = PRODUCTION, True
    names = [f"cam-{number}" for number in range(100, 100 + MANY)]
    each = contain(device="{{ one }}", ladder=("switch",))
    every = ForEach(
        id="all", items=str(names), name="one", steps=(each,), at_once=AT_ONCE, limit=MANY
    )
    return program(every)


async def intents(bench: Bench, incident: str) -> list[Entry]:
    return [e for e in await bench.ledger.chain(incident) if e.kind is Kind.INTENT]


async def test_a_halt_stops_a_response_over_fifty_devices_within_a_second(bench: Bench) -> None:
    bench.site.apply_s = 0.2
    started = await bench.start(fleet(bench))
    async with asyncio.timeout(20):
        while not bench.site.writes:
            await asyncio.sleep(0.01)
    halted = await halt(bench)
    before = {entry.key for entry in await intents(bench, started.incident)}
    async with asyncio.timeout(20):
        result = await bench.result(started)
    sent = await intents(bench, started.incident)
    assert {entry.key for entry in sent} == before, "an effect began after the halt was recorded"
    assert len(sent) < MANY
    assert (max(entry.at for entry in sent) - halted.at).total_seconds() < 1
    assert (result.status, "halted" in result.detail or "stopped" in result.detail) == (
        "failed",
        True,
    )
    ended = outcomes(list(await bench.ledger.chain(started.incident)))
    kinds = list(ended.values())
    assert kinds.count(OutcomeKind.ENFORCED) == len(sent), "what ran was finished and verified"
    assert kinds.count(OutcomeKind.REFUSED) == MANY - len(sent)
    assert len(await bench.ledger.holds()) == len(sent) == len(bench.site.writes)
    with pytest.raises(Forbidden):
        await journal(bench, Kind.RESUMED, "resume-1", "ada")
    await journal(bench, Kind.RESUMED, "resume-2", "grace")
    again, _ = await bench.run(program(contain(), name="again"))
    assert again.contained


async def test_a_hold_still_ends_on_time_in_a_halt_and_a_second_person_lets_it_go_on(
    bench: Bench,
) -> None:
    await bench.run(program(contain(hold=HoldSpec(for_s=1)), name="first"))
    await halt(bench)
    async with asyncio.timeout(15):
        while await bench.ledger.hold(HOLD) is not None:
            await asyncio.sleep(0.05)
    assert bench.site.vlan["cam-17"] == PRODUCTION
    refused, chain = await bench.run(program(contain(), name="second"))
    assert (refused.contained, outcomes(chain)) == (
        False,
        {"contain/switch": OutcomeKind.REFUSED},
    )
    await journal(bench, Kind.RESUMED, "resume-1", "grace")
    result, _ = await bench.run(program(contain(), name="third"))
    assert result.contained


async def test_in_a_halt_a_device_that_is_held_already_is_still_joined_and_given_back(
    bench: Bench,
) -> None:
    await bench.run(program(contain(), name="first"))
    await halt(bench)
    result, _ = await bench.run(program(contain(), release(), name="second"))
    assert (result.status, result.contained) == ("completed", True)
    assert len(bench.site.writes) == 1


async def test_a_halt_during_an_approval_stops_what_was_approved(bench: Bench) -> None:
    bench.rules.gates["network.quarantine"] = (Gate(role="on-call", within_s=60),)
    started = await bench.start(program(contain()))
    (request,) = await bench.requests()
    await halt(bench)
    await bench.engine.decide(request.id, request.plan_hash, Verdict.APPROVE, ON_CALL, "")
    result = await bench.result(started)
    assert (result.status, bench.site.writes) == ("failed", [])


async def test_a_lost_write_is_not_sent_again_in_a_halt_and_nothing_stays_in_doubt(
    bench: Bench,
) -> None:
    bench.site.faults.lose_write.add("switch")
    started = await bench.start(program(contain(ladder=("switch",))))
    async with asyncio.timeout(20):
        while bench.site.faults.lose_write:
            await asyncio.sleep(0.01)
    await halt(bench)
    result = await bench.result(started)
    chain = list(await bench.ledger.chain(result.incident))
    assert outcomes(chain) == {"contain/switch": OutcomeKind.FAILED}
    assert "not sent again" in result.detail
    assert await bench.ledger.holds() == ()
    assert bench.site.writes == []


async def test_a_full_cap_ends_the_ladder_and_says_which_and_what_to_do(bench: Bench) -> None:
    bench.site.limits = only_one()
    await bench.run(program(contain(), name="first"))
    started = await bench.start(program(contain(), name="second"), "cam-18")
    result = await bench.result(started)
    chain = list(await bench.ledger.chain(result.incident))
    assert outcomes(chain) == {"contain/switch": OutcomeKind.REFUSED}
    assert "site/plant-1 is full: 1 of the 1" in result.detail
    assert "firebreak holds" in result.detail
    kinds = [entry.kind for entry in chain]
    assert (Kind.PLAN in kinds, Kind.DECISION in kinds, Kind.INTENT in kinds) == (True, True, False)
    await bench.engine.release(HOLD, ON_CALL, "room for the other")
    again = await bench.start(program(contain(), name="third"), "cam-18")
    assert (await bench.result(again)).contained


async def test_a_rung_that_was_put_back_leaves_room_for_the_next(bench: Bench) -> None:
    bench.site.limits = Limits(site=Cap(at_once=1, per_hour=1), redundancy_group=None)
    bench.site.faults.lie.add("switch")
    result, _ = await bench.run(program(contain()))
    assert result.contained
    (site,) = [u for u in await bench.ledger.usage(datetime.now(UTC)) if u.scope == "site/plant-1"]
    assert (site.at_once, site.last_hour) == (1, 1)


async def test_people_are_not_asked_for_what_has_no_room(bench: Bench) -> None:
    bench.site.limits = only_one()
    await bench.run(program(contain(), name="first"))
    bench.rules.gates["network.quarantine"] = (Gate(role="on-call", within_s=60),)
    for steps in (program(contain(), name="second"), program(ask(plan=("contain",)), contain())):
        result = await bench.result(await bench.start(steps, "cam-18"))
        assert (result.status, "is full" in result.detail) == ("failed", True)
    assert await bench.ledger.approvals(pending_only=False) == ()


@pytest.mark.parametrize("why", ["limit", "halt", "interlock"])
async def test_a_dry_run_says_what_stands_against_it(bench: Bench, why: str) -> None:
    steps = program(contain(ladder=("switch",)), name="second")
    bench.programs.all[steps.name] = steps
    if why == "limit":
        bench.site.limits = Limits(site=Cap(at_once=0), redundancy_group=None)
    elif why == "halt":
        await halt(bench)
    else:
        bench.site.engaged = ["patient connected"]
    said = await bench.engine.dry_run(
        Start(playbook="second", device="cam-17", requester=ANALYST, reason="looking")
    )
    words = {"limit": "is full", "halt": "stopped all new effects", "interlock": "patient"}
    assert words[why] in str(said)


async def test_two_members_of_a_redundancy_group_are_never_out_together_by_default(
    bench: Bench,
) -> None:
    bench.site.limits = Limits(site=None)
    for number in (17, 18):
        bench.site.devices[f"cam-{number}"] = camera(number, redundancy_group="gate")
    first, _ = await bench.run(program(contain(), name="first"))
    second = await bench.result(await bench.start(program(contain(), name="second"), "cam-18"))
    assert (first.contained, second.contained) == (True, False)
    assert "group/gate is full" in second.detail


# -- guards -------------------------------------------------------------------------------------


async def test_what_a_guard_saw_is_evidence_of_the_plan_and_it_is_asked_again_before_the_effect(
    bench: Bench,
) -> None:
    result, chain = await bench.run(program(contain()))
    assert result.contained
    (plan,) = [e.body["plan"] for e in chain if e.kind is Kind.PLAN]
    assert isinstance(plan, dict)
    assert "interlock: port of cam-17 may go" in str(plan["evidence"])
    assert bench.site.checked == 2


@pytest.mark.parametrize("engaged", [["pump runs"], ["", "pump runs"]], ids=["at plan", "at apply"])
async def test_a_guard_that_is_engaged_stops_the_ladder(bench: Bench, engaged: list[str]) -> None:
    bench.site.engaged = engaged
    result, chain = await bench.run(program(contain()))
    assert (result.status, "pump runs" in result.detail) == ("failed", True)
    assert outcomes(chain) == {"contain/switch": OutcomeKind.REFUSED}
    assert bench.site.writes == []
    assert Kind.INTENT not in [entry.kind for entry in chain]
    assert await bench.ledger.usage(datetime.now(UTC)) == ()


async def test_notes_are_still_written_in_a_halt(bench: Bench) -> None:
    await halt(bench)
    result, _ = await bench.run(program(note()))
    assert result.status == "completed"
    assert bench.site.vlan["cam-17"] != QUARANTINE
