"""Small TCP servers of tests, whose lines end with them."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def listening(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve on a free loopback port, and give the port.

    A handler that still waits at the end is canceled and its line closed: asyncio before 3.12 would
    leave both to the end of the loop, where the line shows up as a leak in another test.
    """
    attending: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        attending[task] = writer
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await handler(reader, writer)
        finally:
            writer.close()

    async with await asyncio.start_server(attend, "127.0.0.1", 0, ssl=tls) as server:
        yield server.sockets[0].getsockname()[1]
    for task in attending:
        task.cancel()
    await asyncio.gather(*attending)
    for writer in attending.values():
        with contextlib.suppress(OSError):
            await writer.wait_closed()
