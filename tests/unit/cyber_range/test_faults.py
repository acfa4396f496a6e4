import asyncio
import time
from pathlib import Path

import asyncssh
import pytest

from firebreak.cyber_range.console import Chassis
from firebreak.cyber_range.faults import Fault, FaultKind, Faults
from firebreak.cyber_range.journal import Journal
from firebreak.cyber_range.network import Network, PortConfig, SwitchState
from firebreak.cyber_range.silence import listen
from firebreak.cyber_range.site import BOT, Range
from firebreak.cyber_range.switch import EmulatedSwitch, Login, new_host_key, public_line
from tests.unit.cyber_range.operators import LineBroke, Operator, sound, sounding

PORT = "GigabitEthernet0/3"
MOVE = "switchport access vlan 666"


def vlan(site: Range) -> int:
    return site.network.switches["sw-1"].ports[PORT].config.vlan


async def at_the_port(operator: Operator) -> None:
    await operator.enable()
    await operator.say("configure terminal")
    await operator.say(f"interface {PORT}")


async def test_refuse_refuses_and_breaks_sessions_until_cleared(site: Range) -> None:
    switch = site.switches["sw-1"]
    async with Operator(site, "sw-1") as operator:
        await switch.inject(Fault(FaultKind.REFUSE))
        with pytest.raises(LineBroke):
            await operator.hear("never")
    assert await sounding(*switch.address) == "refused"
    await switch.clear(FaultKind.REFUSE)
    async with Operator(site, "sw-1") as operator:
        await operator.enable()


async def test_silent_management_neither_answers_nor_refuses(site: Range) -> None:
    switch = site.switches["sw-1"]
    await switch.inject(Fault(FaultKind.SILENT))
    assert await sounding(*switch.address) == "silent"
    assert await sounding(*site.switches["sw-2"].address) == "open"
    await switch.clear()
    assert await sounding(*switch.address) == "open"


async def test_wrong_password_strikes_as_often_as_told(site: Range) -> None:
    fault = await site.switches["sw-1"].inject(Fault(FaultKind.WRONG_PASSWORD, times=1))
    with pytest.raises(asyncssh.PermissionDenied):
        async with Operator(site, "sw-1"):
            pass
    async with Operator(site, "sw-1"):
        assert fault.hits == 1


async def test_changed_host_key_is_seen_and_then_gone(site: Range) -> None:
    fault = await site.switches["sw-1"].inject(Fault(FaultKind.WRONG_HOST_KEY, times=1))
    with pytest.raises(asyncssh.HostKeyNotVerifiable):
        async with Operator(site, "sw-1"):
            pass
    async with Operator(site, "sw-1"):
        assert fault.hits == 1


async def test_hang_takes_the_command_and_never_answers(site: Range) -> None:
    await site.switches["sw-1"].inject(Fault(FaultKind.HANG, times=1, match="show vlan"))
    async with Operator(site, "sw-1") as operator:
        await operator.enable()
        with pytest.raises(TimeoutError):
            await operator.say("show vlan brief", within=0.3)
    async with Operator(site, "sw-1") as operator:
        await operator.enable()
        assert "QUARANTINE" in await operator.say("show vlan brief", until="#")


async def test_a_hung_line_ends_with_its_connection(site: Range) -> None:
    await site.switches["sw-1"].inject(Fault(FaultKind.HANG, times=1))
    async with Operator(site, "sw-1") as operator:
        with pytest.raises(TimeoutError):
            await operator.say("show vlan brief", until="QUARANTINE", within=0.2)
    async with asyncio.timeout(2):
        while site.switches["sw-1"].sessions:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("kind", "effect"),
    [
        (FaultKind.DROP_BEFORE_WRITE, False),
        (FaultKind.DROP_AFTER_WRITE, True),
    ],
)
async def test_the_line_breaks_before_or_after_the_write(
    site: Range, kind: FaultKind, *, effect: bool
) -> None:
    fault = await site.switches["sw-1"].inject(Fault(kind, times=1))
    async with Operator(site, "sw-1") as operator:
        await at_the_port(operator)
        with pytest.raises(LineBroke):
            await operator.say(MOVE, until="never")
    assert fault.hits == 1
    assert (vlan(site) == 666) is effect
    assert len(site.journal.effects(port=PORT)) == int(effect)
    assert (await sound(site, BOT) == "silent") is effect


@pytest.mark.parametrize(
    ("kind", "effect"),
    [
        (FaultKind.HANG_BEFORE_WRITE, False),
        (FaultKind.HANG_AFTER_WRITE, True),
    ],
)
async def test_the_line_hangs_before_or_after_the_write(
    site: Range, kind: FaultKind, *, effect: bool
) -> None:
    await site.switches["sw-1"].inject(Fault(kind, times=1, match="access vlan"))
    async with Operator(site, "sw-1") as operator:
        await at_the_port(operator)
        await operator.say("switchport mode access")
        with pytest.raises(TimeoutError):
            await operator.say(MOVE, until="(config-if)#", within=0.3)
    assert (vlan(site) == 666) is effect


async def test_slow_delays_each_answer(site: Range) -> None:
    await site.switches["sw-1"].inject(
        Fault(FaultKind.SLOW, times=1, match="show vlan", delay_s=0.3)
    )
    async with Operator(site, "sw-1") as operator:
        await operator.enable()
        began = time.monotonic()
        await operator.say("show vlan brief")
        assert time.monotonic() - began >= 0.3


async def test_a_rejected_write_says_so_and_changes_nothing(site: Range) -> None:
    await site.switches["sw-1"].inject(Fault(FaultKind.REJECT_WRITE, times=1))
    async with Operator(site, "sw-1") as operator:
        await at_the_port(operator)
        assert "Command rejected" in await operator.say(MOVE)
        assert vlan(site) == 110
        assert "Command rejected" not in await operator.say(MOVE)
    assert vlan(site) == 666
    assert [w.kind for w in site.journal.writes(switch="sw-1")] == ["refused", "config"]


async def test_a_lying_switch_says_666_and_the_traffic_flows_on(site: Range) -> None:
    await site.switches["sw-1"].inject(Fault(FaultKind.LIE))
    async with Operator(site, "sw-1") as operator:
        await operator.configure("Gi0/3", MOVE)
        said = await operator.say("show interfaces Gi0/3 switchport", until="\r\nsw-1#")
    assert "Access Mode VLAN: 666 (QUARANTINE)" in said
    assert await sound(site, BOT) == "open"
    await site.switches["sw-1"].clear(FaultKind.LIE)
    assert await sound(site, BOT) == "silent"


async def test_a_save_that_fails_leaves_the_old_startup_configuration(site: Range) -> None:
    await site.switches["sw-1"].inject(Fault(FaultKind.REJECT_SAVE, times=1))
    async with Operator(site, "sw-1") as operator:
        await operator.configure("Gi0/3", MOVE)
        assert "[OK]" not in await operator.say("write memory", until="\r\nsw-1#")
    await site.switches["sw-1"].reboot()
    assert vlan(site) == 110


async def test_faults_of_one_switch_are_not_those_of_another(site: Range) -> None:
    await site.switches["sw-1"].inject(Fault(FaultKind.WRONG_PASSWORD))
    async with Operator(site, "sw-2") as operator:
        await operator.enable()


def test_a_fault_strikes_only_what_it_matches_and_only_so_often() -> None:
    faults = Faults()
    fault = faults.inject(Fault(FaultKind.HANG, times=2, match="vlan"))
    assert faults.strike(FaultKind.HANG, "show clock") is None
    assert faults.strike(FaultKind.HANG, "show vlan") is fault
    assert faults.strike(FaultKind.SLOW, "show vlan") is None
    assert faults.strike(FaultKind.HANG, "show vlan") is fault
    assert faults.strike(FaultKind.HANG, "show vlan") is None
    assert (fault.hits, fault.armed) == (2, False)


async def test_a_public_key_logs_in_where_it_is_authorized(tmp_path: Path) -> None:
    key, other = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    network = Network()
    state = SwitchState("sw-9", "arista_eos", {1: "default"}, {"Ethernet1": PortConfig()})
    network.add_switch(state)
    chassis = Chassis(network, state, Faults(), Journal(tmp_path / "journal.jsonl"))
    switch = EmulatedSwitch(chassis, Login("ops", "secret", public_line(key)), new_host_key())
    with listen("127.21.99.1", 0, 1) as free:
        port = free.getsockname()[1]
    await switch.start("127.21.99.1", port)
    try:
        for candidate, welcome in ((key, True), (other, False)):
            try:
                async with asyncssh.connect(
                    "127.21.99.1",
                    port,
                    username="ops",
                    client_keys=[candidate],
                    known_hosts=None,
                    agent_path=None,
                    config=None,
                    preferred_auth="publickey",
                ):
                    assert welcome
            except asyncssh.PermissionDenied:
                assert not welcome
    finally:
        await switch.stop()
        chassis.journal.close()
