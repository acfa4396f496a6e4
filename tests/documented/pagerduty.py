"""PagerDuty's on-calls as its REST API v2 documents them, over TLS in this process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from firebreak.domain.base import JsonObject
from tests.documented.service import Service, serving

TOKEN = "pd-key-of-the-tests"
REFUSAL: JsonObject = {"error": {"message": "Not Authorized", "code": 2006}}


def entry(user: str, email: str = "", schedule: str | None = "PSCHED1", **more: Any) -> JsonObject:
    """One on-call, with what PagerDuty sends beside it."""
    of: JsonObject = {"id": user, "type": "user", "summary": f"Name of {user}", "email": email}
    there: JsonObject | None = None
    if schedule is not None:
        there = {"id": schedule, "type": "schedule_reference", "summary": "A schedule"}
    return {
        "escalation_policy": {"id": "PPOLICY", "type": "escalation_policy_reference"},
        "escalation_level": 1,
        "user": of,
        "schedule": there,
        "start": "2026-01-05T08:00:00Z",
        "end": "2026-01-12T08:00:00Z",
        **more,
    }


@dataclass
class PagerDuty:
    """What it knows, and what it was asked."""

    oncalls: list[JsonObject] = field(default_factory=list)
    body: bytes | None = None  # answered instead
    endless: bool = False
    requests: list[Request] = field(default_factory=list)

    async def answer(self, request: Request) -> Response:
        """GET /oncalls with classic pagination."""
        self.requests.append(request)
        if request.headers.get("authorization") != f"Token token={TOKEN}":
            return JSONResponse(REFUSAL, 401)
        if self.body is not None:
            return Response(self.body, media_type="application/json")
        offset, limit = (int(request.query_params[name]) for name in ("offset", "limit"))
        page = self.oncalls[offset : offset + limit]
        more = self.endless or offset + limit < len(self.oncalls)
        return JSONResponse(
            {"oncalls": page, "limit": limit, "offset": offset, "more": more, "total": None}
        )


@asynccontextmanager
async def pagerduty(folder: Path) -> AsyncIterator[tuple[PagerDuty, Service]]:
    """It, and the service it runs in."""
    vendor = PagerDuty()
    app = Starlette(routes=[Route("/oncalls", vendor.answer)])
    async with serving(Service(app, folder, (403, REFUSAL))) as service:
        yield vendor, service
