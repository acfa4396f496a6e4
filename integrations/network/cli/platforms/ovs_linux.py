"""Open vSwitch on Linux: ``ovs-vsctl`` over a login shell. Its database is its startup state."""

import json
import re
import shlex
from collections.abc import Sequence
from typing import Any

from firebreak.domain.device import normalize_mac
from firebreak.errors import Rejected
from integrations.network.cli.asked import PortChange
from integrations.network.cli.faults import NotSent, Refused, Unreadable
from integrations.network.cli.platforms.base import Reader, Shell, Table, Undone
from integrations.network.ports import PortReading, PortState, Sighting

_PORT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}")  # IFNAMSIZ - 1
_RC = re.compile(r"\brc=(\d+)\s*$")
_FDB = re.compile(r"^\s*(?P<port>\d+|LOCAL)\s+\d+\s+(?P<mac>[0-9a-f:]{17})\s+(?:\d+|static)\s*$")


class OvsLinux:
    """Commands and readers of Open vSwitch 2.17 or later. Shapes: ovs-vsctl(8), ovs-appctl(8)."""

    netmiko_type = "ovs_linux"
    native_timer = False
    complaint = re.compile(r"(?m)^(?!rc=0\s*$)rc=\d+\s*$")
    config_prompt = re.compile(r"(?!)")  # a shell has no such mode
    tables: tuple[Table, ...] = ()

    def __init__(self, bridge: str) -> None:
        if not _PORT.fullmatch(bridge):
            raise Rejected(f"{bridge!r} is not the name of a bridge")
        self.bridge = bridge

    def canonical(self, port: str) -> str:
        """An interface name. Raises Rejected."""
        if not _PORT.fullmatch(port):
            raise Rejected(f"{port!r} is not the name of a network interface")
        return port

    def read(self, shell: Reader, switch: str, port: str) -> PortReading:
        """The rows of tables Port and Interface, and the bridge the port belongs to."""
        bridge = self._ask(shell, f"ovs-vsctl --timeout=5 port-to-br {shlex.quote(port)}", port)
        if bridge.strip() != self.bridge:
            raise Rejected(f"port {port} is on bridge {bridge.strip()}, not on {self.bridge}")
        row = self._row(shell, "Port", port, "tag,trunks,vlan_mode,interfaces")
        if len(_elements(row["interfaces"])) != 1:
            return PortReading(self._state(switch, port, row, "up"), bundle=f"bond {port}")
        link = self._row(shell, "Interface", port, "type,admin_state")
        if link["type"] not in ("", "system", "dpdk", "afxdp"):
            raise Rejected(f"port {port} is a {link['type']} port; only physical ports are moved")
        if link["admin_state"] not in ("up", "down"):
            raise Unreadable("list Interface", f"admin_state {link['admin_state']!r}", str(link))
        return PortReading(self._state(switch, port, row, link["admin_state"]))

    def _state(self, switch: str, port: str, row: dict[str, Any], admin: str) -> PortState:
        tag, vlan_mode = row["tag"], row["vlan_mode"]
        access = isinstance(tag, int) and not _elements(row["trunks"])
        if access and vlan_mode in ("access", ["set", []]):
            mode, vlan = "access", int(tag)
        else:
            mode, vlan = "trunk", tag if isinstance(tag, int) else 0
        return PortState.model_validate(
            {"switch": switch, "port": port, "mode": mode, "vlan": vlan, "admin": admin}
        )

    def _row(self, shell: Reader, table: str, port: str, columns: str) -> dict[str, Any]:
        command = (
            f"ovs-vsctl --timeout=5 --format=json --columns={columns} "
            f"list {table} {shlex.quote(port)}"
        )
        output = self._ask(shell, command, port)
        try:
            table_json = json.loads(output)
            (values,) = table_json["data"]
            return dict(zip(table_json["headings"], values, strict=True))
        except (ValueError, KeyError, TypeError) as error:
            raise Unreadable(command, "not one row of JSON", output) from error

    def _ask(self, shell: Reader, command: str, port: str = "") -> str:
        output = shell.ask(f"{command}; echo rc=$?")
        match = _RC.search(output)
        if match is None:
            raise Unreadable(command, "no exit status", output)
        text = output[: match.start()].strip()
        if match[1] != "0":
            raise Rejected(
                f"{f'the switch does not know port {port}: ' if port else ''}"
                f"{command!r} failed with {match[1]}: {text[:160]}"
            )
        return text

    def sight(self, shell: Reader, port: str, mac: str) -> Sighting:
        """Both from the table of ``learned``."""
        rows = self.learned(shell)
        return Sighting(
            on_port=frozenset(found for found, at in rows if at == port),
            device_at=tuple(sorted({at for found, at in rows if found == mac})),
        )

    def learned(self, shell: Reader) -> list[tuple[str, str]]:
        """``ovs-appctl fdb/show``, with OpenFlow port numbers turned into names."""
        command = "ovs-vsctl --timeout=5 --format=json --columns=name,ofport list Interface"
        output = self._ask(shell, command)
        try:
            names = {number: name for name, number in json.loads(output)["data"]}
        except (ValueError, KeyError, TypeError) as error:
            raise Unreadable(command, "not rows of JSON", output) from error
        command = f"ovs-appctl --timeout=5 fdb/show {shlex.quote(self.bridge)}"
        output = self._ask(shell, command)
        return [(found, names.get(at, f"port {at}")) for found, at in _fdb(output, command)]

    def has_vlan(self, shell: Reader, vlan: int) -> bool:
        """Open vSwitch has no list of VLANs: every tag exists."""
        del shell, vlan
        return True

    def moved(self, state: PortState, vlan: int) -> PortState:
        """Only the tag changes."""
        return state.model_copy(update={"vlan": vlan})

    def write(self, shell: Shell, changes: Sequence[PortChange]) -> Undone:
        """``ovs-vsctl set port X tag=N``; the port's admin state through OpenFlow."""
        undone: dict[str, Refused | NotSent] = {}
        for change in changes:
            try:
                self._write(shell, change)
            except (Refused, NotSent) as error:
                undone[change.port] = error
        return undone

    def _write(self, shell: Shell, change: PortChange) -> None:
        port, bridge = shlex.quote(change.port), shlex.quote(self.bridge)
        if change.known.vlan != change.wanted.vlan:
            self._do(
                shell, f"ovs-vsctl --timeout=5 set port {port} tag={change.wanted.vlan}", change
            )
        if change.known.admin != change.wanted.admin:
            admin = change.wanted.admin
            self._do(shell, f"ovs-ofctl --timeout=5 mod-port {bridge} {port} {admin}", change)

    def _do(self, shell: Shell, command: str, change: PortChange) -> None:
        output = shell.effect(f"{command}; echo rc=$?", change)
        match = _RC.search(output)
        if match is None:
            raise Unreadable(command, "no exit status", output)
        if match[1] != "0":
            raise Refused(command, output[: match.start()].strip()[:160])

    def save(self, shell: Shell) -> None:
        """Nothing to do: the database is on disk, and admin state is not part of it."""


def _elements(value: Any) -> list[Any]:
    """The members of an OVSDB set, whose one-element form is the bare value (RFC 7047, 5.1)."""
    match value:
        case ["set", list() as members]:
            return members
        case _:
            return [value]


def _fdb(output: str, command: str) -> list[tuple[str, int | str]]:
    rows: list[tuple[str, int | str]] = []
    for line in output.splitlines()[1:]:
        match = _FDB.match(line)
        if match is None:
            raise Unreadable(command, f"line {line.strip()!r}", output)
        port = match["port"]
        rows.append((normalize_mac(match["mac"]), int(port) if port.isdigit() else port))
    return rows
