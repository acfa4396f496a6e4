"""Firebreak against raw Temporal: the same five effects, side by side in one run.

`make bench` starts one Temporal dev server, a raw worker and Firebreak's own server and worker, and
measures both in turns. Ratios are what counts; the milliseconds belong to the machine.
"""

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import uvloop
from temporalio.client import Client

from bench.common import EFFECTS, Listener
from bench.noop import device
from bench.raw import QUEUE, RawInput, RawWorkflow
from firebreak.embedded import DevServer
from firebreak.ledger.store import SqlLedger
from firebreak.ledger.tokens import Tokens
from firebreak.settings import Settings
from tests.ports import free_port
from tests.workflows.temporal_server import wait_until_serving

ONE_AT_A_TIME = 60
ALERTS, AT_ONCE, ROUNDS = 300, 100, 2

_POLICY = """\
// Of all actions: the server's catalogue does not have the benchmark's.
@id("bench") @summary("The effect of the benchmark")
permit (principal, action, resource);
"""


@dataclass(frozen=True)
class Sides:
    """How to make each side respond once; returns seconds from asking to the last effect."""

    raw: Callable[[], Awaitable[float]]
    firebreak: Callable[[], Awaitable[float]]


def _p(values: list[float], q: float) -> float:
    return statistics.quantiles(values, n=100)[int(q) - 1]


async def latency(sides: Sides) -> dict[str, float]:
    """One at a time, in turns."""
    for _ in range(5):
        await sides.raw()
        await sides.firebreak()
    raw, ours = [], []
    for _ in range(ONE_AT_A_TIME):
        raw.append(await sides.raw() * 1e3)
        ours.append(await sides.firebreak() * 1e3)
    return {
        "raw_p50_ms": _p(raw, 50),
        "raw_p95_ms": _p(raw, 95),
        "firebreak_p50_ms": _p(ours, 50),
        "firebreak_p95_ms": _p(ours, 95),
        "latency_p50_ratio": _p(ours, 50) / _p(raw, 50),
        "latency_p95_ratio": _p(ours, 95) / _p(raw, 95),
    }


async def throughput(sides: Sides) -> dict[str, float]:
    """Many at once, in turns: incidents a second until the last effect of the last one."""
    rates: dict[str, list[float]] = {"raw": [], "firebreak": []}
    for _ in range(ROUNDS):
        for name, respond in (("raw", sides.raw), ("firebreak", sides.firebreak)):
            rates[name].append(ALERTS / await _burst(respond))
    raw, ours = statistics.median(rates["raw"]), statistics.median(rates["firebreak"])
    return {
        "raw_per_s": raw,
        "firebreak_per_s": ours,
        "throughput_ratio": ours / raw,
    }


async def _burst(respond: Callable[[], Awaitable[float]]) -> float:
    room = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with room:
            await respond()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(ALERTS)))
    return time.perf_counter() - began


class Workbench:
    """The processes of one run and a way to ask each side."""

    def __init__(
        self, listener: Listener, client: Client, http: httpx.AsyncClient, approver: str
    ) -> None:
        """``approver``: the token of a person on call."""
        self.listener = listener
        self.client = client
        self.http = http
        self.approver = {"Authorization": f"Bearer {approver}"}
        self._next = 0

    async def raw(self, *, local: bool) -> float:
        """Start the raw workflow from a client in this process."""
        who = f"raw-{uuid4().hex}"
        began = time.time()
        await self.client.start_workflow(
            RawWorkflow.run, RawInput(who, local), id=who, task_queue=QUEUE
        )
        return await self.listener.last_effect(who) - began

    async def firebreak(self) -> float:
        """Post an alert about the next device."""
        began = time.time()
        return await self.listener.last_effect(await self.alert()) - began

    async def alert(self) -> str:
        """Post an alert about the next device and return its id."""
        camera = device(self._next)
        self._next += 1
        body = json.dumps(_eve(str(camera.ip)))
        answer = await self.http.post("/alerts/suricata", content=body)
        answer.raise_for_status()
        return camera.id


def _eve(ip: str) -> dict[str, object]:
    return {
        "timestamp": datetime.now(UTC).isoformat(),
        "flow_id": uuid4().int >> 70,
        "event_type": "alert",
        "src_ip": ip,
        "src_port": 40001,
        "dest_ip": "198.51.100.9",
        "dest_port": 23,
        "proto": "TCP",
        "alert": {
            "action": "allowed",
            "gid": 1,
            "signature_id": 9000002,
            "rev": 1,
            "signature": "Mirai default credential",
            "category": "A Network Trojan was detected",
            "severity": 1,
        },
    }


@contextlib.contextmanager
def _process(*argv: str, env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    # Compiled modules for both sides: the sandbox would compile each workflow's source anew.
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with log.open("ab") as sink:
        child = subprocess.Popen(argv, env={**inherited, **env}, stdout=sink, stderr=sink)  # noqa: S603 - our own modules
    try:
        yield child
    finally:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(10)
        child.kill()
        child.wait()


@contextlib.asynccontextmanager
async def workbench(
    state: Path, *, sync: str, mode: str, workers: int
) -> AsyncIterator[tuple[Workbench, dict[str, float]]]:
    """Everything running, and the memory of each process when asked."""
    temporal = DevServer(directory=state, port=free_port(), sync=sync)  # type: ignore[arg-type]  # checked by argparse
    listener = Listener(effects=1 if mode == "approved" else EFFECTS)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: listener, local_addr=("127.0.0.1", 0)
    )
    bell = str(transport.get_extra_info("sockname")[1])
    (state / "policy.cedar").write_text(_POLICY)
    env = {
        "FIREBREAK_STATE_DIR": str(state),
        "FIREBREAK_TEMPORAL_ADDRESS": temporal.address,
        "FIREBREAK_LISTEN_PORT": str(free_port()),
        "FIREBREAK_POLICY_FILE": str(state / "policy.cedar"),
        "FIREBREAK_LOG_LEVEL": "WARNING",
    }
    settings = Settings(state_dir=state)
    ledger = await SqlLedger.open(settings.ledger_url)
    tokens = Tokens(ledger.database)
    token = await tokens.create("suricata", ["source:suricata"])
    approver = await tokens.create("on-call-a", ["on-call"])
    await ledger.close()
    python = (sys.executable, "-m")
    with contextlib.ExitStack() as stack:

        def run(name: str, *argv: str) -> int:
            child = _process(*argv, env=env, log=state / f"{name}.log")
            return stack.enter_context(child).pid

        pids = {"temporal": run("temporal", *temporal.command())}
        client = await wait_until_serving(temporal.address)
        pids["raw_worker"] = run("raw", *python, "bench.raw", temporal.address, bell)
        pids["server"] = run("server", *python, "bench.noop", "server", mode)
        for number in range(workers):
            pids[f"worker_{number}"] = run("worker", *python, "bench.noop", "worker", bell)
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{env['FIREBREAK_LISTEN_PORT']}",
            headers={"Authorization": f"Bearer {token}"},
            limits=httpx.Limits(max_connections=AT_ONCE),
            timeout=60,
        ) as http:
            await _until_healthy(http)
            memory: dict[str, float] = {}
            yield Workbench(listener, client, http, approver), memory
            memory |= {name: _rss_mb(pid) for name, pid in pids.items()}
            if listener.again:
                raise RuntimeError(f"{listener.again} effects happened twice")
    transport.close()


async def _until_healthy(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(httpx.TransportError):
                if (await http.get("/healthz")).status_code == httpx.codes.OK:
                    return
            await asyncio.sleep(0.1)


def _rss_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def measure(sync: str, mode: str, workers: int) -> dict[str, object]:
    """One mode: both sides in turns."""
    with tempfile.TemporaryDirectory(prefix="firebreak-bench-") as folder:
        async with workbench(Path(folder), sync=sync, mode=mode, workers=workers) as (w, memory):
            sides = Sides(raw=lambda: w.raw(local=mode == "quick"), firebreak=w.firebreak)
            figures: dict[str, object] = {**await latency(sides), **await throughput(sides)}
        return {**figures, "rss_mb": {k: round(v, 1) for k, v in memory.items()}}


def startup_s() -> float:
    """From the command to a healthy `firebreak up --range`, in a fresh state directory."""
    with tempfile.TemporaryDirectory(prefix="firebreak-bench-") as folder:
        port = free_port()
        argv = ("up", "--range", "--state", folder, "--port", str(port))
        began = time.perf_counter()
        program = Path(sys.executable).with_name("firebreak")
        with _process(str(program), *argv, env={}, log=Path(folder) / "up.log"):
            while time.perf_counter() - began < 60:
                with contextlib.suppress(httpx.TransportError):
                    if httpx.get(f"http://127.0.0.1:{port}/healthz").is_success:
                        return time.perf_counter() - began
                time.sleep(0.02)
    raise RuntimeError("firebreak up did not get ready")


def main() -> None:
    """Measure, print and write bench/out/respond5.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sync", choices=["full", "normal"], default="full")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--skip-startup", action="store_true")
    options = parser.parse_args()
    modes = {
        mode: uvloop.run(measure(options.sync, mode, options.workers))
        for mode in ("ordinary", "quick")
    }
    figures = {
        **modes["ordinary"],
        "startup_s": None if options.skip_startup else startup_s(),
        "local_activities": modes["quick"],
        "cores": os.cpu_count(),
        "sync": options.sync,
        "workers": options.workers,
    }
    out = Path(__file__).parent / "out" / "respond5.json"
    out.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
