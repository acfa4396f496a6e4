"""One hold: keeps a control in force for its time, then gives back exactly what was there."""

import asyncio
import contextlib
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, FailureError

from firebreak.domain.hold import Hold, HoldState
from firebreak.domain.plan import Outcome, OutcomeKind
from firebreak.domain.record import Kind
from firebreak.domain.step import SYSTEM, Ask, Entries, ReleaseOrder
from firebreak.errors import DefinitionError, NotFound, Rejected, RevertFailed
from firebreak.playbook.expressions import truth
from firebreak.playbook.program import Until
from workflows.calls import Calls
from workflows.messages import (
    Attach,
    EndOrder,
    ExtendOrder,
    HoldEnded,
    HoldInput,
    HoldJoined,
)
from workflows.outbox import Outbox

# No extension may turn a time box into a standing outage.
LONGEST = timedelta(days=7)


@workflow.defn
class HoldWorkflow:
    """Id ``hold/<device>/<action>``: alone may extend, release or expire it.

    One run keeps one life of the hold. A response that contains the device anew while this run is
    still saying goodbye leaves its own hold as the successor, and the run goes on with that one.

    Every ``attach`` and every ``end`` is answered, and none while a release is under way: until it
    has ended nobody can say whether there is a hold to stand under.
    """

    @workflow.init
    def __init__(self, start: HoldInput) -> None:
        """Signals may arrive with the start, so everything they touch is made here."""
        self._start = start
        self._hold = start.hold
        self._attached = list(start.attached)
        self._attempts = start.attempts
        self._looks = start.looks
        self._moves = start.moves
        self._calls = Calls(start.timing)
        self._outbox = Outbox(start.hold.incident)
        self._order = start.order
        self._failed: EndOrder | None = None  # an order that is tried again
        self._last: Outcome | None = None
        self._tries_ended = 0
        self._begun = False  # who stands under the hold is known
        self._releasing = False
        self._ended = False
        self._successor: HoldInput | None = None
        # A hold that is begun again counts from nought: what it records is told apart by this.
        self._chain = workflow.info().first_execution_run_id.replace("-", "")[-12:]

    @workflow.run
    async def run(self, start: HoldInput) -> str:
        """Keep the hold until something ends it; keep trying until it is really ended."""
        if not await self._calls.is_live(self._hold):
            self._order = EndOrder(who=SYSTEM, why="it has ended already")
        if start.again:
            self._attach(await self._calls.open_responses(self._hold))
        self._begun = True
        await self._keep(start)
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self._successor is not None:
            workflow.continue_as_new(self._successor)
        return self._last.detail if self._last else "it had ended before"

    async def _keep(self, start: HoldInput) -> None:
        while True:
            order = self._order or self._failed or await self._until_due()
            self._order = None
            self._last = await self._release(order)
            self._tries_ended += 1
            if self._last.kind is OutcomeKind.ENFORCED or self._last.error == NotFound.code:
                self._ended = True
                await self._tell(self._last)
                return
            self._failed = order
            self._hold = self._hold.model_copy(
                update={"state": HoldState.STUCK, "detail": self._last.detail}
            )
            await self._tell(self._last)
            await self._pause(timedelta(seconds=start.timing.release_retry_s))
            await self._go_on_if_long()

    # -- waiting ----------------------------------------------------------------------------

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
            if await self._met(until, left):
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

    async def _met(self, until: Until, left: timedelta) -> bool:
        """Observe once, but never so long that an order or the expiry has to wait for it."""
        look = asyncio.create_task(self._condition(until))
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: look.done() or self._order is not None, timeout=left
            )
        if look.done():
            return look.result()
        look.cancel()
        return False

    async def _condition(self, until: Until) -> bool:
        """An observation that fails, or a result of another shape, is a no."""
        self._looks += 1
        ask = Ask(
            incident=self._hold.incident,
            response=workflow.info().workflow_id,
            step=f"{self._hold.life}/until.{self._chain}.{self._looks}",
            action=until.do,
            device=self._hold.device,
            inputs=until.inputs,
            requester=self._start.requester,
        )
        try:
            answer = await self._calls.perform(ask, quick=False)
            if answer.entries:
                await self._calls.record(Entries(entries=answer.entries))
            seen = answer.outcome
            return bool(seen and seen.in_force and truth(until.that, {"result": seen.result}))
        except (ActivityError, DefinitionError):
            return False

    # -- ending -----------------------------------------------------------------------------

    async def _release(self, order: EndOrder) -> Outcome:
        self._attempts += 1
        self._releasing = True
        try:
            return await self._calls.release(
                ReleaseOrder(
                    hold=self._hold,
                    attempt=self._attempts,
                    why=order.why,
                    who=order.who,
                    chain=self._chain,
                )
            )
        finally:
            self._releasing = False

    async def _tell(self, outcome: Outcome) -> None:
        """Tell the responses that stand under the hold what came of a release."""
        ended = HoldEnded(life=self._hold.life, outcome=outcome)
        for response in tuple(self._attached):
            await self._say(response, "hold_ended", ended)

    async def _say(self, response: str, signal: str, word: HoldEnded | HoldJoined) -> None:
        """Tell one response. One that has ended needs no telling."""
        try:
            await workflow.get_external_workflow_handle(response).signal(signal, word)
        except FailureError:
            workflow.logger.info("%s has ended before it heard of its hold", response)

    async def _go_on_if_long(self) -> None:
        """Begin a fresh history before this one grows too long."""
        if not workflow.info().is_continue_as_new_suggested():
            return
        await workflow.wait_condition(
            lambda: workflow.all_handlers_finished() or self._order is not None
        )
        if self._order is not None:
            return  # it goes first, and the next round comes here again
        workflow.continue_as_new(
            self._start.model_copy(
                update={
                    "hold": self._hold,
                    "attached": tuple(self._attached),
                    "attempts": self._attempts,
                    "looks": self._looks,
                    "moves": self._moves,
                    "order": self._failed,
                    "again": False,
                }
            )
        )

    async def _move(self, expires_at: datetime, who: str, why: str) -> None:
        """Move the expiry, at once. Raises ActivityError when that cannot be recorded."""
        self._moves += 1
        before = self._expires()
        self._hold = self._hold.model_copy(update={"expires_at": expires_at})
        self._outbox.put(
            Kind.HOLD_EXTENDED,
            f"extended:{self._hold.life}#{self._chain}.{self._moves}",
            actor=who,
            hold=self._hold.id,
            started_at=self._hold.started_at.isoformat(),
            expires_at=expires_at.isoformat(),
            who=who,
            reason=why,
        )
        entries = self._outbox.waiting()
        try:
            await self._calls.record(Entries(entries=entries))
        except ActivityError:
            self._hold = self._hold.model_copy(update={"expires_at": before})
            raise
        finally:
            self._outbox.sent(entries)

    # -- what others say --------------------------------------------------------------------

    @workflow.signal
    async def attach(self, more: Attach) -> None:
        """Another response stands under this hold; keep it at least as long as that one needs."""
        try:
            joined = await self._joins(more)
        except ActivityError as error:  # no answer to others may end the hold's own workflow
            workflow.logger.error("%s could not join: %s", more.incident, error.cause or error)
            joined = False
        for response in more.start.attached:
            await self._say(
                response, "hold_joined", HoldJoined(question=more.question, joined=joined)
            )

    async def _joins(self, more: Attach) -> bool:
        """Whether the response stands under a live hold now, which nobody is giving back."""
        if more.start.hold.life != self._hold.life:
            return await self._succeeds(more)
        await self._at_rest()
        if self._given_back:
            return False
        self._attach(more.start.attached)
        wanted = min(more.expires_at, workflow.now() + LONGEST)
        if wanted > self._expires():
            await self._move(wanted, SYSTEM, f"{more.incident} needs it for longer")
            await self._at_rest()
        return not self._given_back

    async def _succeeds(self, more: Attach) -> bool:
        """Take over another life of the hold, from the response that began it."""
        hold = more.start.hold
        if more.incident != hold.incident or not await self._calls.is_live(hold):
            return False
        self._successor = more.start
        self._order = EndOrder(who=SYSTEM, why="it has ended already")  # or that one were not live
        return True

    async def _at_rest(self) -> None:
        """Wait until no release is under way or ordered."""
        while not self._rests():  # one may begin between the condition and its waiter
            await workflow.wait_condition(self._rests)

    def _rests(self) -> bool:
        return self._ended or (self._begun and not self._releasing and self._order is None)

    @property
    def _given_back(self) -> bool:
        """It has ended, or will as soon as the way back is open."""
        return self._ended or self._hold.state is HoldState.STUCK

    def _attach(self, responses: tuple[str, ...]) -> None:
        self._attached += [who for who in responses if who not in self._attached]

    @workflow.signal
    async def end(self, order: EndOrder) -> None:
        """A response gives the device back: the hold ends once the last that needs it has."""
        if order.life not in ("", self._hold.life):
            await self._end_other(order)
            return
        await self._at_rest()
        if self._ended and self._last is not None:  # the others have been told already
            ended = HoldEnded(life=self._hold.life, outcome=self._last)
            await self._say(order.response, "hold_ended", ended)
            return
        others = [who for who in self._attached if who != order.response]
        if not others:
            self._attached = [order.response]
            self._order = order
            return
        self._attached = others
        stays = self._word(OutcomeKind.ACCEPTED, f"it stays in force for {', '.join(others)}")
        ended = HoldEnded(life=self._hold.life, outcome=stays)
        await self._say(order.response, "hold_ended", ended)

    async def _end_other(self, order: EndOrder) -> None:
        """An order about another life ends the successor, as soon as that runs, and never this."""
        if self._successor is not None and self._successor.hold.life == order.life:
            self._successor = self._successor.model_copy(update={"order": order})
            return
        gone = self._word(OutcomeKind.REFUSED, "this hold has ended already", NotFound.code)
        await self._say(order.response, "hold_ended", HoldEnded(life=order.life, outcome=gone))

    def _word(self, kind: OutcomeKind, detail: str, error: str = "") -> Outcome:
        """What a response hears that no activity has done anything for."""
        now = workflow.now()
        return Outcome(
            kind=kind,
            step=f"{self._hold.life}/leave",
            action=self._hold.action,
            device=self._hold.device,
            detail=detail,
            error=error,
            started_at=now,
            ended_at=now,
        )

    @workflow.update
    async def release(self, order: EndOrder) -> Hold:
        """End it now, whoever else needs it, and answer once it is really ended.

        Raises:
            ApplicationError: of type revert-failed; the hold stays, and is tried again.
        """
        if not self._ended:
            wanted = self._tries_ended + 1
            self._order = order
            await workflow.wait_condition(lambda: self._ended or self._tries_ended >= wanted)
        if self._last is not None and self._last.kind is not OutcomeKind.ENFORCED:
            raise ApplicationError(self._last.detail, type=RevertFailed.code)
        return self._hold.model_copy(update={"state": HoldState.RELEASED})

    @workflow.update
    async def extend(self, order: ExtendOrder) -> Hold:
        """Move the expiry by ``by_s`` seconds (negative: sooner)."""
        if order.by_s > 0:
            self._failed = None  # whoever wants it longer does not want it ended now
        await self._move(self._expires() + timedelta(seconds=order.by_s), order.who, order.why)
        return self._hold

    @extend.validator
    def check_extend(self, order: ExtendOrder) -> None:
        """A hold cannot be stretched beyond LONGEST from now, nor once it is given back."""
        if self._ended:
            raise ApplicationError("this hold has ended", type=Rejected.code)
        if self._releasing:
            raise ApplicationError("this hold is being given back", type=Rejected.code)
        moved = self._expires() + timedelta(seconds=order.by_s)
        if moved - workflow.now() > LONGEST:
            raise ApplicationError(
                f"a hold can last at most {LONGEST.days} days from now", type=Rejected.code
            )
