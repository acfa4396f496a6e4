"""A UDP peer that does what a test tells it, for replies that no honest NAS would send."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

from firebreak.domain.estate import RadiusAccess, Switch
from integrations.network.radius.client import DynamicAuthorization
from tests.unit.radius.site import SECRET

Script = Callable[[bytes], list[bytes]]


def signed(request: bytes, code: int, attributes: bytes = b"", secret: str = SECRET) -> bytes:
    """A reply as RFC 2865 section 3 has it, by hand."""
    head = bytes([code, request[1]]) + (20 + len(attributes)).to_bytes(2)
    body = head + request[4:20] + attributes + secret.encode()
    digest = hashlib.md5(body).digest()  # noqa: S324 - the algorithm of RFC 2865
    return head + digest + attributes


def with_signature(request: bytes, code: int, attributes: bytes, *, right: bool) -> bytes:
    """A reply with Message-Authenticator, by hand (RFC 3579 section 3.2)."""
    empty = attributes + bytes([80, 18]) + bytes(16)
    head = bytes([code, request[1]]) + (20 + len(empty)).to_bytes(2)
    mac = hmac.new(SECRET.encode(), head + request[4:20] + empty, "md5").digest()
    mac = mac if right else mac[::-1]
    return signed(request, code, empty[:-16] + mac)


def cause(number: int) -> bytes:
    """Error-Cause as an attribute."""
    return bytes([101, 6]) + number.to_bytes(4)


class Responder(asyncio.DatagramProtocol):
    """Answers each datagram with what the script makes of it; keeps all it has seen."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.seen: list[bytes] = []
        self.sources: list[tuple[str, int]] = []
        self.heard = asyncio.Event()
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.seen.append(data)
        self.sources.append(addr)
        self.heard.set()
        assert self.transport is not None
        for reply in self.script(data):
            self.transport.sendto(reply, addr)

    @property
    def port(self) -> int:
        assert self.transport is not None
        return int(self.transport.get_extra_info("sockname")[1])


@asynccontextmanager
async def responder(script: Script) -> AsyncIterator[Responder]:
    """A listening peer."""
    loop = asyncio.get_running_loop()
    transport, peer = await loop.create_datagram_endpoint(
        lambda: Responder(script), local_addr=("127.0.0.1", 0)
    )
    try:
        yield peer
    finally:
        transport.close()
        await asyncio.sleep(0)


@asynccontextmanager
async def client_of(
    port: int, secret: str, **changes: object
) -> AsyncIterator[DynamicAuthorization]:
    """A client that knows the peer as switch sw-1; ``secret`` is a reference."""
    fields = {"host": "127.0.0.1", "port": port, "secret": secret, "timeout_s": 0.05} | changes
    switch = Switch(id="sw-1", site="bench", radius=RadiusAccess.model_validate(fields))
    client = DynamicAuthorization({"sw-1": switch})
    try:
        yield client
    finally:
        await client.close()
