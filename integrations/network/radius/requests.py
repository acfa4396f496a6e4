"""What a NAS is asked: to have a session authenticate again, to move it, to shut its port.

Cisco's commands travel as Cisco-AVPair in a CoA-Request ("RADIUS Change of Authorization" in the
IBNS configuration guide); Dell N-Series take the same ones.
"""

import ipaddress
from typing import assert_never

from firebreak.domain.estate import MacStyle, RadiusAccess
from integrations.network.radius.packets import (
    COA_REQUEST,
    DISCONNECT_REQUEST,
    Attribute,
    Request,
)

# No device has this address, so a request about it has no effect: it shows that the NAS listens,
# that the secret is right and that it takes this kind of request at all.
NOBODY = "00:00:00:00:00:00"

# A bounced port stays down for ten seconds, and the answer comes when it is up again.
_BOUNCE_S = 12.0


def station(mac: str, style: MacStyle) -> str:
    """The MAC address as the NAS writes it: its digits in the example's places."""
    digits = iter(mac.replace(":", ""))
    upper = style != style.lower()
    text = "".join(next(digits) if char.isalnum() else char for char in style)
    return text.upper() if upper else text


def reauthentication(access: RadiusAccess, mac: str) -> Request:
    """End the session, or have it authenticate again, by the means the estate names."""
    match access.reauthenticate:
        case "disconnect":
            return Request(DISCONNECT_REQUEST, _session(access, mac), harmless=mac == NOBODY)
        case "reauthenticate":
            last = "subscriber:reauthenticate-type=last"
            return _command(access, mac, "reauthenticate", (("Cisco-AVPair", last),))
        case "bounce-port":
            takes_s = 0.0 if mac == NOBODY else _BOUNCE_S
            return _command(access, mac, "bounce-host-port", takes_s=takes_s)
        case other:
            assert_never(other)


def move(access: RadiusAccess, mac: str, vlan: int) -> Request:
    """Put the session into a VLAN, for a NAS that takes RFC 3580's attributes in a CoA-Request."""
    attributes: tuple[Attribute, ...] = (
        *_session(access, mac),
        ("Tunnel-Type:1", "VLAN"),
        ("Tunnel-Medium-Type:1", "IEEE-802"),
        ("Tunnel-Private-Group-Id:1", str(vlan)),
    )
    return Request(COA_REQUEST, attributes, harmless=mac == NOBODY)


def shut(access: RadiusAccess, mac: str) -> Request:
    """Shut the port that carries the session; RADIUS has no way to bring it up again."""
    return _command(access, mac, "disable-host-port")


def _command(
    access: RadiusAccess,
    mac: str,
    command: str,
    more: tuple[Attribute, ...] = (),
    takes_s: float = 0.0,
) -> Request:
    asked: Attribute = ("Cisco-AVPair", f"subscriber:command={command}")
    attributes = (*_session(access, mac), asked, *more)
    return Request(COA_REQUEST, attributes, takes_s=takes_s, harmless=mac == NOBODY)


def _session(access: RadiusAccess, mac: str) -> tuple[Attribute, ...]:
    """Who is meant: the NAS, when the estate names it, and the session by its MAC address.

    Nothing more: every attribute is mandatory, and one that the NAS does not know is a NAK.
    """
    found: list[Attribute] = []
    if access.nas_ip is not None:
        version = ipaddress.ip_address(access.nas_ip).version
        name = {4: "NAS-IP-Address", 6: "NAS-IPv6-Address"}[version]
        found.append((name, access.nas_ip))
    if access.nas_identifier is not None:
        found.append(("NAS-Identifier", access.nas_identifier))
    found.append(("Calling-Station-Id", station(mac, access.mac)))
    return tuple(found)
