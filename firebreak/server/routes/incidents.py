"""Incidents: their record, their progress while they run, their receipt, and how to stop one."""

import asyncio
import time
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from firebreak.contracts.ledger import IncidentRow
from firebreak.domain.base import Model
from firebreak.domain.record import Entry
from firebreak.errors import NotFound
from firebreak.server import problems
from firebreak.server.auth import Person, Reader
from firebreak.server.services import Services, Use
from firebreak.server.text import Reason

# Each look reads and verifies the whole record, so a quiet incident is looked at less often.
POLL_S = 0.2
POLL_AT_MOST_S = 1.0
POLL_GROWS = 1.25
MAX_WAIT_S = 25

router = APIRouter(prefix="/incidents", tags=["incidents"], responses=problems.PROBLEMS)

Status = Literal["open", "completed", "failed", "cancelled", "denied"]


class Incidents(Model):
    """A list of incidents."""

    incidents: tuple[IncidentRow, ...]


class IncidentRecord(Model):
    """An incident and entries of its chain, in order."""

    incident: IncidentRow
    entries: tuple[Entry, ...]


class Because(Model):
    """Why."""

    reason: Reason


@router.get("", operation_id="list_incidents")
async def list_incidents(
    use: Use,
    _: Reader,
    status: Status | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Incidents:
    """Incidents, newest first."""
    return Incidents(incidents=await use.ledger.incidents(status=status, limit=limit))


# A workflow id (`respond/<playbook>/<device>`) names its newest incident, so ids may hold slashes
# and the bare path has to come last.
@router.get("/{incident:path}/events", operation_id="follow_incident")
async def follow_incident(
    incident: str,
    use: Use,
    _: Reader,
    after: Annotated[int, Query(ge=-1)] = -1,
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT_S)] = 0,
) -> IncidentRecord:
    """Entries with a `seq` beyond `after`; waits up to `wait` seconds for the first of them."""
    until = time.monotonic() + wait
    pause_s = POLL_S
    while True:
        try:
            record = await _record(use, incident, after)
        except NotFound:  # a response that was just accepted may have no entry yet
            if time.monotonic() >= until:
                raise
        else:
            if record.entries or time.monotonic() >= until:
                return record
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * POLL_GROWS, POLL_AT_MOST_S)


@router.get(
    "/{incident:path}/receipt",
    operation_id="get_receipt",
    response_class=Response,
    responses={200: {"content": {"application/json": {}}, "description": "A DSSE envelope"}},
)
async def get_receipt(incident: str, use: Use, _: Reader) -> Response:
    """The signed receipt of what was done so far: an in-toto Statement in a DSSE envelope."""
    record = await _record(use, incident, -1)
    envelope = await asyncio.to_thread(use.receipts, record.entries)
    return Response(envelope, media_type="application/json")


@router.post("/{incident:path}/cancel", status_code=202, operation_id="cancel_incident")
async def cancel_incident(incident: str, why: Because, use: Use, who: Person) -> IncidentRow:
    """Stop a response after its effect in flight. Its holds stay, time-boxed."""
    return await use.desk.cancel(who, incident, why.reason)


@router.get("/{incident:path}", operation_id="get_incident")
async def get_incident(incident: str, use: Use, _: Reader) -> IncidentRecord:
    """One incident with its whole record."""
    return await _record(use, incident, -1)


async def _record(use: Services, incident: str, after: int) -> IncidentRecord:
    # The row first: whoever reads `closed` in it has then seen the entry that closed it.
    row = await use.ledger.incident(incident)
    chain = await use.ledger.chain(row.id)
    return IncidentRecord(incident=row, entries=tuple(e for e in chain if e.seq > after))
