"""A message that tests a channel and says so."""

import secrets
from datetime import UTC, datetime

from firebreak.contracts.people import Channel, News, Story, Weight
from firebreak.domain.base import JsonObject
from firebreak.domain.record import GENESIS, Entry, Kind

SAID = "This is a test of the channel: nothing has happened and nobody has to do anything."


async def trial(channel: Channel, who: str) -> None:
    """Tell the channel of a chain that is not in the record. Raises what the channel raises."""
    chain = f"inc-{secrets.token_hex(6)}"
    body: JsonObject = {"text": SAID, "test": True}
    entry = Entry(
        incident=chain,
        key="test",
        kind=Kind.NOTE,
        at=datetime.now(UTC),
        actor=who,
        body=body,
        seq=0,
        prev=GENESIS,
        hash=GENESIS,
    )
    news = News(entry, Weight.ALARM, "TEST", f"{SAID} Asked for by {who}.")
    await channel.tell(Story(chain, None, (news,), (), (), (), None), {}, _forget)


async def _forget(known: JsonObject) -> None:
    del known
