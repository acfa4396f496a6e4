"""Mist's own corners; what every control promises is in tests/conformance."""

import asyncio
import copy
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firebreak.domain.device import Device
from firebreak.domain.plan import Plan
from firebreak.errors import NotThere, RateLimited, Rejected, Unreachable
from integrations.network.cloud.mist import MistQuarantine, PortOverride
from integrations.network.cloud.mist_config import covers
from tests.conformance.cloud_benches import MistBench
from tests.conformance.documented_bench import MAC, camera
from tests.documented import mist as documented

DEADLINE_S = 20.0
PORT = "ge-0/0/1"
HELP_DESK = {"usage": "phones", "note": "by the help desk"}


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=DEADLINE_S)


async def planned(control: MistQuarantine, device: Device) -> Plan:
    return await control.plan(device, {}, await control.observe(device))


@pytest.mark.parametrize(
    ("names", "port", "covered"),
    [
        ("ge-0/0/1", "ge-0/0/1", True),
        ("ge-0/0/1", "ge-0/0/10", False),
        ("ge-0/0/8-16", "ge-0/0/8", True),
        ("ge-0/0/8-16", "ge-0/0/16", True),
        ("ge-0/0/8-16", "ge-0/0/17", False),
        ("ge-0/0/8-16", "ge-1/0/9", False),
        ("ge-0/0/8-16", "xe-0/0/9", False),
        ("ge-0/0/8-16,ge-1/0/0-47", "ge-1/0/0", True),
        ("ge-0/0/2, ge-0/0/4", "ge-0/0/4", True),
        ("ge-0/0/1-3", "ge-0/0/2.0", False),
        ("", "ge-0/0/1", False),
    ],
)
def test_a_list_of_ranges_covers_just_the_ports_it_names(
    names: str, port: str, covered: bool
) -> None:
    assert covers(names, port) is covered


async def test_overrides_of_other_ports_stay_through_a_change_and_its_way_back(
    mist: MistBench,
) -> None:
    control, before = mist.control(DEADLINE_S), copy.deepcopy(mist.cloud.overrides)
    plan = await planned(control, mist.device)
    await control.apply(plan, soon())
    assert mist.cloud.overrides == {"ge-0/0/2": HELP_DESK, PORT: {"usage": "quarantine"}}
    await control.revert(plan, soon())
    assert mist.cloud.overrides == before


async def test_the_last_override_is_deleted_on_the_way_back(mist: MistBench) -> None:
    mist.cloud.overrides = None
    control = mist.control(DEADLINE_S)
    plan = await planned(control, mist.device)
    await control.apply(plan, soon())
    assert await control.revert(plan, soon()) == plan.before
    assert mist.cloud.overrides is None
    assert mist.cloud.changes == ["PUT", "DELETE"]


async def test_an_override_that_stood_before_keeps_its_link_and_is_restored_whole(
    mist: MistBench,
) -> None:
    stood = {"usage": "phones", "speed": "100m", "duplex": "full", "port_network": "voice"}
    mist.cloud.overrides = {PORT: stood}
    control = mist.control(DEADLINE_S)
    plan = await planned(control, mist.device)
    await control.apply(plan, soon())
    isolated = {"usage": "quarantine", "speed": "100m", "duplex": "full"}
    assert mist.cloud.overrides == {PORT: isolated}
    await control.revert(plan, soon())
    assert mist.cloud.overrides == {PORT: stood}


async def test_two_ports_of_a_switch_changed_at_once_are_both_changed(mist: MistBench) -> None:
    control = mist.control(DEADLINE_S)
    other = camera(port="ge-0/0/0", mac="02:00:00:00:00:18")
    plans = [await planned(control, mist.device), await planned(control, other)]
    mist.cloud.pause_s = 0.1
    await asyncio.gather(*(control.apply(plan, soon()) for plan in plans))
    quarantine = {"usage": "quarantine"}
    expected = {"ge-0/0/2": HELP_DESK, PORT: quarantine, "ge-0/0/0": quarantine}
    assert mist.cloud.overrides == expected


async def test_an_override_of_several_ports_is_not_taken_apart(mist: MistBench) -> None:
    mist.cloud.overrides = {"ge-0/0/0-3": {"usage": "cameras"}}
    with pytest.raises(Rejected, match="covers port ge-0/0/1 and others"):
        await mist.control(DEADLINE_S).observe(mist.device)


@pytest.mark.parametrize(
    ("port", "reason"),
    [
        ("ge-0/0/4", "is a trunk"),
        ("ge-0/0/5", "voice VLAN"),
        ("ge-0/0/6", "aggregated"),
        ("ge-0/0/7", "does not take local overrides"),
        ("ge-0/0/8", "dynamic port profile"),
    ],
)
async def test_a_port_that_is_not_one_devices_own_is_refused(
    mist: MistBench, port: str, reason: str
) -> None:
    with pytest.raises(Rejected, match=reason):
        await mist.control(DEADLINE_S).observe(camera(port=port))


async def test_a_port_that_any_template_rule_could_make_a_trunk_is_refused(mist: MistBench) -> None:
    mist.cloud.port_config = {}
    entry = {"usage": "trunk", "no_local_overwrite": False}
    mist.cloud.rules = [{"name": "48 ports", "port_config": {"ge-0/0/0-47": entry}}]
    with pytest.raises(Rejected, match="is a trunk"):
        await mist.control(DEADLINE_S).observe(mist.device)


async def test_a_usage_that_nobody_defines_is_no_access_port(mist: MistBench) -> None:
    mist.cloud.usages.pop("cameras")
    with pytest.raises(Rejected, match="no access port"):
        await mist.control(DEADLINE_S).observe(mist.device)


@pytest.mark.parametrize(
    ("usage", "reason"),
    [
        (None, "no port usage 'quarantine'"),
        ({"mode": "trunk"}, "no plain access port"),
        ({"mode": "access", "port_auth": "dot1x"}, "no plain access port"),
        ({"mode": "access", "port_network": "cameras"}, "leads to VLAN 10"),
    ],
)
async def test_a_quarantine_usage_that_would_not_quarantine_is_refused(
    mist: MistBench, usage: dict[str, Any] | None, reason: str
) -> None:
    mist.cloud.usages.pop("quarantine")
    if usage is not None:
        mist.cloud.usages["quarantine"] = usage
    with pytest.raises(Rejected, match=reason):
        await mist.control(DEADLINE_S).observe(mist.device)


async def test_a_switch_that_the_cloud_does_not_reach_is_not_changed(mist: MistBench) -> None:
    control = mist.control(DEADLINE_S)
    plan = await planned(control, mist.device)
    mist.cloud.status = "disconnected"
    for work in (control.observe(mist.device), control.apply(plan, soon())):
        with pytest.raises(Unreachable, match="disconnected"):
            await work
    assert mist.effects() == 0


async def test_a_throttled_change_says_how_long_to_wait(mist: MistBench) -> None:
    control = mist.control(DEADLINE_S)
    plan = await planned(control, mist.device)
    mist.service.throttles = frozenset({"PUT"})
    with pytest.raises(RateLimited) as caught:
        await control.apply(plan, soon())
    assert caught.value.after_s == 7
    assert mist.effects() == 0


async def test_a_device_last_seen_on_another_switch_has_moved(mist: MistBench) -> None:
    mist.cloud.plug(MAC, "ge-0/0/1", documented.OTHER_MAC, when="2")
    with pytest.raises(NotThere, match="moved to 5c:45:27:a9:6f:00 port ge-0/0/1"):
        await mist.control(DEADLINE_S).observe(mist.device)


async def test_a_device_that_has_come_back_is_there(mist: MistBench) -> None:
    mist.cloud.plug(MAC, "ge-0/0/2", when="2")
    mist.cloud.plug(MAC, PORT, when="3")
    assert (await mist.control(DEADLINE_S).observe(mist.device)).sighted


async def test_a_device_seen_on_two_ports_without_a_time_is_located_again(mist: MistBench) -> None:
    mist.cloud.plug(MAC, "ge-0/0/2")
    mist.cloud.clients[0]["device_mac_port"] = []
    with pytest.raises(NotThere, match=r"ge-0/0/1, .*ge-0/0/2"):
        await mist.control(DEADLINE_S).observe(mist.device)


async def test_a_device_that_is_silent_is_said_to_be_unseen(mist: MistBench) -> None:
    mist.cloud.clients.clear()
    assert not (await mist.control(DEADLINE_S).observe(mist.device)).sighted


async def test_a_change_waits_until_the_switch_has_committed(mist: MistBench) -> None:
    control = mist.control(DEADLINE_S)
    plan = await planned(control, mist.device)
    mist.cloud.follows_after, before = 1, mist.cloud.committed
    assert await control.apply(plan, soon()) == plan.after
    assert mist.cloud.committed > before


async def test_a_switch_that_does_not_follow_ends_the_wait_and_not_the_change(
    mist: MistBench,
) -> None:
    control = mist.control(DEADLINE_S, settle_s=0.3)
    plan = await planned(control, mist.device)
    mist.cloud.follows_after = 1000
    began = time.monotonic()
    assert await control.apply(plan, soon()) == plan.after
    assert time.monotonic() - began < 5


def test_a_record_of_another_control_is_refused() -> None:
    with pytest.raises(Rejected, match="no Mist port override"):
        PortOverride.from_record({"switch": "sw-1", "port": PORT, "vlan": 10})
