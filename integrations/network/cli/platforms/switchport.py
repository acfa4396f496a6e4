"""What the IOS-like platforms share: port names, ``switchport`` blocks, MAC and VLAN tables."""

import functools
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence

from firebreak.domain.device import normalize_mac
from firebreak.errors import Rejected
from integrations.network.cli.asked import PortChange
from integrations.network.cli.faults import NotSent, Refused, Unreadable
from integrations.network.cli.platforms.base import (
    MAC,
    Reader,
    Shell,
    Table,
    Undone,
    dotted,
    known_port,
)
from integrations.network.ports import PortReading, PortState, Sighting

PROMPT_CONFIG = re.compile(r"\(config[^)\n]*\)#\s*$")
_PROMPT_TOP = re.compile(r"\(config\)#\s*$")
_PROMPT_INTERFACE = re.compile(r"\(config-if[^)\n]*\)#\s*$")

_FULL_NAMES = {
    "et": "Ethernet", "eth": "Ethernet", "ethernet": "Ethernet",
    "fa": "FastEthernet", "fastethernet": "FastEthernet",
    "gi": "GigabitEthernet", "gig": "GigabitEthernet", "gigabitethernet": "GigabitEthernet",
    "tw": "TwoGigabitEthernet", "twogigabitethernet": "TwoGigabitEthernet",
    "fi": "FiveGigabitEthernet", "fivegigabitethernet": "FiveGigabitEthernet",
    "te": "TenGigabitEthernet", "ten": "TenGigabitEthernet",
    "tengigabitethernet": "TenGigabitEthernet",
    "twe": "TwentyFiveGigE", "twentyfivegige": "TwentyFiveGigE",
    "fo": "FortyGigabitEthernet", "fortygigabitethernet": "FortyGigabitEthernet",
    "hu": "HundredGigE", "hundredgige": "HundredGigE",
}  # fmt: skip
_PORT = re.compile(r"([A-Za-z]+)(\d{1,4}(?:/\d{1,4}){0,3})")
_VLAN = re.compile(r"(\d{1,4})(?:\s+\(.*\))?")


def canonical(port: str) -> str:
    """``Gi1/0/7`` and ``GigabitEthernet1/0/7`` are one port: the full name.

    Raises:
        Rejected: not the name of a physical Ethernet port (a VLAN, a port channel, a range).
    """
    match = _PORT.fullmatch(port)
    kind = _FULL_NAMES.get(match[1].lower()) if match else None
    if match is None or kind is None:
        raise Rejected(
            f"{port!r} is not the name of a physical port; write it like GigabitEthernet1/0/7"
        )
    return kind + match[2]


def same_port(left: str, right: str) -> bool:
    """Whether two spellings name one physical port; false for anything that is not one."""
    name = _name(left)
    return name is not None and name == _name(right)


@functools.lru_cache(maxsize=4096)
def _name(port: str) -> str | None:
    try:
        return canonical(port)
    except Rejected:
        return None


def vlan_number(text: str, command: str, output: str) -> int:
    """``10 (cameras)`` -> 10. Raises Unreadable (``unassigned`` is no number)."""
    match = _VLAN.fullmatch(text)
    if match is None:
        raise Unreadable(command, f"access VLAN {text!r}", output)
    return int(match[1])


def check_name(name: str, port: str, command: str, output: str) -> None:
    """The block is about this port and no other. Raises Unreadable."""
    if not same_port(name, port):
        raise Unreadable(command, f"it is about {name!r}, not {port}", output)


def mac_rows(output: str, row: re.Pattern[str], command: str) -> list[tuple[str, str]]:
    """``(mac, port)`` of each line that holds a MAC address; each such line must fit ``row``.

    Raises:
        Unreadable: a line holds an address but does not fit.
    """
    rows = []
    for line in output.splitlines():
        if not MAC.search(line):
            continue
        match = row.match(line)
        if match is None:
            raise Unreadable(command, f"MAC table line {line.strip()!r}", output)
        rows.append((normalize_mac(match["mac"]), match["port"]))
    return rows


def write(
    shell: Shell, changes: Sequence[PortChange], access: str = "switchport access vlan {}"
) -> Undone:
    """Send what differs, inside each interface; ``access`` is the line that sets the VLAN.

    A port that is refused does not keep the others back. Before an interface is entered the last
    one was left, and the prompts say so: no line can ever meet another port than its own.
    """
    undone: dict[str, Refused | NotSent] = {}
    inside = False
    with shell.config("configure terminal", "end"):
        for change in changes:
            try:
                change.fence.check_time()
                if inside:
                    _leave(shell)
                inside = True
                shell.say(f"interface {change.port}", _PROMPT_INTERFACE)
                for line in _lines(change, access):
                    shell.effect(line, change)
            except (Refused, NotSent) as error:
                undone[change.port] = error
                inside = inside and not (isinstance(error, Refused) and error.strayed)
    return undone


def _leave(shell: Shell) -> None:
    try:
        shell.say("exit", _PROMPT_TOP)
    except Refused as error:
        raise NotSent("the switch did not leave the last interface") from error


def _lines(change: PortChange, access: str) -> list[str]:
    lines = []
    if change.known.vlan != change.wanted.vlan:
        lines.append(access.format(change.wanted.vlan))
    if change.known.admin != change.wanted.admin:
        lines.append("shutdown" if change.wanted.admin == "down" else "no shutdown")
    return lines


def save(shell: Shell, command: str, done: str) -> None:
    """Write the startup configuration. Raises Unreadable unless the answer holds ``done``."""
    output = shell.ask(command)
    if done not in output:
        raise Unreadable(command, f"no {done!r}", output)


class Switchport(ABC):
    """A platform with ``switchport`` blocks, but for how a port is read.

    ``rows`` fits each line of the MAC table. ``saves`` writes the startup configuration, and its
    answer then holds ``saved``. See Platform for the methods.
    """

    netmiko_type: str
    complaint: re.Pattern[str]
    tables: Sequence[Table]
    rows: re.Pattern[str]
    saves: str
    saved: str
    native_timer = False
    config_prompt = PROMPT_CONFIG

    def canonical(self, port: str) -> str:
        """See the function of that name."""
        return canonical(port)

    @abstractmethod
    def read(self, shell: Reader, switch: str, port: str) -> PortReading:
        """Each platform's own."""

    def sight(self, shell: Reader, port: str, mac: str) -> Sighting:
        """``show mac address-table interface X`` and ``... address M``."""
        on_port = self._rows(shell, f"show mac address-table interface {port}", port)
        of_device = self._rows(shell, f"show mac address-table address {dotted(mac)}", port)
        return Sighting(
            on_port=frozenset(found for found, at in on_port if same_port(at, port)),
            device_at=tuple(sorted({_name(at) or at for found, at in of_device if found == mac})),
        )

    def _rows(self, shell: Reader, command: str, port: str) -> list[tuple[str, str]]:
        output = shell.ask(command)
        known_port(self, port, command, output)
        return mac_rows(output, self.rows, command)

    def learned(self, shell: Reader) -> list[tuple[str, str]]:
        """``show mac address-table``, without what is on port channels and the CPU."""
        command = "show mac address-table"
        rows = mac_rows(shell.ask(command), self.rows, command)
        return [(mac, name) for mac, at in rows if (name := _name(at))]

    def has_vlan(self, shell: Reader, vlan: int) -> bool:
        """``show vlan id N`` lists it as active; anything else counts as missing."""
        output = shell.ask(f"show vlan id {vlan}")
        return re.search(rf"(?m)^\s*{vlan}\s+\S.*\bactive\b", output) is not None

    def moved(self, state: PortState, vlan: int) -> PortState:
        """Only the access VLAN changes."""
        return state.model_copy(update={"vlan": vlan})

    def write(self, shell: Shell, changes: Sequence[PortChange]) -> Undone:
        """``configure terminal``, ``interface X``, ``switchport access vlan N``, ..., ``end``."""
        return write(shell, changes)

    def save(self, shell: Shell) -> None:
        """Write the startup configuration."""
        save(shell, self.saves, self.saved)
