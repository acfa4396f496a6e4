"""FreeRADIUS as a site has it: an authentication server, and a receiver of RFC 5176 requests."""

import contextlib
import itertools
import re
import shutil
import socket
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from firebreak.domain.device import normalize_mac
from tests.peers.daemons import Running, render, start, until
from tests.peers.pki import write_pki

SECRET = "a-secret-of-the-test-bed"
PRODUCTION, QUARANTINE = 10, 666

_RADDB = Path(__file__).parent / "raddb"
_TABLES = Path(__file__).parent / "raddb" / "tables.sql"
_SCHEMA = Path("/etc/freeradius/3.0/mods-config/sql/main/sqlite/schema.sql")
_devices = itertools.count(0xA1B2C3)
_VLAN = re.compile(r'Tunnel-Private-Group-Id(?::\d+)? = "(?P<vlan>[^"]*)"')


@dataclass(frozen=True)
class AuthServer:
    """A running authentication server; ``via`` is the argv prefix into its network namespace.

    ``late``, ``early`` and ``tables`` are the ports of its virtual servers: the users file in
    post-auth, the users file in authorize, and rlm_sql.
    """

    folder: Path
    process: Running
    via: tuple[str, ...]
    late: int
    early: int
    tables: int

    @property
    def users(self) -> Path:
        """Firebreak's own users file, which the server's main one includes."""
        return self.folder / "firebreak"

    @property
    def database(self) -> Path:
        """The SQLite file of rlm_sql."""
        return self.folder / "radius.sqlite"

    @property
    def accepted(self) -> Path:
        """A line ``MAC VLAN`` for each Access-Accept of ``late``."""
        return self.folder / "accepted"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def reload(self) -> tuple[str, ...]:
        """The argv that has the server read its users files again."""
        return ("radmin", "-f", str(self.folder / "control.sock"), "-e", "hup files")

    def sql(self, statement: str) -> None:
        """Change rlm_sql's tables as the site's administrator does."""
        with contextlib.closing(sqlite3.connect(self.database)) as database, database:
            database.executescript(statement)

    def reset(self) -> None:
        """An empty users file, and tables with the site's groups and nobody in them.

        The server may hold entries of a test before; each test has devices of its own.
        """
        self.users.write_text("")
        self.sql(_TABLES.read_text())

    @contextlib.contextmanager
    def not_included(self) -> Iterator[None]:
        """For a while the main users file is one that somebody forgot to include Firebreak's in."""
        main = self.folder / "users"
        good = main.read_text()
        forgetful = "\n".join(line for line in good.split("\n") if "$INCLUDE" not in line)
        main.write_text(forgetful)
        try:
            yield
        finally:
            main.write_text(good)

    def ask(self, port: int, mac: str, *, station: str | None = None, user: str = "") -> list[int]:
        """The VLANs in the Access-Accept for a device that authenticates by its MAC address.

        ``station`` is the Calling-Station-Id as the NAS writes it; "" sends none.
        """
        hyphens = normalize_mac(mac).upper().replace(":", "-")
        written = hyphens if station is None else station
        request = [f'User-Name = "{user or mac}"', f'User-Password = "{mac}"']
        if written:
            request.append(f'Calling-Station-Id = "{written}"')
        argv = [*self.via, "radclient", "-x", "-r", "1", "-t", "5", f"127.0.0.1:{port}", "auth"]
        done = subprocess.run(
            [*argv, SECRET], input="\n".join(request), capture_output=True, text=True, check=False
        )
        _, _, reply = done.stdout.partition("Received Access-Accept")
        if not reply:
            raise RuntimeError(f"no Access-Accept: {done.stdout}{done.stderr}")
        return [int(match["vlan"]) for match in _VLAN.finditer(reply)]


@contextlib.contextmanager
def running_auth_server(via: tuple[str, ...] = ()) -> Iterator[AuthServer]:
    """Bring an authentication server up on free ports of 127.0.0.1."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fb-radius-")))
        ports = _free_udp_ports(3)
        names = ("late", "early", "tables")
        values = {"folder": folder, "secret": SECRET, "production": PRODUCTION}
        for name in ("radiusd.conf", "users", "dictionary"):
            filled = render(_RADDB / name, values | dict(zip(names, ports, strict=True)))
            (folder / name).write_text(filled)
        (folder / "firebreak").touch(mode=0o640)
        with contextlib.closing(sqlite3.connect(folder / "radius.sqlite")) as database:
            database.executescript(_SCHEMA.read_text())
        write_pki(folder, "server", "cam-17")
        process = _start(stack, folder, via)
        yield AuthServer(folder, process, via, *ports)


@dataclass(frozen=True)
class CoaReceiver:
    """A NAS that takes RFC 5176 requests on 127.0.0.1.

    A request for the station ``02-00-00-00-0N-NN`` is refused with Error-Cause NNN; any other is
    acknowledged.
    """

    folder: Path
    port: int

    def received(self) -> str:
        """Every request that was accepted as genuine, as FreeRADIUS prints it."""
        detail = self.folder / "received"
        return detail.read_text() if detail.exists() else ""


@contextlib.contextmanager
def running_coa_receiver() -> Iterator[CoaReceiver]:
    """Bring a receiver up on a free port."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fb-coa-")))
        (port,) = _free_udp_ports(1)
        filled = render(_RADDB / "coa.conf", {"folder": folder, "secret": SECRET, "port": port})
        (folder / "radiusd.conf").write_text(filled)
        shutil.copy(_RADDB / "dictionary", folder)
        _start(stack, folder, ())
        yield CoaReceiver(folder, port)


def _start(stack: contextlib.ExitStack, folder: Path, via: tuple[str, ...]) -> Running:
    log = folder / "server.log"
    argv = (*via, "freeradius", "-d", str(folder), "-n", "radiusd", "-f", "-l", "stdout")
    process = start(stack, log, *argv)

    def ready() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"freeradius ended: {log.read_text(errors='replace')[-2000:]}")
        return "Ready to process requests" in log.read_text(errors="replace")

    until(ready, "freeradius", log=log)
    return process


def _free_udp_ports(count: int) -> tuple[int, ...]:
    """Loopback ports that nobody listens on just now, all different."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return tuple(int(probe.getsockname()[1]) for probe in probes)


@pytest.fixture(scope="session")
def auth_server_session() -> Iterator[AuthServer]:
    """One authentication server for the whole run; use ``auth_server``."""
    with running_auth_server() as server:
        yield server


@pytest.fixture
def auth_server(auth_server_session: AuthServer) -> AuthServer:
    """The authentication server, with nothing of Firebreak's in its data."""
    auth_server_session.reset()
    return auth_server_session


@pytest.fixture
def mac() -> str:
    """A device of one test alone, with letters among its digits."""
    digits = f"020e3c{next(_devices):06x}"
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def notations(mac: str) -> Iterator[str]:
    """A MAC address as NASes and supplicants write it."""
    bare = mac.replace(":", "")
    pairs = [bare[i : i + 2] for i in range(0, 12, 2)]
    quads = [bare[i : i + 4] for i in range(0, 12, 4)]
    for written in ("-".join(pairs), ":".join(pairs), ".".join(quads), bare):
        yield written
        yield written.upper()


@pytest.fixture(scope="session")
def coa_receiver() -> Iterator[CoaReceiver]:
    """One receiver of RFC 5176 requests for the whole run."""
    with running_coa_receiver() as receiver:
        yield receiver
