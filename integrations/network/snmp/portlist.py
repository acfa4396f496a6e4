"""PortList bit strings (RFC 4363): one bit for each bridge port, read and changed exactly."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class PortList:
    """A set of bridge ports as a switch holds it.

    The first octet is ports 1 to 8, its most significant bit port 1. The length is the switch's
    own and is kept: a string of another length is refused by many agents.
    """

    octets: bytes

    def __contains__(self, port: int) -> bool:
        """Whether the port's bit is set; a port beyond the end is not in the set."""
        octet, mask = _place(port)
        return octet < len(self.octets) and bool(self.octets[octet] & mask)

    def __iter__(self) -> Iterator[int]:
        """The ports, in order."""
        return (port for port in range(1, len(self.octets) * 8 + 1) if port in self)

    def change(self, port: int, *, member: bool) -> "PortList":
        """The same set with this port in or out of it, every other bit as it was.

        Grows only when a port beyond the end is put in.
        """
        octet, mask = _place(port)
        changed = bytearray(self.octets)
        if member:
            changed.extend(bytes(max(0, octet + 1 - len(changed))))
            changed[octet] |= mask
        elif octet < len(changed):
            changed[octet] &= ~mask & 0xFF
        return PortList(bytes(changed))


def _place(port: int) -> tuple[int, int]:
    if port < 1:
        raise ValueError(f"bridge ports count from 1, not {port}")
    return (port - 1) // 8, 0x80 >> (port - 1) % 8
