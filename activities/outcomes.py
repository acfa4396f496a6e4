"""Builds outcomes and the entries that record them, the same way for every kind of action."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from pydantic import JsonValue

from firebreak.contracts.ledger import Ledger
from firebreak.domain.base import JsonObject
from firebreak.domain.plan import Outcome, OutcomeKind, Plan, ProbeReport
from firebreak.domain.record import Entry, Kind, NewEntry
from firebreak.domain.step import Ask
from firebreak.errors import FirebreakError, LedgerConflict

Clock = Callable[[], datetime]

# Somebody or something said no before anything was changed.
_REFUSALS = frozenset({"policy-denied", "interlock-engaged", "blast-radius", "halted", "rejected"})


def outcome_key(step: str) -> str:
    """The ledger key of a step's last word."""
    return f"outcome:{step}"


def intent_key(step: str, send: int) -> str:
    """The ledger key of the intent before the ``send``-th sending of a step, from 1."""
    return f"{intents_of(step)}#{send}"


def intents_of(steps: str) -> str:
    """How the keys of all intents begin of the steps whose name begins so."""
    return f"intent:{steps}"


def unsent_key(step: str, send: int) -> str:
    """The ledger key of the word that nothing left under that intent."""
    return f"unsent:{step}#{send}"


class Recorder:
    """Outcomes and entries of one Ask."""

    def __init__(self, ask: Ask, clock: Clock) -> None:
        """Start the step's clock."""
        self._ask = ask
        self._clock = clock
        self.started_at = clock()

    def outcome(
        self,
        kind: OutcomeKind,
        *,
        detail: str = "",
        error: str = "",
        plan: Plan | None = None,
        changed: bool = False,
        reconciled: bool = False,
        observed: JsonObject | None = None,
        probes: tuple[ProbeReport, ...] = (),
        result: JsonObject | None = None,
    ) -> Outcome:
        """The outcome of this step, ending now."""
        return Outcome(
            kind=kind,
            step=self._ask.step,
            action=self._ask.action,
            rung=self._ask.rung,
            device=self._ask.device,
            plan_hash=plan.hash if plan else "",
            detail=detail,
            error=error,
            changed=changed,
            reconciled=reconciled,
            observed=observed or {},
            probes=probes,
            result=result or {},
            started_at=self.started_at,
            ended_at=self._clock(),
        )

    def failure(self, error: FirebreakError, plan: Plan | None = None) -> Outcome:
        """The outcome of an error: refused when a rule or the system said no, else failed."""
        kind = OutcomeKind.REFUSED if error.code in _REFUSALS else OutcomeKind.FAILED
        if error.code == "outcome-unknown":
            kind = OutcomeKind.UNKNOWN
        return self.outcome(kind, detail=str(error), error=error.code, plan=plan)

    def entry(self, kind: Kind, key: str, **body: JsonValue) -> NewEntry:
        """An entry of this step, now."""
        return NewEntry(
            incident=self._ask.incident,
            key=key,
            kind=kind,
            at=self._clock(),
            actor=self._ask.requester.id,
            body={"step": self._ask.step, **body},
        )

    def after(self, seconds: float) -> str:
        """A moment from now, as entries write it."""
        return (self._clock() + timedelta(seconds=seconds)).isoformat()

    def outcome_entry(
        self,
        outcome: Outcome,
        plan: Plan | None = None,
        hold: str | None = None,
        expires_at: str | None = None,
        **more: JsonValue,
    ) -> NewEntry:
        """The step's last word; ``hold`` and its expiry when a change stands or may stand."""
        return self.entry(
            Kind.OUTCOME,
            outcome_key(self._ask.step),
            outcome=outcome.to_json(),
            plan=plan.to_json() if plan else None,
            hold=hold,
            expires_at=expires_at,
            **more,
        )


async def settle(
    ledger: Ledger, ask: Ask, outcome: Outcome, entries: Sequence[NewEntry]
) -> Outcome:
    """Append a step's last word, or take the one that another attempt wrote first."""
    try:
        await ledger.append(*ask.entries, *entries)
    except LedgerConflict:
        stands = await ledger.entry(ask.incident, outcome_key(ask.step))
        if stands is None:
            raise
        return recorded(stands)
    return outcome


def recorded(entry: Entry) -> Outcome:
    """The outcome that an OUTCOME entry holds."""
    return Outcome.model_validate(entry.body["outcome"])
