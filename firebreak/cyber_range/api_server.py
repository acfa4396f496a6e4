"""A simulated HTTPS API: real TLS under the range's own CA, a journal, and faults on demand."""

import asyncio
import contextlib
import json
import socket
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from firebreak.cyber_range.certificates import Authority
from firebreak.cyber_range.faults import Fault, FaultKind, Faults
from firebreak.cyber_range.journal import Journal, Write
from firebreak.cyber_range.silence import listen

Handler = Callable[[Request], Awaitable[Response]]

_BACKLOG = 64
_MOST_BODY = 2**16


class ApiServer(ABC):
    """One system's API on one address.

    Args:
        name: the system's, in the journal too.
        folder: where its CA and its certificate live.
        journal: takes every write that took effect, and every one that was refused.
    """

    def __init__(self, name: str, folder: Path, journal: Journal) -> None:
        self.name = name
        self.faults = Faults()
        self.logins = 0  # how often a credential was presented, right or wrong
        self.journal = journal
        self._folder = folder
        self._authority = Authority(folder, f"{name} range CA")
        self._impostor = Authority(folder / "impostor", "somebody else's CA")
        self._address = ("", 0)
        self._config: uvicorn.Config | None = None
        self._server: _Server | None = None
        self._running: asyncio.Task[None] | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port it listens on, once started."""
        return self._address

    @property
    def url(self) -> str:
        """``https://host:port``."""
        return f"https://{self._address[0]}:{self._address[1]}"

    @property
    def ca_file(self) -> Path:
        """The certificate to trust."""
        return self._authority.ca_file

    @property
    def sessions(self) -> int:
        """How many connections are open."""
        return len(self._server.server_state.connections) if self._server else 0

    async def start(self, host: str, port: int) -> None:
        """Listen on an IP address; port 0 takes a free one. Raises OSError."""
        sock = listen(host, port, _BACKLOG)
        self._address = (host, sock.getsockname()[1])
        own = self._authority.issue(host, self._folder / "server.pem")
        self._impostor.issue(host, self._folder / "impostor.pem")
        self._config = uvicorn.Config(
            Starlette(routes=self.routes()),
            http="h11",
            ws="none",
            lifespan="off",
            ssl_certfile=own,
            log_config=None,
            access_log=False,
        )
        await self._open(sock)

    async def stop(self) -> None:
        """Break all connections and stop listening."""
        if self._server is None or self._running is None:
            return
        self._server.break_all()
        self._server.should_exit = True
        await self._running
        self._server = self._running = None

    async def inject(self, fault: Fault) -> Fault:
        """Arm a fault, and pull the cable or change the certificate at once when it is that."""
        self.faults.inject(fault)
        await self._face_network()
        return fault

    async def clear(self, kind: FaultKind | None = None) -> None:
        """Disarm one kind of fault, or all."""
        self.faults.clear(kind)
        await self._face_network()

    @abstractmethod
    def routes(self) -> list[Route]:
        """The API, each endpoint made by ``reading`` or ``writing``."""

    @abstractmethod
    def refuse(self, request: Request) -> Response | None:
        """The answer to a request without a valid credential; None lets it in."""

    @abstractmethod
    def rejection(self, request: Request) -> Response:
        """How this system says no to a write."""

    def reading(self, handler: Handler) -> Handler:
        """An endpoint that changes nothing."""

        async def endpoint(request: Request) -> Response:
            return await self._before(request) or await handler(request)

        return endpoint

    def writing(self, handler: Handler) -> Handler:
        """An endpoint that changes something; ``handler`` journals what took effect."""

        async def endpoint(request: Request) -> Response:
            return await self._before(request) or await self._write(request, handler)

        return endpoint

    def note(self, request: Request, mac: str, *, took_effect: bool = True) -> None:
        """Journal a write."""
        self.journal.append(
            Write(
                switch=self.name,
                session=f"{request.client.port}" if request.client else "",
                user=self.name,
                kind="config" if took_effect else "refused",
                command=f"{request.method} {request.url.path}",
                port=mac,
            )
        )

    async def _before(self, request: Request) -> Response | None:
        if slow := self.faults.strike(FaultKind.SLOW, request.url.path):
            await asyncio.sleep(slow.delay_s)
        if self.faults.strike(FaultKind.HANG, request.url.path):
            return await self._hang(request)
        if throttle := self.faults.strike(FaultKind.THROTTLE, request.url.path):
            return Response(status_code=429, headers={"Retry-After": f"{throttle.delay_s:.0f}"})
        if self.faults.strike(FaultKind.SERVER_ERROR, request.url.path):
            return Response("it broke", status_code=500)
        return self.refuse(request)

    async def _write(self, request: Request, handler: Handler) -> Response:
        path = request.url.path
        if self.faults.strike(FaultKind.REJECT_WRITE, path):
            self.note(request, "", took_effect=False)
            return self.rejection(request)
        if self.faults.strike(FaultKind.DROP_BEFORE_WRITE, path):
            return self._cut(request)
        if self.faults.strike(FaultKind.HANG_BEFORE_WRITE, path):
            return await self._hang(request)
        response = await handler(request)
        if self.faults.strike(FaultKind.DROP_AFTER_WRITE, path):
            return self._cut(request)
        if self.faults.strike(FaultKind.HANG_AFTER_WRITE, path):
            return await self._hang(request)
        return response

    def _cut(self, request: Request) -> Response:
        if self._server is not None:
            self._server.break_all(request.scope["client"])
        return Response(status_code=500)  # to nobody

    async def _hang(self, request: Request) -> Response:
        """Take the request and say nothing until the caller gives up."""
        with contextlib.suppress(ClientDisconnect):
            while (await request.receive())["type"] != "http.disconnect":
                pass
        return Response(status_code=500)  # to nobody

    async def _face_network(self) -> None:
        """Bring the listener into line with the faults of the cable and of the certificate."""
        if self._config is None:
            return
        if self.faults.armed(FaultKind.REFUSE):
            await self.stop()
        elif self._server is None:
            await self._open(listen(*self._address, _BACKLOG))
        if self._config.ssl is not None:
            wrong = self.faults.armed(FaultKind.WRONG_CERTIFICATE)
            name = "impostor.pem" if wrong else "server.pem"
            self._config.ssl.load_cert_chain(self._folder / name)
            if wrong and self._server is not None:
                self._server.break_all()

    async def _open(self, sock: socket.socket) -> None:
        if self._config is None:
            raise RuntimeError("the server was never started")
        self._server = _Server(self._config)
        self._running = asyncio.create_task(self._server.serve([sock]))
        await self._server.listening.wait()


class _Server(uvicorn.Server):
    """uvicorn inside another program: it leaves signals alone, and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the range's."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        self.listening.set()

    def break_all(self, client: tuple[str, int] | None = None) -> None:
        """Cut every connection, or only a client's."""
        for connection in list(self.server_state.connections):
            if client is None or connection.transport.get_extra_info("peername") == client:
                connection.transport.abort()


async def body_of(request: Request) -> object:
    """The JSON body, or None when it is none or too large."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > _MOST_BODY:
            return None
    try:
        return json.loads(content)
    except ValueError:
        return None
