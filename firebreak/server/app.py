"""The API as one ASGI application, built from the services it is given."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI

import firebreak
from firebreak.server import problems
from firebreak.server.glasswatch import GlassWatch
from firebreak.server.holdwatch import HoldWatch
from firebreak.server.intake import Intake
from firebreak.server.metrics import Metrics
from firebreak.server.middleware import BodyGuard, RequestLog
from firebreak.server.routes import (
    alerts,
    approvals,
    estate,
    glass,
    halts,
    health,
    holds,
    incidents,
    policy,
    responses,
)
from firebreak.server.services import Services
from firebreak.server.sweeper import Sweeper

_ROUTES = (
    alerts,
    responses,
    incidents,
    holds,
    halts,
    glass,
    approvals,
    policy,
    estate,
    health,
)


def create_app(services: Services) -> FastAPI:
    """The API over these services.

    Its lifespan redelivers alerts that were left behind, and watches holds that are overdue.
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
    app.state.metrics = Metrics()
    app.state.intake = Intake(services, app.state.metrics)
    app.state.health = health.HealthCheck(services)
    problems.install(app)
    app.add_middleware(BodyGuard, max_bytes=services.settings.max_body_bytes)
    app.add_middleware(RequestLog)
    for module in _ROUTES:
        app.include_router(module.router)
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    sweeper = Sweeper(services.ledger, services.engine, app.state.intake)
    watch = HoldWatch(services.ledger, services.engine, app.state.metrics)
    tasks = [
        asyncio.create_task(sweeper.run(), name="alert-sweeper"),
        asyncio.create_task(watch.run(), name="hold-watch"),
        asyncio.create_task(GlassWatch(services.ledger).run(), name="glass-watch"),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await app.state.intake.close()
