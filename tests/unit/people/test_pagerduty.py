"""On-calls are asked for as documented, and believed only as far as that goes."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue

from firebreak.contracts.people import OnCall
from firebreak.domain.rota import PagerDutySchedule
from firebreak.errors import (
    AuthFailed,
    DefinitionError,
    FirebreakError,
    RateLimited,
    Rejected,
    Unreachable,
)
from firebreak.people.standing import RETRY_S, StandingOnCall
from integrations.oncall.pagerduty import PagerDutyOnCall
from tests.conformance.bench import Fault
from tests.documented.pagerduty import TOKEN, PagerDuty, entry, pagerduty
from tests.documented.service import Service
from tests.unit.people.writing import Clock, utc

SINCE, UNTIL = utc("2026-01-06T00:00"), utc("2026-01-06T04:00")
BEGIN, END = utc("2026-01-05T08:00"), utc("2026-01-12T08:00")


@dataclass
class Bench:
    vendor: PagerDuty
    service: Service

    def schedule(self, **more: object) -> PagerDutySchedule:
        common = {"url": self.service.url, "ca_file": self.service.ca_file}
        named = {"schedule": "PSCHED1", "token": "env:PD_TOKEN"}
        return PagerDutySchedule.model_validate({**common, **named, **more})

    async def ask(self, **more: object) -> list[OnCall]:
        source = PagerDutyOnCall(self.schedule(**more))
        try:
            return list(await source.on_call(SINCE, UNTIL))
        finally:
            await source.close()


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setenv("PD_TOKEN", TOKEN)
    async with pagerduty(tmp_path) as (vendor, service):
        yield Bench(vendor, service)


async def test_on_calls_are_asked_for_as_documented(bench: Bench) -> None:
    bench.vendor.oncalls = [entry("PUSERA", "ops-a@example.com"), entry("PUSERB", end=None)]
    assert await bench.ask() == [
        OnCall("PUSERA", "ops-a@example.com", BEGIN, END),
        OnCall("PUSERB", "", BEGIN, None),
    ]
    (request,) = bench.vendor.requests
    assert request.headers["accept"] == "application/vnd.pagerduty+json;version=2"
    assert dict(request.query_params) == {
        "schedule_ids[]": "PSCHED1",
        "include[]": "users",
        "since": "2026-01-06T00:00:00+00:00",
        "until": "2026-01-06T04:00:00+00:00",
        "time_zone": "UTC",
        "limit": "100",
        "offset": "0",
    }


async def test_a_schedule_in_several_escalation_policies_gives_each_person_once(
    bench: Bench,
) -> None:
    bench.vendor.oncalls = [entry("PUSERA"), entry("PUSERA", escalation_level=2), entry("PUSERB")]
    assert [call.account for call in await bench.ask()] == ["PUSERA", "PUSERB"]


async def test_who_is_on_call_by_something_else_does_not_count(bench: Bench) -> None:
    bench.vendor.oncalls = [entry("PX", schedule="POTHER"), entry("PY", schedule=None)]
    assert await bench.ask() == []


async def test_all_pages_are_read(bench: Bench) -> None:
    bench.vendor.oncalls = [entry(f"PUSER{number}") for number in range(230)]
    assert len(await bench.ask()) == 230
    assert [r.query_params["offset"] for r in bench.vendor.requests] == ["0", "100", "200"]


async def test_pages_without_end_are_not_read_for_ever(bench: Bench) -> None:
    bench.vendor.endless = True
    with pytest.raises(Rejected, match="more than 2000"):
        await bench.ask()
    assert len(bench.vendor.requests) == 20


async def test_a_key_that_is_not_accepted_is_said_without_the_key(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PD_TOKEN", "another-key")
    with pytest.raises(AuthFailed) as caught:
        await bench.ask()
    assert "another-key" not in str(caught.value)
    monkeypatch.delenv("PD_TOKEN")
    with pytest.raises(AuthFailed, match="env:PD_TOKEN is not set"):
        await bench.ask()


async def test_patience_is_asked_for_with_its_time(bench: Bench) -> None:
    bench.service.throttles = frozenset({"GET"})
    bench.service.retry_after = "42"
    with pytest.raises(RateLimited) as caught:
        await bench.ask()
    assert caught.value.after_s == 42


@pytest.mark.parametrize(
    ("fault", "error"), [(Fault.HANG, Unreachable), (Fault.UNREACHABLE, Unreachable)]
)
async def test_silence_is_no_answer(
    bench: Bench, fault: Fault, error: type[FirebreakError]
) -> None:
    await bench.service.break_with(fault)
    with pytest.raises(error):
        await bench.ask(timeout_s=0.3)


async def test_an_impostor_is_not_given_the_key(bench: Bench) -> None:
    await bench.service.break_with(Fault.CHANGED_IDENTITY)
    with pytest.raises(AuthFailed, match="certificate"):
        await bench.ask()
    assert bench.vendor.requests == []


async def test_an_outage_is_bridged_by_the_last_answer_until_that_is_too_old(bench: Bench) -> None:
    bench.vendor.oncalls = [entry("PUSERA")]
    clock, schedule = Clock(), bench.schedule(timeout_s=0.3)
    standing = StandingOnCall(
        "PagerDuty", lambda: PagerDutyOnCall(schedule), cache_s=60, keep_s=3600, clock=clock
    )
    known = await standing.at(SINCE)
    assert known is not None
    assert [call.account for call in known] == ["PUSERA"]
    await bench.service.break_with(Fault.HANG)
    clock.now += 60
    assert await standing.at(SINCE + timedelta(minutes=1)) == known
    bench.service.fault, bench.service.throttles = None, frozenset({"GET"})
    clock.now += RETRY_S
    assert await standing.at(SINCE + timedelta(minutes=2)) == known
    clock.now += 3600
    assert await standing.at(SINCE + timedelta(minutes=50)) is None
    bench.service.throttles = frozenset()
    clock.now += RETRY_S
    assert await standing.at(SINCE + timedelta(minutes=51)) == known
    await standing.close()


def _page(**changes: JsonValue) -> bytes:
    return json.dumps({"oncalls": [{**entry("PUSERA"), **changes}], "more": False}).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>maintenance</html>",
        b"[]",
        b"null",
        b"{}",
        b'{"oncalls": []}',
        b'{"oncalls": {}, "more": false}',
        b'{"oncalls": [null], "more": false}',
        b'{"oncalls": [{}], "more": false}',
        b"[" * 100_000,
        b'{"oncalls": [], "more": false, "pad": "' + b"x" * 5_000_000 + b'"}',
        _page(user={}),
        _page(user={"id": ""}),
        _page(user={"id": "P" * 101}),
        _page(user={"id": "PUSERA", "email": "x" * 321}),
        _page(user="PUSERA"),
        _page(schedule={"id": 1}),
        _page(start="soon"),
        _page(start="2026-01-05T08:00:00"),
        _page(end=[]),
        json.dumps({"oncalls": [entry("PUSERA")] * 101, "more": False}).encode(),
    ],
)
async def test_what_is_not_in_the_documented_shape_is_refused(bench: Bench, body: bytes) -> None:
    bench.vendor.body = body
    with pytest.raises(Rejected):
        await bench.ask()


async def test_names_that_look_like_ours_are_only_text(bench: Bench) -> None:
    strange = "P\N{CYRILLIC CAPITAL LETTER U}SERA\x00\N{RIGHT-TO-LEFT OVERRIDE}"
    bench.vendor.oncalls = [entry(strange, "{{7*7}}")]
    assert await bench.ask() == [OnCall(strange, "{{7*7}}", BEGIN, END)]


async def test_a_call_longer_than_the_question_is_whole(bench: Bench) -> None:
    bench.vendor.oncalls = [entry("PUSERA", start=None)]
    (call,) = await bench.ask()
    assert call.since is None
    assert call.until == END > UNTIL + timedelta(days=1)


def test_an_authority_that_cannot_be_read_does_not_start(tmp_path: Path) -> None:
    schedule = PagerDutySchedule(schedule="P1", token="env:T", ca_file=str(tmp_path / "none.pem"))
    with pytest.raises(DefinitionError, match="CA certificate"):
        PagerDutyOnCall(schedule)
