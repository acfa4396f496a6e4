"""Which rungs are tried for a device, why, and where the device is looked for."""

import pytest

from firebreak.contracts.controls import Place
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Attachment
from firebreak.domain.plan import OutcomeKind
from firebreak.domain.record import Entry, Kind
from firebreak.errors import (
    AuthFailed,
    CapabilityMissing,
    FirebreakError,
    NotThere,
    RateLimited,
    Rejected,
    StateDrifted,
    Unreachable,
)
from tests.workflows.bench import Bench
from tests.workflows.playbooks import contain, program, release
from tests.workflows.site import PRODUCTION, camera
from tests.workflows.test_response import outcomes

ELSEWHERE = Place(
    attached=Attachment(switch="sw-2", port="Gi1/0/9"),
    confidence="seen",
    evidence=("the MAC table of sw-2 (by snmp) has it on Gi1/0/9",),
)


def ladder(chain: list[Entry]) -> str:
    """What the record says about the ladder."""
    return next(str(e.body["detail"]) for e in chain if e.body.get("what") == "ladder")


def plans(chain: list[Entry]) -> list[JsonObject]:
    return [plan for e in chain if e.kind is Kind.PLAN and isinstance(plan := e.body["plan"], dict)]


async def test_a_rung_that_does_not_lead_there_is_left_out_and_the_record_says_why(
    bench: Bench,
) -> None:
    bench.site.roadless["cam-17", "switch"] = "switch sw-9 has no `cli` entry in the estate"
    result, chain = await bench.run(program(contain()))
    assert result.contained
    assert outcomes(chain) == {"contain/port-down": OutcomeKind.ENFORCED}
    said = ladder(chain)
    assert said.startswith("port-down (memory)")
    assert "switch: switch sw-9 has no `cli` entry" in said
    (plan,) = plans(chain)
    assert f"ladder: {said}" in str(plan["evidence"])


async def test_a_device_without_any_road_is_refused_on_the_record(bench: Bench) -> None:
    for rung in ("switch", "port-down"):
        bench.site.roadless["cam-17", rung] = "no such road"
    result, chain = await bench.run(program(contain()))
    assert (result.status, result.contained) == ("failed", False)
    assert ladder(chain).startswith("no road")
    assert "no such road" in result.detail
    assert bench.site.writes == []


async def test_a_protective_device_keeps_its_link_unless_the_author_wrote_otherwise(
    bench: Bench,
) -> None:
    bench.site.devices["cam-17"] = camera(safety="protective")
    bench.site.faults.refuse["switch"] = Rejected("no")
    result, chain = await bench.run(program(contain(chosen=True)))
    assert not result.contained
    assert "a protective device keeps its link" in ladder(chain)
    assert bench.site.up["cam-17"]
    result, chain = await bench.run(program(contain()))
    assert result.contained
    assert not bench.site.up["cam-17"]


async def test_an_unwritten_ladder_begins_with_what_touches_least(bench: Bench) -> None:
    _, chain = await bench.run(program(contain(chosen=True, ladder=("port-down", "switch"))))
    assert ladder(chain) == "switch (memory) > port-down (memory)"


@pytest.mark.parametrize(
    "error",
    [
        Unreachable("no route"),
        AuthFailed("wrong key"),
        Rejected("it is a trunk"),
        NotThere("no session of it here"),
        CapabilityMissing("the agent has no such object"),
        RateLimited("too many requests", 0.1),
        StateDrifted("someone else was faster"),
    ],
    ids=lambda error: error.code,
)
async def test_whatever_a_rung_fails_with_the_next_is_taken_and_the_record_tells_it(
    bench: Bench, error: FirebreakError
) -> None:
    bench.site.faults.refuse["switch"] = error
    result, chain = await bench.run(program(contain(), release()))
    assert result.contained
    ended = outcomes(chain)
    assert ended["contain/port-down"] is OutcomeKind.ENFORCED
    assert ended["contain/switch"] in (OutcomeKind.FAILED, OutcomeKind.REFUSED)
    said = next(e.body["outcome"] for e in chain if e.key == "outcome:contain/switch")
    assert isinstance(said, dict)
    assert (said["error"], str(error) in str(said["detail"])) == (error.code, True)
    assert bench.site.up["cam-17"]


async def test_a_rung_that_reads_back_well_and_does_not_hold_is_put_back_for_the_next(
    bench: Bench,
) -> None:
    bench.site.faults.lie.add("switch")
    result, chain = await bench.run(program(contain()))
    assert result.contained
    assert outcomes(chain)["contain/switch"] is OutcomeKind.FAILED
    assert bench.site.vlan["cam-17"] == PRODUCTION


async def test_a_device_that_has_moved_is_contained_where_it_is(bench: Bench) -> None:
    bench.site.devices["cam-17"] = camera(attached={"switch": "sw-1", "port": "Gi1/0/3"})
    bench.site.place = ELSEWHERE
    result, chain = await bench.run(program(contain(), release()))
    assert result.contained
    (plan,) = plans(chain)
    assert plan["place"] == {"switch": "sw-2", "port": "Gi1/0/9"}
    assert "has cam-17 on sw-1 Gi1/0/3; it was found elsewhere" in str(plan["evidence"])
    assert bench.site.vlan["cam-17"] == PRODUCTION


async def test_a_lost_answer_about_a_moved_device_is_settled_where_it_was_found(
    bench: Bench,
) -> None:
    bench.site.place = ELSEWHERE
    bench.site.faults.lose_answer.add("switch")
    result, _ = await bench.run(program(contain()))
    assert result.contained
    assert len(bench.site.writes) == 1


async def test_two_ports_that_claim_one_address_stop_the_response(bench: Bench) -> None:
    bench.site.claims = 2
    result, chain = await bench.run(program(contain()))
    assert (result.status, result.contained) == ("failed", False)
    assert "claimed by 2 ports" in result.detail
    assert bench.site.writes == []
    assert set(outcomes(chain)) == {"contain/switch"}
