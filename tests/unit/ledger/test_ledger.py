"""What the Ledger contract promises. Runs here on SQLite and in tests/peers on PostgreSQL."""

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firebreak.contracts.ledger import Ledger
from firebreak.domain.people import ApprovalState
from firebreak.domain.plan import OutcomeKind
from firebreak.domain.record import Kind
from firebreak.errors import BadInput, LedgerConflict, LedgerUnavailable, NotFound
from firebreak.ledger.chain import faults
from firebreak.ledger.store import SqlLedger
from tests.unit.ledger import chains
from tests.unit.ledger.chains import INCIDENT, OTHER, note


def start(*arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.unit.ledger.appender", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


# -- the chain ----------------------------------------------------------------------------------


def test_the_sql_ledger_is_a_ledger(url: str) -> None:
    def needs(ledger: Ledger) -> Ledger:
        return ledger

    async def check() -> None:
        opened = await SqlLedger.open(url)
        assert needs(opened) is opened
        await opened.close()

    asyncio.run(check())


async def test_entries_read_back_exactly_as_they_were_hashed(ledger: SqlLedger) -> None:
    appended = await ledger.append(*chains.story())
    chain = await ledger.chain(INCIDENT)
    assert chain == tuple(a.entry for a in appended)
    assert [e.seq for e in chain] == list(range(len(chain)))
    assert [e.to_json() for e in chain] == [e.to_json() for e in chains.chained(*chains.story())]
    assert faults(chain) == ()


async def test_times_are_kept_to_the_microsecond_in_utc(ledger: SqlLedger) -> None:
    east = timezone(timedelta(hours=5, minutes=45))
    local = datetime(2026, 3, 1, 3, 0, 0, 1, tzinfo=east)
    early = datetime(1, 1, 2, tzinfo=UTC)
    late = datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=UTC)
    for key, at in (("local", local), ("early", early), ("late", late)):
        await ledger.append(note(key).model_copy(update={"at": at}))
    chain = await ledger.chain(INCIDENT)
    assert [e.at for e in chain] == [local, early, late]
    assert {e.at.utcoffset() for e in chain} == {timedelta(0)}
    assert chain[0].to_json()["at"] == "2026-02-28T21:15:00.000001Z"


async def test_the_same_key_with_the_same_content_is_appended_once(ledger: SqlLedger) -> None:
    (first,) = await ledger.append(note("a", "x", s=1))
    (again,) = await ledger.append(note("a", "x", s=2))
    assert (first.created, again.created) == (True, False)
    assert again.entry == first.entry
    assert len(await ledger.chain(INCIDENT)) == 1


@pytest.mark.parametrize(
    "change", [{"body": {"text": "y"}}, {"actor": "eve"}, {"kind": Kind.STEP}], ids=str
)
async def test_the_same_key_with_other_content_is_a_conflict(
    ledger: SqlLedger, change: dict[str, Any]
) -> None:
    await ledger.append(note("a", "x"))
    with pytest.raises(LedgerConflict):
        await ledger.append(note("b"), note("a", "x").model_copy(update=change))
    assert [e.key for e in await ledger.chain(INCIDENT)] == ["a"], "nothing of it may stay"


def test_a_vote_reads_the_same_in_every_process() -> None:
    code = (
        "from firebreak.domain.people import Principal;"
        "print(Principal(id='bo', roles=frozenset('abcdefgh')).to_json()['roles'])"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert said == {f"{list('abcdefgh')}\n".encode()}


async def test_a_key_twice_in_one_append_is_one_entry_or_a_conflict(ledger: SqlLedger) -> None:
    first, again = await ledger.append(note("a", "x"), note("a", "x", s=5))
    assert (first.created, again.created, again.entry) == (True, False, first.entry)
    with pytest.raises(LedgerConflict):
        await ledger.append(note("b", "x"), note("b", "y"))


async def test_one_append_may_reach_into_two_chains(ledger: SqlLedger) -> None:
    await ledger.append(note("a"), note("a", incident=OTHER), note("b"))
    assert [e.key for e in await ledger.chain(INCIDENT)] == ["a", "b"]
    assert [e.seq for e in await ledger.chain(OTHER)] == [0]


async def test_one_entry_can_be_found_by_its_key(ledger: SqlLedger) -> None:
    (appended,) = await ledger.append(note("a"))
    assert await ledger.entry(INCIDENT, "a") == appended.entry
    assert await ledger.entry(INCIDENT, "b") is None
    assert await ledger.entry(OTHER, "a") is None


async def test_a_chain_that_does_not_exist_is_not_found(ledger: SqlLedger) -> None:
    with pytest.raises(NotFound):
        await ledger.chain(INCIDENT)


async def test_appending_nothing_does_nothing_and_a_claim_needs_a_reason(
    ledger: SqlLedger,
) -> None:
    assert await ledger.append() == ()
    with pytest.raises(BadInput):
        await ledger.append(claim=chains.CLAIM)


@pytest.mark.parametrize(
    "entry",
    [
        note("nul\0"),
        note("a").model_copy(update={"actor": "nul\0"}),
        note("a").model_copy(update={"body": {"n": 2**60}}),
        note("a").model_copy(update={"body": {"n": float("nan")}}),
        note("a").model_copy(update={"body": {"n": "\ud800"}}),
        note("a").model_copy(update={"at": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=9)))}),
        chains.new(Kind.OPENED, "a", {"workflow": "w"}),
        chains.new(Kind.OUTCOME, "a", {"outcome": {"kind": "enforced"}}),
    ],
    ids=["key", "actor", "big", "nan", "surrogate", "time", "opened", "outcome"],
)
async def test_what_cannot_be_recorded_is_refused_and_leaves_nothing(
    ledger: SqlLedger, entry: Any
) -> None:
    with pytest.raises(BadInput):
        await ledger.append(note("before"), entry)
    with pytest.raises(NotFound):
        await ledger.chain(INCIDENT)


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)
_number = iter(range(10**9))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=st.dictionaries(_TEXT, _JSON, max_size=5), at=st.datetimes(timezones=st.just(UTC)))
async def test_any_json_comes_back_and_verifies(
    ledger: SqlLedger, body: dict[str, Any], at: datetime
) -> None:
    entry = note(f"key-{next(_number)}").model_copy(update={"body": body, "at": at})
    (appended,) = await ledger.append(entry)
    stored = await ledger.entry(INCIDENT, entry.key)
    assert stored is not None
    assert stored.to_json() == appended.entry.to_json()
    assert (stored.body, stored.at) == (body, at)
    assert faults(await ledger.chain(INCIDENT)) == ()


# -- many at once -------------------------------------------------------------------------------


async def test_many_callers_get_one_whole_chain_and_their_own_answers(ledger: SqlLedger) -> None:
    keys = [f"k{n}" for n in range(200)]
    answers = await asyncio.gather(*(ledger.append(note(key)) for key in keys))
    assert [a.entry.key for (a,) in answers] == keys
    chain = await ledger.chain(INCIDENT)
    assert sorted(e.key for e in chain) == sorted(keys)
    assert {e.hash for e in chain} == {a.entry.hash for (a,) in answers}


async def test_a_failing_append_does_not_spoil_those_queued_with_it(ledger: SqlLedger) -> None:
    await ledger.append(note("taken", "x"))
    work = [ledger.append(note(f"good-{n}")) for n in range(20)]
    work.insert(5, ledger.append(note("fresh"), note("taken", "y")))
    work.insert(9, ledger.append(chains.closed()))
    work.insert(12, ledger.append(chains.new(Kind.OPENED, "bad", {})))
    results = await asyncio.gather(*work, return_exceptions=True)
    failed = {n: type(r) for n, r in enumerate(results) if isinstance(r, BaseException)}
    assert failed == {5: LedgerConflict, 9: LedgerConflict, 12: BadInput}
    keys = {e.key for e in await ledger.chain(INCIDENT)}
    assert keys == {"taken", *(f"good-{n}" for n in range(20))}


async def test_a_caller_that_is_cancelled_does_not_lose_the_write(ledger: SqlLedger) -> None:
    tasks = [asyncio.create_task(ledger.append(note(f"k{n}"))) for n in range(20)]
    await asyncio.sleep(0)  # each has queued its entry and waits
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert all(task.cancelled() for task in tasks)
    await ledger.append(note("last"))
    assert len(await ledger.chain(INCIDENT)) == 21


def test_it_works_from_uvloop_and_from_one_loop_after_another(url: str) -> None:
    async def once(key: str) -> int:
        ledger = await SqlLedger.open(url)
        await ledger.append(note(key))
        count = len(await ledger.chain(INCIDENT))
        await ledger.close()
        return count

    assert uvloop.run(once("a")) == 1
    assert asyncio.run(once("b")) == 2


async def test_a_closed_ledger_says_so(url: str) -> None:
    ledger = await SqlLedger.open(url)
    await ledger.close()
    with pytest.raises(LedgerUnavailable):
        await ledger.append(note("a"))


async def test_processes_that_open_and_append_at_once_make_one_whole_chain(url: str) -> None:
    processes = [start("append", url, INCIDENT, f"p{n}", "25") for n in range(3)]
    for process in processes:
        await asyncio.to_thread(process.communicate)
    assert [process.returncode for process in processes] == [0, 0, 0]
    ledger = await SqlLedger.open(url)
    chain = await ledger.chain(INCIDENT)
    await ledger.close()
    assert sorted(e.key for e in chain) == sorted(f"p{p}-{n}" for p in range(3) for n in range(25))


async def test_what_was_acknowledged_survives_kill_minus_nine(url: str) -> None:
    process = start("append", url, INCIDENT, "k", "100000")
    assert process.stdout is not None
    acknowledged = [process.stdout.readline() for _ in range(30)][1:]
    process.kill()
    acknowledged += (await asyncio.to_thread(process.communicate))[0].splitlines(keepends=True)
    ledger = await SqlLedger.open(url)
    chain = await ledger.chain(INCIDENT)
    await ledger.append(note("after"))
    await ledger.close()
    said = {line.strip() for line in acknowledged if line.endswith("\n")}
    assert said <= {e.key for e in chain}
    assert len(chain) <= len(said) + 1, "at most the one entry that was on its way is there too"


async def test_of_processes_that_claim_one_device_exactly_one_gets_it(url: str) -> None:
    await (await SqlLedger.open(url)).close()
    processes = [start("claim", url, f"inc-{n:012x}") for n in range(3)]
    said = [(await asyncio.to_thread(p.communicate))[0].strip() for p in processes]
    assert sorted(said) == ["busy", "busy", "taken"]


# -- incidents and approvals --------------------------------------------------------------------


async def test_an_incident_is_contained_only_by_an_enforced_change_on_its_device(
    ledger: SqlLedger,
) -> None:
    await ledger.append(chains.opened())
    other = chains.outcome(device="cam-18")
    release = chains.outcome(action="network.release")
    await ledger.append(
        chains.acted(chains.outcome(OutcomeKind.ACCEPTED), key="accepted"),
        chains.acted(other, key="elsewhere", hold=None, plan_=chains.plan(device="cam-18")),
        chains.acted(release, key="release", hold=None),
    )
    assert not (await ledger.incident(INCIDENT)).contained
    await ledger.append(chains.acted())
    assert (await ledger.incident(INCIDENT)).contained


async def test_an_incident_is_projected_from_opening_to_end(ledger: SqlLedger) -> None:
    await ledger.append(*chains.story())
    row = await ledger.incident(INCIDENT)
    assert (row.status, row.contained, row.device) == ("completed", True, "cam-17")
    assert (row.opened_at, row.closed_at) == (chains.at(0), chains.at(61))
    assert row.title == "Mirai scanner \u0007 on camera"


async def test_text_that_databases_refuse_is_kept_in_lists_too(ledger: SqlLedger) -> None:
    entry = chains.opened()
    entry = entry.model_copy(update={"body": {**entry.body, "title": "nul \0 and \u2028"}})
    await ledger.append(entry)
    assert (await ledger.incident(INCIDENT)).title == "nul \0 and \u2028"


async def test_incidents_are_listed_newest_first_and_by_status(ledger: SqlLedger) -> None:
    for n in range(4):
        entry = chains.opened(incident=f"inc-{n:012x}").model_copy(update={"at": chains.at(n)})
        await ledger.append(entry)
    end = chains.closed().model_copy(update={"incident": "inc-000000000002"})
    await ledger.append(end)
    ids = [row.id[-1] for row in await ledger.incidents()]
    assert ids == ["3", "2", "1", "0"]
    assert [row.id[-1] for row in await ledger.incidents(status="open", limit=2)] == ["3", "1"]
    assert [row.id[-1] for row in await ledger.incidents(status="completed")] == ["2"]
    newest = await ledger.incident("respond/mirai/cam-17")
    assert newest.id[-1] == "3"
    with pytest.raises(NotFound):
        await ledger.incident("respond/none")


async def test_an_approval_gathers_votes_until_it_is_closed(ledger: SqlLedger) -> None:
    await ledger.append(chains.opened(), chains.asked())
    (pending,) = await ledger.approvals()
    assert pending == chains.approval()
    await ledger.append(chains.voted())
    await ledger.append(chains.voted())
    assert (await ledger.approval(pending.id)).votes == (chains.vote(),)
    await ledger.append(chains.agreed())
    assert await ledger.approvals() == ()
    (settled,) = await ledger.approvals(pending_only=False)
    assert settled.state is ApprovalState.APPROVED
    with pytest.raises(NotFound):
        await ledger.approval("none")


async def test_a_vote_cannot_be_slipped_into_the_approval_of_another_incident(
    ledger: SqlLedger,
) -> None:
    await ledger.append(chains.opened(), chains.asked())
    for entry in (chains.voted(), chains.agreed(), chains.asked()):
        with pytest.raises(LedgerConflict):
            await ledger.append(entry.model_copy(update={"incident": OTHER}))
    assert (await ledger.approval(f"{INCIDENT}.1")).votes == ()
