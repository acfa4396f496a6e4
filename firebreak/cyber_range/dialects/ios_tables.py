"""What IOS prints. Shapes follow the recorded outputs in networktocode/ntc-templates."""

from collections.abc import Iterable
from typing import Any

from firebreak.cyber_range.dialects.tables import text, wrapped
from firebreak.cyber_range.grammar import dotted
from firebreak.cyber_range.network import Learned, Port, PortConfig, SwitchState
from firebreak.cyber_range.ports import short_name

_PORT_COLUMNS = 31

NO_BUNDLES = """\
Flags:  D - down        P - bundled in port-channel
        I - stand-alone s - suspended
        H - Hot-standby (LACP only)
        R - Layer3      S - Layer2
        U - in use      f - failed to allocate aggregator

        M - not in use, minimum links not met
        u - unsuitable for bundling
        w - waiting to be aggregated
        d - default port


Number of channel-groups in use: 0
Number of aggregators:           0

Group  Port-channel  Protocol    Ports
------+-------------+-----------+-----------------------------------------------

"""


def vlan_label(switch: SwitchState, vlan: int, missing: str = "Inactive") -> str:
    """``666 (QUARANTINE)``."""
    return f"{vlan} ({switch.vlans.get(vlan, missing)})"


def operational(port: Port) -> str:
    """What the port does now."""
    if not port.linked:
        return "down"
    return "trunk" if port.config.mode == "trunk" else "static access"


def switchport(switch: SwitchState, only: Port | None = None) -> str:
    """``show interfaces [X] switchport``."""
    ports = [only] if only else list(switch.ports.values())
    return "\n".join(text(_switchport(switch, port)) for port in ports) + "\n"


def _switchport(switch: SwitchState, port: Port) -> Iterable[str]:
    trunk = port.config.mode == "trunk"
    up = operational(port)
    yield f"Name: {short_name(switch.platform, port.name)}"
    yield "Switchport: Enabled"
    yield f"Administrative Mode: {'trunk' if trunk else 'static access'}"
    yield f"Operational Mode: {up}"
    yield f"Administrative Trunking Encapsulation: {'dot1q' if trunk else 'negotiate'}"
    if up != "down":
        yield f"Operational Trunking Encapsulation: {'dot1q' if trunk else 'native'}"
    yield "Negotiation of Trunking: Off"
    yield f"Access Mode VLAN: {vlan_label(switch, port.config.vlan)}"
    yield f"Trunking Native Mode VLAN: {vlan_label(switch, 1)}"
    yield "Administrative Native VLAN tagging: enabled"
    yield "Voice VLAN: none"
    for item in ("host-association", "mapping", "trunk native VLAN"):
        yield f"Administrative private-vlan {item}: none"
    yield "Administrative private-vlan trunk Native VLAN tagging: enabled"
    yield "Administrative private-vlan trunk encapsulation: dot1q"
    for item in ("normal VLANs", "associations", "mappings"):
        yield f"Administrative private-vlan trunk {item}: none"
    yield "Operational private-vlan: none"
    yield "Trunking VLANs Enabled: ALL"
    yield "Pruning VLANs Enabled: 2-1001"
    yield "Capture Mode Disabled"
    yield "Capture VLANs Allowed: ALL"
    yield ""
    yield "Protected: false"
    yield "Unknown unicast blocked: disabled"
    yield "Unknown multicast blocked: disabled"
    yield "Appliance trust: none"


_VLAN_HEAD = f"""
{"VLAN":<4} {"Name":<32} {"Status":<9} Ports
{"-" * 4} {"-" * 32} {"-" * 9} {"-" * 31}
"""


def vlan_brief(switch: SwitchState) -> str:
    """``show vlan brief``: access ports by VLAN; trunks are not listed."""
    lines = []
    for vlan, name in sorted(switch.vlans.items()):
        members = [
            short_name(switch.platform, p.name)
            for p in switch.ports.values()
            if p.config.mode == "access" and p.config.vlan == vlan
        ]
        lines += _vlan_row(vlan, name, members)
    return _VLAN_HEAD + text(lines)


def vlan_id(switch: SwitchState, vlan: int, word: str) -> str:
    """``show vlan id N``, where trunks that carry the VLAN are listed too."""
    if vlan not in switch.vlans:
        return f"VLAN {word}{vlan} not found in current VLAN database\n"
    members = [
        short_name(switch.platform, p.name)
        for p in switch.ports.values()
        if p.linked and (p.config.mode == "trunk" or p.config.vlan == vlan)
    ]
    more = [
        "",
        "VLAN Type  SAID       MTU   Parent RingNo BridgeNo Stp  BrdgMode Trans1 Trans2",
        "---- ----- ---------- ----- ------ ------ -------- ---- -------- ------ ------",
        f"{vlan:<4} enet  {100000 + vlan:<10} 1500  -      -      -        -    -        0      0",
        "",
    ]
    return _VLAN_HEAD + text([*_vlan_row(vlan, switch.vlans[vlan], members), *more])


def _vlan_row(vlan: int, name: str, members: Iterable[str]) -> list[str]:
    first, *rest = wrapped(members, _PORT_COLUMNS)
    return [f"{vlan:<4} {name:<32} {'active':<9} {first}", *(" " * 48 + more for more in rest)]


def mac_table(switch: SwitchState, rows: list[Learned]) -> str:
    """``show mac address-table``."""
    lines = [
        "          Mac Address Table",
        "-------------------------------------------",
        "",
        "Vlan    Mac Address       Type        Ports",
        "----    -----------       --------    -----",
        *(
            f"{row.vlan:>4}    {dotted(row.mac)}    {'DYNAMIC':<11} "
            f"{short_name(switch.platform, row.port)}"
            for row in rows
        ),
    ]
    if rows:
        lines.append(f"Total Mac Addresses for this criterion: {len(rows)}")
    return text(lines)


def status(switch: SwitchState, only: Port | None = None) -> str:
    """``show interfaces [X] status``."""
    lines = ["", "Port      Name               Status       Vlan       Duplex  Speed Type"]
    for port in [only] if only else switch.ports.values():
        state = "connected" if port.linked else "notconnect" if port.config.up else "disabled"
        duplex, speed = ("a-full", "a-1000") if port.linked else ("auto", "auto")
        vlan = "trunk" if port.config.mode == "trunk" else str(port.config.vlan)
        lines.append(
            f"{short_name(switch.platform, port.name):<9} {port.config.description[:18]:<18} "
            f"{state:<12} {vlan:<10} {duplex:>6} {speed:>6} 10/100/1000BaseTX"
        )
    return text(lines)


def interface(port: Port) -> str:
    """The first lines of ``show interfaces X``."""
    if not port.config.up:
        state = "administratively down, line protocol is down (disabled)"
    elif port.linked:
        state = "up, line protocol is up (connected)"
    else:
        state = "down, line protocol is down (notconnect)"
    lines = [
        f"{port.name} is {state}",
        "  Hardware is Gigabit Ethernet, address is 0200.00ff.0001 (bia 0200.00ff.0001)",
    ]
    if port.config.description:
        lines.append(f"  Description: {port.config.description}")
    lines.append("  MTU 1500 bytes, BW 1000000 Kbit/sec, DLY 10 usec,")
    return text(lines)


def interface_config(name: str, config: PortConfig, indent: str = " ") -> str:
    """The interface's stanza of the running configuration; defaults are not shown."""
    lines = [f"interface {name}"]
    if config.description:
        lines.append(f"{indent}description {config.description}")
    if config.vlan != 1:
        lines.append(f"{indent}switchport access vlan {config.vlan}")
    lines.append(f"{indent}switchport mode {config.mode}")
    if not config.up:
        lines.append(f"{indent}shutdown")
    return text(lines)


def configuration(switch: SwitchState, snapshot: dict[str, Any]) -> str:
    """The whole configuration, as far as the range models it."""
    parts = [f"hostname {switch.name}\n!\n"]
    parts += [
        f"vlan {vlan}\n name {name}\n!\n" for vlan, name in snapshot["vlans"].items() if vlan != "1"
    ]
    parts += [
        interface_config(name, PortConfig(**config)) + "!\n"
        for name, config in snapshot["ports"].items()
    ]
    return "".join(parts) + "end\n\n"
