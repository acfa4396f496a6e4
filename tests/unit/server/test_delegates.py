"""Whom a person can name to answer instead, and what that lets somebody do who has no role."""

from dataclasses import replace

import pytest

from firebreak.domain.people import Approval, Delegation, Principal
from firebreak.ledger.tokens import Tokens
from tests.unit.ledger import chains
from tests.unit.server.people import Book
from tests.unit.server.stage import Stage
from tests.unit.server.test_api import HASH

ALICE = Principal(id="alice", roles=frozenset({"on-call"}))
VOTE = {"verdict": "approve", "plan_hash": HASH, "reason": "seen by hand"}
OTHERS = "inc-00000000000b.1"


@pytest.fixture
def book(stage: Stage) -> Book:
    """Alice is on call; Bob, whose token is the auditor's, holds no role."""
    accounts = {("token", "the-on-call"): "alice", ("token", "the-auditor"): "bob"}
    made = Book(people={"alice": ALICE.roles, "bob": frozenset()}, accounts=accounts)
    stage.app.state.services = replace(stage.app.state.services, directory=made)
    return made


async def asked(stage: Stage, *to: str) -> str:
    """A request in the record that Alice has left to these; its path."""
    made = chains.approval()
    named = tuple(Delegation(by=ALICE, to=one, at=made.requested_at) for one in to)
    request: Approval = made.model_copy(update={"delegations": named})
    entry = chains.saying(chains.asked(), approval=request.to_json())
    await stage.ledger.append(chains.opened())
    await stage.ledger.append(entry)
    return f"/approvals/{request.id}"


async def test_whoever_was_named_reads_and_answers_that_request_and_no_other(
    stage: Stage, book: Book
) -> None:
    path, bob = await asked(stage, "bob"), stage.auth("auditor")
    assert (await stage.http.get(path, headers=bob)).status_code == 200
    await stage.http.post(f"{path}/decide", headers=bob, json=VOTE)
    await stage.http.post(f"{path}/snooze", headers=bob, json={"for_s": 60})
    assert [told[0] for told in stage.engine.told] == ["decide", "snooze"]
    more = {"requests": [{"approval": path.rpartition("/")[2], "plan_hash": HASH}]}
    for method, other, body in (
        ("GET", "/approvals", None),
        ("GET", f"/approvals/{OTHERS}", None),
        ("GET", "/holds", None),
        ("POST", f"/approvals/{OTHERS}/decide", VOTE),
        ("POST", "/approvals/decide", {**more, "verdict": "approve", "reason": "x"}),
        ("POST", f"{path}/delegate", {"to": "alice", "reason": "x"}),
    ):
        answer = await stage.http.request(method, other, headers=bob, json=body)
        assert answer.status_code == 403, other
    assert len(stage.engine.told) == 2
    del book.people["bob"]  # nobody whom the file knows any more
    assert (await stage.http.get(path, headers=bob)).status_code == 403


async def test_nobody_else_without_a_role_does(stage: Stage, book: Book) -> None:
    path = await asked(stage, "carol")
    assert book.people["bob"] == frozenset()
    assert (await stage.http.get(path, headers=stage.auth("auditor"))).status_code == 403
    answer = await stage.http.post(f"{path}/decide", headers=stage.auth("auditor"), json=VOTE)
    assert answer.status_code == 403
    assert not stage.engine.told


async def test_a_script_answers_nothing_though_somebody_named_it(stage: Stage) -> None:
    path = await asked(stage, "the-script", "the-source-suricata")
    for role in ("script", "source:suricata"):
        answer = await stage.http.post(f"{path}/decide", headers=stage.auth(role), json=VOTE)
        assert answer.status_code == 403
    assert not stage.engine.told


async def test_only_people_of_the_people_file_can_be_named(stage: Stage, book: Book) -> None:
    assert "carol" not in book.people
    for to, known in (("bob", True), ("carol", False), ("the-analyst", False)):
        await stage.http.post(
            "/approvals/inc-1.1/delegate",
            headers=stage.auth("on-call"),
            json={"to": to, "reason": "busy"},
        )
        assert (("delegate", "inc-1.1", to, "alice", "busy") in stage.engine.told) is known


@pytest.mark.parametrize(
    ("to", "taken"),
    [
        ("the-analyst", True),
        ("the-on-call", True),  # themselves: the response says what that means
        ("nobodyknown", False),
        ("the-source-suricata", False),
        ("the-script", False),
        ("the-auditor", False),  # looks, and answers nothing
        ("revoked", False),
    ],
)
async def test_without_a_people_file_only_people_with_a_token_that_may_answer_can_be_named(
    stage: Stage, to: str, taken: bool
) -> None:
    tokens = Tokens(stage.ledger.database)
    await tokens.create("revoked", ["on-call"])
    await tokens.revoke("revoked")
    answer = await stage.http.post(
        "/approvals/inc-1.1/delegate",
        headers=stage.auth("on-call"),
        json={"to": to, "reason": "busy"},
    )
    assert answer.status_code == 404
    assert bool(stage.engine.told) is taken
    assert ("has a live token" in answer.json()["message"]) is not taken
