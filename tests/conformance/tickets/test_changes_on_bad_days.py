"""Crashes, silence, refusals and hostile text: still one change request, and each note once."""

from dataclasses import replace

import pytest

from firebreak.domain.people import ApprovalState
from firebreak.errors import AuthFailed, FirebreakError, Rejected, Unreachable
from tests.conformance.bench import Fault
from tests.conformance.tickets.bench import CrashedError
from tests.conformance.tickets.changes import Instance, denied
from tests.conformance.tickets.stories import Incident
from tests.conformance.tickets.test_tickets import HOSTILE

PLANNED = ("implementation_plan", "backout_plan", "risk_impact_analysis", "justification")


async def test_a_crash_right_after_the_creation_makes_no_second_change(changing: Instance) -> None:
    incident = Incident().says("OPENED")
    await changing.tell(incident)
    incident = incident.heard().asks().heard()  # the ticket's status is kept, then the change's
    changing.bench.memory.kept, changing.bench.memory.crash_at = 0, 3
    with pytest.raises(CrashedError):
        await changing.tell(incident)
    assert changing.went() == ["-5"]
    assert changing.bench.memory.known["changes"][f"{incident.id}.1"]["creating"]  # type: ignore[index,call-overload]  # JSON
    await changing.tell(incident)
    assert changing.went() == ["-5", "-3"]
    assert len(changing.notes()) == 1


async def test_what_a_crash_leaves_is_found_again_wherever_it_came(changing: Instance) -> None:
    """The process dies again and again, each time one thing later than the last."""
    incident = Incident().asks()
    for story in (incident, incident.heard().agreed().contains(), incident.agreed().ends()):
        for crash_at in range(1, 40):
            changing.bench.memory.kept, changing.bench.memory.crash_at = 0, crash_at
            try:
                await changing.tell(story)
            except CrashedError:
                continue
            break
        else:
            pytest.fail("it never came to its end")
    assert changing.went() == ["-5", "-3", "-2", "-1", "0", "3"]
    assert len(changing.notes()) == 3


@pytest.mark.parametrize("fault", [Fault.CUT_AFTER_WRITE, Fault.HANG_AFTER_WRITE])
async def test_a_change_whose_creation_was_not_answered_is_found(
    changing: Instance, fault: Fault
) -> None:
    changing.bench.service.strikes = "change_request"
    await changing.bench.service.break_with(fault)
    incident = Incident().asks()
    with pytest.raises(Unreachable, match="looked for before"):
        await changing.tell(incident, timeout_s=1.5)
    changing.bench.service.fault = None
    await changing.tell(incident)
    assert changing.went() == ["-5", "-3"]


async def test_a_step_that_was_not_answered_is_not_said_twice(changing: Instance) -> None:
    incident = Incident().asks()
    await changing.tell(incident)
    changing.bench.service.strikes = "change_request"
    incident = denied(incident.heard())
    await changing.bench.service.break_with(Fault.CUT_AFTER_WRITE)
    with pytest.raises(Unreachable):
        await changing.tell(incident)
    changing.bench.service.fault = None
    await changing.tell(incident.heard())
    assert changing.went() == ["-5", "-3", "4"]
    assert len(changing.notes()) == 2


async def test_a_system_that_never_answers_is_brought_on_state_by_state(changing: Instance) -> None:
    changing.bench.service.strikes = "change_request"
    await changing.bench.service.break_with(Fault.CUT_AFTER_WRITE)
    incident = Incident().asks().agreed().ends()
    for _ in range(6):  # the creation, and five steps
        with pytest.raises(Unreachable):
            await changing.tell(incident)
    await changing.tell(incident)
    assert changing.went() == ["-5", "-3", "-2", "-1", "0", "3"]
    assert len(changing.notes()) == 1


async def test_a_creation_that_may_still_arrive_is_waited_out(changing: Instance) -> None:
    changing.bench.service.strikes = "change_request"
    await changing.bench.service.break_with(Fault.CUT_BEFORE_WRITE)
    incident = Incident().asks()
    with pytest.raises(Unreachable):
        await changing.tell(incident)
    changing.bench.service.fault = None
    with pytest.raises(Unreachable, match="may still arrive"):
        await changing.tell(incident, settle_s=60)
    assert changing.table.records == {}
    await changing.tell(incident)
    assert changing.went() == ["-5", "-3"]


async def test_a_system_that_was_down_gets_everything_once(changing: Instance) -> None:
    incident = Incident().asks()
    await changing.bench.service.break_with(Fault.UNREACHABLE)
    for _ in range(3):
        with pytest.raises(Unreachable):
            await changing.tell(incident)
        incident = incident.says("MOVED")
    changing.bench.service.fault = None
    await changing.tell(incident.agreed())
    assert changing.went() == ["-5", "-3", "-2", "-1"]
    assert len(changing.notes()) == 1


async def test_a_change_that_is_refused_holds_up_neither_ticket_nor_the_others(
    changing: Instance,
) -> None:
    incident = Incident().asks().asks()
    first, second = (each.id for each in incident.approvals)
    await changing.tell(incident)
    by_id = {each["correlation_id"]: each for each in changing.table.records.values()}
    del by_id[first]["assignment_group"]
    moved = (
        each.model_copy(update={"state": ApprovalState.APPROVED}) for each in incident.approvals
    )
    incident = incident.heard().says("MOVED")
    incident = replace(incident, approvals=tuple(moved))
    for _ in range(2):
        with pytest.raises((Rejected, AuthFailed)):
            await changing.tell(incident)
    assert by_id[second]["state"] == "-1"
    assert (await changing.bench.ticket(incident.id)).noted("MOVED") == 1
    by_id[first]["assignment_group"] = "5f0"
    await changing.tell(incident)
    assert by_id[first]["state"] == "-1"
    assert len(changing.notes(by_id[first]["sys_id"])) == 2


async def test_a_state_that_is_silently_left_is_an_error_and_said_once(changing: Instance) -> None:
    changing.table.deaf = True
    incident = Incident().asks()
    for _ in range(3):
        with pytest.raises(Rejected, match="did not set the state -3"):
            await changing.tell(incident)
    assert len(changing.notes()) == 1
    changing.table.deaf = False
    await changing.tell(incident)
    assert changing.only()["state"] == "-3"
    assert len(changing.notes()) == 1


async def test_a_replaced_ticket_keeps_what_is_known_of_its_changes(changing: Instance) -> None:
    incident = Incident().asks()
    await changing.tell(incident)
    await changing.bench.system.delete((await changing.bench.ticket(incident.id)).id)
    await changing.tell(incident.heard().agreed())
    assert changing.only()["state"] == "-1"
    assert len(changing.notes()) == 2


async def test_hostile_text_stands_in_a_change_as_text(changing: Instance) -> None:
    incident = Incident(title=HOSTILE).asks(
        why=HOSTILE, summary=(HOSTILE,), ways_back=(HOSTILE,), hits=(HOSTILE,), title=HOSTILE
    )
    await changing.tell(incident)
    await changing.tell(denied(incident.heard(), HOSTILE))
    record = changing.only()
    texts = [record[name] for name in (*PLANNED, "description", "short_description")]
    for text in (*texts, changing.notes()[-1]):
        assert not {"\x00", "\x1b", "\u202e", "\r"} & set(text)
        assert "[code]" not in text
        assert "[firebreak inc-000000000001" not in text
    assert all("{{ 7*7 }}" in record[name] and "\n" not in record[name] for name in PLANNED)
    assert record["correlation_id"] == f"{incident.id}.1"
    assert changing.went() == ["-5", "-3", "4"]


async def test_a_request_whose_id_could_end_the_condition_is_not_looked_up(
    changing: Instance,
) -> None:
    incident = Incident().asks()
    forged = incident.decided(ApprovalState.PENDING, id="x^NQstate=1")
    with pytest.raises(ValueError, match="not an id of ours"):
        await changing.tell(forged)
    assert changing.table.records == {}


async def test_a_text_beyond_a_field_is_cut_and_says_so(changing: Instance) -> None:
    incident = Incident().asks(
        why="w" * 9000, summary=("s" * 9000,), ways_back=("b" * 9000,), hits=("h" * 9000,)
    )
    await changing.tell(incident)
    await changing.tell(denied(incident.heard(), "d" * 2000))
    record = changing.only()
    for name in PLANNED:
        assert len(record[name]) == 4000
        assert record[name].endswith("more characters]")
    assert len(record["short_description"]) == 160
    assert record["short_description"].endswith("more characters]")
    assert f"[firebreak {incident.id} dropped]" in changing.notes()[-1]


async def test_what_an_unknown_condition_finds_is_not_taken_for_ours(changing: Instance) -> None:
    incident = Incident().asks()
    theirs = {"sys_id": "c0", "state": "-5", "correlation_id": "somebody else's"}
    changing.table.records["c0"] = theirs
    changing.table.every_condition = True
    await changing.tell(incident)
    assert theirs["state"] == "-5"
    assert len(changing.table.records) == 2


async def test_an_error_of_a_change_is_one_that_the_dispatcher_knows(changing: Instance) -> None:
    changing.bench.service.refusal = (500, {})
    changing.bench.service.strikes = "change_request"
    await changing.bench.service.break_with(Fault.REFUSE_WRITE)
    with pytest.raises(FirebreakError):
        await changing.tell(Incident().asks())
