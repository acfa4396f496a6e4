"""The audit log, for those who look at what others do."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from firebreak.domain.base import Model
from firebreak.ledger.audit import AuditLine
from firebreak.server import problems
from firebreak.server.auth import Auditor
from firebreak.server.services import Use

router = APIRouter(tags=["identity"], responses=problems.PROBLEMS)


class AuditLines(Model):
    """Lines of the audit log. The `n` of the last one, as `before`, gives the lines after it."""

    lines: tuple[AuditLine, ...]


@router.get("/audit", operation_id="list_audit")
async def list_audit(
    use: Use,
    _: Auditor,
    *,
    since: AwareDatetime | None = None,
    who: Annotated[str | None, Query(max_length=200)] = None,
    action: Annotated[str | None, Query(max_length=100)] = None,
    before: Annotated[int | None, Query(ge=0)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> AuditLines:
    """Every request of the last while, allowed or refused, newest first."""
    lines = await use.audit.listed(since=since, who=who, action=action, before=before, limit=limit)
    return AuditLines(lines=lines)
