"""How workflows call activities: time-outs, retries, and which ones run beside the workflow."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from activities.steps import Steps
from firebreak.domain.hold import Hold
from firebreak.domain.plan import Outcome
from firebreak.domain.step import (
    Answer,
    Ask,
    Closing,
    DutyAsk,
    Entries,
    ReleaseAsk,
    ReleaseOrder,
    Roads,
    RoadsAsk,
)
from firebreak.playbook.program import Do
from workflows.messages import Timing

# Local activities are worth no round trip through the server, but they run before the workflow task
# that asked for them is on disk. If that task is lost they run again, at another workflow time: so
# nothing that holds a time may reach the ledger through one.
_LOCAL = timedelta(seconds=30)
_ROSTER = timedelta(seconds=10)


class Calls:
    """The activities, with the timing of one response or hold."""

    def __init__(self, timing: Timing) -> None:
        """``timing``: as fixed when the workflow started."""
        self._timing = timing
        self._heartbeat = timedelta(seconds=timing.heartbeat_timeout_s)
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
            heartbeat_timeout=self._heartbeat,
            retry_policy=self._retry,
        )

    async def roads(self, ask: RoadsAsk) -> Roads:
        """Which rungs lead to a device."""
        return await workflow.execute_local_activity_method(
            Steps.roads, ask, start_to_close_timeout=_LOCAL, retry_policy=self._retry
        )

    async def on_duty(self, roles: tuple[str, ...]) -> tuple[str, ...]:
        """Who is to be asked for these roles. A roster that fails must not keep people unasked."""
        try:
            duty = await workflow.execute_activity_method(
                Steps.on_duty,
                DutyAsk(roles=roles, at=workflow.now()),
                start_to_close_timeout=_ROSTER,
                schedule_to_close_timeout=2 * _ROSTER,
                retry_policy=self._retry,
            )
        except ActivityError as error:
            workflow.logger.warning("nobody is asked by name: %s", error.cause or error)
            return ()
        return duty.people

    async def may_release(self, ask: ReleaseAsk) -> Answer:
        """Policy's word on a release."""
        return await workflow.execute_local_activity_method(
            Steps.may_release, ask, start_to_close_timeout=_LOCAL, retry_policy=self._retry
        )

    async def is_live(self, hold: Hold) -> bool:
        """Whether this very hold is still in force, or may be."""
        return await workflow.execute_activity_method(
            Steps.is_live,
            hold,
            start_to_close_timeout=_LOCAL,
            heartbeat_timeout=self._heartbeat,
            retry_policy=self._retry,
        )

    async def open_responses(self, hold: Hold) -> tuple[str, ...]:
        """Workflow ids of the responses to its device that have not ended."""
        return await workflow.execute_activity_method(
            Steps.open_responses,
            hold,
            start_to_close_timeout=_LOCAL,
            heartbeat_timeout=self._heartbeat,
            retry_policy=self._retry,
        )

    async def release(self, order: ReleaseOrder) -> Outcome:
        """One try at ending a hold."""
        return await workflow.execute_activity_method(
            Steps.release,
            order,
            start_to_close_timeout=self._timing.effect_timeout,
            heartbeat_timeout=self._heartbeat,
            retry_policy=self._retry,
        )

    async def record(self, entries: Entries) -> None:
        """Append entries, whatever they hold: an ordinary activity, asked for once and for all."""
        await workflow.execute_activity_method(
            Steps.record,
            entries,
            start_to_close_timeout=_LOCAL,
            heartbeat_timeout=self._heartbeat,
            retry_policy=self._retry,
        )

    async def close(self, closing: Closing) -> None:
        """Append the end."""
        await workflow.execute_local_activity_method(
            Steps.close, closing, start_to_close_timeout=_LOCAL, retry_policy=self._retry
        )


def roads_ask(step: Do, device: str) -> RoadsAsk:
    """The question which rungs of a step's ladder lead to a device."""
    return RoadsAsk(action=step.action, device=device, ladder=step.ladder, chosen=step.chosen)
