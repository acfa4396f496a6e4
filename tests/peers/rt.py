"""A real Request Tracker 5 with its own configuration and its own database in a temporary folder.

Nothing of the RT that the packages set up on the machine is read or written.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.peers import daemons
from tests.peers.ovs import free_port

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
Set($LogToSyslog, undef);
Set($LogToFile, undef);
Set($LogToSTDERR, 'error');
Set($MasonDataDir, '@folder@/mason');
Set($MasonSessionDir, '@folder@/sessions');
1;
"""


@dataclass(frozen=True)
class RtPeer:
    """A running RT. ``token``: of an account that has only the rights Firebreak needs."""

    folder: Path
    port: int
    token: str

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def admin(self) -> httpx.AsyncClient:
        """Its administrator, who does by hand what people do."""
        return httpx.AsyncClient(
            base_url=f"{self.url}/REST/2.0", auth=_ROOT, timeout=20, trust_env=False
        )


def _environment(folder: Path) -> tuple[str, ...]:
    """Words that keep RT's programs away from the machine's own RT."""
    site = (f"RT_SITE_CONFIG={folder}/RT_SiteConfig.pm", f"RT_SITE_CONFIG_DIR={folder}/conf.d")
    return ("env", *site, f"TMPDIR={folder}")


@contextlib.contextmanager
def running_rt() -> Iterator[RtPeer]:
    """A new RT, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="fb-rt-") as name, contextlib.ExitStack() as stack:
        folder, port = Path(name), free_port()
        for part in ("conf.d", "mason", "sessions"):
            (folder / part).mkdir()
        config = folder / "RT_SiteConfig.pm"
        config.write_text(_CONFIG.replace("@port@", str(port)).replace("@folder@", name))
        rt = _environment(folder)
        daemons.run(*rt, _SETUP, "--action", "init", "--skip-create", "--dba", "")
        seed = Path(__file__).with_name("rt_seed.pl")
        token = daemons.run(*rt, "perl", str(seed), f"{folder}/rt.db", ACCOUNT)
        log = folder / "rt.log"
        where = ("--host", "127.0.0.1", "--port", str(port))
        daemons.start(stack, log, *rt, _SERVER, *where)
        peer = RtPeer(folder, port, token.splitlines()[-1])
        daemons.until(lambda: _answers(peer), "Request Tracker", log=log)
        yield peer


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
