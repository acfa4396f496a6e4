"""A hold that should have ended is found, said once, and given a keeper again."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from firebreak.contracts.ledger import Claim
from firebreak.domain.hold import Hold
from firebreak.errors import LedgerUnavailable, Unreachable
from firebreak.server import holdwatch
from firebreak.server.app import create_app
from firebreak.server.holdwatch import HoldWatch
from firebreak.server.metrics import Metrics
from tests.unit.ledger import chains
from tests.unit.server.stage import Stage, until
from tests.unit.server.test_api import held

KEPT = ("keep", chains.HOLD)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def watch(stage: Stage, metrics: Metrics) -> HoldWatch:
    return HoldWatch(stage.ledger, stage.engine, metrics)


async def shown(stage: Stage, metrics: Metrics) -> str:
    text = (await metrics.exposition(stage.ledger)).decode()
    (line,) = [x for x in text.splitlines() if x.startswith("firebreak_holds_overdue ")]
    return line.partition(" ")[2]


def overdue(*holds: Hold) -> Any:
    async def listed(*_: object) -> tuple[Hold, ...]:
        return holds

    return listed


def loud(logged: Any) -> list[str]:
    return [line["hold"] for line in logged if line["log_level"] == "error" and "state" in line]


async def test_a_hold_past_its_expiry_is_kept_at_every_look_and_said_once(
    stage: Stage, watch: HoldWatch, metrics: Metrics
) -> None:
    await held(stage)  # it ended in March
    with capture_logs() as logged:
        assert [await watch.sweep() for _ in range(3)] == [1, 1, 1]
    assert stage.engine.told == [KEPT] * 3
    assert loud(logged) == [chains.HOLD]
    assert await shown(stage, metrics) == "1.0"


async def test_a_hold_that_never_got_beyond_its_claim_is_overdue(
    stage: Stage, watch: HoldWatch
) -> None:
    claim = Claim(device=chains.DEVICE, action=chains.ACTION, plan=chains.plan(), owner="ana")
    await stage.ledger.append(chains.opened(), chains.intent(), claim=claim)
    assert await watch.sweep() == 1
    assert stage.engine.told == [KEPT]


async def test_where_nothing_is_overdue_nothing_is_done(
    stage: Stage, watch: HoldWatch, metrics: Metrics
) -> None:
    assert await shown(stage, metrics) == "NaN"
    assert await watch.sweep() == 0
    assert stage.engine.told == []
    assert await shown(stage, metrics) == "0.0"


async def test_a_release_has_half_a_minute_and_an_action_ten_before_they_look_lost(
    stage: Stage, watch: HoldWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    async def listed(*when: Any) -> tuple[Hold, ...]:
        asked.append(when)
        return ()

    monkeypatch.setattr(stage.ledger, "overdue", listed)
    await watch.sweep()
    ((now, pending_since),) = asked
    assert now - pending_since == holdwatch.PENDING_AT_MOST - holdwatch.GRACE


async def test_a_hold_that_is_overdue_again_is_said_again(
    stage: Stage, watch: HoldWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    await held(stage)
    with capture_logs() as logged:
        await watch.sweep()
        with monkeypatch.context() as patch:
            patch.setattr(stage.ledger, "overdue", overdue())
            await watch.sweep()
        await watch.sweep()
    assert loud(logged) == [chains.HOLD] * 2


async def test_one_that_cannot_be_kept_does_not_cost_the_others_their_keeper(
    stage: Stage, watch: HoldWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    await held(stage)
    (one,) = await stage.ledger.holds()
    other = one.model_copy(update={"id": "hold/dev-0/network.quarantine", "device": "dev-0"})
    monkeypatch.setattr(stage.ledger, "overdue", overdue(one, other))
    stage.engine.cannot_keep[one.id] = Unreachable("no")
    with capture_logs() as logged:
        await watch.sweep()
        await watch.sweep()
    assert stage.engine.told == [KEPT, ("keep", other.id)] * 2
    refused = [line["hold"] for line in logged if line["event"] == "overdue hold has no keeper"]
    assert refused == [one.id]


async def test_while_temporal_is_down_it_is_said_and_kept_later(
    stage: Stage, watch: HoldWatch
) -> None:
    await held(stage)
    stage.engine.up = False
    with capture_logs() as logged:
        assert await watch.sweep() == 1
    assert loud(logged) == [chains.HOLD]
    assert stage.engine.told == []
    stage.engine.up = True
    await watch.sweep()
    assert stage.engine.told == [KEPT]


@pytest.mark.parametrize("error", [LedgerUnavailable("gone"), ZeroDivisionError("a bug")])
async def test_no_error_ends_the_watch_and_an_unknown_number_is_not_shown_as_one(
    stage: Stage,
    watch: HoldWatch,
    metrics: Metrics,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    await held(stage)
    await watch.sweep()
    monkeypatch.setattr(holdwatch, "EVERY_S", 0.01)
    listed, failed = stage.ledger.overdue, asyncio.Event()

    async def once_away(*when: Any) -> tuple[Hold, ...]:
        if not failed.is_set():
            failed.set()
            raise error
        assert await shown(stage, metrics) == "NaN"
        return await listed(*when)

    monkeypatch.setattr(stage.ledger, "overdue", once_away)
    running = asyncio.create_task(watch.run())

    async def kept_again() -> bool:
        return len(stage.engine.told) > 1

    try:
        await until(kept_again)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_the_api_watches_while_it_runs(stage: Stage) -> None:
    await held(stage)
    app = create_app(stage.app.state.services)

    async def kept() -> bool:
        return KEPT in stage.engine.told

    async with app.router.lifespan_context(app):
        await until(kept)
