"""A process of its own that writes to a ledger and says what was acknowledged, line by line."""

import asyncio
import sys

from firebreak.contracts.ledger import Claim
from firebreak.errors import Busy
from firebreak.ledger.store import SqlLedger
from tests.unit.ledger.chains import ACTION, DEVICE, intent, note, plan


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


async def appends(url: str, incident: str, prefix: str, count: int) -> None:
    ledger = await SqlLedger.open(url)
    say("ready")
    for number in range(count):
        key = f"{prefix}-{number}"
        await ledger.append(note(key, incident=incident))
        say(key)
    await ledger.close()


async def claims(url: str, incident: str) -> None:
    ledger = await SqlLedger.open(url)
    claim = Claim(device=DEVICE, action=ACTION, plan=plan(), owner="ana")
    try:
        await ledger.append(intent(incident=incident), claim=claim)
    except Busy:
        say("busy")
    else:
        say("taken")
    await ledger.close()


if __name__ == "__main__":
    if sys.argv[1] == "claim":
        asyncio.run(claims(sys.argv[2], sys.argv[3]))
    else:
        asyncio.run(appends(sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])))
