"""Cisco IOS and IOS-XE (Catalyst): classic command line, one startup configuration."""

import re

from integrations.network.cli.faults import Unreadable
from integrations.network.cli.platforms import switchport
from integrations.network.cli.platforms.base import Reader, fields, known_port, need
from integrations.network.cli.platforms.tables import blocks, mac_tables
from integrations.network.ports import Admin, PortReading, PortState

_MODES = {"static access": "access", "trunk": "trunk"}
_BUNDLE = re.compile(r"member of bundle (\S+?)\)")
_STATUS = re.compile(r"(?m)^(\S+) is (up|down|administratively down), line protocol is \w+")
_MEMBER = re.compile(r"\b([A-Za-z]+\d[\d/]*)\(\w+\)")
_ROW = re.compile(
    r"^[\s*RSD#]*(?:\d+|All|N/A)\s+(?P<mac>\S+)\s+\S+\s+(?:.*\s)?(?P<port>\S+)\s*$", re.IGNORECASE
)


class CiscoIos(switchport.Switchport):
    """Commands and readers of IOS and IOS-XE. Output shapes: Cisco IOS LAN Switching reference."""

    # IOS creates a missing VLAN and says so with a leading %; that is no refusal.
    complaint = re.compile(
        r"(?m)^\s*(?:%(?! Access VLAN does not exist)|"
        r"Command rejected|Command authorization failed)"
    )
    rows = _ROW
    saves = "write memory"
    saved = "[OK]"
    tables = (
        blocks(
            r"show interfaces (?P<what>\S+) switchport",
            "show interfaces switchport",
            re.compile(r"(?m)^Name: (\S+)"),
            switchport.same_port,
        ),
        blocks(
            r"show interfaces (?P<what>\S+)",
            "show interfaces | include line protocol",
            re.compile(r"(?m)^(\S+) is "),
            switchport.same_port,
        ),
        *mac_tables("show mac address-table", _ROW, switchport.same_port),
    )

    def __init__(self, netmiko_type: str) -> None:
        self.netmiko_type = netmiko_type

    def read(self, shell: Reader, switch: str, port: str) -> PortReading:
        """``show interfaces X [switchport]`` and ``show etherchannel summary``."""
        command = f"show interfaces {port} switchport"
        output = shell.ask(command)
        known_port(self, port, command, output)
        found = fields(output)
        switchport.check_name(need(found, "Name", command, output), port, command, output)
        state = PortState(
            switch=switch,
            port=port,
            mode=self._mode(found, command, output),
            vlan=self._vlan(found, command, output),
            admin=self._admin(shell, port),
        )
        operational = found.get("Operational Mode", "")
        bundle = _BUNDLE.search(operational)
        voice = found.get("Voice VLAN", "none")
        return PortReading(
            state=state,
            bundle=bundle[1] if bundle else self._bundle(shell, port),
            voice_vlan="" if voice == "none" else voice,
        )

    def _mode(self, found: dict[str, str], command: str, output: str) -> str:
        if need(found, "Switchport", command, output) != "Enabled":
            return "routed"
        mode = need(found, "Administrative Mode", command, output)
        return "dynamic" if mode.startswith("dynamic") else _MODES.get(mode, mode)

    def _vlan(self, found: dict[str, str], command: str, output: str) -> int:
        if found["Switchport"] != "Enabled":
            return 0
        text = need(found, "Access Mode VLAN", command, output)
        return switchport.vlan_number(text, command, output)

    def _admin(self, shell: Reader, port: str) -> Admin:
        command = f"show interfaces {port}"
        output = shell.ask(command)
        known_port(self, port, command, output)
        status = _STATUS.search(output)
        if status is None:
            raise Unreadable(command, "no status line", output)
        switchport.check_name(status[1], port, command, output)
        return "down" if status[2] == "administratively down" else "up"

    def _bundle(self, shell: Reader, port: str) -> str:
        command = "show etherchannel summary"
        output = shell.ask(command)
        if self.complaint.search(output) or "channel-groups in use" not in output:
            raise Unreadable(command, "no number of channel-groups", output)
        for line in output.splitlines():
            names = _MEMBER.findall(line)
            if any(switchport.same_port(name, port) for name in names):
                return next((name for name in names if name.startswith("Po")), "a port channel")
        return ""
