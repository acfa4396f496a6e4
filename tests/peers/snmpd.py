"""net-snmpd over the real Open vSwitch: a switch's SNMPv3 agent that we did not write."""

import contextlib
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from firebreak.domain.estate import SnmpAccess, Switch
from tests.peers import daemons
from tests.peers.ovs import BRIDGE, OvsPeer
from tests.ports import free_port

AUTH_KEY, PRIV_KEY = "correct-horse-17", "battery-staple-17"
VLANS = (1, 10, 20, 666)
ENGINES = ("0x80001f8804666972656272616b31", "0x80001f8804666972656272616b32")

_CONF = """
agentaddress udp:127.0.0.1:{port}
exactEngineID {engine}
createUser firebreak SHA-256 {auth} AES {priv}
createUser reader SHA-256 {auth} AES {priv}
view fb-read  included .1.3.6.1.2.1
view fb-read  included .1.3.6.1.6.3.1.1.6
view fb-write included .1.3.6.1.2.1.2.2.1.7
view fb-write included .1.3.6.1.2.1.17.7.1.4
group firebreak usm firebreak
group reader usm reader
access firebreak "" usm priv exact fb-read fb-write none
access reader "" usm priv exact fb-read none none
pass_persist .1.3.6.1.2.1.17 {script}
pass_persist .1.3.6.1.2.1.2.2 {script}
pass_persist .1.3.6.1.2.1.31.1.1 {script}
"""
# The agent's own IF-MIB shows this machine's interfaces; the script shows the switch's.
_OWN_MODULES = "-ifTable,-ifXTable,-interface,-interfaces"


@dataclass
class SnmpdPeer:
    """A running agent. Its switch is ``ovs``; one folder holds the faults and what was written."""

    ovs: OvsPeer
    folder: Path
    port: int
    process: daemons.Running | None = None
    paused: bool = False
    running: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @property
    def switch(self) -> Switch:
        """The switch with an agent instead of a command line."""
        access = SnmpAccess(
            host="127.0.0.1",
            port=self.port,
            user="firebreak",
            auth_key=f"file:{self.folder}/auth",
            priv_key=f"file:{self.folder}/priv",
            timeout_s=1.5,
        )
        return self.ovs.switch.model_copy(update={"cli": None, "snmp": access})

    def with_snmp(self, **changes: object) -> Switch:
        """The switch with another way to ask its agent."""
        assert self.switch.snmp is not None
        snmp = SnmpAccess.model_validate({**self.switch.snmp.model_dump(), **changes})
        return self.switch.model_copy(update={"snmp": snmp})

    def secret(self, name: str, text: str) -> str:
        """A reference to a secret in a file."""
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        return f"file:{path}"

    def writes(self) -> list[str]:
        """Every object of a SET that the agent has passed on, so far."""
        log = self.ovs.folder / "snmp-writes"
        return log.read_text().splitlines() if log.exists() else []

    def arm(self, fault: str | None) -> None:
        """``hang``, or one of the script's: ``refuse-write``, ``cut-before-write``,
        ``cut-after-write PORT`` (with all of it done, and no answer until it is ended).
        """
        assert self.process is not None
        (self.ovs.folder / "snmp-fault").write_text("" if fault in (None, "hang") else str(fault))
        if (fault == "hang") != self.paused:
            self.paused = fault == "hang"
            self.process.send_signal(signal.SIGSTOP if self.paused else signal.SIGCONT)

    def reset(self) -> None:
        """No fault, nothing written, every port as it was made."""
        self.arm(None)
        for name in ("snmp-writes", "snmp-fault"):
            (self.ovs.folder / name).unlink(missing_ok=True)
        self.ovs.reset()

    def start(self, engine: str = ENGINES[0]) -> None:
        """Start the agent, and wait until it listens."""
        state = self.folder / engine
        state.mkdir(exist_ok=True)
        words = (sys.executable, "-I", Path(__file__).with_name("snmp_pass.py"), self.ovs.folder)
        script = " ".join(map(str, (*words, BRIDGE, *VLANS)))
        conf, log = self.folder / "snmpd.conf", self.folder / f"{engine}.log"
        values = {"port": self.port, "engine": engine, "auth": AUTH_KEY, "priv": PRIV_KEY}
        conf.write_text(_CONF.format(**values, script=script))
        log.unlink(missing_ok=True)
        snmpd = shutil.which("snmpd", path="/usr/sbin:/usr/bin:/sbin") or "/usr/sbin/snmpd"
        environment = (f"SNMP_PERSISTENT_DIR={state}", "MIBS=", f"OVS_RUNDIR={self.ovs.folder}")
        with contextlib.ExitStack() as stack:
            argv = (snmpd, "-f", "-Lo", "-C", "-c", str(conf), f"-I{_OWN_MODULES}")
            self.process = daemons.start(stack, log, "env", *environment, *argv)
            daemons.until(lambda: b"NET-SNMP version" in log.read_bytes(), "snmpd", log=log)
            self.running = stack.pop_all()

    def stop(self) -> None:
        """Stop the agent."""
        self.arm(None)
        self.running.close()


@contextlib.contextmanager
def running_snmpd(ovs: OvsPeer) -> Iterator[SnmpdPeer]:
    """An agent over a running switch."""
    with tempfile.TemporaryDirectory(prefix="fb-snmpd-") as folder:
        peer = SnmpdPeer(ovs, Path(folder), free_port())
        peer.secret("auth", AUTH_KEY)
        peer.secret("priv", PRIV_KEY)
        peer.start()
        try:
            yield peer
        finally:
            peer.stop()


@pytest.fixture(scope="session")
def snmpd_session(ovs_session: OvsPeer) -> Iterator[SnmpdPeer]:
    """One agent for the whole run; use ``snmpd``."""
    with running_snmpd(ovs_session) as peer:
        yield peer


@pytest.fixture
def snmpd(snmpd_session: SnmpdPeer) -> SnmpdPeer:
    """The agent, with its switch as it was made."""
    snmpd_session.reset()
    return snmpd_session
