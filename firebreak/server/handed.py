"""Which responses hold an alert already, so that handing it over again never starts another one."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Self

from pydantic import JsonValue

from firebreak.contracts.engine import Started
from firebreak.contracts.ledger import AlertRow, IncidentRow, Ledger
from firebreak.domain.record import Entry, Kind

# Enough for every alert that can still wait. Beyond it the oldest incidents would not be seen.
INCIDENTS = 10_000
# Workflows and this process read different clocks.
SKEW = timedelta(hours=1)


class HandedOver:
    """What the ledger's incidents say was handed over, for one sweep.

    A response that runs knows its alerts, and one that has ended wrote them into its record first
    (``response.opened``, ``alert.joined``). So an alert that no record holds either never arrived
    or is with a response that still runs and will know it again. What remains: a response that
    begins and ends in the seconds between this look and the call that follows, and one whose
    workflow was terminated, or lost with Temporal's data, before it wrote anything.
    """

    def __init__(
        self,
        ledger: Ledger,
        incidents: Iterable[IncidentRow],
        received_at: Mapping[str, datetime],
    ) -> None:
        """``read`` makes one. ``incidents`` are newest first; ``received_at`` is by alert id."""
        self._ledger = ledger
        self._incidents: dict[tuple[str, str], list[IncidentRow]] = defaultdict(list)
        for row in incidents:
            self._incidents[row.playbook, row.device].append(row)
        self._received_at = received_at
        self._alerts: dict[str, frozenset[str]] = {}
        self._reading = asyncio.Lock()

    @classmethod
    async def read(cls, ledger: Ledger, alerts: Iterable[AlertRow]) -> Self:
        """List the incidents; their records are read when one of these alerts asks for them.

        Raises:
            LedgerUnavailable: they cannot be listed.
        """
        incidents = await ledger.incidents(limit=INCIDENTS)
        return cls(ledger, incidents, {row.alert.id: row.received_at for row in alerts})

    async def to(self, playbook: str, device: str, alert_id: str) -> Started | None:
        """The newest response of this playbook to this device that holds the alert.

        Raises:
            LedgerUnavailable: a record cannot be read.
            LedgerConflict: a record does not verify.
        """
        since = self._received_at[alert_id] - SKEW
        for row in self._incidents.get((playbook, device), ()):
            could = row.closed_at is None or row.closed_at >= since
            if could and alert_id in await self._held_by(row.id):
                return Started(workflow=row.workflow, incident=row.id)
        return None

    async def _held_by(self, incident: str) -> frozenset[str]:
        async with self._reading:  # alerts of one device come together and want the same record
            if incident not in self._alerts:
                chain = await self._ledger.chain(incident)
                self._alerts[incident] = frozenset(a for entry in chain for a in _alerts(entry))
            return self._alerts[incident]


def _alerts(entry: Entry) -> list[str]:
    """The ids of the alerts that an entry takes in: plain when opened, with titles when joined."""
    given = entry.body.get("alerts")
    if entry.kind not in (Kind.OPENED, Kind.JOINED) or not isinstance(given, list):
        return []
    return [_id(alert) for alert in given]


def _id(alert: JsonValue) -> str:
    return str(alert.get("id", "")) if isinstance(alert, dict) else str(alert)
