"""A running range in a directory of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firebreak.cyber_range.site import Range


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Range]:
    async with Range.build(tmp_path / "range", devices=6, switches=2) as running:
        yield running
