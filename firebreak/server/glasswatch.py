"""Notes the end of every break-glass whose time is up, so that its review opens by itself."""

import asyncio
from datetime import UTC, datetime

import structlog

from firebreak.contracts.ledger import Ledger
from firebreak.errors import FirebreakError
from firebreak.policy.glass import lapse

EVERY_S = 5.0

_log = structlog.get_logger(__name__)


class GlassWatch:
    """Looks every few seconds. Nothing depends on it: what is over overrides nothing, noted or not.

    Several servers can run one each; a glass ends once.
    """

    def __init__(self, ledger: Ledger) -> None:
        """Look at this ledger."""
        self._ledger = ledger

    async def run(self) -> None:
        """Look for ever."""
        while True:
            try:
                await self.sweep()
            except FirebreakError as error:
                _log.warning("break-glasses could not be looked at", error=str(error))
            except Exception:  # noqa: BLE001 - nothing may end this loop but the end of the process
                _log.exception("break-glasses could not be looked at")
            await asyncio.sleep(EVERY_S)

    async def sweep(self) -> int:
        """End what is over; how many that were. Raises LedgerUnavailable."""
        return await lapse(self._ledger, await self._ledger.glasses(), datetime.now(UTC))
