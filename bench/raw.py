"""The other side: the same effects as a workflow that someone wrote by hand on raw Temporal."""

import asyncio
import sys
from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    import uvloop

    from bench.common import EFFECTS, Bell

QUEUE = "bench-raw"


@dataclass
class RawInput:
    """Who to act on, and whether by local activities."""

    who: str
    local: bool


@dataclass
class RawEffect:
    """One effect."""

    who: str
    step: str


class RawActivities:
    """The effect that both sides have."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell

    @activity.defn
    async def effect(self, ask: RawEffect) -> None:
        """Ring."""
        self._bell.ring(ask.who, ask.step)


@workflow.defn
class RawWorkflow:
    """Five effects in a row."""

    @workflow.run
    async def run(self, start: RawInput) -> None:
        """Have them."""
        for number in range(EFFECTS):
            ask = RawEffect(start.who, f"e{number}")
            timeout = timedelta(seconds=30)
            if start.local:
                await workflow.execute_local_activity_method(
                    RawActivities.effect, ask, start_to_close_timeout=timeout
                )
            else:
                await workflow.execute_activity_method(
                    RawActivities.effect, ask, start_to_close_timeout=timeout
                )


@workflow.defn
class RawApproval:
    """One effect, once a person has said yes by an update."""

    def __init__(self) -> None:
        """Nobody has said anything."""
        self._said: str | None = None

    @workflow.run
    async def run(self, start: RawInput) -> None:
        """Wait, then have it."""
        await workflow.wait_condition(lambda: self._said is not None)
        ask = RawEffect(start.who, "e0")
        await workflow.execute_activity_method(
            RawActivities.effect, ask, start_to_close_timeout=timedelta(seconds=30)
        )

    @workflow.update
    def approve(self, who: str) -> str:
        """One person's yes."""
        self._said = who
        return who

    @approve.validator
    def check(self, who: str) -> None:
        """Once, and by somebody."""
        if not who or self._said is not None:
            raise ValueError("it does not count")


async def _serve(address: str, bell_port: int) -> None:
    client = await Client.connect(address)
    activities = RawActivities(Bell(bell_port))
    async with Worker(
        client,
        task_queue=QUEUE,
        workflows=[RawWorkflow, RawApproval],
        activities=[activities.effect],
    ):
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], int(sys.argv[2])))
