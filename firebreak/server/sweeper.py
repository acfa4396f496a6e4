"""Redelivers alerts that were recorded and not handed over: after a crash, or an outage."""

import asyncio
from datetime import UTC, datetime, timedelta

import structlog

from firebreak.contracts.engine import Engine
from firebreak.contracts.ledger import AlertRow, Ledger
from firebreak.errors import FirebreakError
from firebreak.server.intake import RECEIVED, Intake

EVERY_S = 5.0
# Younger ones are likely on their way, in this process or in another.
MIN_AGE_S = 5.0
MAX_ALERTS = 1000  # in one sweep
# The ledger lists the newest first. Far more than one sweep takes, so that the oldest are among
# them, and alerts that fail again and again do not hide the others.
LISTED = 20_000
MAX_PAUSE_S = 300.0

_log = structlog.get_logger(__name__)


class Sweeper:
    """Looks for ``received`` alerts every few seconds; each is tried again with growing pauses.

    The oldest come first. While more than ``LISTED`` wait, the oldest of all have to wait longer.
    """

    def __init__(self, ledger: Ledger, engine: Engine, intake: Intake) -> None:
        """Redeliver through ``intake``."""
        self._ledger = ledger
        self._engine = engine
        self._intake = intake
        self._tries: dict[str, int] = {}
        self._not_before: dict[str, datetime] = {}

    async def run(self) -> None:
        """Sweep at once, everything, then for ever."""
        min_age_s = 0.0
        while True:
            try:
                await self.sweep(min_age_s=min_age_s)
            except FirebreakError as error:
                _log.warning("alerts could not be swept", error=str(error))
            except Exception:  # noqa: BLE001 - nothing may end this loop but the end of the process
                _log.exception("alerts could not be swept")
            else:
                min_age_s = MIN_AGE_S
            await asyncio.sleep(EVERY_S)

    async def sweep(self, *, min_age_s: float = MIN_AGE_S) -> int:
        """Redeliver what is due; how many alerts that were.

        Raises:
            LedgerUnavailable: the alerts cannot be listed.
        """
        now = datetime.now(UTC)
        rows = await self._ledger.alerts(disposition=RECEIVED, limit=LISTED)
        self._forget_all_but({row.alert.id for row in rows})
        due = [row for row in reversed(rows) if self._is_due(row, now, min_age_s)][:MAX_ALERTS]
        if not due or not await self._engine.ready():
            return 0
        _log.info("redelivering alerts", alerts=len(due), oldest=due[0].received_at.isoformat())
        for row in due:
            self._postpone(row.alert.id, now)
        await self._intake.redeliver(due)
        return len(due)

    def _is_due(self, row: AlertRow, now: datetime, min_age_s: float) -> bool:
        old_enough = (now - row.received_at).total_seconds() >= min_age_s
        return old_enough and self._not_before.get(row.alert.id, now) <= now

    def _postpone(self, alert_id: str, now: datetime) -> None:
        tries = self._tries[alert_id] = self._tries.get(alert_id, 0) + 1
        pause_s = min(EVERY_S * 2 ** min(tries - 1, 10), MAX_PAUSE_S)
        self._not_before[alert_id] = now + timedelta(seconds=pause_s)

    def _forget_all_but(self, ids: set[str]) -> None:
        for gone in self._tries.keys() - ids:
            del self._tries[gone], self._not_before[gone]
