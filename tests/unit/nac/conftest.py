"""A camera on a switch behind each simulated NAC."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.conformance.nac_benches import IseBench, PacketFenceBench, nac_bench


@pytest.fixture
async def ise(tmp_path: Path) -> AsyncIterator[IseBench]:
    async with nac_bench(IseBench, tmp_path) as bench:
        yield bench


@pytest.fixture
async def packetfence(tmp_path: Path) -> AsyncIterator[PacketFenceBench]:
    async with nac_bench(PacketFenceBench, tmp_path) as bench:
        yield bench


@pytest.fixture
def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=20)
