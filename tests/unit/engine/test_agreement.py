"""Whether what people said lets an effect start: where nobody was asked, nobody agreed."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from activities.agreement import Agreement
from activities.world import World
from firebreak.domain.people import (
    NOBODY,
    Approval,
    ApprovalState,
    Decision,
    Effect,
    Gate,
    Principal,
    Terms,
)
from tests.unit.policy.asking import device, plan

AGREEMENT = Agreement(cast("World", SimpleNamespace(directory=None, clock=None)))
ASKER = Principal(id="ada")
PLAN = plan(device(), action="network.quarantine")
ON_CALL = Gate(role="on-call", within_s=60)
NOW = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize("effect", list(Effect))
async def test_a_decision_that_names_nobody_agrees_only_where_it_allows(effect: Effect) -> None:
    wanted = (Decision(effect=effect), NOBODY)
    assert await AGREEMENT.stands(wanted, ASKER, (), PLAN) is (effect is Effect.ALLOW)


def silence(*gates: Gate) -> Approval:
    """A request that nobody answered, where that was enough."""
    return Approval(
        id="inc-0123456789ab.1",
        incident="inc-0123456789ab",
        step="contain",
        plans=(PLAN.hash,),
        plan_hash=PLAN.hash,
        summary=(),
        gates=gates,
        why="",
        requester=ASKER.id,
        requested_at=NOW,
        expires_at=NOW + timedelta(seconds=min(gate.within_s for gate in gates)),
        state=ApprovalState.UNOPPOSED,
    )


@pytest.mark.parametrize(
    ("today", "enough"),
    [
        ((ON_CALL,), True),
        ((Gate(role="on-call", quorum=3, within_s=30),), True),
        ((Gate(role="on-call", within_s=61),), False),
        ((ON_CALL, Gate(role="admin", within_s=60)), False),
    ],
)
async def test_silence_is_that_of_all_who_are_wanted_today_for_as_long_as_today(
    today: tuple[Gate, ...], *, enough: bool
) -> None:
    wanted = (Terms(gates=today, otherwise="allow"),)
    assert await AGREEMENT.stands(wanted, ASKER, (silence(ON_CALL),), PLAN) is enough
