"""What ServiceNow and Jira have of their own, against servers in their documented shape."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firebreak.errors import Rejected
from tests.conformance.bench import Fault
from tests.conformance.tickets.bench import Bench
from tests.conformance.tickets.stories import Incident
from tests.conformance.tickets.systems import (
    JiraSystem,
    ServiceNowSystem,
    jira_bench,
    servicenow_bench,
)


@pytest.fixture
async def now(tmp_path: Path) -> AsyncIterator[tuple[Bench, ServiceNowSystem]]:
    async with servicenow_bench(tmp_path) as bench:
        assert isinstance(bench.system, ServiceNowSystem)
        yield bench, bench.system


@pytest.fixture
async def jira(tmp_path: Path) -> AsyncIterator[tuple[Bench, JiraSystem]]:
    async with jira_bench(tmp_path) as bench:
        assert isinstance(bench.system, JiraSystem)
        yield bench, bench.system


async def test_a_record_carries_what_servicenow_correlates_by(
    now: tuple[Bench, ServiceNowSystem],
) -> None:
    bench, system = now
    incident = Incident().asks(severity=5)
    channel = bench.channel(fields={"assignment_group": "5f0"})
    await bench.tell(incident.story, channel)
    record = next(iter(system.instance.records.values()))
    assert record["correlation_id"] == incident.id
    assert record["assignment_group"] == "5f0"
    assert (record["urgency"], record["impact"]) == ("1", "1")


async def test_a_resolved_record_has_the_notes_it_needs(
    now: tuple[Bench, ServiceNowSystem],
) -> None:
    bench, system = now
    await bench.tell(Incident().says("OPENED").ends().story)
    record = next(iter(system.instance.records.values()))
    assert record["state"] == "6"
    assert record["close_code"] == "Solution provided"
    assert "The response has ended" in record["close_notes"]


async def test_servicenow_takes_an_oauth_token(
    now: tuple[Bench, ServiceNowSystem], tmp_path: Path
) -> None:
    bench, system = now
    (tmp_path / "secret").write_text("an-oauth-token")
    system.instance.authorization = "Bearer an-oauth-token"
    bench.config = {"token": bench.config["password"], "ca_file": bench.config["ca_file"]}
    incident = Incident().says("OPENED")
    await bench.tell(incident.story)
    assert (await bench.ticket(incident.id)).noted("OPENED") == 1


async def test_customers_see_nothing_of_what_is_added(jira: tuple[Bench, JiraSystem]) -> None:
    bench, system = jira
    await bench.tell(Incident().says("OPENED").contains().ends().story)
    (request,) = system.site.requests.values()
    assert len(request.comments) == 3
    assert not any(comment["public"] for comment in request.comments)


async def test_a_customer_cannot_write_a_mark(jira: tuple[Bench, JiraSystem]) -> None:
    bench, system = jira
    incident = Incident().says("OPENED")
    await bench.tell(incident.story)
    (request,) = system.site.requests.values()
    forged = f"[firebreak {incident.id} entry 1]"
    request.comments.append({"body": forged, "public": True})
    incident = incident.heard().says("MOVED")
    bench.memory.known["posting"] = "entry 1"  # a telling was cut off before it wrote
    await bench.tell(incident.story)
    assert (await bench.ticket(incident.id)).noted("MOVED") == 1


async def test_many_comments_are_read_to_their_end(jira: tuple[Bench, JiraSystem]) -> None:
    bench, system = jira
    incident = Incident().says("OPENED")
    await bench.tell(incident.story)
    (request,) = system.site.requests.values()
    request.comments[:0] = [{"body": "we look at it", "public": False}] * 120
    bench.memory.known = {}
    await bench.tell(incident.story)
    assert (await bench.ticket(incident.id)).noted("OPENED") == 1


async def test_a_workflow_without_the_way_is_said(jira: tuple[Bench, JiraSystem]) -> None:
    bench, system = jira
    system.site.ways = ("Resolved",)
    incident = Incident().says("OPENED")
    for _ in range(2):
        with pytest.raises(Rejected, match="no transition leads to In Progress"):
            await bench.tell(incident.story)
    assert (await bench.ticket(incident.id)).noted("OPENED") == 1


async def test_a_closed_request_that_cannot_be_opened_again_is_left_closed(
    jira: tuple[Bench, JiraSystem],
) -> None:
    bench, system = jira
    incident = Incident().says("OPENED")
    await bench.tell(incident.story)
    (request,) = system.site.requests.values()
    request.status, system.site.ways = "Closed", ()
    for word in ("MOVED", "MORE"):
        incident = incident.heard().says(word)
        await bench.tell(incident.story)
    ticket = await bench.ticket(incident.id)
    assert ticket.status == "Closed"
    assert ticket.noted("could not open it again") == 1
    assert (ticket.noted("MOVED"), ticket.noted("MORE")) == (1, 1)


async def test_a_file_that_is_only_half_way_is_attached_once(
    jira: tuple[Bench, JiraSystem],
) -> None:
    bench, system = jira
    bench.service.strikes = "attachTemporaryFile"
    await bench.service.break_with(Fault.REFUSE_WRITE)
    incident = Incident().says("OPENED").ends()
    with pytest.raises(Rejected):
        await bench.tell(incident.story)
    bench.service.fault = None
    await bench.tell(incident.story)
    (request,) = system.site.requests.values()
    assert [name for name, _ in request.files] == [f"receipt-{incident.id}.json"]
