"""What people do in Slack, bound to the desk by Bolt: acknowledged at once, carried out after.

Bolt sees no token and makes no call: who may do what is settled here, each time anew.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

from firebreak.contracts.people import Desk, Directory
from firebreak.domain.people import Verdict
from firebreak.errors import BadInput, FirebreakError
from integrations.chat.slack import modals
from integrations.chat.slack.answers import Answers
from integrations.chat.slack.api import SlackApi
from integrations.chat.slack.blocks import Block, Message
from integrations.chat.slack.callers import Body, Callers, Stranger, unnoted
from integrations.chat.slack.card import APPROVE, DENY, DETAILS, Ref
from integrations.chat.slack.commands import ISOLATE, Commands, reason_of, words_of
from integrations.chat.slack.replies import Replies, say

COMMAND = "/firebreak"
ON_CARD = "agreed on the card in Slack"  # a vote needs a reason, and a yes asks for none
WAITS_FOR_PROOF = "Putting it back, and looking whether it is: one moment."
_OPTIONS_S = 1.5  # Slack waits 3 s
_LONGEST_QUERY = 100

Ack = Callable[..., Awaitable[Any]]


class SlackDesk:
    """Slash commands, buttons and forms of one workspace. ``app``: Bolt's, for the transports."""

    def __init__(
        self, api: SlackApi, desk: Desk, directory: Directory, stranger: Stranger = unnoted
    ) -> None:
        """``stranger`` notes who was turned away before the desk could be asked."""
        self._api = api
        self._desk = desk
        self._callers = Callers(api, directory, stranger)
        self._commands = Commands(desk)
        self._answers = Answers(desk)
        self._replies = Replies(api, api.log)
        self.app = self._bound()

    async def close(self) -> None:
        """Let what was begun end."""
        await self._replies.close()

    def _bound(self) -> AsyncApp:
        app = AsyncApp(
            name="firebreak",
            logger=self._api.log,
            client=self._api.client,
            authorize=_no_token,
            signing_secret="",
            # The gate in http.py has checked the signature; `ssl_check` would get past it.
            request_verification_enabled=False,
            ssl_check_enabled=False,
            url_verification_enabled=False,
            ignoring_self_events_enabled=False,
            attaching_function_token_enabled=False,
        )
        app.command(COMMAND)(self._command)
        app.block_action(APPROVE)(self._approve)
        app.block_action(DENY)(self._deny)
        app.block_action(DETAILS)(self._details)
        app.view_submission(modals.DENY_FORM)(self._denied)
        app.view_submission(modals.ISOLATE_FORM)(self._isolated)
        app.options(modals.DEVICE)(self._devices)
        return app

    async def _command(self, ack: Ack, body: Body) -> None:
        words = words_of(body.get("text"))
        await ack(WAITS_FOR_PROOF if words[:1] == ["release"] else "")
        if [word.lower() for word in words] == [ISOLATE]:
            self._open(body, modals.isolate_form(_place(body)))
            return

        async def work() -> Message:
            who = await self._callers.principal(body)
            return await self._commands.run(who, words)

        self._replies.later(self._replies.answer(_place(body), work))

    async def _approve(self, ack: Ack, body: Body) -> None:
        await ack()
        self._vote(body, _ref(body), Verdict.APPROVE, ON_CARD, _place(body))

    async def _deny(self, ack: Ack, body: Body) -> None:
        await ack()
        ref = _ref(body)
        if ref is not None:
            self._open(body, modals.deny_form(ref, _place(body)))

    async def _denied(self, ack: Ack, body: Body, view: Body) -> None:
        _, said = modals.filled(view)
        reason = reason_of(said)
        if not reason:
            await ack(response_action="errors", errors={modals.REASON: "Say why, in a few words."})
            return
        await ack()
        kept = modals.kept(view)
        ref = Ref.parse(str(kept.get("ref") or ""))
        self._vote(body, ref, Verdict.DENY, reason, {**kept, **_user(body)})

    def _vote(
        self, body: Body, ref: Ref | None, verdict: Verdict, reason: str, to: dict[str, Any]
    ) -> None:
        async def work() -> Message:
            who = await self._callers.principal(body)
            return await self._answers.put(who, ref, verdict, reason)

        self._replies.later(self._replies.answer(to, work))

    async def _details(self, ack: Ack, body: Body) -> None:
        await ack()

        async def show() -> None:
            # The click is good for 3 s, looking may take longer: so first a modal, then the plan.
            view = await self._api.open_view(_trigger(body), modals.waiting())
            found: list[Block] = []

            async def look() -> None:
                who = await self._callers.principal(body)
                found.append(modals.details(await self._answers.show(who, _ref(body))))

            problem = await self._replies.outcome(look)
            shown = found[0] if found else modals.told(problem or say("Nothing to show"))
            await self._api.update_view(view, shown)

        self._replies.later(self._replies.answer(_place(body), show))

    async def _isolated(self, ack: Ack, body: Body, view: Body) -> None:
        device, said = modals.filled(view)
        reason = reason_of(said)
        if not reason:
            await ack(response_action="errors", errors={modals.REASON: "Say why, in a few words."})
            return
        await ack()

        async def work() -> Message:
            if not device:
                raise BadInput("no device was chosen")
            who = await self._callers.principal(body)
            return await self._commands.isolate(who, device, reason)

        to = {**modals.kept(view), **_user(body)}
        self._replies.later(self._replies.answer(to, work))

    async def _devices(self, ack: Ack, body: Body) -> None:
        """Options for what somebody has typed so far; none for whom we do not know."""
        typed = str(body.get("value") or "")[:_LONGEST_QUERY].strip().lower()
        try:
            async with asyncio.timeout(_OPTIONS_S):
                who = await self._callers.principal(body)
                devices = await self._desk.devices(who, typed, modals.MOST_OPTIONS)
        except (FirebreakError, TimeoutError) as error:
            self._api.log.warning(
                "no devices to choose from: %s", str(error) or "no answer in time"
            )
            devices = ()
        await ack(options=[modals.option(device) for device in devices[: modals.MOST_OPTIONS]])

    def _open(self, body: Body, view: Block) -> None:
        async def show() -> None:
            await self._api.open_view(_trigger(body), view)

        self._replies.later(self._replies.answer(_place(body), show))


async def _no_token(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
    """Bolt wants to know on whose behalf it acts: nobody's. It only routes."""
    return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id)


def _ref(body: Body) -> Ref | None:
    actions = body.get("actions")
    first = actions[0] if isinstance(actions, list) and actions else {}
    return Ref.parse(str(first.get("value") or "")) if isinstance(first, dict) else None


def _trigger(body: Body) -> str:
    return str(body.get("trigger_id") or "")


def _place(body: Body) -> dict[str, Any]:
    """Where the answer to a command or a click goes."""
    channel = body.get("channel")
    name = channel.get("id") if isinstance(channel, dict) else body.get("channel_id")
    return {
        "response_url": str(body.get("response_url") or ""),
        "channel_id": str(name or ""),
        **_user(body),
    }


def _user(body: Body) -> dict[str, Any]:
    user = body.get("user")
    return {
        "user_id": str((user.get("id") if isinstance(user, dict) else body.get("user_id")) or "")
    }
