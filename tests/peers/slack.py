"""The Slack emulator as a peer: its Web API behind a thin front that adds what it lacks.

The emulator (npm ``emulate``) keeps channels, threads, messages with metadata, scopes, users and
modals. The front passes every call on, and adds what Slack documents and the emulator leaves out:
Block Kit's limits, ``oldest``, ``latest`` and ``include_all_metadata``, fields of user objects
(guests, other teams, confirmed e-mail), ``apps.connections.open`` with the WebSocket of Socket
Mode, the ``response_url`` of clicks, and 429s, errors and lost answers on demand.
"""

import contextlib
import json
import socket
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import pytest
from aiohttp import web

from tests.peers import node
from tests.peers.daemons import start, until
from tests.peers.slack_limits import misfit
from tests.peers.slack_socket import Lines

BOT, ADMIN, APP = "xoxb-firebreak", "xoxb-tests", "xapp-1-firebreak"
# What docs/how-to/slack.md asks for, and nothing more: the emulator refuses what needs more.
SCOPES = ("chat:write", "users:read", "users:read.email", "channels:history", "channels:read")
_ADMIN_SCOPES = (*SCOPES, "channels:manage", "channels:write", "chat:write")
TEAM = "T000000001"
SIGNING = "8f742231b10e8888abcd99yyyzzz85a5"

_SEED = f"""
tokens:
  {BOT}: {{login: firebreak, scopes: [{", ".join(SCOPES)}]}}
  {ADMIN}: {{login: admin, scopes: [{", ".join(_ADMIN_SCOPES)}]}}
slack:
  strict_scopes: true
  users:
    - {{name: firebreak, real_name: Firebreak, email: bot@example.com}}
    - {{name: ana, real_name: Ana Lead, email: ana@example.com}}
    - {{name: ben, real_name: Ben OnCall, email: ben@example.com}}
    - {{name: eve, real_name: Ana Lead, email: eve@example.com}}
  channels:
    - {{name: incidents, topic: containment}}
"""


@pytest.fixture(scope="session")
def slack_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The emulator's own address, once a session."""
    folder = tmp_path_factory.mktemp("slack")
    seed = folder / "seed.yaml"
    seed.write_text(_SEED)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = node.package("emulate") / "dist" / "index.js"
    with contextlib.ExitStack() as stack:
        log = folder / "log"
        argv = [str(node.NODE), str(program), "start", "--service", "slack"]
        start(stack, log, *argv, "--port", str(port), "--seed", str(seed))
        until(lambda: _answers(port), "the Slack emulator", log=log)
        yield f"http://127.0.0.1:{port}"


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass(frozen=True)
class Trouble:
    """What a call meets instead of its answer. ``after``: the emulator has done it all the same."""

    status: int = 200
    error: str = ""
    retry_after: str = ""
    cut: bool = False
    after: bool = False
    spare: bool = False  # this call is let through

    @classmethod
    def none(cls) -> "Trouble":
        """No trouble yet."""
        return cls(spare=True)


@dataclass
class SlackFront:
    """The front of one test: its address, what was called, and what goes wrong."""

    emulator: str
    session: aiohttp.ClientSession
    url: str = ""
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    troubles: dict[str, deque[Trouble]] = field(default_factory=lambda: defaultdict(deque))
    users: dict[str, dict[str, Any]] = field(default_factory=dict)  # by id: what the real one adds
    answers: list[dict[str, Any]] = field(default_factory=list)  # to response_urls
    lines: Lines = field(default_factory=Lines)
    channel: str = ""

    def count(self, method: str) -> int:
        """How often a method was called."""
        return sum(1 for called, _ in self.calls if called == method)

    def fail(self, method: str, *troubles: Trouble) -> None:
        """What the next calls of a method meet."""
        self.troubles[method].extend(troubles)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One call of the Web API."""
        method = request.match_info["method"]
        args = _read(await request.text(), request)
        self.calls.append((method, args))
        trouble = self.troubles[method].popleft() if self.troubles[method] else None
        if trouble and trouble.spare:
            trouble = None
        if trouble and not trouble.after:
            return self._trouble(trouble, request)
        answer = await self._answer(method, args, request.headers.get("Authorization", ""))
        if trouble:
            return self._trouble(trouble, request)
        return web.json_response(answer)

    def _trouble(self, trouble: Trouble, request: web.Request) -> web.Response:
        if trouble.cut:
            assert request.transport is not None
            request.transport.abort()
        headers = {"Retry-After": trouble.retry_after} if trouble.retry_after else {}
        body = {"ok": False, "error": trouble.error}
        return web.json_response(body, status=trouble.status, headers=headers)

    async def _answer(self, method: str, args: dict[str, Any], token: str) -> dict[str, Any]:
        if method == "apps.connections.open":
            if token != f"Bearer {APP}":
                return {"ok": False, "error": "invalid_auth"}
            return {"ok": True, "url": self.lines.ticket(self.url.replace("http", "ws", 1))}
        if problem := misfit(method, args):
            return {"ok": False, "error": "invalid_blocks", "detail": problem}
        known = self.users.get(str(args.get("user"))) if method == "users.info" else None
        if known is not None and "name" in known:  # one that the emulator does not have
            return {"ok": True, "user": known}
        async with self.session.post(
            f"{self.emulator}/api/{method}", json=args, headers={"Authorization": token}
        ) as found:
            answer: dict[str, Any] = await found.json()
        if method == "users.info" and answer.get("ok"):
            extra = {"is_email_confirmed": True, "is_restricted": False, "is_stranger": False}
            answer["user"] = {**answer["user"], **extra, **(known or {})}
        if method in ("conversations.history", "conversations.replies"):
            _documented(answer, args)
        return answer

    async def respond(self, request: web.Request) -> web.Response:
        """A ``response_url``."""
        self.answers.append(await request.json())
        return web.Response(text="ok")

    def response_url(self) -> str:
        """An address like the one that comes with a click."""
        return f"{self.url}/commands/1/2"

    async def admin(self, method: str, token: str = ADMIN, **args: Any) -> dict[str, Any]:
        """Ask the emulator itself, past the front."""
        url, headers = f"{self.emulator}/api/{method}", {"Authorization": f"Bearer {token}"}
        async with self.session.post(url, json=args, headers=headers) as answer:
            found: dict[str, Any] = await answer.json()
        assert found["ok"], found
        return found

    async def messages(self) -> list[dict[str, Any]]:
        """Everything in the test's channel, threads too, oldest first."""
        found: list[dict[str, Any]] = []
        roots = (await self.admin("conversations.history", channel=self.channel))["messages"]
        for root in reversed(roots):
            thread = {"channel": self.channel, "ts": root["ts"]}
            found += (await self.admin("conversations.replies", **thread))["messages"]
        return found

    async def view(self) -> dict[str, Any]:
        """The modal that was opened or updated last."""
        shown = [args for name, args in self.calls if name in ("views.open", "views.update")]
        view = shown[-1]["view"]
        return dict(json.loads(view) if isinstance(view, str) else view)

    async def trigger(self, user: str) -> str:
        """A fresh ``trigger_id``."""
        made = await self.admin("views.generateTriggerId", BOT, user_id=user)
        return str(made["trigger_id"])

    async def user(self, name: str) -> str:
        """The id of a seeded user."""
        members = (await self.admin("users.list"))["members"]
        return str(next(one["id"] for one in members if one["name"] == name))


@pytest.fixture
async def slack(
    slack_emulator: str, slack_tokens: None, request: pytest.FixtureRequest
) -> AsyncIterator[SlackFront]:
    """A front with a channel of its own."""
    del slack_tokens
    async with fronted(slack_emulator) as front:
        name = f"t{abs(hash((request.node.nodeid, front.url)))}"
        front.channel = (await front.admin("conversations.create", name=name))["channel"]["id"]
        yield front


@contextlib.asynccontextmanager
async def fronted(emulator: str, port: int = 0, channel: str = "") -> AsyncIterator[SlackFront]:
    """A front, until the block ends. ``port`` 0: a free one."""
    # Node.js ends an idle line after five seconds, maybe just as the next call goes out on it.
    lines = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=lines) as session:
        front = SlackFront(emulator, session, channel=channel)
        app = web.Application(client_max_size=2**22)
        app.router.add_route("*", "/api/{method}", front.handle)  # the SDK reads with GET
        app.router.add_post("/commands/{a}/{b}", front.respond)
        app.router.add_get("/link", front.lines.serve)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        front.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield front
        finally:
            await front.lines.close()
            await runner.cleanup()


@pytest.fixture
def slack_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_TEST_BOT", BOT)
    monkeypatch.setenv("SLACK_TEST_APP", APP)
    monkeypatch.setenv("SLACK_TEST_SIGNING", SIGNING)


def _read(text: str, request: web.Request) -> dict[str, Any]:
    if "json" in request.content_type:
        found = json.loads(text)
        return found if isinstance(found, dict) else {}
    return dict(parse_qsl(text)) | dict(request.query)


def _documented(answer: dict[str, Any], args: dict[str, Any]) -> None:
    """``oldest``, ``latest``, and metadata only for who asks for it."""
    oldest, latest = float(args.get("oldest") or 0), float(args.get("latest") or "inf")
    told = str(args.get("include_all_metadata", "")).lower() in ("1", "true")
    kept = [one for one in answer.get("messages", []) if oldest <= float(one["ts"]) <= latest]
    if not told:
        kept = [{name: one[name] for name in one if name != "metadata"} for one in kept]
    answer["messages"] = kept
