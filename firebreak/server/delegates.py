"""Whom a person can name to answer a request instead, and what that lets somebody do."""

from datetime import UTC, datetime
from typing import Protocol

from firebreak.contracts.ledger import Ledger
from firebreak.contracts.people import Directory
from firebreak.domain.people import Principal
from firebreak.errors import Forbidden, NotFound
from firebreak.people.nobody import NobodyKnown
from firebreak.server import roles
from firebreak.server.roles import Rule


class TokenHolders(Protocol):
    """Whose tokens are live."""

    async def current(self, principal: Principal, at: datetime) -> Principal:
        """The principal with the roles of the live token of that name; none when there is none."""
        ...


class Delegates:
    """By the people file where there is one, else by the tokens that are live.

    Who is named answers with the role of whoever named them. So they need none of their own, for
    that request and no other; whether their answer counts is for the response to say.
    """

    def __init__(self, ledger: Ledger, directory: Directory, tokens: TokenHolders) -> None:
        """``directory``: ``NobodyKnown`` without a people file."""
        self._ledger = ledger
        self._directory = directory
        self._tokens = tokens

    async def check_can_be_named(self, name: str) -> None:
        """Raises NotFound unless somebody of that name could answer."""
        if not isinstance(self._directory, NobodyKnown):
            if self._directory.person(name) is None:
                raise NotFound(f"nobody here is called {name}")
            return
        holder = await self._tokens.current(Principal(id=name), datetime.now(UTC))
        try:
            roles.DECIDE.check(holder)
        except Forbidden as error:
            raise NotFound(f"no person who may answer has a live token named {name}") from error

    async def check_answering(self, rule: Rule, who: Principal, approval: str) -> None:
        """Raises Forbidden unless ``who`` keeps to the rule, or was named to answer this one."""
        try:
            rule.check(who)
        except Forbidden:
            if not await self._was_named(who, approval):
                raise

    async def _was_named(self, who: Principal, approval: str) -> bool:
        if who.kind != "person" or not self._is_known(who):
            return False
        try:
            request = await self._ledger.approval(approval)
        except NotFound:
            return False  # a stranger learns nothing about what there is
        return any(one.to == who.id for one in request.delegations)

    def _is_known(self, who: Principal) -> bool:
        """Without a people file whoever has a token is."""
        if isinstance(self._directory, NobodyKnown):
            return True
        return self._directory.person(who.id) is not None
