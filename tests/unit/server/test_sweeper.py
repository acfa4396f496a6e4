"""Alerts that a crash or an outage left behind are handed over later, without a storm."""

from datetime import UTC, datetime, timedelta

import pytest

from firebreak.errors import Unreachable
from firebreak.server import sweeper as sweeping
from firebreak.server.app import create_app
from firebreak.server.intake import Intake
from firebreak.server.metrics import Metrics
from firebreak.server.sweeper import Sweeper
from integrations.siem.suricata import SuricataParser
from tests.unit.server.stage import EVE, Stage, until


async def left_behind(stage: Stage, age_s: float = 0) -> None:
    """Recorded, and the process died before anything else."""
    alerts, _, _ = SuricataParser().parse(EVE.read_bytes())
    at = datetime.now(UTC) - timedelta(seconds=age_s)
    for parsed in alerts:
        assert await stage.ledger.record_alert(parsed.alert, parsed.raw, at)


def sweeper(stage: Stage) -> Sweeper:
    intake = Intake(stage.app.state.services, Metrics())
    return Sweeper(stage.ledger, stage.engine, intake)


async def dispositions(stage: Stage) -> set[str]:
    return {row.disposition for row in await stage.ledger.alerts()}


async def settled(stage: Stage) -> bool:
    return await dispositions(stage) == {"responded"}


async def test_the_first_sweep_of_a_process_takes_everything(stage: Stage) -> None:
    await left_behind(stage)
    app = create_app(stage.app.state.services)
    async with app.router.lifespan_context(app):
        await until(lambda: settled(stage))
    assert sum(stage.engine.alerts.values()) == 3


async def test_an_alert_still_on_its_way_is_left_alone(stage: Stage) -> None:
    await left_behind(stage, age_s=1)
    assert await sweeper(stage).sweep(min_age_s=5) == 0
    assert await sweeper(stage).sweep(min_age_s=0.5) == 3
    assert await dispositions(stage) == {"responded"}


async def test_nothing_is_tried_while_temporal_is_down(stage: Stage) -> None:
    await left_behind(stage, age_s=60)
    stage.engine.up = False
    one = sweeper(stage)
    assert await one.sweep() == 0
    assert stage.engine.calls == []
    stage.engine.up = True
    assert await one.sweep() == 3


async def test_an_alert_that_fails_again_is_tried_at_growing_intervals(stage: Stage) -> None:
    await left_behind(stage, age_s=60)
    stage.engine.fails = lambda _: Unreachable("no")
    one = sweeper(stage)
    assert await one.sweep() == 3
    assert await one.sweep() == 0
    assert await dispositions(stage) == {"received"}


async def test_alerts_of_one_device_are_redelivered_together(stage: Stage) -> None:
    await left_behind(stage, age_s=60)
    await sweeper(stage).sweep()
    assert len(stage.engine.calls) <= 2


async def test_the_oldest_are_never_hidden_by_newer_ones_that_keep_failing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "MAX_ALERTS", 1)
    await left_behind(stage, age_s=60)
    stage.engine.fails = lambda _: Unreachable("no")
    one = sweeper(stage)
    assert [await one.sweep() for _ in range(4)] == [1, 1, 1, 0]
    newest_first = [row.alert.id for row in await stage.ledger.alerts()]
    assert [call.alerts[0].id for call in stage.engine.calls] == newest_first[::-1]
