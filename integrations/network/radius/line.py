"""The one UDP socket to a NAS: who waits for which identifier, and what is sent again.

RFC 5176 section 2.3: a NAS knows a retransmission by source address, source port and identifier.
So the socket is kept, the bytes stay the same, and an identifier rests as long as it can before it
is used again. pyrad's asyncio client is not used for this: it lets any reply code pass, looks at
its clock in whole time-outs only, and shares its port with whoever asks for it (SO_REUSEPORT).
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import cast

from integrations.network.radius.fence import Fence
from integrations.network.radius.packets import Reply, Request, Sealed

# More than this at once only grows the queue of the NAS.
IN_FLIGHT = 64

_IDENTIFIERS = 256


class Silence(Exception):
    """No reply came that the NAS has signed. It never leaves this package.

    ``sends``: how often the request had left; ``unsigned``: replies that did not verify;
    ``refused``: the NAS's host said that nobody listens.
    """

    def __init__(self, sends: int, unsigned: int = 0, *, refused: bool = False) -> None:
        super().__init__(f"no reply to {sends} transmissions")
        self.sends = sends
        self.unsigned = unsigned
        self.refused = refused

    @property
    def why(self) -> str:
        """What is known about the reason, and what to look at."""
        if self.refused:
            return "nobody listens on that port"
        if self.unsigned:
            return f"{self.unsigned} replies did not verify: another shared secret, or a forger"
        return (
            "it may be down, or drop what it does not know: check the secret, the source address "
            "it expects (`source`), and its clock"
        )


@dataclass(eq=False)
class _Pending:
    sealed: Sealed
    request: Request
    fence: Fence
    wait_s: float
    sends_left: int
    reply: "asyncio.Future[Reply]"
    sends: int = 0
    unsigned: int = 0
    refused: bool = False
    timer: asyncio.TimerHandle | None = field(default=None, repr=False)


class Line(asyncio.DatagramProtocol):
    """The protocol of a connected socket: the kernel drops what comes from another address."""

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport | None = None
        self._pending: dict[int, _Pending] = {}
        self._last = time.time_ns() % _IDENTIFIERS  # not where the process before began
        self._free = asyncio.Semaphore(IN_FLIGHT)

    @property
    def closed(self) -> bool:
        """Whether a new one is needed."""
        return self._transport is None or self._transport.is_closing()

    async def ask(
        self, request: Request, secret: bytes, fence: Fence, timeout_s: float, retries: int
    ) -> Reply:
        """Send and wait; the same bytes again after each ``timeout_s``, ``retries`` times at most.

        Raises:
            Silence: no reply that verifies came in time; ``sends`` 0 says that nothing left.
            ValueError: an attribute does not fit into a packet.
        """
        await self._turn(fence)
        try:
            return await self._ask(request, secret, fence, timeout_s, retries)
        finally:
            self._free.release()

    async def _turn(self, fence: Fence) -> None:
        if not self._free.locked():
            await self._free.acquire()  # at once
            return
        try:
            async with asyncio.timeout(fence.left_s):
                await self._free.acquire()
        except TimeoutError:
            raise Silence(0) from None

    async def _ask(
        self, request: Request, secret: bytes, fence: Fence, timeout_s: float, retries: int
    ) -> Reply:
        if self.closed or not fence.open:
            raise Silence(0)
        number = self._number()
        loop = asyncio.get_running_loop()
        sealed = Sealed(request, number, secret, int(time.time()))
        wait_s = timeout_s + request.takes_s
        pending = _Pending(sealed, request, fence, wait_s, retries + 1, loop.create_future())
        self._pending[number] = pending
        try:
            self._send(pending)
            return await pending.reply
        finally:
            del self._pending[number]
            if pending.timer is not None:
                pending.timer.cancel()

    def _number(self) -> int:
        """The next identifier that nobody waits for; IN_FLIGHT sees to it that there is one."""
        while True:
            self._last = (self._last + 1) % _IDENTIFIERS
            if self._last not in self._pending:
                return self._last

    def _send(self, pending: _Pending) -> None:
        """Send (again), as long as that is allowed, and come back when the wait is over."""
        if pending.reply.done():
            return
        left_s = pending.fence.left_s
        may_send = pending.sends_left and pending.fence.open and not self.closed
        if not left_s or not may_send:
            self._end(pending)
            return
        if self._transport is not None:
            pending.sends += 1
            pending.sends_left -= 1
            self._transport.sendto(pending.sealed.raw)
        loop = asyncio.get_running_loop()
        pending.timer = loop.call_later(min(pending.wait_s, left_s), self._send, pending)

    def _end(self, pending: _Pending) -> None:
        if not pending.reply.done():
            silence = Silence(pending.sends, pending.unsigned, refused=pending.refused)
            pending.reply.set_exception(silence)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        self._transport = cast("asyncio.DatagramTransport", transport)  # uvloop's is none by class

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Give a reply to whoever waits for it; anything else is not for us."""
        del addr
        pending = self._pending.get(data[1]) if len(data) > 1 else None
        if pending is None or pending.reply.done():
            return
        reply = pending.sealed.opens(data)
        if reply is None:
            pending.unsigned += 1
        else:
            pending.reply.set_result(reply.after(pending.sends))

    def error_received(self, exc: Exception) -> None:
        """An ICMP error. Anybody can send one, so it ends only what would do no harm anyway."""
        del exc
        for pending in self._pending.values():
            pending.refused = True
            if pending.request.harmless:
                self._end(pending)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone; nobody will hear a reply any more."""
        del exc
        for pending in self._pending.values():
            self._end(pending)

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()
