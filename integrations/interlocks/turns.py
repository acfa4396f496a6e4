"""One look at a time: a hundred responses ask a controller as gently as one does.

A programmable controller often has ten sessions to give. Who asks while a look is under way waits
for the *next* one and shares it, so that nobody is told of a time before their question.
"""

import asyncio

from firebreak.contracts.sources import StateSource
from firebreak.domain.reading import Reading


class InTurn:
    """A source whose reads are shared by those who wait, each within ``timeout_s``.

    An answer comes within twice that time: a look under way, and the one after it.
    """

    def __init__(self, source: StateSource, timeout_s: float) -> None:
        self._source = source
        self._timeout_s = timeout_s
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[Reading | Exception] | None = None
        self._running: set[asyncio.Task[Reading | Exception]] = set()  # the loop's hold is weak

    async def read(self) -> Reading:
        """The reading of a look that begins from now on. Raises what the source does."""
        if self._next is None:
            self._next = asyncio.create_task(self._look(), name="interlock-read")
            self._running.add(self._next)
            self._next.add_done_callback(self._running.discard)
        # One who gives up must not take the reading from the others.
        found = await asyncio.shield(self._next)
        if isinstance(found, Exception):
            raise found
        return found

    async def close(self) -> None:
        """Close the source."""
        await self._source.close()

    async def _look(self) -> Reading | Exception:
        async with self._turn:
            self._next = None
            try:
                async with asyncio.timeout(self._timeout_s):
                    return await self._source.read()
            except Exception as error:  # noqa: BLE001 - raised again in everyone who waits
                return error
