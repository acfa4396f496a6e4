"""A process with many responses at once, each wanting room under the same caps."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from firebreak.contracts.ledger import Claim
from firebreak.domain.hold import hold_id
from firebreak.domain.limits import Reservation, Room
from firebreak.domain.plan import OutcomeKind
from firebreak.domain.record import Kind, NewEntry
from firebreak.errors import BlastRadiusExceeded
from firebreak.ledger.store import SqlLedger
from tests.unit.ledger import chains
from tests.unit.ledger.chains import ACTION, note, plan

CAP, SWITCHES, ON_A_SWITCH = 7, 3, 4
PATIENCE_S = 60


def incident(number: int) -> str:
    return f"inc-{number:012x}"


def device(number: int) -> str:
    return f"cam-{number}"


def rooms(number: int) -> tuple[Room, ...]:
    """Named against the order of locks, and differently in every response."""
    switch = Room(scope=f"switch/sw-{number % SWITCHES}", at_once=ON_A_SWITCH)
    site = Room(scope="site/plant", at_once=CAP)
    return (switch, site) if number % 2 else (site, switch)


def wanted(number: int) -> Reservation:
    hold = hold_id(device(number), ACTION)
    return Reservation(
        device=device(number), site="plant", step="contain", hold=hold, rooms=rooms(number)
    )


async def take(ledger: SqlLedger, number: int, send: int = 1) -> bool:
    """Whether there was room."""
    its = plan(device=device(number))
    claim = Claim(device=device(number), action=ACTION, plan=its, owner="ana", step="contain")
    intent = chains.intent(send, incident=incident(number))
    try:
        await ledger.append(intent, claim=claim, reserve=wanted(number))
    except BlastRadiusExceeded:
        return False
    return True


def end(number: int, send: int) -> tuple[str, tuple[NewEntry, ...]]:
    """One of the ways in which a reservation ends."""
    who, hold = incident(number), hold_id(device(number), ACTION)
    failed = chains.outcome(OutcomeKind.FAILED, device=device(number))
    done = chains.outcome(device=device(number))
    its = plan(device=device(number))
    ended = chains.new(Kind.HOLD_ENDED, "end", {"hold": hold, "why": "expired"}, incident=who)
    ways = {
        "unsent": (chains.unsent(send, incident=who, hold=hold),),
        "failed": (chains.acted(failed, hold=hold, plan_=its, incident=who),),
        "released": (chains.acted(done, hold=hold, plan_=its, incident=who), ended),
    }
    return random.choice(sorted(ways.items()))  # noqa: S311 - no secret


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[SqlLedger]:
    ledger = await SqlLedger.open(url)
    yield ledger
    await ledger.close()


def say(*words: object) -> None:
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")
    sys.stdout.flush()


async def _rush(ledger: SqlLedger, number: int) -> None:
    """Once, and keep what was had."""
    say("taken" if await take(ledger, number) else "refused", number)


async def _turns(ledger: SqlLedger, number: int) -> None:
    """Until it had its turn, and give it back."""
    async with asyncio.timeout(PATIENCE_S):
        send = 1
        while True:
            while not await take(ledger, number, send):
                await asyncio.sleep(random.uniform(0, 0.05))  # noqa: S311 - no secret
            for used in await ledger.usage(chains.at(0)):
                cap = CAP if used.scope.startswith("site/") else ON_A_SWITCH
                if used.at_once > cap:
                    say("exceeded", used.scope, used.at_once)
            how, words = end(number, send)
            for word in words:
                await ledger.append(word, note(f"{how}-{send}", incident=incident(number)))
            if how != "unsent":
                break
            send += 1
    say("taken", number)


async def main(url: str, how: str, first: int, count: int) -> None:
    async with opened(url) as ledger:
        say("ready")
        sys.stdin.readline()
        work = _rush if how == "rush" else _turns
        await asyncio.gather(*(work(ledger, first + n) for n in range(count)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
