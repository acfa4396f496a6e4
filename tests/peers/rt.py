"""A real Request Tracker 5 with its own configuration and its own database in a temporary folder.

Nothing of the RT that the packages set up on the machine is read or written.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.peers import daemons
from tests.ports import free_port

QUEUE = "General"
FIELD = "Firebreak incident"
ACCOUNT = "firebreak"
_SETUP = "/usr/sbin/rt-setup-database-5"
_SERVER = "/usr/share/request-tracker5/libexec/standalone_httpd"
_ROOT = ("root", "password")  # of every new RT

_CONFIG = """\
Set($rtname, 'range.example');
Set($Organization, 'range.example');
Set($WebDomain, '127.0.0.1');
Set($WebPort, @port@);
Set($WebPath, '');
Set($WebBaseURL, 'http://127.0.0.1:@port@');
Set($DatabaseType, 'SQLite');
Set($DatabaseName, '@folder@/rt.db');
Set($MailCommand, 'testfile');
Set($BcryptCost, 4);
Set($LogToSyslog, undef);
Set($LogToFile, undef);
Set($LogToSTDERR, 'error');
Set($MasonDataDir, '@folder@/mason');
Set($MasonSessionDir, '@folder@/sessions');
1;
"""


@dataclass
class RtPeer:
    """A running RT. ``token``: of an account that has only the rights Firebreak needs."""

    folder: Path
    port: int
    token: str = ""
    running: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def admin(self) -> httpx.AsyncClient:
        """Its administrator, who does by hand what people do."""
        return httpx.AsyncClient(
            base_url=f"{self.url}/REST/2.0", auth=_ROOT, timeout=20, trust_env=False
        )

    def programs(self) -> tuple[str, ...]:
        """Words before RT's programs that keep them away from the machine's own RT."""
        config, more = self.folder / "RT_SiteConfig.pm", self.folder / "conf.d"
        site = (f"RT_SITE_CONFIG={config}", f"RT_SITE_CONFIG_DIR={more}")
        return ("env", *site, f"TMPDIR={self.folder}")

    def set_up(self) -> None:
        """Make its database, and what an administrator makes for Firebreak."""
        for part in ("conf.d", "mason", "sessions"):
            (self.folder / part).mkdir()
        config = _CONFIG.replace("@port@", str(self.port)).replace("@folder@", str(self.folder))
        (self.folder / "RT_SiteConfig.pm").write_text(config)
        daemons.run(*self.programs(), _SETUP, "--action", "init", "--skip-create", "--dba", "")
        seed, database = Path(__file__).with_name("rt_seed.pl"), self.folder / "rt.db"
        made = daemons.run(*self.programs(), "perl", str(seed), str(database), ACCOUNT)
        self.token = made.splitlines()[-1]

    def start(self) -> None:
        """Start it, and wait until it answers."""
        log = self.folder / "rt.log"
        with contextlib.ExitStack() as stack:
            where = ("--host", "127.0.0.1", "--port", str(self.port))
            daemons.start(stack, log, *self.programs(), _SERVER, *where)
            daemons.until(lambda: _answers(self), "Request Tracker", log=log)
            self.running = stack.pop_all()

    def stop(self) -> None:
        """Stop it; what it holds stays."""
        self.running.close()


@contextlib.contextmanager
def running_rt() -> Iterator[RtPeer]:
    """A new RT, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="fb-rt-") as folder:
        peer = RtPeer(Path(folder), free_port())
        peer.set_up()
        peer.start()
        try:
            yield peer
        finally:
            peer.stop()


def _answers(peer: RtPeer) -> bool:
    try:
        answer = httpx.get(f"{peer.url}/REST/2.0/rt", timeout=5, trust_env=False)
    except httpx.TransportError:
        return False
    return answer.status_code == httpx.codes.UNAUTHORIZED


@pytest.fixture(scope="session")
def rt() -> Iterator[RtPeer]:
    """One Request Tracker for the whole run; every test has incidents of its own."""
    with running_rt() as peer:
        yield peer
