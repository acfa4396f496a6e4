"""A server that is killed between what it did and the note of it: another one finishes, once."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from firebreak.ledger.deliveries import SqlDeliveries
from firebreak.ledger.store import SqlLedger
from tests.conformance.bench import Fault
from tests.unit.dispatch.receivers import SECRET, Receiver, secret_file, served
from tests.unit.dispatch.theater import asks, chain, met, opened, until

ROOT = Path(__file__).parents[3]


@asynccontextmanager
async def player(url: str, file: Path) -> AsyncIterator[Process]:
    """A dispatcher's process; gone at the end, however it went."""
    command = [sys.executable, "-m", "tests.unit.dispatch.player", url, str(file)]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def happens(what: Callable[[], bool], within_s: float = 30) -> None:
    async def happened() -> bool:
        return what()

    await until(happened, within_s)


async def test_what_was_sent_before_a_kill_is_repeated_under_its_key_and_taken_once(
    ledger: SqlLedger, url: str, tmp_path: Path
) -> None:
    receiver = Receiver()
    async with served(receiver.app, tmp_path / "tls") as service:
        file = tmp_path / "channels.yaml"
        file.write_text(
            f"channels:\n  hook:\n    kind: webhook\n    tells: all\n    url: {service.url}/\n"
            f"    ca_file: {service.ca_file}\n    secret: {secret_file(tmp_path, SECRET)}\n"
        )
        await service.break_with(Fault.HANG_AFTER_WRITE)  # it takes the news and never says so
        async with player(url, file) as first:
            await met(ledger, ["hook"])
            await ledger.append(opened(), asks())
            await happens(lambda: receiver.keys == [f"{chain(1)}/0"])
            first.kill()
            await first.wait()
        service.fault = None
        async with player(url, file):
            await happens(lambda: len(receiver.taken) == 2)
            deliveries = SqlDeliveries(ledger.database)

            async def saved() -> bool:
                return (await deliveries.peek("hook", chain(1))).told == 2

            await until(saved)
    assert receiver.keys == [f"{chain(1)}/0", f"{chain(1)}/0", f"{chain(1)}/1"]
    assert [each["seq"] for each in receiver.taken] == [0, 1]
