"""What the ledger really holds is what docs/reference/entries.md says it holds."""

import asyncio
from typing import Any

import httpx
import pytest

from docs.from_code.entries import KINDS
from firebreak.domain.record import Kind
from tests.docs.site import Site

LONGEST_S = 60


@pytest.mark.xdist_group("docs-site")
async def test_the_bodies_of_real_entries_have_the_documented_fields_and_no_others(
    site: Site,
) -> None:
    async with _api(site, "admin") as admin, _api(site, "oncall") as oncall:
        entries = await _whole_life(admin, oncall)
    seen = {Kind(entry["kind"]) for entry in entries}
    assert {Kind.OPENED, Kind.PLAN, Kind.INTENT, Kind.OUTCOME, Kind.HOLD_ENDED} <= seen
    assert {
        (entry["kind"], *_undocumented(entry)) for entry in entries if _undocumented(entry)
    } == set()


def _undocumented(entry: dict[str, Any]) -> list[str]:
    """Fields that are there and not documented, and the other way round."""
    written, fields = KINDS[Kind(entry["kind"])], set(entry["body"])
    return sorted((fields - {*written.body, *written.sometimes}) | (set(written.body) - fields))


async def _whole_life(admin: httpx.AsyncClient, oncall: httpx.AsyncClient) -> list[Any]:
    """Isolate, refuse a vote, approve, extend, release."""
    asked = {"playbook": "isolate", "device": "cam-25", "reason": "the docs"}
    incident = (await admin.post("/responses", json=asked)).json()["incident"]
    await _until(admin, incident, Kind.APPROVAL_REQUESTED)
    (request,) = [
        a for a in (await admin.get("/approvals")).json()["approvals"] if a["incident"] == incident
    ]
    vote = {"verdict": "approve", "plan_hash": request["plan_hash"], "reason": "read"}
    decide = f"/approvals/{request['id']}/decide"
    assert (await admin.post(decide, json=vote)).status_code == 403
    assert (await oncall.post(decide, json=vote)).status_code == 200
    await _until(admin, incident, Kind.CLOSED)
    hold = "/holds/cam-25/network.quarantine"
    longer = {"by_s": 60, "reason": "a minute more"}
    assert (await admin.post(f"{hold}/extend", json=longer)).status_code == 200
    assert (await admin.post(f"{hold}/release", json={"reason": "done"})).status_code == 200
    return await _until(admin, incident, Kind.HOLD_ENDED)


async def _until(api: httpx.AsyncClient, incident: str, kind: Kind) -> list[Any]:
    async with asyncio.timeout(LONGEST_S):
        while True:
            answer = await api.get(f"/incidents/{incident}/events", params={"wait": 5})
            entries: list[Any] = answer.json().get("entries", [])
            if any(entry["kind"] == kind for entry in entries):
                return entries
            await asyncio.sleep(0.1)


def _api(site: Site, name: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {site.token(name)}"}
    return httpx.AsyncClient(base_url=site.url, headers=headers, timeout=60, trust_env=False)
