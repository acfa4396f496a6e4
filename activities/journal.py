"""The intents of one step: what was about to be sent, and what is known of its end."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from activities.outcomes import Clock, Recorder, intent_key, intents_of, unsent_key
from firebreak.contracts.ledger import Ledger
from firebreak.domain.plan import Plan, ProbeReport
from firebreak.domain.record import Entry, Kind
from firebreak.errors import Busy, LedgerConflict


@dataclass(frozen=True)
class Intent:
    """One intent on disk. ``open``: whether something left under it is not known."""

    number: int
    send_by: datetime
    open: bool
    entry: Entry

    @property
    def plan(self) -> Plan:
        """What was about to be applied."""
        return Plan.model_validate(self.entry.body["plan"])

    @property
    def baseline(self) -> ProbeReport:
        """How the device looked before."""
        return ProbeReport.model_validate(self.entry.body["baseline"])


async def intents(ledger: Ledger, incident: str, step: str) -> list[Intent]:
    """All intents of a step, in order."""
    found: list[Intent] = []
    while (entry := await ledger.entry(incident, intent_key(step, len(found) + 1))) is not None:
        number = len(found) + 1
        unsent = await ledger.entry(incident, unsent_key(step, number))
        send_by = datetime.fromisoformat(str(entry.body["send_by"]))
        found.append(Intent(number=number, send_by=send_by, open=unsent is None, entry=entry))
    return found


def begun(chain: Iterable[Entry], steps: str) -> list[Intent]:
    """The intents in a chain of all steps whose name begins so. None is taken for unsent."""
    found = []
    for entry in chain:
        if entry.key.startswith(intents_of(steps)):
            number = int(entry.key.rpartition("#")[2])
            send_by = datetime.fromisoformat(str(entry.body["send_by"]))
            found.append(Intent(number=number, send_by=send_by, open=True, entry=entry))
    return found


async def wait_out(sent: Iterable[Intent], clock: Clock) -> None:
    """Until nothing can be sent under any of them any more: adapters keep to ``send_by``."""
    ends = [intent.send_by for intent in sent if intent.open]
    left = (max(ends) - clock()).total_seconds() if ends else 0
    if left > 0:
        await asyncio.sleep(left)


def revert_step(step: str) -> str:
    """What the intents to put a step's change back are numbered under."""
    return f"{step}/revert"


async def intend_revert(
    ledger: Ledger, recorder: Recorder, step: str, number: int, *, plan: Plan, send_by: datetime
) -> None:
    """Put on disk that a change is about to be put back. Raises Busy if another attempt was first.

    ``step`` and ``number`` name the intent.
    """
    intent = recorder.entry(
        Kind.INTENT,
        intent_key(step, number),
        plan_hash=plan.hash,
        revert=True,
        send_by=send_by.isoformat(),
    )
    try:
        (appended,) = await ledger.append(intent)
    except LedgerConflict as error:
        raise Busy(f"another attempt of {step} is under way") from error
    if not appended.created:
        raise Busy(f"another attempt of {step} is under way")
