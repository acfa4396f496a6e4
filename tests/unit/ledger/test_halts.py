"""A halt and the effects it stops. On SQLite, and in tests/peers on PostgreSQL."""

import asyncio

import pytest

from firebreak.domain.limits import Reservation
from firebreak.domain.record import JOURNAL, Kind, NewEntry
from firebreak.errors import Forbidden, Halted, NotFound
from firebreak.ledger.store import SqlLedger
from tests.unit.ledger import chains, crowd
from tests.unit.ledger.chains import CLAIM, HOLD, INCIDENT


def _said(kind: Kind, key: str, who: str, site: str | None, s: float) -> NewEntry:
    body = {"halt": key, "site": site, "reason": "forged alerts"}
    entry = chains.new(kind, key, body, s=s, incident=JOURNAL)
    return entry.model_copy(update={"actor": who})


def halt(key: str = "halt-1", who: str = "ada", site: str | None = None, s: float = 1) -> NewEntry:
    return _said(Kind.HALTED, key, who, site, s)


def resume(
    key: str = "resume-1", who: str = "grace", site: str | None = None, s: float = 2
) -> NewEntry:
    return _said(Kind.RESUMED, key, who, site, s)


WANTED = Reservation(device=chains.DEVICE, site="plant", step="contain", hold=HOLD)


async def test_nothing_starts_where_a_halt_stands_and_nothing_of_it_is_kept(
    ledger: SqlLedger,
) -> None:
    await ledger.append(halt())
    with pytest.raises(Halted, match="ada stopped all new effects everywhere: forged alerts"):
        await ledger.append(chains.intent(), claim=CLAIM, reserve=WANTED)
    assert await ledger.entry(INCIDENT, "intent:contain#1") is None
    assert await ledger.hold(HOLD) is None
    await ledger.append(resume())
    await ledger.append(chains.intent(), claim=CLAIM, reserve=WANTED)


async def test_a_halt_of_a_site_leaves_the_others_alone(ledger: SqlLedger) -> None:
    await ledger.append(halt(site="elsewhere"))
    await ledger.append(chains.intent(), claim=CLAIM, reserve=WANTED)
    await ledger.append(halt("halt-2", site="plant"))
    with pytest.raises(Halted, match="site plant"):
        await ledger.may_start(WANTED, INCIDENT, chains.at(5))


async def test_what_runs_goes_on_to_its_end_in_a_halt(ledger: SqlLedger) -> None:
    await ledger.append(chains.opened(), chains.intent(), claim=CLAIM, reserve=WANTED)
    await ledger.append(halt())
    again = await ledger.append(chains.intent(), claim=CLAIM, reserve=WANTED)
    assert not again[0].created, "an intent that stands is no new effect"
    await ledger.append(chains.acted(), chains.hold_started(), chains.hold_ended())
    assert await ledger.hold(HOLD) is None


async def test_only_a_second_person_lifts_a_halt_and_only_once(ledger: SqlLedger) -> None:
    await ledger.append(halt())
    with pytest.raises(Forbidden, match="second person"):
        await ledger.append(resume(who="ada"))
    assert await ledger.entry(JOURNAL, "resume-1") is None
    await ledger.append(resume())
    with pytest.raises(NotFound):
        await ledger.append(resume("resume-2"))
    (lifted,) = await ledger.halts(standing_only=False)
    assert (lifted.by, lifted.lifted_by, lifted.lifted_at) == ("ada", "grace", chains.at(2))
    assert await ledger.halts() == ()


async def test_a_halt_of_everywhere_is_not_lifted_for_one_site(ledger: SqlLedger) -> None:
    await ledger.append(halt(), halt("halt-2", site="plant"))
    await ledger.append(resume(site="plant"))
    with pytest.raises(Halted):
        await ledger.may_start(WANTED, INCIDENT, chains.at(5))


async def test_once_a_halt_is_recorded_no_process_starts_another_effect(
    ledger: SqlLedger, url: str
) -> None:
    """Others append as fast as they can; no intent comes after the halt was acknowledged."""
    async with crowd.opened(url) as other:
        begun: list[int] = []
        stopped = asyncio.Event()

        async def effects(of: SqlLedger, first: int) -> None:
            for number in range(first, first + 10_000):
                after = stopped.is_set()
                try:
                    wanted = WANTED.model_copy(update={"device": f"d-{number}", "hold": None})
                    entry = chains.intent(incident=crowd.incident(number))
                    await of.append(entry, reserve=wanted)
                except Halted:
                    return
                begun.append(number)
                assert not after, f"{number} began after the halt"

        running = [
            asyncio.create_task(effects(one, n * 100_000))
            for n, one in enumerate((ledger, other, ledger, other))
        ]
        while len(begun) < 20:
            await asyncio.sleep(0.001)
        await ledger.append(halt())
        stopped.set()
        async with asyncio.timeout(5):
            await asyncio.gather(*running)
