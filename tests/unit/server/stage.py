"""The API on a stage: real ledger, tokens and inventory; an engine and triggers that remember."""

import asyncio
import contextlib
import functools
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
from fastapi import FastAPI

from firebreak.contracts.engine import Start, Started, Wanted
from firebreak.contracts.policy import Decide, Policy
from firebreak.domain.alert import Alert
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device
from firebreak.domain.hold import Hold
from firebreak.domain.people import Approval, Principal, Verdict
from firebreak.domain.record import Entry
from firebreak.errors import DefinitionError, NotFound
from firebreak.ledger.audit import AuditLog
from firebreak.ledger.store import SqlLedger
from firebreak.ledger.tokens import Tokens
from firebreak.playbook.catalogue import SHIPPED
from firebreak.playbook.program import Program, Set
from firebreak.policy.blast_radius import BlastRadius
from firebreak.policy.cedar import CedarPolicy
from firebreak.policy.facts import Facts
from firebreak.policy.files import shipped
from firebreak.policy.live import PolicyStatus
from firebreak.policy.rules import WHOLE
from firebreak.policy.vocabulary import Vocabulary
from firebreak.server.app import create_app
from firebreak.server.services import Services, Source
from firebreak.settings import Settings
from integrations.inventory.yaml_file import YamlInventory
from integrations.siem.suricata import SuricataParser

EVE = Path(__file__).parents[3] / "firebreak/cyber_range/data/suricata-mirai-eve.json"
SECRET_REF = "env:SURICATA_SECRET"
SECRET = "correct horse battery staple"

HEAD = """\
sites:
  - {id: plant, quarantine_vlan: 999, sentinel: {id: s, method: icmp, control: 10.20.0.1}}
devices:
"""


def estate(devices: int) -> str:
    """An estate file: cam-17 is the camera of the genuine alerts, dev-N has 10.30.x.y."""
    lines = [HEAD, "  - {id: cam-17, mac: '02:00:00:00:00:17', ip: 10.20.0.17, site: plant,"]
    lines.append(" class: ip-camera}\n")
    for n in range(devices):
        octets = f"{n >> 8 & 255}.{n & 255}"
        mac = f"02:00:00:01:{n >> 8 & 255:02x}:{n & 255:02x}"
        lines.append(f"  - {{id: dev-{n}, mac: '{mac}', ip: 10.30.{octets}, site: plant,")
        lines.append(" class: sensor}\n")
    return "".join(lines)


class Rehearsal:
    """An engine that starts one response for each playbook and device, and remembers all calls."""

    def __init__(self) -> None:
        self.calls: list[Start] = []
        self.told: list[tuple[object, ...]] = []
        self.fails: Callable[[Start], Exception | None] = lambda _: None
        self.cannot_keep: dict[str, Exception] = {}
        self.open = asyncio.Event()
        self.open.set()
        self.up = True
        self.running = 0
        self.most_running = 0
        self.alerts: Counter[tuple[str, str]] = Counter()

    async def respond(self, start: Start) -> Started:
        self.calls.append(start)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await self.open.wait()
            await asyncio.sleep(0)
        finally:
            self.running -= 1
        if error := self.fails(start):
            raise error
        for alert in start.alerts:
            self.alerts[start.device, alert.id] += 1
        workflow = f"respond/{start.playbook}/{start.device}"
        incident = "inc-" + hashlib.sha256(workflow.encode()).hexdigest()[:12]
        return Started(workflow=workflow, incident=incident)

    async def dry_run(self, start: Start) -> tuple[JsonObject, ...]:
        self.calls.append(start)
        return ({"action": "network.quarantine", "device": start.device},)

    async def decide(
        self, approval_id: str, plan_hash: str, verdict: Verdict, who: Principal, reason: str
    ) -> Approval:
        self.told.append(("decide", approval_id, plan_hash, verdict, who.id, reason))
        raise NotFound(f"no approval {approval_id}")

    async def delegate(self, approval_id: str, to: str, who: Principal, reason: str) -> Approval:
        self.told.append(("delegate", approval_id, to, who.id, reason))
        raise NotFound(f"no approval {approval_id}")

    async def snooze(self, approval_id: str, until: datetime, who: Principal) -> Approval:
        self.told.append(("snooze", approval_id, until, who.id))
        raise NotFound(f"no approval {approval_id}")

    async def change(
        self, approval_id: str, plan_hash: str, wanted: Wanted, who: Principal, reason: str
    ) -> Approval:
        self.told.append(("change", approval_id, plan_hash, wanted, who.id, reason))
        raise NotFound(f"no approval {approval_id}")

    async def cancel(self, incident: str, who: Principal, reason: str) -> None:
        self.told.append(("cancel", incident, who.id, reason))

    async def release(self, hold_id: str, who: Principal, reason: str) -> Hold:
        self.told.append(("release", hold_id, who.id, reason))
        raise NotFound(f"no hold {hold_id}")

    async def extend(self, hold_id: str, by_s: int, who: Principal, reason: str) -> Hold:
        self.told.append(("extend", hold_id, by_s, who.id, reason))
        raise NotFound(f"no hold {hold_id}")

    async def keep(self, hold: Hold) -> None:
        self.told.append(("keep", hold.id))
        if error := self.cannot_keep.get(hold.id):
            raise error

    async def ready(self) -> bool:
        return self.up


class Repertoire:
    """Playbooks by name; all of ``names`` match every alert."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ("mirai-botnet",)
        self.problems: tuple[str, ...] = ()

    def programs(self) -> tuple[Program, ...]:
        note = Set(id="noted", values={"seen": True})
        return tuple(Program(name=n, version=3, summary=n, steps=(note,)) for n in self.names)

    def matching(self, alert: Alert, device: Device) -> tuple[tuple[str, ...], tuple[str, ...]]:
        assert alert.devices[0] == device.id
        return self.names, self.problems


@dataclass
class Stage:
    """The app, what it stands on, and a token for each role.

    ``everybody`` is a person with all roles of people, ``script`` a program with them.
    """

    app: FastAPI
    http: httpx.AsyncClient
    ledger: SqlLedger
    engine: Rehearsal
    playbooks: Repertoire
    secrets: dict[str, str]

    def auth(self, role: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secrets[role]}"}

    async def post(self, body: bytes | str, role: str = "source:suricata") -> httpx.Response:
        return await self.http.post("/alerts/suricata", content=body, headers=self.auth(role))


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something that happens in a task of its own."""
    async with asyncio.timeout(30):
        while not await true():
            await asyncio.sleep(0.01)


PEOPLE = ("admin", "analyst", "on-call", "soc-lead")
ROLES = (*PEOPLE, "auditor", "break-glass", "source:suricata", "source:other")


def resolve(ref: str) -> str:
    if ref != SECRET_REF:
        raise DefinitionError(f"{ref} is not set")
    return SECRET


def receipts(chain: tuple[Entry, ...]) -> bytes:
    return b'{"entries": %d}' % len(chain)


def policy_status() -> PolicyStatus:
    return PolicyStatus(
        digest="sha256:ab",
        since=datetime(2026, 1, 31, 3, tzinfo=UTC),
        files=("default.cedar",),
        policies=12,
        problem="default.cedar:3: this is no policy",
    )


def deciding(
    policy: Policy, ledger: SqlLedger, blast_radius: BlastRadius, *, open_window: bool
) -> Decide:
    """The policy with all facts there are, whatever it mentions."""

    async def change_window(_: Device) -> bool:
        return open_window

    facts = Facts(
        ledger,
        blast_radius,
        lambda: frozenset({WHOLE}),
        change_window,
        lambda: datetime.now(UTC),
    )
    return functools.partial(facts.decide, policy)


@contextlib.asynccontextmanager
async def staged(
    where: Path, *, devices: int = 2, max_body_bytes: int = 4 * 1024 * 1024
) -> AsyncIterator[Stage]:
    """Everything in ``where``; the app's lifespan (sweeper and watch) does not run."""
    (where / "estate.yaml").write_text(estate(devices))
    ledger = await SqlLedger.open(f"sqlite:///{where / 'ledger.db'}")
    tokens = Tokens(ledger.database)
    secrets = {r: await tokens.create(f"the-{r.replace(':', '-')}", [r]) for r in ROLES}
    secrets["everybody"] = await tokens.create("the-everybody", PEOPLE)
    secrets["script"] = await tokens.create("the-script", ["automation", *PEOPLE])
    engine, playbooks = Rehearsal(), Repertoire()
    parser = SuricataParser()
    inventory = YamlInventory.load(where / "estate.yaml")
    status = policy_status()
    blast_radius = BlastRadius(lambda: inventory.estate.limits, inventory)
    services = Services(
        settings=Settings(state_dir=where, max_body_bytes=max_body_bytes),
        ledger=ledger,
        engine=engine,
        inventory=inventory,
        decide=deciding(
            CedarPolicy.load(shipped(), Vocabulary(SHIPPED)),
            ledger,
            blast_radius,
            open_window=False,
        ),
        blast_radius=blast_radius,
        playbooks=playbooks,
        tokens=tokens,
        sources={"suricata": Source(parser, SECRET_REF), "other": Source(parser, "env:NOT_THERE")},
        receipts=receipts,
        resolve_secret=resolve,
        audit=AuditLog(ledger.database),
        policy_status=lambda: status,
    )
    app = create_app(services)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://firebreak") as http:
        try:
            yield Stage(app, http, ledger, engine, playbooks, secrets)
        finally:
            engine.open.set()
            await app.state.intake.close()
            await ledger.close()
