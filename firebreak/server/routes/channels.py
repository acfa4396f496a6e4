"""The places people are told in: how each stands, and a message to try one."""

from fastapi import APIRouter

from firebreak.domain.base import Model
from firebreak.domain.channel import ChannelStatus
from firebreak.domain.device import Slug
from firebreak.server import problems
from firebreak.server.auth import Operator, Reader
from firebreak.server.services import Use

router = APIRouter(tags=["channels"], responses=problems.PROBLEMS)


class Statuses(Model):
    """A list of channels."""

    channels: tuple[ChannelStatus, ...]


@router.get("/channels", operation_id="list_channels")
async def list_channels(use: Use, _: Reader) -> Statuses:
    """Each channel of the channels file as this server sees it: what waits, what went wrong."""
    return Statuses(channels=tuple(use.telling.statuses()))


@router.post("/channels/{channel}/test", operation_id="test_channel")
async def test_channel(channel: Slug, use: Use, who: Operator) -> Statuses:
    """Send a message that says it is a test, then try at once what waits for the channel."""
    await use.telling.test(channel, who.id)
    return Statuses(channels=tuple(use.telling.statuses()))
