"""Every road of a site through the whole engine: each one fails in turn, and the next is taken."""

import asyncio
import functools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from firebreak.cyber_range.faults import FaultKind
from firebreak.domain.device import Criticality, Device
from firebreak.domain.estate import Estate
from firebreak.domain.plan import OutcomeKind
from firebreak.domain.record import Kind
from integrations.inventory.yaml_file import YamlInventory
from tests.e2e.journey import (
    Story,
    agree,
    answers,
    checked_receipt,
    eve,
    post,
    scan_by,
    until_closed,
)
from tests.e2e.stack import RangeShape, Stack, playbook_setting

pytestmark = pytest.mark.xdist_group("heavy")

TECHNIQUE = "T1021"
PLAYBOOK = f"""\
playbook: by-any-road
version: 1
summary: Contain a device by whatever road leads to it, and give it back
triggers:
  - when: alert.technique == '{TECHNIQUE}'
steps:
  - {{id: contain, do: network.quarantine, hold: 1h}}
  - {{id: back, do: release, of: [contain]}}
"""


@dataclass(frozen=True)
class Trouble:
    """A fault of one of the camera's systems; ``{{switch}}`` stands for its switch."""

    system: str
    kind: FaultKind
    match: str = ""


NAC_AWAY = Trouble("nac", FaultKind.REFUSE)
NAS_SILENT = Trouble("{switch}/radius", FaultKind.SILENT)
NO_SSH = Trouble("{switch}", FaultKind.REFUSE)
READ_ONLY = Trouble("{switch}/snmp", FaultKind.REJECT_WRITE)

# What is wrong, and the rungs in the order they are tried: the last one is enforced.
CASES: dict[str, tuple[tuple[Trouble, ...], dict[str, str]]] = {
    "nothing is wrong": ((), {"nac": ""}),
    "the NAC is away": ((NAC_AWAY,), {"nac": "unreachable", "radius": ""}),
    "the NAC does not know the password": (
        (Trouble("nac", FaultKind.WRONG_PASSWORD),),
        {"nac": "auth-failed", "radius": ""},
    ),
    "the NAC has a certificate of someone else": (
        (Trouble("nac", FaultKind.WRONG_CERTIFICATE),),
        {"nac": "auth-failed", "radius": ""},
    ),
    "the NAC refuses": (
        (Trouble("nac", FaultKind.REJECT_WRITE),),
        {"nac": "rejected", "radius": ""},
    ),
    "the NAS is silent too": (
        (NAC_AWAY, NAS_SILENT),
        {"nac": "unreachable", "radius": "unreachable", "switch": ""},
    ),
    "the switch takes no SSH": (
        (NAC_AWAY, NAS_SILENT, NO_SSH),
        {"nac": "unreachable", "radius": "unreachable", "switch": "unreachable", "snmp": ""},
    ),
    "the switch lies and its agent takes no writes": (
        (NAC_AWAY, NAS_SILENT, Trouble("{switch}", FaultKind.LIE, "switchport access"), READ_ONLY),
        {
            "nac": "unreachable",
            "radius": "unreachable",
            "switch": "verification-failed",
            "snmp": "rejected",
            "dot1x": "rejected",
            "snmp-port-down": "rejected",
            "radius-port-down": "unreachable",
            "port-down": "",
        },
    ),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A small site with every road."""
    root = tmp_path_factory.mktemp("roads")
    playbooks = root / "playbooks"
    playbooks.mkdir()
    (playbooks / "by-any-road.yaml").write_text(PLAYBOOK)
    shape = RangeShape(devices=20, roads=("snmp", "radius", "ise"))
    with Stack(root, site=shape, settings=playbook_setting(playbooks)) as stack:
        yield stack


@pytest.fixture(scope="module")
def estate(site: Stack) -> Estate:
    return YamlInventory.load(site.estate).estate


@pytest.fixture
async def camera(site: Stack, estate: Estate) -> AsyncIterator[Device]:
    """A camera, whose systems are whole again afterwards."""
    found = next(
        d
        for d in estate.devices
        if d.device_class == "ip-camera" and d.criticality is Criticality.MEDIUM and d.attached
    )
    yield found
    for system in systems(found):
        await site.range.clear(system)


def systems(device: Device) -> list[str]:
    assert device.attached is not None
    switch = device.attached.switch
    return ["nac", switch, f"{switch}/snmp", f"{switch}/radius"]


def told(story: Story) -> dict[str, str]:
    """The error of each rung of the containment, in order."""
    return {
        outcome.rung: outcome.error
        for outcome in story.outcomes
        if outcome.action == "network.quarantine" and outcome.step.startswith("contain")
    }


@pytest.mark.parametrize("case", CASES)
async def test_when_a_road_fails_the_next_one_contains_and_the_receipt_tells_it(
    site: Stack, estate: Estate, camera: Device, case: str
) -> None:
    troubles, expected = CASES[case]
    assert camera.attached is not None
    for trouble in troubles:
        system = trouble.system.format(switch=camera.attached.switch)
        await site.range.inject(system, trouble.kind, match=trouble.match)
    sentinel, number = estate.sites[0].sentinel, [*CASES].index(case)
    async with (
        site.api("suricata") as detector,
        site.api("ada") as ada,
        site.api("grace") as grace,
    ):
        taken = await post(detector, eve([scan_by(camera, TECHNIQUE, number)]))
        agrees = functools.partial(agree, grace)
        story = await until_closed(ada, taken["alerts"][0]["incident"], agrees)
        report = await checked_receipt(site, ada, story.incident.id)
    assert report.valid, report.checks
    assert told(story) == expected
    assert (story.incident.status, story.incident.contained) == ("completed", True)
    kinds = [o.kind for o in story.outcomes if o.step.startswith("contain/")]
    assert kinds[-1] is OutcomeKind.ENFORCED
    ladder = [e.body["detail"] for e in story.of_kind(Kind.STEP) if e.body["what"] == "ladder"]
    assert str(ladder[0]).startswith("nac (ise) > radius (radius) > switch (netmiko) > snmp (snmp)")
    assert "controller: " in str(ladder[0])
    assert await asyncio.to_thread(answers, sentinel, camera)  # released at the end


async def test_a_dry_run_shows_every_rung_with_its_reason(site: Stack, camera: Device) -> None:
    async with site.api("ada") as ada:
        request = {"playbook": "by-any-road", "device": camera.id, "reason": "a look"}
        answer = await ada.post("/responses", json={**request, "dry_run": True})
    assert answer.status_code == 200, answer.text
    rungs = {line["rung"]: line for line in answer.json()["plans"]}
    assert rungs["nac"]["adapter"] == "ise"
    assert "own session" in rungs["nac"]["why"]
    assert "no `cloud`" in rungs["controller"]["refused"] or rungs["controller"]["refused"]
    assert rungs["port-down"]["plan"]["way_back"]
