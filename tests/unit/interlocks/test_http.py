"""HTTP, over real TLS with a certificate authority of the test's own."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from firebreak.cyber_range.api_server import ApiServer
from firebreak.cyber_range.faults import Fault, FaultKind
from firebreak.cyber_range.journal import Journal
from firebreak.errors import AuthFailed, FirebreakError, Rejected, Unreachable
from firebreak.policy.interlocks import Verdict, judge
from integrations.interlocks.http import HttpSource
from tests.unit.interlocks.entries import http

TOKEN = "correct-horse-17"


class Gateway(ApiServer):
    """Answers with what it was told to."""

    def __init__(self, folder: Path) -> None:
        super().__init__("gateway", folder, Journal())
        self.answer = Response()
        self.asked: list[Request] = []

    def routes(self) -> list[Route]:
        return [Route("/{rest:path}", self.reading(self._reply))]

    def refuse(self, request: Request) -> Response | None:
        right = request.headers.get("authorization") == f"Bearer {TOKEN}"
        return None if right else Response("no", status_code=401)

    def rejection(self, request: Request) -> Response:
        return Response(f"no {request.method}", status_code=422)

    def say(self, body: Any) -> None:
        self.answer = Response(body if isinstance(body, bytes) else json.dumps(body))

    async def _reply(self, request: Request) -> Response:
        self.asked.append(request)
        return self.answer


@pytest.fixture
async def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gateway]:
    monkeypatch.setenv("GATEWAY_TOKEN", TOKEN)
    server = Gateway(tmp_path)
    await server.start("127.0.0.1", 0)
    yield server
    await server.stop()


def now(seconds_ago: float = 0) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds_ago)).isoformat()


async def look(gateway: Gateway, **fields: Any) -> Verdict:
    known = {
        "url": f"{gateway.url}/press-3?fields=state",
        "ca_file": str(gateway.ca_file),
        "token": "env:GATEWAY_TOKEN",
        "timeout_s": 1,
    }
    entry = http(**{**known, **fields})
    source = HttpSource(entry)
    try:
        return judge(entry, await source.read(), datetime.now(UTC))
    finally:
        await source.close()


async def test_a_fresh_value_at_its_pointers_is_judged(gateway: Gateway) -> None:
    gateway.say({"line": [{"a/b": "idle"}], "meta": {"~at": now()}})
    pointers = {"value": "/line/0/a~1b", "timestamp": "/meta/~0at"}
    free = await look(gateway, **pointers)
    assert not free.engaged
    assert "fields" not in free.reason  # a query may hold a key
    assert str(gateway.asked[0].url).endswith("/press-3?fields=state")
    gateway.say({"line": [{"a/b": "moving"}], "meta": {"~at": now()}})
    assert (await look(gateway, **pointers)).engaged


async def test_times_may_be_numbers_of_the_unit_that_was_named(gateway: Gateway) -> None:
    seconds = datetime.now(UTC).timestamp()
    gateway.say({"state": "idle", "at": seconds})
    assert not (await look(gateway)).engaged
    assert (await look(gateway, timestamp_unit="ms")).engaged
    gateway.say({"state": "idle", "at": int(seconds * 1000)})
    assert not (await look(gateway, timestamp_unit="ms")).engaged
    assert (await look(gateway)).engaged


@pytest.mark.parametrize(
    "at", [31, -10, "2026-03-10T12:00:00", "now", "", True, None, [], 1e308, -1e308]
)
async def test_another_time_is_engaged(gateway: Gateway, at: object) -> None:
    gateway.say({"state": "idle", "at": now(at) if type(at) is int else at})
    assert (await look(gateway)).engaged


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"idle",
        b'{"state": "idle"}',
        b'{"at": "2026-01-01T00:00:00Z"}',
        b'{"state": "idle", "state": "idle", "at": 0}',
        b'{"state": NaN, "at": 0}',
        b'{"state": Infinity, "at": 0}',
        b"[" * 100_000,
        b'{"state": ' + b"9" * 5000 + b', "at": 0}',
        b"\xff\xfe\x00",
        b"<html>please log in</html>",
        b'{"state": "idle", "at": 0}' + b" " * (5 * 2**20),
    ],
    ids=lambda body: repr(body[:20]),
)
async def test_what_is_no_such_document_is_no_reading(gateway: Gateway, body: bytes) -> None:
    gateway.say(body)
    with pytest.raises(Rejected) as caught:
        await look(gateway)
    assert "please log in" not in str(caught.value)


@pytest.mark.parametrize(
    "pointer", ["/state/x", "/list/2", "/list/-1", "/list/01", "/list/x", "/no"]
)
async def test_a_pointer_into_nothing_is_no_reading(gateway: Gateway, pointer: str) -> None:
    gateway.say({"state": "idle", "list": [1, 2], "at": now()})
    with pytest.raises(Rejected, match="has nothing at"):
        await look(gateway, value=pointer)


async def test_a_redirect_is_not_followed(gateway: Gateway) -> None:
    gateway.answer = RedirectResponse("http://127.0.0.1:1/")
    with pytest.raises(FirebreakError):
        await look(gateway)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (FaultKind.HANG, Unreachable),
        (FaultKind.REFUSE, Unreachable),
        (FaultKind.SERVER_ERROR, Unreachable),
        (FaultKind.WRONG_CERTIFICATE, AuthFailed),
    ],
)
async def test_a_gateway_with_a_bad_day_is_no_reading(
    gateway: Gateway, fault: FaultKind, error: type[FirebreakError]
) -> None:
    gateway.say({"state": "idle", "at": now()})
    await gateway.inject(Fault(kind=fault))
    with pytest.raises(error):
        await look(gateway, timeout_s=0.3)


async def test_a_wrong_token_is_no_reading_and_is_not_quoted(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_TOKEN", "wrong-secret")
    gateway.say({"state": "idle", "at": now()})
    with pytest.raises(AuthFailed) as caught:
        await look(gateway)
    assert "wrong-secret" not in str(caught.value)


async def test_an_authority_that_was_not_named_is_not_trusted(gateway: Gateway) -> None:
    gateway.say({"state": "idle", "at": now()})
    with pytest.raises(AuthFailed, match="not trusted"):
        await look(gateway, ca_file=None)
    assert gateway.asked == []
