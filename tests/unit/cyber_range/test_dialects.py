"""netmiko, the client of the real adapters, drives each dialect as it drives the real platform."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from netmiko import BaseConnection, ConnectHandler
from ntc_templates.parse import parse_output  # type: ignore[import-untyped]  # ships no types

from firebreak.cyber_range.site import BOT, Range
from firebreak.domain.estate import Platform, Switch
from tests.unit.cyber_range.operators import cli_of, sound


@dataclass(frozen=True)
class Words:
    """How a platform says what the tests ask of it; {port} is the bot's port."""

    platform: Platform
    prompt: str
    quarantine: tuple[str, ...]
    show: str
    shows_vlan: str
    save: str
    saved: str
    wrong: str
    complaint: str


_CISCO = ("interface {port}", "switchport access vlan 666")
DIALECTS = [
    Words(
        "cisco_ios", "sw-1#", _CISCO, "show interfaces {port} switchport",
        "Access Mode VLAN: {vlan} (", "write memory", "[OK]",
        "show frobnication", "% Invalid input detected at '^' marker.",
    ),
    Words(
        "cisco_xe", "sw-1#", _CISCO, "show interfaces {port} switchport",
        "Access Mode VLAN: {vlan} (", "write memory", "[OK]",
        "show vlan id", "% Incomplete command.",
    ),
    Words(
        "arista_eos", "sw-1#", _CISCO, "show interfaces {port} switchport",
        "Access Mode VLAN: {vlan} (", "write memory", "Copy completed successfully.",
        "show frobnication", "% Invalid input",
    ),
    Words(
        "cisco_nxos", "sw-1#", _CISCO, "show interface {port} switchport",
        "Access Mode VLAN: {vlan} (", "copy running-config startup-config", "Copy complete.",
        "show frobnication", "% Invalid command at '^' marker.",
    ),
    Words(
        "aruba_aoscx", "sw-1#", ("interface {port}", "vlan access 666"), "show interface {port}",
        "Access VLAN: {vlan}", "write memory", "[Success]",
        "frobnicate", "Invalid input: frobnicate",
    ),
    Words(
        "juniper_junos", "firebreak@sw-1>",
        (
            "delete interfaces {port} unit 0 family ethernet-switching vlan members",
            "set interfaces {port} unit 0 family ethernet-switching vlan members 666",
            "commit",
        ),
        "show ethernet-switching interface {port}", " {vlan} ",
        "show system commit", "by firebreak via cli",
        "show frobnication", "syntax error.",
    ),
]  # fmt: skip


@pytest.fixture(params=DIALECTS, ids=lambda words: words.platform)
def words(request: pytest.FixtureRequest) -> Words:
    found = request.param
    assert isinstance(found, Words)
    return found


@pytest.fixture
async def site(tmp_path: Path, words: Words) -> AsyncIterator[Range]:
    built = Range.build(tmp_path / "r", devices=6, switches=2, platforms=(words.platform,))
    async with built as running:
        yield running


@contextmanager
def netmiko(site: Range) -> Iterator[BaseConnection]:
    switch = cli_of(_switch(site))
    line = ConnectHandler(
        device_type=switch.platform,
        host=switch.host,
        port=switch.port,
        username=switch.username,
        password=site.state.secret("sw-1", "password"),
        secret=site.state.secret("sw-1", "enable"),
        read_timeout_override=5,
    )
    try:
        if switch.enable_secret is not None:
            line.enable()
        yield line
    finally:
        line.disconnect()


def _switch(site: Range) -> Switch:
    return site.estate().switches[0]


def bot_port(site: Range) -> str:
    place = site.network.place(BOT)
    assert place is not None
    return place[1].name


async def test_netmiko_moves_a_port_reads_it_back_and_saves(site: Range, words: Words) -> None:
    port = bot_port(site)

    def drive() -> None:
        with netmiko(site) as line:
            assert line.find_prompt() == words.prompt
            show = words.show.format(port=port)
            assert words.shows_vlan.format(vlan=110) in line.send_command(show)
            line.send_config_set([text.format(port=port) for text in words.quarantine])
            if words.platform == "aruba_aoscx":  # netmiko takes (config-if)# for out of config
                line.send_command("end", expect_string=r"sw-1#")
            assert words.shows_vlan.format(vlan=666) in line.send_command(show)
            assert words.saved in line.send_command(words.save)

    await asyncio.to_thread(drive)
    assert await sound(site, BOT) == "silent"
    [effect] = site.journal.effects(port=port)
    assert (effect.before["vlan"], effect.after["vlan"], effect.user) == (110, 666, "firebreak")
    await site.switches["sw-1"].reboot()
    assert await sound(site, BOT) == "silent"  # it was saved


async def test_each_dialect_complains_in_its_own_words(site: Range, words: Words) -> None:
    def drive() -> str:
        with netmiko(site) as line:
            return str(line.send_command(words.wrong))

    assert words.complaint in await asyncio.to_thread(drive)


MAC_TABLES = {
    "cisco_ios": "show mac address-table",
    "cisco_xe": "show mac address-table",
    "arista_eos": "show mac address-table",
    "cisco_nxos": "show mac address-table",
    "aruba_aoscx": "show mac-address-table",
    "juniper_junos": "show ethernet-switching table",
}


async def test_community_templates_read_the_mac_table(site: Range, words: Words) -> None:
    """The templates were made from real switches: what they read has the real shape."""
    command = MAC_TABLES[words.platform]

    def drive() -> str:
        with netmiko(site) as line:
            return str(line.send_command(command))

    output = await asyncio.to_thread(drive)
    if words.platform == "juniper_junos":  # the template knows VLANs named Vlan100 only
        output = re.sub(r"(?m)^    (?!Vlan|name)[A-Z]+ ", "    Vlan100 ", output)
    platform = "cisco_ios" if words.platform == "cisco_xe" else words.platform
    rows = parse_output(platform=platform, command=command, data=output)
    assert len(rows) == len(site.network.nodes())
    digits = {"".join(c for c in str(row).lower() if c in "0123456789abcdef") for row in rows}
    assert any("020000000017" in row for row in digits)


TABLES = [
    ("cisco_ios", "show vlan brief"),
    ("cisco_ios", "show interfaces status"),
    ("cisco_ios", "show interfaces switchport"),
    ("arista_eos", "show vlan"),
    ("arista_eos", "show interfaces status"),
    ("cisco_nxos", "show vlan brief"),
    ("cisco_nxos", "show interface status"),
    ("cisco_nxos", "show interface switchport"),
    ("aruba_aoscx", "show vlan"),
    ("juniper_junos", "show vlans"),
]


@pytest.mark.parametrize("words", DIALECTS, ids=lambda w: w.platform)
async def test_community_templates_read_the_other_tables(site: Range, words: Words) -> None:
    commands = [command for platform, command in TABLES if platform == words.platform]

    def drive() -> dict[str, str]:
        with netmiko(site) as line:
            return {command: str(line.send_command(command)) for command in commands}

    for command, output in (await asyncio.to_thread(drive)).items():
        asked = command.removesuffix(" brief")
        rows = parse_output(platform=words.platform, command=asked, data=output)
        assert len(rows) >= 6, command
