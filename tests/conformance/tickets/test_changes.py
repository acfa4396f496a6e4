"""What must be true of change requests: one for each request for approval, which follows it."""

from typing import Any

import pytest

from firebreak.domain.people import ApprovalState, Change
from tests.conformance.tickets.changes import GROUP, Instance, denied
from tests.conformance.tickets.stories import Incident


async def test_without_the_section_there_are_no_change_requests(changing: Instance) -> None:
    del changing.bench.config["change"]
    await changing.tell(Incident().asks())
    assert changing.table.records == {}
    assert not [each for each in changing.bench.service.requests if "change_request" in each]


async def test_a_request_for_approval_is_a_change_request_beside_the_ticket(
    changing: Instance,
) -> None:
    incident = Incident().asks()
    await changing.tell(incident)
    ticket = await changing.bench.ticket(incident.id)
    record = changing.only()
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
    assert changing.went() == ["-5", "-3"]


async def test_a_change_request_follows_its_approval_state_by_state(changing: Instance) -> None:
    incident = Incident().asks()
    await changing.tell(incident)
    incident = incident.heard().agreed().contains()
    await changing.tell(incident)
    assert changing.went() == ["-5", "-3", "-2", "-1"]
    await changing.tell(incident.heard().ends())
    assert changing.went() == ["-5", "-3", "-2", "-1", "0", "3"]
    assert changing.only()["close_code"] == "successful"
    assert "nothing of it is in force" in changing.only()["close_notes"]
    assert "[firebreak" not in changing.only()["close_notes"]
    assert len(changing.notes()) == 3


async def test_a_channel_that_was_away_catches_up_in_one_telling(changing: Instance) -> None:
    await changing.tell(Incident().asks().agreed().contains().ends())
    assert changing.went() == ["-5", "-3", "-2", "-1", "0", "3"]
    assert len(changing.notes()) == 1


async def test_a_failed_response_leaves_its_change_in_review(changing: Instance) -> None:
    await changing.tell(Incident().asks().agreed().ends("failed"))
    assert changing.only()["state"] == "0"
    assert "A person must look at cam-17" in changing.notes()[0]


async def test_people_may_keep_the_last_step_to_themselves(changing: Instance) -> None:
    change = {"fields": {**GROUP}, "close": False}
    await changing.tell(Incident().asks().agreed().ends(), change=change)
    assert changing.only()["state"] == "0"


async def test_a_response_that_was_stopped_is_no_successful_change(changing: Instance) -> None:
    await changing.tell(Incident().asks().agreed().ends("cancelled"))
    assert changing.only()["close_code"] == "unsuccessful"


async def test_what_was_denied_is_canceled_with_the_reason(changing: Instance) -> None:
    incident = Incident().asks()
    await changing.tell(incident)
    incident = denied(incident.heard())
    await changing.tell(incident)
    await changing.tell(incident.heard().ends("denied"))
    assert changing.went() == ["-5", "-3", "4"]
    assert "denied by ana (not during the shift)" in changing.notes()[-1]
    assert len(changing.notes()) == 2


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
    changing: Instance, state: ApprovalState, more: dict[str, Any], why: str
) -> None:
    await changing.tell(Incident().asks().decided(state, **more))
    assert changing.went() == ["-5", "4"]
    assert why in changing.notes()[0]


async def test_silence_that_is_enough_is_said_to_be_silence(changing: Instance) -> None:
    await changing.tell(Incident().asks().decided(ApprovalState.UNOPPOSED))
    assert changing.only()["state"] == "-1"
    assert "Nobody objected" in changing.notes()[0]
    assert "Approved" not in changing.notes()[0]


async def test_each_request_has_its_own_change(changing: Instance) -> None:
    incident = Incident().asks().decided(ApprovalState.VOID)
    first = incident.approvals[0].id
    await changing.tell(incident.asks(replaces=first))
    by_id = {each["correlation_id"]: each for each in changing.table.records.values()}
    assert len(by_id) == 2
    assert by_id[first]["state"] == "4"
    assert by_id[f"{incident.id}.2"]["state"] == "-3"
    assert f"Follows: {first}" in by_id[f"{incident.id}.2"]["description"]


async def test_telling_the_same_again_changes_nothing(changing: Instance) -> None:
    incident = Incident().asks()
    await changing.tell(incident)
    before = len(changing.bench.service.requests)
    for _ in range(3):
        await changing.tell(incident.heard())
    again = changing.bench.service.requests[before:]
    assert len(changing.notes()) == 1
    assert not [each for each in again if "change_request" in each]


async def test_what_people_did_to_a_change_is_never_taken_back(changing: Instance) -> None:
    incident = Incident().asks()
    await changing.tell(incident)
    changing.table.set_state(changing.only()["sys_id"], "-1")  # they are ahead
    incident = incident.heard().agreed()
    await changing.tell(incident)
    assert changing.only()["state"] == "-1"
    changing.table.set_state(changing.only()["sys_id"], "4")  # they canceled it
    await changing.tell(incident.heard().ends())
    assert changing.only()["state"] == "4"
    assert len(changing.notes()) == 3


async def test_a_change_under_review_is_not_canceled(changing: Instance) -> None:
    incident = Incident().asks()
    await changing.tell(incident)
    changing.table.set_state(changing.only()["sys_id"], "0")
    await changing.tell(denied(incident.heard()))
    assert changing.only()["state"] == "0"
    assert "denied by ana" in changing.notes()[-1]


async def test_a_change_that_is_gone_gets_no_other(changing: Instance) -> None:
    incident = Incident().asks()
    await changing.tell(incident)
    changing.table.records.clear()
    for _ in range(2):
        incident = incident.heard().agreed()
        await changing.tell(incident)
    assert changing.table.records == {}
