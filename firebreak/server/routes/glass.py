"""Break-glass: one person overrides what protects, for a short time, and another reviews it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Self
from uuid import uuid4

from fastapi import APIRouter, Path
from pydantic import Field, model_validator

from firebreak.domain.base import Model
from firebreak.domain.device import Slug
from firebreak.domain.durations import duration
from firebreak.domain.glass import Glass, glass_scope
from firebreak.domain.record import JOURNAL, Kind, NewEntry
from firebreak.errors import BadInput, LedgerConflict, NotFound, Rejected
from firebreak.policy.glass import ending, lapse
from firebreak.server import problems
from firebreak.server.auth import Breaker, Mender, Reader, Reviewer
from firebreak.server.services import Services, Use
from firebreak.server.text import Reason

router = APIRouter(tags=["break-glass"], responses=problems.PROBLEMS)

GlassId = Annotated[str, Path(pattern=r"^glass-[0-9a-f]{12}$")]


class GlassRow(Glass):
    """A glass and where it stands: `in_force`, `to_review`, `overdue` or `reviewed`."""

    state: str

    @classmethod
    def of(cls, glass: Glass, now: datetime) -> Self:
        """The row of a glass at a moment."""
        state = "reviewed"
        if glass.in_force(now):
            state = "in_force"
        elif glass.overdue(now):
            state = "overdue"
        elif glass.reviewed_at is None:
            state = "to_review"
        return cls(**glass.model_dump(), state=state)


class Glasses(Model):
    """A list of break-glasses."""

    glasses: tuple[GlassRow, ...]


class Breaking(Model):
    """Either a device or a site, why, and for how many seconds (a setting when not given)."""

    device: Slug | None = None
    site: Slug | None = None
    reason: Reason
    for_s: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _one_scope(self) -> Self:
        glass_scope(device=self.device, site=self.site)
        return self


class Why(Model):
    """Why it ends."""

    reason: Reason


class Finding(Model):
    """What the review came to."""

    finding: Reason


@router.post("/glass", operation_id="break_glass")
async def break_glass(breaking: Breaking, use: Use, who: Breaker) -> GlassRow:
    """Override interlocks and the approvals of reversible plans, for what this person starts.

    Everybody is told, and another person has to review it.
    """
    scope = glass_scope(device=breaking.device, site=breaking.site)
    _check_scope(breaking, use)
    now = datetime.now(UTC)
    await lapse(use.ledger, await use.ledger.glasses(), now)
    lasts = timedelta(seconds=_lifetime(breaking.for_s, use))
    glass = Glass(
        id=f"glass-{uuid4().hex[:12]}",
        scope=scope,
        who=who.id,
        reason=breaking.reason,
        at=now,
        expires_at=now + lasts,
        review_by=now + lasts + timedelta(seconds=use.settings.glass_review_s),
    )
    await use.ledger.append(
        NewEntry(
            incident=JOURNAL,
            key=f"broken:{glass.id}",
            kind=Kind.GLASS_BROKEN,
            at=now,
            actor=who.id,
            body={"glass": glass.to_json()},
        )
    )
    return GlassRow.of(glass, now)


@router.get("/glass", operation_id="list_glasses")
async def list_glasses(use: Use, _: Reader, unreviewed: bool = True) -> Glasses:
    """Break-glasses, newest first: those whose review is not closed, or all."""
    now = datetime.now(UTC)
    found = await use.ledger.glasses(unreviewed_only=unreviewed)
    return Glasses(glasses=tuple(GlassRow.of(glass, now) for glass in found))


@router.get("/reviews", operation_id="list_reviews")
async def list_reviews(use: Use, _: Reader) -> Glasses:
    """Break-glasses that have ended and wait for their review, newest first."""
    now = datetime.now(UTC)
    found = [glass for glass in await use.ledger.glasses() if glass.to_review(now)]
    return Glasses(glasses=tuple(GlassRow.of(glass, now) for glass in found))


@router.post("/glass/{glass}/end", operation_id="end_glass")
async def end_glass(glass: GlassId, why: Why, use: Use, who: Mender) -> GlassRow:
    """End a break-glass before its time."""
    now = datetime.now(UTC)
    standing = await _find(glass, use)
    if not standing.in_force(now):
        raise Rejected(f"{glass} is not in force any more")
    try:
        await use.ledger.append(ending(standing, who.id, why.reason, at=now, ended_at=now))
    except LedgerConflict as error:
        raise Rejected(f"{glass} has ended already") from error
    return GlassRow.of(await _find(glass, use), now)


@router.post("/reviews/{glass}/close", operation_id="close_review")
async def close_review(glass: GlassId, said: Finding, use: Use, who: Reviewer) -> GlassRow:
    """Close the review of a break-glass, as a person other than the one who broke it."""
    now = datetime.now(UTC)
    await lapse(use.ledger, [await _find(glass, use)], now)
    entry = NewEntry(
        incident=JOURNAL,
        key=f"reviewed:{uuid4().hex[:12]}",
        kind=Kind.REVIEW_CLOSED,
        at=now,
        actor=who.id,
        body={"glass": glass, "finding": said.finding},
    )
    await use.ledger.append(entry)
    return GlassRow.of(await _find(glass, use), now)


def _check_scope(breaking: Breaking, use: Services) -> None:
    """A glass with a slip of the pen in it would open nothing, or something else."""
    if breaking.device is not None:
        use.inventory.device(breaking.device)
        return
    known = sorted({device.site for device in use.inventory.devices()})
    if breaking.site not in known:
        raise NotFound(f"no device is at site {breaking.site!r}; there are: {', '.join(known)}")


def _lifetime(for_s: int | None, use: Services) -> int:
    longest = use.settings.glass_longest_s
    if for_s is None:
        return min(use.settings.glass_s, longest)
    if for_s > longest:
        raise BadInput(
            f"a break-glass lasts {duration(longest)} at most; ask for less, and again later"
        )
    return for_s


async def _find(glass_id: str, use: Services) -> Glass:
    for glass in await use.ledger.glasses(unreviewed_only=False):
        if glass.id == glass_id:
            return glass
    raise NotFound(f"no glass {glass_id}; `firebreak glass --all` lists them")
