"""Cisco IOS and IOS-XE, in the shapes of Catalyst 2960 to 9300."""

from typing import ClassVar

from firebreak.cyber_range.dialects import ios_tables as tables
from firebreak.cyber_range.dialects.cisco_like import CiscoLike, Rules
from firebreak.cyber_range.dialects.shell import Answer
from firebreak.cyber_range.grammar import Args, Rule, Wrong


class CiscoIos(CiscoLike):
    """``sw-1#``."""

    config_greeting: ClassVar[str] = (
        "Enter configuration commands, one per line.  End with CNTL/Z.\n"
    )
    rejected: ClassVar[str] = "Command rejected: the switch refuses this change.\n"

    @property
    def prompt(self) -> str:
        """``sw-1>``, ``sw-1#``, ``sw-1(config-if)#``."""
        ends = {"user": ">", "exec": "#", "config": "(config)#"}
        return self.state.name + ends.get(self.mode, f"(config-{self.mode})#")

    def complain(self, wrong: Wrong) -> str:
        """A caret under the word, or the complaint that words are missing."""
        if wrong.incomplete:
            return "% Incomplete command.\n\n"
        caret = " " * (len(self.prompt) + wrong.column)
        return f"{caret}^\n% Invalid input detected at '^' marker.\n\n"

    def shows(self) -> Rules:
        """Interfaces, VLANs, MAC table, bundles."""
        s = self.state
        return [
            Rule("show interfaces switchport", lambda _: Answer(tables.switchport(s))),
            Rule(
                "show interfaces <port> switchport",
                lambda a: Answer(tables.switchport(s, a["port"])),
            ),
            Rule("show interfaces status", lambda _: Answer(tables.status(s))),
            Rule("show interfaces <port> status", lambda a: Answer(tables.status(s, a["port"]))),
            Rule("show interfaces <port>", lambda a: Answer(tables.interface(a["port"]))),
            Rule(
                "show interfaces",
                lambda _: Answer("".join(map(tables.interface, s.ports.values()))),
            ),
            Rule("show vlan brief", lambda _: Answer(tables.vlan_brief(s))),
            Rule("show vlan id <vlan>", lambda a: Answer(tables.vlan_id(s, a["vlan"], "id "))),
            Rule("show etherchannel summary", lambda _: Answer(tables.NO_BUNDLES)),
            *self.mac_table_rules("mac address-table", lambda rows: tables.mac_table(s, rows)),
        ]

    def privileged(self) -> Rules:
        """Configurations, ``write memory`` and the long way round."""
        failed = "startup-config file open failed (Permission denied)\n"
        write = self.saving("Building configuration...\n[OK]\n", failed)
        return [
            Rule("show running-config interface <port>", self._running_interface),
            Rule("show running-config", self._running),
            Rule("show startup-config", self._startup),
            Rule("write [memory]", write),
            Rule(
                "copy running-config startup-config",
                lambda a: Answer("Destination filename [startup-config]? ", ask=lambda _: write(a)),
            ),
        ]

    def interface_rules(self) -> Rules:
        """Switchport, admin state, description."""
        return [*self.switchport_rules(), *self.common_interface_rules()]

    def missing_vlan(self, vlan: int) -> str:
        """IOS makes the VLAN there and then."""
        self.console.set_vlan(f"vlan {vlan}", vlan, f"VLAN{vlan:04d}")
        return f"% Access VLAN does not exist. Creating vlan {vlan}\n"

    def _running_interface(self, args: Args) -> Answer:
        port = args["port"]
        body = tables.interface_config(port.name, port.config)
        size = len(body)
        return Answer(
            f"Building configuration...\n\nCurrent configuration : {size} bytes\n!\n{body}end\n\n"
        )

    def _running(self, _: Args) -> Answer:
        body = tables.configuration(self.state, self.state.snapshot())
        return Answer(
            f"Building configuration...\n\nCurrent configuration : {len(body)} bytes\n!\n{body}"
        )

    def _startup(self, _: Args) -> Answer:
        body = tables.configuration(self.state, self.state.startup)
        return Answer(f"Using {len(body)} out of 65536 bytes\n!\n{body}")
