"""The desk for whoever does not come by the API: the roles of this moment, and the audit log."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import structlog

from firebreak.contracts.engine import Start, Started
from firebreak.contracts.ledger import IncidentRow
from firebreak.contracts.people import Desk, Directory
from firebreak.domain.device import Device
from firebreak.domain.halt import EVERYWHERE, Halt
from firebreak.domain.hold import Hold
from firebreak.domain.people import Approval, Principal, Verdict
from firebreak.errors import FirebreakError
from firebreak.ledger.audit import BEGUN, NOBODY, AuditLog, Line
from firebreak.server.problems import STATUS
from firebreak.server.text import printable
from firebreak.server.trail import MAX_PRINCIPAL, MAX_TARGET

_DONE = 200
_BUG = 500

_log = structlog.get_logger(__name__)


class RecordedDesk:
    """A ``Desk`` in front of another one, for one way in (``slack``).

    Orders are written into the audit log before they are carried out, and are refused with
    LedgerUnavailable when they cannot be; what only reads is written a moment later.
    """

    def __init__(self, desk: Desk, directory: Directory, log: AuditLog, via: str) -> None:
        """Stand before ``desk``. ``via`` has at most 20 characters."""
        self._desk = desk
        self._directory = directory
        self._audit = log
        self._via = via

    def stranger(self, account: str, action: str, why: str) -> None:
        """Note somebody whose account is nobody's: counted, a line a second at most."""
        line = self._line(NOBODY, action, "", 401, f"{why}: {printable(account)[:64]}")
        self._audit.stranger(f"{self._via}/{printable(account)[:64]}", line)

    async def start(self, who: Principal, start: Start) -> Started:
        """Start a response, or join the one that runs."""
        async with self._order(who, "start_response", start.device) as known:
            return await self._desk.start(known, start)

    async def release(self, who: Principal, hold: str, reason: str) -> Hold:
        """End a hold and wait for the proof."""
        async with self._order(who, "release_hold", hold) as known:
            return await self._desk.release(known, hold, reason)

    async def decide(
        self, who: Principal, approval: str, plan_hash: str, verdict: Verdict, reason: str
    ) -> Approval:
        """Answer a request."""
        async with self._order(who, "decide_approval", approval) as known:
            return await self._desk.decide(known, approval, plan_hash, verdict, reason)

    async def halt(self, who: Principal, site: str | None, reason: str) -> tuple[Halt, ...]:
        """Stop all new effects."""
        async with self._order(who, "halt", site or EVERYWHERE) as known:
            return await self._desk.halt(known, site, reason)

    async def resume(self, who: Principal, site: str | None, reason: str) -> tuple[Halt, ...]:
        """Let effects go on."""
        async with self._order(who, "resume", site or EVERYWHERE) as known:
            return await self._desk.resume(known, site, reason)

    async def incidents(self, who: Principal, *, open_only: bool) -> Sequence[IncidentRow]:
        """Incidents, newest first."""
        async with self._look(who, "list_incidents") as known:
            return await self._desk.incidents(known, open_only=open_only)

    async def holds(self, who: Principal) -> Sequence[Hold]:
        """Live holds, soonest expiry first."""
        async with self._look(who, "list_holds") as known:
            return await self._desk.holds(known)

    async def approvals(self, who: Principal) -> Sequence[Approval]:
        """What waits for people, oldest first."""
        async with self._look(who, "list_approvals") as known:
            return await self._desk.approvals(known)

    async def approval(self, who: Principal, approval: str) -> Approval:
        """One request."""
        async with self._look(who, "get_approval", approval) as known:
            return await self._desk.approval(known, approval)

    async def devices(self, who: Principal, text: str, limit: int) -> Sequence[Device]:
        """Devices whose id holds the text, by id."""
        async with self._look(who, "list_devices") as known:
            return await self._desk.devices(known, text, limit)

    async def playbooks(self, who: Principal) -> Sequence[str]:
        """Names of the playbooks that can be started."""
        async with self._look(who, "list_playbooks") as known:
            return await self._desk.playbooks(known)

    @contextlib.asynccontextmanager
    async def _order(self, who: Principal, action: str, target: str) -> AsyncIterator[Principal]:
        n = await self._audit.begin(self._line(who.id, action, target))
        status, code = _BUG, "internal"
        try:
            yield await self._directory.current(who, datetime.now(UTC))
            status, code = _DONE, ""
        except FirebreakError as error:
            status, code = STATUS[type(error)], error.code
            raise
        finally:
            await self._end(n, self._line(who.id, action, target, status, code))

    @contextlib.asynccontextmanager
    async def _look(
        self, who: Principal, action: str, target: str = ""
    ) -> AsyncIterator[Principal]:
        status, code = _BUG, "internal"
        try:
            yield await self._directory.current(who, datetime.now(UTC))
            status, code = _DONE, ""
        except FirebreakError as error:
            status, code = STATUS[type(error)], error.code
            raise
        finally:
            self._audit.note(self._line(who.id, action, target, status, code))

    async def _end(self, n: int, line: Line) -> None:
        try:
            await self._audit.end(n, line)
        except FirebreakError as error:
            _log.error("audit log cannot be written", line=n, action=line.action, why=str(error))

    def _line(
        self, who: str, action: str, target: str, status: int = BEGUN, detail: str = ""
    ) -> Line:
        return Line(
            at=datetime.now(UTC),
            principal=printable(who)[:MAX_PRINCIPAL],
            via=self._via,
            action=action,
            target=printable(target)[:MAX_TARGET],
            status=status,
            detail=detail,
        )
