"""What people can ask for and order: one place for the API and the chat, so both do the same."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError

from firebreak.contracts.engine import Engine, Start, Started, Wanted
from firebreak.contracts.ledger import IncidentRow, Ledger
from firebreak.contracts.policy import Decide
from firebreak.contracts.sources import Inventory
from firebreak.domain.base import JsonObject, canonical
from firebreak.domain.device import Device, Slug
from firebreak.domain.halt import Halt
from firebreak.domain.hold import Hold
from firebreak.domain.people import Approval, Principal, Verdict
from firebreak.domain.record import JOURNAL, Kind, NewEntry
from firebreak.errors import BadInput, NotFound
from firebreak.playbook.program import Program
from firebreak.server import roles
from firebreak.server.consent import may_release
from firebreak.server.delegates import Delegates
from firebreak.server.text import Reason

MAX_DEVICES = 1000

_REASON: TypeAdapter[str] = TypeAdapter(Reason)
_SLUG: TypeAdapter[str] = TypeAdapter(Slug)


class FrontDesk:
    """The use cases of people, as ``contracts.people.Desk``; roles are checked here, every time.

    It believes the principal it is given: ``auth`` says who calls the API, and ``RecordedDesk``
    asks the directory about those who come from elsewhere.
    """

    def __init__(
        self,
        engine: Engine,
        ledger: Ledger,
        inventory: Inventory,
        decide: Decide,
        programs: Callable[[], Sequence[Program]],
        *,
        delegates: Delegates,
    ) -> None:
        """Stand on these; nothing is kept between calls."""
        self._engine = engine
        self._ledger = ledger
        self._inventory = inventory
        self._may = decide
        self._programs = programs
        self._delegates = delegates

    async def start(self, who: Principal, start: Start) -> Started:
        """Start a response, or join the one that runs. ``start.requester`` is overwritten."""
        return await self._engine.respond(self._asked(who, start))

    async def dry_run(self, who: Principal, start: Start) -> tuple[JsonObject, ...]:
        """What each control of the playbook would do now. Changes and records nothing."""
        return await self._engine.dry_run(self._asked(who, start))

    async def cancel(self, who: Principal, incident: str, reason: str) -> IncidentRow:
        """Stop a response after its effect in flight. Its holds stay, time-boxed."""
        roles.DECIDE.check(who)
        why = _reason(reason)
        row = await self._ledger.incident(incident)
        await self._engine.cancel(row.id, who, why)
        return await self._ledger.incident(row.id)

    async def release(self, who: Principal, hold: str, reason: str) -> Hold:
        """End a hold and wait for the proof, if policy lets this person."""
        roles.DECIDE.check(who)
        why = _reason(reason)
        found = await self._ledger.hold(hold)
        if found is None:
            raise NotFound(f"there is no hold {hold}")
        await may_release(found, who, self._may, self._inventory)
        return await self._engine.release(found.id, who, why)

    async def extend(self, who: Principal, hold: str, by_s: int, reason: str) -> Hold:
        """Move a hold's expiry by so many seconds."""
        roles.DECIDE.check(who)
        return await self._engine.extend(hold, by_s, who, _reason(reason))

    async def decide(
        self, who: Principal, approval: str, plan_hash: str, verdict: Verdict, reason: str
    ) -> Approval:
        """Answer a request."""
        await self._delegates.check_answering(roles.DECIDE, who, approval)
        return await self._engine.decide(approval, plan_hash, verdict, who, _reason(reason))

    async def delegate(self, who: Principal, approval: str, to: str, reason: str) -> Approval:
        """Let another person answer instead of ``who``; ``who`` again to take it back."""
        roles.DECIDE.check(who)
        if to != who.id:
            await self._delegates.check_can_be_named(to)
        return await self._engine.delegate(approval, to, who, _reason(reason))

    async def snooze(self, who: Principal, approval: str, until: datetime) -> Approval:
        """Do not remind ``who`` before that time."""
        await self._delegates.check_answering(roles.DECIDE, who, approval)
        return await self._engine.snooze(approval, until, who)

    async def change(
        self, who: Principal, approval: str, plan_hash: str, wanted: Wanted, reason: str
    ) -> Approval:
        """Have it done otherwise: a new request follows, and others decide on it."""
        await self._delegates.check_answering(roles.DECIDE, who, approval)
        return await self._engine.change(approval, plan_hash, wanted, who, _reason(reason))

    async def halt(self, who: Principal, site: str | None, reason: str) -> tuple[Halt, ...]:
        """Stop all new effects, at one site or everywhere; the halts that stand then."""
        roles.OPERATE.check(who)
        if site is not None:
            self._check_site(site)
        name = f"halt-{uuid4().hex[:12]}"
        body: JsonObject = {"halt": name, "site": site, "reason": _reason(reason)}
        await self._journal(Kind.HALTED, name, who, body)
        return await self._ledger.halts()

    async def resume(self, who: Principal, site: str | None, reason: str) -> tuple[Halt, ...]:
        """Let effects go on, as a person other than the one who halted; what still stands then."""
        roles.RESUME.check(who)
        if site is not None:
            _check_slug(site)
        body: JsonObject = {"site": site, "reason": _reason(reason)}
        await self._journal(Kind.RESUMED, f"resume-{uuid4().hex[:12]}", who, body)
        return await self._ledger.halts()

    async def incidents(self, who: Principal, *, open_only: bool) -> Sequence[IncidentRow]:
        """Incidents, newest first."""
        roles.READ.check(who)
        return await self._ledger.incidents(status="open" if open_only else None)

    async def holds(self, who: Principal) -> Sequence[Hold]:
        """Live holds, soonest expiry first."""
        roles.READ.check(who)
        return await self._ledger.holds()

    async def approvals(self, who: Principal) -> Sequence[Approval]:
        """What waits for people, oldest first."""
        roles.READ.check(who)
        return await self._ledger.approvals()

    async def approval(self, who: Principal, approval: str) -> Approval:
        """One request."""
        await self._delegates.check_answering(roles.READ, who, approval)
        return await self._ledger.approval(approval)

    async def devices(self, who: Principal, text: str, limit: int) -> Sequence[Device]:
        """Devices whose id holds the text, by id; at most 1,000."""
        roles.READ.check(who)
        wanted = text.strip().lower()
        found = [device for device in self._inventory.devices() if wanted in device.id]
        return found[: max(0, min(limit, MAX_DEVICES))]

    async def playbooks(self, who: Principal) -> Sequence[str]:
        """Names of the playbooks that can be started."""
        roles.READ.check(who)
        return [program.name for program in self._programs()]

    def _asked(self, who: Principal, start: Start) -> Start:
        roles.START.check(who)
        self._inventory.device(start.device)
        try:
            canonical(start.inputs)  # what cannot be hashed cannot be recorded
        except ValueError as error:
            raise BadInput("the inputs hold a number that JSON cannot keep exactly") from error
        return start.model_copy(update={"requester": who, "reason": _reason(start.reason)})

    def _check_site(self, site: str) -> None:
        """A halt with a slip of the pen in it would stop nothing."""
        known = sorted({device.site for device in self._inventory.devices()})
        if site not in known:
            _check_slug(site)
            raise NotFound(f"no device is at site {site!r}; there are: {', '.join(known)}")

    async def _journal(self, kind: Kind, key: str, who: Principal, body: JsonObject) -> None:
        now = datetime.now(UTC)
        entry = NewEntry(incident=JOURNAL, key=key, kind=kind, at=now, actor=who.id, body=body)
        await self._ledger.append(entry)


def _reason(given: str) -> str:
    try:
        return _REASON.validate_python(given)
    except ValidationError as error:
        raise BadInput("a reason of 1 to 2,000 characters is needed") from error


def _check_slug(site: str) -> None:
    try:
        _SLUG.validate_python(site)
    except ValidationError as error:
        raise BadInput("that is no name of a site") from error
