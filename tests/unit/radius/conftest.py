"""A NAS for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.radius.site import RadiusSite, radius_site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[RadiusSite]:
    async with radius_site(tmp_path) as running:
        yield running
