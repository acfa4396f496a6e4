"""Receivers of what channels send: a webhook's, and PagerDuty's as it is documented."""

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from firebreak.contracts.channels import ChannelTools
from firebreak.settings import Settings
from firebreak.wiring.channels import tools
from integrations.notify.webhook import SIGNATURE
from tests.documented.service import Service, serving

SECRET = "hunter2-hunter2"
ROUTING_KEY = "R0UT1NGKEY0000000000000000000000"


@dataclass
class Receiver:
    """Remembers requests; a repeat of an idempotency key is counted and not taken again."""

    taken: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    redirect: str = ""

    async def take(self, request: Request) -> Response:
        if self.redirect:
            return RedirectResponse(self.redirect, 307)
        body = await request.body()
        self.headers.append(dict(request.headers))
        if not signed(request.headers.get(SIGNATURE, ""), body):
            return JSONResponse({"error": "who are you?"}, 401)
        key = request.headers["idempotency-key"]
        if key not in self.keys:
            self.taken.append(json.loads(body))
        self.keys.append(key)
        return Response(status_code=204)

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{rest:path}", self.take, methods=["POST"])])


def signed(header: str, body: bytes) -> bool:
    """What docs/how-to/channels.md tells a receiver to check."""
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    at, given = parts.get("t", ""), parts.get("v1", "")
    if not at.isdigit() or abs(time.time() - int(at)) > 300:
        return False
    expected = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, given)


@dataclass
class PagerDutyService:
    """Alerts by dedup_key, as Events API v2 keeps them."""

    alerts: dict[str, str] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)

    async def enqueue(self, request: Request) -> Response:
        event = await request.json()
        if event.get("routing_key") != ROUTING_KEY:
            said = f"Routing key {event.get('routing_key')} is not valid"
            return JSONResponse({"status": "invalid event", "message": said}, 400)
        self.events.append(event)
        state = {"trigger": "triggered", "acknowledge": "acknowledged", "resolve": "resolved"}
        self.alerts[event["dedup_key"]] = state[event["event_action"]]
        answer = {"status": "success", "message": "Event processed"}
        return JSONResponse({**answer, "dedup_key": event["dedup_key"]}, 202)

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/v2/enqueue", self.enqueue, methods=["POST"])])


@asynccontextmanager
async def served(app: Starlette, folder: Path) -> AsyncIterator[Service]:
    async with serving(Service(app, folder, (400, {"message": "no"}))) as service:
        yield service


def given(folder: Path) -> ChannelTools:
    return tools(Settings(state_dir=folder, public_url="https://firebreak.example.org/"))


def secret_file(folder: Path, value: str) -> str:
    file = folder / "secret"
    file.write_text(value)
    file.chmod(0o600)
    return f"file:{file}"
