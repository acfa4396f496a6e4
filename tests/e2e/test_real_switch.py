"""The whole product against a real Open vSwitch: the packets say whether a device is contained."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from firebreak.domain.estate import Estate
from firebreak.domain.record import Entry, Kind
from tests.e2e.journey import agree, checked_receipt, eve, holds, post, scan_by, until_closed
from tests.e2e.stack import Stack
from tests.peers.ovs import DEVICE_IP, DEVICE_QUARANTINE_IP, OvsPeer

pytestmark = [
    pytest.mark.peer("ovs"),
    pytest.mark.peer("sshd"),
    pytest.mark.xdist_group("heavy"),
]


@pytest.fixture
def stack(tmp_path: Path, ovs: OvsPeer) -> Iterator[Stack]:
    estate = Estate(sites=(ovs.site,), switches=(ovs.switch,), devices=(ovs.device,))
    file = tmp_path / "estate.yaml"
    plain = estate.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    file.write_text(json.dumps(plain))  # JSON is YAML
    with Stack(tmp_path / "state", site=file) as running:
        yield running


def seen(ovs: OvsPeer) -> tuple[bool, bool]:
    """Whether the device answers in production, and whether it does in quarantine."""
    return ovs.ping("prod", DEVICE_IP), ovs.ping("quar", DEVICE_QUARANTINE_IP)


async def test_a_genuine_alert_takes_the_device_out_of_production_and_brings_it_back(
    stack: Stack, ovs: OvsPeer
) -> None:
    pings = [seen(ovs)]
    async with stack.api("suricata") as detector, stack.api("grace") as grace:

        async def decide(entry: Entry) -> None:
            if entry.kind is Kind.APPROVAL_REQUESTED:
                pings.append(await asyncio.to_thread(seen, ovs))
                await agree(grace, entry)

        taken = await post(detector, eve([scan_by(ovs.device, "T1046")]))
        story = await until_closed(grace, taken["alerts"][0]["incident"], decide)
        pings.append(seen(ovs))
        left = await holds(grace, ovs.device.id)
        report = await checked_receipt(stack, grace, story.incident.id)
    assert pings == [(True, False), (False, True), (True, False)]
    assert (story.incident.status, story.incident.contained) == ("completed", True)
    assert (ovs.tag("p1"), ovs.admin("p1")) == (10, "up")
    assert len(ovs.writes()) == 2
    assert left == []
    assert report.valid, report.checks
