"""What only the real Request Tracker can show: merges, its own status rules, and a restart."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firebreak.errors import AuthFailed, Rejected, Unreachable
from integrations.itsm.channel import TicketChannel
from integrations.itsm.helpdesk import Changed, Phase, Seen
from integrations.itsm.rt import RtDesk
from integrations.itsm.settings import RequestTracker
from integrations.itsm.telling import Voice
from tests.conformance.tickets.bench import Bench, Tools
from tests.conformance.tickets.stories import Incident
from tests.conformance.tickets.systems import RequestTrackerSystem, rt_bench
from tests.peers.rt import RtPeer

pytestmark = [pytest.mark.peer("rt"), pytest.mark.xdist_group("rt")]


@pytest.fixture
async def bench(rt: RtPeer, tmp_path: Path) -> AsyncIterator[Bench]:
    """Only this one."""
    async with rt_bench(tmp_path, rt) as made:
        yield made


@pytest.fixture
async def desk(bench: Bench) -> AsyncIterator[RtDesk]:
    config = {**bench.config, "url": bench.service.url, "settle_s": 0}
    made = RtDesk("rt-1", RequestTracker.model_validate(config))
    yield made
    await made.close()


async def comment(rt: RtPeer, ticket: str) -> None:
    """Somebody else writes there."""
    words = {"Content": "I am looking at it", "ContentType": "text/plain"}
    async with rt.admin() as admin:
        (await admin.post(f"/ticket/{ticket}/comment", json=words)).raise_for_status()


async def test_a_merged_ticket_is_followed_and_its_status_left_to_people(bench: Bench) -> None:
    assert isinstance(bench.system, RequestTrackerSystem)
    incident = Incident().says("OPENED")
    await bench.tell(incident.story)
    ours = await bench.ticket(incident.id)
    theirs = await bench.system.open_by_hand(f"Cameras are slow ({incident.id})")
    await bench.system.merge(ours.id, into=theirs)
    incident = incident.heard().says("MOVED")
    await bench.tell(incident.story)
    await bench.tell(incident.heard().ends().story)
    merged = await bench.ticket(incident.id)
    assert merged.id == theirs
    assert merged.noted(f"Ticket {ours.id} of this incident was merged") == 1
    assert (merged.noted("MOVED"), merged.noted("The response has ended")) == (1, 1)
    assert merged.status == "new"
    assert merged.names == (f"receipt-{incident.id}.json",)


async def test_a_change_that_came_in_between_is_seen(
    bench: Bench, desk: RtDesk, rt: RtPeer
) -> None:
    incident = Incident().says("OPENED")
    await bench.tell(incident.story)
    ticket = (await bench.ticket(incident.id)).id
    seen = await desk.look(ticket)
    assert seen is not None
    await comment(rt, ticket)
    with pytest.raises(Changed):
        await desk.move(seen, Phase.RESOLVED, "")
    assert (await bench.ticket(incident.id)).status == "open"


class Contested(RtDesk):
    """Somebody writes into the ticket each time right after it was looked at, a few times."""

    def __init__(self, desk: RtDesk, rt: RtPeer, times: int) -> None:
        super().__init__("rt-2", desk._settings)
        self._rt, self._times = rt, times

    async def look(self, ticket: str) -> Seen | None:
        """What was there a moment ago."""
        seen = await super().look(ticket)
        if seen is not None and self._times:
            self._times -= 1
            await comment(self._rt, ticket)
        return seen


@pytest.mark.parametrize(("times", "moved"), [(3, True), (9, False)])
async def test_a_contested_ticket_is_looked_at_again_and_not_for_ever(
    bench: Bench, desk: RtDesk, rt: RtPeer, *, times: int, moved: bool
) -> None:
    incident = Incident().says("OPENED")
    await bench.tell(incident.story)
    tools, contested = Tools(), Contested(desk, rt, times)
    channel = TicketChannel(Voice("rt-2", tools.render, tools.link), contested)
    bench.opened.append(channel)
    incident = incident.heard().asks()
    if moved:
        await bench.tell(incident.story, channel)
    else:
        with pytest.raises(Unreachable, match="changes all the time"):
            await bench.tell(incident.story, channel)
    wanted = "stalled" if moved else "open"
    ticket = await bench.ticket(incident.id)
    assert (ticket.status, ticket.noted("asks")) == (wanted, 1)


async def test_a_ticket_is_found_without_a_custom_field_and_with_one_rt_does_not_have(
    bench: Bench,
) -> None:
    for field in (None, "No such field"):
        incident = Incident().says("OPENED")
        await bench.tell(incident.story, bench.channel(custom_field=field))
        bench.memory.known = {}
        await bench.tell(incident.story, bench.channel(custom_field=field))
        assert (await bench.ticket(incident.id)).noted("OPENED") == 1
        bench.memory.known = {}


async def test_a_ticket_whose_subject_was_edited_is_found_by_its_custom_field(
    bench: Bench, rt: RtPeer
) -> None:
    incident = Incident().says("OPENED")
    await bench.tell(incident.story)
    ticket = await bench.ticket(incident.id)
    async with rt.admin() as admin:
        changes = {"Subject": f"Camera 17 ({incident.id})"}
        (await admin.put(f"/ticket/{ticket.id}", json=changes)).raise_for_status()
    bench.memory.known = {}
    await bench.tell(incident.story)
    assert (await bench.ticket(incident.id)).noted("OPENED") == 1


async def test_a_queue_that_is_not_there_is_said(bench: Bench) -> None:
    with pytest.raises(AuthFailed):
        await bench.tell(Incident().says("OPENED").story, bench.channel(queue="Nope"))


async def test_priority_follows_severity(bench: Bench, rt: RtPeer) -> None:
    incident = Incident().asks(severity=4)
    await bench.tell(incident.story)
    ticket = await bench.ticket(incident.id)
    async with rt.admin() as admin:
        assert (await admin.get(f"/ticket/{ticket.id}")).json()["Priority"] == "70"


async def test_rt_that_was_down_gets_everything_once_it_is_up(bench: Bench, rt: RtPeer) -> None:
    incident = Incident().says("OPENED")
    direct = bench.channel(url=rt.url)
    await bench.tell(incident.story, direct)
    incident = incident.heard().says("MOVED")
    rt.stop()
    try:
        with pytest.raises(Unreachable):
            await bench.tell(incident.story, direct)
    finally:
        rt.start()
    await bench.tell(incident.story, direct)
    ticket = await bench.ticket(incident.id)
    assert (ticket.noted("OPENED"), ticket.noted("MOVED")) == (1, 1)


async def test_a_status_that_rt_does_not_take_is_said_with_its_reason(bench: Bench) -> None:
    statuses = {"open": "bogus", "waiting": "open", "contained": "open", "failed": "open"}
    channel = bench.channel(statuses={**statuses, "resolved": "resolved"})
    with pytest.raises(Rejected, match="isn't a valid status"):
        await bench.tell(Incident().says("OPENED").story, channel)
