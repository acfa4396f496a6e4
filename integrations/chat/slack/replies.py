"""What a person gets back: seen by nobody else, in words, and never silence."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from firebreak.errors import FirebreakError
from integrations.chat.slack.api import SlackApi
from integrations.chat.slack.blocks import Block, Message, fit, header, listed, small
from integrations.chat.slack.markup import clean, fallback

# Releasing waits for the proof; Slack takes answers for 30 minutes.
_LONGEST_S = 600


def say(title: str, *lines: str | tuple[str, str], hint: str = "") -> Message:
    """A title, a list, and what to do next. Lines may hold anything from outside."""
    rows = [("", line) if isinstance(line, str) else line for line in lines]
    blocks: list[Block] = [header(title)]
    if rows:
        blocks.append(listed("", rows))
    if hint:
        blocks.append(small(hint))
    return Message(text=fallback(title), blocks=fit(blocks))


def sorry(error: FirebreakError, hint: str = "") -> Message:
    """An error as an answer."""
    return say("That did not work", clean(str(error)), hint=hint or _HINTS.get(error.code, ""))


_HINTS = {
    "not-found": "Look at /firebreak status, or write /firebreak help.",
    "bad-input": "Write /firebreak help to see how.",
    "halted": "Effects are halted. A second person lets them go on: /firebreak resume.",
    "unreachable": "Nothing is known to be wrong with what you asked. Try it again in a minute.",
    "forbidden": "",
}


class Replies:
    """Does the work behind a request after it was acknowledged, and says how it went."""

    def __init__(self, api: SlackApi, log: logging.Logger) -> None:
        self._api = api
        self._log = log
        self._running: set[asyncio.Task[None]] = set()

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it in a task of its own: Slack waits 3 s for the acknowledgment, and no longer."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._log.error("answering somebody on Slack failed", exc_info=task.exception())

    async def answer(
        self, to: Mapping[str, Any], work: Callable[[], Awaitable[Message | None]]
    ) -> None:
        """Tell who asked how it went. ``to``: the request, or what was kept of it."""
        message = await self.outcome(work)
        if message is not None:
            await self._send(to, message)

    async def outcome(self, work: Callable[[], Awaitable[Message | None]]) -> Message | None:
        """What came of it, in words."""
        try:
            async with asyncio.timeout(_LONGEST_S):
                return await work()
        except FirebreakError as error:
            return sorry(error)
        except TimeoutError:
            return say("No answer yet", "It may still happen.", hint="Look at /firebreak status.")
        except Exception:  # noqa: BLE001 - the boundary: who asked gets a word, the log the bug
            self._log.exception("a request from Slack met a bug")
            return say("Something is wrong inside Firebreak", "It was logged. Use the console.")

    async def _send(self, to: Mapping[str, Any], message: Message) -> None:
        url = str(to.get("response_url") or "")
        channel, user = str(to.get("channel_id") or ""), str(to.get("user_id") or "")
        if url:
            try:
                await self._api.respond(url, message)
            except FirebreakError as error:  # it is good for 30 minutes and five answers
                self._log.warning("a response_url did not take an answer: %s", error)
            else:
                return
        try:
            if channel and user:
                await self._api.whisper(channel, user, message)
        except FirebreakError as error:
            self._log.warning("an answer did not reach its Slack user: %s", error)

    async def close(self) -> None:
        """Give what runs a moment to end, then stop it."""
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=5)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
