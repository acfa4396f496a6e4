"""An 802.1X access port: hostapd before Open vSwitch, wpa_supplicant behind, FreeRADIUS beside it.

The switch is the one of ovs.py; port p1 is closed until ``dev`` has authenticated with its
certificate, and carries the VLAN that FreeRADIUS then said. hostapd takes RFC 5176 requests on a
management network between the tests and the switch's namespace.
"""

import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from firebreak.domain.estate import FreeRadiusUsers, RadiusAccess, Site, Switch
from tests.peers.daemons import render, run, start, until
from tests.peers.freeradius import SECRET, AuthServer, running_auth_server
from tests.peers.ovs import DEVICE_MAC, GATEWAY_IP, PRODUCTION, OvsPeer, running_ovs

PORT, NAS_IDENTIFIER, DAS_PORT = "p1", "access-1", 3799
CLOSED = 4094  # the VLAN of a port without an authorized station: nobody else is in it

_FILES = Path(__file__).parent / "eapol"
_MANAGEMENT_NETWORKS = 1 << 14  # /30s of 198.18.0.0/16, the range for benchmarks (RFC 2544)
_number = itertools.count()


@dataclass(frozen=True)
class Dot1xPeer:
    """A running 802.1X port. ``ovs`` is its switch, ``radius`` its authentication server."""

    folder: Path
    ovs: OvsPeer
    radius: AuthServer
    management: str  # the address that hostapd takes RFC 5176 requests on

    @property
    def site(self) -> Site:
        """The site, with FreeRADIUS's users file as its authorization source."""
        users, reload = str(self.radius.users), self.radius.reload
        source = FreeRadiusUsers(kind="freeradius-users", file=users, reload=reload)
        return self.ovs.site.model_copy(update={"authorization": source})

    @property
    def switch(self) -> Switch:
        """The switch, with hostapd as the one way to it."""
        access = RadiusAccess(
            host=self.management,
            port=DAS_PORT,
            secret=f"file:{self.folder}/secret",
            nas_identifier=NAS_IDENTIFIER,
            settle_s=8.0,  # hostapd forgets a station five seconds after it has left
        )
        return self.ovs.switch.model_copy(update={"cli": None, "radius": access})

    def port_log(self) -> list[str]:
        """What the port did, in order: ``EVENT MAC tag=VLAN``."""
        log = self.folder / "port.log"
        return log.read_text().splitlines() if log.exists() else []

    def wait_for_vlan(self, vlan: int) -> None:
        """Until the device has authenticated and its port carries the VLAN."""
        until(lambda: self.ovs.tag(PORT) == vlan, f"VLAN {vlan} on {PORT}", log=self._log)

    def wait_for_event(self, event: str, *, after: int, times: int = 1) -> None:
        """Until the port has seen an event so often, counted from a line of its log."""
        until(
            lambda: sum(event in line for line in self.port_log()[after:]) >= times,
            f"{times} x {event}",
            log=self._log,
        )

    def supplicant(self, command: str) -> None:
        """Have the device's supplicant do something of its own accord."""
        run(_program("wpa_cli"), "-p", str(self.folder / "supplicant"), "-i", "eth0", command)

    def reset(self) -> None:
        """Put the device back into production when a test has left it elsewhere."""
        self.radius.users.write_text("")
        if self.ovs.tag(PORT) == PRODUCTION:
            return
        until(self._answers_production, "FreeRADIUS's answer for production", log=self.radius.log)
        authenticator = str(self.folder / "hostapd")
        run(_program("hostapd_cli"), "-p", authenticator, "-i", PORT, "deauthenticate", DEVICE_MAC)
        self.wait_for_vlan(PRODUCTION)

    def _answers_production(self) -> bool:
        run(*self.radius.reload)
        return self.radius.ask(self.radius.late, DEVICE_MAC) == [PRODUCTION]

    @property
    def _log(self) -> Path:
        return self.folder / "daemons.log"


@contextlib.contextmanager
def running_dot1x() -> Iterator[Dot1xPeer]:
    """Bring the port up with its device authenticated into production."""
    with contextlib.ExitStack() as stack:
        ovs = stack.enter_context(running_ovs())
        # A short path: unix socket names are limited to 108 bytes.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fb-1x-")))
        ovs.vsctl("set", "port", PORT, f"tag={CLOSED}")
        here, there = _management_network(stack, ovs.namespaces["sw"])
        radius = stack.enter_context(running_auth_server(ovs.via("sw")))
        peer = Dot1xPeer(folder, ovs, radius, there)
        _configure(peer, here)
        _start(stack, peer)
        peer.wait_for_vlan(PRODUCTION)
        until(lambda: ovs.ping("dev", GATEWAY_IP), "the path into production", log=peer._log)
        yield peer


def _management_network(stack: contextlib.ExitStack, switch: str) -> tuple[str, str]:
    """A cable from the tests to the switch's namespace; its two addresses."""
    number = (os.getpid() + next(_number)) % _MANAGEMENT_NETWORKS * 4
    here, there = (f"198.18.{(number + n) // 256}.{(number + n) % 256}" for n in (1, 2))
    name = f"fb-m{os.getpid()}-{number % 256:x}"
    run("ip", "link", "add", name, "type", "veth", "peer", "name", "mgmt0", "netns", switch)
    stack.callback(run, "ip", "link", "del", name)
    run("ip", "addr", "add", f"{here}/30", "dev", name)
    run("ip", "link", "set", name, "up")
    run("ip", "-n", switch, "addr", "add", f"{there}/30", "dev", "mgmt0")
    run("ip", "-n", switch, "link", "set", "mgmt0", "up")
    return here, there


def _configure(peer: Dot1xPeer, das_client: str) -> None:
    secret = peer.folder / "secret"
    secret.touch(mode=0o600)
    secret.write_text(SECRET)
    values = {
        "folder": peer.folder,
        "port": PORT,
        "closed": CLOSED,
        "nas_identifier": NAS_IDENTIFIER,
        "radius_port": peer.radius.late,
        "radius_secret": SECRET,
        "das_port": DAS_PORT,
        "das_client": das_client,
        "das_secret": SECRET,
        "identity": peer.ovs.device.id,
        "pki": peer.radius.folder,
        "ovs": peer.ovs.folder,
        "accepted": peer.radius.accepted,
    }
    for name in ("hostapd.conf", "wpa_supplicant.conf", "port.sh"):
        (peer.folder / name).write_text(render(_FILES / name, values))
    (peer.folder / "port.sh").chmod(0o755)


def _start(stack: contextlib.ExitStack, peer: Dot1xPeer) -> None:
    folder, ovs, log = peer.folder, peer.ovs, peer._log
    authenticator, supplicant = folder / "hostapd", folder / "supplicant"
    start(stack, log, *ovs.via("sw"), _program("hostapd"), "-t", str(folder / "hostapd.conf"))
    until((authenticator / PORT).exists, "hostapd", log=log)
    start(stack, log, _program("hostapd_cli"), "-p", str(authenticator), "-i", PORT,
          "-a", str(folder / "port.sh"))  # fmt: skip
    start(stack, log, *ovs.via("dev"), _program("wpa_supplicant"), "-D", "wired", "-i", "eth0",
          "-t", "-c", str(folder / "wpa_supplicant.conf"))  # fmt: skip
    until((supplicant / "eth0").exists, "wpa_supplicant", log=log)


def _program(name: str) -> str:
    return shutil.which(name, path="/usr/sbin:/sbin:/usr/bin") or name


@pytest.fixture(scope="session")
def dot1x_session() -> Iterator[Dot1xPeer]:
    """One 802.1X port for the whole run; use ``dot1x``."""
    with running_dot1x() as peer:
        yield peer


@pytest.fixture
def dot1x(dot1x_session: Dot1xPeer) -> Dot1xPeer:
    """The port, with its device in production."""
    dot1x_session.reset()
    return dot1x_session
