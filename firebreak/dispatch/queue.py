"""What one channel still has to be told, in this process: which chain is next, and which waits."""

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from firebreak.domain.record import Entry

AHEAD = 64  # how many chains are put in order at a time


@dataclass
class Item:
    """A chain that the channel is behind on.

    ``told``: how far the channel was when this process found the chain.
    ``due``: not before, on the monotonic clock. ``peek``: another process was telling it.
    ``everywhere``: it waits for an error that had nothing to do with the chain itself.
    ``asks``: entries that must reach people and are not overdue yet, and when this process first
    saw each. ``urgent``: there were such.
    """

    chain: str
    told: int
    length: int
    oldest: datetime
    due: float = 0.0
    attempts: int = 0
    tried_at: float = 0.0
    peek: bool = False
    force: bool = False
    everywhere: bool = False
    urgent: bool = False
    error: str = ""  # why the channel refuses this chain and no other
    asks: list[tuple[Entry, float]] = field(default_factory=list)


class Queue:
    """The items of a channel: what asks or alarms first, then the one tried longest ago."""

    def __init__(self) -> None:
        """Nothing waits."""
        self._items: dict[str, Item] = {}
        self._busy: set[str] = set()
        self._ready: deque[str] = deque()

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Item]:
        return iter(tuple(self._items.values()))

    def get(self, chain: str) -> Item | None:
        """The item of a chain."""
        return self._items.get(chain)

    def put(self, item: Item) -> None:
        """Add an item, or let one that has changed be found again."""
        self._items[item.chain] = item
        if item.urgent:
            self._ready.clear()  # it goes first

    def drop(self, chain: str) -> None:
        """There is nothing more to tell."""
        self._items.pop(chain, None)

    def take(self, now: float) -> Item | None:
        """The next one that is due and not being told; it is busy until ``release``."""
        if not self._ready:
            due = (i for i in self._items.values() if i.due <= now and i.chain not in self._busy)
            self._ready.extend(i.chain for i in heapq.nsmallest(AHEAD, due, key=_order))
        while self._ready:
            item = self._items.get(self._ready.popleft())
            if item is not None and item.due <= now and item.chain not in self._busy:
                self._busy.add(item.chain)
                item.tried_at = now
                return item
        return None

    def release(self, chain: str) -> None:
        """It is not being told any more."""
        self._busy.discard(chain)

    def next_due(self) -> float | None:
        """When the next one is due; None when nothing waits."""
        return min((i.due for i in self._items.values() if i.chain not in self._busy), default=None)

    def recovered(self, now: float) -> None:
        """The channel works again: what waited for that is due."""
        for item in self._items.values():
            if item.everywhere:
                item.due, item.force, item.everywhere = now, True, False


def _order(item: Item) -> tuple[bool, float, datetime]:
    return not item.urgent, item.tried_at, item.oldest
