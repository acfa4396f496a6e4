"""Cisco NX-OS, in the shapes of a Nexus 9000 and the outputs in networktocode/ntc-templates."""

from collections.abc import Iterable
from typing import ClassVar

from firebreak.cyber_range.dialects import ios_tables
from firebreak.cyber_range.dialects.cisco_like import CiscoLike, Rules
from firebreak.cyber_range.dialects.shell import Answer
from firebreak.cyber_range.dialects.tables import text
from firebreak.cyber_range.grammar import Args, Rule, Wrong, dotted
from firebreak.cyber_range.network import Learned, Port, PortConfig, SwitchState
from firebreak.cyber_range.ports import short_name

_RULE = "-" * 80
_SAVED = f"[{'#' * 40}] 100%\nCopy complete, now saving to disk (please wait)...\nCopy complete.\n"


class CiscoNxos(CiscoLike):
    """``sw-1(config-if)# ``, with a blank at the end; show commands work in every mode."""

    shows_in_config: ClassVar[bool] = True
    config_greeting: ClassVar[str] = (
        "Enter configuration commands, one per line. End with CNTL/Z.\n"
    )
    rejected: ClassVar[str] = "ERROR: Operation not permitted\n"

    @property
    def prompt(self) -> str:
        """``sw-1# ``."""
        ends = {"user": "> ", "exec": "# ", "config": "(config)# "}
        return self.state.name + ends.get(self.mode, f"(config-{self.mode})# ")

    def complain(self, wrong: Wrong) -> str:
        """A caret, and which of two complaints."""
        what = "Incomplete" if wrong.incomplete else "Invalid"
        caret = " " * (len(self.prompt) + wrong.column)
        return f"{caret}^\n% {what} command at '^' marker.\n"

    def shows(self) -> Rules:
        """Interfaces, VLANs, MAC table."""
        s = self.state
        return [
            Rule("show interface switchport", lambda _: Answer(switchport(s))),
            Rule("show interface <port> switchport", lambda a: Answer(switchport(s, a["port"]))),
            Rule("show interface status", lambda _: Answer(status(s))),
            Rule("show interface <port> status", lambda a: Answer(status(s, a["port"]))),
            Rule("show interface <port>", lambda a: Answer(interface(a["port"]))),
            Rule("show vlan brief", lambda _: Answer(ios_tables.vlan_brief(s) + "\n")),
            Rule("show vlan id <vlan>", lambda a: Answer(ios_tables.vlan_id(s, a["vlan"], ""))),
            *self.mac_table_rules("mac address-table", lambda rows: mac_table(s, rows)),
        ]

    def privileged(self) -> Rules:
        """Configurations, and saving; there is no ``write memory``."""
        s = self.state
        save = self.saving(_SAVED, "Configuration update aborted: request was aborted\n")
        return [
            Rule("show running-config interface <port>", self._running_interface),
            Rule("show running-config", lambda _: Answer(configuration(s, running=True))),
            Rule("show startup-config", lambda _: Answer(configuration(s, running=False))),
            Rule("copy running-config startup-config", save),
        ]

    def interface_rules(self) -> Rules:
        """Switchport, admin state, description."""
        return [*self.switchport_rules(), *self.common_interface_rules()]

    def _running_interface(self, args: Args) -> Answer:
        port = args["port"]
        head = f"\n!Command: show running-config interface {port.name}\n\nversion 9.3(8)\n\n"
        return Answer(head + interface_config(port.name, port.config) + "\n")


def switchport(switch: SwitchState, only: Port | None = None) -> str:
    """``show interface [X] switchport``; the administrative mode is not told."""
    return "".join(
        text(_switchport(switch, port)) for port in ([only] if only else switch.ports.values())
    )


def _switchport(switch: SwitchState, port: Port) -> Iterable[str]:
    mode = "down" if not port.linked else port.config.mode
    access = ios_tables.vlan_label(switch, port.config.vlan, "Vlan not created")
    yield f"Name: {port.name}"
    yield "  Switchport: Enabled"
    yield "  Switchport Monitor: Not enabled"
    yield "  Switchport Isolated : Not enabled"
    yield "  Switchport Block Multicast: Not enabled"
    yield "  Switchport Block Unicast: Not enabled"
    yield f"  Operational Mode: {mode}"
    yield f"  Access Mode VLAN: {access}"
    yield "  Trunking Native Mode VLAN: 1 (default)"
    yield "  Trunking VLANs Allowed: 1-4094"
    yield "  Voice VLAN: none"
    yield "  Extended Trust State : not trusted [COS = 0]"
    for item in ("primary host-association", "secondary host-association"):
        yield f"  Administrative private-vlan {item}: none"
    for item in ("primary mapping", "secondary mapping", "trunk native VLAN"):
        yield f"  Administrative private-vlan {item}: none"
    yield "  Administrative private-vlan trunk encapsulation: dot1q"
    yield "  Administrative private-vlan trunk normal VLANs: none"
    yield "  Administrative private-vlan trunk private VLANs: none"
    yield "  Operational private-vlan: none"


def status(switch: SwitchState, only: Port | None = None) -> str:
    """``show interface [X] status``."""
    head = "Port          Name               Status    Vlan      Duplex  Speed   Type"
    lines = ["", _RULE, head, _RULE]
    for port in [only] if only else switch.ports.values():
        state = "connected" if port.linked else "notconnec" if port.config.up else "disabled"
        vlan = "trunk" if port.config.mode == "trunk" else str(port.config.vlan)
        lines.append(
            f"{short_name(switch.platform, port.name):<13} "
            f"{port.config.description[:18] or '--':<18} {state:<9} {vlan:<9} "
            "full    1000    1000base-T"
        )
    return text([*lines, ""])


def interface(port: Port) -> str:
    """The first lines of ``show interface X``."""
    if port.linked:
        head = [f"{port.name} is up", "admin state is up, Dedicated Interface"]
    elif port.config.up:
        reason = "Link not connected"
        head = [f"{port.name} is down ({reason})", "admin state is up, Dedicated Interface"]
    else:
        reason = "Administratively down"
        head = [f"{port.name} is down ({reason})", "admin state is down, Dedicated Interface"]
    description = [f"  Description: {port.config.description}"] if port.config.description else []
    mode = f"  Port mode is {port.config.mode}"
    return text([*head, *description, "  MTU 1500 bytes, BW 1000000 Kbit , DLY 10 usec", mode, ""])


def mac_table(switch: SwitchState, rows: list[Learned]) -> str:
    """``show mac address-table``."""
    lines = [
        "Legend: ",
        "        * - primary entry, G - Gateway MAC, (R) - Routed MAC, O - Overlay MAC",
        "        age - seconds since last seen,+ - primary entry using vPC Peer-Link,",
        "        (T) - True, (F) - False, C - ControlPlane MAC, ~ - vsan",
        "   VLAN     MAC Address      Type      age     Secure NTFY Ports",
        "---------+-----------------+--------+---------+------+----+------------------",
        *(
            f"* {row.vlan:>4}     {dotted(row.mac)}   dynamic  0         F      F    "
            f"{short_name(switch.platform, row.port)}"
            for row in rows
        ),
    ]
    return text(lines)


def interface_config(name: str, config: PortConfig) -> str:
    """The stanza; access mode is the default and not shown."""
    body = ios_tables.interface_config(name, config, indent="  ")
    return body.replace("  switchport mode access\n", "")


def configuration(switch: SwitchState, *, running: bool) -> str:
    """The running or the startup configuration."""
    snapshot = switch.snapshot() if running else switch.startup
    parts = [f"\n!Command: show {'running' if running else 'startup'}-config\n\n"]
    parts.append(f"version 9.3(8)\nhostname {switch.name}\n\n")
    parts += [
        f"vlan {vlan}\n  name {name}\n" for vlan, name in snapshot["vlans"].items() if vlan != "1"
    ]
    parts += [
        "\n" + interface_config(name, PortConfig(**config))
        for name, config in snapshot["ports"].items()
    ]
    return "".join(parts) + "\n"
