"""A Meraki and a Mist switch for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conformance.cloud_benches import MerakiBench, MistBench, meraki_bench, mist_bench


@pytest.fixture
async def meraki(tmp_path: Path) -> AsyncIterator[MerakiBench]:
    async with meraki_bench(tmp_path) as bench:
        yield bench


@pytest.fixture
async def mist(tmp_path: Path) -> AsyncIterator[MistBench]:
    async with mist_bench(tmp_path) as bench:
        yield bench
