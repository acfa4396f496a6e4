"""Responses that people start, and what they look like before they run."""

from fastapi import APIRouter, Response
from pydantic import Field, StrictBool, field_validator

from firebreak.contracts.engine import Start, Started
from firebreak.domain.base import JsonObject, Model, canonical
from firebreak.domain.device import Slug
from firebreak.server import problems
from firebreak.server.auth import Starter
from firebreak.server.services import Use
from firebreak.server.text import Reason

router = APIRouter(tags=["responses"], responses=problems.PROBLEMS)


class StartRequest(Model):
    """A playbook to run on a device. With `dry_run` nothing is changed or recorded."""

    playbook: Slug
    device: Slug
    reason: Reason
    inputs: JsonObject = Field(default_factory=dict)
    dry_run: StrictBool = False

    @field_validator("inputs")
    @classmethod
    def _hashable(cls, inputs: JsonObject) -> JsonObject:
        canonical(inputs)  # what cannot be hashed cannot be recorded: NaN, numbers beyond 2**53
        return inputs


class DryRun(Model):
    """What each control of the playbook would do now: plans or refusals."""

    plans: tuple[JsonObject, ...]


@router.post("/responses", status_code=202, operation_id="start_response")
async def start_response(
    asked: StartRequest, use: Use, who: Starter, response: Response
) -> Started | DryRun:
    """Start a response, or join the one that runs for the same playbook and device."""
    start = Start(
        playbook=asked.playbook,
        device=asked.device,
        requester=who,
        reason=asked.reason,
        inputs=asked.inputs,
    )
    if asked.dry_run:
        response.status_code = 200
        return DryRun(plans=await use.desk.dry_run(who, start))
    return await use.desk.start(who, start)
