"""What every control promises (contracts.Control), held against every adapter.

To add an adapter, append its Adapter to tests/conformance/adapters.py.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from firebreak.contracts.controls import Control, Observation
from firebreak.domain.base import JsonObject
from firebreak.domain.plan import Plan
from firebreak.errors import (
    AuthFailed,
    Busy,
    NotThere,
    OutcomeUnknown,
    Rejected,
    StateDrifted,
    Unreachable,
)
from tests.conformance.adapters import ADAPTERS
from tests.conformance.bench import Adapter, Bench, Fault, Forbidden, Trait

needs = pytest.mark.needs
DEADLINE_S = 20.0
SHORT_S = 2.0
ENOUGH_S = 30.0  # until a system that puts itself back has done so


@pytest.fixture
async def bench(adapter: Adapter, request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    async with adapter.open(request) as opened:
        yield opened


@pytest.fixture
def control(bench: Bench) -> Control:
    return bench.control(DEADLINE_S)


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=DEADLINE_S)


async def planned(bench: Bench, control: Control) -> Plan:
    return await control.plan(bench.device, {}, await control.observe(bench.device))


async def settled(bench: Bench, control: Control) -> Observation:
    """The state, once the system has done all it will do by itself."""
    end = time.monotonic() + ENOUGH_S
    while True:
        try:
            return await control.observe(bench.device)
        except Busy:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.2)


def agrees(bench: Bench, state: JsonObject) -> bool:
    """Whether a control's record says what is the case."""
    return bench.truth().items() <= state.items()


async def test_observing_tells_the_truth_and_changes_nothing(
    bench: Bench, control: Control
) -> None:
    before = bench.truth()
    seen = await control.observe(bench.device)
    assert agrees(bench, seen.state)
    assert bench.truth() == before
    assert bench.effects() == 0
    assert any(bench.device.id in line for line in seen.evidence)


async def test_a_plan_is_the_same_for_the_same_observation_and_names_its_way_back(
    bench: Bench, control: Control
) -> None:
    seen = await control.observe(bench.device)
    first = await control.plan(bench.device, {}, seen)
    second = await control.plan(bench.device, {}, seen)
    assert first.hash == second.hash
    assert first.before == seen.state
    assert first.changes
    assert (first.adapter, first.rung) == (control.capabilities.adapter, control.capabilities.rung)
    assert first.reversible == control.capabilities.reversible == bool(first.way_back)


async def test_apply_brings_after_into_force(bench: Bench, control: Control) -> None:
    plan = await planned(bench, control)
    assert await control.apply(plan, soon()) == plan.after
    assert agrees(bench, plan.after)


async def test_applying_twice_changes_nothing_more(bench: Bench, control: Control) -> None:
    plan = await planned(bench, control)
    await control.apply(plan, soon())
    effects = bench.effects()
    assert await control.apply(plan, soon()) == plan.after
    assert bench.effects() == effects
    assert control.capabilities.idempotent


@needs(Trait.REVERSIBLE)
async def test_applying_at_the_same_time_acts_once(bench: Bench, control: Control) -> None:
    plan = await planned(bench, control)
    await control.apply(plan, soon())
    once = bench.effects()
    await control.revert(plan, soon())
    twice = bench.effects()
    results = await asyncio.gather(*(control.apply(plan, soon()) for _ in range(3)))
    assert results == [plan.after] * 3
    assert bench.effects() == twice + once


async def test_a_state_that_is_there_already_is_not_written_again(
    bench: Bench, control: Control
) -> None:
    await control.apply(await planned(bench, control), soon())
    effects = bench.effects()
    again = await planned(bench, control)
    assert not again.changes
    assert await control.apply(again, soon()) == again.after
    assert bench.effects() == effects


@needs(Trait.REVERSIBLE)
async def test_revert_restores_exactly_what_was_observed(bench: Bench, control: Control) -> None:
    before = bench.truth()
    plan = await planned(bench, control)
    await control.apply(plan, soon())
    assert await control.revert(plan, soon()) == plan.before
    assert bench.truth() == before
    effects = bench.effects()
    assert await control.revert(plan, soon()) == plan.before
    assert bench.effects() == effects


@needs(Trait.DRIFT)
async def test_a_stale_plan_is_not_applied(bench: Bench, control: Control) -> None:
    plan = await planned(bench, control)
    await bench.drift()
    drifted = bench.truth()
    with pytest.raises(StateDrifted):
        await control.apply(plan, soon())
    assert bench.truth() == drifted
    assert bench.effects() == 0


@needs(Trait.DRIFT, Trait.REVERSIBLE)
async def test_a_change_by_someone_else_is_not_overwritten_by_a_revert(
    bench: Bench, control: Control
) -> None:
    plan = await planned(bench, control)
    await control.apply(plan, soon())
    await bench.drift()
    drifted = bench.truth()
    with pytest.raises(StateDrifted):
        await control.revert(plan, soon())
    assert bench.truth() == drifted


async def test_nothing_is_sent_after_send_by(bench: Bench, control: Control) -> None:
    plan = await planned(bench, control)
    before = bench.truth()
    with pytest.raises(Unreachable):
        await control.apply(plan, datetime.now(UTC) - timedelta(seconds=1))
    assert bench.truth() == before
    assert bench.effects() == 0


@needs(Fault.CUT_AFTER_WRITE)
async def test_a_cut_after_the_write_is_unknown_and_the_truth_can_be_seen(
    bench: Bench, control: Control
) -> None:
    plan = await planned(bench, control)
    await bench.break_with(Fault.CUT_AFTER_WRITE)
    with pytest.raises(OutcomeUnknown):
        await control.apply(plan, soon())
    await bench.mend()
    seen = await settled(bench, control)
    assert agrees(bench, seen.state)
    assert seen.state == (plan.before if control.capabilities.native_timer else plan.after)


@needs(Fault.CUT_AFTER_WRITE, Trait.REVERSIBLE)
async def test_a_cut_after_the_write_of_a_revert_is_unknown(bench: Bench, control: Control) -> None:
    plan = await planned(bench, control)
    await control.apply(plan, soon())
    await bench.break_with(Fault.CUT_AFTER_WRITE)
    with pytest.raises(OutcomeUnknown):
        await control.revert(plan, soon())
    await bench.mend()
    seen = await settled(bench, control)
    assert agrees(bench, seen.state)


@needs(Fault.CUT_BEFORE_WRITE)
async def test_a_cut_before_the_write_changes_nothing_and_is_not_called_done(
    bench: Bench, control: Control
) -> None:
    plan = await planned(bench, control)
    before = bench.truth()
    await bench.break_with(Fault.CUT_BEFORE_WRITE)
    with pytest.raises((OutcomeUnknown, Unreachable)):
        await control.apply(plan, soon())
    await bench.mend()
    assert bench.truth() == before
    assert await control.apply(plan, soon()) == plan.after


@needs(Fault.WRONG_CREDENTIALS)
async def test_wrong_credentials_are_told_as_such(bench: Bench) -> None:
    await bench.break_with(Fault.WRONG_CREDENTIALS)
    with pytest.raises(AuthFailed) as caught:
        await bench.control(DEADLINE_S).observe(bench.device)
    assert bench.secret not in str(caught.value)


@needs(Fault.CHANGED_IDENTITY)
async def test_a_changed_identity_gets_no_credential(bench: Bench) -> None:
    tried = bench.credentials_tried()
    await bench.break_with(Fault.CHANGED_IDENTITY)
    with pytest.raises(AuthFailed):
        await bench.control(DEADLINE_S).observe(bench.device)
    assert bench.credentials_tried() == tried


@needs(Fault.UNREACHABLE)
async def test_a_system_that_is_away_is_unreachable(bench: Bench) -> None:
    await bench.break_with(Fault.UNREACHABLE)
    with pytest.raises(Unreachable):
        await bench.control(DEADLINE_S).observe(bench.device)


@needs(Fault.HANG)
async def test_a_system_that_hangs_is_let_go_at_the_deadline(bench: Bench) -> None:
    plan = await planned(bench, bench.control(DEADLINE_S))
    before, others = bench.truth(), bench.sessions()
    await bench.break_with(Fault.HANG)
    control = bench.control(SHORT_S)
    began = time.monotonic()
    with pytest.raises(Unreachable):
        await control.apply(plan, soon())
    assert time.monotonic() - began < SHORT_S + 10
    await let_go(bench, others)
    assert bench.truth() == before


@needs(Fault.HANG_AFTER_WRITE)
async def test_a_hang_after_the_write_is_unknown_by_the_deadline(bench: Bench) -> None:
    plan = await planned(bench, bench.control(DEADLINE_S))
    others = bench.sessions()
    await bench.break_with(Fault.HANG_AFTER_WRITE)
    control = bench.control(SHORT_S)
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        await control.apply(plan, soon())
    assert time.monotonic() - began < SHORT_S + 10
    await let_go(bench, others)


async def let_go(bench: Bench, sessions: int) -> None:
    """Wait until the system has noticed that the adapter hung up."""
    async with asyncio.timeout(5):
        while bench.sessions() > sessions:
            await asyncio.sleep(0.02)


@needs(Fault.REFUSE_WRITE)
async def test_a_refused_change_is_rejected_and_the_session_goes_on(
    bench: Bench, control: Control
) -> None:
    plan = await planned(bench, control)
    before, sessions = bench.truth(), bench.sessions()
    await bench.break_with(Fault.REFUSE_WRITE)
    with pytest.raises(Rejected):
        await control.apply(plan, soon())
    assert bench.truth() == before
    await bench.mend()
    assert (await control.observe(bench.device)).state == plan.before
    assert await control.apply(plan, soon()) == plan.after
    assert bench.sessions() == sessions


@needs(Trait.REVERSIBLE)
async def test_a_cancelled_apply_leaves_a_state_that_is_known_and_a_line_that_works(
    bench: Bench, control: Control
) -> None:
    plan = await planned(bench, control)
    cancelled = 0
    for delay_s in (0.0, 0.01, 0.02, 0.04):
        work = asyncio.ensure_future(control.apply(plan, soon()))
        await asyncio.sleep(delay_s)
        cancelled += work.cancel()
        await asyncio.wait({work})
        seen = await settled(bench, control)
        assert agrees(bench, seen.state)
        assert seen.state in (plan.before, plan.after)
        assert await control.revert(plan, soon()) == plan.before
    assert cancelled


async def test_what_must_not_be_touched_is_refused_with_a_reason(
    bench: Bench, control: Control, kind: Forbidden
) -> None:
    elsewhere = kind in (Forbidden.MOVED, Forbidden.UNPLACED)
    with pytest.raises(NotThere if elsewhere else Rejected, match=bench.refusal(kind)):
        await control.observe(bench.forbidden(kind))
    assert bench.effects() == 0


async def test_a_plan_of_another_control_is_refused(bench: Bench, control: Control) -> None:
    plan = (await planned(bench, control)).model_copy(update={"rung": "another"})
    with pytest.raises(Rejected):
        await control.apply(plan, soon())
    assert bench.effects() == 0


def test_every_exemption_gives_its_reason() -> None:
    bare = [a.name for a in ADAPTERS if any(len(why) < 20 for why in a.exempt.values())]
    assert not bare


async def test_the_suite_knows_the_control_by_its_name(
    adapter: Adapter, bench: Bench, control: Control
) -> None:
    able = control.capabilities
    assert adapter.adapter.split()[0] == able.adapter
    assert adapter.rung == able.rung
    assert able.reversible == (Trait.REVERSIBLE not in adapter.exempt)
    assert not control.serves(bench.device)
