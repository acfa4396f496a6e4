"""Who a request comes from: one person however many accounts, with the roles of this moment."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.ledger import chains
from tests.unit.server.people import Book
from tests.unit.server.stage import Stage
from tests.unit.server.test_api import HASH, START, WRITES, held

BOOK = {"alice": frozenset({"analyst", "on-call"}), "bob": frozenset({"soc-lead"})}


@pytest.fixture
def book(stage: Stage) -> Book:
    """Alice has two tokens; Bob has none, and is known by his own name."""
    accounts = {("token", "the-analyst"): "alice", ("token", "the-on-call"): "alice"}
    made = Book(people=dict(BOOK), accounts=accounts)
    stage.app.state.services = replace(stage.app.state.services, directory=made)
    return made


async def me(stage: Stage, role: str) -> dict[str, Any]:
    answer = await stage.http.get("/whoami", headers=stage.auth(role))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_without_a_directory_a_token_is_a_person_of_its_own(stage: Stage) -> None:
    assert await me(stage, "on-call") == {
        "principal": {"id": "the-on-call", "roles": ["on-call"], "kind": "person"},
        "name": "",
        "via": "token",
    }


async def test_two_accounts_of_one_person_are_one_principal(stage: Stage, book: Book) -> None:
    assert book.accounts
    first, second = await me(stage, "analyst"), await me(stage, "on-call")
    assert first == second
    assert first["principal"]["id"] == "alice"
    assert first["name"] == "Alice"
    vote = {"verdict": "approve", "plan_hash": HASH, "reason": "agreed"}
    for role in ("analyst", "on-call"):
        await stage.http.post("/approvals/inc-1.1/decide", headers=stage.auth(role), json=vote)
    assert [told[4] for told in stage.engine.told] == ["alice", "alice"]


async def test_who_halted_cannot_resume_with_another_account(stage: Stage, book: Book) -> None:
    book.people["alice"] = frozenset({"analyst", "on-call"})
    halted = await stage.http.post("/halt", headers=stage.auth("analyst"), json={"reason": "x"})
    assert halted.json()["halts"][0]["by"] == "alice"
    again = await stage.http.post("/resume", headers=stage.auth("on-call"), json={"reason": "y"})
    assert again.status_code == 403


async def test_a_role_that_was_taken_away_is_refused_at_once(stage: Stage, book: Book) -> None:
    await stage.ledger.append(chains.opened())
    assert (await me(stage, "analyst"))["principal"]["roles"] == ["analyst", "on-call"]
    book.people["alice"] = frozenset()
    for path, body in WRITES:
        answer = await stage.http.post(path, headers=stage.auth("analyst"), json=body)
        assert answer.status_code == 403
    assert (await stage.http.get("/holds", headers=stage.auth("on-call"))).status_code == 403
    assert not stage.engine.calls
    assert not stage.engine.told


async def test_the_directorys_roles_win_over_the_tokens(stage: Stage, book: Book) -> None:
    book.accounts["token", "the-admin"] = "bob"
    answer = await stage.http.post("/responses", headers=stage.auth("admin"), json=START)
    assert answer.status_code == 403
    await held(stage)
    assert (await me(stage, "admin"))["principal"]["roles"] == ["soc-lead"]


async def test_automation_is_itself_whatever_the_directory_says(stage: Stage, book: Book) -> None:
    book.accounts["token", "the-script"] = "alice"
    book.people["the-script"] = frozenset({"admin"})
    found = (await me(stage, "script"))["principal"]
    assert (found["id"], found["kind"]) == ("the-script", "automation")


async def test_a_token_the_directory_never_knew_keeps_its_roles(stage: Stage, book: Book) -> None:
    assert book.people
    assert (await me(stage, "soc-lead"))["principal"]["roles"] == ["soc-lead"]
