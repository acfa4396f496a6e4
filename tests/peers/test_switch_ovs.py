"""On a real switch: what the command line says, the packets do, and the sentinel sees."""

import asyncio
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firebreak.contracts.controls import Control
from firebreak.domain.estate import Sentinel
from firebreak.domain.plan import ProbeReport, Reach
from firebreak.errors import Rejected
from integrations.network.cli.controls import PortDown, SwitchQuarantine
from integrations.network.cli.finder import CliFinder
from integrations.network.cli.fleet import SwitchFleet
from integrations.network.locate import Sight
from integrations.probe.sentinel import SentinelProbe
from tests.conformance.bench import with_cli
from tests.peers.ovs import (
    CONTROL_IP,
    DEVICE_IP,
    DEVICE_QUARANTINE_IP,
    GATEWAY_IP,
    QUARANTINE_GATEWAY_IP,
    OvsPeer,
    running_ovs,
)

pytestmark = [pytest.mark.peer("ovs"), pytest.mark.peer("sshd")]


@pytest.fixture
async def fleet(ovs: OvsPeer) -> AsyncIterator[SwitchFleet]:
    async with SwitchFleet([ovs.switch]) as opened:
        yield opened


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=30)


async def look(ovs: OvsPeer, **more: object) -> ProbeReport:
    sentinel = Sentinel.model_validate({**ovs.sentinel.model_dump(), **more})
    return await SentinelProbe({ovs.site.id: sentinel}).look(ovs.device)


async def test_quarantine_cuts_production_and_release_brings_it_back(
    ovs: OvsPeer, fleet: SwitchFleet
) -> None:
    control = SwitchQuarantine(fleet, {ovs.site.id: ovs.site})
    assert ovs.ping("dev", GATEWAY_IP)
    assert (await look(ovs)).reach is Reach.REACHABLE
    plan = await control.plan(ovs.device, {}, await control.observe(ovs.device))
    await control.apply(plan, soon())
    assert not ovs.ping("prod", DEVICE_IP)
    assert ovs.ping("quar", DEVICE_QUARANTINE_IP)
    assert ovs.ping("dev", QUARANTINE_GATEWAY_IP)
    assert (await look(ovs)).reach is Reach.UNREACHABLE
    await control.revert(plan, soon())
    assert ovs.ping("prod", DEVICE_IP)
    assert not ovs.ping("quar", DEVICE_QUARANTINE_IP)
    assert (await look(ovs)).reach is Reach.REACHABLE


async def test_port_down_cuts_everything_and_release_brings_it_back(
    ovs: OvsPeer, fleet: SwitchFleet
) -> None:
    control = PortDown(fleet)
    plan = await control.plan(ovs.device, {}, await control.observe(ovs.device))
    await control.apply(plan, soon())
    assert not ovs.ping("prod", DEVICE_IP)
    assert not ovs.ping("quar", DEVICE_QUARANTINE_IP)
    await control.revert(plan, soon())
    assert ovs.ping("prod", DEVICE_IP)


async def test_the_mac_table_is_evidence(ovs: OvsPeer, fleet: SwitchFleet) -> None:
    control = PortDown(fleet)
    seen = await control.observe(ovs.device)
    assert any(f"has {ovs.device.mac} on p1" in line for line in seen.evidence)
    with ovs.silence():
        ovs.flush()
        seen = await control.observe(ovs.device)
    assert any(f"does not have {ovs.device.mac}" in line for line in seen.evidence)


async def test_a_port_of_another_bridge_is_refused(ovs: OvsPeer) -> None:
    switch = with_cli(ovs.switch, bridge="br9")
    async with SwitchFleet([switch]) as fleet:
        with pytest.raises(Rejected, match="is on bridge br0, not on br9"):
            await PortDown(fleet).observe(ovs.device)


@pytest.mark.parametrize("more", [{"method": "icmp"}, {"method": "tcp", "port": 9}])
async def test_a_sentinel_sees_through_its_vantage_point(
    ovs: OvsPeer, more: dict[str, object]
) -> None:
    # Nothing listens on port 9: the device's own reset is what answers.
    assert (await look(ovs, **more)).reach is Reach.REACHABLE
    ovs.vsctl("set", "port", "p1", "tag=666")
    report = await look(ovs, **more)
    assert report.reach is Reach.UNREACHABLE, report.detail


@pytest.mark.parametrize("more", [{"method": "icmp"}, {"method": "tcp", "port": 9}])
async def test_a_sentinel_that_is_cut_off_proves_nothing(
    ovs: OvsPeer, more: dict[str, object]
) -> None:
    ovs.vsctl("set", "port", "p1", "tag=666")
    ovs.vsctl("set", "port", "p2", "tag=4000")
    report = await look(ovs, **more)
    assert report.reach is Reach.INCONCLUSIVE
    assert CONTROL_IP in report.detail


async def test_a_sentinel_without_a_route_to_the_device_proves_nothing(ovs: OvsPeer) -> None:
    for more in ({"method": "icmp"}, {"method": "tcp", "port": 9}):
        report = await look(ovs, nat={"192.0.2.10/32": "203.0.113.10/32"}, **more)
        assert report.reach is Reach.INCONCLUSIVE, report


async def test_a_missing_vantage_point_proves_nothing(ovs: OvsPeer) -> None:
    for via in (("ip", "netns", "exec", "no-such-place"), ("/no/such/program",)):
        for more in ({"method": "icmp"}, {"method": "tcp", "port": 9}):
            report = await look(ovs, via=via, **more)
            assert report.reach is Reach.INCONCLUSIVE, report


async def test_arp_answers_are_seen_or_the_missing_program_is_named(ovs: OvsPeer) -> None:
    report = await look(ovs, method="arp", interface="eth0")
    if report.reach is Reach.INCONCLUSIVE:
        assert "arping" in report.detail
        return
    assert report.reach is Reach.REACHABLE
    ovs.vsctl("set", "port", "p1", "tag=666")
    assert (await look(ovs, method="arp", interface="eth0")).reach is Reach.UNREACHABLE


async def test_devices_on_one_switch_take_turns_over_one_session(
    ovs: OvsPeer, fleet: SwitchFleet
) -> None:
    controls: list[Control] = [PortDown(fleet), SwitchQuarantine(fleet, {ovs.site.id: ovs.site})]
    before = ovs.sessions()
    await asyncio.gather(*(c.observe(ovs.device) for c in controls * 4))
    assert ovs.sessions() == before + 1


async def test_a_killed_session_is_opened_again_without_a_word(
    ovs: OvsPeer, fleet: SwitchFleet
) -> None:
    control = PortDown(fleet)
    await control.observe(ovs.device)
    killed = ovs.kill_sessions()
    assert killed
    seen = await control.observe(ovs.device)
    assert seen.state["port"] == "p1"


def test_everything_is_taken_down_also_when_the_owner_is_killed() -> None:
    script = (
        "import time\nfrom tests.peers.ovs import running_ovs\n"
        "with running_ovs() as peer:\n print(peer.folder, flush=True)\n time.sleep(600)\n"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=root
    ) as owner:
        assert owner.stdout is not None
        folder = owner.stdout.readline().decode().strip()
        assert folder, "the switch did not come up"
        owner.send_signal(signal.SIGKILL)
    end = time.monotonic() + 10
    while any(folder in command for command in _commands()):
        assert time.monotonic() < end, "a daemon outlived its owner"
        time.sleep(0.05)
    with running_ovs():  # sweeps the namespaces that were left behind
        names = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
        assert f"-{owner.pid}-" not in names
    shutil.rmtree(folder)


def _commands() -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(process.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
    return found


async def test_the_mac_table_tells_who_hangs_where(ovs: OvsPeer, fleet: SwitchFleet) -> None:
    assert ovs.ping("dev", GATEWAY_IP)
    table = await CliFinder(fleet).table(ovs.switch)
    assert Sight(ovs.device.mac, "p1") in table.sights
