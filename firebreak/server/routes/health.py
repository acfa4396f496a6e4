"""Health and metrics, for the machines that watch this one."""

import asyncio
import ipaddress
import time
from typing import Literal

import structlog
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

import firebreak
from firebreak.domain.base import Model
from firebreak.errors import FirebreakError
from firebreak.server import roles
from firebreak.server.auth import Credentials, identify
from firebreak.server.metrics import Metrics
from firebreak.server.services import Services, Use

CHECK_WITHIN_S = 2.0
CACHE_S = 1.0

router = APIRouter(tags=["health"])

_log = structlog.get_logger(__name__)

Answers = Literal["ok", "down"]


class Health(Model):
    """Whether this process can do its work, and what it lacks."""

    status: Answers
    ledger: Answers
    temporal: Answers
    version: str


class HealthCheck:
    """Asks what the API stands on, at most once a second however often it is asked itself."""

    def __init__(self, services: Services) -> None:
        """Check these."""
        self._services = services
        self._last: Health | None = None
        self._checked_at = 0.0
        self._checking = asyncio.Lock()

    async def now(self) -> Health:
        """The state of things, at most a second old."""
        async with self._checking:
            if self._last is None or time.monotonic() - self._checked_at > CACHE_S:
                self._last = await self._check()
                self._checked_at = time.monotonic()
            return self._last

    async def _check(self) -> Health:
        ledger, temporal = await asyncio.gather(self._ledger(), self._temporal())
        healthy = ledger == temporal == "ok"
        health = Health(
            status="ok" if healthy else "down",
            ledger=ledger,
            temporal=temporal,
            version=firebreak.__version__,
        )
        if self._last is not None and self._last != health:
            _log.warning("health changed", **health.to_json())
        return health

    async def _ledger(self) -> Answers:
        try:
            async with asyncio.timeout(CHECK_WITHIN_S):
                await self._services.ledger.alerts(limit=1)
        except (FirebreakError, TimeoutError):
            return "down"
        return "ok"

    async def _temporal(self) -> Answers:
        try:
            async with asyncio.timeout(CHECK_WITHIN_S):
                return "ok" if await self._services.engine.ready() else "down"
        except (FirebreakError, TimeoutError):
            return "down"


@router.get(
    "/healthz",
    operation_id="get_health",
    responses={503: {"model": Health, "description": "Something needed is down"}},
)
async def get_health(request: Request, response: Response) -> Health:
    """Whether the ledger and Temporal answer. Needs no token."""
    check: HealthCheck = request.app.state.health
    health = await check.now()
    response.status_code = 200 if health.status == "ok" else 503
    return health


@router.get("/metrics", operation_id="get_metrics", response_class=Response)
async def get_metrics(request: Request, use: Use, credentials: Credentials) -> Response:
    """Prometheus metrics. From loopback without a token; from elsewhere with a reader's."""
    if not _is_loopback(request):
        roles.READ.check(await identify(request, use, credentials))
    metrics: Metrics = request.app.state.metrics
    metrics.policy(use.policy_status())
    text = await metrics.exposition(use.ledger)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


def _is_loopback(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
