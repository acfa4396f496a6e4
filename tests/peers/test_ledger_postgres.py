"""Everything the ledger promises, again on a real PostgreSQL, and what only a server can do."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from firebreak.errors import DefinitionError, LedgerConflict, LedgerUnavailable
from firebreak.ledger import halts
from firebreak.ledger.chain import faults
from firebreak.ledger.locks import Halts, Locks
from firebreak.ledger.store import SqlLedger
from firebreak.ledger.tables import metadata
from firebreak.ledger.tokens import Tokens
from tests.peers.postgres import Postgres, running_postgres
from tests.unit.ledger.chains import INCIDENT, OTHER, note
from tests.unit.ledger.test_alerts import *  # noqa: F403 - the same promises, on this database
from tests.unit.ledger.test_audit import *  # noqa: F403 - the same promises, on this database
from tests.unit.ledger.test_halts import *  # noqa: F403 - the same promises, on this database
from tests.unit.ledger.test_halts import halt
from tests.unit.ledger.test_holds import *  # noqa: F403 - the same promises, on this database
from tests.unit.ledger.test_ledger import *  # noqa: F403 - the same promises, on this database
from tests.unit.ledger.test_reservations import *  # noqa: F403 - the same promises, here too

pytestmark = pytest.mark.peer("postgres")


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


async def test_migrations_make_exactly_the_tables_the_code_knows(ledger: SqlLedger) -> None:
    def differences(connection: Connection) -> list[Any]:
        options = {"version_table": "schema_version"}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, metadata))

    assert await ledger.database.read(differences) == []


@pytest.mark.parametrize(
    "statement", ["UPDATE entries SET actor = 'eve'", "DELETE FROM entries", "TRUNCATE entries"]
)
async def test_the_database_itself_refuses_to_change_an_entry(
    ledger: SqlLedger, statement: str
) -> None:
    (appended,) = await ledger.append(note("a"))
    with pytest.raises(LedgerConflict, match="append-only"):
        await ledger.database.write(lambda c: c.execute(text(statement)))
    assert await ledger.chain(INCIDENT) == (appended.entry,)


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
async def test_a_database_that_cannot_hold_every_text_is_refused(
    server: Postgres, encoding: str
) -> None:
    with pytest.raises(DefinitionError, match="UTF8"):
        await SqlLedger.open(server.new_database(encoding))


async def test_a_commit_is_on_disk_even_where_the_server_would_not_wait(
    server: Postgres,
) -> None:
    url = server.new_database()
    name = url.rpartition("/")[2]
    first = await SqlLedger.open(url)
    off = text(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    await first.database.write(lambda c: c.execute(off))
    await first.close()
    ledger = await SqlLedger.open(url)
    show = text("SHOW synchronous_commit")
    assert await ledger.database.write(lambda c: c.execute(show).scalar()) == "on"
    await ledger.close()


async def test_two_processes_with_batches_over_the_same_chains_never_lock_each_other_out(
    url: str,
) -> None:
    """Batches touch the same incidents in opposite orders: the classic deadlock."""
    ledgers = [await SqlLedger.open(url) for _ in range(3)]
    await ledgers[0].append(note("first"), note("first", incident=OTHER))

    def work(number: int, ledger: SqlLedger, step: int) -> Any:
        pair = [
            note(f"{number}-{step}", incident=INCIDENT),
            note(f"{number}-{step}", incident=OTHER),
        ]
        return ledger.append(*(pair if number % 2 else reversed(pair)))

    await asyncio.gather(
        *(work(n, ledger, step) for step in range(40) for n, ledger in enumerate(ledgers))
    )
    for incident in (INCIDENT, OTHER):
        chain = await ledgers[0].chain(incident)
        assert len(chain) == 121
        assert faults(chain) == ()
    for ledger in ledgers:
        await ledger.close()


async def test_the_ledger_says_unavailable_while_the_server_is_away_and_then_goes_on(
    server: Postgres, ledger: SqlLedger
) -> None:
    await ledger.append(note("before"))
    await ledger.chain(INCIDENT)
    for end in (server.stop, server.kill):
        await asyncio.to_thread(end)
        with pytest.raises(LedgerUnavailable):
            await ledger.append(note("lost"))
        with pytest.raises(LedgerUnavailable):
            await ledger.chain(INCIDENT)
        await asyncio.to_thread(server.start)
        await ledger.append(note(f"after {end.__name__}"))
        assert (await ledger.chain(INCIDENT))[-1].key == f"after {end.__name__}"


async def test_a_server_that_was_restarted_in_between_is_not_noticed(
    server: Postgres, ledger: SqlLedger
) -> None:
    await ledger.append(note("before"))
    await ledger.chain(INCIDENT)
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start)
    assert len(await ledger.chain(INCIDENT)) == 1


async def test_tokens_live_in_the_same_database(ledger: SqlLedger) -> None:
    tokens = Tokens(ledger.database)
    secret = await tokens.create("bo", ["on-call"])
    with pytest.raises(LedgerConflict):
        await tokens.create("bo")
    assert (await tokens.authenticate(secret)) is not None
    await tokens.revoke("bo")
    assert (await tokens.authenticate(secret)) is None
    await tokens.create("bo")


async def test_a_halt_waits_for_the_intents_that_could_not_have_seen_it(url: str) -> None:
    one, two = await SqlLedger.open(url), await SqlLedger.open(url)
    looked, go_on = threading.Event(), threading.Event()

    def effect(connection: Connection) -> None:
        halts.check(connection, "plant")
        looked.set()
        go_on.wait()

    running = asyncio.create_task(one.database.write(effect, Locks(halts=Halts.MINDED)))
    await asyncio.to_thread(looked.wait)
    halting = asyncio.create_task(two.append(halt()))
    done, _ = await asyncio.wait({halting}, timeout=0.3)
    assert not done, "the halt was acknowledged, and an effect that never saw it was still to come"
    go_on.set()
    await asyncio.gather(running, halting)
    for each in (one, two):
        await each.close()
