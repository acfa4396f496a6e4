"""Who may stop everything, who may go on, and what is said of both."""

from datetime import UTC, datetime
from typing import Any

import pytest

from firebreak.domain.limits import Cap, Limits, Reservation
from firebreak.domain.record import JOURNAL, Kind
from firebreak.errors import Halted
from firebreak.ledger.chain import faults
from tests.unit.ledger import chains
from tests.unit.server.stage import Stage

WHY = {"reason": "the alerts are forged"}


async def said(stage: Stage, path: str, role: str, body: dict[str, Any]) -> tuple[int, Any]:
    answer = await stage.http.post(path, headers=stage.auth(role), json=body)
    return answer.status_code, answer.json()


async def halted(stage: Stage, site: str = "plant") -> bool:
    wanted = Reservation(device="cam-17", site=site, step="s", hold=None)
    try:
        await stage.ledger.may_start(wanted, chains.INCIDENT, datetime.now(UTC))
    except Halted:
        return True
    return False


@pytest.mark.parametrize("role", ["analyst", "on-call", "soc-lead", "admin", "script"])
async def test_whoever_operates_may_halt(stage: Stage, role: str) -> None:
    status, answer = await said(stage, "/halt", role, WHY)
    assert status == 200
    (halt,) = answer["halts"]
    assert (halt["by"], halt["reason"], halt["site"]) == (f"the-{role}", WHY["reason"], None)
    assert await halted(stage)


@pytest.mark.parametrize("role", ["admin", "analyst", "script"])
async def test_not_everybody_may_resume(stage: Stage, role: str) -> None:
    await said(stage, "/halt", "on-call", WHY)
    status, answer = await said(stage, "/resume", role, WHY)
    assert (status, answer["error"]) == (403, "forbidden")
    assert await halted(stage)


async def test_whoever_halted_does_not_resume_and_a_second_person_does(stage: Stage) -> None:
    await said(stage, "/halt", "on-call", WHY)
    status, answer = await said(stage, "/resume", "on-call", WHY)
    assert (status, "second person" in answer["message"]) == (403, True)
    assert await halted(stage)
    assert await said(stage, "/resume", "soc-lead", WHY) == (200, {"halts": []})
    assert not await halted(stage)
    answer = await stage.http.get("/halts?standing=false", headers=stage.auth("auditor"))
    (halt,) = answer.json()["halts"]
    assert (halt["by"], halt["lifted_by"]) == ("the-on-call", "the-soc-lead")


async def test_halting_again_does_not_hand_the_resume_to_whoever_halted_first(stage: Stage) -> None:
    await said(stage, "/halt", "on-call", WHY)
    await said(stage, "/halt", "soc-lead", WHY)
    assert (await said(stage, "/resume", "on-call", WHY))[0] == 403
    assert (await said(stage, "/resume", "soc-lead", WHY))[0] == 200


async def test_a_site_is_halted_alone_and_a_misspelled_one_is_refused(stage: Stage) -> None:
    status, answer = await said(stage, "/halt", "on-call", {**WHY, "site": "plan"})
    assert (status, "there are: plant" in answer["message"]) == (404, True)
    assert (await said(stage, "/halt", "on-call", {**WHY, "site": "plant"}))[0] == 200
    assert (await halted(stage), await halted(stage, "elsewhere")) == (True, False)
    assert (await said(stage, "/resume", "soc-lead", WHY))[0] == 404, "nothing is halted everywhere"
    assert await halted(stage)


async def test_halts_and_resumes_are_a_chain_of_the_record(stage: Stage) -> None:
    await said(stage, "/halt", "analyst", WHY)
    await said(stage, "/resume", "soc-lead", {"reason": "they were not"})
    chain = await stage.ledger.chain(JOURNAL)
    assert [(e.kind, e.actor) for e in chain] == [
        (Kind.HALTED, "the-analyst"),
        (Kind.RESUMED, "the-soc-lead"),
    ]
    assert faults(chain) == ()


async def test_the_limits_show_every_cap_and_what_counts_in_it(stage: Stage) -> None:
    limits = Limits(site=Cap(at_once=4, per_hour=9))
    room = limits.site.room("site/plant", 3) if limits.site else None
    assert room is not None
    wanted = Reservation(
        device="cam-17", site="plant", step="contain", hold=chains.HOLD, rooms=(room,)
    )
    now = chains.intent().model_copy(update={"at": datetime.now(UTC)})
    await stage.ledger.append(chains.opened(), now, claim=chains.CLAIM, reserve=wanted)
    answer = await stage.http.get("/limits", headers=stage.auth("auditor"))
    (site,) = answer.json()["limits"]
    assert (site["scope"], site["devices"]) == ("site/plant", 3)
    # 25 percent of three devices is none, and so one.
    assert (site["at_once"], site["at_once_cap"], site["last_hour"]) == (1, 1, 1)
