"""Meraki's own corners; what every control promises is in tests/conformance."""

import asyncio
import copy
import time
from datetime import UTC, datetime, timedelta

import pytest

from firebreak.domain.plan import Plan
from firebreak.errors import NotThere, RateLimited, Rejected, Unreachable
from integrations.network.cloud.meraki import MerakiQuarantine
from tests.conformance.cloud_benches import MerakiBench
from tests.conformance.documented_bench import MAC, bench_site, camera
from tests.documented import meraki as documented

DEADLINE_S = 20.0


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=DEADLINE_S)


async def planned(bench: MerakiBench, control: MerakiQuarantine) -> Plan:
    return await control.plan(bench.device, {}, await control.observe(bench.device))


async def test_nothing_but_the_vlan_is_sent(meraki: MerakiBench) -> None:
    control, before = meraki.control(DEADLINE_S), copy.deepcopy(meraki.cloud.ports["1"])
    plan = await planned(meraki, control)
    await control.apply(plan, soon())
    await control.revert(plan, soon())
    assert meraki.cloud.changes == [{"port": "1", "vlan": 666}, {"port": "1", "vlan": 10}]
    assert meraki.cloud.ports["1"] == before


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"accessPolicyType": "Custom access policy"}, "use rung nac or radius"),
        ({"accessPolicyType": "Something new"}, "use rung nac or radius"),
        ({"profile": {"enabled": True, "id": "7", "iname": "cams"}}, "port profile"),
        ({"voiceVlan": 30}, "voice VLAN 30"),
        ({"type": "stack"}, "no access port"),
        ({"vlan": None}, "no VLAN that could be restored"),
        ({"name": "up to the core"}, "uplink by the dashboard's word"),
    ],
)
async def test_a_port_that_is_not_one_devices_own_is_refused(
    meraki: MerakiBench, changes: dict[str, object], reason: str
) -> None:
    meraki.cloud.ports["1"].update(changes)
    with pytest.raises(Rejected, match=reason):
        await meraki.control(DEADLINE_S).observe(meraki.device)


@pytest.mark.parametrize("policy", ["MAC allow list", "Sticky MAC allow list", None])
async def test_a_port_whose_own_vlan_counts_is_served(
    meraki: MerakiBench, policy: str | None
) -> None:
    meraki.cloud.ports["1"]["accessPolicyType"] = policy
    assert (await meraki.control(DEADLINE_S).observe(meraki.device)).sighted


async def test_an_access_policy_set_since_the_plan_stops_the_change(meraki: MerakiBench) -> None:
    control = meraki.control(DEADLINE_S)
    plan = await planned(meraki, control)
    meraki.cloud.ports["1"]["accessPolicyType"] = "Custom access policy"
    with pytest.raises(Rejected):
        await control.apply(plan, soon())
    assert meraki.effects() == 0


@pytest.mark.parametrize("status", ["offline", "dormant"])
async def test_a_switch_that_the_cloud_does_not_reach_is_not_changed(
    meraki: MerakiBench, status: str
) -> None:
    control = meraki.control(DEADLINE_S)
    plan = await planned(meraki, control)
    meraki.cloud.status = status
    with pytest.raises(Unreachable, match=status):
        await control.observe(meraki.device)
    with pytest.raises(Unreachable, match="nothing was sent"):
        await control.apply(plan, soon())
    assert meraki.effects() == 0


async def test_retry_after_is_passed_on_whether_reading_or_writing(meraki: MerakiBench) -> None:
    control = meraki.control(DEADLINE_S)
    plan = await planned(meraki, control)
    for method in ("PUT", "GET"):
        meraki.service.throttles = frozenset({method})
        with pytest.raises(RateLimited) as caught:
            await control.apply(plan, soon())
        assert caught.value.after_s == 7
    assert meraki.effects() == 0


async def test_a_device_that_is_silent_is_said_to_be_unseen(meraki: MerakiBench) -> None:
    meraki.cloud.clients.clear()
    seen = await meraki.control(DEADLINE_S).observe(meraki.device)
    assert not seen.sighted
    assert any("may be silent" in line for line in seen.evidence)


@pytest.mark.parametrize(
    ("status", "switch", "moved"),
    [
        ("Online", documented.OTHER_MAC, True),
        ("Offline", documented.OTHER_MAC, False),
        ("Online", documented.SWITCH_MAC, False),
        ("Online", None, False),
    ],
)
async def test_a_device_online_elsewhere_in_the_organization_has_moved(
    meraki: MerakiBench, status: str, switch: str | None, moved: bool
) -> None:
    meraki.cloud.clients.clear()
    record = {"status": status, "recentDeviceMac": switch, "switchport": "7"}
    meraki.cloud.elsewhere[MAC] = record
    control = meraki.control(DEADLINE_S)
    if moved:
        with pytest.raises(NotThere, match=f"moved to {documented.OTHER_MAC} port 7"):
            await control.observe(meraki.device)
    else:
        assert not (await control.observe(meraki.device)).sighted


async def test_a_change_waits_until_the_client_is_seen_in_the_vlan(meraki: MerakiBench) -> None:
    control = meraki.control(DEADLINE_S)
    plan = await planned(meraki, control)
    meraki.cloud.follows_after = 1
    assert await control.apply(plan, soon()) == plan.after
    assert meraki.cloud.clients[0]["vlan"] == "666"


async def test_a_switch_that_does_not_follow_ends_the_wait_and_not_the_change(
    meraki: MerakiBench,
) -> None:
    control = meraki.control(DEADLINE_S, settle_s=0.3)
    plan = await planned(meraki, control)
    meraki.cloud.follows_after = 1000
    began = time.monotonic()
    assert await control.apply(plan, soon()) == plan.after
    assert time.monotonic() - began < 5


async def test_a_cloud_that_says_yes_and_does_nothing_is_not_believed(meraki: MerakiBench) -> None:
    control = meraki.control(DEADLINE_S, settle_s=0.3)
    plan = await planned(meraki, control)
    meraki.cloud.deaf = True
    assert await control.apply(plan, soon()) == plan.before


async def test_a_cancelled_change_is_over_when_its_caller_is_told(meraki: MerakiBench) -> None:
    control = meraki.control(DEADLINE_S)
    plan = await planned(meraki, control)
    meraki.cloud.held = asyncio.Event()
    work = asyncio.ensure_future(control.apply(plan, soon()))
    async with asyncio.timeout(5):
        while not any(line.startswith("PUT") for line in meraki.service.requests):
            await asyncio.sleep(0.01)
    work.cancel()
    await asyncio.sleep(0.05)
    assert not work.done()
    meraki.cloud.held.set()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert meraki.effects() == 1


async def test_who_is_served_is_told_without_asking_the_cloud(meraki: MerakiBench) -> None:
    control = meraki.control(DEADLINE_S)
    assert control.serves(meraki.device) == ""
    assert control.serves(camera()) == ""
    elsewhere = meraki.device.model_copy(update={"site": "plant-2"})
    assert control.serves(elsewhere) == "site plant-2 has no meraki controller"
    assert "no `cloud` entry" in control.serves(camera(switch="sw-9", port="1"))
    bare = MerakiQuarantine({"bench": bench_site()}, {})
    assert bare.serves(meraki.device) == "site bench has no meraki controller"
    assert bare.capabilities.secrets == ()
    assert meraki.service.requests == []


async def test_a_switch_that_is_not_of_the_organization_is_refused(meraki: MerakiBench) -> None:
    control = meraki.control(DEADLINE_S)
    plan = await planned(meraki, control)
    meraki.cloud.owned = False
    with pytest.raises(Rejected, match="not in the organization"):
        await control.apply(plan, soon())
    assert meraki.effects() == 0


async def test_an_answer_in_another_shape_is_refused_and_not_quoted(meraki: MerakiBench) -> None:
    meraki.cloud.ports["1"]["vlan"] = "a-secret-looking-value"
    with pytest.raises(Rejected, match="undocumented shape") as caught:
        await meraki.control(DEADLINE_S).observe(meraki.device)
    assert "a-secret-looking-value" not in str(caught.value)
