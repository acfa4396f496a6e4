import asyncio
import json
import os
import signal
import stat
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvloop
import yaml  # type: ignore[import-untyped]  # PyYAML ships no types

from firebreak.cyber_range.control import ControlServer, OrderRefused, RangeControl
from firebreak.cyber_range.devices import loopback
from firebreak.cyber_range.faults import Fault, FaultKind
from firebreak.cyber_range.recordings import mirai_alerts
from firebreak.cyber_range.site import BOT, Range
from firebreak.domain.estate import Estate, Platform
from firebreak.domain.interlock import HttpInterlock
from tests.unit.cyber_range.operators import CROWD_S, Operator, cli_of, sound, sounding


def estate_of(path: Path) -> Estate:
    return Estate.model_validate(yaml.safe_load(path.read_text()))


async def test_the_estate_file_is_what_the_range_is(site: Range) -> None:
    assert estate_of(site.estate_file) == site.estate()


def test_secrets_are_referenced_and_private(site: Range) -> None:
    text = site.estate_file.read_text()
    for switch in site.estate().switches:
        cli = cli_of(switch)
        for reference in (cli.password, cli.enable_secret):
            assert reference is not None
            path = Path(reference.removeprefix("file:"))
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert path.read_text().strip() not in text
    assert stat.S_IMODE(site.state.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(site.estate_file.stat().st_mode) == 0o600


async def test_the_bot_is_the_camera_of_the_recorded_alerts(site: Range) -> None:
    bot = next(d for d in site.estate().devices if d.id == BOT)
    assert (bot.mac, bot.ip, bot.device_class) == ("02:00:00:00:00:17", "10.20.0.17", "ip-camera")
    assert bot.criticality == "high"
    assert bot.attached is not None
    assert (bot.attached.switch, bot.attached.port) == ("sw-1", "GigabitEthernet0/3")
    alerts = [json.loads(line) for line in mirai_alerts().splitlines()]
    assert {a["src_ip"] for a in alerts if a["event_type"] == "alert"} == {bot.ip}


async def test_saved_configuration_survives_a_restart_and_unsaved_is_lost(tmp_path: Path) -> None:
    async with Range.build(tmp_path, devices=6, switches=2) as first:
        port, keys = first.port, [cli_of(s).host_key for s in first.estate().switches]
        async with Operator(first, "sw-1") as operator:
            await operator.configure("Gi0/3", "switchport access vlan 666")
            await operator.say("write memory", until="[OK]")
            await operator.say("configure terminal")
            await operator.say("interface Gi0/1")
            await operator.say("shutdown")
    async with Range.build(tmp_path, devices=6, switches=2) as second:
        assert (second.port, [cli_of(s).host_key for s in second.estate().switches]) == (port, keys)
        assert await sound(second, BOT) == "silent"
        assert second.network.switches["sw-1"].ports["GigabitEthernet0/1"].config.up
        commands = [w.command for w in second.journal.writes()]
    assert commands == ["switchport access vlan 666", "save", "shutdown"]


async def test_a_state_directory_keeps_its_shape(tmp_path: Path) -> None:
    async with Range.build(tmp_path, devices=2, switches=1):
        pass
    with pytest.raises(ValueError, match="holds another range"):
        Range.build(tmp_path, devices=3, switches=1)


async def test_a_second_range_in_the_same_directory_does_not_start(tmp_path: Path) -> None:
    async with Range.build(tmp_path, devices=2, switches=1):
        twin = Range.build(tmp_path, devices=2, switches=1)
        with pytest.raises(OSError, match="in use"):
            await twin.start()


async def test_two_ranges_run_side_by_side(tmp_path: Path) -> None:
    first = Range.build(tmp_path / "a", devices=4, switches=1)
    second = Range.build(tmp_path / "b", devices=4, switches=1)
    async with first, second:
        first.network.unplug(BOT)
        assert await sound(first, BOT) == "silent"
        assert await sound(second, BOT) == "open"


async def test_five_hundred_devices_start_in_seconds(tmp_path: Path) -> None:
    platforms: tuple[Platform, ...] = ("cisco_ios", "juniper_junos", "arista_eos")
    began = time.monotonic()
    async with Range.build(
        tmp_path, devices=500, switches=25, platforms=platforms, roads=()
    ) as site:
        assert time.monotonic() - began < 20
        devices = site.estate().devices
        assert len(devices) == 500
        for device in devices[::2]:
            site.network.unplug(device.id)
        cut_off = await asyncio.gather(*(sound(site, d.id) for d in devices[::2]))
        assert set(cut_off) == {"silent"}
        others = await asyncio.gather(*(sound(site, d.id, CROWD_S) for d in devices[1::2]))
        assert set(others) == {"open"}


def test_the_range_runs_on_uvloop(tmp_path: Path) -> None:
    async def through() -> None:
        async with Range.build(tmp_path, devices=4, switches=1) as site:
            await site.switches["sw-1"].inject(Fault(FaultKind.SILENT))
            assert await sounding(*site.switches["sw-1"].address) == "silent"
            await site.switches["sw-1"].clear()
            async with Operator(site, "sw-1") as operator:
                await operator.configure("Gi0/3", "switchport access vlan 666")
                assert await sound(site, BOT) == "silent"
            await site.switches["sw-1"].inject(Fault(FaultKind.REFUSE))
            assert await sounding(*site.switches["sw-1"].address) == "refused"

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(through())


@asynccontextmanager
async def process(state: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, Any]]]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "firebreak.cyber_range", "--state", str(state),
        "--devices", "6", "--switches", "2",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout is not None
    try:
        async with asyncio.timeout(20):
            yield child, json.loads(await child.stdout.readline())
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGTERM)
        await child.wait()
        child._transport.close()  # type: ignore[attr-defined]  # or it warns of an open transport


async def test_a_range_process_takes_orders_and_survives_its_own_kill(tmp_path: Path) -> None:
    bot_port = {"switch": "sw-1", "port": "Gi0/3"}
    async with process(tmp_path) as (child, ready):
        control = RangeControl(Path(ready["control"]))
        assert (ready["bot"], ready["pid"]) == (BOT, child.pid)
        assert estate_of(Path(ready["estate"])).sites[0].sentinel.port == ready["port"]
        await control.inject("sw-1", FaultKind.LIE, times=1)
        assert (await control.port(**bot_port))["devices"] == [BOT]
        await control.unplug(BOT)
        assert not await control.reachable(BOT)
        assert await sounding(loopback("10.20.0.17"), ready["port"]) == "silent"
        await control.plug(BOT, **bot_port)
        assert await sounding(loopback("10.20.0.17"), ready["port"]) == "open"
        os.kill(child.pid, signal.SIGKILL)
        await child.wait()
    async with process(tmp_path) as (child, again):
        assert again["port"] == ready["port"]
        assert await RangeControl(Path(again["control"])).reachable(BOT)
    assert child.returncode == 0


async def test_control_reads_the_journal_and_the_faults(site: Range) -> None:
    async with ControlServer(site):
        control = RangeControl(site.state.control_socket)
        await control.inject("sw-1", FaultKind.REJECT_WRITE, times=1, match="shutdown")
        async with Operator(site, "sw-1") as operator:
            await operator.configure("Gi0/3", "shutdown", "switchport access vlan 666")
        assert await control.journal(switch="sw-1") == site.journal.writes()
        assert [w.command for w in await control.effects(port="GigabitEthernet0/3")] == [
            "switchport access vlan 666"
        ]
        [fault] = await control.faults("sw-1")
        assert (fault.kind, fault.hits) == (FaultKind.REJECT_WRITE, 1)
        await control.clear("sw-1")
        assert await control.faults("sw-1") == ()
        await control.reboot("sw-1")
        assert await control.reachable(BOT)
    assert not site.state.control_socket.exists()


@pytest.mark.parametrize(
    "order",
    [
        b"\n",
        b"not json\n",
        b"[]\n",
        b'{"do": "launch"}\n',
        b'{"do": "inject", "switch": "sw-9", "kind": "lie"}\n',
        b'{"do": "port", "switch": "sw-1", "port": "Gi9/9"}\n',
    ],
)
async def test_control_answers_nonsense_with_a_reason(site: Range, order: bytes) -> None:
    async with ControlServer(site):
        reader, writer = await asyncio.open_unix_connection(str(site.state.control_socket))
        writer.write(order)
        answer = json.loads(await reader.read())
        writer.close()
        await writer.wait_closed()
        assert answer["ok"] is False
        assert answer["error"]


async def test_control_raises_what_the_range_refuses(site: Range) -> None:
    async with ControlServer(site):
        with pytest.raises(OrderRefused, match="sw-7"):
            await RangeControl(site.state.control_socket).reboot("sw-7")


async def test_an_interlock_reads_the_press_and_follows_its_file(site: Range) -> None:
    estate = site.estate()
    (interlock,) = estate.interlocks
    controller = next(d for d in estate.devices if d.device_class == "plc")
    assert [d.id for d in estate.devices if interlock.covers(d)] == [controller.id]
    assert isinstance(interlock, HttpInterlock)
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(interlock.url)).json()["running"] is False
        site.press.file.write_text('{"running": true}')
        said = (await http.get(interlock.url)).json()
        assert said["running"] is True
        assert abs(time.time() - datetime.fromisoformat(said["at"]).timestamp()) < 5
        site.press.file.write_text("[1")
        assert (await http.get(interlock.url)).is_server_error
