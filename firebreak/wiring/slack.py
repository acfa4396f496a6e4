"""Slack, put together: what the API server serves and runs so that people can answer there."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable

from starlette.routing import BaseRoute

from firebreak.contracts.people import Channel, Desk, Directory
from firebreak.errors import DefinitionError
from integrations.chat.slack.api import SlackApi
from integrations.chat.slack.callers import Stranger, unnoted
from integrations.chat.slack.channel import SlackChannel
from integrations.chat.slack.config import SlackConfig
from integrations.chat.slack.desk import SlackDesk
from integrations.chat.slack.http import Gate, route
from integrations.chat.slack.socket import SlackSocket


class SlackInbound:
    """One Slack app's way in: ``routes`` to serve, and ``running`` around the server's lifespan."""

    def __init__(
        self, config: SlackConfig, desk: Desk, directory: Directory, stranger: Stranger = unnoted
    ) -> None:
        """``stranger`` notes in the audit log who was turned away before the desk was asked."""
        self._config = config
        self._api = SlackApi(config)
        self._desk = SlackDesk(self._api, desk, directory, stranger)

    @property
    def routes(self) -> tuple[BaseRoute, ...]:
        """``POST /slack/events`` in HTTP mode, nothing in Socket Mode."""
        secret = self._config.signing_secret
        if self._config.mode != "http" or secret is None:
            return ()
        return (route(self._desk.app, Gate(secret)),)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep Socket Mode connected meanwhile, and let what was begun end."""
        task = None
        if self._config.mode == "socket" and self._config.app_token is not None:
            socket = SlackSocket(self._desk.app, self._api, self._config.app_token, self._api.log)
            task = asyncio.create_task(socket.run(), name="slack-socket")
        try:
            yield
        finally:
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            await self._desk.close()
            await self._api.close()


def slack_inbounds(
    channels: Iterable[Channel], desk: Desk, directory: Directory, stranger: Stranger = unnoted
) -> tuple[SlackInbound, ...]:
    """One way in for each Slack app among the channels, however many channels it speaks in.

    Raises:
        DefinitionError: two apps want the one HTTP route.
    """
    apps = {one.config.bot_token: one.config for one in channels if isinstance(one, SlackChannel)}
    if sum(config.mode == "http" for config in apps.values()) > 1:
        raise DefinitionError("only one Slack app can use mode: http; the others need mode: socket")
    return tuple(SlackInbound(config, desk, directory, stranger) for config in apps.values())
