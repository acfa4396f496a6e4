"""FreeRADIUS's SQL tables as Firebreak uses them: one row that makes a device a group's member.

The schema is FreeRADIUS 3's own (mods-config/sql/main/*/schema.sql). The group and what it answers
are the site's: Firebreak checks them and never writes them.
"""

import re
from dataclasses import dataclass

from sqlalchemy import (
    Column,
    ColumnElement,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy.engine import Connection

from firebreak.errors import Rejected

GROUP_PREFIX = "firebreak-quarantine-"
# FreeRADIUS takes groups by rising priority and stops at the first that fits; schemas begin at 0.
PRIORITY = -1

_LOCK = 0x46_42_52_53  # the advisory lock of one writing worker
_TAG = re.compile(r":\d+$")
_NO = {"no", "0"}

_schema = MetaData()
_members = Table(
    "radusergroup",
    _schema,
    Column("username", String),
    Column("groupname", String),
    Column("priority", Integer),
)
_user_replies = Table(
    "radreply",
    _schema,
    Column("username", String),
    Column("attribute", String),
    Column("op", String),
    Column("value", String),
)
_replies, _checks = (
    Table(
        name,
        _schema,
        Column("groupname", String),
        Column("attribute", String),
        Column("op", String),
        Column("value", String),
    )
    for name in ("radgroupreply", "radgroupcheck")
)


@dataclass(frozen=True)
class Quarantine:
    """The group that puts its members into a VLAN."""

    vlan: int

    @property
    def group(self) -> str:
        """Its name."""
        return f"{GROUP_PREFIX}{self.vlan}"

    def check(self, connection: Connection) -> None:
        """See that FreeRADIUS answers for the group what Firebreak means by it.

        Raises:
            Rejected: it has conditions, or does not set the VLAN.
        """
        conditions = select(func.count()).select_from(_checks).where(_of(_checks, self.group))
        if connection.execute(conditions).scalar_one():
            raise Rejected(f"group {self.group} has rows in radgroupcheck; it must fit everyone")
        replies = select(_replies.c.attribute, _replies.c.op, _replies.c.value)
        found = [
            (_TAG.sub("", attribute), op, value)
            for attribute, op, value in connection.execute(replies.where(_of(_replies, self.group)))
        ]
        for name, values in self._must_have().items():
            rows = [(op, value) for attribute, op, value in found if attribute == name]
            if len(rows) != 1 or rows[0][0] != ":=" or rows[0][1] not in values:
                raise Rejected(
                    f"group {self.group} must have one row {name} := {values[0]} in radgroupreply"
                )
        if any(name == "Fall-Through" and value.lower() not in _NO for name, _, value in found):
            raise Rejected(f"group {self.group} falls through to other groups in radgroupreply")

    def _must_have(self) -> dict[str, tuple[str, ...]]:
        return {
            "Tunnel-Type": ("VLAN", "13"),
            "Tunnel-Medium-Type": ("IEEE-802", "6"),
            "Tunnel-Private-Group-Id": (str(self.vlan),),
        }


def membership(connection: Connection, username: str) -> str | None:
    """The Firebreak group that the user is in.

    Raises:
        Rejected: the user's rows are such that FreeRADIUS would not, or not surely, heed it.
    """
    rows = connection.execute(
        select(_members.c.groupname, _members.c.priority).where(_members.c.username == username)
    ).all()
    ours = [row for row in rows if row.groupname.startswith(GROUP_PREFIX)]
    if len(ours) > 1 or any(row.priority != PRIORITY for row in ours):
        raise Rejected(f"the rows of {username} in radusergroup were edited by hand")
    first = [r.groupname for r in rows if r not in ours and (r.priority or 0) <= PRIORITY]
    if first:
        raise Rejected(
            f"{username} is in group {first[0]} with a priority of {PRIORITY} or less; "
            "FreeRADIUS would heed that group first"
        )
    stops = select(_user_replies.c.value).where(
        _user_replies.c.username == username, _user_replies.c.attribute == "Fall-Through"
    )
    if any(value.lower() in _NO for value in connection.execute(stops).scalars()):
        raise Rejected(f"{username} has Fall-Through = No in radreply; groups are not looked at")
    return ours[0].groupname if ours else None


def join(connection: Connection, username: str, group: str) -> None:
    """Make the user a member, before all other groups."""
    connection.execute(
        insert(_members).values(username=username, groupname=group, priority=PRIORITY)
    )


def leave(connection: Connection, username: str, group: str) -> None:
    """End the membership."""
    connection.execute(
        delete(_members).where(
            _members.c.username == username,
            _members.c.groupname == group,
            _members.c.priority == PRIORITY,
        )
    )


def lock(connection: Connection) -> None:
    """Until the end of the transaction no other worker changes these rows.

    The schema has no unique key to lean on. SQLite is locked by how its transaction begins.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def _of(table: Table, group: str) -> ColumnElement[bool]:
    return table.c.groupname == group
