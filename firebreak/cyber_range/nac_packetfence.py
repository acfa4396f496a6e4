"""A PacketFence-like API: login, node, security events.

Written after PacketFence's own controllers (their behavior, none of their code), not from a running
PacketFence.
"""

import hmac
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from firebreak.cyber_range.api_server import ApiServer, body_of
from firebreak.cyber_range.faults import FaultKind
from firebreak.cyber_range.journal import Journal
from firebreak.cyber_range.nac_sessions import NacSessions
from firebreak.domain.device import normalize_mac

ISOLATION = "isolation"
_NODE = "/api/v1/node/{mac}"
_NEVER = "0000-00-00 00:00:00"


@dataclass(frozen=True)
class PacketFenceSetup:
    """Who may log in, and which security event has the action that isolates."""

    username: str
    password: str = field(repr=False)
    isolates: int = 3000001


@dataclass
class _Row:
    id: int
    mac: str
    event: int
    open: bool = True


class PacketFenceApi(ApiServer):
    """PacketFence as Firebreak sees it."""

    def __init__(
        self,
        name: str,
        setup: PacketFenceSetup,
        sessions: NacSessions,
        folder: Path,
        journal: Journal,
    ) -> None:
        super().__init__(name, folder, journal)
        self.setup = setup
        self._sessions = sessions
        self._rows: list[_Row] = []
        self._tokens: set[str] = set()

    def routes(self) -> list[Route]:
        """The part of the API that isolates a node."""
        read, write = self.reading, self.writing
        return [
            Route("/api/v1/login", self._login, methods=["POST"]),
            Route(_NODE, read(self._node), methods=["GET"]),
            Route(_NODE + "/security_events", read(self._events), methods=["GET"]),
            Route(_NODE + "/apply_security_event", write(self._apply), methods=["PUT"]),
            Route(_NODE + "/close_security_event", write(self._close), methods=["PUT"]),
            Route(_NODE + "/reevaluate_access", write(self._reevaluate), methods=["PUT"]),
        ]

    def open_events(self, mac: str) -> tuple[int, ...]:
        """The classes of a device's open events, one entry a row."""
        return tuple(row.event for row in self._rows if row.open and row.mac == mac)

    def raise_event(self, mac: str, event: int) -> int:
        """What an operator or a rule of PacketFence's own does; returns the row."""
        row = _Row(len(self._rows) + 1, mac, event)
        self._rows.append(row)
        self._reconsider(mac)
        return row.id

    def close_events(self, mac: str, event: int) -> None:
        """Close every open row of a class."""
        for row in self._rows:
            if row.mac == mac and row.event == event:
                row.open = False
        self._reconsider(mac)

    def forget_tokens(self) -> None:
        """As if they had expired."""
        self._tokens.clear()

    def refuse(self, request: Request) -> Response | None:
        """The token, with or without the word Bearer."""
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        known = any(hmac.compare_digest(given.encode(), t.encode()) for t in self._tokens)
        return None if known else _message("Invalid token info", 401)

    def rejection(self, request: Request) -> Response:
        """422 and a reason."""
        return _message(f"cannot do {request.url.path.rpartition('/')[2]}", 422)

    async def _login(self, request: Request) -> Response:
        body = await body_of(request)
        self.logins += 1
        given = body if isinstance(body, dict) else {}
        name, password = (str(given.get(k, "")).encode() for k in ("username", "password"))
        right_name = hmac.compare_digest(name, self.setup.username.encode())
        right_password = hmac.compare_digest(password, self.setup.password.encode())
        struck = self.faults.strike(FaultKind.WRONG_PASSWORD)
        if struck or not (right_name and right_password):
            return _message("Wrong username and password combination", 401)
        token = secrets.token_hex(32)
        self._tokens.add(token)
        return JSONResponse({"token": token})

    async def _node(self, request: Request) -> Response:
        mac = self._known(request)
        if mac is None:
            return _message("Unable to find resource", 404)
        item: dict[str, object] = {"mac": mac, "status": "reg", "category_id": 1}
        place = self._sessions.place(mac)
        if place is not None:
            switch, port = place
            item["locationlog"] = {
                "switch": switch.name,
                "port": port.name,
                "role": ISOLATION if self._sessions.in_quarantine(mac) else "default",
                "vlan": str(port.forwarding.vlan),
                "end_time": _NEVER,
            }
        return JSONResponse({"item": item})

    async def _events(self, request: Request) -> Response:
        mac = self._known(request)
        if mac is None:
            return _message("Unable to find resource", 404)
        items = [
            {"id": row.id, "mac": mac, "security_event_id": row.event, "status": "open"}
            for row in self._rows
            if row.open and row.mac == mac
        ]
        return JSONResponse({"items": items})

    async def _apply(self, request: Request) -> Response:
        mac, event = self._known(request), await _number(request)
        if mac is None or event is None:
            self.note(request, mac or "", took_effect=False)
            return self.rejection(request)
        self.note(request, mac)
        return JSONResponse({"id": self.raise_event(mac, event)})

    async def _close(self, request: Request) -> Response:
        mac, number = self._known(request), await _number(request)
        row = next((row for row in self._rows if row.id == number and row.mac == mac), None)
        if mac is None or row is None:
            self.note(request, mac or "", took_effect=False)
            return _message("Error finding security event", 404)
        self.note(request, mac)
        self.close_events(mac, row.event)
        return JSONResponse({})

    async def _reevaluate(self, request: Request) -> Response:
        mac = self._known(request)
        if mac is None or not self._reconsider(mac):
            return _message("unable reevaluate access", 422)
        return JSONResponse({})

    def _known(self, request: Request) -> str | None:
        try:
            mac = normalize_mac(request.path_params["mac"])
        except ValueError:
            return None
        return mac if self._sessions.node(mac) else None

    def _reconsider(self, mac: str) -> bool:
        """Re-evaluate access; a lie: the switch was told and did nothing."""
        self._sessions.decide(mac, isolated=self.setup.isolates in self.open_events(mac))
        if self.faults.strike(FaultKind.LIE):
            return True
        return self._sessions.reauthorize(mac)


async def _number(request: Request) -> int | None:
    body = await body_of(request)
    given = body.get("security_event_id") if isinstance(body, dict) else None
    text = str(given)
    return int(text) if text.isascii() and text.isdigit() else None


def _message(text: str, status: int) -> Response:
    return JSONResponse({"message": text}, status)
