"""A worker that is busy must not mistake its own slowness for a device's silence."""

import asyncio
import socket
import time
from collections.abc import Iterator

import pytest

from firebreak.domain.estate import Sentinel
from integrations.probe.attempts import End, reach


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


async def test_an_answer_that_came_while_the_loop_stood_still_is_an_answer(listener: int) -> None:
    sentinel = Sentinel(id="s", method="tcp", port=listener, control="127.0.0.1", timeout_s=0.1)
    look = asyncio.create_task(reach(sentinel, "127.0.0.1", listener))
    await asyncio.sleep(0)
    time.sleep(0.3)  # noqa: ASYNC251 - the stall is the point
    assert (await look).end is End.ANSWERED
