"""What the server is built from: contracts and narrow protocols, given by the composition root."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import Depends, Request

from firebreak.contracts import AlertParser, Engine, Inventory, Ledger, Policy
from firebreak.domain.alert import Alert
from firebreak.domain.device import Device
from firebreak.domain.people import Principal
from firebreak.domain.record import Entry
from firebreak.playbook.program import Program
from firebreak.policy.blast_radius import BlastRadius
from firebreak.policy.live import PolicyStatus
from firebreak.settings import Settings


class Tokens(Protocol):
    """API tokens, kept as hashes."""

    async def authenticate(self, secret: str) -> Principal | None:
        """Whose token this is; None when it is nobody's. Raises LedgerUnavailable."""
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


@dataclass(frozen=True)
class Services:
    """Everything the API needs.

    ``policy`` is asked before a person ends a hold; responses ask it where they run.
    ``receipts`` makes the signed DSSE envelope of a chain. ``resolve_secret`` turns a reference
    into the secret, at each call, so that a rotated secret needs no restart; it raises
    FirebreakError when it cannot. ``policy_status`` says what decides here, and since when.
    """

    settings: Settings
    ledger: Ledger
    engine: Engine
    inventory: Inventory
    policy: Policy
    blast_radius: BlastRadius
    playbooks: Playbooks
    tokens: Tokens
    sources: Mapping[str, Source]
    receipts: Callable[[tuple[Entry, ...]], bytes]
    resolve_secret: Callable[[str], str]
    policy_status: Callable[[], PolicyStatus]


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Use = Annotated[Services, Depends(_services)]
