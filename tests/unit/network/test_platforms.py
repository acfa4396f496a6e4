"""Readers are strict: output in the shape a switch gives is read, anything else is an error."""

import pytest

from firebreak.domain.estate import CliAccess, Switch
from firebreak.domain.estate import Platform as PlatformName
from firebreak.errors import Busy, Rejected
from integrations.network.cli.faults import Refused, Unreadable
from integrations.network.cli.platforms import platform_of
from integrations.network.cli.platforms.base import Platform
from integrations.network.ports import PortState
from tests.unit.network.shells import TableShell, change

MAC = "02:00:00:00:00:17"
IOS_PORT = "GigabitEthernet1/0/7"
IOS_SWITCHPORT = """\
Name: Gi1/0/7
Switchport: Enabled
Administrative Mode: {mode}
Operational Mode: {operational}
Administrative Trunking Encapsulation: dot1q
Negotiation of Trunking: Off
Access Mode VLAN: {vlan}
Trunking Native Mode VLAN: 1 (default)
Voice VLAN: {voice}
"""
NO_BUNDLES = "Flags:  D - down\n\nNumber of channel-groups in use: 0\n"
IOS_BUNDLES = """\
Number of channel-groups in use: 1
Group  Port-channel  Protocol    Ports
------+-------------+-----------+-----------------------------------------------
1      Po1(SD)         LACP      Gi1/0/7(D)  Gi1/0/8(D)
"""
NXOS_SWITCHPORT = """\
Name: Ethernet1/7
  Switchport: Enabled
  Operational Mode: access
  Access Mode VLAN: 10 (VLAN0010)
  Voice VLAN: none
"""
NXOS_INTERFACE = """\
Ethernet1/7 is down (Administratively down)
admin state is down, Dedicated Interface
"""
CX_INTERFACE = """\
Interface 1/1/7 is up
 Admin state is up
 Link state: up for 9 months (since Wed Jan 18 15:55:56 CET 2023)
 VLAN Mode: access
 Access VLAN: 10
"""
JUNOS_PORT = """\
set interfaces ge-0/0/7 description "camera 17"
set interfaces ge-0/0/7 unit 0 family ethernet-switching interface-mode access
set interfaces ge-0/0/7 unit 0 family ethernet-switching vlan members cams
"""
JUNOS = {
    "show system commit": "0   2026-01-01 00:00:00 UTC by firebreak via cli\n",
    "show configuration interfaces ge-0/0/7 | display set": JUNOS_PORT,
    "show configuration vlans | display set": "set vlans cams vlan-id 10\nset vlans q vlan-id 666",
    "show configuration switch-options voip | display set": "",
}
OVS_PORT = (
    '{"data":[[10,["set",[]],["set",[]],["uuid","4b7c"]]],'
    '"headings":["tag","trunks","vlan_mode","interfaces"]}'
)


def platform(name: PlatformName) -> Platform:
    return platform_of(
        Switch(
            id="sw-1",
            site="bench",
            cli=CliAccess(
                host="192.0.2.9",
                platform=name,
                username="firebreak",
                password="env:UNUSED",
                host_key="ssh-ed25519 AAAA",
            ),
        )
    )


def ios(  # noqa: PLR0917 - the columns of the tables below
    mode: str = "static access",
    operational: str = "static access",
    vlan: str = "10 (cams)",
    voice: str = "none",
    status: str = "up, line protocol is up (connected)",
    bundles: str = NO_BUNDLES,
) -> TableShell:
    fields = {"mode": mode, "operational": operational, "vlan": vlan, "voice": voice}
    return TableShell(
        {
            f"show interfaces {IOS_PORT} switchport": IOS_SWITCHPORT.format(**fields),
            f"show interfaces {IOS_PORT}": f"{IOS_PORT} is {status}\n  Hardware is Gigabit\n",
            "show etherchannel summary": bundles,
        }
    )


@pytest.mark.parametrize(
    ("name", "written", "canonical"),
    [
        ("cisco_ios", "Gi1/0/7", "GigabitEthernet1/0/7"),
        ("cisco_xe", "te1/1/1", "TenGigabitEthernet1/1/1"),
        ("cisco_xe", "Tw1/0/1", "TwoGigabitEthernet1/0/1"),
        ("arista_eos", "Et7", "Ethernet7"),
        ("cisco_nxos", "Eth1/7", "Ethernet1/7"),
        ("juniper_junos", "ge-0/0/7.0", "ge-0/0/7"),
        ("aruba_aoscx", "1/1/7", "1/1/7"),
        ("ovs_linux", "veth0.1", "veth0.1"),
    ],
)
def test_a_port_has_one_name(name: PlatformName, written: str, canonical: str) -> None:
    assert platform(name).canonical(written) == canonical


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("cisco_ios", "Vlan10"),
        ("cisco_ios", "Port-channel1"),
        ("cisco_ios", "Gi1/0/7.10"),
        ("cisco_ios", "Gi1/0/7\nshutdown"),
        ("arista_eos", "Ethernet1-48"),
        ("cisco_nxos", "mgmt0"),
        ("juniper_junos", "ae0"),
        ("juniper_junos", "ge-0/0/*"),
        ("aruba_aoscx", "lag1"),
        ("aruba_aoscx", "1/1/1-1/1/4"),
        ("ovs_linux", "p1;reboot"),
        ("ovs_linux", "--all"),
        ("ovs_linux", "p" * 16),
    ],
)
def test_what_is_no_single_physical_port_is_rejected(name: PlatformName, written: str) -> None:
    with pytest.raises(Rejected):
        platform(name).canonical(written)


def test_ios_reads_an_access_port() -> None:
    reading = platform("cisco_ios").read(ios(), "sw-1", IOS_PORT)
    assert reading.state == PortState(
        switch="sw-1", port=IOS_PORT, mode="access", vlan=10, admin="up"
    )
    assert not reading.bundle
    assert not reading.voice_vlan


@pytest.mark.parametrize(
    ("shell", "mode"),
    [
        (ios(mode="trunk", operational="trunk"), "trunk"),
        (ios(mode="dynamic auto"), "dynamic"),
        (ios(mode="dynamic desirable", operational="down"), "dynamic"),
        (ios(mode="private-vlan host"), "private-vlan host"),
    ],
)
def test_ios_reads_the_configured_mode(shell: TableShell, mode: str) -> None:
    assert platform("cisco_ios").read(shell, "sw-1", IOS_PORT).state.mode == mode


@pytest.mark.parametrize(
    ("status", "admin"),
    [
        ("administratively down, line protocol is down (disabled)", "down"),
        ("down, line protocol is down (err-disabled)", "up"),
        ("down, line protocol is down (notconnect)", "up"),
    ],
)
def test_ios_tells_shut_from_unplugged(status: str, admin: str) -> None:
    assert platform("cisco_ios").read(ios(status=status), "sw-1", IOS_PORT).state.admin == admin


@pytest.mark.parametrize(
    "shell",
    [
        ios(operational="trunk (member of bundle Po1)"),
        ios(operational="down (suspended member of bundle Po1)"),
        ios(bundles=IOS_BUNDLES),
    ],
)
def test_ios_sees_bundle_members_also_when_they_are_down(shell: TableShell) -> None:
    assert platform("cisco_ios").read(shell, "sw-1", IOS_PORT).bundle.startswith("Po1")


def test_ios_sees_a_voice_vlan() -> None:
    reading = platform("cisco_ios").read(ios(voice="200 (Voice)"), "sw-1", IOS_PORT)
    assert reading.voice_vlan == "200 (Voice)"


@pytest.mark.parametrize(
    "shell",
    [
        ios(vlan="unassigned"),
        ios(vlan=""),
        ios(status="deleted, line protocol is down"),
        ios(bundles="something else"),
        TableShell({f"show interfaces {IOS_PORT} switchport": ""}),
        TableShell(
            {f"show interfaces {IOS_PORT} switchport": "Name: Gi1/0/70\nSwitchport: Enabled"}
        ),
        TableShell({f"show interfaces {IOS_PORT} switchport": "Switchport: Enabled\n"}),
    ],
)
def test_ios_does_not_guess(shell: TableShell) -> None:
    with pytest.raises(Unreadable):
        platform("cisco_ios").read(shell, "sw-1", IOS_PORT)


IOS_MACS = """\
          Mac Address Table
-------------------------------------------

Vlan    Mac Address       Type        Ports
----    -----------       --------    -----
  10    0200.0000.0017    DYNAMIC     Gi1/0/7
 All    0200.0000.0099    STATIC      CPU
"""
IOS_OLD_MACS = """\
  vlan   mac address     type    learn     age              ports
------+----------------+--------+-----+----------+--------------------------
*   10   0200.0000.0017   dynamic  Yes       1200   Te1/30
"""
NXOS_MACS = """\
     VLAN       MAC Address       Type     age    Secure  NTFY     Ports
------------+-----------------+----------+-------+------+------+------------------
*    10         0200.0000.0017   dynamic  0          F      F    Eth1/7
"""
EOS_MACS = """\
Vlan    mac Address       Type        Ports      Moves   Last Move
----    -----------       ----        -----      -----   ---------
  10    0200.0000.0017    DYNAMIC     Et7        1       9 days, 15:57:28 ago
"""
CX_MACS = """\
MAC Address          VLAN     Type                      Port
--------------------------------------------------------------
02:00:00:00:00:17    10       dynamic                   1/1/7
"""
JUNOS_MACS = """\
    Vlan                MAC                 MAC         Age    Logical                NH        RTR
    name                address             flags              interface              Index     ID
    cams                02:00:00:00:00:17   D             -   ge-0/0/7.0             0         0
"""


def mac_shell(name: str, port: str, table: str) -> TableShell:
    dotted = "0200.0000.0017"
    commands = {
        "aruba_aoscx": (
            f"show mac-address-table port {port}",
            f"show mac-address-table address {MAC}",
        ),
        "juniper_junos": (
            f"show ethernet-switching table interface {port}",
            f"show ethernet-switching table | match {MAC}",
        ),
    }.get(
        name,
        (f"show mac address-table interface {port}", f"show mac address-table address {dotted}"),
    )
    return TableShell(dict.fromkeys(commands, table))


@pytest.mark.parametrize(
    ("name", "port", "table"),
    [
        ("cisco_ios", IOS_PORT, IOS_MACS),
        ("cisco_ios", "TenGigabitEthernet1/30", IOS_OLD_MACS),
        ("cisco_nxos", "Ethernet1/7", NXOS_MACS),
        ("arista_eos", "Ethernet7", EOS_MACS),
        ("aruba_aoscx", "1/1/7", CX_MACS),
        ("juniper_junos", "ge-0/0/7", JUNOS_MACS),
    ],
)
def test_the_mac_table_says_who_is_where(name: PlatformName, port: str, table: str) -> None:
    sighting = platform(name).sight(mac_shell(name, port, table), port, MAC)
    assert sighting.on_port == {MAC}
    assert sighting.device_at == (port,)


@pytest.mark.parametrize(
    ("name", "port"),
    [
        ("cisco_ios", IOS_PORT),
        ("cisco_nxos", "Ethernet1/7"),
        ("arista_eos", "Ethernet7"),
        ("aruba_aoscx", "1/1/7"),
        ("juniper_junos", "ge-0/0/7"),
    ],
)
def test_a_mac_line_of_another_shape_is_not_skipped(name: PlatformName, port: str) -> None:
    for line in ("0200.0000.0017", "what 02:00:00:00:00:17"):
        with pytest.raises(Unreadable):
            platform(name).sight(mac_shell(name, port, line), port, MAC)


@pytest.mark.parametrize("name", ["cisco_ios", "arista_eos", "cisco_nxos"])
def test_only_an_active_vlan_counts(name: PlatformName) -> None:
    for output, there in (
        ("VLAN Name    Status    Ports\n---- ---\n666  q       active    Gi1/0/1\n", True),
        ("VLAN Name    Status    Ports\n---- ---\n666  q       suspended \n", False),
        ("VLAN id 666 not found in current VLAN database\n", False),
        ("", False),
    ):
        assert platform(name).has_vlan(TableShell({"show vlan id 666": output}), 666) is there


def test_nxos_reads_the_mode_of_a_port_that_is_down() -> None:
    shell = TableShell(
        {
            "show interface Ethernet1/7 switchport": NXOS_SWITCHPORT,
            "show interface Ethernet1/7": NXOS_INTERFACE,
            "show running-config interface Ethernet1/7": (
                "interface Ethernet1/7\n  switchport mode trunk\n  channel-group 5 mode active\n"
            ),
        }
    )
    reading = platform("cisco_nxos").read(shell, "sw-1", "Ethernet1/7")
    assert (reading.state.mode, reading.state.admin, reading.state.vlan) == ("trunk", "down", 10)
    assert reading.bundle == "port-channel5"


def test_aoscx_takes_a_port_without_a_vlan_mode_for_no_access_port() -> None:
    shell = TableShell({"show interface 1/1/7": CX_INTERFACE.replace(" VLAN Mode: access\n", "")})
    assert platform("aruba_aoscx").read(shell, "sw-1", "1/1/7").state.mode != "access"
    shell = TableShell({"show interface 1/1/7": CX_INTERFACE})
    state = platform("aruba_aoscx").read(shell, "sw-1", "1/1/7").state
    assert (state.mode, state.vlan) == ("access", 10)


def test_junos_keeps_the_spelling_a_revert_restores() -> None:
    junos = platform("juniper_junos")
    before = junos.read(TableShell(JUNOS), "sw-1", "ge-0/0/7").state
    assert (before.vlan, before.member, before.admin) == (10, "cams", "up")
    after = junos.moved(before, 666)
    assert (after.vlan, after.member) == (666, "666")


async def test_junos_confirms_only_what_it_has_read_back() -> None:
    junos = platform("juniper_junos")
    before = junos.read(TableShell(JUNOS), "sw-1", "ge-0/0/7").state
    still = {f"run {command}": answer for command, answer in JUNOS.items()}
    shell = TableShell(
        {
            **still,
            "commit confirmed 1": (
                "commit confirmed will be automatically rolled back in 1 minutes\ncommit complete\n"
            ),
        }
    )
    with pytest.raises(Unreadable, match="read back"):
        junos.write(shell, [change(before, junos.moved(before, 666))])
    assert shell.sent[-1] == "commit confirmed 1"


async def test_junos_takes_a_commit_without_its_marker_for_refused() -> None:
    junos = platform("juniper_junos")
    before = junos.read(TableShell(JUNOS), "sw-1", "ge-0/0/7").state
    with pytest.raises(Refused):
        junos.write(TableShell({}), [change(before, junos.moved(before, 666))])


def test_junos_waits_for_a_commit_that_may_be_rolled_back() -> None:
    pending = "0   2026-01-01 00:00:00 UTC by ann via cli commit confirmed, rollback in 1mins\n"
    shell = TableShell({**JUNOS, "show system commit": pending})
    with pytest.raises(Busy):
        platform("juniper_junos").read(shell, "sw-1", "ge-0/0/7")


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ("", "no configuration of its own"),
        (JUNOS_PORT + "deactivate interfaces ge-0/0/7\n", "deactivated"),
        (JUNOS_PORT.replace(" vlan members cams", " storm-control x"), "names 0 VLANs"),
        (JUNOS_PORT + JUNOS_PORT.splitlines()[2].replace("cams", "lab"), "names 2 VLANs"),
    ],
)
def test_junos_refuses_what_it_could_not_restore(config: str, why: str) -> None:
    shell = TableShell({**JUNOS, "show configuration interfaces ge-0/0/7 | display set": config})
    with pytest.raises(Rejected, match=why):
        platform("juniper_junos").read(shell, "sw-1", "ge-0/0/7")


def test_junos_sees_a_lag_member() -> None:
    config = "set interfaces ge-0/0/7 ether-options 802.3ad ae0\n"
    shell = TableShell({**JUNOS, "show configuration interfaces ge-0/0/7 | display set": config})
    reading = platform("juniper_junos").read(shell, "sw-1", "ge-0/0/7")
    assert (reading.bundle, reading.state.mode) == ("ae0", "routed or in a LAG")


def ovs_shell(port_row: str = OVS_PORT, link: str = '["","up"]') -> TableShell:
    links = f'{{"data":[{link}],"headings":["type","admin_state"]}}'
    listing = "ovs-vsctl --timeout=5 --format=json --columns="
    columns = "tag,trunks,vlan_mode,interfaces"
    return TableShell(
        {
            "ovs-vsctl --timeout=5 port-to-br p1; echo rc=$?": "br0\nrc=0",
            f"{listing}{columns} list Port p1; echo rc=$?": f"{port_row}\nrc=0",
            f"{listing}type,admin_state list Interface p1; echo rc=$?": f"{links}\nrc=0",
        }
    )


@pytest.mark.parametrize(
    ("row", "mode"),
    [
        (OVS_PORT, "access"),
        (OVS_PORT.replace('["set",[]],["uuid"', '"access",["uuid"'), "access"),
        (OVS_PORT.replace('["set",[]],["uuid"', '"native-untagged",["uuid"'), "trunk"),
        (OVS_PORT.replace("[[10,", '[[["set",[]],'), "trunk"),
        (OVS_PORT.replace('10,["set",[]]', '10,["set",[10,20]]'), "trunk"),
        (OVS_PORT.replace('10,["set",[]]', "10,20"), "trunk"),
    ],
)
def test_ovs_takes_only_a_plain_tag_for_an_access_port(row: str, mode: str) -> None:
    assert platform("ovs_linux").read(ovs_shell(row), "sw-1", "p1").state.mode == mode


def test_ovs_sees_a_bond() -> None:
    row = OVS_PORT.replace('["uuid","4b7c"]', '["set",[["uuid","4b7c"],["uuid","4b7d"]]]')
    assert platform("ovs_linux").read(ovs_shell(row), "sw-1", "p1").bundle == "bond p1"


@pytest.mark.parametrize("link", ['["patch","up"]', '["vxlan","up"]'])
def test_ovs_touches_physical_ports_only(link: str) -> None:
    with pytest.raises(Rejected, match="only physical ports"):
        platform("ovs_linux").read(ovs_shell(link=link), "sw-1", "p1")


@pytest.mark.parametrize("row", ["", "{}", "not json", '{"data":[],"headings":[]}'])
def test_ovs_does_not_guess(row: str) -> None:
    with pytest.raises(Unreadable):
        platform("ovs_linux").read(ovs_shell(row), "sw-1", "p1")
