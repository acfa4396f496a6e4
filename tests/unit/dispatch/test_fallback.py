"""What one channel cannot say in time another one says, and it is recorded."""

from firebreak.contracts.people import Story, Weight
from firebreak.domain.record import Entry, Kind
from firebreak.errors import Unreachable
from firebreak.ledger.store import SqlLedger
from tests.unit.dispatch.theater import (
    Listener,
    asks,
    chain,
    ended,
    heard,
    note,
    opened,
    playing,
    rules,
    settled,
    until,
)


async def down(_: Story) -> None:
    raise Unreachable("no answer")


async def untold(ledger: SqlLedger, number: int = 1) -> list[Entry]:
    return [e for e in await ledger.chain(chain(number)) if e.kind is Kind.UNDELIVERED]


FIRST = rules("chat", instead="pager", instead_after_s=0.2)
STANDBY = rules("pager", standby=True, weight=Weight.ASK)


async def test_the_other_channel_is_told_and_it_stands_in_the_record(ledger: SqlLedger) -> None:
    chat, pager = Listener(before=down), Listener()
    async with playing(ledger, (FIRST, chat), (STANDBY, pager)):
        await ledger.append(opened(), note("detail"), asks())
        await heard(pager, f"{chain(1)}/asked")
        (entry,) = await untold(ledger)
        assert entry.body == {
            "channel": "chat",
            "detail": "entry 2 (approval.requested) not told in 0.2 s",
            "instead": "pager",
            "entry": 2,
            "approval": f"{chain(1)}.1",
        }
        assert pager.heard == [f"{chain(1)}/asked", f"{chain(1)}/{entry.key}"]


async def test_the_first_channel_is_brought_up_to_date_once_it_is_back(ledger: SqlLedger) -> None:
    chat, pager = Listener(before=down), Listener()
    async with playing(ledger, (FIRST, chat), (STANDBY, pager)):
        await ledger.append(opened(), asks())
        await heard(pager, f"{chain(1)}/asked")
        await ledger.append(settled())
        chat.before = None
        await heard(chat, f"{chain(1)}/agreed")
    assert chat.calls[0].approvals[0].state == "approved"  # as it stands now, not as it stood
    assert len(chat.heard) == len(set(chat.heard)) == 4


async def test_who_was_called_is_told_how_it_ends(ledger: SqlLedger) -> None:
    chat, pager = Listener(before=down), Listener()
    async with playing(ledger, (FIRST, chat), (STANDBY, pager)):
        await ledger.append(opened(), asks())
        await heard(pager, f"{chain(1)}/asked")
        await ledger.append(settled(), ended())

        async def knows_the_end() -> bool:
            return pager.calls[-1].ended

        await until(knows_the_end)


async def test_a_standby_channel_hears_nothing_while_the_first_works(ledger: SqlLedger) -> None:
    chat, pager = Listener(), Listener()
    async with playing(ledger, (FIRST, chat), (STANDBY, pager)):
        await ledger.append(opened(), asks())
        await heard(chat, f"{chain(1)}/asked")
        await ledger.append(opened(2), asks(2))
        await heard(chat, f"{chain(2)}/asked")
    assert (pager.calls, await untold(ledger)) == ([], [])


async def test_nobody_is_called_for_what_nobody_has_to_answer(ledger: SqlLedger) -> None:
    chat, pager = Listener(before=down), Listener()
    async with playing(ledger, (FIRST, chat), (STANDBY, pager)):
        await ledger.append(opened(1), asks(1), settled(1))
        await ledger.append(opened(2))
        await ledger.append(opened(3), asks(3))
        await heard(pager, f"{chain(3)}/asked")
    assert (await untold(ledger, 1), await untold(ledger, 2)) == ([], [])


async def test_a_channel_of_another_site_is_called_all_the_same(ledger: SqlLedger) -> None:
    chat, far = Listener(before=down), Listener()
    elsewhere = rules("pager", sites=frozenset({"north"}), weight=Weight.ASK)
    async with playing(ledger, (FIRST, chat), (elsewhere, far)):
        await ledger.append(opened(), asks())
        await heard(far, f"{chain(1)}/asked")


async def test_when_the_other_one_fails_too_a_third_is_called(ledger: SqlLedger) -> None:
    chat, pager, mail = Listener(before=down), Listener(before=down), Listener()
    second = rules("pager", standby=True, instead="mail", instead_after_s=0.1)
    async with playing(ledger, (FIRST, chat), (second, pager), (rules("mail", standby=True), mail)):
        await ledger.append(opened(), asks())
        await heard(mail, f"{chain(1)}/asked")
    assert {e.body["channel"] for e in await untold(ledger)} == {"chat", "pager"}
