"""How far channels have been told: one lease at a time, nothing saved by who has lost it."""

import asyncio
from datetime import UTC, datetime, timedelta

from firebreak.contracts.channels import Held, Lease
from firebreak.ledger.deliveries import SqlDeliveries
from firebreak.ledger.store import SqlLedger
from tests.unit.dispatch.theater import asks, chain, ended, note, opened

NOW = datetime.now(UTC)
LATER = NOW + timedelta(seconds=30)


async def leased(store: SqlDeliveries, at: datetime = NOW, until: datetime = LATER) -> Lease:
    got = await store.lease("desk", chain(1), at, until, force=False)
    assert isinstance(got, Lease)
    return got


async def test_a_lease_is_one_process_and_runs_out(ledger: SqlLedger) -> None:
    store = SqlDeliveries(ledger.database)
    first = await leased(store)
    assert await store.lease("desk", chain(1), NOW, LATER, force=True) == Held(0, LATER)
    second = await leased(store, LATER, LATER + timedelta(seconds=30))
    assert not await store.told(first, 5, {"of": "first"})
    assert await store.keep(first, {"of": "first"}, LATER) is None
    assert not await store.failed(first, NOW, LATER, "late")
    assert await store.told(second, 2, {"of": "second"})
    again = await leased(store, LATER)
    assert (again.told, again.known) == (2, {"of": "second"})


async def test_what_failed_waits_and_remembers_since_when(ledger: SqlLedger) -> None:
    store = SqlDeliveries(ledger.database)
    await store.failed(await leased(store), NOW, LATER, "no \0 answer")
    assert await store.lease("desk", chain(1), NOW, LATER, force=False) == Held(0, LATER)
    forced = await store.lease("desk", chain(1), NOW, LATER, force=True)
    assert isinstance(forced, Lease)
    assert (forced.attempts, forced.failing_since) == (1, NOW)


async def test_what_is_kept_stands_and_renews_the_lease(ledger: SqlLedger) -> None:
    store = SqlDeliveries(ledger.database)
    lease = await leased(store)
    longer = LATER + timedelta(seconds=30)
    kept = await store.keep(lease, {"ticket": "4711"}, longer)
    assert kept is not None
    await store.give_back(kept)
    assert (await leased(store)).known == {"ticket": "4711"}


async def test_only_what_is_behind_is_listed(ledger: SqlLedger) -> None:
    store = SqlDeliveries(ledger.database)
    await ledger.append(opened(1), asks(1))
    await ledger.append(opened(2))
    await store.move_on([("desk", chain(2), 1), ("other", chain(1), 2)])
    (behind,) = await store.behind(["desk"], None)
    assert (behind.chain, behind.told, behind.length, behind.begun) == (chain(1), 0, 2, False)
    assert await store.behind(["desk"], datetime.now(UTC) + timedelta(seconds=1)) == ()
    await store.move_on([("desk", chain(1), 2), ("desk", chain(2), 0)])
    assert await store.behind(["desk"], None) == ()


async def test_a_new_channel_begins_at_the_end_of_what_has_ended(ledger: SqlLedger) -> None:
    store = SqlDeliveries(ledger.database)
    await ledger.append(opened(1), ended(1))
    await ledger.append(opened(2))
    assert await store.meet(["desk"]) == ("desk",)
    assert await store.meet(["desk"]) == ()
    assert [each.chain for each in await store.behind(["desk"], None)] == [chain(2)]
    await ledger.append(note("more", 1))
    behind = await store.behind(["desk"], None)
    assert {(each.chain, each.told) for each in behind} == {(chain(1), 2), (chain(2), 0)}


async def test_two_processes_that_meet_a_channel_agree(ledger: SqlLedger) -> None:
    store = SqlDeliveries(ledger.database)
    await ledger.append(opened(1), ended(1))
    met = await asyncio.gather(*(store.meet(["desk", "mail"]) for _ in range(5)))
    assert max(met) == ("desk", "mail")
    assert sum(bool(each) for each in met) == 1
    assert await store.behind(["desk", "mail"], None) == ()
