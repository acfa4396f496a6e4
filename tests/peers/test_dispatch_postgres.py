"""Deliveries on a real PostgreSQL: two servers tell each entry once, and one takes over."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from firebreak.contracts.channels import Held, Lease
from firebreak.contracts.people import Story
from firebreak.ledger.deliveries import SqlDeliveries
from firebreak.ledger.store import SqlLedger
from tests.peers.postgres import Postgres, running_postgres
from tests.unit.dispatch.test_deliveries import *  # noqa: F403 - the same promises, here too
from tests.unit.dispatch.test_fallback import *  # noqa: F403 - the same promises, here too
from tests.unit.dispatch.theater import Listener, asks, chain, note, opened, playing, rules, until

pytestmark = pytest.mark.peer("postgres")

INCIDENTS = 40


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres() as running:
        yield running


@pytest.fixture
def url(server: Postgres) -> str:
    return server.emptied_database()


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[SqlLedger]:
    opened = await SqlLedger.open(url)
    yield opened
    await opened.close()


async def test_two_servers_tell_each_entry_once(ledger: SqlLedger, url: str) -> None:
    async def takes_a_moment(_: Story) -> None:
        await asyncio.sleep(0.005)

    here, there = Listener(before=takes_a_moment), Listener(before=takes_a_moment)
    other = await SqlLedger.open(url)
    try:
        async with playing(ledger, (rules(), here)), playing(other, (rules(), there)):
            for number in range(1, INCIDENTS + 1):
                await ledger.append(opened(number), asks(number))
            for number in range(1, INCIDENTS + 1):
                await other.append(note("more", number))
            deliveries = SqlDeliveries(ledger.database)

            async def nothing_left() -> bool:
                return not await deliveries.behind(["desk"], None)

            await until(nothing_left, 30)
    finally:
        await other.close()
    told = sorted(here.heard + there.heard)
    expected = [
        f"{chain(n)}/{key}" for n in range(1, INCIDENTS + 1) for key in ("opened", "asked", "more")
    ]
    assert told == sorted(expected)
    assert min(len(here.heard), len(there.heard)) > 0


async def test_of_many_that_want_the_lease_at_once_one_gets_it(ledger: SqlLedger, url: str) -> None:
    await ledger.append(opened())
    other = await SqlLedger.open(url)
    try:
        stores = [SqlDeliveries(ledger.database), SqlDeliveries(other.database)] * 10
        now = datetime.now(UTC)
        until_ = now + timedelta(seconds=30)
        got = await asyncio.gather(
            *(store.lease("desk", chain(1), now, until_, force=False) for store in stores)
        )
    finally:
        await other.close()
    assert sum(isinstance(each, Lease) for each in got) == 1
    assert sum(isinstance(each, Held) for each in got) == len(stores) - 1
