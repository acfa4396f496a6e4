"""What a platform is: the commands it takes, and strict readers of what it answers."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from firebreak.errors import Rejected
from integrations.network.cli.asked import PortChange
from integrations.network.cli.faults import NotSent, Refused, Unreadable
from integrations.network.ports import PortReading, PortState, Sighting

MAC = re.compile(
    r"\b(?:[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}|[0-9a-f]{2}(?::[0-9a-f]{2}){5})\b", re.IGNORECASE
)


# Why a port's change was not sent, or not all of it, by the port's name.
Undone = Mapping[str, Refused | NotSent]


class Reader(Protocol):
    """The reading side of a switch's command line."""

    def ask(self, command: str) -> str:
        """Send a reading command; its output without echo and prompt."""
        ...


class Shell(Reader, Protocol):
    """A command line on a switch, as a platform sees it."""

    def config(self, enter: str, leave: str, undo: str = "") -> AbstractContextManager[None]:
        """Configuration mode for the length of the block, left also when a line is refused.

        ``undo`` is sent first when the block failed: it throws the candidate away. Raises NoConfig.
        """
        ...

    def say(self, line: str, prompt: re.Pattern[str] | None = None) -> str:
        """Send a line that changes nothing by itself.

        Raises Refused, also when the prompt afterwards is not the one that is expected.
        """
        ...

    def effect(self, line: str, *changes: PortChange) -> str:
        """Send a line by which these changes take effect. Raises Refused, TooLate."""
        ...


@dataclass(frozen=True)
class Table:
    """A command that answers for every port what another answers for one.

    ``narrow`` matches the other one, with what it asks about as group ``what``. ``command`` is made
    from that match (``re.Match.expand``). ``share`` takes from the answer what the other would say
    about it, or None when that is not in there.
    """

    narrow: re.Pattern[str]
    command: str
    share: Callable[[str, str], str | None]


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

    @property
    def tables(self) -> Sequence[Table]:
        """Commands that answer for all ports at once."""
        ...

    def canonical(self, port: str) -> str:
        """The port's one full name. Raises Rejected when it is no physical port's name."""
        ...

    def read(self, shell: Reader, switch: str, port: str) -> PortReading:
        """Read the port's state."""
        ...

    def sight(self, shell: Reader, port: str, mac: str) -> Sighting:
        """Read the MAC table: the port's addresses, and where ``mac`` is."""
        ...

    def learned(self, shell: Reader) -> Sequence[tuple[str, str]]:
        """The whole MAC table as ``(mac, canonical port)``, of physical ports."""
        ...

    def has_vlan(self, shell: Reader, vlan: int) -> bool:
        """Whether the VLAN exists and is active on the switch."""
        ...

    def moved(self, state: PortState, vlan: int) -> PortState:
        """The state with the port in another VLAN."""
        ...

    def write(self, shell: Shell, changes: Sequence[PortChange]) -> Undone:
        """Bring each change into force, in one configuration session, each on a port of its own.

        What is sent is the difference between ``known``, which was just read, and ``wanted``.

        Raises:
            NoConfig: there is no configuration mode to be had; nothing was sent.
            Refused, TooLate: of the whole, because the switch takes all changes or none.
        """
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
