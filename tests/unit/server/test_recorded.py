"""What comes by chat: the same checks as by the API, roles of this moment, and the audit log."""

import pytest

from firebreak.contracts.engine import Start
from firebreak.contracts.people import Desk
from firebreak.domain.people import Principal, Verdict
from firebreak.errors import BadInput, Forbidden, LedgerUnavailable, NotFound
from firebreak.server.recorded import RecordedDesk
from tests.unit.server.people import Book
from tests.unit.server.stage import Stage
from tests.unit.server.test_api import HASH, held
from tests.unit.server.test_audit import facts, lines, unwritable

ALICE = Principal(id="alice", roles=frozenset({"on-call"}))
START = Start(playbook="mirai-botnet", device="cam-17", requester=ALICE, reason="seen by hand")


def desk(stage: Stage, book: Book | None = None) -> RecordedDesk:
    services = stage.app.state.services
    return RecordedDesk(services.desk, book or services.directory, services.audit, "slack")


async def test_it_is_a_desk_that_does_what_the_api_does(stage: Stage) -> None:
    await held(stage)
    chat: Desk = desk(stage)
    mallory = Principal(id="mallory", roles=frozenset({"admin"}))
    started = await chat.start(ALICE, START.model_copy(update={"requester": mallory}))
    assert started.workflow == "respond/mirai-botnet/cam-17"
    assert stage.engine.calls[0].requester == ALICE
    assert [hold.device for hold in await chat.holds(ALICE)] == ["cam-17"]
    assert len(await chat.incidents(ALICE, open_only=True)) == 1
    assert [d.id for d in await chat.devices(ALICE, " CAM", 5)] == ["cam-17"]
    assert [d.id for d in await chat.devices(ALICE, "dev-", 1)] == ["dev-0"]
    assert await chat.playbooks(ALICE) == ["mirai-botnet"]
    assert await chat.approvals(ALICE) == ()
    with pytest.raises(NotFound):
        await chat.approval(ALICE, "inc-1.1")
    with pytest.raises(NotFound):
        await chat.decide(ALICE, "inc-1.1", HASH, Verdict.APPROVE, "agreed")
    (halt,) = await chat.halt(ALICE, "plant", "forged")
    assert (halt.site, halt.by) == ("plant", "alice")
    bob = Principal(id="bob", roles=frozenset({"soc-lead"}))
    assert await chat.resume(bob, "plant", "they were not") == ()


async def test_orders_and_refusals_by_chat_are_in_the_audit_log(stage: Stage) -> None:
    chat = desk(stage)
    await chat.start(ALICE, START)
    nobody = Principal(id="eve", roles=frozenset({"auditor"}))
    with pytest.raises(Forbidden):
        await chat.halt(nobody, None, "x")
    await chat.holds(nobody)
    assert await facts(stage) == [
        ("alice", "start_response", "cam-17", 200),
        ("eve", "halt", "*", 403),
        ("eve", "list_holds", "", 200),
    ]
    assert {line.via for line in await lines(stage)} == {"slack"}


async def test_a_role_that_was_taken_away_counts_by_chat_too(stage: Stage) -> None:
    chat = desk(stage, Book(people={"alice": frozenset()}))
    for order in (
        chat.start(ALICE, START),
        chat.release(ALICE, "hold/cam-17/network.quarantine", "x"),
        chat.decide(ALICE, "inc-1.1", HASH, Verdict.APPROVE, "agreed"),
        chat.halt(ALICE, None, "x"),
        chat.resume(ALICE, None, "x"),
        chat.holds(ALICE),
        chat.approval(ALICE, "inc-1.1"),
    ):
        with pytest.raises(Forbidden):
            await order
    assert not stage.engine.calls
    assert not stage.engine.told


async def test_automation_decides_nothing_by_chat(stage: Stage) -> None:
    robot = ALICE.model_copy(update={"kind": "automation"})
    for order in (
        desk(stage).decide(robot, "inc-1.1", HASH, Verdict.APPROVE, "agreed"),
        desk(stage).resume(robot, None, "x"),
        desk(stage).release(robot, "hold/cam-17/network.quarantine", "x"),
    ):
        with pytest.raises(Forbidden):
            await order


async def test_an_order_by_chat_that_cannot_be_written_down_is_refused(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    unwritable(stage, monkeypatch)
    with pytest.raises(LedgerUnavailable):
        await desk(stage).start(ALICE, START)
    assert not stage.engine.calls


@pytest.mark.parametrize("reason", ["", "  \t", "x" * 2001])
async def test_every_order_by_chat_needs_a_reason(stage: Stage, reason: str) -> None:
    await held(stage)
    chat = desk(stage)
    for order in (
        chat.start(ALICE, START.model_copy(update={"reason": reason})),
        chat.release(ALICE, "hold/cam-17/network.quarantine", reason),
        chat.decide(ALICE, "inc-1.1", HASH, Verdict.APPROVE, reason),
        chat.halt(ALICE, None, reason),
        chat.resume(ALICE, None, reason),
    ):
        with pytest.raises(BadInput):
            await order
    assert not stage.engine.told


async def test_what_the_api_would_refuse_as_malformed_is_refused_here(stage: Stage) -> None:
    chat = desk(stage)
    with pytest.raises(BadInput):
        await chat.start(ALICE, START.model_copy(update={"inputs": {"n": 2**60}}))
    with pytest.raises(NotFound):
        await chat.start(ALICE, START.model_copy(update={"device": "cam-17\u0430"}))
    with pytest.raises(NotFound):
        await chat.halt(ALICE, "plant-2", "x")
    for site in ("Pl\u0430nt", "a/b", ""):
        with pytest.raises(BadInput):
            await chat.halt(ALICE, site, "x")
        with pytest.raises(BadInput):
            await chat.resume(ALICE, site, "x")


async def test_an_account_that_is_nobodys_is_counted(stage: Stage) -> None:
    for _ in range(9):
        desk(stage).stranger("U123\x1b[2J", "decide_approval", "not in the people file")
    (line,) = await lines(stage)
    assert (line.principal, line.status) == ("nobody", 401)
    assert line.detail.startswith("9 times from slack/U123\ufffd[2J")
