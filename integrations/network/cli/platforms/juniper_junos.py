"""Junos (EX, QFX): a candidate configuration, and ``commit confirmed`` as its own way back."""

import re
from collections.abc import Sequence

from firebreak.domain.device import normalize_mac
from firebreak.errors import Busy, Rejected
from integrations.network.cli.asked import PortChange
from integrations.network.cli.faults import Refused, Unreadable
from integrations.network.cli.platforms.base import MAC, Reader, Shell, Table, Undone, known_port
from integrations.network.cli.platforms.gathered import Gathered
from integrations.network.cli.platforms.tables import mac_tables
from integrations.network.ports import PortReading, PortState, Sighting

# The shortest Junos knows. It is longer than any operation's deadline: within the deadline the
# change is either confirmed or certain to be rolled back.
ROLLBACK_MINUTES = 1

_PORT = re.compile(r"((?:fe|ge|mge|xe|et)-\d{1,2}/\d{1,2}/\d{1,3}(?::\d)?)(?:\.0)?")
_VLAN_ID = re.compile(r"set vlans (\S+) vlan-id (\d{1,4})")
_SWITCHING = r"unit 0 family ethernet-switching"
_ROW = re.compile(r"^\s*\S+\s+(?P<mac>\S+)\s+[A-Z,]+\s+.*?(?P<port>[a-z]+-?[\d/:]+)\.\d+\b")
_PENDING = re.compile(r"(?m)^0\s+.* by (\S+) via .*commit confirmed, rollback in")


def _lines_of(answer: str, port: str) -> str | None:
    """A port's lines of ``show configuration interfaces | display set``, and those of all ports."""
    lines = [line for line in answer.splitlines() if line.split()[1:2] == ["interfaces"]]
    mine = [line for line in lines if line.split()[2:3] in ([], [port])]
    return "\n".join(mine) if any(line.startswith("set ") for line in mine) else None


def _names(word: str, port: str) -> bool:
    return word == port or word.startswith(f"{port}.")


class JuniperJunos:
    """Commands and readers of Junos. Output shapes: Junos CLI reference, ``| display set``."""

    netmiko_type = "juniper_junos"
    native_timer = True
    complaint = re.compile(
        r"(?mi)^\s*(?:error: |syntax error|unknown command|invalid |missing argument|"
        r"'\S+' is ambiguous|permission denied)"
    )
    config_prompt = re.compile(r"(?m)#\s*$")
    tables = (
        Table(
            re.compile(
                r"(?P<run>(?:run )?)show configuration interfaces (?P<what>\S+) \| display set"
            ),
            r"\g<run>show configuration interfaces | display set",
            _lines_of,
        ),
        *mac_tables("show ethernet-switching table", _ROW, _names, "ethernet switching table"),
    )

    def canonical(self, port: str) -> str:
        """``ge-0/0/7.0`` is ``ge-0/0/7``. Raises Rejected."""
        match = _PORT.fullmatch(port)
        if match is None:
            raise Rejected(f"{port!r} is not the name of a physical port; write it like ge-0/0/7")
        return match[1]

    def read(self, shell: Reader, switch: str, port: str) -> PortReading:
        """Read the committed configuration.

        Raises Busy while a confirmed commit waits for its confirmation: what is in force then is
        not what will be in a minute.
        """
        if _PENDING.search(self._show(shell, port, "show system commit")):
            raise Busy(
                f"a confirmed commit is pending on {switch} and will be rolled back within "
                f"{ROLLBACK_MINUTES} min unless it is confirmed; look again then"
            )
        return self._read(shell, switch, port, run="")

    def _read(self, shell: Reader, switch: str, port: str, run: str) -> PortReading:
        command = f"{run}show configuration interfaces {port} | display set"
        output = self._show(shell, port, command)
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        own = [line for line in lines if line.startswith(f"set interfaces {port} ")]
        if not own:
            raise Rejected(
                f"port {port} has no configuration of its own on {switch} (unknown, or configured "
                "through a group or range); configure it on the interface itself"
            )
        if any(line.startswith("deactivate ") for line in lines):
            raise Rejected(f"part of port {port}'s configuration is deactivated; clean it up first")
        words = [line.removeprefix(f"set interfaces {port} ") for line in own]
        members = [
            w.rpartition(" ")[2] for w in words if w.startswith(f"{_SWITCHING} vlan members ")
        ]
        bundle = next((w.rpartition(" ")[2] for w in words if "802.3ad" in w.split()), "")
        mode = self._mode(words)
        if mode == "access" and len(members) != 1:
            raise Rejected(
                f"port {port} names {len(members)} VLANs in its configuration; it must name one"
            )
        state = PortState(
            switch=switch,
            port=port,
            mode=mode,
            vlan=self._vlan(shell, port, members[0], run) if mode == "access" else 0,
            admin="down" if "disable" in words else "up",
            member=members[0] if mode == "access" else None,
        )
        return PortReading(state=state, bundle=bundle, voice_vlan=self._voice(shell, port, run))

    def _mode(self, words: list[str]) -> str:
        if not any(word.startswith(_SWITCHING) for word in words):
            return "routed or in a LAG"
        for word in words:
            match = re.fullmatch(rf"{_SWITCHING} (?:interface-mode|port-mode) (\S+)", word)
            if match:
                return match[1]
        return "access"  # the default, and not shown

    def _vlan(self, shell: Reader, port: str, member: str, run: str) -> int:
        if member.isdigit():
            return int(member)
        command = f"{run}show configuration vlans | display set"
        output = self._show(shell, port, command)
        ids = dict(_VLAN_ID.findall(output))
        if member not in ids:
            raise Unreadable(command, f"no vlan-id of {member!r}", output)
        return int(ids[member])

    def _voice(self, shell: Reader, port: str, run: str) -> str:
        command = f"{run}show configuration switch-options voip | display set"
        output = self._show(shell, port, command)
        match = re.search(rf"(?m)interface {re.escape(port)}\.0 vlan (\S+)", output)
        return match[1] if match else ""

    def _show(self, shell: Reader, port: str, command: str) -> str:
        output = shell.ask(command)
        known_port(self, port, command, output)
        return output

    def sight(self, shell: Reader, port: str, mac: str) -> Sighting:
        """``show ethernet-switching table interface X`` and ``... | match M``."""
        at_port = self._rows(shell, port, f"show ethernet-switching table interface {port}")
        at_mac = self._rows(shell, port, f"show ethernet-switching table | match {mac}")
        return Sighting(
            on_port=frozenset(found for found, at in at_port if at == port),
            device_at=tuple(sorted({at for found, at in at_mac if found == mac})),
        )

    def learned(self, shell: Reader) -> list[tuple[str, str]]:
        """``show ethernet-switching table``."""
        rows = self._rows(shell, "", "show ethernet-switching table")
        return [(mac, match[1]) for mac, at in rows if (match := _PORT.fullmatch(at))]

    def _rows(self, shell: Reader, port: str, command: str) -> list[tuple[str, str]]:
        output = self._show(shell, port, command)
        rows = []
        for line in output.splitlines():
            if not MAC.search(line):
                continue
            match = _ROW.match(line)
            if match is None:
                raise Unreadable(command, f"MAC table line {line.strip()!r}", output)
            rows.append((normalize_mac(match["mac"]), match["port"]))
        return rows

    def has_vlan(self, shell: Reader, vlan: int) -> bool:
        """The configuration has a VLAN with this id."""
        output = self._show(shell, "", "show configuration vlans | display set")
        return str(vlan) in (number for _, number in _VLAN_ID.findall(output))

    def moved(self, state: PortState, vlan: int) -> PortState:
        """The VLAN is then named by its number."""
        return state.model_copy(update={"vlan": vlan, "member": str(vlan)})

    def write(self, shell: Shell, changes: Sequence[PortChange]) -> Undone:
        """Commit confirmed, read back, then confirm; not confirmed, the switch puts it back.

        One commit for all: the switch takes them together or not at all.
        """
        with shell.config("configure exclusive", "exit configuration-mode", undo="rollback 0"):
            for change in changes:
                for line in self._lines(change.known, change.wanted):
                    shell.say(line)
            promised = "automatically rolled back"
            self._commit(shell, f"commit confirmed {ROLLBACK_MINUTES}", promised, changes)
            reader = Gathered(shell, self, len(changes))
            for change in changes:
                seen = self._read(reader, change.switch, change.port, run="run ").state
                if seen != change.wanted:
                    raise Unreadable("commit confirmed", f"read back {seen.record()}", "")
            self._commit(shell, "commit", "commit complete", changes)
        return {}

    def _lines(self, now: PortState, target: PortState) -> list[str]:
        port, members = f"interfaces {target.port}", f"{_SWITCHING} vlan members"
        lines = []
        if now.member != target.member:
            lines.append(f"delete {port} {members} {now.member}")
            lines.append(f"set {port} {members} {target.member}")
        if now.admin != target.admin:
            lines.append(f"{'set' if target.admin == 'down' else 'delete'} {port} disable")
        return lines

    def _commit(self, shell: Shell, command: str, done: str, changes: Sequence[PortChange]) -> None:
        output = shell.effect(command, *changes)
        if done not in output:
            raise Refused(command, " ".join(output.split())[:160])

    def save(self, shell: Shell) -> None:
        """Nothing to do: what is committed is what the switch starts with."""
