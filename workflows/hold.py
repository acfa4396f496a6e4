"""One hold: keeps a control in force for its time, then gives back exactly what was there."""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, FailureError

from firebreak.domain.hold import Hold, HoldState
from firebreak.domain.plan import Outcome, OutcomeKind
from firebreak.domain.record import Kind
from firebreak.domain.step import SYSTEM, Ask, Entries, ReleaseOrder
from firebreak.errors import DefinitionError, Forbidden, RevertFailed
from firebreak.playbook.expressions import truth
from firebreak.playbook.program import Until
from workflows.calls import Calls
from workflows.messages import Attach, EndOrder, ExtendOrder, HoldEnded, HoldInput
from workflows.outbox import Outbox

# No single extension may turn a time box into a standing outage.
LONGEST_S = 7 * 24 * 3600


@workflow.defn
class HoldWorkflow:
    """Id ``hold/<device>/<action>``: alone may extend, release or expire it."""

    @workflow.init
    def __init__(self, start: HoldInput) -> None:
        """Signals may arrive with the start, so everything they touch is made here."""
        self._start = start
        self._hold = start.hold
        self._attached = list(start.attached)
        self._attempts = start.attempts
        self._looks = start.looks
        self._calls = Calls(start.timing)
        self._outbox = Outbox(start.hold.incident)
        self._order: EndOrder | None = None
        self._last: Outcome | None = None
        self._tries_ended = 0

    @workflow.run
    async def run(self, start: HoldInput) -> Outcome:
        """Keep the hold until something ends it; keep trying until it is really ended."""
        while True:
            order = await self._until_due()
            outcome = await self._release(order)
            self._last = outcome
            self._tries_ended += 1
            await self._tell(outcome)
            if outcome.kind is OutcomeKind.ENFORCED:
                await workflow.wait_condition(workflow.all_handlers_finished)
                return outcome
            self._hold = self._hold.model_copy(
                update={"state": HoldState.STUCK, "detail": outcome.detail}
            )
            self._order = None
            await self._pause(timedelta(seconds=start.timing.release_retry_s))
            await self._go_on_if_long()

    async def _until_due(self) -> EndOrder:
        """Why the hold ends now: an order, its time, or its condition."""
        while self._order is None:
            left = self._expires() - workflow.now()
            if left <= timedelta(0):
                return EndOrder(who=SYSTEM, why="its time is up")
            until = self._start.spec.until
            if until is None:
                await self._pause(left)
                continue
            if await self._condition(until):
                return EndOrder(who=SYSTEM, why=f"its condition holds: {until.that}")
            await self._pause(min(left, timedelta(seconds=until.every_s)))
            await self._go_on_if_long()
        return self._order

    async def _pause(self, at_most: timedelta) -> None:
        """Wait for an order or a changed expiry."""
        expires = self._expires()
        try:
            await workflow.wait_condition(
                lambda: self._order is not None or self._expires() != expires, timeout=at_most
            )
        except TimeoutError:
            return

    def _expires(self) -> datetime:
        return self._hold.expires_at or self._hold.started_at

    async def _condition(self, until: Until) -> bool:
        """Observe once. An observation that fails, or a result of another shape, is a no."""
        self._looks += 1
        ask = Ask(
            incident=self._hold.incident,
            response=workflow.info().workflow_id,
            step=f"{self._hold.id}/{self._hold.started_at:%Y%m%dT%H%M%S.%f}/until.{self._looks}",
            action=until.do,
            device=self._hold.device,
            inputs=until.inputs,
            requester=self._start.requester,
            entries=self._outbox.waiting(),
        )
        try:
            answer = await self._calls.perform(ask, quick=False)
            self._outbox.sent(ask.entries)
            seen = answer.outcome
            return bool(seen and seen.in_force and truth(until.that, {"result": seen.result}))
        except (ActivityError, DefinitionError):
            return False

    async def _release(self, order: EndOrder) -> Outcome:
        await self._flush()
        self._attempts += 1
        return await self._calls.release(
            ReleaseOrder(hold=self._hold, attempt=self._attempts, why=order.why, who=order.who)
        )

    async def _tell(self, outcome: Outcome) -> None:
        """Tell the responses that stand under the hold; one that has ended needs no telling."""
        for response in self._attached:
            handle = workflow.get_external_workflow_handle(response)
            try:
                await handle.signal("hold_ended", HoldEnded(hold=self._hold.id, outcome=outcome))
            except FailureError:
                workflow.logger.info("%s has ended before its hold", response)

    async def _go_on_if_long(self) -> None:
        """Begin a fresh history before this one grows too long; an order waiting goes first."""
        if self._order is not None or not workflow.info().is_continue_as_new_suggested():
            return
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(
            self._start.model_copy(
                update={
                    "hold": self._hold,
                    "attached": tuple(self._attached),
                    "attempts": self._attempts,
                    "looks": self._looks,
                }
            )
        )

    async def _flush(self) -> None:
        entries = self._outbox.waiting()
        if entries:
            await self._calls.record(Entries(entries=entries))
            self._outbox.sent(entries)

    async def _move(self, expires_at: datetime, who: str, why: str) -> None:
        self._hold = self._hold.model_copy(update={"expires_at": expires_at})
        self._outbox.put(
            Kind.HOLD_EXTENDED,
            f"extended:{self._hold.id}:{expires_at.isoformat()}",
            actor=who,
            hold=self._hold.id,
            expires_at=expires_at.isoformat(),
            who=who,
            reason=why,
        )
        await self._flush()

    @workflow.signal
    async def attach(self, more: Attach) -> None:
        """Another response stands under this hold; keep it at least as long as that one needs."""
        if more.response not in self._attached:
            self._attached.append(more.response)
        if more.expires_at > self._expires():
            await self._move(more.expires_at, SYSTEM, f"{more.incident} needs it for longer")

    @workflow.signal
    def end(self, order: EndOrder) -> None:
        """End it now; attached responses are told what came of it."""
        self._order = order

    @workflow.update
    async def release(self, order: EndOrder) -> Hold:
        """End it now and answer once it is really ended.

        Raises:
            ApplicationError: of type revert-failed; the hold stays, and is tried again.
        """
        wanted = self._tries_ended + 1
        self._order = order
        await workflow.wait_condition(lambda: self._tries_ended >= wanted)
        if self._last is None or self._last.kind is not OutcomeKind.ENFORCED:
            raise ApplicationError(self._last.detail if self._last else "", type=RevertFailed.code)
        return self._hold.model_copy(update={"state": HoldState.RELEASED})

    @workflow.update
    async def extend(self, order: ExtendOrder) -> Hold:
        """Move the expiry by ``by_s`` seconds (negative: sooner)."""
        moved = self._expires() + timedelta(seconds=order.by_s)
        await self._move(moved, order.who, order.why)
        return self._hold

    @extend.validator
    def check_extend(self, order: ExtendOrder) -> None:
        """A hold cannot be stretched beyond LONGEST_S from now."""
        moved = self._expires() + timedelta(seconds=order.by_s)
        if moved - workflow.now() > timedelta(seconds=LONGEST_S):
            raise ApplicationError(
                f"a hold can last at most {LONGEST_S // 86400} days from now", type=Forbidden.code
            )
