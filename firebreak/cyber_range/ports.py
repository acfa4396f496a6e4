"""Interface names: each platform's long and short spelling, and the abbreviations it accepts."""

import re
from dataclasses import dataclass

from firebreak.domain.estate import Platform


@dataclass(frozen=True, slots=True)
class Naming:
    """``long`` and ``short`` are prefixes of one name; ``number`` is the shape of what follows."""

    long: str
    short: str
    number: str
    first: str  # the number of the first port, with {} for the port's ordinal
    base: int  # ordinal of the first port


_GIGABIT = Naming("GigabitEthernet", "Gi", r"\d+(?:/\d+){1,2}", "0/{}", 1)

NAMINGS: dict[str, Naming] = {
    "cisco_ios": _GIGABIT,
    "cisco_xe": Naming("GigabitEthernet", "Gi", _GIGABIT.number, "1/0/{}", 1),
    "arista_eos": Naming("Ethernet", "Et", r"\d+(?:/\d+)?", "{}", 1),
    "cisco_nxos": Naming("Ethernet", "Eth", r"\d+/\d+", "1/{}", 1),
    "juniper_junos": Naming("ge-", "ge-", r"\d+/\d+/\d+", "0/0/{}", 0),
    "aruba_aoscx": Naming("", "", r"\d+/\d+/\d+", "1/1/{}", 1),
}


def port_name(platform: Platform, index: int) -> str:
    """The name of the ``index``-th port, counted from zero, as the platform writes it in full."""
    naming = NAMINGS[platform]
    return naming.long + naming.first.format(index + naming.base)


def short_name(platform: Platform, name: str) -> str:
    """``GigabitEthernet0/3`` as ``Gi0/3``: how tables print it."""
    naming = NAMINGS[platform]
    return naming.short + name.removeprefix(naming.long)


def canonical(platform: Platform, text: str) -> str | None:
    """The full name behind any spelling the platform accepts (``gi0/3``, ``Gig 0/3``), or None."""
    naming = NAMINGS[platform]
    found = re.fullmatch(rf"([A-Za-z]*-?)\s*({naming.number})", text.strip())
    if found is None or not naming.long.lower().startswith(found[1].lower()):
        return None
    if naming.long and not found[1]:
        return None
    return naming.long + found[2]


def speaks(platform: Platform, text: str) -> bool:
    """Whether the text looks like a port of this platform, present or not."""
    return canonical(platform, text) is not None
