"""One socket for each NAS, the same bytes again, and nothing believed that is not signed."""

import asyncio
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firebreak.errors import AuthFailed, CapabilityMissing, OutcomeUnknown, Rejected, Unreachable
from integrations.network.radius.fence import Fence
from integrations.network.radius.line import IN_FLIGHT
from integrations.network.radius.packets import DISCONNECT_REQUEST, Request
from tests.unit.radius.responder import cause, client_of, responder, signed
from tests.unit.radius.site import SECRET

DISCONNECT = Request(DISCONNECT_REQUEST, (("Calling-Station-Id", "02-00-00-00-00-17"),))
HARMLESS = Request(DISCONNECT_REQUEST, (("Calling-Station-Id", "00"),), harmless=True)


@pytest.fixture
def secret(tmp_path: Path) -> str:
    file = tmp_path / "secret"
    file.write_text(SECRET)
    file.chmod(0o600)
    return f"file:{file}"


def fence(seconds: float = 5.0) -> Fence:
    return Fence.of(seconds)


def ack(request: bytes) -> list[bytes]:
    return [signed(request, 41)]


def nothing(request: bytes) -> list[bytes]:
    del request
    return []


async def test_a_reply_is_told_with_its_cause(secret: str) -> None:
    def refuse(request: bytes) -> list[bytes]:
        return [signed(request, 42, cause(501))]

    async with responder(refuse) as nas, client_of(nas.port, secret) as client:
        reply = await client.ask("sw-1", DISCONNECT, fence())
        assert (reply.ack, reply.cause, reply.sends) == (False, 501, 1)


async def test_the_socket_is_kept_and_identifiers_go_round(secret: str) -> None:
    async with responder(ack) as nas, client_of(nas.port, secret) as client:
        for _ in range(300):
            await client.ask("sw-1", DISCONNECT, fence())
        assert len(set(nas.sources)) == 1
        assert len({packet[1] for packet in nas.seen}) == 256
        assert len({packet[1] for packet in nas.seen[:200]}) == 200


async def test_a_retransmission_is_the_same_bytes_from_the_same_port(secret: str) -> None:
    answers = iter([[], [], "reply"])

    def third_time(request: bytes) -> list[bytes]:
        return ack(request) if next(answers) == "reply" else []

    async with responder(third_time) as nas, client_of(nas.port, secret) as client:
        reply = await client.ask("sw-1", DISCONNECT, fence())
        assert reply.sends == 3
        assert len(nas.seen) == 3
        assert len(set(nas.seen)) == len(set(nas.sources)) == 1


async def test_silence_after_sending_is_unknown_and_says_what_to_look_at(secret: str) -> None:
    async with responder(nothing) as nas, client_of(nas.port, secret, retries=1) as client:
        with pytest.raises(OutcomeUnknown, match="check the secret, the source address") as caught:
            await client.ask("sw-1", DISCONNECT, fence())
        assert len(nas.seen) == 2
        assert SECRET not in str(caught.value)


async def test_silence_to_what_does_no_harm_is_unreachable(secret: str) -> None:
    async with responder(nothing) as nas, client_of(nas.port, secret) as client:
        with pytest.raises(Unreachable, match="nothing was changed"):
            await client.ask("sw-1", HARMLESS, fence())


async def test_a_port_where_nobody_listens_ends_only_what_does_no_harm(secret: str) -> None:
    async with responder(nothing) as nas:
        port = nas.port
    async with client_of(port, secret, timeout_s=30) as client:
        began = time.monotonic()
        with pytest.raises(Unreachable, match="nobody listens"):
            await client.ask("sw-1", HARMLESS, fence(60))
        assert time.monotonic() - began < 20
        with pytest.raises(OutcomeUnknown, match="nobody listens"):
            await client.ask("sw-1", DISCONNECT, fence())


@pytest.mark.parametrize(
    "forge",
    [
        lambda r: signed(r, 41, secret="guess"),
        lambda r: signed(r, 41)[:4] + bytes(16),
        lambda r: signed(r, 44),
        lambda r: signed(r, 2),
        lambda r: signed(r[:1] + bytes([r[1] ^ 1]) + r[2:], 41),
        lambda r: r,
        lambda r: r[:1],
    ],
    ids=["other-secret", "unsigned", "coa-ack", "access-accept", "other-id", "echo", "short"],
)
async def test_a_forged_reply_is_ignored_and_the_true_one_counts(
    secret: str, forge: object
) -> None:
    assert callable(forge)
    async with responder(lambda r: [forge(r)]) as nas, client_of(nas.port, secret) as client:
        with pytest.raises(OutcomeUnknown):
            await client.ask("sw-1", DISCONNECT, fence())
        nas.script = lambda r: [forge(r), signed(r, 41)]
        assert (await client.ask("sw-1", DISCONNECT, fence())).ack


async def test_replies_that_do_not_verify_are_told_of(secret: str) -> None:
    def wrongly(request: bytes) -> list[bytes]:
        return [signed(request, 42, secret="x")]

    async with responder(wrongly) as nas, client_of(nas.port, secret, retries=1) as client:
        with pytest.raises(OutcomeUnknown, match="2 replies did not verify"):
            await client.ask("sw-1", DISCONNECT, fence())


async def test_a_reply_from_another_address_is_not_heard(secret: str) -> None:
    async with responder(nothing) as nas, responder(nothing) as stranger:

        def elsewhere(request: bytes) -> Iterable[bytes]:
            assert stranger.transport is not None
            stranger.transport.sendto(signed(request, 41), nas.sources[-1])
            return []

        nas.script = lambda r: list(elsewhere(r))
        async with client_of(nas.port, secret) as client:
            with pytest.raises(OutcomeUnknown):
                await client.ask("sw-1", DISCONNECT, fence())


async def test_no_more_than_the_limit_are_in_flight(secret: str) -> None:
    async with responder(nothing) as nas, client_of(nas.port, secret, timeout_s=5.0) as client:
        asked = [
            asyncio.ensure_future(client.ask("sw-1", DISCONNECT, fence()))
            for _ in range(IN_FLIGHT + 20)
        ]
        while len(nas.seen) < IN_FLIGHT:
            nas.heard.clear()
            await nas.heard.wait()
        first = list(nas.seen)
        assert len(first) == IN_FLIGHT
        nas.script = ack
        assert nas.transport is not None
        for packet in first:
            nas.transport.sendto(signed(packet, 41), nas.sources[0])
        replies = await asyncio.gather(*asked)
        assert all(reply.ack for reply in replies)
        assert len(nas.seen) == IN_FLIGHT + 20


async def test_nothing_is_sent_after_the_fence(secret: str) -> None:
    async with responder(ack) as nas, client_of(nas.port, secret) as client:
        late = Fence.of(5.0, datetime.now(UTC) - timedelta(seconds=1))
        with pytest.raises(Unreachable, match="nothing was sent"):
            await client.ask("sw-1", DISCONNECT, late)
        assert not nas.seen


async def test_nothing_is_sent_again_after_the_fence(secret: str) -> None:
    async with responder(nothing) as nas, client_of(nas.port, secret, retries=5) as client:
        short = Fence.of(5.0, datetime.now(UTC) + timedelta(seconds=0.15))
        with pytest.raises(OutcomeUnknown):
            await client.ask("sw-1", DISCONNECT, short)
        assert 1 <= len(nas.seen) <= 4


async def test_the_deadline_ends_the_wait(secret: str) -> None:
    async with responder(nothing) as nas, client_of(nas.port, secret, timeout_s=30) as client:
        began = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            await client.ask("sw-1", DISCONNECT, fence(0.1))
        assert time.monotonic() - began < 20


async def test_an_abandoned_request_is_not_sent_again(secret: str) -> None:
    async with responder(nothing) as nas, client_of(nas.port, secret) as client:
        asked = asyncio.ensure_future(client.ask("sw-1", DISCONNECT, fence()))
        await nas.heard.wait()
        asked.cancel()
        await asyncio.wait({asked})
        nas.script = ack
        await client.ask("sw-1", DISCONNECT, fence())
        assert len(nas.seen) == 2


async def test_requests_come_from_the_address_the_nas_knows(secret: str) -> None:
    async with responder(ack) as nas, client_of(nas.port, secret, source="127.0.0.9") as client:
        await client.ask("sw-1", DISCONNECT, fence())
        assert nas.sources[0][0] == "127.0.0.9"


async def test_an_address_that_is_not_here_is_unreachable(secret: str) -> None:
    async with responder(ack) as nas, client_of(nas.port, secret, source="192.0.2.7") as client:
        with pytest.raises(Unreachable, match="no socket"):
            await client.ask("sw-1", DISCONNECT, fence())


async def test_a_secret_that_is_not_there_signs_nothing() -> None:
    async with responder(ack) as nas, client_of(nas.port, "env:NO_SUCH_SECRET") as client:
        with pytest.raises(AuthFailed, match="NO_SUCH_SECRET"):
            await client.ask("sw-1", DISCONNECT, fence())
        assert not nas.seen


async def test_a_switch_without_radius_is_a_missing_capability(secret: str) -> None:
    async with client_of(1, secret) as client:
        with pytest.raises(CapabilityMissing, match="sw-9 has no `radius`"):
            await client.ask("sw-9", DISCONNECT, fence())


async def test_what_does_not_fit_into_a_packet_is_rejected(secret: str) -> None:
    async with responder(ack) as nas, client_of(nas.port, secret) as client:
        long = Request(DISCONNECT_REQUEST, (("Calling-Station-Id", "x" * 300),))
        with pytest.raises(Rejected, match="cannot be written"):
            await client.ask("sw-1", long, fence())


async def test_a_closed_client_opens_a_new_socket_when_asked_again(secret: str) -> None:
    async with responder(ack) as nas, client_of(nas.port, secret) as client:
        await client.ask("sw-1", DISCONNECT, fence())
        await client.close()
        await client.ask("sw-1", DISCONNECT, fence())
        assert len(set(nas.sources)) == 2
