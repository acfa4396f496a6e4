"""A PostgreSQL server of the tests' own: on loopback, on a free port, stopped by its pid."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

BIN = Path("/usr/lib/postgresql/15/bin")
READY_S = 20


class Postgres:
    """A cluster in its own directory; fsync is on, as in earnest."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._as: list[str] = []
        if os.geteuid() == 0:  # the server refuses to run as root
            shutil.chown(directory, "postgres", "postgres")
            user = ["--reuid", "postgres", "--regid", "postgres", "--init-groups"]
            self._as = ["setpriv", *user]
        self._data = directory / "data"
        self._run(
            *("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust"),
            *("-E", "UTF8", "--no-locale"),
        )
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]

    def start(self) -> None:
        """Start, and return when it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self._directory}"
        command = [*self._as, str(BIN / "postgres"), "-D", str(self._data), *options.split()]
        log = (self._directory / "log").open("ab")
        with log:
            self._server = subprocess.Popen(command, stdout=log, stderr=log)
        give_up = time.monotonic() + READY_S
        while True:
            try:
                self._admin().close()
            except psycopg.OperationalError:
                if self._server.poll() is not None or time.monotonic() > give_up:
                    raise
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Stop as an administrator would (fast): open connections are cut."""
        self._server.send_signal(signal.SIGINT)
        self._server.wait(READY_S)

    def kill(self) -> None:
        """Stop as a power cut would."""
        self._server.send_signal(signal.SIGQUIT)
        self._server.wait(READY_S)

    def new_database(self, encoding: str = "UTF8") -> str:
        """The URL of an empty database."""
        name = f"t{uuid.uuid4().hex}"
        with self._admin() as connection:
            connection.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0")
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def emptied_database(self) -> str:
        """The URL of a database that is emptied at each call: quicker than a new one."""
        with self._admin() as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    def _admin(self) -> "psycopg.Connection[tuple[object, ...]]":
        address = f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres"
        return psycopg.connect(address, autocommit=True, connect_timeout=2)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as, str(BIN / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd="/")


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A started server, gone with its files at the end."""
    # Not below pytest's own directory, which the server's user may not enter.
    directory = Path(tempfile.mkdtemp(prefix="firebreak-pg-"))
    try:
        server = Postgres(directory)
        server.start()
        try:
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(directory)
