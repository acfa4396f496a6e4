"""Who has a device, from intent to release. On SQLite, and in tests/peers on PostgreSQL."""

from datetime import timedelta
from typing import Any

import pytest

from firebreak.contracts.ledger import Claim
from firebreak.domain.hold import Hold, HoldState
from firebreak.domain.plan import OutcomeKind
from firebreak.domain.record import Kind, NewEntry
from firebreak.errors import Busy
from firebreak.ledger.store import SqlLedger
from tests.unit.ledger import chains
from tests.unit.ledger.chains import CLAIM, HOLD, INCIDENT, OTHER, note

AGAIN = CLAIM.model_copy(update={"plan": chains.plan(vlan=666), "step": "port-down"})
LIFE = chains.at(5)


async def live(ledger: SqlLedger) -> Hold:
    hold = await ledger.hold(HOLD)
    assert hold is not None
    return hold


async def held(ledger: SqlLedger) -> HoldState | None:
    hold = await ledger.hold(HOLD)
    assert (hold is None) == (HOLD not in {h.id for h in await ledger.holds()})
    return hold.state if hold else None


async def test_a_claim_is_pending_from_its_intent_and_active_once_started(
    ledger: SqlLedger,
) -> None:
    await ledger.append(chains.opened(), chains.intent(), claim=CLAIM)
    assert await held(ledger) is HoldState.PENDING
    await ledger.append(chains.acted())
    assert await held(ledger) is HoldState.PENDING
    await ledger.append(chains.hold_started())
    hold = await ledger.hold(HOLD)
    assert hold is not None
    assert (hold.state, hold.incident, hold.owner) == (HoldState.ACTIVE, INCIDENT, "ana")
    assert hold.expires_at == chains.at(3600)
    assert hold.plan == chains.plan()


@pytest.mark.parametrize("kind", [OutcomeKind.REFUSED, OutcomeKind.FAILED])
async def test_an_effect_that_did_not_happen_frees_the_device(
    ledger: SqlLedger, kind: OutcomeKind
) -> None:
    await ledger.append(chains.opened(), chains.intent(), claim=CLAIM)
    await ledger.append(chains.acted(chains.outcome(kind)))
    assert await held(ledger) is None
    assert not (await ledger.incident(INCIDENT)).contained


async def test_an_unknown_end_leaves_the_hold_stuck_until_it_is_ended(ledger: SqlLedger) -> None:
    await ledger.append(chains.opened(), chains.intent(), claim=CLAIM)
    await ledger.append(chains.acted(chains.outcome(OutcomeKind.UNKNOWN)))
    hold = await ledger.hold(HOLD)
    assert hold is not None
    assert (hold.state, hold.detail) == (HoldState.STUCK, chains.outcome().detail)
    await ledger.append(chains.acted(chains.outcome(OutcomeKind.FAILED), key="second"))
    assert await held(ledger) is HoldState.STUCK, "a later failure says nothing of the first"
    await ledger.append(chains.hold_ended())
    assert await held(ledger) is None


async def test_another_incident_finds_the_device_busy_and_records_nothing(
    ledger: SqlLedger,
) -> None:
    await ledger.append(chains.opened(), chains.intent(), claim=CLAIM)
    other = chains.intent(incident=OTHER)
    with pytest.raises(Busy):
        await ledger.append(note("n", incident=OTHER), other, claim=CLAIM)
    assert await ledger.entry(OTHER, "n") is None
    await ledger.append(chains.acted(), chains.hold_started(), chains.hold_ended())
    await ledger.append(note("n", incident=OTHER), other, claim=CLAIM)
    hold = await ledger.hold(HOLD)
    assert hold is not None
    assert (hold.incident, hold.state) == (OTHER, HoldState.PENDING)


async def test_the_same_step_may_take_its_claim_again(ledger: SqlLedger) -> None:
    await ledger.append(chains.intent(1), claim=CLAIM)
    newer = CLAIM.model_copy(update={"plan": chains.plan(vlan=20)})
    await ledger.append(chains.intent(2), claim=newer)
    hold = await ledger.hold(HOLD)
    assert hold is not None
    assert hold.plan.before["vlan"] == 20, "nothing came of the first: the newer plan is applied"


async def test_a_second_effect_never_replaces_the_way_back_of_the_first(ledger: SqlLedger) -> None:
    await ledger.append(chains.intent(1), claim=CLAIM)
    await ledger.append(chains.acted())
    quarantined = chains.plan(vlan=666)
    again = CLAIM.model_copy(update={"plan": quarantined})
    await ledger.append(chains.intent(2), claim=again)
    await ledger.append(chains.acted(key="again", plan_=quarantined))
    await ledger.append(chains.acted(chains.outcome(OutcomeKind.FAILED), key="failed"))
    hold = await ledger.hold(HOLD)
    assert hold is not None
    assert hold.plan.before["vlan"] == 10


async def test_a_repeated_intent_does_not_bring_a_dropped_claim_back(ledger: SqlLedger) -> None:
    await ledger.append(chains.intent(), claim=CLAIM)
    await ledger.append(chains.acted(chains.outcome(OutcomeKind.REFUSED)))
    (again,) = await ledger.append(chains.intent(), claim=CLAIM)
    assert not again.created
    assert await held(ledger) is None


async def test_a_change_in_force_has_a_hold_even_when_its_claim_was_lost(
    ledger: SqlLedger,
) -> None:
    await ledger.append(chains.opened(), chains.acted(), chains.hold_started())
    assert await held(ledger) is HoldState.ACTIVE


async def test_no_incident_can_change_the_hold_of_another(ledger: SqlLedger) -> None:
    await ledger.append(chains.intent(), claim=CLAIM)
    await ledger.append(chains.acted(), chains.hold_started())
    before = await ledger.hold(HOLD)
    await ledger.append(
        chains.hold_ended(incident=OTHER),
        chains.acted(chains.outcome(OutcomeKind.FAILED), incident=OTHER),
        chains.hold_started(until=9, incident=OTHER),
        chains.hold_stuck("mine", incident=OTHER),
        chains.hold_extended(until=9e6, incident=OTHER),
    )
    assert await ledger.hold(HOLD) == before
    assert len(await ledger.chain(OTHER)) == 5, "what was said is recorded all the same"


async def test_a_hold_can_be_extended_and_get_stuck(ledger: SqlLedger) -> None:
    await ledger.append(chains.intent(), claim=CLAIM)
    await ledger.append(chains.acted(), chains.hold_started())
    await ledger.append(chains.hold_extended(until=9000))
    hold = await ledger.hold(HOLD)
    assert hold is not None
    assert (hold.expires_at, hold.state) == (chains.at(9000), HoldState.ACTIVE)
    await ledger.append(chains.hold_stuck())
    assert await held(ledger) is HoldState.STUCK


async def test_holds_are_listed_soonest_expiry_first_and_pending_ones_last(
    ledger: SqlLedger,
) -> None:
    for device, until in (("cam-1", 50), ("cam-2", 10), ("cam-3", 0)):
        plan = chains.plan(device=device)
        claim = Claim(device=device, action=chains.ACTION, plan=plan, owner="ana")
        await ledger.append(note(device), claim=claim)
        hold = f"hold/{device}/{chains.ACTION}"
        body = {"hold": hold, "expires_at": chains.at(until).isoformat(), "owner": "ana"}
        if until:
            await ledger.append(chains.new(Kind.HOLD_STARTED, f"h{device}", body))
    assert [h.device for h in await ledger.holds()] == ["cam-2", "cam-1", "cam-3"]


# -- one step at a time -------------------------------------------------------------------------


def second(kind: OutcomeKind) -> NewEntry:
    """The outcome of another step of the same incident, with its own plan."""
    said = chains.outcome(kind, step="port-down")
    return chains.acted(said, key="outcome:port-down", plan_=AGAIN.plan)


async def claimed(ledger: SqlLedger) -> None:
    await ledger.append(chains.intent(), claim=CLAIM)


async def in_force(ledger: SqlLedger) -> None:
    await ledger.append(chains.intent(), claim=CLAIM)
    await ledger.append(chains.acted())


async def active(ledger: SqlLedger) -> None:
    await ledger.append(chains.intent(), claim=CLAIM)
    started = chains.saying(chains.hold_started(), started_at=LIFE.isoformat())
    await ledger.append(chains.acted(), started)


async def stuck(ledger: SqlLedger) -> None:
    await ledger.append(chains.intent(), claim=CLAIM)
    await ledger.append(chains.acted(chains.outcome(OutcomeKind.UNKNOWN)))


@pytest.mark.parametrize("way", [claimed, in_force, active, stuck])
async def test_another_step_of_the_incident_finds_the_device_busy(
    ledger: SqlLedger, way: Any
) -> None:
    await way(ledger)
    before = await live(ledger)
    with pytest.raises(Busy, match="step contain of"):
        await ledger.append(note("second"), claim=AGAIN)
    assert await ledger.entry(INCIDENT, "second") is None
    assert await live(ledger) == before


async def test_a_claim_without_a_step_is_another_one_than_that_of_a_step(
    ledger: SqlLedger,
) -> None:
    await ledger.append(chains.intent(), claim=CLAIM.model_copy(update={"step": ""}))
    with pytest.raises(Busy):
        await ledger.append(note("second"), claim=CLAIM)
    await ledger.append(chains.acted(chains.outcome(OutcomeKind.REFUSED)))
    assert await held(ledger) is None, "it answers to every step of its incident"


@pytest.mark.parametrize("kind", list(OutcomeKind))
@pytest.mark.parametrize("way", [claimed, in_force, active, stuck])
async def test_the_outcome_of_another_step_never_touches_the_way_back(
    ledger: SqlLedger, kind: OutcomeKind, way: Any
) -> None:
    await way(ledger)
    before = await live(ledger)
    started = chains.saying(chains.hold_started(until=9), step="port-down")
    await ledger.append(second(kind), started.model_copy(update={"key": "hold:port-down"}))
    assert await live(ledger) == before
    await ledger.append(chains.acted(key="own"))
    assert (await live(ledger)).plan.before["vlan"] == 10


async def test_a_step_may_take_what_another_step_has_given_back(ledger: SqlLedger) -> None:
    await claimed(ledger)
    await ledger.append(chains.acted(chains.outcome(OutcomeKind.FAILED)))
    await ledger.append(note("second"), claim=AGAIN)
    assert (await live(ledger)).plan == AGAIN.plan


async def test_a_lost_claim_is_adopted_for_the_step_that_says_so(ledger: SqlLedger) -> None:
    await ledger.append(chains.acted())
    with pytest.raises(Busy):
        await ledger.append(note("second"), claim=AGAIN)
    await ledger.append(note("own"), claim=CLAIM)


# -- nothing was sent ---------------------------------------------------------------------------


async def test_a_claim_under_which_nothing_was_sent_is_dropped(ledger: SqlLedger) -> None:
    await claimed(ledger)
    await ledger.append(chains.unsent(hold=HOLD))
    assert await held(ledger) is None
    await ledger.append(chains.intent(incident=OTHER), claim=CLAIM)


@pytest.mark.parametrize("intent", [None, "intent:contain#1", "intent:contain#2"])
@pytest.mark.parametrize("way", [in_force, active, stuck])
async def test_a_change_that_may_stand_is_not_dropped_because_a_later_one_was_not_sent(
    ledger: SqlLedger, way: Any, intent: str | None
) -> None:
    await way(ledger)
    before = await live(ledger)
    await ledger.append(chains.intent(2), claim=CLAIM)
    await ledger.append(chains.unsent(2, hold=HOLD, intent=intent))
    assert await live(ledger) == before


@pytest.mark.parametrize(
    "entry",
    [
        chains.unsent(),
        chains.unsent(hold=None),
        chains.unsent(hold="hold/cam-18/network.quarantine"),
        chains.unsent(step="port-down", hold=HOLD),
        chains.unsent(incident=OTHER, hold=HOLD),
        chains.unsent(hold=HOLD, what="skipped"),
        chains.unsent(hold=HOLD, intent="intent:contain#2"),
        chains.new(Kind.STEP, "other", {"text": "another shape"}),
    ],
    ids=["no-hold", "null", "other-hold", "step", "incident", "skipped", "intent", "shape"],
)
async def test_only_the_word_about_this_very_claim_drops_it(
    ledger: SqlLedger, entry: NewEntry
) -> None:
    await claimed(ledger)
    await ledger.append(entry)
    assert await held(ledger) is HoldState.PENDING


async def test_the_late_word_about_an_earlier_intent_does_not_drop_the_claim_of_a_later_one(
    ledger: SqlLedger,
) -> None:
    await ledger.append(chains.intent(1), claim=CLAIM)
    await ledger.append(chains.intent(2), claim=CLAIM)
    await ledger.append(chains.unsent(1, hold=HOLD, intent="intent:contain#1"))
    assert await held(ledger) is HoldState.PENDING
    await ledger.append(chains.unsent(2, hold=HOLD, intent="intent:contain#2"))
    assert await held(ledger) is None


# -- the time box -------------------------------------------------------------------------------


def boxed(kind: OutcomeKind, *, until: float = 3600, key: str = "outcome:contain") -> NewEntry:
    said = chains.acted(chains.outcome(kind), key=key)
    return chains.saying(said, expires_at=chains.at(until).isoformat(), started_at=LIFE.isoformat())


@pytest.mark.parametrize("claim", [CLAIM, None], ids=["claimed", "claim-lost"])
@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (OutcomeKind.UNKNOWN, HoldState.STUCK),
        (OutcomeKind.ENFORCED, HoldState.PENDING),
        (OutcomeKind.ACCEPTED, HoldState.PENDING),
    ],
)
async def test_an_outcome_brings_the_time_box_of_its_hold(
    ledger: SqlLedger, kind: OutcomeKind, state: HoldState, claim: Claim | None
) -> None:
    await ledger.append(chains.intent(), claim=claim)
    await ledger.append(boxed(kind))
    hold = await live(ledger)
    assert (hold.state, hold.started_at, hold.expires_at) == (state, LIFE, chains.at(3600))


async def test_an_outcome_without_a_time_box_leaves_it_open(ledger: SqlLedger) -> None:
    await ledger.append(chains.intent(), claim=CLAIM)
    unknown = chains.acted(chains.outcome(OutcomeKind.UNKNOWN))
    await ledger.append(chains.saying(unknown, expires_at=None))
    hold = await live(ledger)
    assert (hold.state, hold.expires_at) == (HoldState.STUCK, None)


async def test_a_hold_in_force_keeps_its_life_and_its_time_box(ledger: SqlLedger) -> None:
    await active(ledger)
    await ledger.append(chains.hold_extended(until=9000))
    unknown = chains.saying(
        boxed(OutcomeKind.UNKNOWN, until=60, key="again"), started_at=chains.at(99).isoformat()
    )
    await ledger.append(unknown)
    hold = await live(ledger)
    assert (hold.state, hold.started_at, hold.expires_at) == (
        HoldState.STUCK,
        LIFE,
        chains.at(9000),
    )


# -- one life at a time -------------------------------------------------------------------------


async def test_a_hold_starts_when_it_says_so_and_otherwise_with_its_entry(
    ledger: SqlLedger,
) -> None:
    await in_force(ledger)
    await ledger.append(chains.hold_started(s=7))
    assert (await live(ledger)).started_at == chains.at(7)
    precise = chains.saying(chains.hold_started(), started_at="2026-03-01T08:45:05.000001+05:45")
    await ledger.append(precise.model_copy(update={"key": "precise"}))
    assert (await live(ledger)).started_at == LIFE.replace(microsecond=1)


WORDS = [chains.hold_ended(), chains.hold_extended(), chains.hold_stuck()]
KINDS = [entry.kind.value for entry in WORDS]


@pytest.mark.parametrize("word", WORDS, ids=KINDS)
@pytest.mark.parametrize("off", [timedelta(microseconds=-1), timedelta(hours=-1)], ids=str)
async def test_a_word_about_an_earlier_life_does_nothing_to_a_later_one(
    ledger: SqlLedger, word: NewEntry, off: timedelta
) -> None:
    await active(ledger)
    before = await live(ledger)
    await ledger.append(chains.saying(word, started_at=(LIFE + off).isoformat()))
    assert await live(ledger) == before
    assert await ledger.entry(INCIDENT, word.key) is not None, "it is recorded all the same"


@pytest.mark.parametrize("word", WORDS, ids=KINDS)
async def test_a_word_about_this_life_counts_and_only_from_its_incident(
    ledger: SqlLedger, word: NewEntry
) -> None:
    await active(ledger)
    before = await ledger.hold(HOLD)
    meant = chains.saying(word, started_at=LIFE.isoformat())
    await ledger.append(meant.model_copy(update={"incident": OTHER}))
    assert await ledger.hold(HOLD) == before
    await ledger.append(meant)
    assert await ledger.hold(HOLD) != before


# -- overdue ------------------------------------------------------------------------------------


async def test_what_nobody_ended_in_time_is_overdue(ledger: SqlLedger) -> None:
    async def claim(device: str, s: float) -> str:
        plan = chains.plan(device=device)
        one = Claim(device=device, action=chains.ACTION, plan=plan, owner="ana")
        await ledger.append(note(device, s=s), claim=one)
        return f"hold/{device}/{chains.ACTION}"

    async def start(device: str, until: float | None) -> str:
        hold = await claim(device, 0)
        expiry = None if until is None else chains.at(until).isoformat()
        body = {"hold": hold, "expires_at": expiry, "owner": "ana"}
        await ledger.append(chains.new(Kind.HOLD_STARTED, f"h{device}", body))
        return hold

    await start("late", 100)
    await start("now", 200)
    await start("later", 201)
    await start("open", None)
    hold = await start("late-stuck", 50)
    await ledger.append(chains.new(Kind.HOLD_STUCK, "s", {"hold": hold, "detail": "d"}))
    await claim("waits", 10)
    await claim("waits-less", 11)

    overdue = await ledger.overdue(chains.at(200), chains.at(11))
    assert [hold.device for hold in overdue] == ["late-stuck", "late", "now", "waits"]
    assert await ledger.overdue(chains.at(0), chains.at(0)) == ()


async def test_a_hold_that_is_pending_though_its_change_stands_becomes_overdue(
    ledger: SqlLedger,
) -> None:
    await in_force(ledger)
    await ledger.append(boxed(OutcomeKind.ENFORCED, until=20, key="again"))
    assert await ledger.overdue(chains.at(100), chains.at(3)) == ()
    (hold,) = await ledger.overdue(chains.at(100), chains.at(3.000001))
    assert (hold.state, hold.expires_at) == (HoldState.PENDING, chains.at(20))
