"""A real access switch: Open vSwitch in a network namespace, OpenSSH as its management plane.

``dev`` hangs on p1 (VLAN 10), ``prod`` (the sentinel's place) and ``ctl`` (its control target) are
in production, ``quar`` is in VLAN 666, ``hub`` has two MAC addresses on one port, p5 is a trunk.
Only userspace datapaths are used, and only loopback and the namespaces made here.
"""

import contextlib
import functools
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from firebreak.domain.device import Attachment, Device
from firebreak.domain.estate import CliAccess, Sentinel, Site, Switch
from tests.peers.daemons import run, start, until
from tests.ports import free_port

PRODUCTION, QUARANTINE = 10, 666
DEVICE_MAC, DEVICE_IP, DEVICE_QUARANTINE_IP = "02:00:00:00:00:17", "192.0.2.10", "198.51.100.10"
GATEWAY_IP, CONTROL_IP, QUARANTINE_GATEWAY_IP = "192.0.2.1", "192.0.2.2", "198.51.100.1"
BRIDGE, TRUNK_PORT, HUB_PORT = "br0", "p5", "p6"

_HUB_MACS = ("02:00:00:00:00:06", "02:00:00:00:00:07")
_NAMESPACE = re.compile(r"(?P<name>fb-[a-z]+-(?P<owner>\d+)-\d+)\b")
_number = itertools.count(1)
_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
_SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/hostkey
PidFile {folder}/sshd.pid
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
PrintLastLog no
MaxStartups 200:30:400
SetEnv OVS_RUNDIR={folder} HOME={folder}/home
LogLevel VERBOSE
"""


# Stands before the real commands in an operator's PATH, to make them fail on demand.
_WRAPPER = """#!/bin/sh
fault=$(cat "$OVS_RUNDIR/fault" 2>/dev/null)
[ "$fault" = hang ] && exec sleep 3600
case " $* " in
  *" set port "*|*" mod-port "*) ;;
  *) exec {program} "$@" ;;
esac
[ "$fault" = cut-before-write ] && exec kill -9 $PPID
[ "$fault" = refuse-write ] && {{ echo "{name}: not permitted" >&2; exit 1; }}
echo "{name} $*" >> "$OVS_RUNDIR/writes"
{program} "$@"
code=$?
[ "$fault" = cut-after-write ] && exec kill -9 $PPID
[ "$fault" = hang-after-write ] && exec sleep 3600
exit $code
"""


@dataclass(frozen=True)
class _Host:
    name: str
    port: str
    mac: str
    addresses: tuple[str, ...]
    tag: int


_HOSTS = (
    _Host("dev", "p1", DEVICE_MAC, (f"{DEVICE_IP}/24", f"{DEVICE_QUARANTINE_IP}/24"), PRODUCTION),
    _Host("prod", "p2", "02:00:00:00:00:01", (f"{GATEWAY_IP}/24",), PRODUCTION),
    _Host("ctl", "p3", "02:00:00:00:00:02", (f"{CONTROL_IP}/24",), PRODUCTION),
    _Host("quar", "p4", "02:00:00:00:00:04", (f"{QUARANTINE_GATEWAY_IP}/24",), QUARANTINE),
    _Host("hub", HUB_PORT, _HUB_MACS[0], ("192.0.2.30/24",), PRODUCTION),
)


@dataclass(frozen=True)
class OvsPeer:
    """A running switch. ``namespaces`` maps dev, prod, ctl, quar, hub, sw to their real names."""

    folder: Path
    namespaces: dict[str, str]
    switch: Switch
    site: Site
    device: Device

    @property
    def sentinel(self) -> Sentinel:
        """Looks from the production gateway."""
        return self.site.sentinel

    def via(self, place: str) -> tuple[str, ...]:
        """The argv prefix that runs a command at a place."""
        return ("ip", "netns", "exec", self.namespaces[place])

    def ping(self, place: str, ip: str, *, wait_s: int = 1) -> bool:
        """Whether one echo request from a place is answered."""
        argv = [*self.via(place), "ping", "-n", "-c1", f"-W{wait_s}", ip]
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0

    def vsctl(self, *args: str) -> str:
        """Run ``ovs-vsctl`` past the management plane: the truth the tests compare with."""
        return _vsctl(self.folder, *args)

    def tag(self, port: str) -> int:
        """The port's access VLAN."""
        return int(self.vsctl("get", "port", port, "tag"))

    def admin(self, port: str) -> str:
        """``up`` or ``down``."""
        return self.vsctl("get", "interface", port, "admin_state").strip('"')

    def arm(self, fault: str | None) -> None:
        """Make the management plane fail from now on; ``vsctl`` still tells the truth.

        One of ``hang``, ``refuse-write``, ``cut-before-write``, ``cut-after-write``,
        ``hang-after-write``.
        """
        (self.folder / "fault").write_text(fault or "")

    def writes(self) -> list[str]:
        """Every command that asked for a change over the management plane, so far."""
        log = self.folder / "writes"
        return log.read_text().splitlines() if log.exists() else []

    @contextlib.contextmanager
    def silence(self) -> Iterator[None]:
        """Have the device send nothing meanwhile, not even what a kernel sends unasked."""
        link = ("ip", "-n", self.namespaces["dev"], "link", "set", "eth0")
        run(*link, "down")
        try:
            yield
        finally:
            run(*link, "up")

    def flush(self) -> None:
        """Forget every learned MAC address."""
        self._appctl("fdb/flush")

    def knows(self, *macs: str) -> bool:
        """Whether the switch has learned all of these; it does so a moment after the frames."""
        table = self._appctl("fdb/show")
        return all(mac in table for mac in macs)

    def _appctl(self, command: str) -> str:
        socket_name = next(self.folder.glob("ovs-vswitchd.*.ctl"))
        return run("ovs-appctl", "--timeout=5", f"--target={socket_name}", command, BRIDGE)

    def kill_sessions(self) -> int:
        """Kill the management sessions under way, and say how many there were."""
        children = self._sshd_children()
        for child in children:
            os.kill(child, signal.SIGKILL)
        return len(children)

    def sessions(self) -> int:
        """How many management sessions are open."""
        return len(self._sshd_children())

    def _sshd_children(self) -> list[int]:
        sshd = (self.folder / "sshd.pid").read_text().strip()
        return [int(pid) for pid in Path(f"/proc/{sshd}/task/{sshd}/children").read_text().split()]

    def logins_tried(self) -> int:
        """How many credentials the management plane was shown."""
        return self._log("Failed publickey ") + self._log("Accepted ")

    def public_key(self, name: str) -> str:
        """One of the key pairs (``hostkey``, ``client``, ``stranger``), without the comment."""
        return _public_key(self.folder, name)

    def _log(self, text: str) -> int:
        return (self.folder / "daemons.log").read_text().count(text)

    def reset(self) -> None:
        """Put every port back to how the fixture made it, and let the switch learn its hosts."""
        self.arm(None)
        (self.folder / "writes").unlink(missing_ok=True)
        for host in _HOSTS:
            self.vsctl("clear", "port", host.port, "trunks", "vlan_mode")
            self.vsctl("set", "port", host.port, f"tag={host.tag}")
            if self.admin(host.port) == "down":
                run("ip", "-n", self.namespaces["sw"], "link", "set", host.port, "up")
        self.vsctl("wait-until", "interface", "p1", "admin_state=up")
        for place in ("dev", "ctl", "hub"):
            until(functools.partial(self.ping, place, GATEWAY_IP), f"the path from {place}")
        run(*self.via("hub"), "ping", "-n", "-c1", "-W1", "-I", "second0", GATEWAY_IP)
        crowd = (DEVICE_MAC, *_HUB_MACS)
        until(functools.partial(self.knows, *crowd), "what the switch has learned")


@contextlib.contextmanager
def running_ovs() -> Iterator[OvsPeer]:
    """Bring the switch up, and take everything down again whatever happens in between."""
    _sweep()
    with contextlib.ExitStack() as stack:
        # A short path: unix socket names are limited to 108 bytes.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fb-ovs-")))
        suffix = f"{os.getpid()}-{next(_number)}"
        names = {n: f"fb-{n}-{suffix}" for n in ("sw", *(h.name for h in _HOSTS))}
        for name in names.values():
            run("ip", "netns", "add", name)
            stack.callback(run, "ip", "netns", "del", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        _start_ovs(stack, folder, names["sw"])
        _wire(folder, names)
        port, host_key = _start_sshd(stack, folder)
        peer = _peer(folder, names, port, host_key)
        peer.reset()
        yield peer


def _start_ovs(stack: contextlib.ExitStack, folder: Path, namespace: str) -> None:
    database, control = folder / "conf.db", folder / "db.sock"
    run("ovsdb-tool", "create", str(database), _SCHEMA)
    where = ("ip", "netns", "exec", namespace)
    _start(stack, folder, *where, "ovsdb-server", str(database), f"--remote=punix:{control}",
           f"--unixctl={folder}/ovsdb.ctl")  # fmt: skip
    until(control.exists, "ovsdb-server")
    _vsctl(folder, "--no-wait", "init")
    _start(stack, folder, *where, "ovs-vswitchd", f"unix:{control}",
           f"--pidfile={folder}/ovs-vswitchd.pid")  # fmt: skip
    _vsctl(folder, "add-br", BRIDGE, "--", "set", "bridge", BRIDGE, "datapath_type=netdev")


def _wire(folder: Path, names: dict[str, str]) -> None:
    switch = names["sw"]
    for host in _HOSTS:
        there = names[host.name]
        run("ip", "link", "add", host.port, "netns", switch, "type", "veth",
            "peer", "name", "eth0", "netns", there)  # fmt: skip
        run("ip", "-n", switch, "link", "set", host.port, "up")
        run("ip", "-n", there, "link", "set", "eth0", "address", host.mac)
        run("ip", "-n", there, "link", "set", "eth0", "up")
        for address in host.addresses:
            run("ip", "-n", there, "addr", "add", address, "dev", "eth0")
        # veth leaves checksums to hardware that a userspace switch does not have.
        run("ip", "netns", "exec", there, "ethtool", "-K", "eth0", "tx", "off")
        _vsctl(folder, "add-port", BRIDGE, host.port, f"tag={host.tag}")
    hub = names["hub"]
    # Each of its interfaces answers for its own address only, or replies reach the wrong one.
    for name, value in (("arp_ignore", 1), ("arp_announce", 2)):
        setting = f"/proc/sys/net/ipv4/conf/all/{name}"
        run("ip", "netns", "exec", hub, "sh", "-c", f"echo {value} > {setting}")
    run("ip", "-n", hub, "link", "add", "second0", "link", "eth0", "address",
        _HUB_MACS[1], "type", "macvlan", "mode", "bridge")  # fmt: skip
    run("ip", "-n", hub, "link", "set", "second0", "up")
    run("ip", "-n", hub, "addr", "add", "192.0.2.31/24", "dev", "second0")
    run("ip", "-n", switch, "link", "add", TRUNK_PORT, "type", "veth", "peer", "name", "p5x")
    _vsctl(folder, "add-port", BRIDGE, TRUNK_PORT, f"trunks={PRODUCTION},{QUARANTINE}")


def _start_sshd(stack: contextlib.ExitStack, folder: Path) -> tuple[int, str]:
    for name in ("hostkey", "client", "stranger"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name))
    shutil.copy(folder / "client.pub", folder / "authorized_keys")
    Path("/run/sshd").mkdir(exist_ok=True)  # sshd's privilege separation insists on it
    _write_home(folder)
    port = free_port()
    (folder / "sshd_config").write_text(_SSHD.format(port=port, folder=folder))
    sshd = shutil.which("sshd", path="/usr/sbin:/usr/bin:/sbin") or "/usr/sbin/sshd"
    _start(stack, folder, sshd, "-D", "-e", "-f", str(folder / "sshd_config"))
    until(lambda: _listens(port), "sshd")
    return port, _public_key(folder, "hostkey")


def _public_key(folder: Path, name: str) -> str:
    return " ".join((folder / f"{name}.pub").read_text().split()[:2])


def _write_home(folder: Path) -> None:
    home, programs = folder / "home", folder / "bin"
    home.mkdir()
    programs.mkdir()
    (home / ".profile").write_text(f"PATH={programs}:$PATH\nPS1='ovs# '\n")
    for name in ("ovs-vsctl", "ovs-ofctl", "ovs-appctl"):
        wrapper = programs / name
        wrapper.write_text(_WRAPPER.format(name=name, program=shutil.which(name)))
        wrapper.chmod(0o755)


def _peer(folder: Path, names: dict[str, str], port: int, host_key: str) -> OvsPeer:
    sentinel = Sentinel(
        id="gateway",
        method="icmp",
        via=("ip", "netns", "exec", names["prod"]),
        control=CONTROL_IP,
        attempts=2,
        timeout_s=0.5,
    )
    return OvsPeer(
        folder=folder,
        namespaces=names,
        site=Site(id="bench", quarantine_vlan=QUARANTINE, sentinel=sentinel),
        switch=Switch(
            id="ovs-1",
            site="bench",
            uplinks=("p2",),
            cli=CliAccess(
                host="127.0.0.1",
                port=port,
                platform="ovs_linux",
                username="root",
                key_file=str(folder / "client"),
                host_key=host_key,
                bridge=BRIDGE,
            ),
        ),
        device=Device.model_validate(
            {
                "id": "cam-17",
                "mac": DEVICE_MAC,
                "ip": DEVICE_IP,
                "site": "bench",
                "class": "ip-camera",
                "attached": Attachment(switch="ovs-1", port="p1"),
            }
        ),
    )


@pytest.fixture(scope="session")
def ovs_session() -> Iterator[OvsPeer]:
    """One switch for the whole run; use ``ovs``."""
    with running_ovs() as peer:
        yield peer


@pytest.fixture
def ovs(ovs_session: OvsPeer) -> OvsPeer:
    """The switch, with every port as it was made."""
    ovs_session.reset()
    return ovs_session


def _vsctl(folder: Path, *args: str) -> str:
    # A socket is there a moment before anybody listens on it, so the first call may be refused.
    where = f"--db=unix:{folder}/db.sock"
    return run("ovs-vsctl", "--timeout=10", "--retry", where, *args)


def _start(stack: contextlib.ExitStack, folder: Path, *argv: str) -> None:
    """Start a daemon that dies with this process, even when this process is killed."""
    environment = os.environ | {
        f"OVS_{name}DIR": str(folder) for name in ("RUN", "LOG", "DB", "SYSCONF")
    }
    start(stack, folder / "daemons.log", *argv, environment=environment)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _sweep() -> None:
    """Remove namespaces of runs whose process is gone."""
    for line in run("ip", "netns", "list").splitlines():
        match = _NAMESPACE.match(line)
        if match and not Path(f"/proc/{match['owner']}").exists():
            # Another run may sweep at the same time; the one that comes second finds nothing.
            argv = ["ip", "netns", "del", match["name"]]
            subprocess.run(argv, capture_output=True, check=False)
