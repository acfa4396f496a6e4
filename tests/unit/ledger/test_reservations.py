"""Caps are never passed, and room is given back. On SQLite, and in tests/peers on PostgreSQL."""

import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from firebreak.contracts.ledger import Claim
from firebreak.domain.limits import Reservation, Room
from firebreak.domain.plan import OutcomeKind
from firebreak.domain.record import Kind, NewEntry
from firebreak.errors import BadInput, BlastRadiusExceeded, Busy
from firebreak.ledger.store import SqlLedger
from tests.unit.ledger import chains, crowd
from tests.unit.ledger.chains import ACTION, CLAIM, HOLD, INCIDENT, OTHER, at, note

SITE = "site/plant"
PROCESSES, EACH = 4, 25


def wants(
    device: str = chains.DEVICE,
    *,
    at_once: int | None = 1,
    per_hour: int | None = None,
    step: str = "contain",
    hold: str | None = "",
) -> Reservation:
    room = Room(scope=SITE, at_once=at_once, per_hour=per_hour)
    stands = f"hold/{device}/{ACTION}" if hold == "" else hold
    return Reservation(device=device, site="plant", step=step, hold=stands, rooms=(room,))


def claims(device: str) -> Claim:
    return CLAIM.model_copy(update={"device": device, "plan": chains.plan(device=device)})


def intent(incident: str, s: float = 3, send: int = 1) -> NewEntry:
    return chains.intent(send, s=s, incident=incident)


async def used(ledger: SqlLedger, s: float = 60) -> tuple[int, int]:
    (usage,) = await ledger.usage(at(s)) or (None,)
    assert usage is not None
    return usage.at_once, usage.last_hour


async def taken(ledger: SqlLedger, **more: Any) -> None:
    await ledger.append(chains.opened(), intent(INCIDENT), claim=CLAIM, reserve=wants(**more))


async def other_fits(ledger: SqlLedger, s: float = 100, **more: Any) -> bool:
    try:
        await ledger.append(
            intent(OTHER, s), claim=claims("cam-18"), reserve=wants("cam-18", **more)
        )
    except BlastRadiusExceeded:
        return False
    return True


async def test_a_full_cap_refuses_and_leaves_nothing_behind(ledger: SqlLedger) -> None:
    await taken(ledger)
    with pytest.raises(BlastRadiusExceeded, match=r"site/plant is full: 1 of the 1 device"):
        await ledger.append(
            note("n", incident=OTHER),
            intent(OTHER),
            claim=claims("cam-18"),
            reserve=wants("cam-18"),
        )
    assert await ledger.entry(OTHER, "n") is None
    assert await ledger.hold(f"hold/cam-18/{ACTION}") is None
    assert await used(ledger) == (1, 1)


async def test_a_cap_of_nothing_refuses_the_first(ledger: SqlLedger) -> None:
    nothing: tuple[dict[str, Any], ...] = ({"at_once": 0}, {"at_once": None, "per_hour": 0})
    for none in nothing:
        with pytest.raises(BlastRadiusExceeded):
            await ledger.append(intent(INCIDENT), claim=CLAIM, reserve=wants(**none))


async def test_a_claim_that_is_busy_reserves_nothing(ledger: SqlLedger) -> None:
    await taken(ledger)
    with pytest.raises(Busy):
        await ledger.append(intent(OTHER), claim=CLAIM, reserve=wants())
    assert await used(ledger) == (1, 1)


async def test_a_retry_of_a_step_keeps_its_one_reservation(ledger: SqlLedger) -> None:
    await taken(ledger)
    await ledger.append(intent(INCIDENT), claim=CLAIM, reserve=wants())
    await ledger.append(intent(INCIDENT, 50, 2), claim=CLAIM, reserve=wants())
    assert await used(ledger) == (1, 1)


async def test_another_rung_for_the_same_device_takes_nothing_more(ledger: SqlLedger) -> None:
    await taken(ledger)
    await ledger.append(chains.acted(chains.outcome(OutcomeKind.FAILED)))
    next_rung = CLAIM.model_copy(update={"step": "port-down"})
    await ledger.append(
        intent(INCIDENT, 50, 2), claim=next_rung, reserve=wants(step="port-down", per_hour=1)
    )
    assert await used(ledger) == (1, 1)


@pytest.mark.parametrize(
    "end",
    [
        (chains.acted(chains.outcome(OutcomeKind.FAILED)),),
        (chains.acted(chains.outcome(OutcomeKind.REFUSED)),),
        (chains.acted(), chains.hold_started(), chains.hold_ended()),
        (chains.acted(chains.outcome(OutcomeKind.UNKNOWN)), chains.hold_ended()),
    ],
    ids=["failed and put back", "refused", "released", "unknown, then ended by a person"],
)
async def test_room_is_given_back_at_the_end_and_the_hour_remembers(
    ledger: SqlLedger, end: tuple[NewEntry, ...]
) -> None:
    await taken(ledger)
    await ledger.append(*end)
    assert await used(ledger) == (0, 1)
    assert not await other_fits(ledger, at_once=None, per_hour=1)
    assert await other_fits(ledger)


async def test_what_was_never_sent_counts_for_nothing(ledger: SqlLedger) -> None:
    await taken(ledger)
    await ledger.append(chains.unsent(hold=HOLD))
    assert await used(ledger) == (0, 0)
    assert await other_fits(ledger, per_hour=1)


@pytest.mark.parametrize(
    "kept",
    [
        (chains.acted(),),
        (chains.acted(), chains.hold_started(), chains.hold_extended()),
        (chains.acted(chains.outcome(OutcomeKind.ACCEPTED)),),
        (chains.acted(chains.outcome(OutcomeKind.UNKNOWN)),),
        (chains.acted(), chains.hold_started(), chains.hold_stuck()),
    ],
    ids=["enforced", "extended", "accepted", "unknown", "stuck"],
)
async def test_room_is_kept_while_the_device_is_contained_or_may_be(
    ledger: SqlLedger, kept: tuple[NewEntry, ...]
) -> None:
    await taken(ledger)
    await ledger.append(*kept)
    assert await used(ledger, 90_000) == (1, 0)
    assert not await other_fits(ledger, 90_000)


async def test_an_hour_later_the_hour_has_room_again(ledger: SqlLedger) -> None:
    await taken(ledger, at_once=None)
    assert not await other_fits(ledger, 3602, at_once=None, per_hour=1)
    assert await other_fits(ledger, 3604, at_once=None, per_hour=1)


async def test_what_ended_over_an_hour_ago_is_not_kept(ledger: SqlLedger) -> None:
    await taken(ledger)
    await ledger.append(chains.acted(), chains.hold_started(), chains.hold_ended())
    assert await other_fits(ledger, 9000)
    assert await used(ledger, 9000) == (1, 1)
    (usage,) = await ledger.usage(at(0))
    assert usage.last_hour == 1, "one row is left, that of the other"


async def test_a_change_that_stands_after_all_counts_even_beyond_the_cap(
    ledger: SqlLedger,
) -> None:
    await taken(ledger)
    await ledger.append(chains.unsent(hold=HOLD))
    assert await other_fits(ledger)
    await ledger.append(chains.acted())
    assert await ledger.hold(HOLD) is not None
    assert await used(ledger) == (2, 2)


async def test_what_cannot_be_undone_counts_until_its_outcome_and_for_its_hour(
    ledger: SqlLedger,
) -> None:
    await ledger.append(intent(INCIDENT), reserve=wants(hold=None))
    assert await used(ledger) == (1, 1)
    await ledger.append(chains.acted(hold=None))
    assert await used(ledger) == (0, 1)


async def test_asking_whether_there_is_room_takes_none(ledger: SqlLedger) -> None:
    await ledger.may_start(wants("cam-18"), OTHER, at(1))
    await taken(ledger)
    with pytest.raises(BlastRadiusExceeded):
        await ledger.may_start(wants("cam-18"), OTHER, at(4))
    await ledger.may_start(wants(), INCIDENT, at(4))  # its own step stands already
    await ledger.may_start(wants(step="x"), OTHER, at(4))  # the device counts already
    assert await used(ledger) == (1, 1)


async def test_a_reservation_comes_with_an_entry(ledger: SqlLedger) -> None:
    with pytest.raises(BadInput):
        await ledger.append(reserve=wants())


def _crowd(url: str, how: str) -> Counter[str]:
    """Run it in several processes that begin together; what was said, by first word."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.unit.ledger.crowd", url, how, str(n * EACH), str(EACH)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(PROCESSES)
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0] * PROCESSES
    return Counter(line.split()[0] for text in said for line in text.splitlines())


async def test_of_a_hundred_responses_in_four_processes_exactly_the_cap_gets_room(
    ledger: SqlLedger, url: str
) -> None:
    said = _crowd(url, "rush")
    assert said == {"taken": crowd.CAP, "refused": PROCESSES * EACH - crowd.CAP}
    assert len(await ledger.holds()) == crowd.CAP
    by_scope = {one.scope: one.at_once for one in await ledger.usage(at(60))}
    assert by_scope.pop(SITE) == crowd.CAP
    assert max(by_scope.values()) <= crowd.ON_A_SWITCH
    assert sum(by_scope.values()) == crowd.CAP


async def test_a_hundred_responses_take_turns_and_none_is_lost(ledger: SqlLedger, url: str) -> None:
    assert _crowd(url, "turns") == {"taken": PROCESSES * EACH}
    assert await ledger.holds() == ()
    for one in await ledger.usage(at(60)):
        assert one.at_once == 0, one
    ended = [e for n in range(100) for e in await ledger.chain(crowd.incident(n))]
    assert sum(e.kind is Kind.OUTCOME for e in ended) == PROCESSES * EACH
