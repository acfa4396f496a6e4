"""The range's NAS is as strict as a real one, and moves the devices of the range."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from pyrad.packet import CoAPacket

from firebreak.cyber_range.journal import Journal
from firebreak.cyber_range.nas import NasConfig, RadiusNas
from firebreak.cyber_range.nas_faults import NasFault, NasFaultKind
from firebreak.cyber_range.network import Network, Node, PortConfig, SwitchState
from firebreak.cyber_range.policy import RangeAuthorization

MAC = "02:00:00:00:00:17"
STATION = b"02-00-00-00-00-17"
SECRET = b"nas-secret"
PORT = "GigabitEthernet0/1"
DISCONNECT, COA = 40, 43
QUIET_S = 0.05


class Client(asyncio.DatagramProtocol):
    """A socket towards the NAS."""

    def __init__(self) -> None:
        self.replies: asyncio.Queue[bytes] = asyncio.Queue()
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        del addr
        self.replies.put_nowait(data)

    async def send(self, raw: bytes) -> CoAPacket | None:
        """The reply, or None for silence."""
        assert self.transport is not None
        self.transport.sendto(raw)
        try:
            async with asyncio.timeout(QUIET_S):
                return CoAPacket(packet=await self.replies.get(), secret=SECRET)
        except TimeoutError:
            return None


class Stage:
    """A NAS over one switch with one device, and a client."""

    def __init__(self, **config: object) -> None:
        ports = {f"GigabitEthernet0/{n}": PortConfig(vlan=10) for n in range(1, 4)}
        self.state = SwitchState("sw-1", "cisco_ios", {1: "d", 10: "cams", 666: "q"}, ports)
        self.network = Network()
        self.network.add_switch(self.state)
        self.network.plug(Node("cam", MAC, "10.20.0.17", 10), "sw-1", PORT)
        self.policy = RangeAuthorization()
        self.journal = Journal()
        made = NasConfig(secret=SECRET, **config)  # type: ignore[arg-type] # by name
        self.nas = RadiusNas(self.network, self.state, self.policy, self.journal, made)
        self.client = Client()

    async def ask(
        self, code: int, attributes: dict[int, bytes], *, sign: bool = True, at: float = 0.0
    ) -> tuple[int, int | None] | None:
        """``(code, Error-Cause)`` of the reply, or None for silence."""
        request = CoAPacket(code=code, id=1, secret=SECRET)
        for number, value in attributes.items():
            request[number] = [value]
        request[55] = [int(time.time() + at).to_bytes(4)]
        if sign:
            request.add_message_authenticator()
        reply = await self.client.send(request.RequestPacket())
        if reply is None:
            return None
        assert request.VerifyReply(reply)
        found = reply.get(101)
        return reply.code, int.from_bytes(found[0]) if found else None

    async def command(self, command: str, at: float = 0.0) -> tuple[int, int | None] | None:
        pair = f"subscriber:command={command}".encode()
        vendor = bytes([0, 0, 0, 9, 1, len(pair) + 2]) + pair
        return await self.ask(COA, {31: STATION, 26: vendor}, at=at)


@asynccontextmanager
async def stage(**config: object) -> AsyncIterator[Stage]:
    scene = Stage(**config)
    await scene.nas.start("127.0.0.1")
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: scene.client, remote_addr=scene.nas.address
    )
    try:
        yield scene
    finally:
        transport.close()
        await scene.nas.stop()


async def test_a_disconnected_device_lands_where_the_server_says() -> None:
    async with stage() as scene:
        scene.policy.assign(MAC, 666)
        assert scene.nas.sessions.vlan(MAC) == 10
        assert await scene.ask(DISCONNECT, {31: STATION}) == (41, None)
        assert scene.nas.sessions.vlan(MAC) == 666
        assert not scene.network.reachable("cam")
        assert scene.state.ports[PORT].config.vlan == 10
        scene.policy.assign(MAC, None)
        await scene.ask(DISCONNECT, {31: STATION}, at=1)
        assert scene.network.reachable("cam")
        assert [w.command for w in scene.journal.effects()] == ["Disconnect-Request"] * 2


async def test_a_device_that_authenticates_slowly_is_nowhere_meanwhile() -> None:
    async with stage(reauth_s=0.1) as scene:
        assert await scene.ask(DISCONNECT, {31: STATION}) == (41, None)
        assert scene.nas.sessions.vlan(MAC) is None
        assert not scene.network.reachable("cam")
        assert await scene.ask(DISCONNECT, {31: STATION}, at=1) == (42, 503)
        async with asyncio.timeout(2):
            while not scene.network.reachable("cam"):
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("station", [b"020000000017", b"0200.0000.0017", b"02:00:00:00:00:17"])
async def test_a_session_is_found_by_any_notation(station: bytes) -> None:
    async with stage() as scene:
        assert await scene.ask(DISCONNECT, {31: station}) == (41, None)


async def test_tunnel_attributes_move_a_session_to_a_vlan_that_is_there() -> None:
    tunnel = {64: b"\x01\x00\x00\x0d", 65: b"\x01\x00\x00\x06", 81: b"\x01666"}
    async with stage() as scene:
        assert await scene.ask(COA, {31: STATION, **tunnel}) == (44, None)
        assert scene.nas.sessions.vlan(MAC) == 666
        assert await scene.ask(COA, {31: STATION, **tunnel, 81: b"\x01777"}) == (45, 407)
        assert await scene.ask(COA, {31: STATION, 81: b"\x01666"}) == (45, 402)


async def test_cisco_commands_are_obeyed_or_refused() -> None:
    async with stage(commands=("reauthenticate", "disable-host-port")) as scene:
        scene.policy.assign(MAC, 666)
        assert await scene.command("reauthenticate") == (44, None)
        assert scene.nas.sessions.vlan(MAC) == 666
        assert await scene.command("bounce-host-port") == (45, 501)
        assert await scene.command("disable-host-port") == (44, None)
        assert not scene.state.ports[PORT].config.up
        assert await scene.command("reauthenticate", at=1) == (45, 503)


@pytest.mark.parametrize(
    ("code", "attributes", "answer"),
    [
        (DISCONNECT, {}, (42, 402)),
        (DISCONNECT, {31: b"not a mac"}, (42, 407)),
        (DISCONNECT, {31: b"02-00-00-00-00-99"}, (42, 503)),
        (DISCONNECT, {31: STATION, 32: b"sw-9"}, (42, 403)),
        (DISCONNECT, {31: STATION, 81: b"666"}, (42, 401)),
        (DISCONNECT, {31: STATION, 200: b"x"}, (42, 401)),
        (COA, {31: STATION, 6: (17).to_bytes(4)}, (45, 405)),
        (COA, {31: STATION}, (45, 402)),
    ],
)
async def test_a_wrong_request_is_refused_with_its_cause(
    code: int, attributes: dict[int, bytes], answer: tuple[int, int]
) -> None:
    async with stage() as scene:
        assert await scene.ask(code, attributes) == answer
        assert scene.journal.effects() == ()


async def test_what_is_not_signed_or_not_recent_gets_no_answer() -> None:
    async with stage() as scene:
        assert await scene.ask(DISCONNECT, {31: STATION}, sign=False) is None
        assert await scene.ask(DISCONNECT, {31: STATION}, at=-301) is None
        assert await scene.ask(DISCONNECT, {31: STATION}, at=302) is None
        assert await scene.client.send(b"\x28\x01\x00\x14" + bytes(16)) is None
        assert await scene.client.send(b"\x28") is None
        assert scene.nas.requests == 0


async def test_a_stranger_gets_no_answer() -> None:
    async with stage(clients=("127.0.0.2",)) as scene:
        assert await scene.ask(DISCONNECT, {31: STATION}) is None


async def test_a_retransmission_is_answered_and_not_acted_on_again() -> None:
    async with stage() as scene:
        scene.nas.faults.inject(NasFault(NasFaultKind.LOSE_REPLY, times=1))
        assert await scene.ask(DISCONNECT, {31: STATION}) is None
        assert await scene.ask(DISCONNECT, {31: STATION}) == (41, None)
        assert len(scene.journal.effects()) == 1


@pytest.mark.parametrize(
    ("kind", "answer", "effects"),
    [
        (NasFaultKind.SILENT, None, 0),
        (NasFaultKind.WRONG_SECRET, None, 0),
        (NasFaultKind.SWALLOW, None, 0),
        (NasFaultKind.HANG_AFTER_WRITE, None, 1),
        (NasFaultKind.NAK, (42, 506), 0),
        (NasFaultKind.LIE, (41, None), 0),
    ],
)
async def test_each_fault_does_what_it_says(
    kind: NasFaultKind, answer: tuple[int, int] | None, effects: int
) -> None:
    async with stage() as scene:
        fault = scene.nas.faults.inject(NasFault(kind, cause=506))
        assert await scene.ask(DISCONNECT, {31: STATION}) == answer
        assert len(scene.journal.effects()) == effects
        assert fault.hits == 1


async def test_a_forged_reply_and_a_wrong_code_are_what_they_say() -> None:
    async with stage() as scene:
        scene.nas.faults.inject(NasFault(NasFaultKind.FORGED_REPLY, times=1))
        with pytest.raises(AssertionError):
            await scene.ask(DISCONNECT, {31: STATION})
        scene.nas.faults.inject(NasFault(NasFaultKind.WRONG_CODE, times=1))
        assert await scene.ask(DISCONNECT, {31: STATION}, at=1) == (44, None)


async def test_the_secret_does_not_show() -> None:
    assert "nas-secret" not in repr(NasConfig(secret=SECRET))


def test_a_users_file_decides_first_and_in_its_order(tmp_path: Path) -> None:
    users = tmp_path / "users"
    policy = RangeAuthorization(users)
    policy.assign(MAC, 10)
    assert policy.vlan(MAC) == 10
    users.write_text(
        "# Firebreak\n"
        '02-00-00-00-00-17\n\tTunnel-Type := VLAN,\n\tTunnel-Private-Group-Id := "666"\n'
        '\n"02:00:00:00:00:18" Auth-Type := Accept\n    Tunnel-Private-Group-Id:1 = 20\n'
        '020000000017\n\tTunnel-Private-Group-Id := "30"\n'
        'DEFAULT Calling-Station-Id =~ "^02-?00-?00-?00-?00-?21$"\n'
        '\tTunnel-Private-Group-Id := "40"\n'
        'DEFAULT User-Name =~ "x"\n\tTunnel-Private-Group-Id := "50"\n'
        "DEFAULT\n\tReply-Message := no\n"
    )
    assert policy.vlan("02:00:00:00:00:21") == 40
    assert policy.vlan(MAC) == 666
    assert policy.vlan("02:00:00:00:00:18") == 20
    assert policy.vlan("02:00:00:00:00:19") is None
    users.unlink()
    assert policy.vlan(MAC) == 10
