"""A bench for each test, with payloads encrypted as in an installation."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firebreak.codec import EncryptionCodec, RingFile
from tests.workflows.bench import Bench, open_bench


@pytest.fixture
async def bench(tmp_path: Path, temporal_address: str) -> AsyncIterator[Bench]:
    codec = EncryptionCodec(RingFile(tmp_path / "keys.json"))
    async with open_bench(tmp_path, temporal_address, codec) as opened:
        yield opened
