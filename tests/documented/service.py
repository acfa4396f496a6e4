"""A vendor's HTTPS API in this process, and every way in which it can have a bad day."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firebreak.cyber_range.certificates import Authority
from firebreak.domain.base import JsonObject
from tests.conformance.bench import Fault

_CHANGES = {"PUT", "PATCH", "POST", "DELETE"}
_HOST = "127.0.0.1"


class Quiet(uvicorn.Server):
    """A server that leaves the signal handlers of the tests alone and stops when it is told to."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.told = asyncio.Event()

    async def main_loop(self) -> None:
        await self.told.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass
class Service:
    """A vendor's app behind TLS.

    Args:
        app: the vendor's API.
        login: the path whose POST is a login and no change.
        refusal: the status and body of a change that is turned down, as the vendor words it.
        strikes: faults of changes strike only where the path holds this.
    """

    app: Starlette
    folder: Path
    refusal: tuple[int, JsonObject]
    login: str = ""
    strikes: str = ""
    fault: Fault | None = None
    throttles: frozenset[str] = frozenset()  # methods that are answered 429
    retry_after: str = "7"
    port: int = 0  # 0: a free one
    tried: int = 0
    requests: list[str] = field(default_factory=list)
    _servers: dict[str, tuple[Quiet, asyncio.Task[None]]] = field(default_factory=dict)

    @property
    def ca_file(self) -> str:
        """The authority that clients are told to trust."""
        return str(Authority(self.folder / "trusted", "trusted").ca_file)

    @property
    def url(self) -> str:
        """Where clients find it now: itself, an impostor with another certificate, or nobody."""
        if self.fault is Fault.UNREACHABLE:
            return f"https://{_HOST}:{_closed_port()}"
        server, _ = self._servers["other" if self.fault is Fault.CHANGED_IDENTITY else "trusted"]
        host, port = server.servers[0].sockets[0].getsockname()[:2]
        return f"https://{host}:{port}"

    def connections(self) -> int:
        """How many connections are open."""
        return sum(len(server.server_state.connections) for server, _ in self._servers.values())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, on a good day or a bad one."""
        self.requests.append(f"{scope['method']} {scope['path']}")
        if scope["method"] in self.throttles:
            headers = {"Retry-After": self.retry_after}
            busy = JSONResponse({"errors": ["slow down"]}, HTTPStatus.TOO_MANY_REQUESTS, headers)
            await busy(scope, receive, send)
            return
        tries = any(name == b"authorization" for name, _ in scope["headers"])
        logs_in = scope["path"] == self.login
        self.tried += tries or logs_in
        change = scope["method"] in _CHANGES and not logs_in and self.strikes in scope["path"]
        match self.fault:
            case Fault.HANG:
                await _until_gone(receive)
            case Fault.REFUSE_WRITE if change:
                status, body = self.refusal
                await JSONResponse(body, status)(scope, receive, send)
            case Fault.CUT_BEFORE_WRITE if change:
                self._cut(scope)
            case Fault.CUT_AFTER_WRITE if change:
                await self.app(scope, receive, _swallow)
                self._cut(scope)
            case Fault.HANG_AFTER_WRITE if change:
                await self.app(scope, receive, _swallow)
                await _until_gone(receive)
            case _:
                await self.app(scope, receive, send)

    def _cut(self, scope: Scope) -> None:
        for server, _ in self._servers.values():
            for protocol in server.server_state.connections:
                connection: Any = protocol  # uvicorn's protocols share these by convention only
                if connection.client == tuple(scope["client"]):
                    connection.transport.abort()

    async def start(self, authority: str) -> None:
        """Serve with a certificate of that authority."""
        folder = self.folder / authority
        certificate = Authority(folder, authority).issue(_HOST, folder / "server.pem")
        app: ASGIApp = self
        config = uvicorn.Config(
            app,
            host=_HOST,
            port=self.port,
            ssl_certfile=str(certificate),
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_keep_alive=120,
            timeout_graceful_shutdown=1,
        )
        server = Quiet(config)
        task = asyncio.create_task(server.serve())
        self._servers[authority] = server, task
        async with asyncio.timeout(10):
            while not server.started:
                await asyncio.sleep(0.005)

    async def break_with(self, fault: Fault) -> None:
        """Have a bad day from now on."""
        if fault is Fault.CHANGED_IDENTITY:
            await self.start("other")
        self.fault = fault

    async def stop(self) -> None:
        """End every connection and stop."""
        for server, _ in self._servers.values():
            for protocol in tuple(server.server_state.connections):
                connection: Any = protocol
                connection.transport.abort()  # a client in another process keeps its side open
            server.force_exit = True
            server.told.set()
        for _, task in self._servers.values():
            await task


@asynccontextmanager
async def serving(service: Service) -> AsyncIterator[Service]:
    """The service, until the block ends."""
    try:
        await service.start("trusted")
        yield service
    finally:
        await service.stop()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _swallow(message: Message) -> None:
    del message


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
