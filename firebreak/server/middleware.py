"""What holds for every request, whoever handles it: limits on bodies, and a line in the log."""

import time
from http import HTTPStatus

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firebreak.ledger.audit import NOBODY
from firebreak.server import problems
from firebreak.server.text import printable
from firebreak.server.trail import READING, visit_of

_log = structlog.get_logger(__name__)

_LENGTH_DIGITS = 19


class BodyGuard:
    """Refuses compressed bodies (415) and bodies beyond the limit (413), while they stream in."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        """Guard ``app``."""
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        encoding = headers.get(b"content-encoding", b"identity").strip().lower()
        declared = headers.get(b"content-length", b"")[:_LENGTH_DIGITS]
        if encoding not in (b"", b"identity"):
            refusal = problems.answer(
                415, "bad-input", "compressed bodies are not accepted", "send it uncompressed"
            )
            await refusal(scope, receive, send)
        elif declared.isdigit() and int(declared) > self._max_bytes:
            refusal = problems.answer(413, "bad-input", self._too_large())
            await refusal(scope, receive, send)
        else:
            await self._app(scope, self._counted(receive), send)

    def _counted(self, receive: Receive) -> Receive:
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._max_bytes:
                raise HTTPException(413, self._too_large())
            return message

        return counted

    def _too_large(self) -> str:
        return f"the body is larger than {self._max_bytes} bytes"


class RequestLog:
    """One line for each request that may change something: who, what, and how it ended."""

    def __init__(self, app: ASGIApp) -> None:
        """Log the requests of ``app``."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["method"] in READING:
            await self._app(scope, receive, send)
            return
        status = 0
        began = time.perf_counter()

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception:
            status = HTTPStatus.INTERNAL_SERVER_ERROR  # answered further out
            raise
        finally:
            _log.info(
                "request",
                method=scope["method"],
                path=printable(scope["path"]),
                principal=visit_of(scope).principal or NOBODY,
                status=int(status) or "no answer",
                took_ms=round((time.perf_counter() - began) * 1000, 1),
            )
