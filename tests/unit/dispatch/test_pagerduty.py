"""PagerDuty: a page when people must answer, acknowledged when one did, resolved at the end."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firebreak.contracts.people import Channel, Story
from firebreak.domain.base import JsonObject
from firebreak.domain.people import ApprovalState, Principal, Verdict, Vote
from firebreak.domain.record import JOURNAL, Kind, NewEntry
from firebreak.errors import Rejected
from firebreak.ledger.store import SqlLedger
from integrations.paging.pagerduty_events import build
from integrations.paging.pages import page_key
from tests.conformance.bench import Fault
from tests.documented.service import Service
from tests.unit.dispatch.receivers import (
    ROUTING_KEY,
    PagerDutyService,
    given,
    secret_file,
    served,
)
from tests.unit.dispatch.stories import keeping, story
from tests.unit.dispatch.theater import (
    approval,
    asks,
    chain,
    ended,
    new,
    opened,
    playing,
    rules,
    settled,
    until,
)

ASKED = page_key(f"{chain(1)}.1")
ALARM = page_key(chain(1))


@pytest.fixture
def pagerduty() -> PagerDutyService:
    return PagerDutyService()


@pytest.fixture
async def service(pagerduty: PagerDutyService, tmp_path: Path) -> AsyncIterator[Service]:
    async with served(pagerduty.app, tmp_path / "tls") as running:
        yield running


@pytest.fixture
async def channel(service: Service, tmp_path: Path) -> AsyncIterator[Channel]:
    config: JsonObject = {
        "url": service.url,
        "ca_file": service.ca_file,
        "routing_key": secret_file(tmp_path, ROUTING_KEY),
        "timeout_s": 1.0,
    }
    built = build("pager", config, given(tmp_path))
    yield built
    await built.close()


async def told(channel: Channel, what: Story, known: JsonObject | None = None) -> JsonObject:
    kept, keep = keeping()
    known = await channel.tell(what, known or {}, keep)
    assert not kept or kept[-1] == known
    return known


def voted() -> Vote:
    who = Principal(id="bo", roles=frozenset({"on-call"}))
    asked = approval()
    return Vote(
        approval=asked.id,
        plan_hash=asked.plan_hash,
        who=who,
        verdict=Verdict.APPROVE,
        at=asked.requested_at,
    )


async def test_a_request_pages_is_acknowledged_by_an_answer_and_resolved_at_its_end(
    channel: Channel, pagerduty: PagerDutyService
) -> None:
    known = await told(channel, story())
    assert pagerduty.alerts == {ASKED: "triggered"}
    answered = approval().model_copy(update={"votes": (voted(),)})
    known = await told(channel, story(told=2, approvals=(answered,)), known)
    assert pagerduty.alerts == {ASKED: "acknowledged"}
    known = await told(channel, story(told=2, approvals=(answered,)), known)
    done = answered.model_copy(update={"state": ApprovalState.APPROVED})
    known = await told(channel, story(told=2, approvals=(done,)), known)
    assert pagerduty.alerts == {ASKED: "resolved"}
    assert known == {"opened": {}}
    assert [e["event_action"] for e in pagerduty.events] == ["trigger", "acknowledge", "resolve"]


async def test_the_page_says_what_matters_in_1024_characters(
    channel: Channel, pagerduty: PagerDutyService
) -> None:
    hostile = "{{ 7*7 }}\r\n<script>\u202e\0" + "x" * 1_000_000
    await told(channel, story(hostile))
    (event,) = pagerduty.events
    payload = event["payload"]
    assert len(payload["summary"]) <= 1024
    assert payload["summary"].startswith("cam-1: {{ 7*7 }} <script>")
    assert not any(c in payload["summary"] for c in "\r\n\u202e\0")
    assert payload["severity"] == "error"
    assert event["links"] == [
        {"href": f"https://firebreak.example.org/incidents/{chain(1)}", "text": "The record"}
    ]


async def test_what_was_answered_while_nobody_could_be_paged_pages_nobody(
    channel: Channel, pagerduty: PagerDutyService
) -> None:
    entries = (opened(), asks(), settled())
    await told(channel, story(entries=entries, approvals=(approval(1, ApprovalState.APPROVED),)))
    assert pagerduty.events == []


async def test_a_stuck_hold_pages_until_the_end_and_a_bad_end_pages_for_good(
    channel: Channel, pagerduty: PagerDutyService
) -> None:
    stuck = new(Kind.HOLD_STUCK, "stuck", hold="hold/cam-1/network.quarantine", detail="no line")
    known = await told(channel, story(entries=(opened(), stuck), approvals=()))
    assert pagerduty.alerts == {ALARM: "triggered"}
    over = story(entries=(opened(), stuck, ended()), told=2, approvals=(), status="completed")
    await told(channel, over, known)
    assert pagerduty.alerts == {ALARM: "resolved"}
    failed = new(Kind.CLOSED, "closed", status="failed", contained=False, detail="")
    bad = story(entries=(opened(), failed), approvals=(), status="failed")
    known = await told(channel, bad)
    assert pagerduty.alerts == {ALARM: "triggered"}
    assert known == {"opened": {ALARM: "trigger"}}


async def test_a_halt_pages_until_it_is_lifted(
    channel: Channel, pagerduty: PagerDutyService
) -> None:
    def journal(kind: Kind, key: str, site: str | None) -> NewEntry:
        entry = new(kind, key, halt=key, site=site, reason="drill")
        return entry.model_copy(update={"incident": JOURNAL})

    halts = (journal(Kind.HALTED, "a", "plant"), journal(Kind.HALTED, "b", None))
    first = story(entries=halts, approvals=())
    known = await told(channel, Story(**{**vars(first), "incident": None}))
    lifted = story(entries=(*halts, journal(Kind.RESUMED, "c", None)), told=2, approvals=())
    await told(channel, Story(**{**vars(lifted), "incident": None}), known)
    assert list(pagerduty.alerts.values()) == ["triggered", "resolved"]


async def test_a_refusal_never_shows_the_routing_key(channel: Channel, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("another-key-4711")
    with pytest.raises(Rejected, match=r"\[routing key\] is not valid") as refused:
        await told(channel, story())
    assert "4711" not in str(refused.value)


async def test_after_an_outage_people_are_paged_once(
    channel: Channel, service: Service, pagerduty: PagerDutyService, ledger: SqlLedger
) -> None:
    await service.break_with(Fault.CUT_BEFORE_WRITE)
    async with playing(ledger, (rules("pager"), channel)) as dispatcher:
        await ledger.append(opened(), asks())

        async def failed_twice() -> bool:
            return dispatcher.statuses()[0].failures >= 2

        await until(failed_twice)
        await service.break_with(Fault.CUT_AFTER_WRITE)  # taken, and its answer lost
        await until_paged(pagerduty)
        service.fault = None

        async def nothing_waits() -> bool:
            return dispatcher.statuses()[0].backlog == 0

        await until(nothing_waits)
    assert pagerduty.alerts == {ASKED: "triggered"}


async def until_paged(pagerduty: PagerDutyService) -> None:
    async def paged() -> bool:
        return bool(pagerduty.alerts)

    await until(paged)


def test_keys_stay_within_255_characters() -> None:
    assert len(page_key("x" * 400)) <= 255
    assert page_key("x" * 400) != page_key("x" * 401)
