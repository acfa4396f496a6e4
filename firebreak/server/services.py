"""What the server is built from: contracts and narrow protocols, given by the composition root."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Annotated, Protocol

from fastapi import Depends, Request
from starlette.routing import BaseRoute

from firebreak.contracts.engine import Engine
from firebreak.contracts.ledger import Ledger
from firebreak.contracts.people import Directory
from firebreak.contracts.policy import Decide
from firebreak.contracts.sources import AlertParser, Inventory
from firebreak.domain.alert import Alert
from firebreak.domain.channel import ChannelStatus
from firebreak.domain.credential import Credential
from firebreak.domain.device import Device
from firebreak.domain.record import Entry
from firebreak.errors import NotFound
from firebreak.ledger.audit import AuditLog
from firebreak.people.nobody import NobodyKnown
from firebreak.playbook.program import Program
from firebreak.policy.blast_radius import BlastRadius
from firebreak.policy.live import PolicyStatus
from firebreak.server.delegates import Delegates, TokenHolders
from firebreak.server.desk import FrontDesk
from firebreak.settings import Settings


class Tokens(TokenHolders, Protocol):
    """API tokens, kept as hashes."""

    async def authenticate(self, secret: str) -> Credential | None:
        """Whose token this is; None when it is nobody's. Raises LedgerUnavailable."""
        ...


class SignIn(Protocol):
    """The tokens of a sign-in elsewhere, such as an OpenID provider's."""

    async def verify(self, token: str) -> Credential:
        """Whose token this is. Raises Unauthorized; Unreachable when it cannot be told now."""
        ...


class Playbooks(Protocol):
    """The playbooks that can be started, and when alerts start them."""

    def programs(self) -> Sequence[Program]:
        """All playbooks, by name."""
        ...

    def matching(self, alert: Alert, device: Device) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """``(playbooks to start, what went wrong while evaluating triggers)``. Raises nothing."""
        ...


@dataclass(frozen=True)
class Source:
    """A detector that may post alerts.

    ``secret`` refers to the key of its signatures (``env:NAME``, ``file:/path``); empty means that
    this source has none and posts with a bearer token.
    """

    parser: AlertParser
    secret: str = ""


class Telling(Protocol):
    """What tells people, as one of this process's tasks."""

    async def run(self) -> None:
        """Tell until cancelled."""
        ...

    def statuses(self) -> Sequence[ChannelStatus]:
        """How each channel stands."""
        ...

    async def test(self, name: str, who: str) -> None:
        """Send a test message through one channel. Raises NotFound, and what went wrong."""
        ...


class Inbound(Protocol):
    """A way for people to answer other than the API: a chat."""

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """What it serves; it authenticates by itself."""
        ...

    def running(self) -> AbstractAsyncContextManager[None]:
        """What has to run beside the server."""
        ...


class Nobody:
    """Tells nobody: there is no channels file."""

    async def run(self) -> None:
        """See Telling."""

    def statuses(self) -> Sequence[ChannelStatus]:
        """See Telling."""
        return ()

    async def test(self, name: str, who: str) -> None:
        """See Telling."""
        del who
        raise NotFound(f"no channel {name}: FIREBREAK_CHANNELS_FILE names no file")


@dataclass(frozen=True)
class Services:
    """Everything the API needs.

    ``decide`` asks policy before a person ends a hold; responses ask it where they run.
    ``receipts`` makes the signed DSSE envelope of a chain. ``resolve_secret`` turns a reference
    into the secret, at each call, so that a rotated secret needs no restart; it raises
    FirebreakError when it cannot. ``policy_status`` says what decides here, and since when.
    ``sign_in`` None: API tokens are the only way in.
    """

    settings: Settings
    ledger: Ledger
    engine: Engine
    inventory: Inventory
    decide: Decide
    blast_radius: BlastRadius
    playbooks: Playbooks
    tokens: Tokens
    sources: Mapping[str, Source]
    receipts: Callable[[tuple[Entry, ...]], bytes]
    resolve_secret: Callable[[str], str]
    policy_status: Callable[[], PolicyStatus]
    audit: AuditLog
    directory: Directory = field(default_factory=NobodyKnown)
    sign_in: SignIn | None = None
    telling: Telling = field(default_factory=Nobody)
    inbounds: Sequence[Inbound] = ()

    @property
    def desk(self) -> FrontDesk:
        """What people can ask for and order, over these services."""
        return FrontDesk(
            self.engine,
            self.ledger,
            self.inventory,
            self.decide,
            self.playbooks.programs,
            delegates=self.delegates,
        )

    @property
    def delegates(self) -> Delegates:
        """Whom people can name to answer instead, over these services."""
        return Delegates(self.ledger, self.directory, self.tokens)


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Use = Annotated[Services, Depends(_services)]
