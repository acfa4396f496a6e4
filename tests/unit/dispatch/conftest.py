"""A ledger of each test's own, in a SQLite file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firebreak.ledger.store import SqlLedger


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[SqlLedger]:
    opened = await SqlLedger.open(url)
    yield opened
    await opened.close()
