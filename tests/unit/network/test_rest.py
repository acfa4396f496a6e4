import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from firebreak.cyber_range.api_server import ApiServer
from firebreak.cyber_range.faults import Fault, FaultKind
from firebreak.cyber_range.journal import Journal
from firebreak.domain.estate import HttpApi
from firebreak.errors import (
    AuthFailed,
    DefinitionError,
    FirebreakError,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unreachable,
)
from integrations.network.rest import Rest, Shape, Window, segment, unsettled
from integrations.network.rest_auth import Basic, Key, LoginToken
from tests.lines import listening

PASSWORD = "correct-horse-17"


class Said(Shape):
    word: str


class Script(ApiServer):
    """Answers everything with what it is told to, and keeps what it was asked."""

    def __init__(self, folder: Path) -> None:
        super().__init__("script", folder, Journal())
        self.answer = Response('{"word": "yes"}')
        self.answers: dict[str, Response] = {}
        self.asked: list[Request] = []

    def routes(self) -> list[Route]:
        return [
            Route("/write/{rest:path}", self.writing(self._reply), methods=["PUT", "POST"]),
            Route("/{rest:path}", self.reading(self._reply), methods=["GET", "POST"]),
        ]

    def refuse(self, request: Request) -> Response | None:
        self.logins += "authorization" in request.headers
        return None

    def rejection(self, request: Request) -> Response:
        return Response(f"no {request.method}", 422)

    async def _reply(self, request: Request) -> Response:
        self.asked.append(request)
        return self.answers.get(request.url.path, self.answer)


@dataclass
class Bench:
    server: Script
    folder: Path
    made: list[Rest] = field(default_factory=list)

    def rest(self, auth: httpx.Auth | None = None, **api: object) -> Rest:
        known = {"url": self.server.url, "ca_file": str(self.server.ca_file), **api}
        rest = Rest("the script", HttpApi.model_validate(known), auth or self.basic)
        self.made.append(rest)
        return rest

    @property
    def basic(self) -> Basic:
        file = self.folder / "password"
        file.touch(mode=0o600)
        file.write_text(PASSWORD)
        return Basic("firebreak", f"file:{file}")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    server = Script(tmp_path / "script")
    await server.start("127.0.0.1", 0)
    opened = Bench(server, tmp_path)
    yield opened
    for rest in opened.made:
        await rest.close()
    await server.stop()


def reading(seconds: float = 5.0) -> Window:
    return Window.of(seconds)


def sending(seconds: float = 5.0) -> Window:
    return Window.of(seconds, datetime.now(UTC) + timedelta(seconds=seconds))


async def test_what_is_read_comes_in_the_shape_that_was_asked_for(bench: Bench) -> None:
    answer = await bench.rest().read("GET", "/word", reading(), params={"a": "b c"})
    assert answer.shaped(Said).word == "yes"
    asked = bench.server.asked[0]
    assert (asked.url.path, asked.query_params["a"]) == ("/word", "b c")
    assert "yes" not in repr(answer)


@pytest.mark.parametrize(
    "body",
    ['{"word": 1}', "[]", "", "not json", "[" * 100_000, '{"word": "' + PASSWORD, "\xff"],
)
async def test_an_undocumented_shape_is_refused_and_not_quoted(bench: Bench, body: str) -> None:
    bench.server.answer = Response(body.encode("latin-1"))
    answer = await bench.rest().read("GET", "/word", reading())
    with pytest.raises(Rejected, match="undocumented shape") as caught:
        answer.shaped(Said)
    assert PASSWORD not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("status", "read", "write"),
    [
        (401, AuthFailed, AuthFailed),
        (403, AuthFailed, AuthFailed),
        (404, Rejected, Rejected),
        (409, Rejected, Rejected),
        (422, Rejected, Rejected),
        (429, RateLimited, RateLimited),
        (302, Rejected, OutcomeUnknown),
        (500, Unreachable, OutcomeUnknown),
        (502, Unreachable, OutcomeUnknown),
        (503, Unreachable, OutcomeUnknown),
    ],
)
async def test_a_status_means_what_the_taxonomy_says(
    bench: Bench, status: int, read: type[FirebreakError], write: type[FirebreakError]
) -> None:
    bench.server.answer = Response("", status, headers={"Location": "/elsewhere"})
    with pytest.raises(FirebreakError) as said:
        await bench.rest().read("GET", "/word", reading())
    assert type(said.value) is read
    with pytest.raises(FirebreakError) as said:
        await bench.rest().write("PUT", "/write/word", sending())
    assert type(said.value) is write


async def test_an_accepted_status_is_an_answer_with_its_reason(bench: Bench) -> None:
    bench.server.answer = Response('{"message": "no such node"}', 404)
    answer = await bench.rest().read("GET", "/word", reading(), accept=(404,))
    assert (answer.status, answer.reason) == (404, "no such node")


async def test_a_redirect_is_not_followed(bench: Bench) -> None:
    bench.server.answers["/word"] = Response(status_code=307, headers={"Location": "/elsewhere"})
    with pytest.raises(Rejected, match="redirects are not followed"):
        await bench.rest().read("GET", "/word", reading())
    assert [asked.url.path for asked in bench.server.asked] == ["/word"]


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("after", "least", "most"),
    [
        ("7", 7, 7),
        ("0", 1, 1),
        ("86400", 300, 300),
        ("9" * 400, 300, 300),
        ("soon", 5, 5),
        ("in a minute", 1, 60),
        ("Tue, 01 Jan 2030 00:00:00 -0000", 1, 300),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 1, 1),
    ],
    # Not the dates: workers that collect in different seconds would name different tests.
    ids=["seconds", "now", "a day", "endless", "no time", "a minute", "far date", "past date"],
)
async def test_patience_is_asked_for_in_seconds_or_as_a_date_and_is_capped(
    bench: Bench, status: int, after: str, least: float, most: float
) -> None:
    if after == "in a minute":
        after = format_datetime(datetime.now(UTC) + timedelta(minutes=1), usegmt=True)
    bench.server.answer = Response("", status, headers={"Retry-After": after})
    with pytest.raises(RateLimited) as caught:
        await bench.rest().write("PUT", "/write/word", sending())
    assert least <= caught.value.after_s <= most


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('{"message": "bad MAC"}', "bad MAC"),
        ('{"errors": ["vlan must be a number"]}', "vlan must be a number"),
        ('{"errors": [{"field": "vlan", "message": "odd"}]}', "odd"),
        ('{"detail": "denied", "status": 422}', "denied"),
        ('{"ERSResponse": {"operation": "PUT", "messages": [{"title": "taken"}]}}', "taken"),
        ('{"message": "a\\u001b[31m\\r\\nb\\u0000"}', r"a \[31m b$"),
        ('{"message": "%s"}' % ("x" * 5000), "x{200}$"),
        ("<html>", "no reason given"),
        ("[" * 100_000, "no reason given"),
        ('{"message": {"message": {"message": {"message": {"message": "deep"}}}}}', "no reason"),
    ],
)
async def test_a_refusal_gives_the_reason_short_and_clean(
    bench: Bench, body: str, told: str
) -> None:
    bench.server.answer = Response(body, 422)
    with pytest.raises(Rejected, match=told):
        await bench.rest().write("PUT", "/write/word", sending())


async def test_a_credential_that_a_system_echoes_is_not_told(bench: Bench) -> None:
    async def told(auth: httpx.Auth) -> str:
        with pytest.raises(Rejected) as caught:
            await bench.rest(auth).read("GET", "/word", reading())
        return str(caught.value)

    bench.server.answer = Response(f'{{"message": "wrong: {PASSWORD}!"}}', 400)
    assert "[credential]" in await told(bench.basic)
    assert PASSWORD not in await told(bench.basic)
    assert PASSWORD not in await told(Key(f"file:{bench.folder / 'password'}", "Bearer "))


async def test_no_credential_shows_in_logs_or_reprs(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    rest = bench.rest()
    await rest.read("GET", "/word", reading())
    await bench.server.inject(Fault(FaultKind.WRONG_CERTIFICATE))
    with pytest.raises(AuthFailed) as caught:
        await bench.rest().read("GET", "/word", reading())
    shown = caplog.text + repr(rest) + repr(rest.__dict__) + repr(caught.value)
    assert PASSWORD not in shown
    assert bench.server.asked[0].headers["authorization"] not in shown


async def test_a_certificate_of_another_authority_gets_no_credential(bench: Bench) -> None:
    await bench.server.inject(Fault(FaultKind.WRONG_CERTIFICATE))
    with pytest.raises(AuthFailed, match=r"certificate of the script is not trusted: \w+"):
        await bench.rest().write("PUT", "/write/word", sending())
    assert not bench.server.asked


async def test_a_certificate_for_another_host_is_not_trusted(bench: Bench) -> None:
    port = bench.server.address[1]
    with pytest.raises(AuthFailed, match="not trusted"):
        await bench.rest(url=f"https://localhost:{port}").read("GET", "/word", reading())


async def test_the_systems_own_authorities_do_not_count_when_the_estate_names_one(
    bench: Bench,
) -> None:
    with pytest.raises(AuthFailed, match="not trusted"):
        await bench.rest(ca_file=None).read("GET", "/word", reading())


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_file_without_a_certificate_is_told_at_once(
    tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    api = HttpApi(url="https://127.0.0.1", ca_file=str(file))
    with pytest.raises(DefinitionError, match=r"no CA certificate .*ca\.pem"):
        Rest("the script", api, httpx.Auth())


async def test_a_proxy_of_the_environment_is_not_used(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    answer = await bench.rest().read("GET", "/word", reading())
    assert answer.status == 200


async def test_an_answer_without_end_is_not_read(bench: Bench) -> None:
    bench.server.answer = Response(b"x" * (5 * 2**20))
    with pytest.raises(Rejected, match="larger than"):
        await bench.rest().read("GET", "/word", reading(30))
    with pytest.raises(OutcomeUnknown):
        await bench.rest().write("PUT", "/write/word", sending(30))


async def test_an_answer_that_was_compressed_unasked_is_not_unpacked(bench: Bench) -> None:
    bench.server.answer = Response(b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
    with pytest.raises(Rejected, match="compressed"):
        await bench.rest().read("GET", "/word", reading())


@pytest.mark.parametrize(
    ("kind", "error", "arrived"),
    [
        (FaultKind.HANG_AFTER_WRITE, OutcomeUnknown, 1),
        (FaultKind.HANG_BEFORE_WRITE, OutcomeUnknown, 0),
        (FaultKind.DROP_AFTER_WRITE, OutcomeUnknown, 1),
        (FaultKind.DROP_BEFORE_WRITE, OutcomeUnknown, 0),
        (FaultKind.REFUSE, Unreachable, 0),
    ],
)
async def test_silence_after_a_write_is_never_called_unreachable(
    bench: Bench, kind: FaultKind, error: type[FirebreakError], arrived: int
) -> None:
    rest = bench.rest()
    await rest.read("GET", "/word", reading())
    await bench.server.inject(Fault(kind))
    with pytest.raises(error):
        await rest.write("PUT", "/write/word", sending(0.4))
    assert len(bench.server.asked) == 1 + arrived


async def test_a_question_that_hangs_is_let_go_at_the_deadline(bench: Bench) -> None:
    await bench.server.inject(Fault(FaultKind.HANG))
    began = time.monotonic()
    with pytest.raises(Unreachable):
        await bench.rest().read("GET", "/word", reading(0.3))
    assert time.monotonic() - began < 4


async def test_an_answer_that_drips_is_let_go_at_the_deadline(bench: Bench) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        with contextlib.suppress(ConnectionError):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            for _ in range(100):
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.05)
        writer.close()

    assert bench.server._config is not None
    tls = bench.server._config.ssl
    async with listening(drip, tls) as port:
        rest = bench.rest(url=f"https://127.0.0.1:{port}")
        began = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            await rest.write("PUT", "/write/word", sending(0.4))
        assert time.monotonic() - began < 4
        await rest.close()


async def test_nothing_is_sent_after_send_by(bench: Bench) -> None:
    rest = bench.rest()
    await rest.read("GET", "/word", reading())
    for window in (reading(), Window.of(5, datetime.now(UTC) - timedelta(seconds=1))):
        with pytest.raises(Unreachable, match="time for sending has passed"):
            await rest.write("PUT", "/write/word", window)
    assert len(bench.server.asked) == 1


async def test_time_that_runs_out_while_connecting_stops_the_change_at_the_door(
    bench: Bench,
) -> None:
    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.3)
        inner_reader, inner_writer = await asyncio.open_connection(*bench.server.address)

        async def pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            try:
                with contextlib.suppress(ConnectionError):
                    while data := await source.read(4096):
                        sink.write(data)
            finally:
                sink.close()

        await asyncio.gather(pipe(reader, inner_writer), pipe(inner_reader, writer))

    async with listening(slowly) as port:
        now = time.monotonic()
        rest = bench.rest(url=f"https://127.0.0.1:{port}")
        with pytest.raises(Unreachable, match="time for sending has passed"):
            await rest.write("PUT", "/write/word", Window(ends=now + 5, send_by=now + 0.1))
        await rest.close()
    assert not bench.server.asked


def test_a_failure_to_look_after_a_change_is_unknown() -> None:
    with pytest.raises(OutcomeUnknown, match="its effect not seen: away"), unsettled("a change"):
        raise Unreachable("away")


def test_a_segment_cannot_leave_its_place() -> None:
    assert segment("../a b?c#d:e") == "..%2Fa%20b%3Fc%23d%3Ae"


class TestLoginToken:
    def auth(self, bench: Bench) -> LoginToken:
        def login() -> httpx.Request:
            return httpx.Request("POST", f"{bench.server.url}/login", json={"password": PASSWORD})

        return LoginToken("the script", login, lambda a: Said.model_validate_json(a.content).word)

    def paths(self, bench: Bench) -> list[str]:
        return [asked.url.path for asked in bench.server.asked]

    async def test_one_login_serves_many_requests(self, bench: Bench) -> None:
        bench.server.answers["/login"] = Response('{"word": "token-1"}')
        rest = bench.rest(self.auth(bench))
        for _ in range(3):
            await rest.read("GET", "/word", reading())
        assert self.paths(bench) == ["/login", "/word", "/word", "/word"]
        assert bench.server.asked[-1].headers["authorization"] == "token-1"

    async def test_a_refused_token_is_asked_for_once_more(self, bench: Bench) -> None:
        rest = bench.rest(self.auth(bench))
        await rest.read("GET", "/word", reading())
        bench.server.answers["/write/word"] = Response(status_code=401)
        with pytest.raises(AuthFailed):
            await rest.write("PUT", "/write/word", sending())
        assert self.paths(bench)[2:] == ["/write/word", "/login", "/write/word"]

    @pytest.mark.parametrize(
        ("status", "error"),
        [(400, AuthFailed), (401, AuthFailed), (429, RateLimited), (500, Unreachable)],
    )
    async def test_a_login_that_fails_sends_no_change(
        self, bench: Bench, status: int, error: type[FirebreakError]
    ) -> None:
        body = f'{{"message": "{PASSWORD} is wrong"}}'
        bench.server.answers["/login"] = Response(body, status)
        with pytest.raises(error) as caught:
            await bench.rest(self.auth(bench)).write("PUT", "/write/word", sending())
        assert self.paths(bench) == ["/login"]
        assert PASSWORD not in str(caught.value)
