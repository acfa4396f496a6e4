"""Slack's Web API: one session, the token read at each call, every error one of ours.

The SDK's own retries are off: one of them would post again after a line that broke, and only who
posts can tell whether that is a second message.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol

import aiohttp
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from firebreak.errors import Rejected
from integrations import secrets
from integrations.chat.slack.blocks import Block, Message
from integrations.chat.slack.config import SLACK, SlackConfig
from integrations.chat.slack.refusals import translated

_PAGE, _MOST_PAGES = 200, 10
_ANSWERS = "https://hooks.slack.com/"


Ask = Callable[[AsyncWebClient], Awaitable[AsyncSlackResponse]]


class AskPage(Protocol):
    """Asks for the page behind a cursor."""

    def __call__(
        self, slack: AsyncWebClient, /, cursor: str | None
    ) -> Awaitable[AsyncSlackResponse]:
        """Send it. None: the first page."""
        ...


@dataclass(frozen=True)
class Me:
    """Our own app, as its token says: ``auth.test``."""

    team: str
    user: str
    bot: str


class SlackApi:
    """The methods we use. Each raises Unreachable, RateLimited, AuthFailed or Rejected.

    Scopes: ``chat:write``, ``users:read``, ``users:read.email``, ``channels:history`` (for a
    private channel ``groups:history``), and ``channels:read`` when the channel is named by name.
    """

    def __init__(self, config: SlackConfig) -> None:
        self._config = config
        self.log = logging.getLogger(__name__)
        # Below this level the SDK writes whole requests and answers.
        self.log.setLevel(logging.WARNING)
        self.client = AsyncWebClient(
            base_url=config.base_url,
            timeout=int(config.timeout_s) or 1,
            ssl=ssl.create_default_context(),
            logger=self.log,
            retry_handlers=[],
        )
        if config.base_url != SLACK:
            self.client.proxy = None  # the SDK takes one from the environment
        self._me: Me | None = None
        self._channel = config.channel_id

    async def me(self) -> Me:
        """Who we are."""
        if self._me is None:
            found = await self._call("auth.test", lambda slack: slack.auth_test())
            self._me = Me(
                team=str(found.get("team_id") or ""),
                user=str(found.get("user_id") or ""),
                bot=str(found.get("bot_id") or ""),
            )
        return self._me

    async def channel(self) -> str:
        """The id of the channel we speak in. Raises Rejected when no channel has its name."""
        if self._channel is None:
            self._channel = await self._named(self._config.channel)
        return self._channel

    async def _named(self, name: str) -> str:
        pages = self._pages(
            "conversations.list",
            lambda slack, cursor: slack.conversations_list(
                cursor=cursor, limit=_PAGE, exclude_archived=True, types="public_channel"
            ),
        )
        async for page in pages:
            for one in page.get("channels") or ():
                if one.get("name") == name:
                    return str(one["id"])
        raise Rejected(f"Slack has no public channel #{name}; a private one is named by its id")

    async def post(
        self, message: Message, metadata: Block, *, thread: str = "", broadcast: bool = False
    ) -> str:
        """Post a message and return its ``ts``: its id within the channel."""
        channel = await self.channel()
        found = await self._call(
            "chat.postMessage",
            lambda slack: slack.chat_postMessage(
                channel=channel,
                text=message.text,
                blocks=message.blocks,
                metadata=metadata,
                thread_ts=thread or None,
                reply_broadcast=broadcast or None,
                unfurl_links=False,
                unfurl_media=False,
            ),
        )
        return str(found["ts"])

    async def update(self, ts: str, message: Message, metadata: Block) -> None:
        """Replace a message of ours. Raises NotFound when somebody deleted it."""
        channel = await self.channel()
        await self._call(
            "chat.update",
            lambda slack: slack.chat_update(
                channel=channel,
                ts=ts,
                text=message.text,
                blocks=message.blocks,
                metadata=metadata,
            ),
        )

    async def messages(
        self, since_s: float, until_s: float, thread: str = ""
    ) -> AsyncIterator[Mapping[str, Any]]:
        """Messages of a time, with metadata: those of the channel, or the replies of a thread."""
        time: dict[str, Any] = {"oldest": f"{since_s:.6f}", "latest": f"{until_s:.6f}"}
        where = {"channel": await self.channel(), "include_all_metadata": True, "limit": _PAGE}
        if thread:
            pages = self._pages(
                "conversations.replies",
                lambda slack, cursor: slack.conversations_replies(
                    ts=thread, cursor=cursor, **where, **time
                ),
            )
        else:
            pages = self._pages(
                "conversations.history",
                lambda slack, cursor: slack.conversations_history(cursor=cursor, **where, **time),
            )
        async for page in pages:
            for message in page.get("messages") or ():
                yield message

    async def user(self, user: str) -> Mapping[str, Any]:
        """A user object. Raises NotFound."""
        found = await self._call("users.info", lambda slack: slack.users_info(user=user))
        return dict(found.get("user") or {})

    async def user_of(self, email: str) -> Mapping[str, Any]:
        """The user object of an e-mail address. Raises NotFound."""
        found = await self._call(
            "users.lookupByEmail", lambda slack: slack.users_lookupByEmail(email=email)
        )
        return dict(found.get("user") or {})

    async def open_view(self, trigger: str, view: Block) -> str:
        """Open a modal within 3 s of the click, and return its id."""
        found = await self._call(
            "views.open", lambda slack: slack.views_open(trigger_id=trigger, view=view)
        )
        return str(found["view"]["id"])

    async def update_view(self, view_id: str, view: Block) -> None:
        """Replace the modal."""
        await self._call(
            "views.update", lambda slack: slack.views_update(view_id=view_id, view=view)
        )

    async def whisper(self, channel: str, user: str, message: Message) -> None:
        """Say something that only one person sees, in a channel both are in."""
        await self._call(
            "chat.postEphemeral",
            lambda slack: slack.chat_postEphemeral(
                channel=channel, user=user, text=message.text, blocks=message.blocks
            ),
        )

    async def respond(self, url: str, message: Message) -> None:
        """Answer where somebody clicked or typed, seen by nobody else. Raises Rejected.

        The address came with their request; nothing but Slack's own is ever called.
        """
        if not self._is_slacks(url):
            raise Rejected("the response_url is not an address of Slack")
        hook = AsyncWebhookClient(
            url, timeout=int(self._config.timeout_s) or 1, logger=self.log, retry_handlers=[]
        )
        hook.proxy, hook.ssl = self.client.proxy, self.client.ssl
        try:
            answer = await hook.send(
                text=message.text,
                blocks=message.blocks,
                response_type="ephemeral",
                replace_original=False,
            )
        except (aiohttp.ClientError, TimeoutError, SlackClientError) as error:
            raise translated("response_url", error) from error
        if answer.status_code != HTTPStatus.OK:
            raise Rejected(f"Slack answered {answer.status_code} at a response_url")

    def _is_slacks(self, url: str) -> bool:
        if self._config.base_url == SLACK:
            return url.startswith(_ANSWERS)
        return url.startswith(self._config.base_url.removesuffix("api/"))

    async def _pages(self, method: str, ask: AskPage) -> AsyncIterator[Mapping[str, Any]]:
        cursor = ""
        for _ in range(_MOST_PAGES):
            page = await self._call(method, partial(ask, cursor=cursor or None))
            yield page
            cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return

    async def _call(self, method: str, ask: Ask) -> Mapping[str, Any]:
        self._ready()
        try:
            answer = await ask(self.client)
        except (SlackClientError, aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise translated(method, error) from error
        data = answer.data
        if not isinstance(data, dict):
            raise Rejected(f"Slack answered {method} with no JSON object")
        return data

    def _ready(self) -> None:
        """Today's token. The request takes it before anything else can run."""
        self.client.token = secrets.resolve(self._config.bot_token).strip()
        if self.client.session is None or self.client.session.closed:
            self.client.session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._config.timeout_s)
            )

    async def close(self) -> None:
        """Close the session."""
        if self.client.session is not None:
            await self.client.session.close()
            await asyncio.sleep(0)  # aiohttp closes its transports in the next turn of the loop
