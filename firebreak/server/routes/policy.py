"""Which policies decide, and whether their files are good."""

from fastapi import APIRouter

from firebreak.policy.live import PolicyStatus
from firebreak.server import problems
from firebreak.server.auth import Reader
from firebreak.server.services import Use

router = APIRouter(tags=["policy"], responses=problems.PROBLEMS)


@router.get("/policy", operation_id="get_policy")
async def get_policy(use: Use, _: Reader) -> PolicyStatus:
    """Which policies decide in this server, since when, and what is wrong with their files."""
    return use.policy_status()
