"""Finds holds that should have ended or begun long ago, and makes sure that somebody keeps them.

A hold whose workflow was terminated, or lost with Temporal's data, would contain its device for
ever and in silence. The ledger still has it, so it is found here.
"""

import asyncio
from datetime import UTC, datetime, timedelta

import structlog

from firebreak.contracts.engine import Engine
from firebreak.contracts.ledger import Ledger
from firebreak.domain.hold import Hold
from firebreak.errors import FirebreakError
from firebreak.server.metrics import Metrics

EVERY_S = 10.0
# A release takes its time: it has to be sent, read back and seen.
GRACE = timedelta(seconds=30)
# The longest that an action is on its way, people's answers not included, before it looks lost.
PENDING_AT_MOST = timedelta(minutes=10)

_log = structlog.get_logger(__name__)


class HoldWatch:
    """Looks every ten seconds; says each overdue hold once, and has the engine keep it each time.

    Several processes may watch: keeping a hold that is kept changes nothing.
    """

    def __init__(self, ledger: Ledger, engine: Engine, metrics: Metrics) -> None:
        """Find holds in ``ledger`` and have ``engine`` keep them."""
        self._ledger = ledger
        self._engine = engine
        self._metrics = metrics
        self._said: set[str] = set()
        self._unkept: set[str] = set()

    async def run(self) -> None:
        """Sweep at once, then for ever."""
        while True:
            try:
                await self.sweep()
            except FirebreakError as error:
                self._metrics.holds_overdue.set(float("nan"))  # unknown is not zero
                _log.warning("holds could not be watched", error=str(error))
            except Exception:  # noqa: BLE001 - nothing may end this loop but the end of the process
                self._metrics.holds_overdue.set(float("nan"))
                _log.exception("holds could not be watched")
            await asyncio.sleep(EVERY_S)

    async def sweep(self) -> int:
        """Have every overdue hold kept; how many there are.

        Raises:
            LedgerUnavailable: the holds cannot be listed.
        """
        now = datetime.now(UTC)
        overdue = await self._ledger.overdue(now - GRACE, now - PENDING_AT_MOST)
        self._metrics.holds_overdue.set(len(overdue))
        ids = {hold.id for hold in overdue}
        self._said &= ids
        self._unkept &= ids
        for hold in overdue:
            self._say(hold)
        if overdue and await self._engine.ready():
            for hold in overdue:
                await self._keep(hold)
        return len(overdue)

    async def _keep(self, hold: Hold) -> None:
        """One hold that cannot be kept must not cost the others their keeper."""
        try:
            await self._engine.keep(hold)
        except Exception as error:  # noqa: BLE001 - see above
            if hold.id not in self._unkept:
                _log.error("overdue hold has no keeper", hold=hold.id, exc_info=error)
            self._unkept.add(hold.id)
        else:
            self._unkept.discard(hold.id)

    def _say(self, hold: Hold) -> None:
        if hold.id in self._said:
            return
        self._said.add(hold.id)
        _log.error(
            "hold is overdue: the device may be contained with nobody in charge: look",
            hold=hold.id,
            incident=hold.incident,
            device=hold.device,
            state=hold.state.value,
            started_at=hold.started_at.isoformat(),
            expires_at=hold.expires_at.isoformat() if hold.expires_at else None,
            detail=hold.detail,
        )
