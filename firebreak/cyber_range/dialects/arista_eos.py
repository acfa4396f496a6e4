"""Arista EOS. Shapes follow the EOS manual and the outputs in networktocode/ntc-templates."""

from collections.abc import Iterable
from typing import ClassVar

from firebreak.cyber_range.dialects import ios_tables
from firebreak.cyber_range.dialects.cisco_like import CiscoLike, Rules
from firebreak.cyber_range.dialects.shell import Answer
from firebreak.cyber_range.dialects.tables import text, wrapped
from firebreak.cyber_range.grammar import Args, Rule, Wrong, dotted
from firebreak.cyber_range.network import Learned, Port, PortConfig, SwitchState
from firebreak.cyber_range.ports import short_name


class AristaEos(CiscoLike):
    """``sw-1(config-if-Et3)#``."""

    shows_in_config: ClassVar[bool] = True
    rejected: ClassVar[str] = "% Operation not permitted\n"

    @property
    def prompt(self) -> str:
        """The mode names the interface or VLAN it stands on."""
        if self.mode == "if":
            where = f"(config-if-{short_name(self.state.platform, self.here.name)})#"
        elif self.mode == "vlan":
            where = f"(config-vlan-{self.vlan})#"
        else:
            where = {"user": ">", "exec": "#", "config": "(config)#"}[self.mode]
        return self.state.name + where

    def complain(self, wrong: Wrong) -> str:
        """EOS counts words from zero."""
        if wrong.incomplete:
            return "% Incomplete command\n"
        return f"% Invalid input (at token {wrong.position}: '{wrong.word}')\n"

    def terminal(self, what: str, value: str = "") -> Answer:
        """EOS confirms terminal settings."""
        return Answer(
            "Pagination disabled.\n" if what == "length" else f"Width set to {value} columns.\n"
        )

    def shows(self) -> Rules:
        """Interfaces, VLANs, MAC table."""
        s = self.state
        return [
            Rule("show interfaces switchport", lambda _: Answer(switchport(s))),
            Rule("show interfaces <port> switchport", lambda a: Answer(switchport(s, a["port"]))),
            Rule("show interfaces status", lambda _: Answer(status(s))),
            Rule("show interfaces <port> status", lambda a: Answer(status(s, a["port"]))),
            Rule("show interfaces <port>", lambda a: Answer(interface(a["port"]))),
            Rule("show interfaces", lambda _: Answer("".join(map(interface, s.ports.values())))),
            Rule("show vlan [brief]", lambda _: Answer(vlans(s))),
            Rule("show vlan id <vlan>", lambda a: Answer(vlans(s, a["vlan"]))),
            Rule("show vlan <vlan>", lambda a: Answer(vlans(s, a["vlan"]))),
            *self.mac_table_rules("mac address-table", lambda rows: mac_table(s, rows)),
        ]

    def privileged(self) -> Rules:
        """Configurations, and saving, where both ways print the same."""
        s = self.state
        save = self.saving(
            "Copy completed successfully.\n", "% Error copying running-config: permission denied\n"
        )
        return [
            Rule("show running-config interfaces <port>", self._running_interface),
            Rule("show running-config", lambda _: Answer(configuration(s, running=True))),
            Rule("show startup-config", lambda _: Answer(configuration(s, running=False))),
            Rule("write [memory]", save),
            Rule("copy running-config startup-config", save),
        ]

    def interface_rules(self) -> Rules:
        """Switchport, admin state, description."""
        return [*self.switchport_rules(), *self.common_interface_rules()]

    def _running_interface(self, args: Args) -> Answer:
        port = args["port"]
        return Answer(interface_config(port.name, port.config))


def switchport(switch: SwitchState, only: Port | None = None) -> str:
    """``show interfaces [X] switchport``."""
    ports = [only] if only else list(switch.ports.values())
    return "Default switchport mode: access\n\n" * (only is None) + "\n".join(
        text(_switchport(switch, port)) for port in ports
    )


def _switchport(switch: SwitchState, port: Port) -> Iterable[str]:
    mode = "trunk" if port.config.mode == "trunk" else "static access"
    yield f"Name: {short_name(switch.platform, port.name)}"
    yield "Switchport: Enabled"
    yield f"Administrative Mode: {mode}"
    yield f"Operational Mode: {ios_tables.operational(port)}"
    yield "MAC Address Learning: enabled"
    yield "Dot1q ethertype/TPID: 0x8100 (active)"
    yield "Dot1q VLAN Tag: Allowed"
    yield f"Access Mode VLAN: {ios_tables.vlan_label(switch, port.config.vlan, 'inactive')}"
    yield f"Trunking Native Mode VLAN: {ios_tables.vlan_label(switch, 1)}"
    yield "Administrative Native VLAN tagging: disabled"
    yield "Trunking VLANs Enabled: ALL"
    yield "Static Trunk Groups:"
    yield "Dynamic Trunk Groups:"
    yield "Source interface filtering: enabled"


def interface(port: Port) -> str:
    """The first lines of ``show interfaces X``."""
    if port.linked:
        state = "up, line protocol is up (connected)"
    elif port.config.up:
        state = "down, line protocol is notpresent (notconnect)"
    else:
        state = "administratively down, line protocol is notpresent (disabled)"
    description = [f"  Description: {port.config.description}"] if port.config.description else []
    return text(
        [
            f"{port.name} is {state}",
            "  Hardware is Ethernet, address is 0200.00ff.0001 (bia 0200.00ff.0001)",
            *description,
            "  Ethernet MTU 9214 bytes , BW 1000000 kbit",
            "  Full-duplex, 1Gb/s, auto negotiation: on, uni-link: n/a",
        ]
    )


def vlans(switch: SwitchState, only: int | None = None) -> str:
    """``show vlan [id N]``: a trunk that is up is a member of every VLAN."""
    if only is not None and only not in switch.vlans:
        return f"VLAN {only} not found in current VLAN database\n"
    lines = [
        "VLAN  Name                             Status    Ports",
        "----- -------------------------------- --------- -------------------------------",
    ]
    for vlan, name in sorted(switch.vlans.items()):
        if only not in {None, vlan}:
            continue
        members = [
            short_name(switch.platform, p.name)
            for p in switch.ports.values()
            if p.linked and (p.config.mode == "trunk" or p.config.vlan == vlan)
        ]
        first, *rest = wrapped(members, 31)
        lines.append(f"{vlan:<5} {name:<32} {'active':<9} {first}")
        lines += [" " * 49 + more for more in rest]
    return text([*lines, ""])


def mac_table(switch: SwitchState, rows: list[Learned]) -> str:
    """``show mac address-table``."""
    lines = [
        "          Mac Address Table",
        "-" * 66,
        "",
        "Vlan    Mac Address       Type        Ports      Moves   Last Move",
        "----    -----------       ----        -----      -----   ---------",
        *(
            f"{row.vlan:>4}    {dotted(row.mac)}    {'DYNAMIC':<11} "
            f"{short_name(switch.platform, row.port):<10} 1       0:08:16 ago"
            for row in rows
        ),
        f"Total Mac Addresses for this criterion: {len(rows)}",
        "",
        "          Multicast Mac Address Table",
        "-" * 66,
        "",
        "Vlan    Mac Address       Type        Ports",
        "----    -----------       ----        -----",
        "Total Mac Addresses for this criterion: 0",
    ]
    return text(lines)


def status(switch: SwitchState, only: Port | None = None) -> str:
    """``show interfaces [X] status``."""
    lines = ["Port       Name                   Status       Vlan     Duplex Speed  Type"]
    for port in [only] if only else switch.ports.values():
        state = "connected" if port.linked else "notconnect" if port.config.up else "disabled"
        vlan = "trunk" if port.config.mode == "trunk" else str(port.config.vlan)
        lines.append(
            f"{short_name(switch.platform, port.name):<10} {port.config.description[:22]:<22} "
            f"{state:<12} {vlan:<8} a-full a-1G   1000BASE-T"
        )
    return text(lines)


def interface_config(name: str, config: PortConfig) -> str:
    """The stanza; access mode is the default and not shown."""
    body = ios_tables.interface_config(name, config, indent="   ")
    return body.replace("   switchport mode access\n", "")


def configuration(switch: SwitchState, *, running: bool) -> str:
    """The running or the startup configuration."""
    snapshot = switch.snapshot() if running else switch.startup
    parts = [f"! Command: show {'running' if running else 'startup'}-config\n!\n"]
    parts.append(f"hostname {switch.name}\n!\n")
    parts += [
        f"vlan {vlan}\n   name {name}\n!\n"
        for vlan, name in snapshot["vlans"].items()
        if vlan != "1"
    ]
    parts += [
        interface_config(name, PortConfig(**config)) + "!\n"
        for name, config in snapshot["ports"].items()
    ]
    return "".join(parts) + "end\n"
