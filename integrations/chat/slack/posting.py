"""Posting each message once, though the process may die at any moment.

Before a post the intent is kept: what, where, since when. Whoever finds an intent without a result
looks for the message by its metadata before it posts again.
"""

import time
from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Field

from firebreak.contracts.people import Keep
from firebreak.domain.base import digest
from firebreak.errors import AuthFailed, NotFound, RateLimited, Rejected
from integrations.chat.slack.api import SlackApi
from integrations.chat.slack.blocks import Block, Message

EVENT = "firebreak_message"  # metadata: lower case, digits, underscores
_APART_S = 300  # our clock and Slack's, and the longest call, lie within this


class Intent(BaseModel):
    """A post whose end was not seen."""

    model_config = ConfigDict(frozen=True)

    key: str
    thread: str = ""
    since_s: float  # Unix time


class Posted(BaseModel):
    """A message that is updated: its ``ts``, and a digest of what it shows."""

    model_config = ConfigDict(frozen=True)

    ts: str
    face: str


class Known(BaseModel):
    """What has been said about one chain. ``told``: the last entry told in the thread."""

    model_config = ConfigDict(extra="ignore")

    root: Posted | None = None
    told: int = -1
    cards: dict[str, Posted] = Field(default_factory=dict)
    intent: Intent | None = None


class Poster:
    """Posts and updates the messages of one chain, and keeps what it did."""

    def __init__(
        self,
        api: SlackApi,
        chain: str,
        known: Known,
        keep: Keep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._api = api
        self._chain = chain
        self._keep = keep
        self._clock = clock
        self.known = known

    async def keep(self) -> None:
        """Save what is known, durably."""
        await self._keep(self.known.model_dump(mode="json"))

    async def settle(self) -> None:
        """Find out what became of a post whose end was not seen, and know it from then on."""
        intent = self.known.intent
        if intent is None:
            return
        ts = await self._find(intent)
        if ts is not None:
            self._record(intent.key, ts)
        self.known.intent = None
        await self.keep()

    async def _find(self, intent: Intent) -> str | None:
        me = await self._api.me()
        try:
            since, until = intent.since_s - _APART_S, intent.since_s + _APART_S
            async for message in self._api.messages(since, until, intent.thread):
                # Anyone may post anything with any metadata: only our own word counts.
                ours = message.get("user") == me.user or message.get("bot_id") in {me.bot} - {""}
                if ours and _key(message) == (self._chain, intent.key):
                    return str(message["ts"])
        except NotFound:  # the whole thread was deleted
            return None
        return None

    def _record(self, key: str, ts: str, face: str = "") -> Posted:
        what, _, which = key.partition("/")
        posted = Posted(ts=ts, face=face)
        if what == "root":
            self.known.root = posted
        elif what == "card":
            self.known.cards[which] = posted
        else:
            self.known.told = int(which)
        return posted

    async def post(
        self, key: str, message: Message, *, thread: str = "", broadcast: bool = False
    ) -> Posted:
        """Post once. ``key``: ``root``, ``card/<approval>``, ``steps/<last entry>``."""
        self.known.intent = Intent(key=key, thread=thread, since_s=self._clock())
        await self.keep()
        try:
            ts = await self._api.post(
                message, self._metadata(key), thread=thread, broadcast=broadcast
            )
        except (RateLimited, AuthFailed, Rejected, NotFound):  # Slack said no: nothing is there
            self.known.intent = None
            await self.keep()
            raise
        posted = self._record(key, ts, face(message))
        self.known.intent = None
        await self.keep()
        return posted

    async def update(self, key: str, posted: Posted, message: Message) -> Posted:
        """Replace what is shown, unless it shows that already. Raises NotFound: it was deleted."""
        if posted.face == face(message):
            return posted
        await self._api.update(posted.ts, message, self._metadata(key))
        updated = self._record(key, posted.ts, face(message))
        await self.keep()
        return updated

    def _metadata(self, key: str) -> Block:
        return {"event_type": EVENT, "event_payload": {"chain": self._chain, "key": key}}


def face(message: Message) -> str:
    """What a message looks like, in short."""
    return digest([message.text, message.blocks])


def _key(message: object) -> tuple[str, str] | None:
    if not isinstance(message, dict):
        return None
    metadata = message.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("event_type") != EVENT:
        return None
    payload = metadata.get("event_payload")
    if not isinstance(payload, dict):
        return None
    return str(payload.get("chain")), str(payload.get("key"))
