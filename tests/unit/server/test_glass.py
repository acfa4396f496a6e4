"""Who may break the glass, for how long and for what; and who may look at it afterwards."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firebreak.domain.people import Principal
from firebreak.domain.record import JOURNAL, Kind, NewEntry
from firebreak.errors import NotFound
from firebreak.ledger.tokens import Tokens
from firebreak.server.glasswatch import GlassWatch
from tests.unit.server.stage import Stage

WHY = {"reason": "somebody is caught in the press", "device": "cam-17"}
OTHERS = ["analyst", "on-call", "soc-lead", "admin", "auditor", "everybody", "source:suricata"]


async def said(
    stage: Stage, path: str, role: str, body: dict[str, Any] | None = None
) -> tuple[int, Any]:
    headers = stage.auth(role)
    answer = (
        await stage.http.get(path, headers=headers)
        if body is None
        else await stage.http.post(path, headers=headers, json=body)
    )
    return answer.status_code, answer.json()


async def broken(stage: Stage, **more: Any) -> dict[str, Any]:
    status, answer = await said(stage, "/glass", "break-glass", {**WHY, **more})
    assert status == 200, answer
    found: dict[str, Any] = answer
    return found


async def put_before(stage: Stage, **changes: Any) -> str:
    """A glass of another day, as the ledger would have it."""
    now = datetime.now(UTC)
    at = now - timedelta(days=10)
    glass = {
        "id": "glass-00000000000a",
        "scope": "device/cam-17",
        "who": "the-break-glass",
        "reason": "long ago",
        "at": at.isoformat(),
        "expires_at": (at + timedelta(minutes=15)).isoformat(),
        "review_by": (at + timedelta(days=3)).isoformat(),
        **changes,
    }
    await stage.ledger.append(
        NewEntry(
            incident=JOURNAL,
            key="old",
            kind=Kind.GLASS_BROKEN,
            at=at,
            actor=str(glass["who"]),
            body={"glass": glass},
        )
    )
    return str(glass["id"])


async def test_the_role_and_nothing_else_breaks_the_glass(stage: Stage) -> None:
    for role in OTHERS:
        status, answer = await said(stage, "/glass", role, WHY)
        assert (status, answer["error"]) == (403, "forbidden"), role
    glass = await broken(stage)
    assert (glass["who"], glass["scope"], glass["state"]) == (
        "the-break-glass",
        "device/cam-17",
        "in_force",
    )
    (entry,) = await stage.ledger.chain(JOURNAL)
    assert (entry.kind, entry.actor) == (Kind.GLASS_BROKEN, "the-break-glass")
    status, answer = await said(stage, "/glass", "auditor")
    assert [row["id"] for row in answer["glasses"]] == [glass["id"]]


async def test_a_program_with_the_role_does_not_break_it(stage: Stage) -> None:
    secret = await Tokens(stage.ledger.database).create("bot", ["automation", "break-glass"])
    stage.secrets["bot"] = secret
    status, answer = await said(stage, "/glass", "bot", WHY)
    assert (status, "no person" in answer["message"]) == (403, True)


@pytest.mark.parametrize(
    "body",
    [
        {"device": None},
        {"site": "plant"},
        {"device": None, "site": "*"},
        {"device": "*"},
        {"device": "CAM-17"},
        {"device": "\N{CYRILLIC SMALL LETTER ES}am-17"},
        {"device": "cam-17\n"},
        {"reason": "  "},
        {"for_s": 0},
        {"for_s": 3601},
        {"scope": "site/plant"},
        {"who": "somebody"},
        {"expires_at": "2036-01-01T00:00:00Z"},
    ],
)
async def test_a_malformed_or_forged_request_is_refused(stage: Stage, body: dict[str, Any]) -> None:
    status, _ = await said(stage, "/glass", "break-glass", {**WHY, **body})
    assert status == 400
    assert await stage.ledger.glasses() == ()


@pytest.mark.parametrize("body", [{"device": "cam-1"}, {"device": None, "site": "plant-2"}])
async def test_a_slip_of_the_pen_opens_nothing(stage: Stage, body: dict[str, Any]) -> None:
    status, _ = await said(stage, "/glass", "break-glass", {**WHY, **body})
    assert status == 404
    assert await stage.ledger.glasses() == ()


async def test_it_lasts_a_quarter_of_an_hour_unless_said_otherwise(stage: Stage) -> None:
    def lasts(glass: dict[str, Any]) -> timedelta:
        return datetime.fromisoformat(glass["expires_at"]) - datetime.fromisoformat(glass["at"])

    assert lasts(await broken(stage)) == timedelta(minutes=15)
    longest = await broken(stage, device="dev-0", for_s=3600)
    assert lasts(longest) == timedelta(hours=1)


async def test_one_at_a_time_for_a_scope(stage: Stage) -> None:
    first = await broken(stage)
    status, answer = await said(stage, "/glass", "break-glass", WHY)
    assert (status, first["id"] in answer["message"]) == (409, True)
    await broken(stage, device=None, site="plant")


@pytest.mark.parametrize("role", ["break-glass", "analyst", "soc-lead"])
async def test_whoever_operates_may_end_it_early_and_once(stage: Stage, role: str) -> None:
    glass = await broken(stage)
    path = f"/glass/{glass['id']}/end"
    assert (await said(stage, path, "auditor", {"reason": "x"}))[0] == 403
    status, ended = await said(stage, path, role, {"reason": "the press stands"})
    assert (status, ended["state"], ended["ended_by"]) == (200, "to_review", f"the-{role}")
    assert (await said(stage, path, role, {"reason": "again"}))[0] == 409
    await broken(stage)  # the scope is free again


async def test_the_review_is_closed_by_another_person_with_the_role(stage: Stage) -> None:
    glass = await broken(stage)
    review = f"/reviews/{glass['id']}/close"
    finding = {"finding": "it was right"}
    assert (await said(stage, review, "soc-lead", finding))[0] == 409  # it is still in force
    await said(stage, f"/glass/{glass['id']}/end", "on-call", {"reason": "over"})
    for role in ("analyst", "on-call", "admin", "break-glass", "script"):
        assert (await said(stage, review, role, finding))[0] == 403, role
    _, waiting = await said(stage, "/reviews", "auditor")
    assert [row["id"] for row in waiting["glasses"]] == [glass["id"]]
    status, closed = await said(stage, review, "auditor", finding)
    assert (status, closed["state"], closed["reviewed_by"]) == (200, "reviewed", "the-auditor")
    assert (await said(stage, "/reviews", "auditor"))[1] == {"glasses": []}
    assert (await said(stage, review, "soc-lead", finding))[0] == 409
    _, every = await said(stage, "/glass?unreviewed=false", "auditor")
    assert every["glasses"][0]["finding"] == "it was right"


async def test_who_broke_it_does_not_review_it_whatever_their_roles(stage: Stage) -> None:
    secret = await Tokens(stage.ledger.database).create("both", ["break-glass", "soc-lead"])
    stage.secrets["both"] = secret
    _, glass = await said(stage, "/glass", "both", WHY)
    await said(stage, f"/glass/{glass['id']}/end", "both", {"reason": "over"})
    status, answer = await said(
        stage, f"/reviews/{glass['id']}/close", "both", {"finding": "all fine"}
    )
    assert (status, "another person" in answer["message"]) == (403, True)


async def test_a_review_that_nobody_closes_shows_everywhere(stage: Stage) -> None:
    await put_before(stage)
    assert await GlassWatch(stage.ledger).sweep() == 1
    assert await GlassWatch(stage.ledger).sweep() == 0
    _, answer = await said(stage, "/glass", "auditor")
    assert [row["state"] for row in answer["glasses"]] == ["overdue"]
    metrics = (await stage.http.get("/metrics", headers=stage.auth("auditor"))).text
    assert "firebreak_reviews_overdue 1.0" in metrics
    assert "firebreak_glasses_in_force 0.0" in metrics


async def test_an_unknown_glass_is_not_found(stage: Stage) -> None:
    for path in ("/glass/glass-0123456789ab/end", "/reviews/glass-0123456789ab/close"):
        body = {"reason": "x"} if path.startswith("/glass") else {"finding": "x"}
        assert (await said(stage, path, "soc-lead", body))[0] == 404


async def test_the_policies_of_the_server_are_shown_and_a_broken_file_is_a_metric(
    stage: Stage,
) -> None:
    status, answer = await said(stage, "/policy", "auditor")
    assert (status, answer["digest"]) == (200, "sha256:ab")
    assert "no policy" in answer["problem"]
    metrics = (await stage.http.get("/metrics", headers=stage.auth("auditor"))).text
    assert "firebreak_policy_broken 1.0" in metrics


async def test_a_token_says_which_roles_its_person_has_now(stage: Stage) -> None:
    tokens = Tokens(stage.ledger.database)
    now, before = datetime.now(UTC), frozenset({"break-glass"})
    who = Principal(id="the-break-glass", roles=before)
    assert await tokens.current(who, now) == who
    await tokens.revoke("the-break-glass")
    assert (await tokens.current(who, now)).roles == frozenset()
    await tokens.create("the-break-glass", ["analyst"], timedelta(minutes=1))
    assert (await tokens.current(who, now)).roles == frozenset({"analyst"})
    assert (await tokens.current(who, now + timedelta(hours=1))).roles == frozenset()
    with pytest.raises(NotFound):
        await tokens.revoke("nobody")
