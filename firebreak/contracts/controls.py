"""What changes a device's standing, and what it needs to know: no vendor, only promises."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

from firebreak.domain.base import JsonObject, Model
from firebreak.domain.device import Attachment, Device
from firebreak.domain.estate import Estate
from firebreak.domain.plan import Plan


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
