import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from firebreak.domain.people import Principal
from firebreak.errors import BadInput, LedgerConflict, NotFound
from firebreak.ledger.database import Database
from firebreak.ledger.tables import tokens as table
from firebreak.ledger.tokens import CACHE_S, Tokens, source_of


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield opened
    await opened.close()


async def test_a_secret_says_who_it_is_and_is_kept_nowhere(
    database: Database, tmp_path: Path
) -> None:
    tokens = Tokens(database)
    secret = await tokens.create("bo", ["on-call", "viewer"], timedelta(days=1))
    assert secret.startswith("fb_")
    found = await tokens.authenticate(secret)
    assert found is not None
    assert found.principal == Principal(
        id="bo", roles=frozenset({"on-call", "viewer"}), kind="person"
    )
    written = await asyncio.to_thread(lambda: [file.read_bytes() for file in tmp_path.iterdir()])
    assert written
    assert not any(secret.removeprefix("fb_").encode() in content for content in written)


@pytest.mark.parametrize("wrong", ["", "fb_", "fb_" + "a" * 43, "x" * 10_000, "fb_\0", "fb_ä" * 9])
async def test_what_is_no_token_is_nobody(database: Database, wrong: str) -> None:
    tokens = Tokens(database)
    await tokens.create("bo", ["on-call"])
    assert await tokens.authenticate(wrong) is None


async def test_a_revoked_token_is_refused_here_at_once(database: Database) -> None:
    tokens = Tokens(database)
    secret = await tokens.create("bo", ["on-call"])
    assert await tokens.authenticate(secret)
    await tokens.revoke("bo")
    assert await tokens.authenticate(secret) is None
    with pytest.raises(NotFound):
        await tokens.revoke("bo")


async def test_a_token_revoked_elsewhere_is_refused_when_the_memory_has_run_out(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("firebreak.ledger.tokens.time.monotonic", lambda: now)
    here, elsewhere = Tokens(database), Tokens(database)
    secret = await here.create("bo", ["on-call"])
    assert await here.authenticate(secret)
    await elsewhere.revoke("bo")
    now += CACHE_S + 0.001
    assert await here.authenticate(secret) is None


async def test_an_expired_token_is_refused_even_while_it_is_remembered(database: Database) -> None:
    tokens = Tokens(database)
    secret = await tokens.create("bo", [], timedelta(milliseconds=60))
    assert await tokens.authenticate(secret)
    (token,) = await tokens.list()
    assert token.expires_at == token.created_at + timedelta(milliseconds=60)
    await asyncio.sleep(0.07)  # the wait is the thing under test
    assert await tokens.authenticate(secret) is None
    await tokens.create("bo")  # its name is free again


async def test_a_name_has_one_live_token(database: Database) -> None:
    tokens = Tokens(database)
    await tokens.create("bo")
    with pytest.raises(LedgerConflict):
        await tokens.create("bo")
    await tokens.revoke("bo")
    await tokens.create("bo")
    assert [t.revoked_at is None for t in await tokens.list()] == [False, True]


async def test_of_racing_creations_of_one_name_one_wins(database: Database) -> None:
    tokens = Tokens(database)
    made = await asyncio.gather(
        *(tokens.create("admin") for _ in range(10)), return_exceptions=True
    )
    assert sum(isinstance(one, str) for one in made) == 1


@pytest.mark.parametrize(
    ("name", "roles", "ttl"),
    [
        ("", [], None),
        ("a/b", [], None),
        ("a\nb", [], None),
        ("bo", ["On Call"], None),
        ("bo", ["source:"], None),
        ("bo", ["source:suricata", "admin"], None),
        ("bo", ["source:suricata", "source:zeek"], None),
        ("bo", [], timedelta(0)),
        ("bo", ["service"], None),
        ("nobody", ["on-call"], None),
        ("Firebreak", ["automation"], None),
    ],
)
async def test_a_token_that_could_mislead_is_not_made(
    database: Database, name: str, roles: list[str], ttl: timedelta | None
) -> None:
    with pytest.raises(BadInput):
        await Tokens(database).create(name, roles, ttl)


async def test_a_detectors_token_is_automation_bound_to_its_source(database: Database) -> None:
    tokens = Tokens(database)
    who = await tokens.authenticate(await tokens.create("ids", ["source:suricata"]))
    assert who is not None
    assert (who.principal.kind, source_of(who.principal)) == ("automation", "suricata")
    person = await tokens.authenticate(await tokens.create("bo", ["admin"]))
    assert person is not None
    assert (person.principal.kind, source_of(person.principal)) == ("person", None)


async def test_only_the_hash_is_in_the_table(database: Database) -> None:
    secret = await Tokens(database).create("bo")
    row = await database.read(lambda c: c.execute(select(table)).one())
    assert secret not in [str(value) for value in row]
    assert len(row.hash) == 64


async def test_a_token_with_scopes_is_automation_and_ends(database: Database) -> None:
    tokens = Tokens(database)
    found = await tokens.authenticate(await tokens.create("etl", scopes=["incidents:read"]))
    assert found is not None
    assert (found.principal.kind, found.scopes) == ("automation", frozenset({"incidents:read"}))
    await tokens.create("etl-2", scopes=["responses:start"], ttl=timedelta(days=7))
    first, second = await tokens.list()
    assert first.expires_at is not None
    assert second.expires_at is not None
    assert first.expires_at - first.created_at == timedelta(days=90)
    assert second.expires_at - second.created_at == timedelta(days=7)
    now = datetime.now(UTC)
    assert [t.expires_soon(now) for t in (first, second)] == [False, True]


@pytest.mark.parametrize(
    ("roles", "scopes", "ttl"),
    [
        (["admin"], ["incidents:read"], None),
        (["service"], ["incidents:read"], None),
        ([], ["approvals:decide"], None),
        ([], ["incidents:read", "*"], None),
        ([], ["incidents:read"], timedelta(0)),
    ],
)
async def test_scopes_are_a_closed_list_and_stand_for_themselves(
    database: Database, roles: list[str], scopes: list[str], ttl: timedelta | None
) -> None:
    with pytest.raises(BadInput):
        await Tokens(database).create("etl", roles, ttl, scopes)
    assert await Tokens(database).list() == ()


async def test_a_service_whose_token_ends_soon_is_warned_of_once(database: Database) -> None:
    tokens = Tokens(database)
    soon = await tokens.create("etl", scopes=["incidents:read"], ttl=timedelta(days=6))
    late = await tokens.create("etl-2", scopes=["incidents:read"], ttl=timedelta(days=8))
    with capture_logs() as logged:
        for secret in (soon, late, soon):
            assert await tokens.authenticate(secret)
    assert [(line["log_level"], line["name"]) for line in logged] == [("warning", "etl")]
