"""The API is killed in the middle of a burst: nothing that was posted is lost or doubled."""

import asyncio
from collections import Counter

import httpx
import pytest

from firebreak.domain.device import Device
from firebreak.domain.estate import Estate
from tests.e2e.journey import Json, agree, eve, named_in, scan_by, settled, until_closed
from tests.e2e.stack import Stack

pytestmark = pytest.mark.xdist_group("heavy")

ALERTS = 240
LANES = 24
KILL_AFTER = (40, 140)  # answers
TECHNIQUE = "T1046"


@pytest.fixture(scope="module")
def camera(estate: Estate) -> Device:
    """A camera that policy lets automation contain, on the switch that has no trouble."""
    return next(
        device
        for device in reversed(estate.devices)
        if device.device_class == "ip-camera"
        and device.attached is not None
        and device.attached.switch == estate.switches[0].id
    )


async def insist(detector: httpx.AsyncClient, record: Json) -> None:
    """Post until it is taken, as a shipper does. A 5xx is a failure all the same."""
    while True:
        try:
            answer = await detector.post("/alerts/suricata", content=eve([record]))
        except httpx.TransportError:
            await asyncio.sleep(0.05)
        else:
            assert answer.status_code == 202, answer.text
            return


async def burst_with_kills(site: Stack, records: list[Json]) -> None:
    """Post everything, and kill the server whenever so many answers have come."""
    lanes, answered = asyncio.Semaphore(LANES), 0
    async with site.api("suricata") as detector:

        async def send(record: Json) -> None:
            nonlocal answered
            async with lanes:
                await insist(detector, record)
            answered += 1
            if answered in KILL_AFTER:
                site.kill("server")
                site.processes["server"].start()

        async with asyncio.TaskGroup() as group:
            for record in records:
                group.create_task(send(record))


async def test_alerts_posted_while_the_server_is_killed_are_there_once_and_answered(
    site: Stack, camera: Device
) -> None:
    assert camera.attached is not None
    await burst_with_kills(site, [scan_by(camera, TECHNIQUE, number) for number in range(ALERTS)])
    async with site.api("ada") as ada, site.api("grace") as grace:
        rows = await settled(ada, camera.id)
        story = await until_closed(
            grace, f"respond/mirai-botnet/{camera.id}", lambda entry: agree(grace, entry)
        )
    assert len(rows) == ALERTS
    assert {(row.disposition, row.incident) for row in rows} == {("responded", story.incident.id)}
    assert story.incident.status == "completed"
    assert named_in(story) == Counter(row.alert.id for row in rows)
    effects = await site.range.effects(switch=camera.attached.switch, port=camera.attached.port)
    assert [w.command for w in effects] == [f"switchport access vlan {v}" for v in (666, 110)]
