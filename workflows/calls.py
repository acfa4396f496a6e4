"""How workflows call activities: time-outs, retries, and which ones run beside the workflow."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from activities.steps import Steps
from firebreak.domain.plan import Outcome
from firebreak.domain.step import (
    Answer,
    Ask,
    Closing,
    Entries,
    ReleaseAsk,
    ReleaseOrder,
)
from workflows.messages import Timing

# A ledger entry alone: short, idempotent, and worth no round trip through the server.
_LOCAL = timedelta(seconds=30)


class Calls:
    """The activities, with the timing of one response or hold."""

    def __init__(self, timing: Timing) -> None:
        """``timing``: as fixed when the workflow started."""
        self._timing = timing
        self._retry = RetryPolicy(
            initial_interval=timedelta(seconds=timing.retry_backoff_s),
            maximum_interval=timedelta(seconds=max(30, timing.retry_backoff_s)),
        )

    async def perform(self, ask: Ask, *, quick: bool) -> Answer:
        """One rung. Quick actions run as local activities: their intent on disk makes that safe."""
        if quick:
            return await workflow.execute_local_activity_method(
                Steps.perform, ask, start_to_close_timeout=_LOCAL, retry_policy=self._retry
            )
        return await workflow.execute_activity_method(
            Steps.perform,
            ask,
            start_to_close_timeout=self._timing.effect_timeout,
            heartbeat_timeout=timedelta(seconds=self._timing.heartbeat_timeout_s),
            retry_policy=self._retry,
        )

    async def may_release(self, ask: ReleaseAsk) -> Answer:
        """Policy's word on a release."""
        return await workflow.execute_local_activity_method(
            Steps.may_release, ask, start_to_close_timeout=_LOCAL, retry_policy=self._retry
        )

    async def release(self, order: ReleaseOrder) -> Outcome:
        """One try at ending a hold."""
        return await workflow.execute_activity_method(
            Steps.release,
            order,
            start_to_close_timeout=self._timing.effect_timeout,
            heartbeat_timeout=timedelta(seconds=self._timing.heartbeat_timeout_s),
            retry_policy=self._retry,
        )

    async def record(self, entries: Entries) -> None:
        """Append entries."""
        await workflow.execute_local_activity_method(
            Steps.record, entries, start_to_close_timeout=_LOCAL, retry_policy=self._retry
        )

    async def close(self, closing: Closing) -> None:
        """Append the end."""
        await workflow.execute_local_activity_method(
            Steps.close, closing, start_to_close_timeout=_LOCAL, retry_policy=self._retry
        )
