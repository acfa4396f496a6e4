"""Puts every change of the policies into the journal: what decided when is part of the record."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from queue import Empty, SimpleQueue

import structlog

from firebreak.contracts.ledger import Ledger
from firebreak.domain.record import JOURNAL, Entry, Kind, NewEntry
from firebreak.domain.step import SYSTEM
from firebreak.errors import FirebreakError, NotFound
from firebreak.live_file import CHECK_EVERY_S
from firebreak.policy.live import LivePolicy, PolicyChange

_log = structlog.get_logger("firebreak.policy")


class PolicyChanges:
    """The changes that one process has seen and not yet recorded.

    Several processes see the same change: the first records it. Two that run other policies each
    record their own start and changes, and no more, so they do not quarrel.
    """

    def __init__(self, ledger: Ledger) -> None:
        """Record in the journal of this ledger."""
        self._ledger = ledger
        self._seen: SimpleQueue[PolicyChange] = SimpleQueue()

    def put(self, change: PolicyChange) -> None:
        """Take a change: the ``on_change`` of ``load_policy``, which calls from a thread."""
        self._seen.put(change)

    @contextlib.asynccontextmanager
    async def followed(self, policy: LivePolicy) -> AsyncIterator[None]:
        """Record what decides now, and every change while the block runs."""
        task = asyncio.create_task(self._follow(policy), name="policy-changes")
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _follow(self, policy: LivePolicy) -> None:
        status = policy.status
        start = PolicyChange(
            before="",
            after=status.digest,
            files=status.files,
            policies=status.policies,
            at=status.since,
        )
        await self._insist(start)
        while True:
            _ = policy.digest  # has the files looked at, where nobody asks for decisions
            with contextlib.suppress(Empty):
                while True:
                    await self._insist(self._seen.get_nowait())
            await asyncio.sleep(CHECK_EVERY_S)

    async def _insist(self, change: PolicyChange) -> None:
        """Record it, whenever the ledger answers."""
        while True:
            try:
                return await self.record(change)
            except FirebreakError as error:
                _log.error("a change of policy is not recorded yet", error=str(error))
            except Exception:  # noqa: BLE001 - the process must go on, and say so
                _log.exception("a change of policy is not recorded yet")
            await asyncio.sleep(CHECK_EVERY_S)

    async def record(self, change: PolicyChange) -> None:
        """Append it, unless the journal's last word on policies says the same.

        Raises LedgerUnavailable.
        """
        last = await self._last()
        before = str(last.body["digest"]) if last else ""
        if before == change.after:
            return
        place = last.seq if last else -1
        entry = NewEntry(
            incident=JOURNAL,
            # Whoever saw the same last word writes the same key: one of them is enough. And going
            # back to older policies is a change of its own.
            key=f"policy:{place}:{before}:{change.after}",
            kind=Kind.POLICY_CHANGED,
            at=datetime.now(UTC),
            actor=SYSTEM,
            body={"digest": change.after, "before": before, "files": _names(change)},
        )
        await self._ledger.append(entry)

    async def _last(self) -> Entry | None:
        try:
            journal = await self._ledger.chain(JOURNAL)
        except NotFound:
            return None
        return next((e for e in reversed(journal) if e.kind is Kind.POLICY_CHANGED), None)


def _names(change: PolicyChange) -> list[str]:
    """Names without directories: processes may keep the same files in different places."""
    return [file.rpartition("/")[2] for file in change.files]
