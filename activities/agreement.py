"""Whether people's agreement still counts, now that the effect is about to start.

The workflow counted the votes with the roles of that moment, and by the terms of that moment. Here
both are looked up again: a role that was taken away, a policy that has changed, a person who is
gone. What then is missing is asked for anew.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from activities.world import World
from firebreak.domain.people import (
    Approval,
    ApprovalState,
    Decision,
    Delegation,
    Effect,
    Principal,
    Terms,
    Verdict,
)
from firebreak.domain.plan import Plan
from firebreak.domain.standing import Standing, combined, harmless


class Agreement:
    """Counts votes again, by the directory of this moment where there is one."""

    def __init__(self, world: World) -> None:
        """``world``: its directory and clock."""
        self._directory = world.directory
        self._clock = world.clock

    async def stands(
        self,
        wanted: Sequence[Terms],
        requester: Principal,
        approvals: Iterable[Approval],
        plan: Plan | None,
    ) -> bool:
        """Whether everybody has agreed whom policy or the author wants.

        ``plan``: only what was said to this very plan counts. None, for an action that has no
        plan: everything does.
        """
        if any(_names_nobody(voice) for voice in wanted):
            return False
        terms = combined(wanted)
        if not terms.gates:
            return True
        about = [a for a in approvals if plan is None or plan.hash in a.plans]
        if plan is not None and any(_unopposed(terms, approval, plan) for approval in about):
            return True
        voters = [
            who
            for approval in about
            if approval.state is ApprovalState.APPROVED
            for who in await self._voters(terms, approval, requester)
        ]
        return Standing(terms.gates).passed(voters)

    async def _voters(
        self, terms: Terms, approval: Approval, requester: Principal
    ) -> list[Principal]:
        """Who said yes, each with the gates' roles that they count for now."""
        out = {requester.id, *approval.requesters}
        delegations = await self._delegations(approval, out)
        found = []
        for vote in approval.votes:
            if vote.verdict is not Verdict.APPROVE or vote.who.id in out:
                continue
            who = await self._now(vote.who)
            after_s = (vote.at - approval.requested_at) / timedelta(seconds=1)
            reached = [level for level in terms.levels if level.after_s <= after_s]
            roles = Standing(terms.gates, reached, delegations).roles(who)
            found.append(who.model_copy(update={"roles": roles}))
        return found

    async def _delegations(self, approval: Approval, out: set[str]) -> list[Delegation]:
        """Those by people who could still answer themselves, to people who are still known."""
        return [
            one.model_copy(update={"by": await self._now(one.by)})
            for one in approval.delegations
            if one.by.id not in out
            and (self._directory is None or self._directory.person(one.to) is not None)
        ]

    async def _now(self, who: Principal) -> Principal:
        if self._directory is None:
            return who
        return await self._directory.current(who, self._clock())


def _names_nobody(voice: Terms) -> bool:
    """A decision that is no ALLOW and yet asks for nobody: not what nobody has to agree to."""
    return isinstance(voice, Decision) and voice.effect is not Effect.ALLOW and not voice.gates


def _unopposed(terms: Terms, approval: Approval, plan: Plan) -> bool:
    """Silence that policy lets be enough, for a plan that does no harm; today as it did then.

    All who are wanted today were asked, and had as long as they have today.
    """
    asked = {gate.role for gate in approval.gates}
    had = approval.expires_at - approval.requested_at
    return (
        approval.state is ApprovalState.UNOPPOSED
        and terms.otherwise == "allow"
        and harmless(plan)
        and asked.issuperset(gate.role for gate in terms.gates)
        and had >= timedelta(seconds=min(gate.within_s for gate in terms.gates))
        and all(vote.verdict is Verdict.APPROVE for vote in approval.votes)
    )
