"""FreeRADIUS's answers out of a users file: Firebreak's own, included by the site's main one."""

import asyncio
from datetime import UTC, datetime

from pydantic import Field, ValidationError

from firebreak.domain.base import JsonObject, Model
from firebreak.domain.device import Mac
from firebreak.domain.estate import FreeRadiusUsers
from firebreak.errors import FirebreakError, OutcomeUnknown, Rejected, StateDrifted, Unreachable
from integrations.network import clock
from integrations.network.radius.reload import reload
from integrations.network.radius.users_blocks import Block
from integrations.network.radius.users_file import UsersFile

_WORK_S = 10.0  # for the lock, the file and two reloads, the pause between them apart
_RELOAD_S = 4.0


class _Entry(Model):
    vlan: int = Field(ge=2, le=4094)


class _Record(Model):
    """The state record. ``loaded`` False: written, and the server not seen to take it in."""

    entry: _Entry | None
    loaded: bool = True

    @property
    def vlan(self) -> int | None:
        return self.entry.vlan if self.entry else None

    def record(self) -> JsonObject:
        entry: JsonObject | None = None if self.entry is None else {"vlan": self.entry.vlan}
        return {"entry": entry} if self.loaded else {"entry": entry, "loaded": False}


class _Address(Model):
    mac: Mac


class FreeRadiusUsersSource:
    """``firebreak.contracts.AuthorizationSource`` over a users file.

    States: ``{"entry": null}`` or ``{"entry": {"vlan": 666}}``; with ``"loaded": false`` as long as
    the server may not have read it. The file alone proves nothing: FreeRADIUS 3 silently ignores a
    reload that comes within ``reload_gap_s`` of another (``module_hup_module`` in
    src/main/modules.c), whoever asked for it, and its own start. So the reload is repeated that
    much later, when it either works or was preceded by one that came after the file was written.
    """

    adapter = "freeradius-users"
    secrets: tuple[str, ...] = ()

    def __init__(self, config: FreeRadiusUsers, quarantine_vlan: int) -> None:
        """``quarantine_vlan`` is the site's."""
        self._config = config
        self._vlan = quarantine_vlan
        self._file = UsersFile(config.file)

    @property
    def deadline_s(self) -> float:
        """Seconds after which a call has ended."""
        return self._config.reload_gap_s + _WORK_S

    async def read(self, mac: str) -> JsonObject:
        """What the file says about the MAC address. Raises Rejected."""
        return (await asyncio.to_thread(self._read, _address(mac))).record()

    def quarantined(self, before: JsonObject) -> JsonObject:
        """The site's quarantine VLAN. Raises Rejected while the server may not know ``before``."""
        if not _parsed(before).loaded:
            raise Rejected(
                "an earlier change of the device's users file entry was not seen to be loaded; "
                "release its hold, or reload FreeRADIUS and remove the block"
            )
        return _Record(entry=_Entry(vlan=self._vlan)).record()

    async def write(
        self, mac: str, known: JsonObject, wanted: JsonObject, send_by: datetime
    ) -> JsonObject:
        """Change the file, have the server reload, and return what the file then says.

        Raises:
            StateDrifted: the file says neither.
            Rejected: the file cannot be written, or the server did not reload; it is as before.
            Unreachable: too late, or the file was locked; nothing was changed.
            OutcomeUnknown: the server may have reloaded, or not.
        """
        address, target = _address(mac), _parsed(wanted)
        allowed = min((send_by - datetime.now(UTC)).total_seconds(), self.deadline_s)
        fence = clock.now() + allowed
        old, new = await asyncio.to_thread(
            self._put, address, _parsed(known).vlan, target.vlan, fence
        )
        if new is None:
            return _settled(target).record()
        written = clock.now()
        try:
            await reload(self._config.reload, min(_RELOAD_S, fence - written))
        except Rejected:
            await asyncio.to_thread(self._put_back, old, new, fence)
            raise
        await self._confirm(written, fence)
        await asyncio.to_thread(self._settle, new, fence)
        return await self.read(address)

    async def _confirm(self, written: float, fence: float) -> None:
        if self._config.reload_gap_s == 0:
            return
        await asyncio.sleep(written + self._config.reload_gap_s - clock.now())
        try:
            await reload(self._config.reload, min(_RELOAD_S, fence - clock.now()))
        except Rejected as error:
            raise OutcomeUnknown(f"FreeRADIUS reloaded once and then did not: {error}") from error

    def _read(self, mac: str) -> _Record:
        return _said(self._file.read().block(mac))

    def _put(
        self, mac: str, known: int | None, wanted: int | None, fence: float
    ) -> tuple[Block | None, Block | None]:
        """The block before and after; no block after when ``wanted`` is in force already."""
        # Both reloads must still come in time: there is no stopping halfway.
        last_moment = fence - self._config.reload_gap_s - _RELOAD_S
        with self._file.locked(last_moment):
            content = self._file.read()
            old = content.block(mac)
            seen = _said(old)
            if seen == _settled(_Record(entry=_entry(wanted))):
                return old, None
            if seen.vlan not in (known, wanted):
                raise StateDrifted(
                    f"the users file gives {mac} {_named(seen.vlan)}, where {_named(known)} or "
                    f"{_named(wanted)} was expected"
                )
            if clock.now() > last_moment:
                raise Unreachable("too late to change the users file and have it loaded")
            new = Block(mac, wanted, pending=True)
            if old != new:
                self._file.replace(content.put(new))
            return old, new

    def _put_back(self, old: Block | None, new: Block, fence: float) -> None:
        """Undo what the server refused to load, so that no later reload brings it into force."""
        try:
            with self._file.locked(fence):
                content = self._file.read()
                if content.block(new.mac) == new and old != new:
                    self._file.replace(content.put(old) if old else content.without(new.mac))
        except FirebreakError as error:
            raise OutcomeUnknown(
                f"FreeRADIUS did not reload, and the users file could not be put back: {error}"
            ) from error

    def _settle(self, new: Block, fence: float) -> None:
        """Take the mark away that says the server may not know."""
        done = Block(new.mac, new.vlan, pending=False)
        try:
            with self._file.locked(fence):
                content = self._file.read()
                found = content.block(new.mac)
                if found == new:
                    gone = new.vlan is None
                    self._file.replace(content.without(new.mac) if gone else content.put(done))
                elif _said(found) != _said(None if new.vlan is None else done):
                    raise OutcomeUnknown(f"another worker changed the users file for {new.mac}")
        except (Rejected, Unreachable) as error:
            raise OutcomeUnknown(
                f"FreeRADIUS reloaded, and the users file could not say so: {error}"
            ) from error


def _address(mac: str) -> str:
    try:
        return _Address(mac=mac).mac
    except ValidationError as error:
        raise Rejected(f"{mac!r} is not a MAC address") from error


def _parsed(record: JsonObject) -> _Record:
    try:
        return _Record.model_validate(record)
    except ValidationError as error:
        raise Rejected("the plan holds no state of a FreeRADIUS users file") from error


def _entry(vlan: int | None) -> _Entry | None:
    return None if vlan is None else _Entry(vlan=vlan)


def _said(block: Block | None) -> _Record:
    if block is None:
        return _Record(entry=None)
    return _Record(entry=_entry(block.vlan), loaded=not block.pending)


def _settled(record: _Record) -> _Record:
    return _Record(entry=record.entry)


def _named(vlan: int | None) -> str:
    return "no entry" if vlan is None else f"VLAN {vlan}"
