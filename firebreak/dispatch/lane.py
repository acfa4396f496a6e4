"""One channel's own lane: tells what waits, at its own pace, whatever becomes of the others."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta

import structlog

from firebreak.contracts.channels import Deliveries, Held, Lease
from firebreak.contracts.people import Channel
from firebreak.dispatch.hearing import Rules
from firebreak.dispatch.pace import Pace
from firebreak.dispatch.queue import Item, Queue
from firebreak.dispatch.stories import Chapter, Stories
from firebreak.dispatch.trouble import Trouble, trouble
from firebreak.domain.base import JsonObject
from firebreak.errors import FirebreakError, LedgerUnavailable

DOWN_AFTER = 3  # failures in a row; then one call at a time finds out when it works again

_log = structlog.get_logger(__name__)


class _LeaseLost(Exception):
    """Another process is telling this chain now, or could be before a call of ours would end."""


class Lane:
    """Tells one channel. ``queue`` is filled by the dispatcher.

    ``last_error``: why the channel as a whole does not work; "" once a call went well.
    """

    def __init__(
        self, rules: Rules, channel: Channel, deliveries: Deliveries, stories: Stories, pace: Pace
    ) -> None:
        """Nothing is sent before ``run``."""
        self.rules = rules
        self.channel = channel
        self.queue = Queue()
        self.last_error = ""
        self.last_told: datetime | None = None
        self.failing_since: datetime | None = None
        self.told = 0
        self.failures = 0
        self._deliveries = deliveries
        self._stories = stories
        self._pace = pace
        self._in_a_row = 0
        self._not_before = 0.0
        self._calls: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look again at what is due."""
        self._wake.set()

    def try_now(self) -> None:
        """Somebody has mended the channel: what waits is due at once."""
        now = time.monotonic()
        self._not_before = now
        for item in self.queue:
            item.due, item.force = now, True
        self.wake()

    async def run(self) -> None:
        """Tell what is due, for ever. Calls under way get a moment when it is cancelled."""
        try:
            while True:
                self._wake.clear()
                self._start_calls()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._until_next()):
                        await self._wake.wait()
        finally:
            await self._end_calls()

    def _start_calls(self) -> None:
        now = time.monotonic()
        while now >= self._not_before and self._has_room():
            item = self.queue.take(now)
            if item is None:
                return
            call = asyncio.create_task(self._call(item), name=f"tell-{self.rules.name}")
            self._calls.add(call)
            call.add_done_callback(self._ended)

    def _ended(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        self.wake()

    def _has_room(self) -> bool:
        at_once = 1 if self._in_a_row >= DOWN_AFTER else self._pace.at_once
        return len(self._calls) < at_once

    def _until_next(self) -> float | None:
        """Seconds until something may be begun; None: not before a call ends or news comes."""
        due = self.queue.next_due() if self._has_room() else None
        if due is None:
            return None
        return max(0.001, max(due, self._not_before) - time.monotonic())

    async def _end_calls(self) -> None:
        if self._calls:
            await asyncio.wait(self._calls, timeout=self._pace.grace_s)
        for call in tuple(self._calls):
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    async def _call(self, item: Item) -> None:
        """One item, from lease to result. Raises nothing."""
        try:
            if item.peek and await self._is_anothers(item):
                return
            now = datetime.now(UTC)
            leased = await self._deliveries.lease(
                self.rules.name, item.chain, now, self._lease_end(), force=item.force
            )
            item.force = False
            if isinstance(leased, Held):
                self._held(item, leased)
            else:
                await self._tell(item, leased)
        except LedgerUnavailable as error:
            item.due = time.monotonic() + self._pace.retry_s
            _log.warning("deliveries cannot be read", channel=self.rules.name, error=str(error))
        except Exception:  # noqa: BLE001 - one item must not end the lane
            item.due = time.monotonic() + self._pace.slow_s
            _log.exception("a channel could not be told", channel=self.rules.name)
        finally:
            self.queue.release(item.chain)

    async def _is_anothers(self, item: Item) -> bool:
        """Looked at before the lease is asked for, which would cost a write."""
        seen = await self._deliveries.peek(self.rules.name, item.chain)
        item.peek = seen.until is not None and seen.until > datetime.now(UTC)
        if seen.told >= item.length:
            self.queue.drop(item.chain)
            return True
        if item.peek:
            item.due = time.monotonic() + self._pace.peek_s
        return item.peek

    def _held(self, item: Item, held: Held) -> None:
        if held.told >= item.length:
            self.queue.drop(item.chain)
            return
        wait = (held.until - datetime.now(UTC)).total_seconds() if held.until else 0.0
        item.peek = True
        item.due = time.monotonic() + min(max(wait, 0.01), self._pace.peek_s)

    async def _tell(self, item: Item, lease: Lease) -> None:
        call = _Call(self._deliveries, lease, self._pace)
        try:
            chapter = await self._stories.chapter(self.rules, lease)
            known = await call.make(self.channel, chapter) if chapter.call else lease.known
        except asyncio.CancelledError:
            with contextlib.suppress(LedgerUnavailable):
                await asyncio.shield(self._deliveries.give_back(call.lease))
            raise
        except _LeaseLost:
            await self._deliveries.give_back(call.lease)  # changes nothing when it is another's
            item.peek, item.due = True, time.monotonic() + self._pace.peek_s
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
            await self._failed(item, call, error)
        else:
            self._worked(item, chapter)
            await self._save(item, call.lease, chapter.upto, known)

    def _worked(self, item: Item, chapter: Chapter) -> None:
        item.attempts, item.everywhere, item.urgent, item.error = 0, False, False, ""
        item.asks = [(entry, seen) for entry, seen in item.asks if entry.seq >= chapter.upto]
        if not chapter.call:
            return
        self.told += 1
        self.last_told = datetime.now(UTC)
        if self.last_error:
            _log.info("a channel works again", channel=self.rules.name)
        self.last_error, self.failing_since = "", None
        if self._in_a_row:
            self._in_a_row = 0
            self.queue.recovered(time.monotonic())

    async def _save(self, item: Item, lease: Lease, upto: int, known: JsonObject) -> None:
        """What was said must be saved, or it is said again: tried until the lease ends."""
        while True:
            try:
                saved = await self._deliveries.told(lease, upto, known)
            except LedgerUnavailable:
                if datetime.now(UTC) >= lease.until:
                    raise
                await asyncio.sleep(self._pace.poll_s)
                continue
            if saved and item.length <= upto:
                self.queue.drop(item.chain)
            else:
                item.peek = not saved
                item.due = time.monotonic() + (0.0 if saved else self._pace.peek_s)
            return

    async def _failed(self, item: Item, call: "_Call", error: Exception) -> None:
        item.attempts = 1 if call.kept else item.attempts + 1
        self.failures += 1
        found = trouble(error, item.attempts, self._pace)
        self._note(item, found, error)
        now = time.monotonic()
        item.due, item.everywhere = now + found.wait_s, found.everywhere
        if found.everywhere:
            self._in_a_row += 1
        if found.pause:
            self._not_before = max(self._not_before, now + found.wait_s)
        elif self._in_a_row >= DOWN_AFTER:
            # Not longer with each chain that waits: the next call finds out.
            self._not_before = max(self._not_before, now + self._pace.backoff(self._in_a_row))
        moment = datetime.now(UTC)
        next_at = moment + timedelta(seconds=found.wait_s)
        await self._deliveries.failed(call.lease, moment, next_at, found.detail)

    def _note(self, item: Item, found: Trouble, error: Exception) -> None:
        if found.everywhere:
            news, self.last_error = found.detail != self.last_error, found.detail
            self.failing_since = self.failing_since or datetime.now(UTC)
        else:
            news, item.error = found.detail != item.error, found.detail
        if found.loud:
            known = isinstance(error, FirebreakError)
            _log.error(
                "a channel refuses: somebody has to mend it",
                channel=self.rules.name,
                chain=item.chain,
                error=found.detail,
                exc_info=None if known else error,
            )
        elif news:
            _log.warning("a channel cannot be told", channel=self.rules.name, error=found.detail)

    def _lease_end(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._pace.lease_s)


class _Call:
    """One call of a channel: bounded in time, and its lease renewed by whatever it keeps."""

    def __init__(self, deliveries: Deliveries, lease: Lease, pace: Pace) -> None:
        self.lease = lease
        self.kept = False
        self._deliveries = deliveries
        self._pace = pace
        self._timeout = asyncio.timeout(None)

    async def make(self, channel: Channel, chapter: Chapter) -> JsonObject:
        """What the channel knows afterwards. Raises what it raises, TimeoutError, _LeaseLost."""
        async with self._timeout:
            self._extend()
            return await channel.tell(chapter.story, self.lease.known, self._keep)

    async def _keep(self, known: JsonObject) -> None:
        until = datetime.now(UTC) + timedelta(seconds=self._pace.lease_s)
        kept = await self._deliveries.keep(self.lease, known, until)
        if kept is None:
            raise _LeaseLost
        self.lease, self.kept = kept, True
        self._extend()

    def _extend(self) -> None:
        """Count from when the lease was asked for: a slow ledger must not let a call outlast it."""
        asked = self.lease.until - timedelta(seconds=self._pace.lease_s)
        left = self._pace.tell_s - (datetime.now(UTC) - asked).total_seconds()
        if left <= 0:
            raise _LeaseLost
        self._timeout.reschedule(asyncio.get_running_loop().time() + left)
