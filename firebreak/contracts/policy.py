"""What is asked of policy, and what it answers."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from pydantic import AwareDatetime, Field

from firebreak.domain.base import Model
from firebreak.domain.device import Device
from firebreak.domain.people import Decision, Principal
from firebreak.domain.plan import Plan


class Blast(Model):
    """How many other devices are held, or about to be, when policy is asked about one more."""

    site: int = Field(default=0, ge=0)
    device_class: int = Field(default=0, ge=0, alias="class")
    switch: int = Field(default=0, ge=0)
    redundancy_group: int = Field(default=0, ge=0)
    last_hour: int = Field(default=0, ge=0)  # at the site, ended ones too


class Question(Model):
    """What policy is asked. ``at`` is the moment it is asked about; None: now."""

    action: str
    plan: Plan | None
    device: Device
    requester: Principal
    severity: int = 0
    confidence: int = 0
    drill: bool = False
    change_window: bool = False  # whether a change window of the site is open
    blast: Blast = Blast()
    at: AwareDatetime | None = None


Decide = Callable[[Question], Awaitable[Decision]]  # policy's word, with the facts it asks for


class Policy(Protocol):
    """Who may do which action to which device, and with whose agreement. No rule is a no."""

    @property
    def digest(self) -> str:
        """Which policy this is."""
        ...

    def decide(self, question: Question) -> Decision:
        """The decision and the rules that made it. Raises nothing: a doubt is FORBID."""
        ...
