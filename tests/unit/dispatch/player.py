"""A server's dispatcher as a process of its own, telling one webhook, until it is killed."""

import asyncio
import sys
from pathlib import Path

from firebreak.dispatch.dispatcher import Dispatcher
from firebreak.ledger.deliveries import SqlDeliveries
from firebreak.ledger.store import SqlLedger
from firebreak.wiring.channels import load_channels
from tests.unit.dispatch.receivers import given
from tests.unit.dispatch.theater import HASTY, receipts


async def play(url: str, file: Path) -> None:
    ledger = await SqlLedger.open(url)
    channels = load_channels(file, given(file.parent)).channels
    deliveries = SqlDeliveries(ledger.database)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await Dispatcher(ledger, deliveries, channels, receipts, HASTY).run()


if __name__ == "__main__":
    asyncio.run(play(sys.argv[1], Path(sys.argv[2])))
