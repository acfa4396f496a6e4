"""A whole installation as real processes, each of which can be killed and started again.

Temporal's dev server, a simulated site (or any estate file), workers and the API, on free ports
and in a directory of their own. Times are short, so that what waits for them is soon over.
"""

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from temporalio.client import Client

from firebreak.cyber_range.control import RangeControl
from firebreak.embedded import DevServer
from firebreak.ledger.database import Database
from firebreak.ledger.tokens import Tokens
from firebreak.settings import Settings
from firebreak.statedir import StateDir
from tests.e2e.process import Process
from tests.ports import free_port

# Who there is, by token name.
PEOPLE = {
    "admin": ("admin",),
    "ada": ("analyst",),
    "grace": ("on-call",),
    "edith": ("soc-lead", "on-call"),
    "suricata": ("source:suricata",),
}

QUICK = {
    "SEND_WINDOW_S": "6",
    "SWITCH_DEADLINE_S": "5",
    "RETRY_ATTEMPTS": "2",
    "RETRY_BACKOFF_S": "0.2",
    "HEARTBEAT_TIMEOUT_S": "3",
    "RELEASE_RETRY_S": "1",
    "EFFECT_TIMEOUT_S": "60",
}

_PYTHON = sys.executable
_HTTP_S = 60.0


@dataclass(frozen=True)
class RangeShape:
    """The simulated site to start: how large, and which switches stand in it."""

    devices: int = 20
    switches: int = 2
    platforms: tuple[str, ...] = ("cisco_ios",)
    roads: tuple[str, ...] = ("none",)  # beside the command line


@dataclass
class Stack:
    """Everything of one installation. Nothing runs before ``start``.

    ``site`` is the simulated site to start, or an estate file. ``settings`` are FIREBREAK_*
    variables without the prefix; they win over QUICK. A process is reached by its name:
    ``temporal``, ``range``, ``worker-1`` and so on, ``server``.
    """

    root: Path
    site: RangeShape | Path = field(default_factory=RangeShape)
    workers: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)
    processes: dict[str, Process] = field(default_factory=dict, repr=False)
    tokens: dict[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.state = StateDir(self.root)
        self.url = f"http://127.0.0.1:{free_port()}"
        self._temporal = DevServer(directory=self.state.temporal, port=free_port(), sync="normal")
        self._add("temporal", *self._temporal.command())
        if isinstance(self.site, RangeShape):
            self._add("range", *_range_command(self.state.range, self.site), ready='"ready": true')
        for number in range(1, self.workers + 1):
            self._add(f"worker-{number}", *_FIREBREAK, "worker", "--json", ready="worker ready")
        self._add("server", *_FIREBREAK, "server", "--json")

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def range(self) -> RangeControl:
        """Orders to the simulated site."""
        return RangeControl(self.state.range / "control.sock")

    @property
    def estate(self) -> Path:
        """The estate file."""
        return self.site if isinstance(self.site, Path) else self.state.range / "estate.yaml"

    @property
    def public_key(self) -> Path:
        """What receipts are verified with."""
        return self.root / "keys" / "receipt-key.pub.pem"

    @property
    def ledger_url(self) -> str:
        """SQLAlchemy URL of the ledger."""
        given = self.settings.get("DATABASE_URL", "")
        return Settings(state_dir=self.root, database_url=given).ledger_url

    @property
    def temporal_address(self) -> str:
        """``host:port`` of Temporal's frontend."""
        return self._temporal.address

    def start(self) -> None:
        """Start everything and return when it works. Raises DidNotStartError."""
        self.state.create()
        first = [self.processes[name] for name in ("temporal", "range") if name in self.processes]
        for process in first:
            process.start()
        self.tokens = asyncio.run(_make_tokens(self.ledger_url))
        if "range" in self.processes:
            self.processes["range"].wait_ready()  # it writes the estate file
        rest = [p for p in self.processes.values() if p not in first]
        for process in rest:
            process.start()
        for process in rest:
            self.wait_ready(process.name)

    def stop(self) -> None:
        """End everything that runs, what was started last first."""
        for process in reversed(self.processes.values()):
            process.stop()

    def kill(self, name: str) -> None:
        """``kill -9`` one process and return when it is gone."""
        self.processes[name].kill()

    def restart(self, name: str) -> None:
        """Start a process that was killed or stopped; returns when it works again."""
        self.processes[name].start()
        self.wait_ready(name)

    def wait_ready(self, name: str) -> None:
        """Until a process that was just started works. Raises DidNotStartError."""
        works = {"server": self._healthy, "temporal": self._temporal_listens}.get(name)
        self.processes[name].wait_ready(works)

    def api(self, name: str) -> httpx.AsyncClient:
        """The API as the principal of that name in PEOPLE."""
        headers = {"Authorization": f"Bearer {self.tokens[name]}"}
        # Shorter than the server keeps an idle connection: none is used while that closes it.
        limits = httpx.Limits(max_connections=64, keepalive_expiry=2)
        return httpx.AsyncClient(
            base_url=self.url, headers=headers, timeout=_HTTP_S, limits=limits, trust_env=False
        )

    async def temporal(self) -> Client:
        """A client of Temporal; payloads stay encrypted to it."""
        return await Client.connect(self.temporal_address)

    def _add(self, name: str, *command: str, ready: str = "") -> None:
        environment = self._environment()
        log = self.state.logs / f"{name}.log"
        self.processes[name] = Process(name, command, environment, log, ready)

    def _environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("FIREBREAK_", "TEMPORAL"))}
        host, port = self.url.removeprefix("http://").split(":")
        ours = {
            "STATE_DIR": str(self.root),
            "ESTATE_FILE": str(self.estate),
            "TEMPORAL_ADDRESS": self._temporal.address,
            "LISTEN_HOST": host,
            "LISTEN_PORT": port,
        }
        named = {f"FIREBREAK_{k}": v for k, v in {**QUICK, **ours, **self.settings}.items()}
        return {**kept, **named, "HOME": str(self.state.temporal)}

    def _healthy(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/healthz", timeout=5, trust_env=False).is_success
        return False

    def _temporal_listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._temporal.port)) == 0


_FIREBREAK = (_PYTHON, "-m", "firebreak.cli")


def playbook_setting(*directories: Path) -> dict[str, str]:
    """The setting that adds directories with playbooks."""
    return {"PLAYBOOK_DIRS": json.dumps([str(each) for each in directories])}


def _range_command(directory: Path, shape: RangeShape) -> tuple[str, ...]:
    size = ("--devices", str(shape.devices), "--switches", str(shape.switches))
    platforms = (part for each in shape.platforms for part in ("--platform", each))
    roads = (part for each in shape.roads for part in ("--road", each))
    where = ("--state", str(directory))
    return (_PYTHON, "-m", "firebreak.cyber_range", *where, *size, *platforms, *roads)


async def _make_tokens(ledger_url: str) -> dict[str, str]:
    database = await Database.open(ledger_url)
    try:
        tokens = Tokens(database)
        return {name: await tokens.create(name, roles) for name, roles in PEOPLE.items()}
    finally:
        await database.close()
