"""What cannot be read is refused in words of people, and every refusal says what to do next."""

from typing import Any

import pytest

from tests.unit.server.stage import Stage
from tests.unit.server.test_api import HASH, START

EXTEND = "/holds/cam-17/network.quarantine/extend"
REQUEST = "/approvals/inc-0123456789ab.1"
GLASS = "glass-0123456789ab"


async def refused(stage: Stage, path: str, body: Any = None, role: str = "everybody") -> Any:
    method = "GET" if body is None else "POST"
    answer = await stage.http.request(method, path, headers=stage.auth(role), json=body)
    assert answer.is_client_error, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        (EXTEND, {"by_s": 700_000, "reason": "x"}, "the extension (by_s) must be at most 7d"),
        (EXTEND, {"by_s": 0, "reason": "x"}, "the extension (by_s) must be at least 1s"),
        (EXTEND, {"by_s": "soon", "reason": "x"}, "the extension (by_s) must be a whole number"),
        (EXTEND, {"by_s": 60}, "the reason is missing"),
        (EXTEND, {"by_s": 60, "reason": " "}, "the reason must not be empty"),
        (EXTEND, {"by_s": 60, "reason": 7}, "the reason must be text"),
        (EXTEND, {"by_s": 60, "reason": "x" * 2001}, "must have at most 2,000 characters"),
        (EXTEND, {"by_s": 60, "reason": "x", "force": 1}, "force is no field of it"),
        (EXTEND, ["x"], "the body must be an object"),
        ("/incidents?status=lost", None, "the status must be open, completed, failed, cancelled"),
        ("/incidents?limit=1001", None, "limit must be at most 1000"),
        ("/halt", {"site": "No Site", "reason": "x"}, "site must be a name of lower-case letters"),
        ("/glass/nope/end", {"reason": "x"}, "the id of a break-glass must be glass- and twelve"),
        ("/glass", {"reason": "x"}, "the body: name either a device or a site"),
        (
            "/approvals/decide",
            {"requests": [{"approval": "a", "plan_hash": "b"}], "verdict": "yes", "reason": "x"},
            (
                "requests.0.the hash of the plan (plan_hash) must be sha256: and 64 hex digits, "
                "as the request shows it; verdict must be approve or deny"
            ),
        ),
        (
            "/approvals/decide",
            {"requests": [], "verdict": "deny", "reason": "x"},
            "requests must not be empty",
        ),
        (
            f"{REQUEST}/change",
            {"plan_hash": HASH, "inputs": {"Not A Name": 1}, "reason": "x"},
            "must be a name of lower-case letters, digits and _",
        ),
        ("/responses", START | {"dry_run": "yes"}, "dry_run must be true or false"),
    ],
)
async def test_a_malformed_value_is_refused_in_words(
    stage: Stage, path: str, body: Any, said: str
) -> None:
    role = "break-glass" if path.startswith("/glass") else "everybody"
    answer = await refused(stage, path, body, role)
    assert answer["error"] == "bad-input"
    assert said in answer["message"]
    assert answer["hint"]


async def test_a_body_that_is_no_json_says_where(stage: Stage) -> None:
    answer = await stage.http.post(
        "/responses",
        headers={**stage.auth("analyst"), "Content-Type": "application/json"},
        content=b'{"device": }',
    )
    assert answer.status_code == 400
    assert "the body is no JSON" in answer.json()["message"]
    assert "character 11" in answer.json()["message"]


@pytest.mark.parametrize(
    ("path", "body", "role", "hint"),
    [
        ("/devices/nope", None, "auditor", "`firebreak devices`"),
        ("/incidents/inc-ffffffffffff", None, "auditor", "`firebreak incidents`"),
        (REQUEST, None, "auditor", "`firebreak approvals --all`"),
        (f"{EXTEND}", {"by_s": 60, "reason": "x"}, "on-call", "`firebreak holds`"),
        ("/responses", START | {"device": "nope"}, "analyst", "`firebreak playbook list`"),
        ("/channels/nope/test", {}, "admin", "`firebreak channels`"),
        (f"/glass/{GLASS}/end", {"reason": "x"}, "on-call", "`firebreak glass --all`"),
        ("/glass/nope/end", {"reason": "x"}, "on-call", "`firebreak glass --all`"),
        ("/glass", {"site": "plant"}, "break-glass", "--help"),
        (
            f"{REQUEST}/delegate",
            {"to": "led", "reason": "x"},
            "on-call",
            "`firebreak token list`",
        ),
        (f"{REQUEST}/snooze", {"for_s": 60}, "auditor", "`firebreak delegate`"),
    ],
)
async def test_a_refusal_names_the_list_to_look_at(
    stage: Stage, path: str, body: Any, role: str, hint: str
) -> None:
    assert hint in (await refused(stage, path, body, role))["hint"]


async def test_who_has_no_good_token_is_told_where_one_comes_from(stage: Stage) -> None:
    answer = await stage.http.get("/holds", headers={"Authorization": "Bearer abc"})
    assert answer.status_code == 401
    for word in ("--as", "FIREBREAK_TOKEN", "firebreak token create"):
        assert word in answer.json()["hint"]


async def test_a_glass_that_stands_says_which_list_and_until_when(stage: Stage) -> None:
    why = {"site": "plant", "reason": "somebody is caught in the press"}
    role = stage.auth("break-glass")
    first = await stage.http.post("/glass", headers=role, json=why)
    again = await refused(stage, "/glass", why, "break-glass")
    assert again["error"] == "rejected"
    assert " UTC is in force" in again["message"]
    assert "`firebreak glass --all`" in again["hint"]
    path = f"/reviews/{first.json()['id']}/close"
    soon = await refused(stage, path, {"finding": "all is well"}, "soc-lead")
    assert "`firebreak glass --all`" in soon["hint"]
