"""What a shared turn rests on: tables as good as single commands, and lines that never stray."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest
from netmiko import BaseConnection

from integrations.network import clock
from integrations.network.cli.asked import PortChange
from integrations.network.cli.faults import NotSent, Refused, TooLate
from integrations.network.cli.line import GuardedChannel, LineTime
from integrations.network.cli.platforms.base import Undone
from integrations.network.cli.platforms.cisco_ios import CiscoIos
from integrations.network.cli.platforms.gathered import Gathered
from integrations.network.cli.shell import NetmikoShell
from integrations.network.ports import PortState
from tests.unit.network.shells import TableShell, change
from tests.unit.network.test_platforms import MAC, platform

PORT, OTHER = "GigabitEthernet1/0/7", "GigabitEthernet1/0/8"
SWITCHPORTS = """\
Name: Gi1/0/7
Switchport: Enabled
Administrative Mode: static access
Access Mode VLAN: 10 (cams)
Voice VLAN: none

Name: Gi1/0/8
Switchport: Enabled
Administrative Mode: trunk
Access Mode VLAN: 1 (default)
Voice VLAN: none
"""
LINES = f"""\
Vlan1 is up, line protocol is up
{PORT} is administratively down, line protocol is down (disabled)
{OTHER} is up, line protocol is up (connected)
"""
NO_BUNDLES = "Number of channel-groups in use: 0\n"
MACS = """\
          Mac Address Table
Vlan    Mac Address       Type        Ports
----    -----------       --------    -----
 All    0100.0ccc.cccc    STATIC      CPU
  10    0200.0000.0017    DYNAMIC     Gi1/0/7
   1    0200.0000.0018    DYNAMIC     Gi1/0/8
"""
WIDE = {
    "show interfaces switchport": SWITCHPORTS,
    "show interfaces | include line protocol": LINES,
    "show etherchannel summary": NO_BUNDLES,
    "show mac address-table": MACS,
}


class Counting:
    """A reader that counts, and knows no command but those of its table."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self._shell = TableShell(answers)
        self.asked: list[str] = []

    def ask(self, command: str) -> str:
        self.asked.append(command)
        return self._shell.ask(command)


def test_tables_answer_for_every_port() -> None:
    counting = Counting(WIDE)
    reader, ios = Gathered(counting, platform("cisco_ios"), 8), platform("cisco_ios")
    assert ios.read(reader, "sw-1", PORT).state == PortState(
        switch="sw-1", port=PORT, mode="access", vlan=10, admin="down"
    )
    assert ios.read(reader, "sw-1", OTHER).state.mode == "trunk"
    assert ios.sight(reader, PORT, MAC).on_port == {MAC}
    assert ios.sight(reader, OTHER, MAC).device_at == (PORT,)
    assert sorted(counting.asked) == sorted(WIDE)


def test_a_few_ports_are_asked_for_one_by_one() -> None:
    counting = Counting({f"show interfaces {PORT} switchport": SWITCHPORTS[:140]})
    Gathered(counting, platform("cisco_ios"), 3).ask(f"show interfaces {PORT} switchport")
    assert counting.asked == [f"show interfaces {PORT} switchport"]


@pytest.mark.parametrize(
    "table",
    [
        "",
        "          ^\n% Invalid input detected at '^' marker.\n",
        SWITCHPORTS.replace("Gi1/0/7", "Gi1/0/9"),
        SWITCHPORTS + SWITCHPORTS,  # which of the two would it be?
    ],
)
def test_what_a_table_does_not_say_is_asked_for(table: str) -> None:
    single = f"show interfaces {PORT} switchport"
    answers = {"show interfaces switchport": table, single: "the port itself"}
    assert Gathered(TableShell(answers), platform("cisco_ios"), 8).ask(single) == "the port itself"


@pytest.mark.parametrize(
    "table",
    [
        "",
        "no such table\n",
        MACS + "  10    0200.0000.0019    DYNAMIC\n",  # a line that might be about the port
    ],
)
def test_a_mac_table_that_is_not_understood_proves_no_absence(table: str) -> None:
    single = f"show mac address-table interface {PORT}"
    answers = {"show mac address-table": table, single: "the port itself"}
    assert Gathered(TableShell(answers), platform("cisco_ios"), 8).ask(single) == "the port itself"


@pytest.mark.parametrize(
    ("lines", "mine"),
    [
        (
            ["set interfaces ge-0/0/7 disable", "set interfaces ge-0/0/70 disable"],
            "set interfaces ge-0/0/7 disable",
        ),
        (
            ["deactivate interfaces", "set interfaces ge-0/0/7 disable"],
            "deactivate interfaces\nset interfaces ge-0/0/7 disable",
        ),
    ],
)
def test_junos_lines_are_told_apart_by_port(lines: list[str], mine: str) -> None:
    single = "show configuration interfaces ge-0/0/7 | display set"
    answers = {single.replace(" ge-0/0/7", ""): "\n".join(lines)}
    assert Gathered(TableShell(answers), platform("juniper_junos"), 8).ask(single) == mine


class Teletype:
    """A connection to a switch in Cisco's manner, whose ``interface`` command has its moods."""

    base_prompt = "sw-1"

    def __init__(self, moods: Mapping[str, str]) -> None:
        self._moods = moods
        self._mode = ""
        self._unread = ""
        self.channel = GuardedChannel(cast("Any", None), "utf-8", LineTime(deadline=0))
        self.here = ""
        self.said: list[str] = []
        self.met: list[tuple[str, str]] = []  # (port, line that took effect on it)

    def normalize_cmd(self, command: str) -> str:
        return command + "\n"

    def write_channel(self, text: str) -> None:
        self.said.append(text.strip())
        answer = self._obey(text.strip())
        self._unread += f"{text}{answer}sw-1{self._mode}#"

    def read_channel(self) -> str:
        unread, self._unread = self._unread, ""
        return unread

    def _obey(self, line: str) -> str:
        match line.split():
            case ["configure", "terminal"]:
                self._mode = "(config)"
            case ["end"]:
                self._mode = ""
            case ["exit"]:
                if self._moods.get(self.here) == "clings":
                    return ""
                self._mode = "(config)"
            case ["interface", port]:
                return self._enter(port)
            case _ if self._mode == "(config-if)":
                self.met.append((self.here, line))
            case _:
                return "% Invalid input detected at '^' marker.\n"
        return ""

    def _enter(self, port: str) -> str:
        mood = self._moods.get(port)
        if mood not in ("silent", "refused"):
            self._mode, self.here = "(config-if)", port
        return "% Invalid interface\n" if mood in ("refused", "grumbles") else ""


def written(moods: Mapping[str, str], changes: list[PortChange]) -> tuple[Teletype, Undone]:
    teletype, ios = Teletype(moods), CiscoIos("cisco_ios")
    limit = LineTime(deadline=clock.now() + 60)
    shell = NetmikoShell(cast("BaseConnection", teletype), ios, limit)
    return teletype, ios.write(shell, changes)


def moves(count: int) -> list[PortChange]:
    states = [
        PortState(switch="sw-1", port=f"Gi{number}", mode="access", vlan=10, admin="up")
        for number in range(count)
    ]
    return [change(state, state.model_copy(update={"vlan": 666})) for state in states]


@pytest.mark.parametrize("mood", ["silent", "refused", "grumbles"])
async def test_no_line_ever_meets_another_port_than_its_own(mood: str) -> None:
    changes = moves(4)
    teletype, undone = written({"Gi1": mood}, changes)
    line = "switchport access vlan 666"
    assert teletype.met == [("Gi0", line), ("Gi2", line), ("Gi3", line)]
    assert list(undone) == ["Gi1"]
    assert isinstance(undone["Gi1"], Refused)
    assert [c.fence.unsettled for c in changes] == [True, False, True, True]


async def test_a_switch_that_does_not_leave_an_interface_gets_no_further_line() -> None:
    changes = moves(3)
    teletype, undone = written({"Gi0": "clings"}, changes)
    assert [port for port, _ in teletype.met] == ["Gi0"]
    assert [type(error) for error in undone.values()] == [NotSent, NotSent]
    assert teletype.said[-1] == "end"


@pytest.mark.parametrize(
    "late", [lambda fence: setattr(fence, "send_by", 0), lambda f: setattr(f, "cancelled", True)]
)
async def test_who_has_no_time_left_is_passed_over(late: Callable[[object], None]) -> None:
    changes = moves(3)
    late(changes[1].fence)
    teletype, undone = written({}, changes)
    assert [port for port, _ in teletype.met] == ["Gi0", "Gi2"]
    assert isinstance(undone["Gi1"], TooLate)


async def test_one_port_costs_four_lines() -> None:
    teletype, undone = written({}, moves(1))
    assert not undone
    line = "switchport access vlan 666"
    assert teletype.said == ["configure terminal", "interface Gi0", line, "end"]
