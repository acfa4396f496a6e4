"""Hundreds of alerts in a second: one response for each device, and not one alert lost."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence

import httpx
import pytest
from temporalio.client import Client

from firebreak.contracts.ledger import IncidentRow
from firebreak.domain.device import Device
from firebreak.domain.estate import Estate
from tests.e2e.journey import (
    Json,
    Story,
    agree,
    eve,
    named_in,
    post,
    scan_by,
    settled,
    until_closed,
)
from tests.e2e.stack import Stack

pytestmark = pytest.mark.xdist_group("heavy")

MANY = 500
LANES = 48  # a queue within the client would be slower than the server
# What starts `mirai-botnet`, which stays open until people agree, and `note`, which does not.
OPEN, SHORT = "T1046", "T1595"


@pytest.fixture(scope="session")
def cameras(estate: Estate) -> list[Device]:
    """Cameras that policy lets automation contain, on the switch that has no trouble."""
    return [
        device
        for device in estate.devices
        if device.device_class == "ip-camera"
        and device.id != "cam-17"
        and device.attached is not None
        and device.attached.switch == "sw-1"
    ]


async def burst(site: Stack, records: Sequence[Json]) -> list[Json]:
    """Post each record on its own, as fast as it goes; the answers in order."""
    lanes = asyncio.Semaphore(LANES)
    async with site.api("suricata") as detector:

        async def send(record: Json) -> Json:
            async with lanes:
                return await post(detector, eve([record]))

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(send(record)) for record in records]
        return [task.result() for task in tasks]


async def ended(api: httpx.AsyncClient, playbook: str, expected: int) -> list[IncidentRow]:
    """The incidents of a playbook, once there are as many as expected and none is open."""
    while True:
        answer = await api.get("/incidents", params={"limit": 1000})
        rows = [IncidentRow.model_validate(row) for row in answer.json()["incidents"]]
        ours = [row for row in rows if row.playbook == playbook]
        if len(ours) >= expected and all(row.status != "open" for row in ours):
            return ours
        await asyncio.sleep(1)


async def responses(client: Client, query: str, expected: int) -> int:
    """How many runs Temporal lists, once it lists as many as expected, or after a while."""
    give_up = time.monotonic() + 10
    while True:
        found = (await client.count_workflows(query)).count
        if found >= expected or time.monotonic() > give_up:
            return found
        await asyncio.sleep(0.1)


async def test_the_same_alert_500_times_is_one_response(site: Stack, cameras: list[Device]) -> None:
    camera = cameras[0]
    taken = await burst(site, [scan_by(camera, OPEN)] * MANY)
    assert sum(answer["accepted"] for answer in taken) == 1
    assert sum(answer["duplicates"] for answer in taken) == MANY - 1
    story = await _to_the_end(site, camera)
    assert list(named_in(story).values()) == [1]


async def test_500_alerts_about_one_device_are_one_response_that_knows_them_all(
    site: Stack, cameras: list[Device]
) -> None:
    camera = cameras[1]
    taken = await burst(site, [scan_by(camera, OPEN, number) for number in range(MANY)])
    assert sum(answer["accepted"] for answer in taken) == MANY
    async with site.api("ada") as ada:
        rows = await settled(ada, camera.id)
    story = await _to_the_end(site, camera)
    assert {(row.disposition, row.incident) for row in rows} == {("responded", story.incident.id)}
    assert named_in(story) == Counter(row.alert.id for row in rows)
    assert len(rows) == MANY


async def _to_the_end(site: Stack, camera: Device) -> Story:
    """Agree to the release, and see that there was one response and one quarantine."""
    assert camera.attached is not None
    client = await site.temporal()
    async with site.api("grace") as grace:
        story = await until_closed(
            grace, f"respond/mirai-botnet/{camera.id}", lambda entry: agree(grace, entry)
        )
    ours = f"FirebreakPlaybook = 'mirai-botnet' AND FirebreakDevice = '{camera.id}'"
    assert await responses(client, ours, 1) == 1
    effects = await site.range.effects(switch=camera.attached.switch, port=camera.attached.port)
    assert [w.command for w in effects] == [f"switchport access vlan {v}" for v in (666, 110)]
    assert story.incident.status == "completed"
    return story


async def test_500_devices_at_once_are_500_responses(site: Stack, estate: Estate) -> None:
    devices = [d for d in estate.devices if d.attached and d.attached.switch != "sw-1"][:MANY]
    taken = await burst(site, [scan_by(device, SHORT) for device in devices])
    incidents = {
        alert["device"]: alert["incident"] for answer in taken for alert in answer["alerts"]
    }
    assert len(incidents) == len(set(incidents.values())) == MANY
    async with site.api("ada") as ada:
        rows = await ended(ada, "note", MANY)
    assert {row.device: row.id for row in rows} == incidents
    assert {row.status for row in rows} == {"completed"}
    client = await site.temporal()
    assert await responses(client, "FirebreakPlaybook = 'note'", MANY) == MANY
