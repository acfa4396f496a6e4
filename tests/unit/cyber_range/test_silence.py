import asyncio

import pytest

from firebreak.cyber_range.silence import listen, prove, silence, unsilence
from tests.unit.cyber_range.operators import CROWD_S, sounding


async def test_silence_drops_and_its_end_answers_again() -> None:
    with listen("127.20.255.1", 0, 8) as sock:
        port = sock.getsockname()[1]
        assert await sounding("127.20.255.1", port) == "open"
        silence(sock)
        assert await sounding("127.20.255.1", port) == "silent"
        unsilence(sock, 8)
        assert await sounding("127.20.255.1", port) == "open"


async def test_five_hundred_silent_sockets_stay_silent_under_knocking() -> None:
    hosts = [f"127.20.{200 + n // 250}.{1 + n % 250}" for n in range(500)]
    with listen(hosts[0], 0, 8) as first:
        port = first.getsockname()[1]
    sockets = [listen(host, port, 8) for host in hosts]
    try:
        for sock in sockets:
            silence(sock)
        seen = await asyncio.gather(*(sounding(host, port) for host in hosts for _ in range(2)))
        assert set(seen) == {"silent"}
        for sock in sockets:
            unsilence(sock, 8)
        seen = await asyncio.gather(*(sounding(host, port, CROWD_S) for host in hosts))
        assert set(seen) == {"open"}
    finally:
        for sock in sockets:
            sock.close()


async def test_hearing_again_does_nothing_to_a_socket_that_hears() -> None:
    with listen("127.20.255.2", 0, 8) as sock:
        unsilence(sock, 8)
        assert await sounding("127.20.255.2", sock.getsockname()[1]) == "open"


async def test_the_proof_passes_where_silence_works() -> None:
    await prove("127.20.255.3")


async def test_the_proof_fails_where_a_silenced_socket_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("firebreak.cyber_range.silence.silence", lambda _: None)
    with pytest.raises(RuntimeError, match="run the range on Linux"):
        await prove("127.20.255.4")
