"""A dispatcher over a real ledger, and channels that remember what they were told."""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from firebreak.contracts.people import Channel, Keep, Story, Weight
from firebreak.dispatch.dispatcher import Dispatcher
from firebreak.dispatch.hearing import Rules
from firebreak.dispatch.pace import Pace
from firebreak.domain.base import JsonObject
from firebreak.domain.people import Approval, ApprovalState, Gate
from firebreak.domain.record import Entry, Kind, NewEntry
from firebreak.ledger.deliveries import SqlDeliveries
from firebreak.ledger.store import SqlLedger
from firebreak.ledger.tables import deliveries

FAST = Pace(
    poll_s=0.01,
    recent_s=60,
    wide_every_s=0.5,
    flush_every_s=0.02,
    peek_s=0.02,
    retry_s=0.02,
    retry_most_s=0.06,
    slow_s=0.05,
    slow_most_s=0.05,
    grace_s=0.2,
)
HASTY = dataclasses.replace(FAST, tell_s=2, lease_s=3)  # for a call that hangs, a server killed


@dataclass
class Listener:
    """A channel: ``before`` may raise, or take its time; what it was told stands in ``heard``."""

    before: Callable[[Story], Awaitable[None]] | None = None
    calls: list[Story] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    known: list[JsonObject] = field(default_factory=list)
    closed: bool = False

    async def tell(self, story: Story, known: JsonObject, keep: Keep) -> JsonObject:
        del keep
        self.known.append(known)
        if self.before is not None:
            await self.before(story)
        self.calls.append(story)
        self.moments.append(time.monotonic())
        self.heard += [f"{each.entry.incident}/{each.entry.key}" for each in story.news]
        return {"calls": len(self.calls)}

    async def close(self) -> None:
        self.closed = True


def rules(name: str = "desk", **changes: Any) -> Rules:
    return Rules(**{"name": name, "kind": "listener", "weight": Weight.DETAIL, **changes})


def receipts(chain: tuple[Entry, ...]) -> bytes:
    return f"receipt of {len(chain)} entries".encode()


@asynccontextmanager
async def playing(
    ledger: SqlLedger, *channels: tuple[Rules, Channel], pace: Pace = FAST
) -> AsyncIterator[Dispatcher]:
    """A dispatcher that runs until the block ends."""
    dispatcher = Dispatcher(ledger, SqlDeliveries(ledger.database), channels, receipts, pace)
    task = asyncio.create_task(dispatcher.run())
    try:
        await met(ledger, [rule.name for rule, _ in channels])
        yield dispatcher
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def met(ledger: SqlLedger, names: Sequence[str]) -> None:
    """Wait until the channels have begun, so that what comes now is news to them."""
    known = select(deliveries.c.channel).where(deliveries.c.incident == "")

    async def all_known() -> bool:
        rows = await ledger.database.read(lambda connection: connection.scalars(known).all())
        return set(names) <= set(rows)

    await until(all_known, 30)


async def until(true: Callable[[], Awaitable[bool]], within_s: float = 10) -> None:
    async with asyncio.timeout(within_s):
        while not await true():
            await asyncio.sleep(0.005)


async def quiet(ledger: SqlLedger, *names: str) -> None:
    """Nothing is left to be told, and it is saved."""
    store = SqlDeliveries(ledger.database)

    async def nothing_left() -> bool:
        return not await store.behind(names, None)

    await until(nothing_left)


async def heard(listener: Listener, *keys: str, within_s: float = 10) -> None:
    async def all_of_them() -> bool:
        return set(keys) <= set(listener.heard)

    await until(all_of_them, within_s)


def chain(number: int) -> str:
    return f"inc-{number:012x}"


def new(kind: Kind, key: str, number: int = 1, *, ago_s: float = 0, **body: Any) -> NewEntry:
    at = datetime.now(UTC) - timedelta(seconds=ago_s)
    return NewEntry(incident=chain(number), key=key, kind=kind, at=at, actor="ana", body=body)


def opened(number: int = 1, *, site: str = "plant", title: str = "telnet scan") -> NewEntry:
    device = {"id": f"cam-{number}", "site": site, "mac": "02:00:00:00:00:17"}
    return new(
        Kind.OPENED,
        "opened",
        number,
        workflow=f"respond/mirai/cam-{number}",
        playbook="mirai-botnet",
        version=3,
        digest="sha256:" + "1" * 64,
        device=device,
        title=title,
        requester="suricata",
        reason="alert",
        alerts=["suricata:0123456789abcdef"],
        detected_at=datetime.now(UTC).isoformat(),
        policy="sha256:" + "2" * 64,
    )


def approval(number: int = 1, state: ApprovalState = ApprovalState.PENDING) -> Approval:
    now = datetime.now(UTC).replace(microsecond=0)
    return Approval(
        id=f"{chain(number)}.1",
        incident=chain(number),
        step="contain",
        plans=("sha256:" + "4" * 64,),
        plan_hash="sha256:" + "3" * 64,
        summary=("quarantine cam-17: VLAN 10 -> 666",),
        gates=(Gate(role="on-call"),),
        why="policy",
        requester="suricata",
        requested_at=now,
        expires_at=now + timedelta(minutes=15),
        state=state,
    )


def asks(number: int = 1, *, ago_s: float = 0) -> NewEntry:
    asked = approval(number).to_json()
    return new(
        Kind.APPROVAL_REQUESTED, "asked", number, ago_s=ago_s, step="contain", approval=asked
    )


def settled(number: int = 1) -> NewEntry:
    closed = approval(number, ApprovalState.APPROVED).to_json()
    return new(Kind.APPROVAL_CLOSED, "agreed", number, approval=closed)


def note(key: str, number: int = 1) -> NewEntry:
    return new(Kind.NOTE, key, number, text=key)


def ended(number: int = 1) -> NewEntry:
    return new(Kind.CLOSED, "closed", number, status="completed", contained=True, detail="")
