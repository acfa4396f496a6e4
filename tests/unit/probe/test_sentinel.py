"""A probe says UNREACHABLE only when a vantage point that works met nothing but silence."""

import asyncio
import ipaddress
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebreak.cyber_range.silence import listen, silence
from firebreak.domain.device import Device
from firebreak.domain.estate import Sentinel
from firebreak.domain.plan import ProbeReport, Reach
from integrations.probe.sentinel import SentinelProbe, seen_from

DEVICE, CONTROL = "127.30.0.17", "127.30.0.1"
IPUTILS_ARPING = """\
ARPING 192.0.2.10 from 192.0.2.1 eth0
Sent 1 probes (1 broadcast(s))
Received {received} response(s)
"""
PING = "1 packets transmitted, {received} received, {lost}% packet loss, time 0ms\n"


@dataclass
class Wire:
    """A device and a control target, each listening at its own loopback address on one port."""

    port: int
    device: Device

    def sentinel(self, **more: object) -> Sentinel:
        fields = {
            "id": "here",
            "method": "tcp",
            "port": self.port,
            "control": CONTROL,
            "attempts": 2,
            "timeout_s": 0.2,
        }
        return Sentinel.model_validate({**fields, **more})

    async def look(self, **more: object) -> ProbeReport:
        return await SentinelProbe({"bench": self.sentinel(**more)}).look(self.device)


def camera(ip: str | None = DEVICE, site: str = "bench") -> Device:
    return Device.model_validate(
        {"id": "cam-17", "mac": "02:00:00:00:00:17", "ip": ip, "site": site, "class": "ip-camera"}
    )


@pytest.fixture
async def control() -> AsyncIterator[int]:
    """The control target's port; it hangs up on everyone."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), CONTROL, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
def wire(control: int) -> Wire:
    return Wire(control, camera())


async def test_a_device_that_accepts_is_reachable(wire: Wire) -> None:
    with listen(DEVICE, wire.port, 1):
        report = await wire.look()
    assert report.reach is Reach.REACHABLE
    assert (report.vantage, report.target) == ("here", f"{DEVICE}:{wire.port}")
    assert report.method == "tcp"


async def test_a_reset_by_the_device_itself_is_an_answer(wire: Wire) -> None:
    assert (await wire.look()).reach is Reach.REACHABLE  # nothing listens there


async def test_silence_while_the_control_answers_is_unreachable(wire: Wire) -> None:
    with listen(DEVICE, wire.port, 1) as device:
        silence(device)
        report = await wire.look()
    assert report.reach is Reach.UNREACHABLE
    assert report.detail.startswith("2 attempts")


async def test_silence_of_both_proves_nothing(wire: Wire) -> None:
    with listen(DEVICE, wire.port, 1) as device, listen("127.30.0.2", wire.port, 1) as deaf:
        silence(device)
        silence(deaf)
        report = await wire.look(control="127.30.0.2")
    assert report.reach is Reach.INCONCLUSIVE
    assert "127.30.0.2" in report.detail


async def test_a_control_that_falls_silent_during_the_look_proves_nothing(wire: Wire) -> None:
    with listen(DEVICE, wire.port, 1) as device, listen("127.30.0.2", wire.port, 8) as dying:
        silence(device)
        asyncio.get_running_loop().call_later(0.2, silence, dying)
        report = await wire.look(control="127.30.0.2")
    assert report.reach is Reach.INCONCLUSIVE
    assert "after the look" in report.detail


async def test_one_answer_among_attempts_is_reachable(wire: Wire) -> None:
    loop = asyncio.get_running_loop()
    device = listen(DEVICE, wire.port, 8)
    silence(device)
    # Closing it makes the kernel answer with a reset: the host is there after all.
    loop.call_later(0.25, device.close)
    report = await wire.look(attempts=4)
    assert report.reach is Reach.REACHABLE


async def test_addresses_are_translated_one_to_one(wire: Wire) -> None:
    device = camera("10.20.0.17")
    nat = {"10.20.0.0/16": "127.30.0.0/16"}
    sentinel = wire.sentinel(nat=nat, control="10.20.0.1")
    with listen(DEVICE, wire.port, 1) as sock:
        silence(sock)
        report = await SentinelProbe({"bench": sentinel}).look(device)
    assert report.target == f"{DEVICE}:{wire.port}"
    assert report.reach is Reach.UNREACHABLE  # so the control was translated too


@given(st.integers(0, 2**16 - 1))
def test_translation_keeps_the_host_part(host: int) -> None:
    sentinel = Sentinel(
        id="x",
        method="icmp",
        control="10.0.0.1",
        nat={"10.20.0.0/16": "127.20.0.0/16"},
    )
    inside = ipaddress.ip_address("10.20.0.0") + host
    outside = ipaddress.ip_address("127.20.0.0") + host
    assert seen_from(sentinel, str(inside)) == str(outside)
    assert seen_from(sentinel, str(outside)) == str(outside)


@pytest.mark.parametrize(
    ("device", "why"),
    [(camera(ip=None), "no IP"), (camera(site="elsewhere"), "has no sentinel")],
)
async def test_what_cannot_be_looked_at_is_inconclusive(
    wire: Wire, device: Device, why: str
) -> None:
    report = await SentinelProbe({"bench": wire.sentinel()}).look(device)
    assert report.reach is Reach.INCONCLUSIVE
    assert why in report.detail


async def test_an_echo_is_seen_from_here_or_its_impossibility_is_told(wire: Wire) -> None:
    report = await wire.look(method="icmp", port=None)
    if report.reach is Reach.INCONCLUSIVE:
        assert "not possible" in report.detail
    else:
        assert report.reach is Reach.REACHABLE


def program(folder: Path, output: str, code: int) -> tuple[str, ...]:
    """A vantage point whose every command answers so."""
    script = folder / f"vantage-{code}"
    script.write_text(f"#!/bin/sh\ncat > /dev/null\ncat <<'END'\n{output}\nEND\nexit {code}\n")
    script.chmod(0o755)
    return (str(script),)


@pytest.mark.parametrize(
    ("method", "output", "code"),
    [
        ("arp", IPUTILS_ARPING.format(received=1), 0),
        ("icmp", PING.format(received=1, lost=0), 0),
        ("tcp", "answered connected", 0),
    ],
)
async def test_an_answer_at_the_vantage_point_is_reachable(
    wire: Wire, tmp_path: Path, method: str, output: str, code: int
) -> None:
    via = program(tmp_path, output, code)
    report = await wire.look(method=method, interface="eth0", via=via)
    assert report.reach is Reach.REACHABLE


@pytest.mark.parametrize(
    ("method", "output", "code"),
    [
        ("arp", "arping: command not found", 127),
        ("arp", "arping: socket: Operation not permitted", 2),
        ("arp", "", 1),
        ("arp", "", 0),
        ("icmp", "ping: connect: Network is unreachable", 2),
        ("icmp", "Cannot open network namespace", 1),
        ("icmp", "ssh: connect to host sentinel port 22: Connection refused", 255),
        ("tcp", "python3: not found", 127),
        ("tcp", "broken Network is unreachable", 0),
        ("tcp", "silent no answer", 1),
        ("tcp", "", 0),
    ],
)
async def test_a_command_that_did_not_look_proves_nothing(
    wire: Wire, tmp_path: Path, method: str, output: str, code: int
) -> None:
    via = program(tmp_path, output, code)
    report = await wire.look(method=method, interface="eth0", via=via)
    assert report.reach is Reach.INCONCLUSIVE


@pytest.mark.parametrize(
    ("method", "output", "code"),
    [
        ("arp", IPUTILS_ARPING.format(received=0), 1),
        ("icmp", PING.format(received=0, lost=100), 1),
        ("tcp", "silent timed out", 0),
    ],
)
async def test_silence_of_everything_at_the_vantage_point_proves_nothing(
    wire: Wire, tmp_path: Path, method: str, output: str, code: int
) -> None:
    via = program(tmp_path, output, code)
    report = await wire.look(method=method, interface="eth0", via=via)
    assert report.reach is Reach.INCONCLUSIVE
    assert "control target" in report.detail


async def test_a_missing_program_is_named(wire: Wire) -> None:
    report = await wire.look(method="arp", interface="eth0", via=("/no/such/program",))
    assert report.reach is Reach.INCONCLUSIVE
    assert "arping" in report.detail


async def test_a_vantage_point_that_hangs_is_given_up(
    wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.probe.attempts.COMMAND_OVERHEAD_S", 0.2)
    script = tmp_path / "stuck"
    script.write_text("#!/bin/sh\nexec sleep 600\n")
    script.chmod(0o755)
    began = time.monotonic()
    report = await wire.look(method="icmp", via=(str(script),), attempts=1)
    assert report.reach is Reach.INCONCLUSIVE
    assert time.monotonic() - began < 4


async def test_a_probe_never_raises(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("bug")

    monkeypatch.setattr("integrations.probe.sentinel.reach", broken)
    report = await wire.look()
    assert report.reach is Reach.INCONCLUSIVE
    assert "RuntimeError" in report.detail
