"""What the IOS-like platforms share: port names, ``switchport`` blocks, MAC and VLAN tables."""

import re

from firebreak.domain.device import normalize_mac
from firebreak.errors import Rejected
from integrations.network.cli.faults import Unreadable
from integrations.network.cli.platforms.base import MAC, Platform, Shell, dotted, known_port
from integrations.network.ports import PortState, Sighting

PROMPT_CONFIG = re.compile(r"\(config[^)\n]*\)#\s*$")

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
    try:
        return canonical(left) == canonical(right)
    except Rejected:
        return False


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


def sight(platform: Platform, shell: Shell, port: str, mac: str, row: re.Pattern[str]) -> Sighting:
    """Read the MAC table of an IOS-like switch for the port and for the device."""
    command = f"show mac address-table interface {port}"
    output = shell.ask(command)
    known_port(platform, port, command, output)
    on_port = {found for found, at in mac_rows(output, row, command) if same_port(at, port)}
    command = f"show mac address-table address {dotted(mac)}"
    output = shell.ask(command)
    known_port(platform, port, command, output)
    device_at = {
        canonical(at) if _is_port(at) else at
        for found, at in mac_rows(output, row, command)
        if found == mac
    }
    return Sighting(on_port=frozenset(on_port), device_at=tuple(sorted(device_at)))


def _is_port(name: str) -> bool:
    return same_port(name, name)


def has_vlan(shell: Shell, vlan: int) -> bool:
    """``show vlan id N`` lists it as active; anything else counts as missing."""
    output = shell.ask(f"show vlan id {vlan}")
    return re.search(rf"(?m)^\s*{vlan}\s+\S.*\bactive\b", output) is not None


def write(shell: Shell, now: PortState, target: PortState) -> None:
    """Send what differs, inside the interface."""
    with shell.config("configure terminal", "end"):
        shell.say(f"interface {target.port}")
        if now.vlan != target.vlan:
            shell.effect(f"switchport access vlan {target.vlan}")
        if now.admin != target.admin:
            shell.effect("shutdown" if target.admin == "down" else "no shutdown")


def save(shell: Shell, command: str, done: str) -> None:
    """Write the startup configuration. Raises Unreadable unless the answer holds ``done``."""
    output = shell.ask(command)
    if done not in output:
        raise Unreadable(command, f"no {done!r}", output)
