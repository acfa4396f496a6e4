"""Which person a Slack user is: by an explicit map or a confirmed e-mail, never by a name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from firebreak.contracts.people import Directory
from firebreak.domain.people import Principal
from firebreak.errors import Forbidden
from integrations.chat.slack.api import SlackApi
from integrations.chat.slack.markup import is_user

Body = Mapping[str, Any]  # what came from Slack, as JSON or as a form
Stranger = Callable[[str, str, str], None]  # account, what was wanted, why it is nobody's

# What a full member of our own workspace is not.
# https://docs.slack.dev/reference/objects/user-object
_NOT_A_MEMBER = {
    "deleted": "the account is deactivated",
    "is_bot": "it is a bot",
    "is_app_user": "it is an app",
    "is_workflow_bot": "it is a workflow",
    "is_connector_bot": "it is a connector",
    "is_stranger": "it belongs to another workspace",
    "is_restricted": "it is a guest",
    "is_ultra_restricted": "it is a guest",
    "is_invited_user": "the invitation was not accepted yet",
}


def unnoted(account: str, action: str, why: str) -> None:
    """For who keeps no audit log."""
    del account, action, why


@dataclass(frozen=True)
class Caller:
    """Who clicked or typed, as Slack says in the request itself."""

    user: str
    teams: frozenset[str]  # where the request comes from, and whose user it is

    @classmethod
    def of(cls, body: Body) -> "Caller":
        """From a slash command's form or an interaction's payload. Raises Forbidden."""
        user, team = body.get("user"), body.get("team")
        if isinstance(user, Mapping):
            name = user.get("id")
            teams = [user.get("team_id"), team.get("id") if isinstance(team, Mapping) else None]
        else:
            name, teams = body.get("user_id"), [body.get("team_id")]
        if not isinstance(name, str) or not is_user(name):
            raise Forbidden("Slack did not say who you are")
        return cls(name, frozenset(one for one in teams if isinstance(one, str)))


class Callers:
    """Finds the principal behind a Slack user, each time anew: roles change."""

    def __init__(
        self,
        api: SlackApi,
        directory: Directory,
        stranger: Stranger = unnoted,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._api = api
        self._directory = directory
        self._stranger = stranger
        self._now = now

    async def principal(self, body: Body) -> Principal:
        """Who it is.

        Raises:
            Forbidden: nobody we know; the message says what to do.
            Unreachable, RateLimited, AuthFailed, Rejected: Slack does not tell us.
        """
        try:
            return await self._found(Caller.of(body))
        except Forbidden as error:
            user = body.get("user")
            account = user.get("id") if isinstance(user, Mapping) else body.get("user_id")
            self._stranger(str(account), str(body.get("type") or "command"), str(error))
            raise

    async def _found(self, caller: Caller) -> Principal:
        home = (await self._api.me()).team
        if not home or caller.teams != {home}:
            raise Forbidden("you belong to another workspace; only members of this one are heard")
        mapped = await self._directory.principal("slack", caller.user, self._now())
        if mapped is not None:
            return mapped
        email = self._confirmed(await self._api.user(caller.user), caller.user, home)
        found = await self._directory.principal("email", email, self._now())
        if found is None:
            raise _unknown(caller.user, "nobody in the people file has your e-mail address")
        return found

    def _confirmed(self, user: Body, name: str, home: str) -> str:
        """The e-mail address of a full member. Raises Forbidden."""
        for flag, why in _NOT_A_MEMBER.items():
            if user.get(flag):
                raise _unknown(name, why)
        if user.get("id") != name or user.get("team_id") != home:
            raise _unknown(name, "it belongs to another workspace")
        profile = user.get("profile")
        email = profile.get("email") if isinstance(profile, Mapping) else None
        if not isinstance(email, str) or not email:
            raise _unknown(name, "Slack shows us no e-mail address (scope users:read.email)")
        if user.get("is_email_confirmed") is not True:
            raise _unknown(name, "Slack does not say that your e-mail address is confirmed")
        return email


def _unknown(user: str, why: str) -> Forbidden:
    return Forbidden(
        f"Firebreak does not know who you are: {why}. Ask whoever keeps the people file to add "
        f"your Slack id, {user}, to your entry."
    )
