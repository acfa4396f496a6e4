"""What the site's RADIUS server answers: which VLAN a device is authorized for, by MAC address.

A ``users`` file in FreeRADIUS's format comes first, read at every authentication, so that whatever
writes such files decides here too.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from firebreak.domain.device import normalize_mac

_VLAN = re.compile(r'Tunnel-Private-Group-Id(?::\d+)?\s*[:+]?=\s*"?(\d{1,4})"?', re.IGNORECASE)
_STATION = re.compile(r'Calling-Station-Id\s*(==|=~)\s*"([^"]*)"')


@dataclass(frozen=True)
class _Entry:
    """An entry: its first line (name and checks), and the reply attributes under it."""

    name: str
    checks: str
    reply: str

    def matches(self, mac: str) -> bool:
        """Whether it is about a station: by its name, or by a check of Calling-Station-Id."""
        check = _STATION.search(self.checks)
        if check is None:
            return _mac(self.name) == mac
        if self.name != "DEFAULT":
            return False
        station = mac.upper().replace(":", "-")
        if check[1] == "=~":
            return re.search(check[2], station) is not None
        return _mac(check[2]) == mac


class RangeAuthorization:
    """The answers of the site's RADIUS server.

    ``users`` need not exist. What counts of an entry is whom it is about (a MAC address in any
    notation as its name, or a check of Calling-Station-Id) and Tunnel-Private-Group-Id; of two
    entries about one device the first counts.
    """

    def __init__(self, users: Path | None = None) -> None:
        self.users = users
        self._assigned: dict[str, int] = {}

    def vlan(self, mac: str) -> int | None:
        """The VLAN of an Access-Accept; None: it names none, so the port's own counts."""
        for entry in self._entries():
            vlan = _VLAN.search(entry.reply)
            if vlan is not None and entry.matches(mac):
                return int(vlan[1])
        return self._assigned.get(mac)

    def assign(self, mac: str, vlan: int | None) -> None:
        """Change the server's own data, which lies under the ``users`` file."""
        if vlan is None:
            self._assigned.pop(mac, None)
        else:
            self._assigned[mac] = vlan

    def _entries(self) -> list[_Entry]:
        """An entry goes on while lines begin with white space."""
        if self.users is None or not self.users.exists():
            return []
        found: list[_Entry] = []
        for line in self.users.read_text(encoding="utf-8").splitlines():
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            if line[0].isspace() and found:
                last = found[-1]
                found[-1] = _Entry(last.name, last.checks, f"{last.reply}\n{line}")
            else:
                name, _, checks = line.replace("\t", " ").partition(" ")
                found.append(_Entry(name.strip('"'), checks, ""))
        return found


def _mac(name: str) -> str | None:
    try:
        return normalize_mac(name)
    except ValueError:
        return None
