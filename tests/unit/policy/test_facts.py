"""What policies may ask about beside the plan is looked up, and only where they ask."""

from collections.abc import AsyncIterator, Collection
from datetime import UTC, datetime
from pathlib import Path

import pytest

from firebreak.contracts.policy import Blast, Policy, Question
from firebreak.domain.base import JsonObject
from firebreak.domain.device import Device
from firebreak.domain.limits import Limits, Reservation, Room, Usage
from firebreak.domain.people import Decision, Effect
from firebreak.domain.record import Kind, NewEntry
from firebreak.ledger.store import SqlLedger
from firebreak.policy.blast_radius import BlastRadius
from firebreak.policy.cedar import CedarPolicy
from firebreak.policy.facts import Facts
from firebreak.policy.files import read
from tests.unit.policy.asking import ALLOW, VOCABULARY, permit, question
from tests.workflows.site import MemoryInventory, MemorySite, camera

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FEW = '@id("few") @summary("few") permit (principal, action, resource) when { %s };\n'


class Counting(SqlLedger):
    """How often it was asked how full it is."""

    asked = 0

    async def usage(
        self, now: datetime, *, scopes: Collection[str] | None = None, but: str = ""
    ) -> tuple[Usage, ...]:
        self.asked += 1
        return await super().usage(now, scopes=scopes, but=but)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Counting]:
    found = await Counting.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield found
    await found.close()


async def hold(ledger: SqlLedger, device: str, *scopes: str) -> None:
    body: JsonObject = {"step": device}
    entry = NewEntry(
        incident="inc-0123456789ab",
        key=f"intent:{device}",
        kind=Kind.INTENT,
        at=NOW,
        actor="ada",
        body=body,
    )
    rooms = tuple(Room(scope=scope) for scope in scopes)
    reserve = Reservation(
        device=device, site="plant", step=device, hold=f"hold/{device}/x", rooms=rooms
    )
    await ledger.append(entry, reserve=reserve)


def policy(folder: Path, text: str) -> CedarPolicy:
    (folder / "a.cedar").write_text(text)
    return CedarPolicy(read(folder, VOCABULARY), VOCABULARY)


def facts(ledger: SqlLedger, mentions: frozenset[str], *, window: bool = False) -> Facts:
    async def change_window(device: Device) -> bool:
        assert device.id == "cam-17"
        return window

    blast_radius = BlastRadius(Limits, MemoryInventory(MemorySite.of(camera())))
    return Facts(ledger, blast_radius, lambda: mentions, change_window, lambda: NOW)


async def decided(ledger: SqlLedger, folder: Path, text: str, *, window: bool = False) -> Effect:
    asked = policy(folder, text)
    found = facts(ledger, asked.policies.mentions, window=window)
    return (await found.decide(asked, question())).effect


@pytest.mark.parametrize(
    "condition",
    [
        "context.blast.site < 2",
        'context.blast["class"] < 2',
        "context.blast.last_hour < 2",
        'context["blast"].site < 2',
        r'context["bl\u{61}st"].site < 2',
        "context has blast && context.blast.site < 2",
        "if context.drill then true else context.blast.site < 2",
    ],
)
async def test_a_policy_counts_the_others_that_are_held(
    ledger: Counting, tmp_path: Path, condition: str
) -> None:
    text = FEW % condition
    assert await decided(ledger, tmp_path, text) is Effect.ALLOW
    for name in ("cam-1", "cam-2"):
        await hold(ledger, name, "site/plant", "class/ip-camera")
    assert await decided(ledger, tmp_path, text) is Effect.FORBID


async def test_the_device_itself_and_other_places_do_not_count(
    ledger: Counting, tmp_path: Path
) -> None:
    await hold(ledger, "cam-17", "site/plant")
    await hold(ledger, "cam-5", "site/plant-2", "class/sensor", "switch/sw-9")
    assert await decided(ledger, tmp_path, FEW % "context.blast.site < 1") is Effect.ALLOW


@pytest.mark.parametrize(
    "text", [ALLOW, permit("context.severity > 0"), "// context.blast\n" + ALLOW]
)
async def test_nothing_is_looked_up_where_no_policy_asks(
    ledger: Counting, tmp_path: Path, text: str
) -> None:
    asked = policy(tmp_path, text)
    assert not asked.policies.mentions & {"blast", "change_window", "*"}
    assert await decided(ledger, tmp_path, text, window=True) is Effect.ALLOW
    assert ledger.asked == 0


@pytest.mark.parametrize("window", [True, False])
async def test_a_policy_knows_whether_a_change_window_is_open(
    ledger: Counting, tmp_path: Path, window: bool
) -> None:
    effect = await decided(ledger, tmp_path, FEW % "context.change_window", window=window)
    assert effect is (Effect.ALLOW if window else Effect.FORBID)
    assert ledger.asked == 0


class Changing:
    """Policies that begin to mention the blast radius while they are asked."""

    digest = "sha256:ab"

    def __init__(self) -> None:
        self.mentions: frozenset[str] = frozenset()
        self.asked: list[Blast] = []

    def decide(self, question: Question) -> Decision:
        self.mentions = frozenset({"blast"})
        self.asked.append(question.blast)
        return Decision(effect=Effect.ALLOW)


async def test_policies_that_change_meanwhile_are_asked_again_with_what_they_mention(
    ledger: Counting,
) -> None:
    await hold(ledger, "cam-1", "site/plant")
    changing = Changing()
    asked: Policy = changing
    blast_radius = BlastRadius(Limits, MemoryInventory(MemorySite.of(camera())))
    found = Facts(ledger, blast_radius, lambda: changing.mentions, None, lambda: NOW)
    await found.decide(asked, question())
    assert [blast.site for blast in changing.asked] == [0, 1]
