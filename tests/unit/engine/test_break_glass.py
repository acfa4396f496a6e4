"""Break-glass: what it overrides, for whom, and everything that it does not."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from activities.control import ControlRunner
from activities.witness import Witness
from activities.world import World
from firebreak.domain.base import JsonObject
from firebreak.domain.glass import BREAK_GLASS, Glass
from firebreak.domain.limits import Cap, Limits
from firebreak.domain.people import Gate, Principal, Terms
from firebreak.domain.plan import Outcome, OutcomeKind, Plan
from firebreak.domain.record import JOURNAL, Entry, Kind, NewEntry
from firebreak.domain.step import Answer, AnswerKind, Ask
from firebreak.errors import Busy, Forbidden, LedgerUnavailable, Rejected
from firebreak.ledger import receipt, story
from firebreak.ledger.signing import Signer
from firebreak.ledger.store import SqlLedger
from firebreak.ledger.verification import verify
from firebreak.playbook.catalogue import SHIPPED
from firebreak.policy.blast_radius import BlastRadius
from firebreak.policy.glass import Glasses, ending, lapse
from tests.workflows.policy import Rules
from tests.workflows.site import MemoryControl, MemoryInventory, MemorySite, camera, memory_controls

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
INCIDENT = "inc-0123456789ab"
ADA = Principal(id="ada", roles=frozenset({"analyst", BREAK_GLASS}))
GATE = (Gate(role="soc-lead", within_s=60),)


@dataclass
class Bench:
    """A control runner over a real ledger and a site in memory, with a clock that tests turn."""

    ledger: SqlLedger
    site: MemorySite
    rules: Rules = field(default_factory=Rules)
    now: datetime = START
    roles: dict[str, frozenset[str]] = field(default_factory=lambda: {"ada": ADA.roles})
    broken: int = 0

    def clock(self) -> datetime:
        # The site looks at the real clock before it sends; nothing else here does.
        return self.now

    async def current(self, who: Principal, at: datetime) -> Principal:
        assert at == self.now
        return who.model_copy(update={"roles": self.roles.get(who.id, frozenset())})

    def world(self, **more: Any) -> World:
        inventory = MemoryInventory(self.site)
        values: dict[str, Any] = {
            "catalogue": SHIPPED,
            "ledger": self.ledger,
            "policy": self.rules,
            "inventory": inventory,
            "controls": memory_controls(self.site),
            "locator": self.site,
            "operations": {},
            "witness": Witness(self.site, rounds=1, pause_s=0),
            "clock": self.clock,
            "send_window": timedelta(days=36500),
            "blast_radius": BlastRadius(lambda: self.site.limits, inventory),
            "guards": (self.site,),
            "glasses": Glasses(self.ledger, self.current, self.clock),
        }
        return World(**{**values, **more})

    async def isolate(
        self, who: Principal = ADA, device: str = "cam-17", **more: Any
    ) -> tuple[AnswerKind, Outcome | None]:
        answer = await self.answer(who, device, **more)
        return answer.kind, answer.outcome

    async def answer(
        self,
        who: Principal = ADA,
        device: str = "cam-17",
        *,
        world: World | None = None,
        last: bool = True,
        **more: Any,
    ) -> Answer:
        ask = Ask(
            incident=INCIDENT,
            response="respond/isolate/cam-17",
            step=f"contain-{device}",
            action="network.quarantine",
            rung="switch",
            device=device,
            requester=who,
            hold_s=3600,
        ).model_copy(update=more)
        return await ControlRunner(world or self.world()).perform(ask, last_attempt=last)

    async def break_glass(self, scope: str = "device/cam-17", who: str = "ada") -> Glass:
        self.broken += 1
        until = self.now + timedelta(minutes=15)
        glass = Glass(
            id=f"glass-{self.broken:012x}",
            scope=scope,
            who=who,
            reason="the press crushes somebody",
            at=self.now,
            expires_at=until,
            review_by=until + timedelta(days=3),
        )
        await self.ledger.append(journal(Kind.GLASS_BROKEN, glass.id, who, self.now, glass))
        return glass

    async def entries(self, kind: Kind, incident: str = INCIDENT) -> list[Entry]:
        return [e for e in await self.ledger.chain(incident) if e.kind is kind]


def journal(kind: Kind, key: str, who: str, at: datetime, glass: Glass) -> NewEntry:
    body = {"glass": glass.to_json()}
    return NewEntry(incident=JOURNAL, key=key, kind=kind, at=at, actor=who, body=body)


async def reviewed(bench: Bench, glass: Glass, who: str) -> None:
    body: JsonObject = {"glass": glass.id, "finding": "it was right"}
    await bench.ledger.append(
        NewEntry(
            incident=JOURNAL,
            key=f"reviewed by {who}",
            kind=Kind.REVIEW_CLOSED,
            at=bench.now,
            actor=who,
            body=body,
        )
    )


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    ledger = await SqlLedger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield Bench(ledger, MemorySite.of(camera(), camera(18), camera(1)))
    await ledger.close()


def refused(said: tuple[AnswerKind, Outcome | None]) -> str:
    """Which error refused it; "" when it was not refused."""
    outcome = said[1]
    return outcome.error if outcome and outcome.kind is OutcomeKind.REFUSED else ""


def engage(bench: Bench) -> None:
    bench.site.engaged = ["press-1 is running"] * 10


# -- what it overrides ---------------------------------------------------------------------------


async def test_an_engaged_interlock_is_overridden_and_the_record_says_by_whom_until_when(
    bench: Bench,
) -> None:
    engage(bench)
    glass = await bench.break_glass()
    answer = await bench.answer()
    assert answer.outcome is not None
    assert answer.outcome.kind is OutcomeKind.ENFORCED, answer.outcome.detail
    (plan,) = await bench.entries(Kind.PLAN)
    said = f"overridden by break-glass {glass.id} of ada until 2026-03-01 12:15:00 UTC: "
    assert f"{said}cam-17: press-1 is running" in str(plan.body["plan"])
    (intent,) = await bench.entries(Kind.INTENT)
    assert intent.body["override"] == {
        "glass": glass.id,
        "who": "ada",
        "scope": "device/cam-17",
        "until": "2026-03-01T12:15:00Z",
        "interlocks": ["cam-17: press-1 is running"],
        "gates": False,
    }


async def test_the_approvals_of_policy_are_passed_and_the_decision_names_the_glass(
    bench: Bench,
) -> None:
    bench.rules.gates["network.quarantine"] = GATE
    glass = await bench.break_glass("site/plant-1")
    _, outcome = await bench.isolate()
    assert outcome is not None
    assert outcome.kind is OutcomeKind.ENFORCED
    (decision,) = await bench.entries(Kind.DECISION)
    assert (decision.body["agreed"], decision.body["glass"]) == (True, glass.id)
    assert isinstance(decision.body["decision"], dict)
    assert decision.body["decision"]["effect"] == "approve"
    (intent,) = await bench.entries(Kind.INTENT)
    assert intent.body["override"]["gates"] is True  # type: ignore[index,call-overload]  # JSON


async def test_where_nothing_stands_in_the_way_a_glass_leaves_no_trace(bench: Bench) -> None:
    await bench.break_glass()
    _, outcome = await bench.isolate()
    assert outcome is not None
    assert outcome.kind is OutcomeKind.ENFORCED
    for kind in (Kind.INTENT, Kind.DECISION, Kind.PLAN):
        (entry,) = await bench.entries(kind)
        assert "glass" not in str(entry.body)


async def test_the_hash_of_the_plan_is_the_same_with_and_without_a_glass(bench: Bench) -> None:
    before = (await bench.answer(preview=True)).plan
    engage(bench)
    await bench.break_glass()
    under_glass = (await bench.answer(preview=True)).plan
    assert before is not None
    assert under_glass is not None
    assert before.evidence != under_glass.evidence
    assert before.hash == under_glass.hash
    _, outcome = await bench.isolate(plan=before)
    assert outcome is not None
    assert (outcome.kind, outcome.plan_hash) == (OutcomeKind.ENFORCED, before.hash)


async def test_the_receipt_shows_the_override_and_verifies(bench: Bench, tmp_path: Path) -> None:
    engage(bench)
    glass = await bench.break_glass()
    await bench.ledger.append(opening())
    await bench.isolate()
    signer = Signer.load_or_create(tmp_path / "keys")
    chain = await bench.ledger.chain(INCIDENT)
    signed = receipt.build(chain, signer)
    report = verify(signed, signer.public_key)
    assert all(check.ok for check in report.checks), report.checks
    shown: Any = receipt.told(chain)["overrides"]
    assert [(one["glass"], one["who"]) for one in shown] == [(glass.id, "ada")]


async def test_a_receipt_without_any_is_as_it_was(bench: Bench) -> None:
    await bench.ledger.append(opening())
    await bench.isolate()
    chain = await bench.ledger.chain(INCIDENT)
    assert (story.overrides(chain), "overrides" in receipt.told(chain)) == ([], False)


def opening() -> NewEntry:
    body: JsonObject = {
        "workflow": "respond/isolate/cam-17",
        "playbook": "isolate",
        "version": 1,
        "digest": "sha256:ab",
        "device": camera().to_json(),
        "title": "",
        "requester": "ada",
        "reason": "",
        "alerts": [],
        "detected_at": None,
        "policy": "sha256:cd",
    }
    return NewEntry(
        incident=INCIDENT, key="opened", kind=Kind.OPENED, at=START, actor="ada", body=body
    )


# -- what it does not ----------------------------------------------------------------------------


async def nothing_sent(bench: Bench, why: str, *, who: Principal = ADA, **more: Any) -> None:
    """Neither an interlock nor an approval gives way."""
    engage(bench)
    assert refused(await bench.isolate(who, **more)) == why
    assert bench.site.writes == []


async def test_a_glass_of_somebody_else_is_nobodys(bench: Bench) -> None:
    await bench.break_glass(who="grace")
    await nothing_sent(bench, "interlock-engaged")


async def test_automation_never_rides_on_a_glass_whatever_it_calls_itself(bench: Bench) -> None:
    await bench.break_glass()
    robot = ADA.model_copy(update={"kind": "automation"})
    await nothing_sent(bench, "interlock-engaged", who=robot)


@pytest.mark.parametrize("scope", ["device/cam-18", "device/cam-1", "site/plant-2", "site/cam-17"])
async def test_a_glass_of_another_device_or_site_opens_nothing(bench: Bench, scope: str) -> None:
    await bench.break_glass(scope)
    await nothing_sent(bench, "interlock-engaged")


FORGED = (
    "site/*",
    "*",
    "device/",
    "device/CAM-17",
    "device/\N{CYRILLIC SMALL LETTER ES}am-17",
    "site/plant-1\n",
    "all",
)


@pytest.mark.parametrize("scope", FORGED)
async def test_a_forged_scope_is_no_glass_at_all(bench: Bench, scope: str) -> None:
    with pytest.raises(ValueError, match="scope"):
        await bench.break_glass(scope)
    with pytest.raises(Exception, match="scope"):
        await bench.ledger.append(
            journal(
                Kind.GLASS_BROKEN,
                "forged",
                "ada",
                START,
                Glass.model_construct(
                    id="glass-000000000001",
                    scope=scope,
                    who="ada",
                    reason="x",
                    at=START,
                    expires_at=START + timedelta(hours=1),
                    review_by=START + timedelta(days=3),
                ),
            )
        )
    assert await bench.ledger.glasses() == ()


async def test_a_forbid_of_policy_stands(bench: Bench) -> None:
    await bench.break_glass()
    bench.rules.forbidden.add("network.quarantine")
    await nothing_sent(bench, "policy-denied")


async def test_a_halt_stands(bench: Bench) -> None:
    await bench.break_glass()
    body: JsonObject = {"halt": "h", "site": None, "reason": "stop"}
    await bench.ledger.append(
        NewEntry(incident=JOURNAL, key="h", kind=Kind.HALTED, at=START, actor="bo", body=body)
    )
    await nothing_sent(bench, "halted")


async def test_caps_hold(bench: Bench) -> None:
    await bench.break_glass()
    bench.site.limits = Limits(site=Cap(at_once=0), redundancy_group=None)
    await nothing_sent(bench, "blast-radius")


class OneWay(MemoryControl):
    """A control whose plans have no way back."""

    async def plan(self, *args: Any) -> Plan:
        made = await super().plan(*args)
        return made.model_copy(update={"reversible": False, "way_back": None})


async def test_what_cannot_be_undone_waits_for_people_and_interlocks(bench: Bench) -> None:
    await bench.break_glass()
    one_way = OneWay(bench.site, "switch", {"vlan": 666})
    one_way.capabilities = one_way.capabilities.model_copy(update={"reversible": False})
    world = bench.world(controls={("network.quarantine", "switch"): [one_way]})
    bench.rules.gates["network.quarantine"] = GATE
    kind, _ = await bench.isolate(world=world, hold_s=None)
    assert (kind, bench.site.writes) == (AnswerKind.GATED, [])
    await nothing_sent(bench, "interlock-engaged", world=world, hold_s=None)


async def test_the_people_whom_a_playbook_asks_are_still_asked(bench: Bench) -> None:
    await bench.break_glass()
    bench.rules.gates["network.quarantine"] = GATE
    kind, _ = await bench.isolate(author=Terms(gates=(Gate(role="on-call", within_s=60),)))
    assert (kind, bench.site.writes) == (AnswerKind.GATED, [])


async def test_a_role_that_was_taken_away_meanwhile_closes_the_glass(bench: Bench) -> None:
    await bench.break_glass()
    bench.roles["ada"] = frozenset({"analyst"})
    await nothing_sent(bench, "interlock-engaged")


async def test_without_a_reader_of_glasses_nothing_is_overridden(bench: Bench) -> None:
    await bench.break_glass()
    await nothing_sent(bench, "interlock-engaged", world=bench.world(glasses=None))


# -- time, and a ledger that cannot say ----------------------------------------------------------


@pytest.mark.parametrize("minutes", [15, 16, 10_000])
async def test_an_expired_glass_overrides_nothing_though_nobody_noted_its_end(
    bench: Bench, minutes: int
) -> None:
    glass = await bench.break_glass()
    bench.now += timedelta(minutes=minutes)
    await nothing_sent(bench, "interlock-engaged")
    (ended,) = await bench.entries(Kind.GLASS_ENDED, JOURNAL)
    assert (ended.body["glass"], ended.body["ended_at"]) == (glass.id, "2026-03-01T12:15:00+00:00")


async def test_a_clock_that_jumps_back_revives_no_glass_that_was_seen_to_end(bench: Bench) -> None:
    await bench.break_glass()
    bench.now += timedelta(minutes=16)
    await lapse(bench.ledger, await bench.ledger.glasses(), bench.now)
    bench.now -= timedelta(minutes=10)
    await nothing_sent(bench, "interlock-engaged")


async def test_a_glass_from_the_future_overrides_nothing(bench: Bench) -> None:
    await bench.break_glass()
    bench.now -= timedelta(hours=2)
    await nothing_sent(bench, "interlock-engaged")


@pytest.mark.parametrize("gated", [False, True], ids=["interlock", "approval"])
@pytest.mark.parametrize("how", ["time", "ended", "role"])
async def test_a_glass_that_is_over_between_preflight_and_effect_stops_the_effect(
    bench: Bench, how: str, gated: bool
) -> None:
    glass = await bench.break_glass()
    if gated:
        bench.rules.gates["network.quarantine"] = GATE
    else:
        engage(bench)
    looks = 0

    async def end_it_after_the_first_look(who: Principal, at: datetime) -> Principal:
        nonlocal looks
        looks += 1
        if how == "time":
            bench.now += timedelta(hours=1)
        elif how == "ended" and looks == 1:
            await bench.ledger.append(
                ending(glass, "grace", "enough", at=bench.now, ended_at=bench.now)
            )
        elif how == "role" and looks > 1:
            return who.model_copy(update={"roles": frozenset({"analyst"})})
        del at
        return ADA

    glasses = Glasses(bench.ledger, end_it_after_the_first_look, bench.clock)
    said = await bench.isolate(world=bench.world(glasses=glasses))
    assert refused(said) == ("policy-denied" if gated else "interlock-engaged")
    assert (looks >= 1, bench.site.writes) == (True, [])
    assert Kind.INTENT not in [e.kind for e in await bench.ledger.chain(INCIDENT)]


async def test_a_ledger_that_does_not_answer_means_no(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.break_glass()
    engage(bench)

    async def down(**_: object) -> tuple[Glass, ...]:
        raise LedgerUnavailable("it is down")

    monkeypatch.setattr(bench.ledger, "glasses", down)
    with pytest.raises(LedgerUnavailable):
        await bench.isolate()
    assert bench.site.writes == []


# -- one at a time, ended once, reviewed by another ----------------------------------------------


async def test_one_glass_is_in_force_for_a_scope_at_a_time(bench: Bench) -> None:
    first = await bench.break_glass()
    with pytest.raises(Rejected, match=first.id):
        await bench.break_glass()
    await bench.break_glass("site/plant-1")
    bench.now += timedelta(minutes=15)
    await bench.break_glass()


async def test_two_at_once_the_narrower_one_is_named(bench: Bench) -> None:
    await bench.break_glass("site/plant-1")
    narrow = await bench.break_glass()
    engage(bench)
    await bench.isolate()
    (intent,) = await bench.entries(Kind.INTENT)
    assert narrow.id in str(intent.body["override"])


async def test_an_end_is_noted_once_however_many_note_it(bench: Bench) -> None:
    glass = await bench.break_glass()
    late = bench.now + timedelta(hours=1)
    assert [await lapse(bench.ledger, [glass], late) for _ in range(2)] == [1, 1]
    assert len(await bench.entries(Kind.GLASS_ENDED, JOURNAL)) == 1
    ended = replace_end(glass)
    await lapse(bench.ledger, [ended], late)
    (listed,) = await bench.ledger.glasses()
    assert (listed.ended_at, listed.ended_by) == (glass.expires_at, "firebreak")


def replace_end(glass: Glass) -> Glass:
    """A glass read before somebody else ended it, with other times."""
    return glass.model_copy(update={"expires_at": glass.expires_at - timedelta(minutes=1)})


async def test_who_broke_the_glass_cannot_close_its_review_and_another_person_can(
    bench: Bench,
) -> None:
    glass = await bench.break_glass()
    with pytest.raises(Rejected, match="has not ended"):
        await reviewed(bench, glass, "edith")
    await lapse(bench.ledger, [glass], bench.now + timedelta(hours=1))
    with pytest.raises(Forbidden, match="another person"):
        await reviewed(bench, glass, "ada")
    await reviewed(bench, glass, "edith")
    assert await bench.ledger.glasses() == ()
    (closed,) = await bench.ledger.glasses(unreviewed_only=False)
    assert (closed.reviewed_by, closed.finding) == ("edith", "it was right")
    with pytest.raises(Rejected, match="already"):
        await reviewed(bench, glass, "grace")


async def test_nobody_can_break_a_glass_in_another_name_or_outside_the_journal(
    bench: Bench,
) -> None:
    glass = await bench.break_glass()
    other = glass.model_copy(update={"id": "glass-00000000000f", "scope": "device/cam-18"})
    entry = journal(Kind.GLASS_BROKEN, "forged", "mallory", START, other)
    with pytest.raises(Exception, match="its own actor"):
        await bench.ledger.append(entry)
    with pytest.raises(Exception, match="in the journal"):
        await bench.ledger.append(entry.model_copy(update={"incident": INCIDENT, "actor": "ada"}))


async def lost_under_glass(bench: Bench) -> tuple[World, Glass]:
    """A write that never arrived, sent under a glass in place of people."""
    bench.now = datetime.now(UTC)
    bench.rules.gates["network.quarantine"] = GATE
    glass = await bench.break_glass()
    bench.site.faults.lose_write.add("switch")
    world = bench.world(send_window=timedelta(seconds=5))
    with pytest.raises(Busy):
        await bench.answer(world=world, last=False)
    return world, glass


async def test_what_is_sent_again_needs_the_glass_again(bench: Bench) -> None:
    world, glass = await lost_under_glass(bench)
    await bench.ledger.append(ending(glass, "grace", "x", at=bench.now, ended_at=bench.now))
    bench.now += timedelta(seconds=6)
    answer = await bench.answer(world=world)
    assert answer.outcome is not None
    assert (answer.outcome.kind, answer.outcome.error) == (OutcomeKind.FAILED, "policy-denied")
    assert "not sent again" in answer.outcome.detail
    assert bench.site.writes == []


async def test_what_is_sent_again_under_a_glass_that_stands_is_overridden_again(
    bench: Bench,
) -> None:
    world, glass = await lost_under_glass(bench)
    bench.now += timedelta(seconds=6)
    answer = await bench.answer(world=world)
    assert answer.outcome is not None
    assert answer.outcome.kind is OutcomeKind.ENFORCED
    overrides = [intent.body["override"] for intent in await bench.entries(Kind.INTENT)]
    assert [one["glass"] for one in overrides if isinstance(one, dict)] == [glass.id] * 2
