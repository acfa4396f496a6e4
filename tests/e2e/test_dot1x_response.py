"""The whole product on an 802.1X port: the device authenticates into quarantine, and back."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from firebreak.domain.estate import Estate
from firebreak.domain.plan import OutcomeKind, Reach
from firebreak.domain.record import Entry, Kind
from tests.e2e.journey import agree, checked_receipt, eve, holds, post, scan_by, until_closed
from tests.e2e.stack import Stack
from tests.peers.dot1x import PORT, Dot1xPeer
from tests.peers.ovs import DEVICE_IP, DEVICE_QUARANTINE_IP, PRODUCTION, QUARANTINE

pytestmark = [pytest.mark.peer("dot1x"), pytest.mark.xdist_group("heavy")]

# A change takes as long as FreeRADIUS's reloads and the device's authentication.
_TIMES = {"SEND_WINDOW_S": "30", "EFFECT_TIMEOUT_S": "120"}


@pytest.fixture
def stack(tmp_path: Path, dot1x: Dot1xPeer) -> Iterator[Stack]:
    estate = Estate(sites=(dot1x.site,), switches=(dot1x.switch,), devices=(dot1x.ovs.device,))
    file = tmp_path / "estate.yaml"
    plain = estate.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    file.write_text(json.dumps(plain))  # JSON is YAML
    with Stack(tmp_path / "state", site=file, settings=_TIMES) as running:
        yield running


def seen(dot1x: Dot1xPeer) -> tuple[int, bool, bool]:
    """The port's VLAN, and whether the device answers in production and in quarantine."""
    ovs = dot1x.ovs
    return ovs.tag(PORT), ovs.ping("prod", DEVICE_IP), ovs.ping("quar", DEVICE_QUARANTINE_IP)


async def test_an_alert_has_the_device_authenticate_into_quarantine_and_its_release_back(
    stack: Stack, dot1x: Dot1xPeer
) -> None:
    looks = [seen(dot1x)]
    async with stack.api("suricata") as detector, stack.api("grace") as grace:

        async def decide(entry: Entry) -> None:
            if entry.kind is Kind.APPROVAL_REQUESTED:
                looks.append(await asyncio.to_thread(seen, dot1x))
                await agree(grace, entry)

        taken = await post(detector, eve([scan_by(dot1x.ovs.device, "T1046")]))
        story = await until_closed(grace, taken["alerts"][0]["incident"], decide)
        looks.append(seen(dot1x))
        left = await holds(grace, dot1x.ovs.device.id)
        report = await checked_receipt(stack, grace, story.incident.id)
    in_production = (PRODUCTION, True, False)
    assert looks == [in_production, (QUARANTINE, False, True), in_production]
    assert (story.incident.status, story.incident.contained) == ("completed", True)
    contained, *_, released = [o for o in story.outcomes if o.action.startswith("network.")]
    assert (contained.kind, contained.rung) == (OutcomeKind.ENFORCED, "radius")
    assert [p.reach for p in contained.probes] == [Reach.REACHABLE, Reach.UNREACHABLE]
    assert [p.reach for p in released.probes] == [Reach.REACHABLE]
    assert dot1x.radius.users.read_text() == ""
    assert left == []
    assert report.valid, report.checks
