"""What Junos prints. Shapes follow Juniper's CLI reference and networktocode/ntc-templates."""

from firebreak.cyber_range.dialects.junos_store import Draft, Drafts, JunosStore, quoted
from firebreak.cyber_range.dialects.tables import text
from firebreak.cyber_range.network import Learned, Port, SwitchState

_FLAGS = """\
Routing Instance Name : default-switch
Logical Interface flags (DL - disable learning, AD - packet action drop,
                         LH - MAC limit hit, DN - interface down,
                         MMAS - Mac-move action shutdown, AS - Autostate-exclude enabled,
                         SCTL - shutdown by Storm-control, MI - MAC+IP limit hit)

Logical          Vlan          TAG     MAC         MAC+IP      STP         Logical           Tagging
interface        members               limit       limit       state       interface flags
"""

_MAC_HEAD = """\

MAC flags (S - static MAC, D - dynamic MAC, L - locally learned, P - Persistent static
           SE - statistics enabled, NM - non configured MAC, R - remote PE MAC, O - ovsdb MAC)

"""

_MAC_COLUMNS = """\
Routing instance : default-switch
    Vlan                MAC                 MAC         Age    Logical                NH        RTR
    name                address             flags              interface              Index     ID
"""


def _members(switch: SwitchState, port: Port) -> list[tuple[int, str]]:
    if port.config.mode == "trunk":
        return sorted(switch.vlans.items())
    return [(port.config.vlan, switch.vlans.get(port.config.vlan, "default"))]


def switching(switch: SwitchState, only: str | None = None) -> str:
    """``show ethernet-switching interface [X]``."""
    rows = []
    for port in [switch.ports[only]] if only else switch.ports.values():
        tagging = "tagged" if port.config.mode == "trunk" else "untagged"
        flags = "" if port.linked else "DN"
        rows.append(
            f"{port.name + '.0':<17}{'':<14}{'':<8}{'65535':<12}{'0':<12}{'':<12}"
            f"{flags:<18}{tagging}"
        )
        state = "Forwarding" if port.linked else "Discarding"
        for vlan, name in _members(switch, port):
            rows.append(
                f"{'':<17}{name:<14}{vlan:<8}{'65535':<12}{'0':<12}{state:<12}{'':<18}{tagging}"
            )
    return _FLAGS + text(rows)


def mac_table(switch: SwitchState, rows: list[Learned]) -> str:
    """``show ethernet-switching table``."""
    count = f"Ethernet switching table : {len(rows)} entries, {len(rows)} learned\n"
    lines = [
        f"    {switch.vlans[row.vlan]:<20}{row.mac:<20}{'D':<15}-   {row.port + '.0':<23}{'0':<10}0"
        for row in rows
    ]
    return _MAC_HEAD + (f"\n{count}{_MAC_COLUMNS}{text(lines)}" if rows else count)


def vlans(switch: SwitchState) -> str:
    """``show vlans``; a star marks an interface that is up."""
    lines = ["", "Routing instance        VLAN name             Tag          Interfaces"]
    for vlan, name in sorted(switch.vlans.items()):
        lines.append(f"{'default-switch':<24}{name:<22}{vlan}")
        lines += [
            f"{'':<59}{port.name}.0{'*' if port.linked else ''}"
            for port in switch.ports.values()
            if (vlan, name) in _members(switch, port)
        ]
    return text(lines)


def terse(switch: SwitchState, only: str | None = None) -> str:
    """``show interfaces terse [X]``."""
    lines = ["Interface               Admin Link Proto    Local                 Remote"]
    for port in [switch.ports[only]] if only else switch.ports.values():
        admin, link = ("up" if port.config.up else "down"), ("up" if port.linked else "down")
        lines.append(f"{port.name:<24}{admin:<6}{link}")
        lines.append(f"{port.name + '.0':<24}{admin:<6}{link:<5}eth-switch")
    return text(lines)


def interface(switch: SwitchState, name: str) -> str:
    """The first lines of ``show interfaces X``."""
    port = switch.ports[name]
    admin = "Enabled" if port.config.up else "Administratively down"
    lines = [
        f"Physical interface: {name}, {admin}, Physical link is {'Up' if port.linked else 'Down'}",
        "  Interface index: 134, SNMP ifIndex: 502",
    ]
    if port.config.description:
        lines.append(f"  Description: {port.config.description}")
    lines += [
        "  Link-level type: Ethernet, MTU: 1514, LAN-PHY mode, Speed: 1000mbps",
        "",
        f"  Logical interface {name}.0 (Index 74) (SNMP ifIndex 535)",
        "    Flags: Up SNMP-Traps 0x0 Encapsulation: Ethernet-Bridge",
        "    Protocol eth-switch, MTU: 1514",
    ]
    return text(lines)


def drafts(configured: Drafts, only: str | None, *, as_set: bool) -> str:
    """``show configuration interfaces [X]``, in braces or as ``set`` lines."""
    chosen = {only: configured[only]} if only else configured
    if as_set:
        return text(line for name, draft in chosen.items() for line in draft.set_lines(name))
    if only:
        return text(_braces(chosen[only], ""))
    lines = []
    for name, draft in chosen.items():
        lines += [f"{name} {{", *_braces(draft, "    "), "}"]
    return text(lines)


def _braces(draft: Draft, indent: str) -> list[str]:
    lines = [f"description {quoted(draft.description)};"] if draft.description else []
    lines += ["disable;"] if draft.disabled else []
    lines += ["unit 0 {", "    family ethernet-switching {"]
    lines.append(f"        interface-mode {draft.mode};")
    if draft.members:
        members = draft.members[0] if len(draft.members) == 1 else f"[ {' '.join(draft.members)} ]"
        lines += ["        vlan {", f"            members {members};", "        }"]
    lines += ["    }", "}"]
    return [indent + line for line in lines]


def vlan_config(switch: SwitchState, *, as_set: bool) -> str:
    """``show configuration vlans``."""
    named = sorted(switch.vlans.items())
    if as_set:
        return text(f"set vlans {name} vlan-id {vlan}" for vlan, name in named)
    return "".join(f"{name} {{\n    vlan-id {vlan};\n}}\n" for vlan, name in named)


def commits(store: JunosStore) -> str:
    """``show system commit``: the newest first, and whether it waits for its confirmation."""
    lines = []
    for number, commit in enumerate(store.commits):
        waits = store.minutes and number == 0
        note = f" commit confirmed, rollback in {store.minutes}mins" if waits else ""
        lines.append(f"{number:<4}{commit.at:%Y-%m-%d %H:%M:%S} UTC by {commit.user} via cli{note}")
    return text(lines)


def compare(active: Drafts, candidate: Drafts) -> str:
    """``show | compare``, one block for each port that differs."""
    lines = []
    for name, draft in candidate.items():
        if draft == active[name]:
            continue
        old, new = active[name].set_lines(name), draft.set_lines(name)
        head = f"set interfaces {name} "
        lines.append(f"[edit interfaces {name}]")
        lines += [f"-  {line.removeprefix(head)};" for line in old if line not in new]
        lines += [f"+  {line.removeprefix(head)};" for line in new if line not in old]
    return text(lines)
