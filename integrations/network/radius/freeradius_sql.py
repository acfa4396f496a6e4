"""FreeRADIUS's answers out of rlm_sql: a device joins the site's quarantine group and leaves it."""

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from pydantic import Field, TypeAdapter, ValidationError
from sqlalchemy.engine import Connection

from firebreak.domain.base import JsonObject, Model
from firebreak.domain.device import Mac
from firebreak.domain.estate import FreeRadiusSql
from firebreak.errors import OutcomeUnknown, Rejected, StateDrifted, Unreachable
from integrations.network import clock
from integrations.network.radius.requests import station
from integrations.network.radius.sql_database import RadiusDatabase
from integrations.network.radius.sql_rows import (
    GROUP_PREFIX,
    Quarantine,
    join,
    leave,
    lock,
    membership,
)
from integrations.secrets import resolve

T = TypeVar("T")

_DEADLINE_S = 20.0
_MAC: TypeAdapter[str] = TypeAdapter(Mac)


class _Record(Model):
    """The state record: the Firebreak group that the device is in."""

    group: str | None = Field(pattern=rf"^{GROUP_PREFIX}[1-9][0-9]{{0,3}}$")


class FreeRadiusSqlSource:
    """``firebreak.contracts.AuthorizationSource`` over radusergroup.

    States: ``{"group": null}`` or ``{"group": "firebreak-quarantine-666"}``. FreeRADIUS asks its
    database at every request, so what is committed is in force; nothing is reloaded.
    """

    adapter = "freeradius-sql"
    deadline_s = _DEADLINE_S

    def __init__(self, config: FreeRadiusSql, quarantine_vlan: int) -> None:
        """``quarantine_vlan`` is the site's. Connects at each call, and to nothing before."""
        self._config = config
        self._quarantine = Quarantine(quarantine_vlan)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The reference to the database's URL."""
        return (self._config.url,)

    async def read(self, mac: str) -> JsonObject:
        """Which group the device is in, and whether the site's quarantine group is in order.

        Raises Unreachable, AuthFailed, Rejected.
        """
        user = self._user(mac)
        look = self._threaded(lambda db: db.read(lambda c: self._read(c, user)))
        try:
            async with asyncio.timeout(self.deadline_s):
                return {"group": await look}
        except TimeoutError as error:
            raise Unreachable("the RADIUS database did not answer in time") from error

    def quarantined(self, before: JsonObject) -> JsonObject:
        """The group of the site's quarantine VLAN."""
        _parsed(before)
        return {"group": self._quarantine.group}

    async def write(
        self, mac: str, known: JsonObject, wanted: JsonObject, send_by: datetime
    ) -> JsonObject:
        """Join or leave in one transaction, and return what is read afterwards.

        Raises:
            StateDrifted: the device is in neither state.
            OutcomeUnknown: the commit was begun and not confirmed.
            Unreachable, AuthFailed, Rejected: nothing was changed.
        """
        user, source, target = self._user(mac), _parsed(known).group, _parsed(wanted).group
        gate = _Gate(min((send_by - datetime.now(UTC)).total_seconds(), self.deadline_s))

        def change(connection: Connection) -> bool:
            lock(connection)
            return _bring(connection, user, self._read(connection, user), source, target)

        try:
            async with asyncio.timeout(self.deadline_s):
                await self._threaded(lambda db: db.write(change, gate.go_through))
        except TimeoutError as error:
            # The thread runs on; the gate keeps it from committing if it has not yet.
            if gate.shut():
                raise OutcomeUnknown("the RADIUS database did not confirm in time") from error
            raise Unreachable("the RADIUS database did not answer in time") from error
        return await self.read(mac)

    def _read(self, connection: Connection, user: str) -> str | None:
        self._quarantine.check(connection)
        return membership(connection, user)

    async def _threaded(self, run: Callable[[RadiusDatabase], T]) -> T:
        def once() -> T:
            database = RadiusDatabase(resolve(self._config.url))
            try:
                return run(database)
            finally:
                database.close()

        return await asyncio.to_thread(once)

    def _user(self, mac: str) -> str:
        try:
            return station(_MAC.validate_python(mac), self._config.mac)
        except ValidationError as error:
            raise Rejected(f"{mac!r} is not a MAC address") from error


class _Gate:
    """What a commit goes through: once, in time, and not after the caller has left."""

    def __init__(self, open_s: float) -> None:
        self._until = clock.now() + open_s
        self._lock = threading.Lock()
        self._gone_through = False
        self._shut = False

    def go_through(self) -> None:
        """Raise Unreachable when it is too late."""
        with self._lock:
            if self._shut or clock.now() > self._until:
                raise Unreachable("too late to change the RADIUS database; nothing was changed")
            self._gone_through = True

    def shut(self) -> bool:
        """Let nobody through from now on, and say whether somebody went."""
        with self._lock:
            self._shut = True
            return self._gone_through


def _bring(
    connection: Connection, user: str, seen: str | None, known: str | None, wanted: str | None
) -> bool:
    """Change the membership, and say whether there was something to change."""
    if seen == wanted:
        return False
    if seen != known:
        raise StateDrifted(
            f"radusergroup has {user} in {_named(seen)}, where {_named(known)} or "
            f"{_named(wanted)} was expected"
        )
    if seen is not None:
        leave(connection, user, seen)
    if wanted is not None:
        join(connection, user, wanted)
    return True


def _parsed(record: JsonObject) -> _Record:
    try:
        return _Record.model_validate(record)
    except ValidationError as error:
        raise Rejected("the plan holds no state of FreeRADIUS's SQL tables") from error


def _named(group: str | None) -> str:
    return group or "no quarantine group"
