"""Every platform's MAC table is read whole, with the ports by their canonical names."""

from pathlib import Path

import pytest

from firebreak.domain.estate import Platform
from integrations.network.cli.finder import CliFinder
from integrations.network.cli.fleet import SwitchFleet
from integrations.network.locate import Sight
from tests.conformance.switch_benches import PLATFORMS, emulated_bench


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_an_emulated_switch_tells_whom_it_has_learned_where(
    platform: Platform, tmp_path: Path
) -> None:
    async with (
        emulated_bench(platform, "switch", tmp_path) as bench,
        SwitchFleet([bench.switch]) as fleet,
    ):
        finder = CliFinder(fleet)
        assert finder.serves(bench.switch)
        table = await finder.table(bench.switch)
        port = finder.canonical(bench.switch, bench.port("device"))
        assert Sight(bench.device.mac, port) in table.sights
        crowd = {sight.mac for sight in table.sights if sight.port == bench.port("crowded")}
        assert len(crowd) == 2
