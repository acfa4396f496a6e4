"""A bad day on the simulated site: every switch fails in its own way, all at the same time."""

import asyncio
import functools
from dataclasses import dataclass
from typing import Any

from firebreak.cyber_range.faults import FaultKind
from firebreak.cyber_range.journal import Write
from firebreak.domain.device import Device
from firebreak.domain.estate import Estate
from tests.e2e.journey import Story, agree, answers, eve, holds, post, scan_by, until_closed
from tests.e2e.stack import Stack

# The technique that starts the playbook `contain` of conftest.py.
TECHNIQUE = "T1021"


@dataclass(frozen=True)
class Trouble:
    """A fault to arm; see firebreak.cyber_range.faults.Fault."""

    kind: FaultKind
    times: int | None = None
    match: str = ""
    delay_s: float = 0.0


@dataclass(frozen=True)
class Ending:
    """What came of an alert about a device on a bad switch: what is said, and what is true."""

    story: Story
    answers: bool
    port: dict[str, Any]
    effects: tuple[Write, ...]
    holds: list[str]


async def play(site: Stack, estate: Estate, troubles: dict[str, Trouble]) -> dict[str, Ending]:
    """Arm every trouble on a switch of its own, report a camera on each, and see how it ends."""
    troubled = dict(zip(troubles, _one_a_switch(estate), strict=True))
    for name, camera in troubled.items():
        await site.range.reboot(_switch(camera))  # a kept session would not meet the trouble
        fault = troubles[name]
        await site.range.inject(
            _switch(camera),
            fault.kind,
            times=fault.times,
            match=fault.match,
            delay_s=fault.delay_s,
        )
    async with (
        site.api("suricata") as detector,
        site.api("ada") as ada,
        site.api("grace") as grace,
    ):
        agrees = functools.partial(agree, grace)  # a port is not shut without a person
        taken = await post(detector, eve(scan_by(c, TECHNIQUE) for c in troubled.values()))
        incidents = {alert["device"]: alert["incident"] for alert in taken["alerts"]}
        stories = await asyncio.gather(
            *(until_closed(ada, incidents[camera.id], agrees) for camera in troubled.values())
        )
        return {
            name: await _ending(site, estate, story, camera, await holds(ada, camera.id))
            for (name, camera), story in zip(troubled.items(), stories, strict=True)
        }


async def _ending(
    site: Stack, estate: Estate, story: Story, camera: Device, held: list[str]
) -> Ending:
    assert camera.attached is not None
    switch, port = camera.attached.switch, camera.attached.port
    return Ending(
        story=story,
        answers=await asyncio.to_thread(answers, estate.sites[0].sentinel, camera),
        port=await site.range.port(switch, port),
        effects=await site.range.effects(switch=switch, port=port),
        holds=held,
    )


def _one_a_switch(estate: Estate) -> list[Device]:
    """A camera on each switch but the first, which other tests use."""
    first = estate.switches[0].id
    cameras = [d for d in estate.devices if d.device_class == "ip-camera" and d.attached]
    found = {_switch(camera): camera for camera in reversed(cameras)}
    return [camera for switch, camera in found.items() if switch != first]


def _switch(device: Device) -> str:
    assert device.attached is not None
    return device.attached.switch
