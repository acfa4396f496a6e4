"""What every test shares: real peers by name, and what happens when one is missing."""

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers import node
from tests.workflows.temporal_server import temporal_server

LONGEST_NAME = 200  # characters of a parameter that may be its own name
REQUIRE_PEERS = os.environ.get("FIREBREAK_REQUIRE_PEERS") == "1"

_PROGRAMS = {
    "ovs": ("ovs-vsctl", "ovsdb-server", "ovs-vswitchd", "ip", "ping", "ethtool"),
    "sshd": ("sshd",),
    "postgres": ("/usr/lib/postgresql/15/bin/initdb", "setpriv"),
    "snmpd": ("snmpd", "setpriv"),
    "rt": ("/usr/share/request-tracker5/libexec/standalone_httpd", "setpriv"),
    "mosquitto": ("mosquitto", "mosquitto_pub", "mosquitto_passwd"),
    "freeradius": ("freeradius", "radmin", "radclient", "setpriv"),
    "dot1x": (
        *("hostapd", "hostapd_cli", "wpa_supplicant", "freeradius", "radmin"),
        *("ovs-vsctl", "ovsdb-server", "ovs-vswitchd", "ip", "ping", "ethtool"),
    ),
}

_NODE = {"slack": "emulate", "oidc": "oidc-provider"}

_ROOT = {
    "ovs": "for its network namespaces",
    "dot1x": "for its network namespaces",
    "freeradius": "to read the schema that comes with it",
}


def missing_for(peer: str) -> str:
    """Why a peer cannot run here; "" when it can."""
    if peer in _NODE:
        found = node.package(_NODE[peer])
        return "" if found.is_dir() else f"{peer} needs the Node.js package {_NODE[peer]}"
    if peer not in _PROGRAMS:
        return f"unknown peer {peer!r}; it must be named in tests/conftest.py"
    search = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    absent = [name for name in _PROGRAMS[peer] if shutil.which(name, path=search) is None]
    if absent:
        return f"{peer} needs {', '.join(absent)}"
    if peer in _ROOT and os.geteuid() != 0:
        return f"{peer} needs root {_ROOT[peer]}"
    return ""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two more than there are cores: half of the time a test waits for a server, not for a core."""
    return len(os.sched_getaffinity(0)) + 2


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """A name of ordinary length: pytest puts it into the environment of what a test starts."""
    if isinstance(val, str | bytes) and len(val) > LONGEST_NAME:
        return f"{argname}-of-{len(val)}"
    return None


def pytest_collection_finish() -> None:
    """What collecting made is never looked at again: each look would stop every test's clock."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("peer"):
        why = missing_for(str(mark.args[0]))
        if not why:
            continue
        if REQUIRE_PEERS:
            pytest.fail(f"{why}; run: make peers")
        pytest.skip(f"{why}; run: make peers")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = {
        str(report.longrepr[2]).removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple) and "make peers" in str(report.longrepr[2])
    }
    if skipped:
        terminalreporter.section("missing peers")
        for why in sorted(skipped):
            terminalreporter.line(why)


@pytest.fixture(scope="session")
def temporal_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One real Temporal server for the session (one for each worker of pytest-xdist)."""
    with temporal_server(tmp_path_factory.mktemp("temporal")) as address:
        yield address


@pytest.fixture(scope="session")
def shipped_playbooks() -> Path:
    return Path(__file__).parent.parent / "playbooks"


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own FIREBREAK_* variables must not change what the tests see."""
    for name in list(os.environ):
        if name.startswith("FIREBREAK_") and name != "FIREBREAK_REQUIRE_PEERS":
            monkeypatch.delenv(name)
    monkeypatch.delenv("COLUMNS", raising=False)  # pytest-xdist sets it
