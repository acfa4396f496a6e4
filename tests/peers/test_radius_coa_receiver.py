"""FreeRADIUS takes Firebreak's RFC 5176 requests, and only its own signed answer counts."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from pyrad.packet import CoAPacket

from firebreak.domain.estate import RadiusAccess, Switch
from firebreak.errors import (
    CapabilityMissing,
    FirebreakError,
    NotThere,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unreachable,
)
from integrations.network.radius import line, requests
from integrations.network.radius.client import DynamicAuthorization
from integrations.network.radius.fence import Fence
from integrations.network.radius.packets import (
    COA_ACK,
    DICTIONARY,
    DISCONNECT_ACK,
    Reply,
    Request,
    Sealed,
)
from integrations.network.radius.replies import accepted, refusal
from tests.peers.freeradius import SECRET, CoaReceiver

pytestmark = [pytest.mark.peer("freeradius"), pytest.mark.xdist_group("freeradius")]

NAS, MAC = "access-1", "02:0e:3c:a1:b2:c3"
ACCESS_ACCEPT = 2


@pytest.fixture
def secret(tmp_path: Path) -> str:
    """The reference to the shared secret."""
    held = tmp_path / "secret"
    held.touch(mode=0o600)
    held.write_text(SECRET)
    return f"file:{held}"


@pytest.fixture
def nas(coa_receiver: CoaReceiver, secret: str) -> RadiusAccess:
    return RadiusAccess(
        host="127.0.0.1", port=coa_receiver.port, secret=secret, nas_identifier=NAS, timeout_s=0.5
    )


async def ask(nas: RadiusAccess, request: Request) -> Reply:
    client = DynamicAuthorization({NAS: Switch(id=NAS, site="plant-1", radius=nas)})
    try:
        return await client.ask(NAS, request, Fence.of(5.0))
    finally:
        await client.close()


def requests_received(receiver: CoaReceiver, station: str) -> int:
    return receiver.received().count(f'Calling-Station-Id = "{station}"')


async def test_a_disconnect_is_acknowledged_and_arrives_as_it_was_meant(
    coa_receiver: CoaReceiver, nas: RadiusAccess
) -> None:
    reply = await ask(nas, requests.reauthentication(nas, MAC))
    assert (reply.code, reply.ack, accepted(reply)) == (DISCONNECT_ACK, True, True)
    arrived = coa_receiver.received().rpartition("\n\n\n")[2] or coa_receiver.received()
    assert 'Calling-Station-Id = "02-0E-3C-A1-B2-C3"' in arrived
    assert f'NAS-Identifier = "{NAS}"' in arrived
    assert "Event-Timestamp = " in arrived
    assert "Message-Authenticator = 0x" in arrived


async def test_a_change_of_vlan_is_acknowledged_and_arrives_with_its_tags(
    coa_receiver: CoaReceiver, nas: RadiusAccess
) -> None:
    reply = await ask(nas, requests.move(nas, MAC, 666))
    assert (reply.code, reply.ack) == (COA_ACK, True)
    arrived = coa_receiver.received()
    assert "Tunnel-Type:1 = VLAN" in arrived
    assert "Tunnel-Medium-Type:1 = IEEE-802" in arrived
    assert 'Tunnel-Private-Group-Id:1 = "666"' in arrived


async def test_the_commands_of_cisco_arrive_as_its_own_attributes(
    coa_receiver: CoaReceiver, nas: RadiusAccess
) -> None:
    again = nas.model_copy(update={"reauthenticate": "reauthenticate"})
    assert (await ask(again, requests.reauthentication(again, MAC))).ack
    assert (await ask(nas, requests.shut(nas, MAC))).ack
    for command in ("reauthenticate", "disable-host-port"):
        assert f'Cisco-AVPair = "subscriber:command={command}"' in coa_receiver.received()


@pytest.mark.parametrize(
    ("cause", "error"),
    [
        (401, Rejected),
        (402, Rejected),
        (403, Rejected),
        (404, Rejected),
        (405, CapabilityMissing),
        (406, CapabilityMissing),
        (407, Rejected),
        (501, Rejected),
        (502, Unreachable),
        (503, NotThere),
        (504, CapabilityMissing),
        (505, Rejected),
        (506, RateLimited),
        (508, CapabilityMissing),
    ],
)
async def test_each_refusal_of_a_nas_has_its_place_in_the_taxonomy(
    nas: RadiusAccess, cause: int, error: type[FirebreakError]
) -> None:
    mac = f"02:00:00:00:{cause // 100:02d}:{cause % 100:02d}"
    for request in (requests.reauthentication(nas, mac), requests.move(nas, mac, 666)):
        reply = await ask(nas, request)
        assert (reply.ack, reply.cause) == (False, cause)
        assert not accepted(reply)
        refused = refusal(NAS, request, reply)
        assert type(refused) is error
        assert str(cause) in str(refused)


async def test_a_nas_that_begins_to_authenticate_anew_has_accepted(nas: RadiusAccess) -> None:
    reply = await ask(nas, requests.move(nas, "02:00:00:00:05:07", 666))
    assert (reply.ack, reply.cause, accepted(reply)) == (False, 507, True)


# Silence is never success, and never a sign that nothing happened.


async def test_a_wrong_secret_is_met_with_silence(
    coa_receiver: CoaReceiver, nas: RadiusAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRONG", "not-the-secret")
    wrong = nas.model_copy(update={"secret": "env:WRONG", "timeout_s": 0.2, "retries": 1})
    before = coa_receiver.received()
    with pytest.raises(OutcomeUnknown, match="did not answer"):
        await ask(wrong, requests.reauthentication(wrong, MAC))
    assert coa_receiver.received() == before


class Unsigned(Sealed):
    """A request without Message-Authenticator, as pyrad makes it unless asked."""

    def __init__(self, request: Request, number: int, secret: bytes, now: int) -> None:
        super().__init__(request, number, secret, now)
        packet = CoAPacket(code=request.code, id=number, secret=secret, dict=DICTIONARY)
        for name, value in (*request.attributes, ("Event-Timestamp", now)):
            packet.AddAttribute(name, value)
        self.raw = packet.RequestPacket()


async def test_a_request_without_message_authenticator_is_met_with_silence(
    coa_receiver: CoaReceiver, nas: RadiusAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "Sealed", Unsigned)
    quick = nas.model_copy(update={"timeout_s": 0.2, "retries": 1})
    before = coa_receiver.received()
    with pytest.raises(OutcomeUnknown, match="did not answer"):
        await ask(quick, requests.reauthentication(quick, MAC))
    assert coa_receiver.received() == before


# Somebody on the wire between Firebreak and the NAS. FreeRADIUS's genuine answers pass through.

Tamper = Callable[[bytes, bytes], list[bytes]]  # request, reply -> what arrives


class _Between(asyncio.DatagramProtocol):
    """Passes requests on; what becomes of a reply is the tamperer's."""

    def __init__(self, port: int, tamper: Tamper) -> None:
        self._nas, self._tamper = ("127.0.0.1", port), tamper
        self._client: tuple[str, int] | None = None
        self.transport: asyncio.DatagramTransport | None = None
        self.requests: list[bytes] = []
        self.replies: list[bytes] = []  # FreeRADIUS's own

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self.transport is not None
        if addr != self._nas:
            self._client = addr
            self.requests.append(data)
            self.transport.sendto(data, self._nas)
            return
        self.replies.append(data)
        for reply in self._tamper(self.requests[-1], data):
            self.transport.sendto(reply, self._client)


@asynccontextmanager
async def between(
    nas: RadiusAccess, tamper: Tamper
) -> AsyncIterator[tuple[RadiusAccess, _Between]]:
    """The NAS as it is reached through somebody else."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        lambda: _Between(nas.port, tamper), local_addr=("127.0.0.1", 0)
    )
    port = transport.get_extra_info("sockname")[1]
    try:
        yield nas.model_copy(update={"port": port, "timeout_s": 0.3, "retries": 1}), protocol
    finally:
        transport.close()


def signed(request: bytes, reply: bytes) -> bytes:
    """The reply with a Response Authenticator that only the shared secret can make."""
    told = request[4:20]
    digest = hashlib.md5(reply[:4] + told + reply[20:] + SECRET.encode(), usedforsecurity=False)
    return reply[:4] + digest.digest() + reply[20:]


def recoded(code: int) -> Tamper:
    """A reply that verifies, without attributes, of another code."""
    return lambda request, reply: [
        signed(request, bytes([code, reply[1], 0, 20]) + bytes(16)),
    ]


def unsigned(_: bytes, reply: bytes) -> list[bytes]:
    """As somebody without the secret would make it: a NAK turned into an ACK."""
    return [bytes([DISCONNECT_ACK]) + reply[1:]]


def of_another_request(_: bytes, reply: bytes) -> list[bytes]:
    return [reply[:1] + bytes([reply[1] ^ 1]) + reply[2:]]


def cut_short(_: bytes, reply: bytes) -> list[bytes]:
    return [reply[:19], b"", reply[:1]]


@pytest.mark.parametrize(
    "tamper",
    [recoded(ACCESS_ACCEPT), recoded(COA_ACK), unsigned, of_another_request, cut_short],
    ids=["access-accept", "coa-ack", "unsigned", "of-another-request", "cut-short"],
)
async def test_a_reply_that_is_not_the_answer_is_no_answer(
    nas: RadiusAccess, tamper: Tamper
) -> None:
    async with between(nas, tamper) as (spied, protocol):
        with pytest.raises(OutcomeUnknown, match="did not answer"):
            await ask(spied, requests.reauthentication(spied, "02:00:00:00:05:03"))
    assert protocol.replies


async def test_a_forged_reply_does_not_drown_out_the_genuine_one(nas: RadiusAccess) -> None:
    def forged_first(request: bytes, reply: bytes) -> list[bytes]:
        return [*unsigned(request, reply), *cut_short(request, reply), reply]

    async with between(nas, forged_first) as (spied, _):
        reply = await ask(spied, requests.reauthentication(spied, "02:00:00:00:05:03"))
    assert (reply.ack, reply.cause) == (False, 503)


async def test_a_signed_reply_from_another_socket_is_not_heard(nas: RadiusAccess) -> None:
    """Another program on the NAS's host, which even knows the secret."""
    loop = asyncio.get_running_loop()
    stranger, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
    )

    def elsewhere(request: bytes, reply: bytes) -> list[bytes]:
        ack = signed(request, bytes([DISCONNECT_ACK, reply[1], 0, 20]) + bytes(16))
        assert protocol._client is not None
        stranger.sendto(ack, protocol._client)
        return []

    try:
        async with between(nas, elsewhere) as (spied, protocol):
            with pytest.raises(OutcomeUnknown, match="did not answer"):
                await ask(spied, requests.reauthentication(spied, MAC))
        assert protocol.replies
    finally:
        stranger.close()


async def test_a_request_whose_answer_was_lost_is_repeated_byte_for_byte_and_acts_once(
    coa_receiver: CoaReceiver, nas: RadiusAccess
) -> None:
    answers: Iterator[bool] = iter([False, True])
    mac = "02:0e:3c:00:00:01"
    station = requests.station(mac, nas.mac)

    def lose_the_first(_: bytes, reply: bytes) -> list[bytes]:
        return [reply] if next(answers) else []

    async with between(nas, lose_the_first) as (spied, protocol):
        reply = await ask(spied, requests.reauthentication(spied, mac))
    assert (reply.ack, reply.sends) == (True, 2)
    assert len(set(protocol.requests)) == 1
    assert requests_received(coa_receiver, station) == 1
