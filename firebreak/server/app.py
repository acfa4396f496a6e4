"""The API as one ASGI application, built from the services it is given."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI

import firebreak
from firebreak.errors import LedgerUnavailable
from firebreak.server import problems
from firebreak.server.glasswatch import GlassWatch
from firebreak.server.holdwatch import HoldWatch
from firebreak.server.intake import Intake
from firebreak.server.metrics import Metrics
from firebreak.server.middleware import BodyGuard, RequestLog
from firebreak.server.routes import (
    alerts,
    approvals,
    audit,
    channels,
    estate,
    glass,
    halts,
    health,
    holds,
    identity,
    incidents,
    policy,
    responses,
)
from firebreak.server.services import Services
from firebreak.server.sweeper import Sweeper
from firebreak.server.trail import AuditTrail

ROUTES = (
    *(alerts, responses, incidents, holds, halts, glass, approvals, channels),
    *(policy, estate, identity, audit, health),
)


def create_app(services: Services) -> FastAPI:
    """The API over these services, with its other ways in beside it.

    Its lifespan redelivers alerts that were left behind, watches holds that are overdue, and tells
    people what happens.
    """
    app = FastAPI(
        title="Firebreak",
        version=firebreak.__version__,
        summary="Incident response for IoT and OT fleets",
        lifespan=_lifespan,
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
    )
    app.state.services = services
    app.state.metrics = Metrics(services.telling)
    app.state.intake = Intake(services, app.state.metrics)
    app.state.health = health.HealthCheck(services)
    problems.install(app)
    app.add_middleware(BodyGuard, max_bytes=services.settings.max_body_bytes)
    app.add_middleware(AuditTrail)
    app.add_middleware(RequestLog)
    for module in ROUTES:
        app.include_router(module.router)
    for inbound in services.inbounds:
        app.router.routes.extend(inbound.routes)
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    sweeper = Sweeper(services.ledger, services.engine, app.state.intake)
    watch = HoldWatch(services.ledger, services.engine, app.state.metrics)
    tasks = [
        asyncio.create_task(sweeper.run(), name="alert-sweeper"),
        asyncio.create_task(watch.run(), name="hold-watch"),
        asyncio.create_task(services.audit.run(), name="audit-log"),
        asyncio.create_task(services.telling.run(), name="telling"),
        asyncio.create_task(GlassWatch(services.ledger).run(), name="glass-watch"),
    ]
    try:
        async with contextlib.AsyncExitStack() as ways_in:
            for inbound in services.inbounds:
                await ways_in.enter_async_context(inbound.running())
            yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await app.state.intake.close()
        with contextlib.suppress(LedgerUnavailable):  # said in the log, every second
            await services.audit.flush()
