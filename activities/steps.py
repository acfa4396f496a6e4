"""The activities that workflows call. Built by the composition root, known by name to Temporal."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from temporalio import activity

from activities.control import ControlRunner
from activities.operation import OperationRunner
from activities.release import ReleaseRunner
from activities.roads import choose
from activities.translate import to_application_error
from activities.world import World
from firebreak.domain.hold import Hold
from firebreak.domain.plan import Outcome
from firebreak.domain.record import Kind, NewEntry
from firebreak.domain.step import (
    SYSTEM,
    Answer,
    AnswerKind,
    Ask,
    Closing,
    Duty,
    DutyAsk,
    Entries,
    ReleaseAsk,
    ReleaseOrder,
    Roads,
    RoadsAsk,
)
from firebreak.errors import FirebreakError

_ALL = 100_000  # more incidents than are ever open at once


class Steps:
    """Everything a response does to the world, each behind its intent."""

    def __init__(
        self,
        world: World,
        attempts: int,
    ) -> None:
        """``attempts``: how often a retryable error is met before it becomes the outcome."""
        self._world = world
        self._controls = ControlRunner(world)
        self._operations = OperationRunner(world)
        self._releases = ReleaseRunner(world)
        self._ledger = world.ledger
        self._attempts = attempts

    @activity.defn
    async def perform(self, ask: Ask) -> Answer:
        """One rung of one action: plan, decide, and act when nobody needs to be asked."""
        async with _alive():
            if self._world.is_control(ask.action):
                return await self._controls.perform(ask, last_attempt=self._last())
            return await self._operations.perform(ask, last_attempt=self._last())

    @activity.defn
    async def roads(self, ask: RoadsAsk) -> Roads:
        """Which rungs of a ladder lead to a device, and why the others do not."""
        async with _alive():
            return choose(self._world, ask)

    @activity.defn
    async def on_duty(self, ask: DutyAsk) -> Duty:
        """Who is to be asked by name; nobody where there is no roster."""
        async with _alive():
            if self._world.roster is None:
                return Duty()
            found = [await self._world.roster.on_duty(role, ask.at) for role in ask.roles]
            return Duty(people=tuple(dict.fromkeys(who for names in found for who in names)))

    @activity.defn
    async def may_release(self, ask: ReleaseAsk) -> Answer:
        """Whether policy lets the response end a hold."""
        async with _alive():
            live = await self._ledger.hold(ask.hold.id)
            if live is None or live.life != ask.hold.life:
                await self._ledger.append(*ask.ask.entries)
                return Answer(kind=AnswerKind.PLANNED)
            return await self._releases.may(ask.ask, ask.hold)

    @activity.defn
    async def is_live(self, hold: Hold) -> bool:
        """Whether this very hold is still in force, or may be."""
        async with _alive():
            live = await self._ledger.hold(hold.id)
            return live is not None and live.life == hold.life

    @activity.defn
    async def open_responses(self, hold: Hold) -> tuple[str, ...]:
        """Workflow ids of the responses to the hold's device that have not ended."""
        async with _alive():
            rows = await self._ledger.incidents(status="open", limit=_ALL)
            return tuple(row.workflow for row in rows if row.device == hold.device)

    @activity.defn
    async def release(self, order: ReleaseOrder) -> Outcome:
        """End a hold: restore, read back, record."""
        async with _alive():
            return await self._releases.release(order, last_attempt=self._last())

    @activity.defn
    async def record(self, entries: Entries) -> None:
        """Append what the workflow noted."""
        async with _alive():
            await self._ledger.append(*entries.entries)

    @activity.defn
    async def close(self, closing: Closing) -> None:
        """Append the end of a response."""
        async with _alive():
            end = NewEntry(
                incident=closing.incident,
                key="closed",
                kind=Kind.CLOSED,
                at=closing.at,
                actor=SYSTEM,
                body={
                    "status": closing.status,
                    "contained": closing.contained,
                    "detail": closing.detail,
                },
            )
            await self._ledger.append(*closing.entries, end)

    def all(self) -> list[Callable[..., Any]]:
        """Every activity, as a worker registers them."""
        return [
            self.perform,
            self.roads,
            self.on_duty,
            self.may_release,
            self.is_live,
            self.open_responses,
            self.release,
            self.record,
            self.close,
        ]

    def _last(self) -> bool:
        return activity.info().attempt >= self._attempts


@asynccontextmanager
async def _alive() -> AsyncIterator[None]:
    """Tell Temporal that the worker lives, and translate our errors on the way out."""
    beat = asyncio.create_task(_heartbeat())
    try:
        yield
    except FirebreakError as error:
        raise to_application_error(error) from error
    except Exception as error:  # a bug: the type that is never retried
        raise to_application_error(FirebreakError(f"internal: {error!r}")) from error
    finally:
        beat.cancel()


async def _heartbeat() -> None:
    timeout = activity.info().heartbeat_timeout
    if timeout is None:
        return
    while True:  # the first one late: most activities are over before it
        await asyncio.sleep(timeout.total_seconds() / 3)
        activity.heartbeat()
