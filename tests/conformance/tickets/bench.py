"""A ticket system under test: reached through a front that can have every kind of bad day.

``System`` looks at the tickets past the adapter, and does by hand what people do.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment
from pydantic import JsonValue

from firebreak.contracts.people import Channel, Keep, Story
from firebreak.domain.base import JsonObject
from tests.documented.service import Service
from tests.unit.itsm.systems import KINDS

_TEMPLATES = Path(__file__).parents[3] / "playbooks" / "templates"


@dataclass(frozen=True)
class Ticket:
    """A ticket as people see it. ``notes``: oldest first."""

    id: str
    title: str
    text: str
    status: str
    notes: tuple[str, ...]
    files: Mapping[str, bytes]
    names: tuple[str, ...]  # of the files, each time that one is there

    def noted(self, words: str) -> int:
        """How many notes hold these words."""
        return sum(words in note for note in self.notes)


class System(Protocol):
    """The ticket system itself."""

    @property
    def statuses(self) -> Mapping[str, str]:
        """By phase."""
        ...

    async def tickets(self, incident: str) -> list[Ticket]:
        """Those whose title names the incident, oldest first, deleted ones left out."""
        ...

    async def open_by_hand(self, title: str) -> str:
        """Somebody else's ticket."""
        ...

    async def close_by_hand(self, ticket: str) -> None:
        """Set the status to one that ends a ticket, and is not the one Firebreak sets."""
        ...

    async def delete(self, ticket: str) -> None:
        """It is gone."""
        ...


@dataclass(frozen=True)
class Tools:
    """What the wiring gives: the shipped templates, or others."""

    folder: Path = _TEMPLATES
    at: str = "https://firebreak.range.example"

    def render(self, name: str, facts: JsonObject) -> str:
        """The template's words."""
        environment = SandboxedEnvironment(
            loader=FileSystemLoader(self.folder),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        return environment.get_template(name).render(facts)

    def link(self, incident: str) -> str:
        """Where to look."""
        return f"{self.at}/incidents/{incident}"


@dataclass
class Memory:
    """What the dispatcher keeps; ``crash_at``: it dies when this would be kept the nth time."""

    known: JsonObject = field(default_factory=dict)
    kept: int = 0
    crash_at: int = 0

    async def keep(self, known: JsonObject) -> None:
        """Save it."""
        self.kept += 1
        if self.kept == self.crash_at:
            raise CrashedError
        self.known = known


class CrashedError(BaseException):
    """The process is gone: nothing may catch this."""


@dataclass
class Bench:
    """One kind, one system."""

    kind: str
    config: JsonObject
    service: Service
    system: System
    memory: Memory = field(default_factory=Memory)
    opened: list[Channel] = field(default_factory=list)

    def channel(self, **changes: JsonValue) -> Channel:
        """A channel as the channels file makes it, with other settings."""
        config: JsonObject = {**self.config, "url": self.service.url, "settle_s": 0, **changes}
        self.opened.append(KINDS[self.kind](f"{self.kind}-1", config, Tools()))
        return self.opened[-1]

    async def tell(self, story: Story, channel: Channel | None = None) -> None:
        """One telling, and what it returns is remembered."""
        keep: Keep = self.memory.keep
        known = await (channel or self.channel()).tell(story, self.memory.known, keep)
        self.memory.known = known

    async def ticket(self, incident: str) -> Ticket:
        """The one ticket of an incident."""
        (only,) = await self.system.tickets(incident)
        return only


@asynccontextmanager
async def closing(bench: Bench) -> AsyncIterator[Bench]:
    """The bench, and the end of its connections."""
    try:
        yield bench
    finally:
        for channel in bench.opened:
            await channel.close()
