"""Whether an effect may start: halts, caps on the blast radius, and what guards see outside."""

from activities.verdict import Job
from activities.world import World
from firebreak.domain.glass import Glass, Override
from firebreak.domain.limits import Reservation
from firebreak.domain.people import Decision, Effect
from firebreak.domain.plan import Plan
from firebreak.errors import BlastRadiusExceeded, Halted, InterlockEngaged, PolicyDenied

# Why an effect may not start although policy let it a moment ago. Nothing was sent.
NOT_NOW = (InterlockEngaged, BlastRadiusExceeded, Halted, PolicyDenied)


class Clearance:
    """Asked before people are, and again with the intent, as late as possible."""

    def __init__(self, world: World) -> None:
        """``world``: the contracts to ask."""
        self._world = world

    async def not_halted(self, job: Job) -> None:
        """Spare a stopped site even the looking, unless there is a hold to join. Raises Halted."""
        try:
            await self._may_start(job)
        except Halted:
            if job.hold is None or await self._world.ledger.hold(job.hold) is None:
                raise

    async def halted(self, job: Job) -> bool:
        """Whether new effects are stopped at the device's site."""
        try:
            await self._may_start(job)
        except Halted:
            return True
        return False

    async def _may_start(self, job: Job) -> None:
        wanted = self.reservation(job, None).model_copy(update={"rooms": ()})
        await self._world.ledger.may_start(wanted, job.ask.incident, self._world.clock())

    async def room(self, job: Job, plan: Plan) -> None:
        """Whether the caps have room for it now. Raises Halted, BlastRadiusExceeded."""
        if plan.changes:
            wanted = self.reservation(job, plan)
            await self._world.ledger.may_start(wanted, job.ask.incident, self._world.clock())

    async def guarded(self, job: Job, plan: Plan) -> Plan:
        """The plan with what the guards saw as evidence.

        Raises InterlockEngaged, unless the requester has broken the glass.
        """
        if not plan.changes:
            return plan
        seen, engaged = await self._look(job, plan)
        if engaged:
            glass = await self._glass(job, plan)
            if glass is None:
                raise engaged[0]
            seen += [
                f"overridden by {glass.words}: {line}" for one in engaged for line in one.lines
            ]
        return plan.model_copy(update={"evidence": (*plan.evidence, *seen)})

    async def stand_in(self, job: Job, plan: Plan, decision: Decision) -> Glass | None:
        """The glass that passes in place of the people whom policy wants to agree, if any does.

        It never stands in for those whom the author of a playbook asks, which is the caller's to
        see to, nor against a FORBID.
        """
        if decision.effect is not Effect.APPROVE or not plan.changes:
            return None
        return await self._glass(job, plan)

    async def cleared(self, job: Job, plan: Plan, *, under_glass: bool) -> Override | None:
        """Asked with the intent: what a break-glass overrides for it now, if it needs one.

        Raises:
            InterlockEngaged: and no glass is in force.
            PolicyDenied: the glass that stood in for people is over.
        """
        _, engaged = await self._look(job, plan)
        if not engaged and not under_glass:
            return None
        glass = await self._glass(job, plan)
        if glass is not None:
            return Override(
                glass=glass.id,
                who=glass.who,
                scope=glass.scope,
                until=glass.expires_at,
                interlocks=tuple(line for one in engaged for line in one.lines),
                gates=under_glass,
            )
        if engaged:
            raise engaged[0]
        raise PolicyDenied("the break-glass that stood in for people ended before the effect")

    async def _look(self, job: Job, plan: Plan) -> tuple[list[str], list[InterlockEngaged]]:
        """What the guards saw, and each no of theirs. Raises LedgerUnavailable."""
        seen: list[str] = []
        engaged: list[InterlockEngaged] = []
        for guard in self._world.guards:
            try:
                seen += await guard.check(job.device, plan)
            except InterlockEngaged as refusal:
                engaged.append(refusal)
        return seen, engaged

    async def _glass(self, job: Job, plan: Plan) -> Glass | None:
        """The requester's glass for this plan: never for one without a way back."""
        if self._world.glasses is None or not plan.reversible or job.hold is None:
            return None
        return await self._world.glasses.of(job.ask.requester, job.device)

    def reservation(self, job: Job, plan: Plan | None) -> Reservation:
        """What the step takes of the caps, in force at once with its intent."""
        found = plan.place if plan else None
        return self._world.blast_radius.reservation(
            job.device,
            step=job.ask.step,
            hold=job.hold,
            switch=found.switch if found else None,
        )
