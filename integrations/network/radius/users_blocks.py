"""Firebreak's blocks in a FreeRADIUS users file: one per device, read strictly, written one way.

Every line outside a block is somebody else's and is carried through untouched. A block that is not
exactly what Firebreak writes was edited by hand, and nothing is done to such a file.
"""

import re
from dataclasses import dataclass, replace

from firebreak.errors import Rejected

_MARK = "# firebreak "
_BEGIN = re.compile(
    r"# firebreak begin (?P<mac>[0-9a-f]{2}(?::[0-9a-f]{2}){5})"
    r" vlan (?P<vlan>none|[1-9][0-9]{0,3})(?P<pending> pending)?"
)
_MAX_VLAN = 4094
# The separators that a NAS or a supplicant may put between the digits of a MAC address.
_SEPARATOR = "[-:.]?"


@dataclass(frozen=True)
class Block:
    """What the file says about one device. ``vlan`` None: an entry that is being taken away.

    ``pending``: the server has not been seen to take it in yet.
    """

    mac: str  # lower case, colons
    vlan: int | None
    pending: bool

    def text(self) -> str:
        """The block as it stands in the file."""
        vlan = "none" if self.vlan is None else str(self.vlan)
        pending = " pending" if self.pending else ""
        begin = f"{_MARK}begin {self.mac} vlan {vlan}{pending}"
        return "\n".join((begin, *self._entries(), f"{_MARK}end {self.mac}", ""))

    def _entries(self) -> tuple[str, ...]:
        """users(5) entries: by Calling-Station-Id, and by the User-Name of MAC authentication."""
        if self.vlan is None:
            return ()
        written = _as_written(self.mac)
        reply = (
            "\tTunnel-Type := VLAN,",
            "\tTunnel-Medium-Type := IEEE-802,",
            f'\tTunnel-Private-Group-Id := "{self.vlan}"',
        )
        checks = (f'DEFAULT {name} =~ "{written}"' for name in ("Calling-Station-Id", "User-Name"))
        return tuple(line for check in checks for line in (check, *reply))


def _as_written(mac: str) -> str:
    """A POSIX regular expression for the MAC address in any notation and case."""
    either = (f"[{c}{c.upper()}]" if c.isalpha() else c for c in mac.replace(":", ""))
    digits = "".join(either)
    pairs = re.findall(r"(?:\[..\]|.){2}", digits)
    return f"^{_SEPARATOR.join(pairs)}$"


@dataclass(frozen=True)
class UsersText:
    """A whole file: Firebreak's blocks, and between them the lines of others as they were."""

    parts: tuple[str | Block, ...]

    @classmethod
    def parse(cls, text: str) -> "UsersText":
        """Read a file.

        Raises:
            Rejected: a block is not as Firebreak writes it, or a device has two.
        """
        parts: list[str | Block] = []
        seen: set[str] = set()
        position = 0
        while position < len(text):
            end = text.find("\n", position) + 1 or len(text)
            line = text[position:end]
            if not line.startswith(_MARK):
                parts.append(line)
                position = end
                continue
            block = _block_at(text, position)
            if block.mac in seen:
                raise Rejected(f"the users file has two blocks of {block.mac}; remove one")
            seen.add(block.mac)
            parts.append(block)
            position += len(block.text())
        return cls(tuple(parts))

    def block(self, mac: str) -> Block | None:
        """The device's block."""
        return next((p for p in self.parts if isinstance(p, Block) and p.mac == mac), None)

    def put(self, block: Block) -> "UsersText":
        """With the block in the place of the device's old one, else before everything else.

        First, because FreeRADIUS stops at the first entry that fits.
        """
        if self.block(block.mac) is None:
            return UsersText((block, *self.parts))
        return replace(self, parts=tuple(block if _is(p, block.mac) else p for p in self.parts))

    def without(self, mac: str) -> "UsersText":
        """With no block of the device."""
        return replace(self, parts=tuple(p for p in self.parts if not _is(p, mac)))

    def text(self) -> str:
        """The file's content."""
        return "".join(p.text() if isinstance(p, Block) else p for p in self.parts)


def _is(part: str | Block, mac: str) -> bool:
    return isinstance(part, Block) and part.mac == mac


def _block_at(text: str, position: int) -> Block:
    line_end = text.find("\n", position)
    begin = _BEGIN.fullmatch(text[position : line_end if line_end >= 0 else len(text)])
    if begin is not None:
        vlan = None if begin["vlan"] == "none" else int(begin["vlan"])
        block = Block(begin["mac"], vlan, pending=begin["pending"] is not None)
        if (vlan or 1) <= _MAX_VLAN and text.startswith(block.text(), position):
            return block
    number = text.count("\n", 0, position) + 1
    raise Rejected(
        f"line {number} of the users file begins a Firebreak block that was edited by hand; put it "
        "back as it was, or remove it when the device is in no hold"
    )
