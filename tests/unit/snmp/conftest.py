"""A rack for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.snmp.rack import Rack, running_rack


@pytest.fixture
async def rack(tmp_path: Path) -> AsyncIterator[Rack]:
    async with running_rack(tmp_path) as running:
        yield running


@pytest.fixture
async def piecemeal(tmp_path: Path) -> AsyncIterator[Rack]:
    """An agent that takes one object in a SET."""
    async with running_rack(tmp_path, piecemeal=True) as running:
        yield running


@pytest.fixture
async def cisco(tmp_path: Path) -> AsyncIterator[Rack]:
    async with running_rack(tmp_path, platform="cisco_ios") as running:
        yield running
