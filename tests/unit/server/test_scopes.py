"""A service's token does what its scopes name, and never what only people do."""

from fastapi.routing import APIRoute

from docs.from_code import api
from firebreak.domain.scopes import OF_OPERATION, PEOPLE_ONLY, SCOPES
from firebreak.ledger.tokens import Tokens
from firebreak.server import auth
from tests.unit.server.stage import Stage
from tests.unit.server.test_api import PROTECTED, START, WRITES, held

BY_HEART = {"post_alerts", "get_health", "get_metrics", auth.WHOAMI}


def routes() -> dict[str, APIRoute]:
    return {str(route.operation_id): route for route in api.routes()}


def test_every_operation_has_a_scope_or_is_for_people_only() -> None:
    assert set(routes()) == set(OF_OPERATION) | PEOPLE_ONLY | BY_HEART
    assert not PEOPLE_ONLY & set(OF_OPERATION)


def test_what_is_for_people_only_is_so_without_scopes_too() -> None:
    for name, route in routes().items():
        assert ("in person" in api.who(route)) == (name in PEOPLE_ONLY), name


async def service(stage: Stage, *scopes: str) -> dict[str, str]:
    tokens = Tokens(stage.ledger.database)
    name = f"etl-{len(await tokens.list())}"
    return {"Authorization": f"Bearer {await tokens.create(name, scopes=scopes)}"}


async def test_a_scope_opens_its_operations_and_no_other(stage: Stage) -> None:
    for scope in SCOPES:
        headers = await service(stage, scope)
        for method, path in PROTECTED:
            answer = await stage.http.request(method, path, headers=headers, json={})
            found = next(
                name
                for name, route in routes().items()
                if method in (route.methods or ()) and route.path_regex.fullmatch(path)
            )
            allowed = OF_OPERATION.get(found) == scope or found == auth.WHOAMI
            assert (answer.status_code != 403) == allowed, (scope, method, path)


async def test_all_scopes_together_decide_nothing(stage: Stage) -> None:
    await held(stage)
    headers = await service(stage, *SCOPES)
    for path, body in WRITES:
        answer = await stage.http.post(path, headers=headers, json=body)
        assert answer.status_code in ((200, 202) if path in ("/responses", "/halt") else (403,))
    assert not stage.engine.told


async def test_a_service_starts_responses_as_automation(stage: Stage) -> None:
    headers = await service(stage, "responses:start")
    answer = await stage.http.post("/responses", headers=headers, json=START)
    assert answer.status_code == 202
    (call,) = stage.engine.calls
    assert call.requester.kind == "automation"


async def test_tokens_without_scopes_do_what_their_roles_may(stage: Stage) -> None:
    answer = await stage.http.post("/responses", headers=stage.auth("script"), json=START)
    assert answer.status_code == 202
