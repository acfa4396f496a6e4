"""Requests a second over RADIUS: Firebreak's client, against a raw pyrad asyncio loop.

Both ask the same responder, which runs in a process of its own and only signs its replies. Both
keep as many requests in flight. The raw loop sends what RFC 5176 wants and believes what pyrad
believes; Firebreak also reads its secret, holds the fence, and checks the code of each reply.
"""

import asyncio
import hashlib
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

from pyrad.client_async import ClientAsync
from pyrad.packet import CoARequest

from firebreak.domain.estate import RadiusAccess, Switch
from integrations.network.radius.client import DynamicAuthorization
from integrations.network.radius.fence import Fence
from integrations.network.radius.line import IN_FLIGHT
from integrations.network.radius.packets import DICTIONARY
from integrations.network.radius.requests import reauthentication

REQUESTS = 8_000
ROUNDS = 5
_SECRET = "FIREBREAK_BENCH_RADIUS"  # noqa: S105 - the name of a variable, not a secret
_SHARED = b"bench-secret"
_COA_ACK = 44
_MAC = "02:00:00:00:00:17"
_STATION = "02-00-00-00-00-17"
_PAIRS = ["subscriber:command=reauthenticate", "subscriber:reauthenticate-type=last"]

Ask = Callable[[], Awaitable[object]]


class _Responder(asyncio.DatagramProtocol):
    """Agrees to everything, as cheaply as a reply can be signed."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        head = bytes([_COA_ACK, data[1], 0, 20])
        signed = hashlib.md5(head + data[4:20] + _SHARED).digest()  # noqa: S324 - RFC 2865
        self._transport.sendto(head + signed, addr)


async def _respond() -> None:
    """Print the port, and answer until the parent goes."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(_Responder, local_addr=("127.0.0.1", 0))
    print(transport.get_extra_info("sockname")[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    transport.close()


@asynccontextmanager
async def _responder() -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        __name__,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        if process.stdout is None or process.stdin is None:
            raise RuntimeError("the responder has no pipes")
        yield int(await process.stdout.readline())
        process.stdin.close()
    finally:
        await process.wait()


@asynccontextmanager
async def _ours(port: int) -> AsyncIterator[Ask]:
    os.environ[_SECRET] = _SHARED.decode()
    access = RadiusAccess(
        host="127.0.0.1", port=port, secret=f"env:{_SECRET}", reauthenticate="reauthenticate"
    )
    switch = Switch(id="sw-1", site="bench", radius=access)
    client = DynamicAuthorization({switch.id: switch})

    async def ask() -> object:
        return await client.ask(switch.id, reauthentication(access, _MAC), Fence.of(30.0))

    try:
        yield ask
    finally:
        await client.close()


@asynccontextmanager
async def _raw(port: int) -> AsyncIterator[Ask]:
    client = ClientAsync(
        server="127.0.0.1", coa_port=port, secret=_SHARED, dict=DICTIONARY, timeout=2
    )
    await client.initialize_transports(enable_coa=True)

    async def ask() -> object:
        packet = client.CreateCoAPacket(code=CoARequest)
        packet.add_message_authenticator()
        packet["Calling-Station-Id"] = _STATION
        packet["Cisco-AVPair"] = _PAIRS
        packet["Event-Timestamp"] = int(time.time())
        return await client.SendPacket(packet)

    try:
        yield ask
    finally:
        await client.deinitialize_transports()


async def _per_second(ask: Ask) -> float:
    left = iter(range(REQUESTS))

    async def one_after_the_other() -> None:
        for _ in left:
            await ask()

    began = time.perf_counter()
    await asyncio.gather(*(one_after_the_other() for _ in range(IN_FLIGHT)))
    return REQUESTS / (time.perf_counter() - began)


async def measure() -> dict[str, object]:
    """``coa_ratio`` (ours to raw), and both in requests a second: medians of alternating rounds."""
    ours: list[float] = []
    raw: list[float] = []
    async with _responder() as port, _ours(port) as ask, _raw(port) as ask_raw:
        await ask()
        await ask_raw()
        for _ in range(ROUNDS):
            raw.append(await _per_second(ask_raw))
            ours.append(await _per_second(ask))
    return {
        "coa_per_s": round(statistics.median(ours)),
        "coa_raw_per_s": round(statistics.median(raw)),
        "coa_ratio": round(statistics.median(ours) / statistics.median(raw), 2),
    }


if __name__ == "__main__":
    asyncio.run(_respond())
