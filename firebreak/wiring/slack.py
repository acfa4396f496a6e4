"""Slack, put together: the channel it is told by, and the desk it asks for."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from pydantic import ValidationError
from starlette.routing import BaseRoute

from firebreak.contracts.people import Desk, Directory
from firebreak.domain.base import JsonObject
from firebreak.errors import DefinitionError
from integrations.chat.slack.api import SlackApi
from integrations.chat.slack.callers import Stranger, unnoted
from integrations.chat.slack.channel import SlackChannel
from integrations.chat.slack.config import SlackConfig
from integrations.chat.slack.desk import SlackDesk
from integrations.chat.slack.http import Gate, route
from integrations.chat.slack.socket import SlackSocket


def slack_config(given: JsonObject) -> SlackConfig:
    """What the channels file says, checked. Raises DefinitionError."""
    try:
        return SlackConfig.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DefinitionError(f"slack: {where or 'settings'}: {first['msg']}") from None


def slack_channel(config: SlackConfig, directory: Directory | None) -> SlackChannel:
    """The channel that the dispatcher tells."""
    return SlackChannel(config, directory, SlackApi(config))


class SlackInbound:
    """What the API server runs for Slack: ``routes`` to serve, and ``run`` around its lifespan."""

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
