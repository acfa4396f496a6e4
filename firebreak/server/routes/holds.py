"""Holds: what is contained now, and the two things people do about it."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from firebreak.domain.base import Model
from firebreak.domain.hold import Hold, hold_id
from firebreak.server import problems
from firebreak.server.auth import Person, Reader
from firebreak.server.services import Use
from firebreak.server.text import Reason

MAX_EXTENSION_S = 7 * 86400

router = APIRouter(prefix="/holds", tags=["holds"], responses=problems.PROBLEMS)

DeviceId = Annotated[str, Path(max_length=63)]
ActionName = Annotated[str, Path(max_length=63)]


class Holds(Model):
    """A list of holds."""

    holds: tuple[Hold, ...]


class Release(Model):
    """Why a hold ends now."""

    reason: Reason


class Extension(Model):
    """How much longer, in seconds, and why."""

    by_s: int = Field(ge=1, le=MAX_EXTENSION_S)
    reason: Reason


@router.get("", operation_id="list_holds")
async def list_holds(use: Use, who: Reader) -> Holds:
    """Live holds, soonest expiry first."""
    return Holds(holds=tuple(await use.desk.holds(who)))


@router.post("/{device}/{action}/release", operation_id="release_hold")
async def release_hold(
    device: DeviceId, action: ActionName, why: Release, use: Use, who: Person
) -> Hold:
    """End a hold now, if policy lets this person: put back what was before, wait for the proof."""
    return await use.desk.release(who, hold_id(device, action), why.reason)


@router.post("/{device}/{action}/extend", operation_id="extend_hold")
async def extend_hold(
    device: DeviceId, action: ActionName, more: Extension, use: Use, who: Person
) -> Hold:
    """Move a hold's expiry."""
    return await use.desk.extend(who, hold_id(device, action), more.by_s, more.reason)
