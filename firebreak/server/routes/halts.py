"""What holds effects back on purpose: halts by people, and the caps on the blast radius."""

from datetime import UTC, datetime

from fastapi import APIRouter

from firebreak.domain.base import Model
from firebreak.domain.device import Slug
from firebreak.domain.halt import Halt
from firebreak.domain.limits import Fill
from firebreak.server import problems
from firebreak.server.auth import Operator, Reader, Resumer
from firebreak.server.services import Use
from firebreak.server.text import Reason

router = APIRouter(tags=["halts"], responses=problems.PROBLEMS)


class Halts(Model):
    """A list of halts."""

    halts: tuple[Halt, ...]


class Fills(Model):
    """The caps and how full they are."""

    limits: tuple[Fill, ...]


class Where(Model):
    """A site, or none for everywhere, and why."""

    site: Slug | None = None
    reason: Reason


@router.get("/halts", operation_id="list_halts")
async def list_halts(use: Use, _: Reader, standing: bool = True) -> Halts:
    """Halts, newest first."""
    return Halts(halts=await use.ledger.halts(standing_only=standing))


@router.post("/halt", operation_id="halt")
async def halt(where: Where, use: Use, who: Operator) -> Halts:
    """Stop all new effects, at one site or everywhere, at once; answer with the halts that stand.

    Once this has answered no worker starts another effect there. Holds still end on time.
    """
    return Halts(halts=await use.desk.halt(who, where.site, where.reason))


@router.post("/resume", operation_id="resume")
async def resume(where: Where, use: Use, who: Resumer) -> Halts:
    """Let effects go on where they were stopped, as a person other than the one who halted."""
    return Halts(halts=await use.desk.resume(who, where.site, where.reason))


@router.get("/limits", operation_id="list_limits")
async def list_limits(use: Use, _: Reader) -> Fills:
    """The caps on how much may be contained, in devices, and how full they are."""
    usage = await use.ledger.usage(datetime.now(UTC))
    return Fills(limits=use.blast_radius.filled(usage))
