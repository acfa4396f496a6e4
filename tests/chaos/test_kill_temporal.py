"""kill -9 of Temporal and of a real worker, in the middle of responses on a simulated site."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from firebreak.domain.device import Device
from firebreak.domain.people import Approval
from firebreak.domain.record import Entry, Kind
from integrations.inventory.yaml_file import YamlInventory
from tests.e2e import journey
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.chaos, pytest.mark.xdist_group("heavy"), pytest.mark.timeout(300)]

CAMERAS = 4


def cameras(stack: Stack) -> list[Device]:
    """Those that automation may quarantine alone."""
    found = [
        device
        for device in YamlInventory.load(stack.estate).devices()
        if device.device_class == "ip-camera" and device.criticality in ("low", "medium")
    ]
    assert len(found) >= CAMERAS
    return found[:CAMERAS]


async def agree(api: httpx.AsyncClient, entry: Entry) -> None:
    """Say yes, again and again while nobody can hear it."""
    if entry.kind is not Kind.APPROVAL_REQUESTED:
        return
    request = Approval.model_validate(entry.body["approval"])
    vote = {"verdict": "approve", "plan_hash": request.plan_hash, "reason": "seen and agreed"}
    status = 503
    while status == 503:
        answer = await api.post(f"/approvals/{request.id}/decide", json=vote)
        status = answer.status_code
    assert status == 200, answer.text


async def check(stack: Stack, device: Device, story: journey.Story) -> None:
    assert (story.incident.status, story.incident.contained) == ("completed", True)
    assert device.attached is not None
    where = device.attached
    effects = await stack.range.effects(switch=where.switch, port=where.port)
    assert len(effects) == 2, effects  # there and back, and nothing twice
    assert await stack.range.reachable(device.id)
    assert len({entry.key for entry in story.entries}) == len(story.entries)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path) as running:
        yield running


@pytest.mark.parametrize("victim", ["temporal", "worker-1"])
async def test_every_response_ends_as_it_would_have(stack: Stack, victim: str) -> None:
    devices = cameras(stack)
    async with stack.api("suricata") as detector, stack.api("grace") as grace:
        scans = [journey.scan_by(device, "T1110") for device in devices]
        for scan in scans:
            scan["alert"]["severity"] = 1
        taken = await journey.post(detector, journey.eve(scans))
        incidents = [alert["incident"] for alert in taken["alerts"]]
        assert all(incidents), taken
        await asyncio.sleep(0.7)  # into the middle of the effects
        stack.kill(victim)
        await asyncio.to_thread(stack.restart, victim)
        stories = await asyncio.gather(
            *(
                journey.until_closed(grace, incident, lambda entry: agree(grace, entry))
                for incident in incidents
            )
        )
        for device, story in zip(devices, stories, strict=True):
            await check(stack, device, story)
