"""PostgreSQL as the ledger of everything, with two workers of which one is killed on the way."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from firebreak.domain.record import Entry, Kind
from tests.e2e.journey import GENUINE, agree, checked_receipt, holds, post, until_closed
from tests.e2e.stack import Stack
from tests.peers.postgres import running_postgres

pytestmark = [pytest.mark.peer("postgres"), pytest.mark.xdist_group("heavy")]


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with running_postgres() as postgres:
        settings = {"DATABASE_URL": postgres.new_database()}
        with Stack(tmp_path, workers=2, settings=settings) as running:
            yield running


async def test_a_response_comes_to_its_end_on_the_worker_that_is_left(stack: Stack) -> None:
    async with stack.api("suricata") as detector, stack.api("grace") as grace:

        async def decide(entry: Entry) -> None:
            if entry.kind is Kind.HOLD_STARTED:
                stack.kill("worker-1")
            await agree(grace, entry)

        taken = await post(detector, GENUINE)
        story = await until_closed(grace, taken["alerts"][0]["incident"], decide)
        left = await holds(grace, story.incident.device)
        report = await checked_receipt(stack, grace, story.incident.id)
    assert (story.incident.status, story.incident.contained) == ("completed", True)
    effects = [w.command for w in await stack.range.effects() if w.port]
    assert effects == [f"switchport access vlan {vlan}" for vlan in (666, 110)]
    assert left == []
    assert report.valid, report.checks
    assert not (stack.root / "ledger.db").exists()
