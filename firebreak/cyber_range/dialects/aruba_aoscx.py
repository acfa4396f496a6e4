"""Aruba AOS-CX. Shapes follow the Layer 2 Bridging Guide and networktocode/ntc-templates."""

from typing import Any, ClassVar

from firebreak.cyber_range.dialects.cisco_like import CiscoLike, Rules
from firebreak.cyber_range.dialects.shell import Answer
from firebreak.cyber_range.dialects.tables import text, wrapped
from firebreak.cyber_range.grammar import Args, Rule, Wrong
from firebreak.cyber_range.network import Learned, Port, PortConfig, SwitchState


class ArubaAoscx(CiscoLike):
    """``sw-1(config-if)# ``."""

    rejected: ClassVar[str] = "% Error: Operation not allowed\n"
    shows_in_config: ClassVar[bool] = True

    @property
    def prompt(self) -> str:
        """``sw-1# ``; a VLAN's mode names it."""
        ends = {"user": "> ", "exec": "# ", "config": "(config)# ", "if": "(config-if)# "}
        return self.state.name + ends.get(self.mode, f"(config-vlan-{self.vlan})# ")

    def complain(self, wrong: Wrong) -> str:
        """AOS-CX repeats the word."""
        return "% Command incomplete.\n" if wrong.incomplete else f"Invalid input: {wrong.word}\n"

    def shows(self) -> Rules:
        """Interfaces, VLANs, MAC table."""
        s = self.state
        return [
            Rule("no page", lambda _: Answer()),
            Rule("page", lambda _: Answer()),
            Rule("show vlan port <port>", lambda a: Answer(vlan_port(s, a["port"]))),
            Rule("show vlan", lambda _: Answer(vlans(s))),
            Rule("show vlan <vlan>", lambda a: Answer(vlans(s, a["vlan"]))),
            Rule("show interface brief", lambda _: Answer(brief(s))),
            Rule("show interface <port> brief", lambda a: Answer(brief(s, a["port"]))),
            Rule("show interface <port>", lambda a: Answer(interface(a["port"]))),
            *self._mac_rules(),
        ]

    def _mac_rules(self) -> Rules:
        heads = ("", " address <mac>", " port <port>", " interface <port>", " vlan <vlan>")
        return [
            Rule("show mac-address-table" + tail, lambda a: Answer(mac_table(self.learned(a))))
            for tail in heads
        ]

    def privileged(self) -> Rules:
        """Configurations, and saving, where both ways print the same."""
        s = self.state
        copying = "Copying configuration: [{}]\n"
        save = self.saving(copying.format("Success"), copying.format("Failed"))
        return [
            Rule("show running-config interface <port>", self._running_interface),
            Rule("show running-config", lambda _: Answer(configuration(s, s.snapshot()))),
            Rule("show startup-config", lambda _: Answer(configuration(s, s.startup))),
            Rule("write memory", save),
            Rule("copy running-config startup-config", save),
        ]

    def interface_rules(self) -> Rules:
        """``vlan access``, ``vlan trunk``, admin state, description."""
        return [
            Rule("vlan access <vlan>", self._access),
            Rule(
                "no vlan access [<vlan>]",
                lambda _: self.edit("no vlan access", mode="access", vlan=1),
            ),
            Rule("vlan trunk native <vlan>", self._trunk),
            Rule("vlan trunk allowed <text>", self._trunk),
            Rule("no routing", lambda _: Answer()),
            *self.common_interface_rules(),
        ]

    def _access(self, args: Args) -> Answer:
        vlan = args["vlan"]
        if vlan not in self.state.vlans:
            return Answer(f"VLAN {vlan} should be created first.\n")
        return self.edit(f"vlan access {vlan}", mode="access", vlan=vlan)

    def _trunk(self, args: Args) -> Answer:
        said = f"native {args['vlan']}" if "vlan" in args else f"allowed {args['text']}"
        return self.edit(f"vlan trunk {said}", mode="trunk")

    def _running_interface(self, args: Args) -> Answer:
        port = args["port"]
        return Answer(interface_config(port.name, port.config))


def _mode(port: Port) -> str:
    return "access" if port.config.mode == "access" else "native-untagged"


def vlan_port(switch: SwitchState, port: Port) -> str:
    """``show vlan port X``."""
    rule = "-" * 54
    if port.config.mode == "access":
        rows = [(port.config.vlan, "access")]
    else:
        rows = [(v, "native-untagged" if v == 1 else "trunk") for v in sorted(switch.vlans)]
    return text(
        [
            rule,
            "VLAN  Name                            Mode",
            rule,
            *(f"{vlan:<5} {switch.vlans.get(vlan, ''):<31} {mode}" for vlan, mode in rows),
        ]
    )


def vlans(switch: SwitchState, only: int | None = None) -> str:
    """``show vlan [N]``; a VLAN without a port that is up is down."""
    if only is not None and only not in switch.vlans:
        return f"VLAN {only} does not exist.\n"
    rule = "-" * 114
    head = (
        "VLAN  Name                              Status  Reason                  Type        "
        "Interfaces"
    )
    lines = [rule, head, rule]
    for vlan, name in sorted(switch.vlans.items()):
        if only not in {None, vlan}:
            continue
        members = [
            p for p in switch.ports.values() if p.config.mode == "trunk" or p.config.vlan == vlan
        ]
        up = any(p.linked for p in members)
        state, reason = ("up", "ok") if up else ("down", "no_member_forwarding")
        first, *rest = (line.replace(", ", ",") for line in wrapped((p.name for p in members), 30))
        kind = "default" if vlan == 1 else "static"
        lines.append(f"{vlan:<5} {name:<33} {state:<7} {reason:<23} {kind:<11} {first}")
        lines += [" " * 84 + more for more in rest]
    return text(lines)


def brief(switch: SwitchState, only: Port | None = None) -> str:
    """``show interface [X] brief``."""
    rule = "-" * 104
    lines = [
        rule,
        f"Port      Native  Mode   {'Type':<15}Enabled Status  {'Reason':<24}Speed   Description",
        "          VLAN                                                                  (Mb/s)",
        rule,
    ]
    for port in [only] if only else switch.ports.values():
        vlan = port.config.vlan if port.config.mode == "access" else 1
        enabled, state = ("yes" if port.config.up else "no"), ("up" if port.linked else "down")
        reason = "" if port.linked else _reason(port)
        lines.append(
            f"{port.name:<9} {vlan:<7} {port.config.mode:<6} {'1GbT':<14} {enabled:<7} "
            f"{state:<7} {reason:<23} {'1000' if port.linked else '--':<7} "
            f"{port.config.description or '--'}"
        )
    return text(lines)


def _reason(port: Port) -> str:
    return "Waiting for link" if port.config.up else "Administratively down"


def interface(port: Port) -> str:
    """``show interface X`` up to the VLANs."""
    lines = [
        f"Interface {port.name} is {'up' if port.linked else 'down'} ",
        f" Admin state is {'up' if port.config.up else 'down'}",
    ]
    if not port.linked:
        lines.append(f" State information: {_reason(port)}")
    lines += [
        " Link transitions: 1",
        f" Description: {port.config.description}",
        " Persona: ",
        " Hardware: Ethernet, MAC Address: 02:00:00:ff:00:01 ",
        " MTU 1500 ",
        " Type 1GbT",
        " Full-duplex ",
        " qos trust none",
        f" Speed {1000 if port.linked else 0} Mb/s ",
        " Auto-negotiation is on",
        " Flow-control: off ",
        " Error-control: off ",
        " MDI mode: MDIX ",
        f" VLAN Mode: {_mode(port)}",
    ]
    if port.config.mode == "access":
        lines.append(f" Access VLAN: {port.config.vlan}")
    else:
        lines += [" Native VLAN: 1", " Allowed VLAN List: all"]
    return text([*lines, " Rate collection interval: 300 seconds", ""])


def mac_table(rows: list[Learned]) -> str:
    """``show mac-address-table``."""
    if not rows:
        return "No MAC entries found.\n"
    return text(
        [
            "MAC age-time            : 300 seconds",
            f"Number of MAC addresses : {len(rows)}",
            "",
            "MAC Address          VLAN     Type                      Port",
            "-" * 62,
            *(f"{row.mac:<20} {row.vlan:<8} {'dynamic':<25} {row.port}" for row in rows),
        ]
    )


def interface_config(name: str, config: PortConfig) -> str:
    """The stanza of the running configuration."""
    lines = [f"interface {name}", "    no shutdown" if config.up else "    shutdown"]
    if config.description:
        lines.append(f"    description {config.description}")
    lines.append("    no routing")
    if config.mode == "access":
        lines.append(f"    vlan access {config.vlan}")
    else:
        lines += ["    vlan trunk native 1", "    vlan trunk allowed all"]
    return text([*lines, "    exit"])


def configuration(switch: SwitchState, snapshot: dict[str, Any]) -> str:
    """A whole configuration, as far as the range models it."""
    parts = [f"Current configuration:\n!\nhostname {switch.name}\n"]
    parts += [f"vlan {vlan}\n    name {name}\n" for vlan, name in snapshot["vlans"].items()]
    parts += [
        interface_config(name, PortConfig(**config)) for name, config in snapshot["ports"].items()
    ]
    return "".join(parts)
