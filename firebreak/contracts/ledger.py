"""The append-only record, and what is read from it."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from pydantic import AwareDatetime

from firebreak.domain.alert import Alert
from firebreak.domain.base import JsonObject, Model
from firebreak.domain.glass import Glass
from firebreak.domain.halt import Halt
from firebreak.domain.hold import Hold
from firebreak.domain.limits import Reservation, Usage
from firebreak.domain.people import Approval
from firebreak.domain.plan import Plan
from firebreak.domain.record import Entry, NewEntry


class Appended(Model):
    """An entry in its place. ``created`` is False when the key stood already."""

    entry: Entry
    created: bool


class AlertRow(Model):
    """An alert as recorded: nothing that came in is lost."""

    alert: Alert
    received_at: AwareDatetime
    disposition: str  # received | responded | unmatched | unknown-device
    detail: str = ""
    response: str = ""  # workflow id
    incident: str = ""


class IncidentRow(Model):
    """An incident in a list."""

    id: str
    workflow: str
    playbook: str
    device: str
    title: str
    requester: str
    status: str  # open | completed | failed | cancelled | denied
    contained: bool
    opened_at: AwareDatetime
    closed_at: AwareDatetime | None = None


class Claim(Model):
    """Taking a device for one action. Held by one step at a time, from intent to release.

    ``step``: the step that takes it. Empty: the incident as a whole, whichever step speaks.
    """

    device: str
    action: str
    plan: Plan
    owner: str
    step: str = ""


class Ledger(Protocol):
    """The append-only record, and the small tables projected from it.

    Every method may raise LedgerUnavailable.
    """

    async def append(
        self,
        *entries: NewEntry,
        claim: Claim | None = None,
        reserve: Reservation | None = None,
    ) -> tuple[Appended, ...]:
        """Append in order, durably, in one transaction.

        With ``claim`` the hold row ``hold/<device>/<action>`` is taken as PENDING in the same
        transaction; it is kept by outcomes that are in force and dropped by others.

        With ``reserve`` an effect is to start: in the same transaction the device takes its room
        under the caps, unless this step has it already. It is given back with the hold.

        Raises:
            Halted: a person has stopped new effects there. Nothing is appended.
            BlastRadiusExceeded: a cap is full. Nothing is appended.
            LedgerConflict: a key stands already with other content than its body (``at`` aside).
            Busy: another incident, or another step of this one, holds the claim.
        """
        ...

    async def may_start(self, wanted: Reservation, incident: str, at: datetime) -> None:
        """Raise what ``append`` would with this reservation, and take nothing."""
        ...

    async def usage(
        self, now: datetime, *, scopes: Collection[str] | None = None, but: str = ""
    ) -> tuple[Usage, ...]:
        """How full the scopes are that anything was reserved in; of all, or of those named.

        ``but``: a device that is not counted.
        """
        ...

    async def glasses(self, *, unreviewed_only: bool = True) -> tuple[Glass, ...]:
        """Break-glasses, newest first: those whose review is not closed, or all."""
        ...

    async def halts(self, *, standing_only: bool = True) -> tuple[Halt, ...]:
        """Halts, newest first."""
        ...

    async def entry(self, incident: str, key: str) -> Entry | None:
        """One entry by key."""
        ...

    async def chain(self, incident: str) -> tuple[Entry, ...]:
        """All entries of an incident in order. Raises NotFound when there is none."""
        ...

    async def hold(self, hold_id: str) -> Hold | None:
        """The live hold (pending, active or stuck) of that id."""
        ...

    async def holds(self) -> tuple[Hold, ...]:
        """All live holds, soonest expiry first."""
        ...

    async def overdue(self, now: datetime, pending_since: datetime) -> tuple[Hold, ...]:
        """Live holds that nobody ended in time, soonest expiry first.

        ACTIVE and STUCK ones whose expiry is not after ``now``, and PENDING ones that started
        before ``pending_since``.
        """
        ...

    async def approvals(self, *, pending_only: bool = True) -> tuple[Approval, ...]:
        """Approval requests, oldest first."""
        ...

    async def approval(self, approval_id: str) -> Approval:
        """One request. Raises NotFound."""
        ...

    async def incidents(
        self, *, status: str | None = None, limit: int = 100
    ) -> tuple[IncidentRow, ...]:
        """Incidents, newest first."""
        ...

    async def incident(self, incident: str) -> IncidentRow:
        """One incident by id or by workflow id (then the newest). Raises NotFound."""
        ...

    async def record_alert(self, alert: Alert, raw: JsonObject, received_at: datetime) -> bool:
        """Keep an alert. False when this fingerprint stands already."""
        ...

    async def settle_alert(
        self,
        alert_id: str,
        disposition: str,
        *,
        detail: str = "",
        response: str = "",
        incident: str = "",
    ) -> None:
        """Say what became of an alert."""
        ...

    async def alerts(
        self, *, disposition: str | None = None, limit: int = 100
    ) -> tuple[AlertRow, ...]:
        """Alerts, newest first."""
        ...
