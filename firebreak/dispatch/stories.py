"""Builds the story that a channel is told: what is new to it, what was before, how it stands."""

from collections.abc import Callable
from dataclasses import dataclass

from firebreak.contracts.channels import Deliveries, Lease
from firebreak.contracts.ledger import Ledger
from firebreak.contracts.people import Story
from firebreak.dispatch.hearing import Rules, hear
from firebreak.domain.record import Entry
from firebreak.telling.news import news

PAST = 500  # entries before the new ones; the first entry is there in any case

Receipts = Callable[[tuple[Entry, ...]], bytes]


@dataclass(frozen=True)
class Chapter:
    """A story to tell, up to an entry. ``call`` False: there is nothing for the channel in it."""

    story: Story
    upto: int
    call: bool


class Stories:
    """Reads chains and makes stories of them.

    Args:
        ledger: where a whole chain is read for its receipt.
        deliveries: where the rest is read.
        receipts: makes the signed receipt of a chain.
    """

    def __init__(self, ledger: Ledger, deliveries: Deliveries, receipts: Receipts) -> None:
        self._ledger = ledger
        self._deliveries = deliveries
        self._receipts = receipts

    async def chapter(self, rules: Rules, lease: Lease) -> Chapter:
        """What the channel is to be told now. Raises LedgerUnavailable, LedgerConflict."""
        scene = await self._deliveries.scene(lease.chain, max(0, lease.told - PAST))
        heard = hear(rules, scene.entries, lease.told, begun=bool(lease.known))
        said = {each.entry.seq for each in heard.news}
        story = Story(
            chain=lease.chain,
            incident=scene.incident,
            news=heard.news,
            past=tuple(news(entry) for entry in scene.entries if entry.seq not in said),
            approvals=scene.approvals,
            holds=scene.holds,
            receipt=None,
        )
        if heard.call and story.ended:
            signed = self._receipts(await self._ledger.chain(lease.chain))
            story = Story(**{**vars(story), "receipt": signed})
        upto = scene.entries[-1].seq + 1 if scene.entries else lease.told
        return Chapter(story, max(upto, lease.told), heard.call)
