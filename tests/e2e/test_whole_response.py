"""A genuine alert on a simulated site, from the detector's post to the verified receipt."""

import pytest

from firebreak.domain.estate import Estate
from firebreak.domain.plan import OutcomeKind, Reach
from firebreak.domain.record import Entry, Kind
from tests.e2e.journey import (
    GENUINE,
    agree,
    answers,
    by_id,
    checked_receipt,
    holds,
    post,
    until_closed,
)
from tests.e2e.stack import Stack

pytestmark = pytest.mark.xdist_group("heavy")


async def test_a_genuine_alert_ends_in_a_device_given_back_and_a_receipt_that_verifies(
    site: Stack, estate: Estate
) -> None:
    camera, sentinel = by_id(estate)["cam-17"], estate.sites[0].sentinel
    seen_by_people: list[tuple[bool, list[str]]] = []
    async with site.api("suricata") as detector, site.api("grace") as grace:

        async def decide(entry: Entry) -> None:
            if entry.kind is Kind.APPROVAL_REQUESTED:
                seen_by_people.append((answers(sentinel, camera), await holds(grace, "cam-17")))
                await agree(grace, entry)

        taken = await post(detector, GENUINE)
        incidents = {alert["incident"] for alert in taken["alerts"]}
        story = await until_closed(grace, incidents.pop(), decide)
        left = await holds(grace, "cam-17")
        report = await checked_receipt(site, grace, story.incident.id)
    assert (taken["accepted"], taken["unreadable"], len(incidents)) == (3, 0, 0)
    assert (story.incident.device, story.incident.status) == ("cam-17", "completed")
    assert story.incident.contained
    # Asked before anything was done, and again while it was contained.
    assert seen_by_people == [(True, []), (False, ["network.quarantine"])]
    contained, *_, released = [o for o in story.outcomes if o.action.startswith("network.")]
    assert contained.kind is OutcomeKind.ENFORCED
    assert [p.reach for p in contained.probes] == [Reach.REACHABLE, Reach.UNREACHABLE]
    assert [p.reach for p in released.probes] == [Reach.REACHABLE]
    assert left == []
    assert answers(sentinel, camera)
    assert report.valid, report.checks
