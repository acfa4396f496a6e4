"""What the conformance suite needs to know of an adapter: a target, its truth, and bad days."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import pytest

from firebreak.contracts.controls import Control
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device
from firebreak.domain.estate import Switch


class Fault(StrEnum):
    """Every way an outside system fails that a control has a documented answer to."""

    UNREACHABLE = "unreachable"
    WRONG_CREDENTIALS = "wrong-credentials"
    CHANGED_IDENTITY = "changed-identity"  # another host key, another certificate
    HANG = "hang"  # takes a request and never answers
    HANG_AFTER_WRITE = "hang-after-write"
    CUT_BEFORE_WRITE = "cut-before-write"
    CUT_AFTER_WRITE = "cut-after-write"
    REFUSE_WRITE = "refuse-write"


class Forbidden(StrEnum):
    """Targets that must not be touched."""

    TRUNK = "trunk"
    UPLINK = "uplink"
    CROWDED = "crowded"  # several devices behind one port
    UNKNOWN = "unknown"
    MOVED = "moved"  # the device is somewhere else
    UNPLACED = "unplaced"  # the inventory does not say where


class Trait(StrEnum):
    """What most systems have, and some cannot."""

    REVERSIBLE = "reversible"  # there is a way back
    DRIFT = "drift"  # someone else can change what the control looks after


class Tested(StrEnum):
    """What an adapter was held against."""

    REAL_PEER = "real peer"
    EMULATOR = "emulator"  # our own, from captured or documented output
    DOCUMENTED = "documented shape"  # our own, from the vendor's API documentation


class Bench(Protocol):
    """One adapter on one live system. ``truth`` and ``effects`` look past the adapter."""

    @property
    def device(self) -> Device:
        """A device the control may act on."""
        ...

    def forbidden(self, kind: Forbidden) -> Device:
        """A device on a target that must not be touched."""
        ...

    def refusal(self, kind: Forbidden) -> str:
        """A pattern that the reason given for a forbidden target matches."""
        ...

    @property
    def secret(self) -> str:
        """The credential in use, which must never show."""
        ...

    def truth(self) -> JsonObject:
        """The target's state as the system itself has it, in the control's own words."""
        ...

    def effects(self) -> int:
        """How many changes have reached the system over the adapter's way in."""
        ...

    def sessions(self) -> int:
        """How many connections of the adapter are open."""
        ...

    def credentials_tried(self) -> int:
        """How often someone tried to log in and failed or succeeded."""
        ...

    async def drift(self) -> None:
        """Someone else changes what the control looks after."""
        ...

    async def break_with(self, fault: Fault) -> None:
        """Make the system fail from now on. May need a control made afterwards."""
        ...

    async def mend(self) -> None:
        """End every fault."""
        ...

    def control(self, deadline_s: float) -> Control:
        """The adapter under test, fresh; closed with the bench."""
        ...


def with_cli(switch: Switch, **changes: object) -> Switch:
    """The switch with another way to log in."""
    assert switch.cli is not None
    return switch.model_copy(update={"cli": switch.cli.model_copy(update=changes)})


Case = Fault | Forbidden | Trait


@dataclass(frozen=True)
class Adapter:
    """One line in the suite's list: how to open a bench, and which real peers it needs.

    ``exempt`` names what cannot be on this road, each with the reason; it is printed in the docs.
    """

    name: str
    adapter: str  # as in plans
    rung: str
    how: Tested
    open: Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[Bench]]
    peers: tuple[str, ...] = ()
    exempt: Mapping[Case, str] = field(default_factory=dict)

    @property
    def marks(self) -> list[pytest.MarkDecorator]:
        """Which real peers it needs."""
        return [pytest.mark.peer(peer) for peer in self.peers]
