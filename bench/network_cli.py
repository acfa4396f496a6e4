"""Moves a second over the command line: kept sessions shared, against a connection for each move.

All sides move ports of the same emulated switch, which runs in a process of its own. The other
sides only send: Firebreak also reads each port before and after, and knows what it has done.
"""

import asyncio
import contextlib
import json
import os
import secrets
import socket
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncssh
from netmiko import ConnectHandler

from firebreak.cyber_range.console import Chassis
from firebreak.cyber_range.faults import Fault, FaultKind, Faults
from firebreak.cyber_range.journal import Journal
from firebreak.cyber_range.network import Network, Node, PortConfig, SwitchState
from firebreak.cyber_range.ports import port_name
from firebreak.cyber_range.switch import EmulatedSwitch, Login, new_host_key
from firebreak.domain.device import Device
from firebreak.domain.estate import CliAccess, Sentinel, Site, Switch
from firebreak.domain.plan import Plan
from integrations.network.cli.controls import SwitchQuarantine
from integrations.network.cli.fleet import SwitchFleet

PORTS = 40
WITHIN_S = 0.05  # so long it takes until all are asked for
ROUNDS = 3
CONNECTIONS = 10  # moves in a round of those who connect for each move
AT_ONCE = 5  # IOS offers five lines (vty 0 4) unless configured otherwise
ANSWER_MS = (0, 20)  # what the switch takes to answer a command
PRODUCTION, QUARANTINE = 10, 666
_SECRET = "FIREBREAK_BENCH_PASSWORD"  # noqa: S105 - the name of a variable, not a secret
_USER = "firebreak"
_SITE = Site(
    id="bench",
    quarantine_vlan=QUARANTINE,
    sentinel=Sentinel(id="none", method="icmp", control="127.0.0.1"),
)
# Moves these ports into this VLAN.
Move = Callable[[Sequence[str], int], Awaitable[None]]


def _port(number: int) -> str:
    return port_name("cisco_ios", number)


def _device(number: int) -> Device:
    return Device.model_validate(
        {
            "id": f"cam-{number}",
            "mac": f"02:00:00:00:01:{number:02x}",
            "ip": f"10.20.1.{number + 1}",
            "site": "bench",
            "class": "ip-camera",
            "attached": {"switch": "sw-1", "port": _port(number)},
        }
    )


async def serve(answer_ms: float) -> None:
    """Be the switch until standard input ends; its port and host key are the first line out."""
    state = SwitchState(
        "sw-1",
        "cisco_ios",
        {1: "default", PRODUCTION: "cams", QUARANTINE: "q"},
        {_port(n): PortConfig(vlan=PRODUCTION) for n in range(PORTS)},
    )
    network = Network()
    network.add_switch(state)
    for number in range(PORTS):
        camera = _device(number)
        node = Node(camera.id, camera.mac, str(camera.ip), PRODUCTION)
        network.plug(node, "sw-1", _port(number))
    chassis = Chassis(network, state, Faults(), Journal())
    if answer_ms:
        chassis.faults.inject(Fault(FaultKind.SLOW, delay_s=answer_ms / 1e3))
    switch = EmulatedSwitch(chassis, Login(_USER, os.environ[_SECRET]), new_host_key())
    with socket.create_server(("127.0.0.1", 0)) as unused:
        address = unused.getsockname()
    await switch.start(*address)
    print(json.dumps({"port": switch.address[1], "host_key": switch.host_key_line}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await switch.stop()


@contextlib.asynccontextmanager
async def _switch(answer_ms: float) -> AsyncIterator[Switch]:
    """The switch in its own process, as an estate would have it."""
    os.environ[_SECRET] = secrets.token_hex(16)
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bench.network_cli", str(answer_ms)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    if child.stdin is None or child.stdout is None:
        raise RuntimeError("no pipes to the switch")
    try:
        said = json.loads(await child.stdout.readline())
        cli = CliAccess(
            host="127.0.0.1",
            port=said["port"],
            platform="cisco_ios",
            username=_USER,
            password=f"env:{_SECRET}",
            host_key=said["host_key"],
        )
        yield Switch(id="sw-1", site="bench", cli=cli)
    finally:
        child.stdin.close()
        await child.wait()


def _netmiko_move(cli: CliAccess, port: str, vlan: int) -> None:
    """What a script does: connect, configure, save, hang up. It reads nothing."""
    with ConnectHandler(
        device_type=cli.platform,
        host=cli.host,
        port=cli.port,
        username=cli.username,
        password=os.environ[_SECRET],
    ) as line:
        line.send_config_set([f"interface {port}", f"switchport access vlan {vlan}"])
        line.save_config()


def netmiko(cli: CliAccess, threads: int) -> Move:
    """One netmiko connection per move, so many at the same time."""

    async def move(ports: Sequence[str], vlan: int) -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(threads) as pool:
            moves = [loop.run_in_executor(pool, _netmiko_move, cli, port, vlan) for port in ports]
            await asyncio.gather(*moves)

    return move


def raw(cli: CliAccess) -> Move:
    """The best that can be sent by hand: one asyncssh session, no reading, saved once."""
    known = asyncssh.import_known_hosts(f"[{cli.host}]:{cli.port} {cli.host_key}\n")

    async def move(ports: Sequence[str], vlan: int) -> None:
        async with (
            asyncssh.connect(
                *(cli.host, cli.port),
                username=cli.username,
                password=os.environ[_SECRET],
                known_hosts=known,
                client_keys=None,
                config=None,
            ) as connection,
            connection.create_process(term_type="vt100") as line,
        ):
            await line.stdout.readuntil("#")
            lines = ["configure terminal"]
            for port in ports:
                lines += [f"interface {port}", f"switchport access vlan {vlan}"]
            for text in [*lines, "end", "write memory"]:
                line.stdin.write(f"{text}\n")
                await line.stdout.readuntil(f"{text}\r\n")
                await line.stdout.readuntil("#")

    return move


@dataclass
class Ours:
    """Firebreak's control with one fleet, kept or made anew for each round."""

    switch: Switch
    fleet: SwitchFleet

    async def planned(self) -> list[Plan]:
        """A plan for each port: production to quarantine."""
        control = SwitchQuarantine(self.fleet, {"bench": _SITE})
        devices = [_device(number) for number in range(PORTS)]
        seen = await asyncio.gather(*(control.observe(device) for device in devices))
        return [await control.plan(d, {}, s) for d, s in zip(devices, seen, strict=True)]

    async def move(self, plans: Sequence[Plan], *, back: bool) -> None:
        """Ask for all within WITHIN_S and wait for the last proof."""
        control = SwitchQuarantine(self.fleet, {"bench": _SITE})
        until = datetime.now(UTC) + timedelta(seconds=30)

        async def one(number: int, plan: Plan) -> None:
            await asyncio.sleep(number * WITHIN_S / len(plans))
            state = await (control.revert if back else control.apply)(plan, until)
            if state != (plan.before if back else plan.after):
                raise RuntimeError(f"{plan.target} is not as it should be: {state}")

        await asyncio.gather(*(one(number, plan) for number, plan in enumerate(plans)))


async def _rate(moves: int, work: Awaitable[None]) -> float:
    began = time.perf_counter()
    await work
    return moves / (time.perf_counter() - began)


async def _checked(ours: Ours, vlan: int, ports: int) -> None:
    """All sides really move: the ports are read when they say that they are done."""
    seen = [plan.before["vlan"] for plan in (await ours.planned())[:ports]]
    if seen != [vlan] * ports:
        raise RuntimeError(f"a side did not move: {seen}")


async def _others(ours: Ours, move: Move, count: int) -> list[float]:
    """There and back: moves a second of a side that is none of ours."""
    ports = [_port(number) for number in range(count)]
    rates = []
    for vlan in (QUARANTINE, PRODUCTION):
        rates.append(await _rate(count, move(ports, vlan)))
        await _checked(ours, vlan, count)
    return rates


async def _firebreak(ours: Ours, plans: Sequence[Plan]) -> list[float]:
    return [await _rate(len(plans), ours.move(plans, back=back)) for back in (False, True)]


async def _compare(answer_ms: float) -> dict[str, float]:
    """All sides in turns, at one speed of the switch."""
    rates: dict[str, list[float]] = {}
    async with _switch(answer_ms) as switch, SwitchFleet([switch]) as kept:
        if switch.cli is None:
            raise RuntimeError("the switch has no command line")
        ours = Ours(switch, kept)
        plans = await ours.planned()
        for _ in range(ROUNDS):
            async with SwitchFleet([switch]) as fresh:
                new = await _rate(PORTS, Ours(switch, fresh).move(plans, back=False))
            rates.setdefault("firebreak_new_session", []).append(new)
            await ours.move(plans, back=True)
            rates.setdefault("firebreak", []).extend(await _firebreak(ours, plans))
            rates.setdefault("firebreak_one_port", []).extend(await _firebreak(ours, plans[:1]))
            sides = {
                "raw_asyncssh": (raw(switch.cli), PORTS),
                "netmiko": (netmiko(switch.cli, 1), CONNECTIONS),
                f"netmiko_{AT_ONCE}_at_once": (netmiko(switch.cli, AT_ONCE), CONNECTIONS),
            }
            for name, (move, count) in sides.items():
                rates.setdefault(name, []).extend(await _others(ours, move, count))
    return {f"{name}_per_s": round(statistics.median(found), 2) for name, found in rates.items()}


async def measure() -> dict[str, object]:
    """``cli_batch_speedup`` (a new session against a netmiko connection per move) and all rates."""
    speeds = {f"{ms} ms an answer": await _compare(ms) for ms in ANSWER_MS}
    prompt = speeds[f"{ANSWER_MS[0]} ms an answer"]
    speedup = prompt["firebreak_new_session_per_s"] / prompt["netmiko_per_s"]
    ratio = prompt["firebreak_per_s"] / prompt["raw_asyncssh_per_s"]
    return {"cli_batch_speedup": round(speedup, 1), "cli_raw_ratio": round(ratio, 2), "cli": speeds}


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
