"""What detectors and people do to a stack, and what comes of it, seen from outside."""

import asyncio
import json
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from importlib import resources
from ipaddress import ip_address, ip_network
from itertools import chain
from typing import Any, cast

import httpx

from firebreak.contracts.ledger import AlertRow, IncidentRow
from firebreak.domain.device import Device
from firebreak.domain.estate import Estate, Sentinel
from firebreak.domain.people import Approval
from firebreak.domain.plan import Outcome
from firebreak.domain.record import Entry, Kind
from firebreak.ledger.signing import read_public_key
from firebreak.ledger.verification import Report, verify
from tests.e2e.stack import Stack

Json = dict[str, Any]

GENUINE = (
    resources.files("firebreak.cyber_range") / "data" / "suricata-mirai-eve.json"
).read_bytes()

_POLL_S = 20
_KNOCK_S = 0.5


@dataclass(frozen=True)
class Story:
    """A response as its record tells it."""

    incident: IncidentRow
    entries: tuple[Entry, ...]

    @property
    def outcomes(self) -> list[Outcome]:
        """The last words on all steps, in order."""
        bodies = [e.body for e in self.entries if e.kind is Kind.OUTCOME]
        return [Outcome.model_validate(body["outcome"]) for body in bodies]

    def of_kind(self, kind: Kind) -> list[Entry]:
        """The entries of one kind, in order."""
        return [entry for entry in self.entries if entry.kind is kind]


def scan_by(device: Device, technique: str, number: int = 1) -> Json:
    """The genuine first record as if ``device`` had done it; ``number`` tells scans apart."""
    record: Json = json.loads(GENUINE.splitlines()[0])
    record["alert"]["metadata"]["mitre_technique_id"] = [technique]
    flow_id = int(technique.removeprefix("T")) * 1_000_000 + number
    return {**record, "src_ip": device.ip, "flow_id": flow_id, "flow": None}


def eve(records: Iterable[Json]) -> bytes:
    """Records as Suricata writes them: one a line."""
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


async def post(api: httpx.AsyncClient, body: bytes) -> Json:
    """Post records as a detector; the answer."""
    answer = await api.post("/alerts/suricata", content=body)
    assert answer.status_code == 202, answer.text
    taken: Json = answer.json()
    return taken


async def until_closed(
    api: httpx.AsyncClient, incident: str, each: Callable[[Entry], Awaitable[None]] | None = None
) -> Story:
    """Follow a response to its end; ``each`` sees every entry when it comes."""
    entries: list[Entry] = []
    wait = _POLL_S
    while True:
        asked = {"after": entries[-1].seq if entries else -1, "wait": wait}
        answer = await api.get(f"/incidents/{incident}/events", params=asked)
        assert answer.status_code == 200, answer.text
        row = IncidentRow.model_validate(answer.json()["incident"])
        news = [Entry.model_validate(entry) for entry in answer.json()["entries"]]
        if row.status != "open":
            if not news:
                return Story(row, tuple(entries))
            wait = 0  # nothing may come any more
        for entry in news:
            entries.append(entry)
            if each is not None:
                await each(entry)


async def settled(api: httpx.AsyncClient, device: str) -> list[AlertRow]:
    """The alerts of a device, once none of them is on its way any more."""
    while True:
        answer = await api.get("/alerts", params={"limit": 1000})
        rows = [AlertRow.model_validate(row) for row in answer.json()["alerts"]]
        ours = [row for row in rows if row.alert.devices[:1] == (device,)]
        if all(row.disposition != "received" for row in ours):
            return ours
        await asyncio.sleep(0.3)


async def agree(voter: httpx.AsyncClient, entry: Entry) -> None:
    """Where people are asked, vote for exactly the plans that were shown."""
    if entry.kind is not Kind.APPROVAL_REQUESTED:
        return
    request = Approval.model_validate(entry.body["approval"])
    vote = {"verdict": "approve", "plan_hash": request.plan_hash, "reason": "seen and agreed"}
    answer = await voter.post(f"/approvals/{request.id}/decide", json=vote)
    assert answer.status_code == 200, answer.text


async def holds(api: httpx.AsyncClient, device: str) -> list[str]:
    """The actions that hold a device now."""
    answer = await api.get("/holds")
    return [hold["action"] for hold in answer.json()["holds"] if hold["device"] == device]


async def checked_receipt(stack: Stack, api: httpx.AsyncClient, incident: str) -> Report:
    """Fetch a receipt and verify it offline, with nothing but the public key."""
    answer = await api.get(f"/incidents/{incident}/receipt")
    assert answer.status_code == 200, answer.text
    return verify(answer.content, read_public_key(stack.public_key.read_bytes()))


def answers(sentinel: Sentinel, device: Device) -> bool:
    """Whether a TCP connection to the device comes about: the truth, past all of our own code."""
    ip = ip_address(str(device.ip))
    for inside, outside in sentinel.nat.items():
        network = ip_network(inside)
        if ip in network:
            ip = ip_network(outside)[int(ip) - int(network.network_address)]
    try:
        with socket.create_connection((str(ip), sentinel.port or 0), timeout=_KNOCK_S):
            return True
    except TimeoutError:
        return False


def by_id(estate: Estate) -> dict[str, Device]:
    """The devices of an estate."""
    return {device.id: device for device in estate.devices}


def named_in(story: Story) -> Counter[str]:
    """The alerts that the record of a response names, and how often."""
    opened = [cast("list[str]", e.body["alerts"]) for e in story.of_kind(Kind.OPENED)]
    joined = [cast("list[Json]", e.body["alerts"]) for e in story.of_kind(Kind.JOINED)]
    return Counter([*chain(*opened), *(alert["id"] for alert in chain(*joined))])
