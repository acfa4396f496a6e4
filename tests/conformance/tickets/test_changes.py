"""What must be true of change requests: one for each request for approval, always."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from firebreak.domain.people import ApprovalState, Change, Principal, Verdict, Vote
from firebreak.errors import AuthFailed, FirebreakError, Rejected, Unreachable
from tests.conformance.bench import Fault
from tests.conformance.tickets.bench import Bench, CrashedError
from tests.conformance.tickets.stories import OPENED, Incident
from tests.conformance.tickets.systems import ServiceNowSystem, servicenow_bench
from tests.conformance.tickets.test_tickets import HOSTILE
from tests.documented.servicenow_changes import Changes

GROUP = {"assignment_group": "5f0"}
PLANNED = ("implementation_plan", "backout_plan", "risk_impact_analysis", "justification")


@dataclass
class Instance:
    """A ServiceNow channel that writes change requests, and their table."""

    bench: Bench
    table: Changes

    async def tell(self, incident: Incident, **settings: Any) -> None:
        """One telling."""
        await self.bench.tell(incident.story, self.bench.channel(**settings))

    def only(self) -> dict[str, str]:
        """The one change request."""
        (record,) = self.table.records.values()
        return record

    def notes(self, sys_id: str = "") -> list[str]:
        """The work notes of one of them."""
        return self.table.journal[sys_id or self.only()["sys_id"]]

    def went(self) -> list[str]:
        """The states of the only one."""
        return self.table.went[self.only()["sys_id"]]


@pytest.fixture
async def now(tmp_path: Path) -> AsyncIterator[Instance]:
    async with servicenow_bench(tmp_path) as bench:
        assert isinstance(bench.system, ServiceNowSystem)
        bench.config["change"] = {"fields": {**GROUP}}
        yield Instance(bench, bench.system.instance.changes)


def denied(incident: Incident, reason: str = "not during the shift") -> Incident:
    (asked,) = incident.approvals
    vote = Vote(
        approval=asked.id, plan_hash=asked.plan_hash, who=Principal(id="ana"),
        verdict=Verdict.DENY, reason=reason, at=OPENED,
    )  # fmt: skip
    return incident.decided(ApprovalState.DENIED, votes=(vote,)).says("denied", "by ana")


async def test_without_the_section_there_are_no_change_requests(now: Instance) -> None:
    del now.bench.config["change"]
    await now.tell(Incident().asks())
    assert now.table.records == {}
    assert not [each for each in now.bench.service.requests if "change_request" in each]


async def test_a_request_for_approval_is_a_change_request_beside_the_ticket(now: Instance) -> None:
    incident = Incident().asks()
    await now.tell(incident)
    ticket = await now.bench.ticket(incident.id)
    record = now.only()
    assert record["type"] == "emergency"
    assert record["parent"] == ticket.id
    assert record["correlation_id"] == f"{incident.id}.1"
    assert record["assignment_group"] == "5f0"
    assert record["short_description"].startswith(f"[firebreak {incident.id}] cam-17: Move port 3")
    assert record["implementation_plan"] == "Move port 3 of sw-1 to VLAN 666"
    assert record["backout_plan"] == "VLAN 10"
    assert record["risk_impact_analysis"] == "phone-2 behind the same port"
    assert record["justification"] == "the device is critical"
    assert "Asked by: sensor-1" in record["description"]
    assert f"https://firebreak.range.example/incidents/{incident.id}" in record["description"]
    assert now.went() == ["-5", "-3"]


async def test_a_change_request_follows_its_approval_state_by_state(now: Instance) -> None:
    incident = Incident().asks()
    await now.tell(incident)
    incident = incident.heard().agreed().contains()
    await now.tell(incident)
    assert now.went() == ["-5", "-3", "-2", "-1"]
    await now.tell(incident.heard().ends())
    assert now.went() == ["-5", "-3", "-2", "-1", "0", "3"]
    assert now.only()["close_code"] == "successful"
    assert "nothing of it is in force" in now.only()["close_notes"]
    assert "[firebreak" not in now.only()["close_notes"]
    assert len(now.notes()) == 3


async def test_a_channel_that_was_away_catches_up_in_one_telling(now: Instance) -> None:
    await now.tell(Incident().asks().agreed().contains().ends())
    assert now.went() == ["-5", "-3", "-2", "-1", "0", "3"]
    assert len(now.notes()) == 1


async def test_a_failed_response_leaves_its_change_in_review(now: Instance) -> None:
    await now.tell(Incident().asks().agreed().ends("failed"))
    assert now.only()["state"] == "0"
    assert "A person must look at cam-17" in now.notes()[0]


async def test_people_may_keep_the_last_step_to_themselves(now: Instance) -> None:
    change = {"fields": {**GROUP}, "close": False}
    await now.tell(Incident().asks().agreed().ends(), change=change)
    assert now.only()["state"] == "0"


async def test_a_response_that_was_stopped_is_no_successful_change(now: Instance) -> None:
    await now.tell(Incident().asks().agreed().ends("cancelled"))
    assert now.only()["close_code"] == "unsuccessful"


async def test_what_was_denied_is_canceled_with_the_reason(now: Instance) -> None:
    incident = Incident().asks()
    await now.tell(incident)
    incident = denied(incident.heard())
    await now.tell(incident)
    await now.tell(incident.heard().ends("denied"))
    assert now.went() == ["-5", "-3", "4"]
    assert "denied by ana (not during the shift)" in now.notes()[-1]
    assert len(now.notes()) == 2


@pytest.mark.parametrize(
    ("state", "more", "why"),
    [
        (ApprovalState.EXPIRED, {}, "not enough people agreed until 2026-01-05T10:15"),
        (ApprovalState.VOID, {}, "the plan changed or the response ended"),
        (
            ApprovalState.VOID,
            {"change": Change(who="ben", step="contain", reason="shorter")},
            "ben wants another plan (shorter)",
        ),
    ],
)
async def test_what_lapsed_is_canceled_with_the_reason(
    now: Instance, state: ApprovalState, more: dict[str, Any], why: str
) -> None:
    await now.tell(Incident().asks().decided(state, **more))
    assert now.went() == ["-5", "4"]
    assert why in now.notes()[0]


async def test_silence_that_is_enough_is_said_to_be_silence(now: Instance) -> None:
    await now.tell(Incident().asks().decided(ApprovalState.UNOPPOSED))
    assert now.only()["state"] == "-1"
    assert "Nobody objected" in now.notes()[0]
    assert "Approved" not in now.notes()[0]


async def test_each_request_has_its_own_change(now: Instance) -> None:
    incident = Incident().asks().decided(ApprovalState.VOID)
    first = incident.approvals[0].id
    await now.tell(incident.asks(replaces=first))
    by_id = {each["correlation_id"]: each for each in now.table.records.values()}
    assert len(by_id) == 2
    assert by_id[first]["state"] == "4"
    assert by_id[f"{incident.id}.2"]["state"] == "-3"
    assert f"Follows: {first}" in by_id[f"{incident.id}.2"]["description"]


async def test_telling_the_same_again_changes_nothing(now: Instance) -> None:
    incident = Incident().asks()
    await now.tell(incident)
    before = len(now.bench.service.requests)
    for _ in range(3):
        await now.tell(incident.heard())
    again = now.bench.service.requests[before:]
    assert len(now.notes()) == 1
    assert not [each for each in again if "change_request" in each]


async def test_a_crash_right_after_the_creation_makes_no_second_change(now: Instance) -> None:
    incident = Incident().says("OPENED")
    await now.tell(incident)
    incident = incident.heard().asks().heard()  # the ticket's status is kept, then the change's
    now.bench.memory.kept, now.bench.memory.crash_at = 0, 3
    with pytest.raises(CrashedError):
        await now.tell(incident)
    assert now.went() == ["-5"]
    assert now.bench.memory.known["changes"][f"{incident.id}.1"]["creating"]  # type: ignore[index,call-overload]  # JSON
    await now.tell(incident)
    assert now.went() == ["-5", "-3"]
    assert len(now.notes()) == 1


async def test_what_a_crash_leaves_is_found_again_wherever_it_came(now: Instance) -> None:
    """The process dies again and again, each time one thing later than the last."""
    incident = Incident().asks()
    for story in (incident, incident.heard().agreed().contains(), incident.agreed().ends()):
        for crash_at in range(1, 40):
            now.bench.memory.kept, now.bench.memory.crash_at = 0, crash_at
            try:
                await now.tell(story)
            except CrashedError:
                continue
            break
        else:
            pytest.fail("it never came to its end")
    assert now.went() == ["-5", "-3", "-2", "-1", "0", "3"]
    assert len(now.notes()) == 3


@pytest.mark.parametrize("fault", [Fault.CUT_AFTER_WRITE, Fault.HANG_AFTER_WRITE])
async def test_a_change_whose_creation_was_not_answered_is_found(
    now: Instance, fault: Fault
) -> None:
    now.bench.service.strikes = "change_request"
    await now.bench.service.break_with(fault)
    incident = Incident().asks()
    with pytest.raises(Unreachable, match="looked for before"):
        await now.tell(incident, timeout_s=1.5)
    now.bench.service.fault = None
    await now.tell(incident)
    assert now.went() == ["-5", "-3"]


async def test_a_step_that_was_not_answered_is_not_said_twice(now: Instance) -> None:
    incident = Incident().asks()
    await now.tell(incident)
    now.bench.service.strikes = "change_request"
    incident = denied(incident.heard())
    await now.bench.service.break_with(Fault.CUT_AFTER_WRITE)
    with pytest.raises(Unreachable):
        await now.tell(incident)
    now.bench.service.fault = None
    await now.tell(incident.heard())
    assert now.went() == ["-5", "-3", "4"]
    assert len(now.notes()) == 2


async def test_a_system_that_never_answers_is_brought_on_state_by_state(now: Instance) -> None:
    now.bench.service.strikes = "change_request"
    await now.bench.service.break_with(Fault.CUT_AFTER_WRITE)
    incident = Incident().asks().agreed().ends()
    for _ in range(6):  # the creation, and five steps
        with pytest.raises(Unreachable):
            await now.tell(incident)
    await now.tell(incident)
    assert now.went() == ["-5", "-3", "-2", "-1", "0", "3"]
    assert len(now.notes()) == 1


async def test_a_creation_that_may_still_arrive_is_waited_out(now: Instance) -> None:
    now.bench.service.strikes = "change_request"
    await now.bench.service.break_with(Fault.CUT_BEFORE_WRITE)
    incident = Incident().asks()
    with pytest.raises(Unreachable):
        await now.tell(incident)
    now.bench.service.fault = None
    with pytest.raises(Unreachable, match="may still arrive"):
        await now.tell(incident, settle_s=60)
    assert now.table.records == {}
    await now.tell(incident)
    assert now.went() == ["-5", "-3"]


async def test_a_system_that_was_down_gets_everything_once(now: Instance) -> None:
    incident = Incident().asks()
    await now.bench.service.break_with(Fault.UNREACHABLE)
    for _ in range(3):
        with pytest.raises(Unreachable):
            await now.tell(incident)
        incident = incident.says("MOVED")
    now.bench.service.fault = None
    await now.tell(incident.agreed())
    assert now.went() == ["-5", "-3", "-2", "-1"]
    assert len(now.notes()) == 1


async def test_a_change_that_is_refused_holds_up_neither_ticket_nor_the_others(
    now: Instance,
) -> None:
    incident = Incident().asks().asks()
    first, second = (each.id for each in incident.approvals)
    await now.tell(incident)
    by_id = {each["correlation_id"]: each for each in now.table.records.values()}
    del by_id[first]["assignment_group"]
    moved = (
        each.model_copy(update={"state": ApprovalState.APPROVED}) for each in incident.approvals
    )
    incident = incident.heard().says("MOVED")
    incident = replace(incident, approvals=tuple(moved))
    for _ in range(2):
        with pytest.raises((Rejected, AuthFailed)):
            await now.tell(incident)
    assert by_id[second]["state"] == "-1"
    assert (await now.bench.ticket(incident.id)).noted("MOVED") == 1
    by_id[first]["assignment_group"] = "5f0"
    await now.tell(incident)
    assert by_id[first]["state"] == "-1"
    assert len(now.notes(by_id[first]["sys_id"])) == 2


async def test_a_state_that_is_silently_left_is_an_error_and_said_once(now: Instance) -> None:
    now.table.deaf = True
    incident = Incident().asks()
    for _ in range(3):
        with pytest.raises(Rejected, match="did not set the state -3"):
            await now.tell(incident)
    assert len(now.notes()) == 1
    now.table.deaf = False
    await now.tell(incident)
    assert now.only()["state"] == "-3"
    assert len(now.notes()) == 1


async def test_what_people_did_to_a_change_is_never_taken_back(now: Instance) -> None:
    incident = Incident().asks()
    await now.tell(incident)
    now.table.set_state(now.only()["sys_id"], "-1")  # they are ahead
    incident = incident.heard().agreed()
    await now.tell(incident)
    assert now.only()["state"] == "-1"
    now.table.set_state(now.only()["sys_id"], "4")  # they canceled it
    await now.tell(incident.heard().ends())
    assert now.only()["state"] == "4"
    assert len(now.notes()) == 3


async def test_a_change_under_review_is_not_canceled(now: Instance) -> None:
    incident = Incident().asks()
    await now.tell(incident)
    now.table.set_state(now.only()["sys_id"], "0")
    await now.tell(denied(incident.heard()))
    assert now.only()["state"] == "0"
    assert "denied by ana" in now.notes()[-1]


async def test_a_change_that_is_gone_gets_no_other(now: Instance) -> None:
    incident = Incident().asks()
    await now.tell(incident)
    now.table.records.clear()
    for _ in range(2):
        incident = incident.heard().agreed()
        await now.tell(incident)
    assert now.table.records == {}


async def test_a_replaced_ticket_keeps_what_is_known_of_its_changes(now: Instance) -> None:
    incident = Incident().asks()
    await now.tell(incident)
    await now.bench.system.delete((await now.bench.ticket(incident.id)).id)
    await now.tell(incident.heard().agreed())
    assert now.only()["state"] == "-1"
    assert len(now.notes()) == 2


async def test_hostile_text_stands_in_a_change_as_text(now: Instance) -> None:
    incident = Incident(title=HOSTILE).asks(
        why=HOSTILE, summary=(HOSTILE,), ways_back=(HOSTILE,), hits=(HOSTILE,), title=HOSTILE
    )
    await now.tell(incident)
    await now.tell(denied(incident.heard(), HOSTILE))
    record = now.only()
    texts = [record[name] for name in (*PLANNED, "description", "short_description")]
    for text in (*texts, now.notes()[-1]):
        assert not {"\x00", "\x1b", "\u202e", "\r"} & set(text)
        assert "[code]" not in text
        assert "[firebreak inc-000000000001" not in text
    assert all("{{ 7*7 }}" in record[name] and "\n" not in record[name] for name in PLANNED)
    assert record["correlation_id"] == f"{incident.id}.1"
    assert now.went() == ["-5", "-3", "4"]


async def test_a_request_whose_id_could_end_the_condition_is_not_looked_up(now: Instance) -> None:
    incident = Incident().asks()
    forged = incident.decided(ApprovalState.PENDING, id="x^NQstate=1")
    with pytest.raises(ValueError, match="not an id of ours"):
        await now.tell(forged)
    assert now.table.records == {}


async def test_a_text_beyond_a_field_is_cut_and_says_so(now: Instance) -> None:
    incident = Incident().asks(
        why="w" * 9000, summary=("s" * 9000,), ways_back=("b" * 9000,), hits=("h" * 9000,)
    )
    await now.tell(incident)
    await now.tell(denied(incident.heard(), "d" * 2000))
    record = now.only()
    for name in PLANNED:
        assert len(record[name]) == 4000
        assert record[name].endswith("more characters]")
    assert len(record["short_description"]) == 160
    assert record["short_description"].endswith("more characters]")
    assert f"[firebreak {incident.id} dropped]" in now.notes()[-1]


async def test_what_an_unknown_condition_finds_is_not_taken_for_ours(now: Instance) -> None:
    incident = Incident().asks()
    theirs = {"sys_id": "c0", "state": "-5", "correlation_id": "somebody else's"}
    now.table.records["c0"] = theirs
    now.table.every_condition = True
    await now.tell(incident)
    assert theirs["state"] == "-5"
    assert len(now.table.records) == 2


async def test_an_error_of_a_change_is_one_that_the_dispatcher_knows(now: Instance) -> None:
    now.bench.service.refusal = (500, {})
    now.bench.service.strikes = "change_request"
    await now.bench.service.break_with(Fault.REFUSE_WRITE)
    with pytest.raises(FirebreakError):
        await now.tell(Incident().asks())
