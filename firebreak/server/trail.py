"""Every request leaves a line in the audit log, whoever handles it and however it ends.

An order by a known principal is written down before it is carried out (``admit``), and its end
before the answer leaves. What only reads, and what detectors post, is written a moment later. What
comes without a credential that counts is counted for each peer.
"""

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from fastapi import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firebreak.domain.people import Principal
from firebreak.errors import FirebreakError
from firebreak.ledger.audit import NOBODY, AuditLog, Line
from firebreak.server.text import printable

VIA = "api"
MAX_PRINCIPAL = 200
MAX_ACTION = 100
MAX_TARGET = 200
INTAKE = "post_alerts"
DRY_RUN = "dry_run"  # a start_response that starts nothing
READING = frozenset({"GET", "HEAD", "OPTIONS"})

_EXEMPT = frozenset({"/healthz", "/metrics"})
_NOT_ALLOWED = 405
_BUG = 500

_log = structlog.get_logger(__name__)


@dataclass
class Visit:
    """What is known of one request so far. ``line``: the number of what was written already.

    ``by``: how the principal was known, ``token`` or ``oidc``. ``action``: where it is another than
    the operation. ``target``: what it is about, where the path does not say.
    """

    principal: str = ""
    by: str = ""
    action: str = ""
    target: str = ""
    error: str = ""
    line: int | None = None


def visit(request: Request) -> Visit:
    """The visit of a request."""
    return visit_of(request.scope)


async def admit(request: Request, principal: Principal, log: AuditLog) -> None:
    """Write an order down before it is carried out; nothing for what only reads.

    Raises:
        LedgerUnavailable: it cannot be written, so it must not be carried out.
    """
    if request.method not in READING and visit(request).line is None:
        visit(request).principal = principal.id
        visit(request).line = await log.begin(_line(request.scope, 0))


class AuditTrail:
    """Writes the line of each request."""

    def __init__(self, app: ASGIApp) -> None:
        """Follow the requests of ``app``."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["path"] in _EXEMPT:
            await self._app(scope, receive, send)
            return
        log: AuditLog = scope["app"].state.services.audit
        written = False

        async def noted(message: Message) -> None:
            nonlocal written
            if message["type"] == "http.response.start" and not written:
                written = True
                await _write(log, scope, message["status"])
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception:
            if not written:
                await _write(log, scope, _BUG)
            raise


async def _write(log: AuditLog, scope: Scope, status: int) -> None:
    line, seen = _line(scope, status), visit_of(scope)
    if line.principal == NOBODY:
        log.stranger(_peer(scope), line)
    elif scope["method"] in READING or line.action == INTAKE:
        log.note(line)
    else:
        try:
            if seen.line is None:
                await log.begin(line)  # refused: nothing was done, and the answer says so anyway
            else:
                await log.end(seen.line, line)
        except FirebreakError as error:
            facts = dataclasses.asdict(line)
            _log.error("audit log cannot be written", why=str(error), **facts)


def _line(scope: Scope, status: int) -> Line:
    seen = visit_of(scope)
    return Line(
        at=datetime.now(UTC),
        principal=printable(seen.principal or NOBODY)[:MAX_PRINCIPAL],
        via=VIA,
        action=(seen.action or _action(scope, status))[:MAX_ACTION],
        target=printable(seen.target or _named(scope))[:MAX_TARGET],
        status=status,
        detail="; ".join(part for part in (seen.error, seen.by, f"from {_peer(scope)}") if part),
    )


def visit_of(scope: Scope) -> Visit:
    """The visit of a request, where there is only its ASGI scope."""
    state = scope.setdefault("state", {})
    found: Visit = state.setdefault("visit", Visit())
    return found


def _action(scope: Scope, status: int) -> str:
    """The operation; for a path that leads nowhere its method alone: a path may hold anything."""
    route = scope.get("route")
    if not isinstance(route, Route):
        return f"{scope['method']} ?"
    operation = str(getattr(route, "operation_id", None) or "")
    if status == _NOT_ALLOWED or not operation:
        return f"{scope['method']} {route.path}"
    return operation


def _named(scope: Scope) -> str:
    return "/".join(str(value) for value in scope.get("path_params", {}).values())


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return printable(str(client[0]))[:64] if client else "somewhere"
