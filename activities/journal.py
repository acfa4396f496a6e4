"""The intents of one step: what was about to be sent, and what is known of its end."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from activities.outcomes import Clock, intent_key, unsent_key
from firebreak.contracts.ledger import Ledger
from firebreak.domain.plan import Plan, ProbeReport
from firebreak.domain.record import Entry


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
    def under_glass(self) -> bool:
        """Whether a break-glass stood in for the people whom policy wants to agree."""
        override = self.entry.body.get("override")
        return isinstance(override, dict) and override.get("gates") is True

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


async def wait_out(intent: Intent, clock: Clock) -> None:
    """Until its attempt can send nothing any more: adapters keep to ``send_by``."""
    left = (intent.send_by - clock()).total_seconds()
    if left > 0:
        await asyncio.sleep(left)
