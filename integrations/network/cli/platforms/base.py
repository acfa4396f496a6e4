"""What a platform is: the commands it takes, and strict readers of what it answers."""

import re
from contextlib import AbstractContextManager
from typing import Protocol

from firebreak.errors import Rejected
from integrations.network.cli.faults import Unreadable
from integrations.network.ports import PortReading, PortState, Sighting

MAC = re.compile(
    r"\b(?:[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}|[0-9a-f]{2}(?::[0-9a-f]{2}){5})\b", re.IGNORECASE
)


class Shell(Protocol):
    """A command line on a switch, as a platform sees it."""

    def ask(self, command: str) -> str:
        """Send a reading command; its output without echo and prompt."""
        ...

    def config(self, enter: str, leave: str, undo: str = "") -> AbstractContextManager[None]:
        """Configuration mode for the length of the block, left also when a line is refused.

        ``undo`` is sent first when the block failed: it throws the candidate away.
        """
        ...

    def say(self, line: str) -> str:
        """Send a line that changes nothing by itself. Raises Refused."""
        ...

    def effect(self, line: str) -> str:
        """Send a line that takes effect. Raises Refused, TooLate."""
        ...


class Platform(Protocol):
    """One network operating system.

    ``complaint`` matches the line by which it refuses a command. Readers raise Unreadable when the
    output is not understood, and Rejected when it says that the port is not there.
    """

    @property
    def netmiko_type(self) -> str:
        """The ``device_type`` netmiko knows it by."""
        ...

    @property
    def native_timer(self) -> bool:
        """Whether the switch puts a change back by itself unless it is confirmed."""
        ...

    @property
    def complaint(self) -> re.Pattern[str]:
        """Matches, in multi-line output, the line that refuses a command."""
        ...

    @property
    def config_prompt(self) -> re.Pattern[str]:
        """Matches the prompt line of configuration mode, and no other."""
        ...

    def canonical(self, port: str) -> str:
        """The port's one full name. Raises Rejected when it is no physical port's name."""
        ...

    def read(self, shell: Shell, switch: str, port: str) -> PortReading:
        """Read the port's state."""
        ...

    def sight(self, shell: Shell, port: str, mac: str) -> Sighting:
        """Read the MAC table: the port's addresses, and where ``mac`` is."""
        ...

    def has_vlan(self, shell: Shell, vlan: int) -> bool:
        """Whether the VLAN exists and is active on the switch."""
        ...

    def moved(self, state: PortState, vlan: int) -> PortState:
        """The state with the port in another VLAN."""
        ...

    def write(self, shell: Shell, now: PortState, target: PortState) -> None:
        """Bring ``target`` into force, sending only what differs from ``now``. Raises Refused."""
        ...

    def save(self, shell: Shell) -> None:
        """Write the startup configuration. Raises Refused or Unreadable when it did not work."""
        ...


def fields(output: str) -> dict[str, str]:
    """``key: value`` lines, the first of each key."""
    found: dict[str, str] = {}
    for line in output.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            found.setdefault(key.strip(), value.strip())
    return found


def need(found: dict[str, str], key: str, command: str, output: str) -> str:
    """A field that must be there. Raises Unreadable."""
    if key not in found:
        raise Unreadable(command, f"no {key!r}", output)
    return found[key]


def known_port(platform: Platform, port: str, command: str, output: str) -> None:
    """Raise Rejected when the switch complains about the port instead of describing it."""
    complaint = platform.complaint.search(output)
    if complaint:
        raise Rejected(
            f"the switch does not know port {port}: {command!r} was answered "
            f"{line_of(output, complaint)!r}; correct `attached` in the inventory"
        )


def line_of(output: str, match: re.Match[str]) -> str:
    """The whole line a match stands in."""
    start = output.rfind("\n", 0, match.end() - 1) + 1
    end = output.find("\n", match.end())
    return output[start : end if end >= 0 else None].strip()[:160]


def dotted(mac: str) -> str:
    """``0200.0000.0017``, as Cisco and Arista write it."""
    digits = mac.replace(":", "")
    return ".".join(digits[i : i + 4] for i in range(0, 12, 4))
