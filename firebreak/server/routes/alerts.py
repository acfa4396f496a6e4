"""Alert intake: detectors post here."""

import asyncio
import time
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from firebreak.contracts.ledger import AlertRow
from firebreak.contracts.sources import BadRecord
from firebreak.domain.base import Model
from firebreak.errors import BadInput, NotFound
from firebreak.server import problems
from firebreak.server.auth import (
    SIGNATURE_HEADER,
    Credentials,
    Reader,
    Signature,
    identify,
    may_post,
)
from firebreak.server.intake import AlertResult, Intake
from firebreak.server.metrics import Metrics
from firebreak.server.services import Services, Source, Use
from firebreak.server.trail import visit

MAX_BAD_SHOWN = 100
BODY_WITHIN_S = 30.0
PARSED_INLINE = 64 * 1024  # bytes; more than that is parsed beside the event loop

router = APIRouter(tags=["alerts"], responses=problems.PROBLEMS)


class IntakeAnswer(Model):
    """What became of a request's records."""

    accepted: int = Field(description="New alerts, recorded for good")
    duplicates: int = Field(description="Alerts that were known already")
    ignored: int = Field(description="Records that are no alerts")
    unreadable: int = Field(description="Records that could not be read")
    bad: tuple[BadRecord, ...] = Field(description="The first 100 of the unreadable, with reasons")
    alerts: tuple[AlertResult, ...] = Field(description="What became of each new alert")


class Alerts(Model):
    """A list of alerts."""

    alerts: tuple[AlertRow, ...]


@router.post(
    "/alerts/{source}", status_code=202, operation_id="post_alerts", response_model=IntakeAnswer
)
async def post_alerts(
    source: str, request: Request, use: Use, credentials: Credentials
) -> IntakeAnswer | JSONResponse:
    """Take alerts in a detector's own format: one JSON object, an array, or one a line.

    Authenticated by a bearer token with the role `source:<name>` (or `admin`), or by
    `X-Firebreak-Signature: t=<unix>,v1=<hex>`, the HMAC-SHA256 of `<t>.<body>` with the source's
    secret. Sending the same alerts again is safe.
    """
    began = time.perf_counter()
    found, body = await _authenticated(source, request, use, credentials)
    if not body.strip():
        raise BadInput("the body is empty; send at least one alert")
    parse = found.parser.parse
    small = len(body) <= PARSED_INLINE
    parsed, bad, ignored = parse(body) if small else await asyncio.to_thread(parse, body)
    metrics: Metrics = request.app.state.metrics
    intake: Intake = request.app.state.intake
    metrics.alerts.labels(source, "unreadable").inc(len(bad))
    if bad and not parsed and not ignored:
        return problems.answer(400, "bad-input", "no record could be read", bad=bad[:MAX_BAD_SHOWN])
    results, duplicates = await intake.take(parsed)
    metrics.alerts.labels(source, "duplicate").inc(duplicates)
    metrics.intake_seconds.labels(source).observe(time.perf_counter() - began)
    return IntakeAnswer(
        accepted=len(results),
        duplicates=duplicates,
        ignored=ignored,
        unreadable=len(bad),
        bad=bad[:MAX_BAD_SHOWN],
        alerts=tuple(results),
    )


@router.get("/alerts", operation_id="list_alerts")
async def list_alerts(
    use: Use,
    _: Reader,
    disposition: Annotated[str | None, Query(max_length=40)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Alerts:
    """Alerts and what became of them, newest first."""
    return Alerts(alerts=await use.ledger.alerts(disposition=disposition, limit=limit))


async def _authenticated(
    name: str, request: Request, use: Services, credentials: Credentials
) -> tuple[Source, bytes]:
    """The source and the body that an entitled caller posts to it."""
    source = use.sources.get(name)
    header = request.headers.get(SIGNATURE_HEADER)
    if header is not None:
        signature = Signature(header)  # a stale one is refused before the body is taken in
        body = await _body(request)
        visit(request).principal = signature.check(name, source, use, body).id
    else:
        may_post(await identify(request, use, credentials), name)
        body = await _body(request)
    if source is None:
        raise NotFound(f"no alert source {name!r}; there are: {', '.join(sorted(use.sources))}")
    return source, body


async def _body(request: Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            return await request.body()
    except TimeoutError:
        raise HTTPException(408, f"the body did not arrive within {BODY_WITHIN_S:.0f} s") from None
    except ClientDisconnect:
        raise HTTPException(400, "the connection ended before the body did") from None
