"""Whether an effect may start: halts, caps on the blast radius, and what guards see outside."""

from activities.verdict import Job
from activities.world import World
from firebreak.domain.limits import Reservation
from firebreak.domain.plan import Plan
from firebreak.errors import BlastRadiusExceeded, Halted, InterlockEngaged

# Why an effect may not start although policy lets it. Nothing was sent.
NOT_NOW = (InterlockEngaged, BlastRadiusExceeded, Halted)


class Clearance:
    """Asked before people are, and again with the intent, as late as possible."""

    def __init__(self, world: World) -> None:
        """``world``: the contracts to ask."""
        self._world = world

    async def not_halted(self, job: Job) -> None:
        """Spare a stopped site even the looking, unless there is a hold to join. Raises Halted."""
        ledger = self._world.ledger
        wanted = self.reservation(job, None).model_copy(update={"rooms": ()})
        try:
            await ledger.may_start(wanted, job.ask.incident, self._world.clock())
        except Halted:
            if job.hold is None or await ledger.hold(job.hold) is None:
                raise

    async def room(self, job: Job, plan: Plan) -> None:
        """Whether the caps have room for it now. Raises Halted, BlastRadiusExceeded."""
        if plan.changes:
            wanted = self.reservation(job, plan)
            await self._world.ledger.may_start(wanted, job.ask.incident, self._world.clock())

    async def guarded(self, job: Job, plan: Plan) -> Plan:
        """The plan with what the guards saw as evidence. Raises InterlockEngaged."""
        if not plan.changes:
            return plan
        seen = [line for g in self._world.guards for line in await g.check(job.device, plan)]
        return plan.model_copy(update={"evidence": (*plan.evidence, *seen)})

    def reservation(self, job: Job, plan: Plan | None) -> Reservation:
        """What the step takes of the caps, in force at once with its intent."""
        found = plan.place if plan else None
        return self._world.blast_radius.reservation(
            job.device,
            step=job.ask.step,
            hold=job.hold,
            switch=found.switch if found else None,
        )
