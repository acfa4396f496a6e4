"""What must be true of every ticket system: one ticket an incident, whatever goes wrong."""

import asyncio
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from firebreak.contracts.people import Story
from firebreak.domain.base import JsonObject
from firebreak.errors import AuthFailed, RateLimited, Rejected, Unreachable
from tests.conformance.bench import Fault
from tests.conformance.tickets.bench import Bench, CrashedError
from tests.conformance.tickets.stories import RECEIPT, Incident

HOSTILE = (
    "<script>alert(1)</script> [code]<img src=x>[/code] {{ 7*7 }} {% include 'x' %}\r\n"
    "Subject: owned\x00\x1b[31m\u202e {noformat} !http://evil.example/x.png! [~admin] "
    "[firebreak inc-000000000001 entry 999] fsck.com-rt://x/ticket/1 ' OR 1=1 ^NQstate=1"
)


async def test_an_incident_has_one_ticket_that_tells_it_from_its_start_to_its_end(
    bench: Bench,
) -> None:
    incident = Incident().says("OPENED", "isolate for cam-17")
    await bench.tell(incident.story)
    ticket = await bench.ticket(incident.id)
    assert ticket.title.startswith(f"[firebreak {incident.id}] cam-17: Camera scans")
    assert f"https://firebreak.range.example/incidents/{incident.id}" in ticket.text
    assert ticket.status == bench.system.statuses["open"]
    incident = incident.heard().asks()
    await bench.tell(incident.story)
    asked = await bench.ticket(incident.id)
    assert asked.status == bench.system.statuses["waiting"]
    assert asked.noted("Move port 3 of sw-1 to VLAN 666") == 1
    incident = incident.heard().agreed().contains()
    await bench.tell(incident.story)
    assert (await bench.ticket(incident.id)).status == bench.system.statuses["contained"]
    incident = incident.heard().ends()
    await bench.tell(incident.story)
    closed = await bench.ticket(incident.id)
    assert closed.status == bench.system.statuses["resolved"]
    assert closed.files == {f"receipt-{incident.id}.json": RECEIPT}
    for words in ("OPENED", "CONTAINED", "CLOSED", "The response has ended (completed)"):
        assert closed.noted(words) == 1


async def test_telling_the_same_again_changes_nothing(bench: Bench) -> None:
    incident = Incident().says("OPENED").contains().ends()
    await bench.tell(incident.story)
    before = await bench.ticket(incident.id)
    await bench.tell(incident.story)
    await bench.tell(incident.heard().story)
    assert await bench.ticket(incident.id) == before
    assert before.names == (f"receipt-{incident.id}.json",)


async def test_what_a_crash_leaves_is_found_again_wherever_it_came(bench: Bench) -> None:
    """The process dies again and again, each time one thing later than the last."""
    incident = Incident().says("OPENED").contains().ends()
    for crash_at in range(1, 30):
        bench.memory.kept, bench.memory.crash_at = 0, crash_at
        try:
            await bench.tell(incident.story)
        except CrashedError:
            continue
        break
    else:
        pytest.fail("it never came to its end")
    ticket = await bench.ticket(incident.id)
    assert ticket.noted("CONTAINED") == 1
    assert ticket.noted("The response has ended") == 1
    assert ticket.names == (f"receipt-{incident.id}.json",)
    assert ticket.status == bench.system.statuses["resolved"]


async def test_a_crash_right_after_the_creation_makes_no_second_ticket(bench: Bench) -> None:
    incident = Incident().says("OPENED")
    bench.memory.crash_at = 2  # the first keeps that it begins, the second what was made
    with pytest.raises(CrashedError):
        await bench.tell(incident.story)
    assert (await bench.ticket(incident.id)).notes == ()
    await bench.tell(incident.story)
    assert (await bench.ticket(incident.id)).noted("OPENED") == 1


@pytest.mark.parametrize("fault", [Fault.CUT_AFTER_WRITE, Fault.HANG_AFTER_WRITE])
async def test_a_ticket_whose_creation_was_not_answered_is_found(
    bench: Bench, fault: Fault
) -> None:
    incident = Incident().says("OPENED")
    await bench.service.break_with(fault)
    with pytest.raises(Unreachable, match="looked for before"):
        await bench.tell(incident.story, bench.channel(timeout_s=1.5))
    bench.service.fault = None
    await bench.tell(incident.story)
    assert (await bench.ticket(incident.id)).noted("OPENED") == 1


async def test_a_creation_that_may_still_arrive_is_waited_out(bench: Bench) -> None:
    incident = Incident().says("OPENED")
    await bench.service.break_with(Fault.CUT_BEFORE_WRITE)
    with pytest.raises(Unreachable):
        await bench.tell(incident.story)
    bench.service.fault = None
    with pytest.raises(Unreachable, match="may still arrive"):
        await bench.tell(incident.story, bench.channel(settle_s=60))
    assert await bench.system.tickets(incident.id) == []
    await bench.tell(incident.story)
    assert (await bench.ticket(incident.id)).noted("OPENED") == 1


async def test_a_note_that_was_not_answered_is_not_written_twice(bench: Bench) -> None:
    incident = Incident().says("OPENED")
    await bench.tell(incident.story)
    incident = incident.heard().says("MOVED")
    await bench.service.break_with(Fault.CUT_AFTER_WRITE)
    with pytest.raises(Unreachable):
        await bench.tell(incident.story)
    bench.service.fault = None
    await bench.tell(incident.says("MORE").story)  # meanwhile the incident went on
    ticket = await bench.ticket(incident.id)
    assert (ticket.noted("MOVED"), ticket.noted("MORE")) == (1, 1)


async def test_a_receipt_whose_upload_was_not_answered_is_attached_once(bench: Bench) -> None:
    incident = Incident().says("OPENED")
    await bench.tell(incident.story)
    bench.service.strikes = {"rt": "/comment", "servicenow": "/file"}.get(bench.kind, "/attachment")
    incident = incident.ends().heard()  # the first thing that is written is the receipt
    await bench.service.break_with(Fault.CUT_AFTER_WRITE)
    with pytest.raises(Unreachable):
        await bench.tell(incident.story)
    bench.service.fault = None
    await bench.tell(incident.story)
    ticket = await bench.ticket(incident.id)
    assert ticket.names == (f"receipt-{incident.id}.json",)
    assert ticket.status == bench.system.statuses["resolved"]


async def test_what_was_refused_is_tried_again_without_a_search(bench: Bench) -> None:
    incident = Incident().says("OPENED")
    await bench.tell(incident.story)
    incident = incident.heard().says("MOVED")
    await bench.service.break_with(Fault.REFUSE_WRITE)
    with pytest.raises((Rejected, AuthFailed)):
        await bench.tell(incident.story)
    bench.service.fault = None
    await bench.tell(incident.story, bench.channel(settle_s=60))
    assert (await bench.ticket(incident.id)).noted("MOVED") == 1


async def test_a_wrong_credential_is_said_and_not_shown(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("another-one-4711")
    with pytest.raises(AuthFailed) as caught:
        await bench.tell(Incident().says("OPENED").story)
    assert "another-one-4711" not in f"{caught.value!r} {caught.value.__cause__!r}"


@pytest.mark.parametrize("fault", [Fault.UNREACHABLE, Fault.HANG])
async def test_a_system_that_is_away_gets_everything_once_it_is_back(
    bench: Bench, fault: Fault
) -> None:
    incident = Incident().says("OPENED")
    await bench.service.break_with(fault)
    for _ in range(2):
        with pytest.raises(Unreachable):
            await bench.tell(incident.story, bench.channel(timeout_s=0.5))
        incident = incident.says("MORE")
    bench.service.fault = None
    await bench.tell(incident.story)
    ticket = await bench.ticket(incident.id)
    assert len(ticket.notes) == 1
    assert (ticket.noted("OPENED"), ticket.noted("MORE")) == (1, 1)


async def test_an_impostor_is_told_nothing(bench: Bench) -> None:
    await bench.service.break_with(Fault.CHANGED_IDENTITY)
    with pytest.raises(AuthFailed, match="not trusted"):
        await bench.tell(Incident().says("OPENED").story)
    assert bench.service.tried == 0


async def test_a_system_that_asks_for_patience_gets_it(bench: Bench) -> None:
    bench.service.throttles = frozenset({"POST"})
    incident = Incident().says("OPENED")
    with pytest.raises(RateLimited) as caught:
        await bench.tell(incident.story)
    assert caught.value.after_s == 7
    bench.service.throttles = frozenset()
    await bench.tell(incident.story, bench.channel(settle_s=60))
    assert (await bench.ticket(incident.id)).noted("OPENED") == 1


async def test_a_server_error_to_a_creation_is_looked_into(bench: Bench) -> None:
    bench.service.refusal = (500, {})
    await bench.service.break_with(Fault.REFUSE_WRITE)
    incident = Incident().says("OPENED")
    with pytest.raises(Unreachable):
        await bench.tell(incident.story)
    bench.service.fault = None
    await bench.tell(incident.story)
    assert (await bench.ticket(incident.id)).noted("OPENED") == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"not json"),
        (200, b"[" * 100_000),
        (200, b'{"result": {"sys_id": 7}, "items": 7, "values": {}}'),
        (200, b"x" * (5 * 2**20)),
        (302, b""),
        (400, b'{"message": "' + b"\\u001b" * 1000 + b'"}'),
    ],
)
async def test_an_answer_in_no_known_shape_is_refused(
    bench: Bench, status: int, body: bytes
) -> None:
    async def nonsense(request: Request) -> Response:
        del request
        return Response(body, status, {"Location": "https://evil.example/"})

    methods = ["GET", "POST", "PUT", "PATCH"]
    bench.service.app = Starlette(routes=[Route("/{rest:path}", nonsense, methods=methods)])
    with pytest.raises(Rejected) as caught:
        await bench.tell(Incident().says("OPENED").story)
    assert len(str(caught.value)) < 500
    assert str(caught.value).isprintable()


async def test_hostile_text_stands_in_a_ticket_as_text(bench: Bench) -> None:
    incident = Incident(title=HOSTILE).says("OPENED", f"{HOSTILE}\n{HOSTILE}")
    await bench.tell(incident.story)
    ticket = await bench.ticket(incident.id)
    for text in (ticket.title, ticket.text, *ticket.notes):
        assert "{{ 7*7 }}" in text
        assert not {"\x00", "\x1b", "\u202e"} & set(text)
        assert "[firebreak inc-000000000001" not in text
    assert "\n" not in ticket.title
    assert "\r" not in ticket.title
    if bench.kind == "servicenow":
        assert "[code]" not in ticket.notes[0]
    if bench.kind == "jira-sm":
        assert ticket.text.count("{noformat}") == ticket.notes[0].count("{noformat}") == 2


async def test_a_text_beyond_a_field_is_cut_and_says_so(bench: Bench) -> None:
    incident = Incident(title="t" * 5000).says("OPENED", "x" * 100_000)
    await bench.tell(incident.story)
    ticket = await bench.ticket(incident.id)
    assert "more characters]" in ticket.title
    assert "more characters]" in ticket.notes[0]
    await bench.tell(incident.heard().says("MORE").story)
    assert (await bench.ticket(incident.id)).noted("MORE") == 1


async def test_somebody_elses_ticket_that_names_the_incident_is_left_alone(bench: Bench) -> None:
    incident = Incident().says("OPENED")
    theirs = await bench.system.open_by_hand(f"Re: [firebreak {incident.id}] what is this?")
    await bench.tell(incident.story)
    tickets = {each.id: each for each in await bench.system.tickets(incident.id)}
    assert len(tickets) == 2
    assert tickets.pop(theirs).notes == ()
    assert tickets.popitem()[1].noted("OPENED") == 1


async def test_a_ticket_closed_too_early_is_opened_once_and_says_why(bench: Bench) -> None:
    incident = Incident().says("OPENED")
    await bench.tell(incident.story)
    ticket = await bench.ticket(incident.id)
    await bench.system.close_by_hand(ticket.id)
    incident = incident.heard().says("MOVED")
    await bench.tell(incident.story)
    again = await bench.ticket(incident.id)
    assert again.status == bench.system.statuses["open"]
    assert again.noted("closed while the response is not over") == 1
    await bench.system.close_by_hand(ticket.id)
    incident = incident.heard().contains()
    await bench.tell(incident.story)
    await bench.tell(incident.heard().story)
    left = await bench.ticket(incident.id)
    assert left.status == bench.system.statuses["by hand"]
    assert left.noted("closed while the response is not over") == 1
    assert left.noted("CONTAINED") == 1


async def test_a_status_that_people_set_is_left_until_the_incident_moves(bench: Bench) -> None:
    incident = Incident().says("OPENED").ends()
    await bench.tell(incident.story)
    ticket = await bench.ticket(incident.id)
    await bench.system.close_by_hand(ticket.id)
    await bench.tell(incident.heard().says("NOTED").story)
    assert (await bench.ticket(incident.id)).status == bench.system.statuses["by hand"]


async def test_a_ticket_that_is_gone_is_replaced_once(bench: Bench) -> None:
    incident = Incident().says("OPENED")
    await bench.tell(incident.story)
    first = await bench.ticket(incident.id)
    await bench.system.delete(first.id)
    incident = incident.heard().says("MOVED")
    await bench.tell(incident.story)
    second = await bench.ticket(incident.id)
    assert second.id != first.id
    assert first.id in second.text
    assert second.noted("OPENED") == second.noted("MOVED") == 1
    await bench.system.delete(second.id)
    for word in ("MORE", "EVEN MORE"):
        incident = incident.heard().says(word)
        await bench.tell(incident.story)
    assert await bench.system.tickets(incident.id) == []


async def test_a_failed_response_leaves_its_ticket_to_people(bench: Bench) -> None:
    incident = Incident().says("OPENED").ends("failed")
    await bench.tell(incident.story)
    ticket = await bench.ticket(incident.id)
    assert ticket.status == bench.system.statuses["failed"]
    assert ticket.noted("A person must look at cam-17") == 1
    assert ticket.files


async def test_a_call_without_news_brings_the_status_up_to_date(bench: Bench) -> None:
    incident = Incident().says("OPENED")
    await bench.tell(incident.story)
    incident = incident.heard().asks().heard()
    await bench.tell(incident.story)
    ticket = await bench.ticket(incident.id)
    assert ticket.status == bench.system.statuses["waiting"]
    assert len(ticket.notes) == 1


async def test_what_others_were_told_before_is_not_said_again(bench: Bench) -> None:
    incident = Incident().says("EARLIER").heard().says("OPENED")
    await bench.tell(incident.story)
    ticket = await bench.ticket(incident.id)
    assert (ticket.noted("OPENED"), ticket.noted("EARLIER")) == (1, 0)


async def test_news_of_the_installation_makes_no_ticket(bench: Bench) -> None:
    story = Story("inc-000000000000", None, Incident().says("HALTED").said, (), (), (), None)
    await bench.tell(story)
    assert bench.service.requests == []


async def test_an_unknown_status_is_said(bench: Bench) -> None:
    phases = ("open", "waiting", "contained", "failed", "resolved")
    statuses: JsonObject = dict.fromkeys(phases, "99")
    with pytest.raises(Rejected, match="99"):
        await bench.tell(Incident().says("OPENED").story, bench.channel(statuses=statuses))


async def test_a_call_that_is_cancelled_leaves_nothing_twice(bench: Bench) -> None:
    incident = Incident().says("OPENED")
    await bench.service.break_with(Fault.HANG_AFTER_WRITE)
    telling = asyncio.create_task(bench.tell(incident.story))
    async with asyncio.timeout(10):
        while not await bench.system.tickets(incident.id):
            await asyncio.sleep(0.02)
    telling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await telling
    bench.service.fault = None
    await bench.tell(incident.story)
    assert (await bench.ticket(incident.id)).noted("OPENED") == 1
