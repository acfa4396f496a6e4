"""The names of a switch's ports, and the two numbers each of them has in the MIBs."""

from collections.abc import Iterable
from dataclasses import dataclass

from firebreak.errors import Rejected


@dataclass(frozen=True)
class Interface:
    """One interface. ``base`` is its bridge port number, 0 when it is none (VLANs, loopbacks)."""

    index: int
    name: str  # ifName, or ifDescr where there is none: what plans call the port
    descr: str = ""
    base: int = 0


class Interfaces:
    """All interfaces of a switch, by every name they have."""

    def __init__(self, interfaces: Iterable[Interface], switch: str) -> None:
        self._switch = switch
        self.by_index = {port.index: port for port in interfaces}
        self.by_base = {port.base: port for port in self.by_index.values() if port.base}

    def resolve(self, text: str) -> Interface:
        """The interface by its ifName, else its ifDescr, else its bridge port number.

        Raises:
            Rejected: there is none, or the text means several.
        """
        wanted = text.strip().lower()
        for spelling in (_name, _descr, _number):
            found = [p for p in self.by_index.values() if wanted and spelling(p) == wanted]
            if len(found) == 1:
                return found[0]
            if found:
                raise Rejected(f"switch {self._switch} has several ports called {text!r}")
        raise Rejected(f"switch {self._switch} does not know port {text!r}; use its ifName")

    def canonical(self, port: str) -> str:
        """The port's one name. Raises Rejected."""
        return self.resolve(port).name

    def at_base(self, base: int) -> str:
        """The name of a bridge port."""
        known = self.by_base.get(base)
        return known.name if known else f"bridge port {base}"


def _name(port: Interface) -> str:
    return port.name.lower()


def _descr(port: Interface) -> str:
    return port.descr.lower()


def _number(port: Interface) -> str:
    return str(port.base) if port.base else ""
