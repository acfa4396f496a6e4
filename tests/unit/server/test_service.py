"""Health, metrics, errors and logs: what the API says about itself and about what went wrong."""

import pytest
from httpx import ASGITransport, AsyncClient
from structlog.testing import capture_logs

from firebreak import errors
from firebreak.errors import Busy, LedgerUnavailable, NotFound, RateLimited, every_error
from firebreak.server import problems
from firebreak.server.routes import health
from tests.unit.server.stage import ROLES, Stage
from tests.unit.server.test_api import START, get, opened


async def test_health_says_which_part_is_down(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "CACHE_S", -1)
    assert (await stage.http.get("/healthz")).json()["status"] == "ok"
    stage.engine.up = False
    answer = await stage.http.get("/healthz")
    assert answer.status_code == 503
    assert (answer.json()["ledger"], answer.json()["temporal"]) == ("ok", "down")

    async def away(**_: object) -> None:
        raise LedgerUnavailable("gone")

    monkeypatch.setattr(stage.ledger, "alerts", away)
    assert (await stage.http.get("/healthz")).json()["ledger"] == "down"


async def test_metrics_are_open_to_loopback_and_closed_to_others(stage: Stage) -> None:
    assert (await stage.http.get("/metrics")).status_code == 200
    transport = ASGITransport(stage.app, client=("192.0.2.7", 1234))
    async with AsyncClient(transport=transport, base_url="http://firebreak") as far:
        assert (await far.get("/metrics")).status_code == 401
        answer = await far.get("/metrics", headers=stage.auth("source:suricata"))
        assert answer.status_code == 403
        assert (await far.get("/metrics", headers=stage.auth("auditor"))).status_code == 200


async def test_metrics_show_open_incidents_and_never_a_stale_number(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firebreak.server.metrics.CACHE_S", -1)
    await opened(stage)
    text = (await stage.http.get("/metrics")).text
    assert "firebreak_incidents_open 1.0" in text
    assert "firebreak_holds_stuck 0.0" in text

    async def away() -> None:
        raise LedgerUnavailable("gone")

    monkeypatch.setattr(stage.ledger, "holds", away)
    text = (await stage.http.get("/metrics")).text
    assert "firebreak_ledger_up 0.0" in text
    assert "firebreak_incidents_open NaN" in text


def test_the_openapi_document_names_every_operation_and_its_errors(stage: Stage) -> None:
    document = stage.app.openapi()
    operations = [o for methods in document["paths"].values() for o in methods.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids))
    assert {"post_alerts", "start_response", "decide_approval", "release_hold"} <= set(ids)
    refused = document["paths"]["/responses"]["post"]["responses"]["4XX"]
    assert refused["content"]["application/json"]["schema"]["$ref"].endswith("/Problem")
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_every_error_of_the_taxonomy_has_a_status() -> None:
    assert set(problems.STATUS) == set(every_error())


@pytest.mark.parametrize(
    ("error", "status", "wait"),
    [
        (NotFound("x"), 404, None),
        (Busy("x"), 409, "2"),
        (RateLimited("x", after_s=6.5), 429, "7"),
        (errors.Unreachable("x"), 503, "2"),
        (errors.RevertFailed("x"), 502, None),
    ],
)
async def test_an_error_says_code_message_hint_and_when_to_come_back(
    stage: Stage, error: Exception, status: int, wait: str | None
) -> None:
    stage.engine.fails = lambda _: error
    answer = await stage.http.post("/responses", headers=stage.auth("admin"), json=START)
    assert answer.status_code == status
    assert answer.json()["message"] == "x"
    assert set(answer.json()) == {"error", "message", "hint", "bad"}
    assert answer.headers.get("retry-after") == wait


async def test_a_bug_is_answered_as_one_without_its_text(stage: Stage) -> None:
    stage.engine.fails = lambda _: ZeroDivisionError("s3cret")
    transport = ASGITransport(stage.app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://firebreak") as http:
        with capture_logs() as logged:
            answer = await http.post("/responses", headers=stage.auth("admin"), json=START)
    assert (answer.status_code, answer.json()["error"]) == (500, "internal")
    assert [(line["log_level"], line.get("status")) for line in logged] == [
        ("info", 500),
        ("error", None),
    ]
    assert "s3cret" not in answer.text


async def test_unknown_paths_and_methods_are_answered_in_the_same_shape(stage: Stage) -> None:
    for method, path, status in (("GET", "/nope", 404), ("DELETE", "/holds", 405)):
        answer = await stage.http.request(method, path, headers=stage.auth("admin"))
        assert answer.status_code == status
        assert set(answer.json()) == {"error", "message", "hint", "bad"}


async def test_a_change_is_logged_with_who_and_what_and_never_with_the_token(
    stage: Stage,
) -> None:
    with capture_logs() as logged:
        await stage.http.post("/responses", headers=stage.auth("analyst"), json=START)
        await get(stage, "/holds")
    assert [(line["principal"], line["path"], line["status"]) for line in logged] == [
        ("the-analyst", "/responses", 202)
    ]
    assert not any(stage.secrets[role] in str(logged) for role in ROLES)
