"""Slack as a place where people are told and asked: one thread an incident, one card a request.

A card is a reply in the incident's thread that is also shown in the channel. It is one message
with one id: whoever opens the notification on a phone has the summary and the steps above it,
whoever looks at the channel sees it too, and closing it once closes it everywhere.
"""

import asyncio
from typing import Protocol

from firebreak.contracts.ledger import IncidentRow
from firebreak.contracts.people import Directory, Keep, News, Story, Weight
from firebreak.domain.base import JsonObject
from firebreak.domain.people import Approval, ApprovalState
from firebreak.domain.record import Kind
from firebreak.errors import FirebreakError, NotFound
from integrations.chat.slack.api import SlackApi
from integrations.chat.slack.card import card
from integrations.chat.slack.config import SlackConfig
from integrations.chat.slack.markup import is_user
from integrations.chat.slack.posting import Known, Posted, Poster
from integrations.chat.slack.summary import bulletin, notable, steps, summary

# People are called again by a new message: an edited one notifies nobody.
_CALLS = frozenset({Kind.APPROVAL_REMINDED, Kind.APPROVAL_ESCALATED, Kind.APPROVAL_DELEGATED})
_MOST_CALLED = 20


class SlackChannel:
    """A ``contracts.people.Channel``.

    ``directory`` knows whose account is whose; without one nobody is mentioned.
    """

    def __init__(self, config: SlackConfig, directory: Directory | None, api: SlackApi) -> None:
        self.config = config
        self._directory = directory
        self._api = api
        self._found: dict[str, str] = {}  # user ids by e-mail

    async def tell(self, story: Story, known: JsonObject, keep: Keep) -> JsonObject:
        """See ``contracts.people.Channel``. First what people must answer, then the rest."""
        poster = Poster(self._api, story.chain, Known.model_validate(known), keep)
        await poster.settle()
        if story.incident is None:
            await self._bulletin(poster, story)
        else:
            await self._incident(poster, story, story.incident)
        return poster.known.model_dump(mode="json")

    async def close(self) -> None:
        """Let go of every connection."""
        await self._api.close()

    async def _bulletin(self, poster: Poster, story: Story) -> None:
        news = notable(story, poster.known.told)
        if news:
            call = "" if self.config.alarm == "none" else self.config.alarm
            await poster.post(f"post/{_last(news)}", bulletin(news, call))

    async def _incident(self, poster: Poster, story: Story, row: IncidentRow) -> None:
        try:
            await self._thread(poster, story, poster.known.root)
        except NotFound:  # somebody deleted it: what follows gets a new one
            poster.known.root = None
        await self._thread(poster, story, await self._root(poster, story, row))

    async def _thread(self, poster: Poster, story: Story, root: Posted | None) -> None:
        """Whatever fails at closing an old card must not hold up what people have to answer."""
        if root is None:
            return
        waiting = [a for a in story.approvals if a.state is ApprovalState.PENDING]
        for approval in waiting:
            await self._card(poster, approval, root.ts)
        await self._steps(poster, story, root.ts)
        for approval in story.approvals:
            if approval not in waiting:
                await self._card(poster, approval, root.ts)

    async def _root(self, poster: Poster, story: Story, row: IncidentRow) -> Posted:
        """The summary as it is now: posted, or updated when it shows something else."""
        message = summary(story, row)
        if poster.known.root is not None:
            try:
                return await poster.update("root", poster.known.root, message)
            except NotFound:
                poster.known.root = None
        return await poster.post("root", message)

    async def _card(self, poster: Poster, approval: Approval, thread: str) -> None:
        posted = poster.known.cards.get(approval.id)
        pending = approval.state is ApprovalState.PENDING
        if posted is None and not pending:
            return  # it was over before anyone could be asked
        asked = await self._users(approval.asked) if pending else ()
        message = card(approval, asked)
        if posted is not None:
            try:
                await poster.update(f"card/{approval.id}", posted, message)
            except NotFound:
                del poster.known.cards[approval.id]
                posted = None
        if posted is None and pending:
            await poster.post(f"card/{approval.id}", message, thread=thread, broadcast=True)

    async def _steps(self, poster: Poster, story: Story, thread: str) -> None:
        news = notable(story, poster.known.told)
        if not news:
            return
        called = await self._called(news, story)
        message = steps(news, called, story.chain)
        # Something is wrong: not only who follows the thread shall see it.
        loud = any(one.weight is Weight.ALARM for one in news)
        await poster.post(f"steps/{_last(news)}", message, thread=thread, broadcast=loud)

    async def _called(self, news: tuple[News, ...], story: Story) -> tuple[str, ...]:
        """Who has not answered, when people are called again."""
        if not any(one.entry.kind in _CALLS for one in news):
            return ()
        waiting = [a for a in story.approvals if a.state is ApprovalState.PENDING]
        answered = {(a.id, vote.who.id) for a in waiting for vote in a.votes}
        people = [who for a in waiting for who in a.asked if (a.id, who) not in answered]
        return await self._users(tuple(dict.fromkeys(people)))

    async def _users(self, people: tuple[str, ...]) -> tuple[str, ...]:
        """The Slack users of people, by the account in the directory, else by e-mail."""
        found = await asyncio.gather(*map(self._user, people[:_MOST_CALLED]))
        return tuple(dict.fromkeys(user for user in found if user))

    async def _user(self, who: str) -> str:
        person = self._directory.person(who) if self._directory else None
        if person is None:
            return ""
        accounts = [one for one in person.accounts.get("slack", ()) if is_user(one)]
        if accounts:
            return accounts[0]
        for email in person.emails:
            if email not in self._found:
                try:
                    self._found[email] = str((await self._api.user_of(email)).get("id", ""))
                except NotFound:
                    self._found[email] = ""
                except FirebreakError:  # the card is worth more than a mention
                    continue
            if is_user(self._found[email]):
                return self._found[email]
        return ""


class Tools(Protocol):
    """What a channel is built with, as far as Slack needs it."""

    @property
    def directory(self) -> Directory | None:
        """Who people are."""
        ...


def build(name: str, given: JsonObject, tools: Tools) -> SlackChannel:
    """The channel from its part of the channels file. Raises pydantic's ValidationError."""
    del name
    config = SlackConfig.model_validate(given)
    return SlackChannel(config, tools.directory, SlackApi(config))


def _last(news: tuple[News, ...]) -> int:
    return max(one.entry.seq for one in news)
