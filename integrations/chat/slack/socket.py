"""Socket Mode: we call Slack, and it needs no way in. The line is watched and opened anew.

Source: https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import asyncio
import contextlib
import logging
import re
import time

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp

from firebreak.errors import FirebreakError
from integrations import secrets
from integrations.chat.slack.api import SlackApi

_ADDRESS = re.compile(r"wss?://[^\s'\"]+")


class _WithoutTickets(logging.Filter):
    """The SDK logs addresses, which hold a credential, and a stack trace for each lost line."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = _ADDRESS.sub("wss://...", record.getMessage())
        record.args = ()
        record.exc_info = record.exc_text = None
        return True


class SlackSocket:
    """Keeps one connection open.

    The SDK reconnects when Slack asks it to. What it does not get over (an address of which the
    ticket ran out while the network was away) is dropped here after ``patience_s``, and begun anew.
    """

    def __init__(
        self,
        app: AsyncApp,
        api: SlackApi,
        app_token: str,
        log: logging.Logger,
        *,
        ping_s: float = 5,
        patience_s: float = 30,
    ) -> None:
        self._app = app
        self._api = api
        self._token = app_token
        self._log = log
        self._sdk_log = log.getChild("socket")
        self._sdk_log.setLevel(logging.WARNING)
        self._sdk_log.addFilter(_WithoutTickets())
        self._ping_s = ping_s
        self._patience_s = patience_s

    async def run(self) -> None:
        """Serve until cancelled. Slack being away, or a secret that is missing, ends nothing."""
        while True:
            try:
                await self._serve()
            except FirebreakError as error:
                self._log.error("Slack's Socket Mode does not start: %s", error)
            await asyncio.sleep(self._patience_s)

    async def _serve(self) -> None:
        """One handler, until its connection was away for too long."""
        handler = AsyncSocketModeHandler(
            self._app,
            secrets.resolve(self._token).strip(),
            logger=self._sdk_log,
            web_client=self._api.client,
            ping_interval=self._ping_s,
        )
        handler.client.proxy = self._api.client.proxy
        connecting = asyncio.create_task(handler.connect_async())  # type: ignore[no-untyped-call]  # Bolt's
        try:
            await self._watch(handler)
        finally:
            connecting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await connecting
            await handler.close_async()  # type: ignore[no-untyped-call]  # Bolt's

    async def _watch(self, handler: AsyncSocketModeHandler) -> None:
        seen = time.monotonic()
        while time.monotonic() - seen < self._patience_s:
            await asyncio.sleep(self._ping_s)
            if await handler.client.is_connected():
                seen = time.monotonic()
        self._log.warning(
            "Slack's Socket Mode is away for %.0f s; beginning anew", self._patience_s
        )
