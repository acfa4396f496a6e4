"""802.1X from end to end: the device itself authenticates into quarantine, and back out of it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from activities.witness import Witness
from firebreak.domain.device import Device
from firebreak.domain.estate import FreeRadiusUsers, Site, Switch
from firebreak.domain.plan import OutcomeKind, Plan, Reach
from firebreak.errors import NotThere, Rejected, Unreachable
from integrations.network.radius import requests
from integrations.network.radius.client import DynamicAuthorization
from integrations.network.radius.controls import RadiusQuarantine
from integrations.network.radius.fence import Fence
from integrations.network.radius.freeradius_users import FreeRadiusUsersSource
from integrations.network.radius.replies import refusal
from integrations.probe.sentinel import SentinelProbe
from tests.peers.dot1x import CLOSED, PORT, Dot1xPeer
from tests.peers.ovs import (
    DEVICE_IP,
    DEVICE_MAC,
    DEVICE_QUARANTINE_IP,
    GATEWAY_IP,
    PRODUCTION,
    QUARANTINE,
    QUARANTINE_GATEWAY_IP,
)

pytestmark = [pytest.mark.peer("dot1x"), pytest.mark.xdist_group("dot1x")]


class Road:
    """The product's own control, over one site and one switch."""

    def __init__(self, site: Site, switch: Switch) -> None:
        assert isinstance(site.authorization, FreeRadiusUsers)
        self.client = DynamicAuthorization({switch.id: switch})
        self.source = FreeRadiusUsersSource(site.authorization, site.quarantine_vlan)
        self.control = RadiusQuarantine(self.client, {site.id: site}, {site.id: self.source})

    async def plan(self, device: Device) -> Plan:
        return await self.control.plan(device, {}, await self.control.observe(device))


@pytest.fixture
async def road(dot1x: Dot1xPeer) -> AsyncIterator[Road]:
    opened = Road(dot1x.site, dot1x.switch)
    yield opened
    await opened.control.close()
    await opened.client.close()


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=30)


async def reach(dot1x: Dot1xPeer) -> Reach:
    return (await SentinelProbe({dot1x.site.id: dot1x.site.sentinel}).look(dot1x.ovs.device)).reach


async def test_a_quarantined_device_authenticates_into_quarantine_and_a_released_one_back(
    dot1x: Dot1xPeer, road: Road
) -> None:
    assert dot1x.ovs.ping("prod", DEVICE_IP)
    assert await reach(dot1x) is Reach.REACHABLE
    plan = await road.plan(dot1x.ovs.device)
    assert plan.before != plan.after
    began = len(dot1x.port_log())

    assert await road.control.apply(plan, soon()) == plan.after
    dot1x.wait_for_event("AP-STA-DISCONNECTED", after=began)
    assert not dot1x.ovs.ping("prod", DEVICE_IP)
    dot1x.wait_for_vlan(QUARANTINE)
    assert dot1x.ovs.ping("dev", QUARANTINE_GATEWAY_IP, wait_s=3)
    assert dot1x.ovs.ping("quar", DEVICE_QUARANTINE_IP, wait_s=3)
    assert not dot1x.ovs.ping("dev", GATEWAY_IP)
    assert await reach(dot1x) is Reach.UNREACHABLE

    # The device may start over as often as it likes: what it is authorized for has changed.
    dot1x.supplicant("reassociate")
    dot1x.wait_for_event("EAP-SUCCESS2", after=began, times=2)
    assert dot1x.ovs.ping("quar", DEVICE_QUARANTINE_IP, wait_s=3)
    assert dot1x.ovs.tag(PORT) == QUARANTINE

    held = len(dot1x.port_log())
    assert await road.control.revert(plan, soon()) == plan.before
    dot1x.wait_for_event("AP-STA-DISCONNECTED", after=held)
    assert not dot1x.ovs.ping("quar", DEVICE_QUARANTINE_IP)
    dot1x.wait_for_vlan(PRODUCTION)
    assert dot1x.ovs.ping("prod", DEVICE_IP, wait_s=3)
    assert await reach(dot1x) is Reach.REACHABLE
    assert dot1x.radius.users.read_text() == ""

    happened = [line for line in dot1x.port_log()[began:] if line.startswith("AP-STA")]
    assert f"AP-STA-DISCONNECTED {DEVICE_MAC} tag={CLOSED}" in happened
    assert happened[-1] == f"AP-STA-CONNECTED {DEVICE_MAC} tag={PRODUCTION}"


async def test_a_radius_server_that_does_not_heed_its_users_file_is_not_taken_for_containment(
    dot1x: Dot1xPeer, road: Road
) -> None:
    """Every system says yes; for the seconds of the authentication even the probe sees silence."""
    device = dot1x.ovs.device
    witness = Witness(SentinelProbe({dot1x.site.id: dot1x.site.sentinel}))
    before = await witness.baseline(device)
    with dot1x.radius.not_included():
        plan = await road.plan(device)
        assert await road.control.apply(plan, soon()) == plan.after
        judgment = await witness.cut_off(device, before)
        assert judgment.kind is OutcomeKind.FAILED, judgment.detail
        assert dot1x.ovs.tag(PORT) == PRODUCTION


async def test_a_device_without_a_session_on_the_nas_is_not_there_and_its_authorization_is_put_back(
    dot1x: Dot1xPeer, road: Road
) -> None:
    absent = dot1x.ovs.device.model_copy(update={"id": "cam-18", "mac": "02:00:00:00:00:18"})
    plan = await road.plan(absent)
    with pytest.raises(NotThere, match="503"):
        await road.control.apply(plan, soon())
    assert await road.source.read(absent.mac) == {"entry": None}
    assert dot1x.ovs.tag(PORT) == PRODUCTION


@pytest.mark.parametrize(
    ("change", "error", "why"),
    [
        ({"nas_identifier": "another-nas"}, Rejected, "403"),
        ({"secret": "env:WRONG_SECRET"}, Unreachable, "did not answer"),
        ({"port": 3798}, Unreachable, "nobody listens"),
        ({"reauthenticate": "reauthenticate"}, Rejected, "CoA-NAK, Error-Cause 401"),
    ],
)
async def test_a_nas_that_would_not_follow_is_found_out_before_anything_is_changed(
    dot1x: Dot1xPeer,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, object],
    error: type[Exception],
    why: str,
) -> None:
    monkeypatch.setenv("WRONG_SECRET", "not the one")
    assert dot1x.switch.radius is not None
    radius = dot1x.switch.radius.model_copy(update={"timeout_s": 0.3, "retries": 1} | change)
    road = Road(dot1x.site, dot1x.switch.model_copy(update={"radius": radius}))
    try:
        with pytest.raises(error, match=why):
            await road.plan(dot1x.ovs.device)
    finally:
        await road.client.close()
    assert dot1x.ovs.tag(PORT) == PRODUCTION


async def test_a_nas_that_takes_no_tunnel_attributes_says_so_and_moves_nothing(
    dot1x: Dot1xPeer, road: Road
) -> None:
    assert dot1x.switch.radius is not None
    request = requests.move(dot1x.switch.radius, DEVICE_MAC, QUARANTINE)
    reply = await road.client.ask(dot1x.switch.id, request, Fence.of(5.0))
    assert not reply.ack
    assert isinstance(refusal("hostapd", request, reply), Rejected)
    assert dot1x.ovs.tag(PORT) == PRODUCTION
