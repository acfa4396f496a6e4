"""Every change of policies is in the journal once, whoever of several processes saw it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firebreak.domain.record import JOURNAL, Entry, Kind
from firebreak.errors import LedgerUnavailable, NotFound
from firebreak.ledger.store import SqlLedger
from firebreak.policy.live import LivePolicy
from firebreak.wiring import policy_changes
from firebreak.wiring.policy_changes import PolicyChanges
from tests.unit.policy.asking import ALLOW, VOCABULARY

NEVER = '@id("never") @summary("no") forbid (principal, action, resource);\n'


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SqlLedger]:
    found = await SqlLedger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield found
    await found.close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(policy_changes, "CHECK_EVERY_S", 0.01)
    where = tmp_path / "policies"
    where.mkdir()
    (where / "a.cedar").write_text(ALLOW)
    return where


async def told(ledger: SqlLedger, number: int) -> list[Entry]:
    """The changes in the journal, once there are so many."""
    async with asyncio.timeout(20):
        while True:
            try:
                journal = await ledger.chain(JOURNAL)
            except NotFound:
                journal = ()
            found = [entry for entry in journal if entry.kind is Kind.POLICY_CHANGED]
            if len(found) >= number:
                return found
            await asyncio.sleep(0.01)


def loaded(folder: Path, changes: PolicyChanges) -> LivePolicy:
    return LivePolicy.load(folder, VOCABULARY, on_change=changes.put)


async def test_the_start_and_each_change_are_recorded_and_a_way_back_too(
    ledger: SqlLedger, folder: Path
) -> None:
    changes = PolicyChanges(ledger)
    policy = loaded(folder, changes)
    first = policy.digest
    async with changes.followed(policy):
        await told(ledger, 1)
        for text, number in ((NEVER, 2), (ALLOW, 3), (NEVER, 4)):
            (folder / "a.cedar").write_text(text)
            await asyncio.to_thread(policy.refresh)
            entries = await told(ledger, number)
    digests = [str(entry.body["digest"]) for entry in entries]
    assert digests == [first, digests[1], first, digests[1]]
    assert [entry.body["before"] for entry in entries] == ["", *digests[:-1]]
    assert entries[0].body["files"] == ["a.cedar"]


async def test_several_processes_record_one_change_once(ledger: SqlLedger, folder: Path) -> None:
    many = [PolicyChanges(ledger) for _ in range(5)]
    policies = [loaded(folder, changes) for changes in many]
    follow = [c.followed(p) for c, p in zip(many, policies, strict=True)]
    for one in follow:
        await one.__aenter__()
    await told(ledger, 1)
    (folder / "a.cedar").write_text(NEVER)
    await asyncio.gather(*(asyncio.to_thread(policy.refresh) for policy in policies))
    await told(ledger, 2)
    await asyncio.sleep(0)
    for one in follow:
        await one.__aexit__(None, None, None)
    assert len(await told(ledger, 2)) == 2


async def test_a_second_start_with_the_same_policies_is_no_change(
    ledger: SqlLedger, folder: Path
) -> None:
    for _ in range(2):
        changes = PolicyChanges(ledger)
        policy = loaded(folder, changes)
        async with changes.followed(policy):
            await told(ledger, 1)
    assert len(await told(ledger, 1)) == 1


async def test_a_ledger_that_was_down_is_told_when_it_answers(
    ledger: SqlLedger, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = PolicyChanges(ledger)
    policy = loaded(folder, changes)
    refused = asyncio.Event()
    chain = ledger.chain

    async def down(incident: str) -> tuple[Entry, ...]:
        refused.set()
        raise LedgerUnavailable(f"{incident} cannot be read")

    monkeypatch.setattr(ledger, "chain", down)
    async with changes.followed(policy):
        await refused.wait()
        monkeypatch.setattr(ledger, "chain", chain)
        (entry,) = await told(ledger, 1)
    assert entry.body["digest"] == policy.digest


async def test_a_broken_file_is_no_change_and_the_status_says_so(
    ledger: SqlLedger, folder: Path
) -> None:
    changes = PolicyChanges(ledger)
    policy = loaded(folder, changes)
    before = policy.status
    async with changes.followed(policy):
        await told(ledger, 1)
        (folder / "a.cedar").write_text("permit")
        await asyncio.to_thread(policy.refresh)
    assert len(await told(ledger, 1)) == 1
    assert policy.status == before.model_copy(update={"problem": policy.problem})
    assert policy.problem
