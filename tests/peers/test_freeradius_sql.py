"""A group membership in rlm_sql: what it does, what it needs, and what it never touches."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import make_url, text

from firebreak.domain.base import JsonObject
from firebreak.domain.estate import FreeRadiusSql
from firebreak.errors import AuthFailed, FirebreakError, Rejected, StateDrifted, Unreachable
from integrations.network.radius.freeradius_sql import FreeRadiusSqlSource
from tests.docs.blocks import blocks
from tests.peers.freeradius import PRODUCTION, QUARANTINE, AuthServer, notations
from tests.peers.postgres import Postgres, running_postgres

pytestmark = [pytest.mark.peer("freeradius"), pytest.mark.xdist_group("freeradius")]

GROUP = f"firebreak-quarantine-{QUARANTINE}"
NO_GROUP: JsonObject = {"group": None}
HELD: JsonObject = {"group": GROUP}
# What the how-to tells an administrator to run.
QUARANTINE_GROUP, PRIVILEGES = (b.text for b in blocks("docs/how-to/802.1x.md", "sql"))

_SCHEMAS = Path("/etc/freeradius/3.0/mods-config/sql/main")
_TABLES = Path(__file__).parent / "raddb" / "tables.sql"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peer("postgres"))])
def tables(
    request: pytest.FixtureRequest, auth_server: AuthServer, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The URL of rlm_sql's tables: FreeRADIUS's own SQLite file, or its schema in PostgreSQL."""
    if request.param == "sqlite":
        url = f"sqlite:///{auth_server.database}"
    else:
        url = filled(request.getfixturevalue("postgres").emptied_database())
    monkeypatch.setenv("RADIUS_TABLES", url)
    return url


def filled(url: str) -> str:
    schema = (_SCHEMAS / "postgresql" / "schema.sql").read_text()
    execute(url, schema)
    execute(url, _TABLES.read_text())
    return url


def execute(url: str, statements: str) -> None:
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(statements)
        else:
            for statement in statements.split(";"):
                connection.execute(text(statement.replace(":=", "\\:=")))


def add(url: str, table: str, **row: object) -> None:
    """One row, as the site's administrator would put it there."""
    columns, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        connection.execute(
            text(f"INSERT INTO {table} ({columns}) VALUES ({marks})"),  # noqa: S608 - a test's own
            row,
        )


def members(url: str) -> list[tuple[str, str, int]]:
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    asked = "SELECT username, groupname, priority FROM radusergroup ORDER BY priority"
    with engine.connect() as connection:
        return [(u, g, p) for u, g, p in connection.execute(text(asked))]


def sql_source() -> FreeRadiusSqlSource:
    config = FreeRadiusSql(kind="freeradius-sql", url="env:RADIUS_TABLES")
    return FreeRadiusSqlSource(config, QUARANTINE)


def user(mac: str) -> str:
    return mac.upper().replace(":", "-")


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=60)


@pytest.mark.parametrize("tables", ["sqlite"], indirect=True)
async def test_a_membership_is_in_force_at_once_whatever_else_the_site_says_of_the_device(
    auth_server: AuthServer, tables: str, mac: str
) -> None:
    add(tables, "radusergroup", username=user(mac), groupname="production", priority=0)
    check = {"attribute": "Cleartext-Password", "op": ":=", "value": "x"}
    add(tables, "radcheck", username=user(mac), **check)
    reply = {"attribute": "Tunnel-Private-Group-Id:1", "op": "+=", "value": str(PRODUCTION)}
    add(tables, "radreply", username=user(mac), **reply)
    before = members(tables)
    assert PRODUCTION in auth_server.ask(auth_server.tables, mac)
    assert await sql_source().write(mac, NO_GROUP, HELD, soon()) == HELD
    for station in notations(mac):
        assert auth_server.ask(auth_server.tables, mac, station=station) == [QUARANTINE]
    assert await sql_source().write(mac, HELD, NO_GROUP, soon()) == NO_GROUP
    assert PRODUCTION in auth_server.ask(auth_server.tables, mac)
    assert members(tables) == before


async def test_the_row_is_the_only_thing_that_comes_and_goes(tables: str, mac: str) -> None:
    source = sql_source()
    assert await source.read(mac) == NO_GROUP
    assert source.quarantined(NO_GROUP) == HELD
    for _ in range(2):
        assert await source.write(mac, NO_GROUP, HELD, soon()) == HELD
        assert members(tables) == [(user(mac), GROUP, -1)]
    for _ in range(2):
        assert await source.write(mac, HELD, NO_GROUP, soon()) == NO_GROUP
        assert members(tables) == []


async def test_workers_that_act_at_once_write_one_row(tables: str, mac: str) -> None:
    writes = (sql_source().write(mac, NO_GROUP, HELD, soon()) for _ in range(8))
    assert await asyncio.gather(*writes) == [HELD] * 8
    assert len(members(tables)) == 1


async def test_a_membership_that_somebody_else_made_is_not_overwritten(
    tables: str, mac: str
) -> None:
    other = {"username": user(mac), "groupname": "firebreak-quarantine-777", "priority": -1}
    add(tables, "radusergroup", **other)
    with pytest.raises(StateDrifted, match="firebreak-quarantine-777"):
        await sql_source().write(mac, NO_GROUP, HELD, soon())
    assert members(tables) == [tuple(other.values())]


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("DELETE FROM radgroupreply", "must have one row Tunnel-Type := VLAN"),
        ("UPDATE radgroupreply SET value = '10' WHERE value = '666'", "Tunnel-Private-Group-Id"),
        ("UPDATE radgroupreply SET op = '='", "must have one row"),
    ],
)
async def test_a_group_that_does_not_quarantine_is_refused(
    tables: str, mac: str, statement: str, why: str
) -> None:
    execute(tables, statement)
    await refused(mac, why)


@pytest.mark.parametrize(
    ("table", "row", "why"),
    [
        ("radgroupreply", {"attribute": "Fall-Through", "value": "Yes"}, "falls through"),
        ("radgroupcheck", {"attribute": "NAS-Identifier", "value": "x"}, "must fit everyone"),
    ],
)
async def test_a_group_that_does_not_hold_for_everyone_is_refused(
    tables: str, mac: str, table: str, row: dict[str, str], why: str
) -> None:
    add(tables, table, groupname=GROUP, op="=", **row)
    await refused(mac, why)


@pytest.mark.parametrize(
    ("group", "priority", "why"),
    [("production", -1, "would heed that group first"), (GROUP, 7, "edited by hand")],
)
async def test_a_membership_that_freeradius_would_not_heed_is_refused(
    tables: str, mac: str, group: str, priority: int, why: str
) -> None:
    add(tables, "radusergroup", username=user(mac), groupname=group, priority=priority)
    await refused(mac, why)


async def test_a_user_whose_groups_are_not_looked_at_is_refused(tables: str, mac: str) -> None:
    add(tables, "radreply", username=user(mac), attribute="Fall-Through", op="=", value="No")
    await refused(mac, "groups are not looked at")


async def refused(mac: str, why: str) -> None:
    """Before anything is written: when it is looked at, and when it is acted on."""
    with pytest.raises(Rejected, match=why):
        await sql_source().read(mac)
    with pytest.raises(Rejected, match=why):
        await sql_source().write(mac, NO_GROUP, HELD, soon())


async def test_nothing_is_written_when_it_is_too_late(tables: str, mac: str) -> None:
    with pytest.raises(Unreachable, match="too late"):
        await sql_source().write(mac, NO_GROUP, HELD, datetime.now(UTC))
    assert members(tables) == []


async def test_a_database_that_somebody_has_locked_is_given_up_and_unchanged(
    tables: str, mac: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.network.radius.sql_database._STATEMENT_S", 1)
    engine = sqlalchemy.create_engine(tables, poolclass=sqlalchemy.NullPool)
    begin = "LOCK TABLE radusergroup" if "postgresql" in tables else "BEGIN EXCLUSIVE"
    with engine.connect() as other:
        other.exec_driver_sql(begin)
        with pytest.raises(Unreachable):
            await sql_source().write(mac, NO_GROUP, HELD, soon())
        other.rollback()
    assert members(tables) == []


@pytest.mark.peer("postgres")
async def test_the_role_and_the_group_of_the_how_to_are_all_it_takes(
    postgres: Postgres, mac: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = filled(postgres.new_database())
    execute(url, "DELETE FROM radgroupreply; CREATE ROLE firebreak LOGIN")
    execute(url, QUARANTINE_GROUP)
    try:
        monkeypatch.setenv("RADIUS_TABLES", url.replace("postgres@", "firebreak@"))
        with pytest.raises(Rejected, match="permission denied"):
            await sql_source().read(mac)
        execute(url, PRIVILEGES)
        assert await sql_source().write(mac, NO_GROUP, HELD, soon()) == HELD
        assert await sql_source().write(mac, HELD, NO_GROUP, soon()) == NO_GROUP
    finally:
        execute(url, "DROP OWNED BY firebreak; DROP ROLE firebreak")


@pytest.mark.peer("postgres")
@pytest.mark.parametrize(
    ("change", "error"),
    [({"username": "keeper"}, AuthFailed), ({"port": 1}, Unreachable)],
)
async def test_a_database_that_cannot_be_entered_is_told_without_its_password(
    postgres: Postgres,
    mac: str,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, str | int],
    error: type[FirebreakError],
) -> None:
    rules = postgres._data / "pg_hba.conf"
    trusting = rules.read_text()
    rules.write_text(f"host all keeper 127.0.0.1/32 scram-sha-256\n{trusting}")
    url = postgres.emptied_database()
    execute(url, "CREATE ROLE keeper LOGIN PASSWORD 'the right one'")
    execute(url, "SELECT pg_reload_conf()")
    wrong = make_url(url).set(password="t0p-secret")
    wrong = wrong.set(username=str(change.get("username", wrong.username)))
    wrong = wrong.set(port=int(change.get("port", wrong.port or 0)))
    monkeypatch.setenv("RADIUS_TABLES", wrong.render_as_string(hide_password=False))
    try:
        with pytest.raises(error) as told:
            await sql_source().read(mac)
        assert "t0p-secret" not in str(told.value)
    finally:
        rules.write_text(trusting)
        execute(url, "DROP ROLE keeper")
        execute(url, "SELECT pg_reload_conf()")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mysql://u:t0p-secret@db/radius", "not mysql"),
        ("sqlite:////no/such/file", "is not there"),
        ("t0p-secret", "cannot be read"),
    ],
)
async def test_a_url_that_names_no_usable_database_is_refused_and_not_repeated(
    mac: str, monkeypatch: pytest.MonkeyPatch, url: str, why: str
) -> None:
    monkeypatch.setenv("RADIUS_TABLES", url)
    with pytest.raises(Rejected, match=why) as told:
        await sql_source().read(mac)
    assert "t0p-secret" not in str(told.value)
