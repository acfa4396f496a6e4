"""Moves a second over SNMPv3: Firebreak's write path, against one reused raw pysnmp engine.

Both move the same port of the same agent to and fro, one move at a time: net-snmpd where it is
installed, else the range's own agent in a process of its own. The raw engine sends the same SETs
and believes the answer; ``snmp_read_ratio`` is against one that also reads the port before and
after, as Firebreak does, but compares nothing.
"""

import asyncio
import bisect
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pysnmp.hlapi.v3arch import asyncio as hlapi

from firebreak.cyber_range.agent import EmulatedAgent, SnmpUser
from firebreak.cyber_range.console import Chassis
from firebreak.cyber_range.faults import Faults
from firebreak.cyber_range.journal import Journal
from firebreak.cyber_range.network import Network, PortConfig, SwitchState
from firebreak.cyber_range.snmp_objects import SwitchObjects
from firebreak.domain.device import Attachment, Device
from firebreak.domain.estate import Sentinel, Site, SnmpAccess, Switch
from integrations.network.snmp.controls import SnmpQuarantine
from integrations.network.snmp.fleet import SnmpFleet
from integrations.network.snmp.mib import (
    CURRENT_EGRESS,
    IF_ADMIN_STATUS,
    IF_NAME,
    PVID,
    STATIC_EGRESS,
    STATIC_UNTAGGED,
    Oid,
)
from tests.ports import free_port

MOVES = 100
ROUNDS = 5
_PORTS, _HOME, _QUARANTINE = 24, 10, 666
_INDEX = 1  # of the port that is moved
_AUTH, _PRIV = "FIREBREAK_BENCH_SNMP_AUTH", "FIREBREAK_BENCH_SNMP_PRIV"
_KEYS = {_AUTH: "bench-authentication", _PRIV: "bench-privacy"}
_SNMPD = """
agentaddress udp:127.0.0.1:{port}
createUser bench SHA-256 {auth} AES {priv}
view bench included .1.3.6.1.2.1
view bench included .1.3.6.1.6.3.1.1.6
rwuser bench priv -V bench
pass_persist .1.3.6.1.2.1.17 {script}
pass_persist .1.3.6.1.2.1.2.2 {script}
pass_persist .1.3.6.1.2.1.31.1.1 {script}
"""

# The agent's own IF-MIB shows this machine's interfaces; the script shows the switch's.
_OWN_MODULES = "-ifTable,-ifXTable,-interface,-interfaces"
_LOOK_S = 0.02

Move = Callable[[int], Awaitable[object]]  # to a VLAN


def _chassis() -> Chassis:
    ports = {f"1/1/{n}": PortConfig(vlan=_HOME) for n in range(1, _PORTS + 1)}
    vlans = {1: "default", _HOME: "home", 20: "lab", _QUARANTINE: "quarantine"}
    state = SwitchState("sw-1", "aruba_aoscx", vlans, ports)
    network = Network()
    network.add_switch(state)
    return Chassis(network, state, Faults(), Journal())


async def _be_an_agent() -> None:
    """Without net-snmp: print the port, and answer until the parent goes."""
    agent = EmulatedAgent(_chassis(), SnmpUser("bench", _KEYS[_AUTH], _KEYS[_PRIV]))
    await agent.start("127.0.0.1", 0)
    print(agent.address[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await agent.stop()


def _be_a_script() -> None:
    """Under net-snmpd: its ``pass_persist`` protocol, over a switch that is only in memory."""
    objects = SwitchObjects(_chassis())
    shown = objects.shown("")
    order = sorted(shown)
    for command in iter(sys.stdin.readline, ""):
        if command.strip() == "PING":
            print("PONG", flush=True)
            continue
        if not command.strip():
            continue
        oid = tuple(int(part) for part in sys.stdin.readline().strip().strip(".").split("."))
        if command.strip() == "set":
            _, _, text = sys.stdin.readline().strip().partition(" ")
            value = bytes.fromhex(text.strip('" ')) if text.startswith('"') else int(text)
            objects.write([(oid, value)])
            shown = objects.shown("")
            print("DONE", flush=True)
            continue
        place = bisect.bisect_right(order, oid)
        found = oid if command.strip() == "get" else (*order, ())[place]
        print(_told(found, shown.get(found)), flush=True)


def _told(oid: Oid, value: int | bytes | None) -> str:
    if value is None:
        return "NONE"
    if isinstance(value, bytes):
        kind, text = "octet", value.hex(" ")
    else:
        kind, text = "gauge" if oid[:-1] == PVID else "integer", str(value)
    return f".{'.'.join(map(str, oid))}\n{kind}\n{text}"


@asynccontextmanager
async def _snmpd(program: str) -> AsyncIterator[int]:
    root = Path(__file__).parents[1]
    with tempfile.TemporaryDirectory(prefix="fb-bench-") as name:
        folder, port = Path(name), free_port()
        script, conf, log = folder / "script", folder / "snmpd.conf", folder / "log"
        run = f"{sys.executable} -m bench.network_snmp script"
        script.write_text(f"#!/bin/sh\ncd {root}\nexec {run}\n")
        script.chmod(0o700)
        values = {"port": port, "auth": _KEYS[_AUTH], "priv": _KEYS[_PRIV], "script": script}
        conf.write_text(_SNMPD.format(**values))
        argv = (program, "-f", "-Lf", str(log), "-C", "-c", str(conf), f"-I{_OWN_MODULES}")
        environment = os.environ | {"SNMP_PERSISTENT_DIR": name, "MIBS": ""}
        process = await asyncio.create_subprocess_exec(*argv, env=environment)
        try:
            while not log.exists() or b"NET-SNMP version" not in log.read_bytes():  # noqa: ASYNC110 - its log is all that tells
                await asyncio.sleep(_LOOK_S)
            yield port
        finally:
            process.terminate()
            await process.wait()


@asynccontextmanager
async def _emulated() -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, "agent",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        if process.stdout is None or process.stdin is None:
            raise RuntimeError("the agent has no pipes")
        yield int(await process.stdout.readline())
        process.stdin.close()
    finally:
        await process.wait()


@asynccontextmanager
async def _ours(port: int) -> AsyncIterator[Move]:
    os.environ.update(_KEYS)
    access = SnmpAccess(
        host="127.0.0.1", port=port, user="bench", auth_key=f"env:{_AUTH}", priv_key=f"env:{_PRIV}"
    )
    sentinel = Sentinel(id="none", method="icmp", control="127.0.0.1")
    site = Site(id="bench", quarantine_vlan=_QUARANTINE, sentinel=sentinel)
    device = Device.model_validate(
        {
            "id": "cam-1",
            "mac": "02:00:00:00:00:17",
            "site": "bench",
            "class": "ip-camera",
            "attached": Attachment(switch="sw-1", port="1/1/1"),
        }
    )
    fleet = SnmpFleet([Switch(id="sw-1", site="bench", snmp=access)])
    async with fleet:
        control = SnmpQuarantine(fleet, {"bench": site})
        plan = await control.plan(device, {}, await control.observe(device))

        async def move(vlan: int) -> object:
            send_by = datetime.now(UTC) + timedelta(seconds=30)
            there = vlan == _QUARANTINE
            return await (control.apply if there else control.revert)(plan, send_by)

        yield move


@asynccontextmanager
async def _raw(port: int, *, reads: bool) -> AsyncIterator[Move]:
    engine = await asyncio.to_thread(hlapi.SnmpEngine)
    user = hlapi.UsmUserData(
        "bench",
        _KEYS[_AUTH],
        _KEYS[_PRIV],
        authProtocol=hlapi.USM_AUTH_HMAC192_SHA256,
        privProtocol=hlapi.USM_PRIV_CFB128_AES,
    )
    target = await hlapi.UdpTransportTarget.create(("127.0.0.1", port), timeout=2, retries=0)
    asked = engine, user, target, hlapi.ContextData()

    async def look() -> None:
        one = (_object((*column, _INDEX)) for column in (PVID, IF_NAME, IF_ADMIN_STATUS))
        await hlapi.get_cmd(*asked, *one, lookupMib=False)
        lists = (_object(column) for column in (STATIC_EGRESS, STATIC_UNTAGGED, CURRENT_EGRESS))
        await hlapi.bulk_cmd(*asked, 0, 8, *lists, lookupMib=False)

    async def move(vlan: int) -> object:
        if reads:
            await look()
        answer = await hlapi.set_cmd(*asked, *_move(vlan), lookupMib=False)
        if answer[0] or answer[1]:
            raise RuntimeError(f"the raw engine was refused: {answer[:3]}")
        if reads:
            await look()
        return answer

    try:
        yield move
    finally:
        engine.close_dispatcher()


def _move(vlan: int) -> tuple[Any, ...]:
    """The same objects in the same order: into the new VLAN, PVID, out of the old one."""
    old = _HOME if vlan == _QUARANTINE else _QUARANTINE
    full = bytearray(b"\xff" * (_PORTS // 8)) + b"\0"
    lists = {
        _HOME: (bytes([0x7F, *full[1:]]), bytes(full)),
        _QUARANTINE: (b"\0" * 4, b"\x80\0\0\0"),
    }
    return (
        _object((*STATIC_EGRESS, vlan), hlapi.OctetString(lists[vlan][1])),
        _object((*STATIC_UNTAGGED, vlan), hlapi.OctetString(lists[vlan][1])),
        _object((*PVID, _INDEX), hlapi.Gauge32(vlan)),
        _object((*STATIC_UNTAGGED, old), hlapi.OctetString(lists[old][0])),
        _object((*STATIC_EGRESS, old), hlapi.OctetString(lists[old][0])),
    )


def _object(oid: Oid, *value: Any) -> Any:
    return hlapi.ObjectType(hlapi.ObjectIdentity(oid), *value)


async def _per_second(move: Move) -> float:
    began = time.perf_counter()
    for _ in range(MOVES // 2):
        await move(_QUARANTINE)
        await move(_HOME)
    return MOVES / (time.perf_counter() - began)


async def measure() -> dict[str, object]:
    """``snmp_ratio`` (ours to raw SETs), and moves a second: medians of alternating rounds."""
    program = shutil.which("snmpd", path="/usr/sbin:/usr/bin:/sbin")
    figures: dict[str, list[float]] = {"ours": [], "raw": [], "reads": []}
    async with (
        _snmpd(program) if program else _emulated() as port,
        _ours(port) as ours,
        _raw(port, reads=False) as raw,
        _raw(port, reads=True) as reads,
    ):
        moves = {"ours": ours, "raw": raw, "reads": reads}
        for _ in range(ROUNDS):
            for name, move in moves.items():
                figures[name].append(await _per_second(move))
    middle = {name: statistics.median(values) for name, values in figures.items()}
    return {
        "snmp_agent": "net-snmpd" if program else "range",
        "snmp_per_s": round(middle["ours"], 1),
        "snmp_raw_per_s": round(middle["raw"], 1),
        "snmp_raw_reading_per_s": round(middle["reads"], 1),
        "snmp_ratio": round(middle["ours"] / middle["raw"], 2),
        "snmp_read_ratio": round(middle["ours"] / middle["reads"], 2),
    }


if __name__ == "__main__":
    if sys.argv[1:] == ["script"]:
        _be_a_script()
    else:
        asyncio.run(_be_an_agent())
