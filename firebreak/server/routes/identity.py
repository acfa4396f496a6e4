"""Who the caller is taken for."""

from fastapi import APIRouter, Request
from pydantic import Field

from firebreak.domain.base import Model
from firebreak.domain.people import Principal
from firebreak.server import problems
from firebreak.server.auth import WHOAMI, Caller
from firebreak.server.services import Use
from firebreak.server.trail import visit

router = APIRouter(tags=["identity"], responses=problems.PROBLEMS)


class Me(Model):
    """The caller: the principal that the record will name, with the roles of this moment."""

    principal: Principal
    name: str = Field(description="From the people file; empty without it")
    via: str = Field(description="How the caller was known: `token` or `oidc`")


@router.get("/whoami", operation_id=WHOAMI)
async def whoami(use: Use, who: Caller, request: Request) -> Me:
    """Who the bearer token's owner is, and what they may be now."""
    person = use.directory.person(who.id)
    return Me(principal=who, name=person.name if person else "", via=visit(request).by)
