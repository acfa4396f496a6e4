"""Finds what the record says and channels have not been told, and keeps every lane supplied.

The record is looked at several times a second and nothing in it waits for this: a response never
knows whether anybody has been told.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import structlog

from firebreak.contracts.channels import Behind, Deliveries
from firebreak.contracts.ledger import Ledger
from firebreak.contracts.people import Channel
from firebreak.dispatch.fallback import Fallback
from firebreak.dispatch.hearing import Rules, hear, pressing
from firebreak.dispatch.lane import Lane
from firebreak.dispatch.pace import Pace
from firebreak.dispatch.queue import Item
from firebreak.dispatch.status import status
from firebreak.dispatch.stories import Receipts, Stories
from firebreak.dispatch.trial import trial
from firebreak.domain.channel import ChannelStatus
from firebreak.domain.record import Entry
from firebreak.errors import FirebreakError, NotFound, Unreachable

CHAINS_AT_ONCE = 50  # read and judged before anything else gets a turn
ROWS_AT_ONCE = 50  # written in one transaction, which others wait for
REFUSED_S = 1.0  # pause after the ledger did not answer

_log = structlog.get_logger(__name__)


class Dispatcher:
    """Tells every channel what it is to hear. Several servers may each run one.

    Args:
        ledger: where undelivered news is written down, and receipts are read from.
        deliveries: how far each channel has been told.
        channels: each with its rules; they are closed at the end of ``run``.
        receipts: makes the signed receipt of a chain.
        pace: the times; the defaults are for production.
    """

    def __init__(
        self,
        ledger: Ledger,
        deliveries: Deliveries,
        channels: Sequence[tuple[Rules, Channel]],
        receipts: Receipts,
        pace: Pace | None = None,
    ) -> None:
        self._pace = pace or Pace()
        stories = Stories(ledger, deliveries, receipts)
        self._deliveries = deliveries
        self._fallback = Fallback(ledger, deliveries)
        self._lanes: Mapping[str, Lane] = {
            rules.name: Lane(rules, channel, deliveries, stories, self._pace)
            for rules, channel in channels
        }
        self._silent: dict[tuple[str, str], int] = {}  # told up to there: nothing was to be heard
        self._wide_at = self._full_at = self._flush_at = float("-inf")

    async def run(self) -> None:
        """Look and tell until cancelled; then close the channels."""
        tasks = [
            asyncio.create_task(lane.run(), name=f"channel-{name}")
            for name, lane in self._lanes.items()
        ]
        try:
            await self._meet()
            late = self._over_and_over(lambda: self._fallback.sweep(self._lanes))
            tasks.append(asyncio.create_task(late, name="channels-late"))
            await self._over_and_over(self.look)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for name, lane in self._lanes.items():
                await _close(name, lane.channel)

    async def _meet(self) -> None:
        while self._lanes:
            try:
                new = await self._deliveries.meet(tuple(self._lanes))
            except FirebreakError as error:
                _log.warning("channels wait for the ledger", error=str(error))
                await asyncio.sleep(REFUSED_S)
            else:
                if new:
                    _log.info("channels begin; what has ended is not told again", channels=new)
                return

    async def _over_and_over(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            pause_s = self._pace.poll_s
            try:
                await work()
            except FirebreakError as error:
                _log.warning("the record could not be read for channels", error=str(error))
                pause_s = REFUSED_S
            except Exception:  # noqa: BLE001 - nothing may end this loop but the end of the process
                _log.exception("the record could not be read for channels")
                pause_s = REFUSED_S
            await asyncio.sleep(pause_s)

    async def look(self) -> None:
        """Find what is new and give it to the lanes. Raises LedgerUnavailable."""
        if not self._lanes:
            return
        await self._flush()
        behind = await self._deliveries.behind(tuple(self._lanes), self._since())
        fresh = [each for each in behind if self._is_fresh(each)]
        by_chain: dict[str, list[Behind]] = {}
        for each in fresh:
            by_chain.setdefault(each.chain, []).append(each)
        chains = list(by_chain)
        for at in range(0, len(chains), CHAINS_AT_ONCE):
            some = chains[at : at + CHAINS_AT_ONCE]
            wanted = [(chain, min(map(self._seen, by_chain[chain]))) for chain in some]
            found = await self._deliveries.entries(wanted)
            for chain in some:
                for each in by_chain[chain]:
                    self._offer(each, found[chain])

    def _since(self) -> datetime | None:
        """How far back to look this time: everything at first, and then now and again."""
        now = time.monotonic()
        if now - self._full_at >= self._pace.full_every_s:
            self._full_at = self._wide_at = now
            return None
        back = self._pace.recent_s
        if now - self._wide_at >= self._pace.wide_every_s:
            self._wide_at, back = now, self._pace.overlap_s
        return datetime.now(UTC) - timedelta(seconds=back)

    def _is_fresh(self, each: Behind) -> bool:
        return self._seen(each) < each.length

    def _seen(self, each: Behind) -> int:
        """The first entry that this process has not looked at on the channel's behalf."""
        item = self._lanes[each.channel].queue.get(each.chain)
        silent = self._silent.get((each.channel, each.chain), 0)
        return max(each.told, silent, item.length if item else 0)

    def _offer(self, each: Behind, entries: Sequence[Entry]) -> None:
        lane = self._lanes[each.channel]
        item = lane.queue.get(each.chain)
        start = self._seen(each)
        heard = hear(lane.rules, entries, start, begun=each.begun or item is not None)
        length = entries[-1].seq + 1 if entries else each.length
        if not heard.call:
            if item is None:
                self._silent[each.channel, each.chain] = length
            else:
                item.length = length
            return
        now = time.monotonic()
        if item is None:
            oldest = heard.news[0].entry if heard.news else entries[-1]
            item = _item(each, start, oldest.at, now)
        item.length = length
        asks = pressing(lane.rules, heard)
        item.asks.extend((entry, now) for entry in asks)
        item.urgent = item.urgent or bool(asks)
        lane.queue.put(item)
        lane.wake()

    async def _flush(self) -> None:
        """Save where nothing was to be heard, many at a time: none of it is worth a write."""
        now = time.monotonic()
        if not self._silent or now - self._flush_at < self._pace.flush_every_s:
            return
        self._flush_at = now
        rows = [(*where, told) for where, told in self._silent.items()]
        for at in range(0, len(rows), ROWS_AT_ONCE):
            some = rows[at : at + ROWS_AT_ONCE]
            await self._deliveries.move_on(some)
            for channel, chain, _ in some:
                del self._silent[channel, chain]

    def statuses(self) -> tuple[ChannelStatus, ...]:
        """How each channel stands, as this server sees it."""
        return tuple(status(lane) for lane in self._lanes.values())

    async def test(self, name: str, who: str) -> None:
        """Send a test message that says it is one; then try what waits.

        Raises:
            NotFound: no channel has that name.
            FirebreakError: what went wrong, as the channel says.
        """
        lane = self._lanes.get(name)
        if lane is None:
            known = ", ".join(self._lanes) or "none"
            raise NotFound(f"no channel {name}; there are: {known}")
        try:
            async with asyncio.timeout(self._pace.tell_s):
                await trial(lane.channel, who)
        except TimeoutError as error:
            raise Unreachable(f"{name} did not answer in {self._pace.tell_s:g} s") from error
        lane.try_now()


def _item(each: Behind, told: int, oldest: datetime, now: float) -> Item:
    wait = (each.next_at - datetime.now(UTC)).total_seconds() if each.next_at else 0.0
    return Item(
        chain=each.chain,
        told=told,
        length=each.length,
        oldest=oldest,
        due=now + max(wait, 0.0),
        attempts=each.attempts,
        peek=each.leased_until is not None,
        everywhere=each.attempts > 0,
    )


async def _close(name: str, channel: Channel) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        try:
            await channel.close()
        except Exception:  # noqa: BLE001 - the others are closed all the same
            _log.exception("a channel could not be closed", channel=name)
