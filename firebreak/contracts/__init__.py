"""One narrow Protocol per kind of outside system. Activities see these, never a vendor."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Literal, Protocol

from pydantic import AwareDatetime, Field

from firebreak.domain.alert import Alert
from firebreak.domain.base import JsonObject, Model
from firebreak.domain.device import Attachment, Device
from firebreak.domain.estate import Estate
from firebreak.domain.glass import Glass
from firebreak.domain.halt import Halt
from firebreak.domain.hold import Hold
from firebreak.domain.limits import Reservation, Usage
from firebreak.domain.people import Approval, Decision, Principal, Verdict
from firebreak.domain.plan import Plan, ProbeReport
from firebreak.domain.reading import Reading
from firebreak.domain.record import Entry, NewEntry


class Capabilities(Model):
    """What a control can do, declared in code and held to it by the conformance suite.

    ``deadline_s`` bounds one apply or revert: after it the adapter has let go of the line and
    will send nothing more. The engine builds its fence for repeated attempts on this promise.
    """

    adapter: str
    rung: str
    reversible: bool
    idempotent: bool  # applying the same plan again changes nothing more
    native_timer: bool = False  # the system itself can put it back (commit confirmed)
    deadline_s: float
    secrets: tuple[str, ...] = ()  # names of the secret references it resolves


class Observation(Model):
    """A target and its state as read just now.

    ``state`` is the adapter's record (see Plan.before). ``evidence`` says how it was found.
    ``sighted`` is False when nothing there has seen the device: it may be silent, or elsewhere.
    """

    target: str
    state: JsonObject
    evidence: tuple[str, ...] = ()
    sighted: bool = True


class Place(Model):
    """Where a device was found: ``seen`` by a switch, or only in the ``inventory``."""

    attached: Attachment
    confidence: Literal["seen", "inventory"]
    evidence: tuple[str, ...]


class Locator(Protocol):
    """Finds the port a device hangs on, across the switches of its site."""

    async def locate(self, device: Device) -> Place | None:
        """Where the device is, or None when nobody knows.

        Raises:
            InterlockEngaged: more than one port claims its MAC address; a person must look.
        """
        ...


class AuthorizationSource(Protocol):
    """Who decides what a MAC address is authorized for: a NAC, or a RADIUS server's own data.

    States are the source's own records, and compared whole: ``{"policy": "Quarantine"}``.
    Methods raise what Control's do.
    """

    @property
    def adapter(self) -> str:
        """Its name in plans: ``ise``, ``packetfence``, ``freeradius-users``, ..."""
        ...

    @property
    def deadline_s(self) -> float:
        """After so long a call has ended and sends nothing more."""
        ...

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secret references it resolves."""
        ...

    async def read(self, mac: str) -> JsonObject:
        """What the source says about the MAC address now."""
        ...

    def quarantined(self, before: JsonObject) -> JsonObject:
        """The state that quarantines, from the one that was read. Pure."""
        ...

    async def write(
        self, mac: str, known: JsonObject, wanted: JsonObject, send_by: datetime
    ) -> JsonObject:
        """Bring ``wanted`` about and return what is read afterwards.

        Writes nothing when it stands already, or after ``send_by``. Raises StateDrifted when the
        state is neither ``known`` nor ``wanted``.
        """
        ...


class Guard(Protocol):
    """A reason not to act that is read from the outside: an interlock."""

    async def check(self, device: Device, plan: Plan) -> tuple[str, ...]:
        """What was seen that lets the plan go on: lines of evidence for it.

        Asked when the plan is made, and again right before its intent is recorded.

        Raises:
            InterlockEngaged: it may not be done now; or the source is silent, stale or makes no
                sense, which counts as engaged.
        """
        ...


class Control(Protocol):
    """An action that changes a device's standing: observe, plan, apply, verify (read), revert.

    Every method may raise Unreachable (nothing was sent), AuthFailed, Rejected, NotThere (the
    device is somewhere else), CapabilityMissing, RateLimited. ``apply`` and ``revert`` raise
    OutcomeUnknown once a write may have left and its effect was not seen; they never swallow that.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What this control can do."""
        ...

    def serves(self, device: Device) -> str:
        """Why there is no such road to the device; "" when there is one. Pure: no I/O."""
        ...

    async def observe(self, device: Device) -> Observation:
        """Find the device's place and read its state. Reads only."""
        ...

    async def plan(self, device: Device, inputs: JsonObject, seen: Observation) -> Plan:
        """What would change. Pure: no I/O. Raises Rejected when the target may not be touched."""
        ...

    async def apply(self, plan: Plan, send_by: datetime) -> JsonObject:
        """Bring ``plan.after`` into force and return the state read back afterwards.

        Sends nothing after ``send_by``. Raises StateDrifted when, on the same line it would write
        to, the state is neither ``before`` nor ``after``.
        """
        ...

    async def revert(self, plan: Plan, send_by: datetime) -> JsonObject:
        """Restore ``plan.before`` exactly and return the state read back afterwards.

        Works on the plan's target, wherever the device is by now. Writes nothing when ``before``
        is in force already. Raises StateDrifted when the state is neither ``before`` nor
        ``after``: somebody else changed it, and their change is not overwritten.
        """
        ...


class Extension(Protocol):
    """Controls that a module of your own brings, for rungs of the catalogue."""

    @property
    def controls(self) -> Sequence[Control]:
        """They are asked before the shipped adapters of their rungs."""
        ...

    async def close(self) -> None:
        """Let go of every connection."""
        ...


class AdapterModule(Protocol):
    """A Python module named in ``FIREBREAK_ADAPTERS``."""

    def extend(self, estate: Estate, config: JsonObject) -> Extension:
        """Build the module's controls from the estate, and from its entry under ``adapters``.

        Raises:
            DefinitionError: the configuration is wrong; says what.
        """
        ...


class Operation(Protocol):
    """An action without a standing to restore: an effect elsewhere, or an observation.

    ``key`` is the same in every attempt of a step: where the outside system takes an idempotency
    key, this is it. May raise what Control may.
    """

    @property
    def idempotent(self) -> bool:
        """Whether running it again with the same key does nothing more."""
        ...

    async def run(self, device: Device, inputs: JsonObject, key: str) -> JsonObject:
        """Do it and return the fields the catalogue promises as results."""
        ...


class Probe(Protocol):
    """An independent look from outside the enforcement point."""

    async def look(self, device: Device) -> ProbeReport:
        """Whether the device can be reached in the production network.

        A vantage point that cannot reach its own control target reports INCONCLUSIVE: a dead
        sentinel must never look like a contained device. Raises nothing.
        """
        ...


class StateSource(Protocol):
    """One fact about a process or a site that an interlock watches, read where it is known."""

    async def read(self) -> Reading:
        """What the source says now, unjudged. Bounded in time; changes nothing.

        Raises:
            Unreachable, AuthFailed, Rejected, RateLimited: there is no reading.
            TimeoutError: it took too long.
        """
        ...

    async def close(self) -> None:
        """Let go of every connection."""
        ...


class Inventory(Protocol):
    """The devices of the estate."""

    def device(self, device_id: str) -> Device:
        """The device by id. Raises NotFound."""
        ...

    def by_address(self, *, ip: str | None = None, mac: str | None = None) -> Device | None:
        """The device with that address, or None. When both are given and differ, MAC wins."""
        ...

    def devices(self) -> tuple[Device, ...]:
        """All devices, by id."""
        ...

    def time_zone(self, site: str) -> str:
        """IANA name of the site's time zone; ``UTC`` when it names none. Raises NotFound."""
        ...


class Parsed(Model):
    """One record of a detector's feed that is an alert."""

    alert: Alert
    raw: JsonObject


class BadRecord(Model):
    """One record that could not be read: where it stood and why."""

    index: int
    reason: str


class AlertParser(Protocol):
    """Turns a detector's own format into alerts (``devices`` still empty)."""

    def parse(self, body: bytes) -> tuple[tuple[Parsed, ...], tuple[BadRecord, ...], int]:
        """``(alerts, unreadable records, records that are no alerts)``.

        Raises:
            BadInput: nothing of the body can be read.
        """
        ...


class Blast(Model):
    """How many other devices are held, or about to be, when policy is asked about one more."""

    site: int = Field(default=0, ge=0)
    device_class: int = Field(default=0, ge=0, alias="class")
    switch: int = Field(default=0, ge=0)
    redundancy_group: int = Field(default=0, ge=0)
    last_hour: int = Field(default=0, ge=0)  # at the site, ended ones too


class Question(Model):
    """What policy is asked. ``at`` is the moment it is asked about; None: now."""

    action: str
    plan: Plan | None
    device: Device
    requester: Principal
    severity: int = 0
    confidence: int = 0
    drill: bool = False
    change_window: bool = False  # whether a change window of the site is open
    blast: Blast = Blast()
    at: AwareDatetime | None = None


class Policy(Protocol):
    """Who may do which action to which device, and with whose agreement. No rule is a no."""

    @property
    def digest(self) -> str:
        """Which policy this is."""
        ...

    def decide(self, question: Question) -> Decision:
        """The decision and the rules that made it. Raises nothing: a doubt is FORBID."""
        ...


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


class Start(Model):
    """A response to start, or to join when one runs for the same playbook and device."""

    playbook: str
    device: str
    alerts: tuple[Alert, ...] = ()
    requester: Principal
    reason: str = ""
    inputs: JsonObject = Field(default_factory=dict)


class Started(Model):
    """Where a response runs."""

    workflow: str
    incident: str


class Wanted(Model):
    """How a person wants a step to be done that waits for their answer.

    ``step``: which of the request's; empty when it has only one. ``inputs``: those that change.
    ``hold_s``: for how long, no longer than the author says.
    """

    step: str = ""
    inputs: JsonObject = Field(default_factory=dict)
    hold_s: int | None = Field(default=None, ge=1)


class Engine(Protocol):
    """What the server asks of the response engine."""

    async def respond(self, start: Start) -> Started:
        """Start a response or hand its alerts to the one that runs; durable when it returns.

        Raises:
            NotFound: no such playbook or device.
            BadInput: an input the playbook does not declare, or of the wrong type.
            Unreachable: Temporal does not answer.
        """
        ...

    async def dry_run(self, start: Start) -> tuple[JsonObject, ...]:
        """What each control of the playbook would do now: plans or refusals. Changes nothing."""
        ...

    async def decide(
        self, approval_id: str, plan_hash: str, verdict: Verdict, who: Principal, reason: str
    ) -> Approval:
        """Put a vote. Raises NotFound, Forbidden (with the reason), Unreachable."""
        ...

    async def delegate(self, approval_id: str, to: str, who: Principal, reason: str) -> Approval:
        """Let the person ``to`` answer instead of ``who``, who may answer. Raises like decide."""
        ...

    async def snooze(self, approval_id: str, until: datetime, who: Principal) -> Approval:
        """Do not remind ``who`` before that time; the request expires as before.

        Raises like decide.
        """
        ...

    async def change(
        self, approval_id: str, plan_hash: str, wanted: Wanted, who: Principal, reason: str
    ) -> Approval:
        """Void the request and have its step planned as ``who``, who may answer, wants it.

        A new request follows (``replaces`` names this one), which ``who`` cannot approve. Raises
        like decide.
        """
        ...

    async def cancel(self, incident: str, who: Principal, reason: str) -> None:
        """Stop a response after its effect in flight; its holds stay. Raises NotFound."""
        ...

    async def release(self, hold_id: str, who: Principal, reason: str) -> Hold:
        """End a hold now and wait for the proof.

        Raises NotFound, Forbidden (it is still being applied), RevertFailed.
        """
        ...

    async def keep(self, hold: Hold) -> None:
        """Make sure the workflow of a live hold runs, and start it again when it is gone.

        A hold whose response is still applying it is left alone. Raises Unreachable.
        """
        ...

    async def extend(self, hold_id: str, by_s: int, who: Principal, reason: str) -> Hold:
        """Move a hold's expiry. Raises NotFound, Forbidden."""
        ...

    async def ready(self) -> bool:
        """Whether Temporal answers."""
        ...
