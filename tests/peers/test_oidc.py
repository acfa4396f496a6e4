"""Sign-in with a real OpenID provider: `firebreak login`, and what the API makes of its tokens."""

import contextlib
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from firebreak.cli.signin import SignedIn, fresh_token, sign_in
from firebreak.cli.token_files import sign_in_file, write_token
from firebreak.errors import Unauthorized
from firebreak.server import jwks
from firebreak.server.oidc import OidcSignIn
from firebreak.settings import Settings
from firebreak.wiring.identity import sign_in as wired
from tests.peers.oidc import Provider, browse, oidc_provider
from tests.unit.server.people import Book
from tests.unit.server.stage import Stage, staged
from tests.unit.server.test_api import START

pytestmark = pytest.mark.peer("oidc")

ROLES = {"soc": ("analyst", "on-call"), "leads": ("soc-lead",)}


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with oidc_provider() as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Provider:
    running.tell(set={"alice": ["soc"], "bob": ["leads"], "eve": []}, seconds=300)
    return running


@pytest.fixture
def settings(provider: Provider, tmp_path: Path) -> Settings:
    return Settings(
        state_dir=tmp_path,
        oidc_issuer=provider.issuer,
        oidc_client_id="firebreak",
        oidc_audience=provider.audience,
        oidc_roles=ROLES,
    )


@pytest.fixture
async def stage(settings: Settings, tmp_path: Path) -> AsyncIterator[Stage]:
    async with contextlib.AsyncExitStack() as stack:
        made = await stack.enter_async_context(staged(tmp_path))
        check = await stack.enter_async_context(wired(settings))
        changed = replace(made.app.state.services, settings=settings, sign_in=check)
        made.app.state.services = changed
        yield made


def login(settings: Settings, who: str) -> SignedIn:
    """`firebreak login`, with a person before the browser."""

    def bring(url: str) -> None:
        def person() -> None:
            port = httpx.URL(url).params["redirect_uri"]
            httpx.get(browse(url, who, stop_at=port))

        threading.Thread(target=person, daemon=True).start()

    return sign_in(settings, bring, port=0, within_s=20)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def me(stage: Stage, token: str) -> Any:
    return (await stage.http.get("/whoami", headers=bearer(token))).json()


async def test_who_signs_in_has_the_roles_of_their_groups(stage: Stage, settings: Settings) -> None:
    alice, eve = login(settings, "alice"), login(settings, "eve")
    assert await me(stage, alice.token) == {
        "principal": {"id": "oidc:alice", "roles": ["analyst", "on-call"], "kind": "person"},
        "name": "",
        "via": "oidc",
    }
    answer = await stage.http.post("/responses", headers=bearer(alice.token), json=START)
    assert answer.status_code == 202
    assert stage.engine.calls[0].requester.id == "oidc:alice"
    refused = await stage.http.post("/responses", headers=bearer(eve.token), json=START)
    assert refused.status_code == 403


async def test_id_tokens_count_where_no_audience_is_set(stage: Stage, settings: Settings) -> None:
    plain = settings.model_copy(update={"oidc_audience": "", "oidc_scopes": "openid email groups"})
    token = login(plain, "bob").token
    async with wired(plain) as check:
        assert check is not None
        found = await check.verify(token)
    assert (found.account, found.principal.roles) == ("bob", frozenset({"soc-lead"}))
    assert (await me(stage, token))["principal"]["id"] == "oidc:bob"


async def test_a_person_by_sign_in_and_by_token_is_one_principal(
    stage: Stage, settings: Settings
) -> None:
    accounts = {("oidc", "alice"): "alice", ("token", "the-on-call"): "alice"}
    book = Book(people={"alice": frozenset({"on-call"})}, accounts=accounts)
    stage.app.state.services = replace(stage.app.state.services, directory=book)
    by_oidc = await me(stage, login(settings, "alice").token)
    by_token = (await stage.http.get("/whoami", headers=stage.auth("on-call"))).json()
    assert by_oidc["principal"] == by_token["principal"]
    assert (by_oidc["via"], by_token["via"]) == ("oidc", "token")
    book.people["alice"] = frozenset()
    refused = await stage.http.post("/halt", headers=stage.auth("on-call"), json={"reason": "x"})
    assert refused.status_code == 403


async def test_only_a_verified_address_that_the_directory_has_makes_somebody_known(
    stage: Stage, settings: Settings, tmp_path: Path
) -> None:
    book = Book(
        people={"al": frozenset({"on-call"})}, accounts={("email", "alice@plant.example"): "al"}
    )
    with_people = settings.model_copy(update={"people_file": tmp_path / "people.yaml"})
    changed = replace(stage.app.state.services, directory=book, settings=with_people)
    stage.app.state.services = changed
    assert (await me(stage, login(settings, "alice").token))["principal"]["id"] == "al"
    answer = await stage.http.get("/whoami", headers=bearer(login(settings, "bob").token))
    assert answer.status_code == 401  # nobody in the people file, whatever the groups say


async def test_a_group_that_is_gone_takes_its_roles_with_the_next_token(
    stage: Stage, settings: Settings, provider: Provider
) -> None:
    file = sign_in_file(settings)
    provider.tell(seconds=30)  # less than is left to a token that is not renewed
    write_token(file, json.dumps(login(settings, "alice").to_json()))
    assert file.stat().st_mode & 0o777 == 0o600
    first = fresh_token(settings, file)
    assert (await me(stage, first))["principal"]["roles"] == ["analyst", "on-call"]
    provider.tell(set={"alice": []}, seconds=300)
    second = fresh_token(settings, file)
    assert second != first
    assert (await me(stage, second))["principal"]["roles"] == []
    assert fresh_token(settings, file) == second
    refused = await stage.http.post("/responses", headers=bearer(second), json=START)
    assert refused.status_code == 403


@pytest.mark.parametrize("alg", ["ES256", "EdDSA", "RS256"])
async def test_keys_can_change_and_tokens_of_the_old_ones_end(
    stage: Stage,
    settings: Settings,
    provider: Provider,
    monkeypatch: pytest.MonkeyPatch,
    alg: str,
) -> None:
    monkeypatch.setattr(jwks, "AGAIN_S", 0)
    old = login(settings, "alice").token
    assert (await me(stage, old))["principal"]["id"] == "oidc:alice"
    provider.tell(sign=alg)
    new = login(settings, "alice").token
    assert (await me(stage, new))["principal"]["id"] == "oidc:alice"
    assert (await stage.http.get("/whoami", headers=bearer(old))).status_code == 401


async def test_a_token_that_has_ended_is_refused(
    stage: Stage, settings: Settings, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.tell(seconds=5)
    token = login(settings, "alice").token
    assert (await stage.http.get("/whoami", headers=bearer(token))).status_code == 200
    now = time.time()
    monkeypatch.setattr("joserfc._rfc7519.claims._generate_now", lambda: int(now) + 60)
    async with wired(settings) as check:
        assert check is not None
        with pytest.raises(Unauthorized, match="expired"):
            await check.verify(token)


async def test_tokens_of_another_client_audience_or_issuer_are_refused(
    settings: Settings, provider: Provider
) -> None:
    token = login(settings, "alice").token
    theirs = login(settings.model_copy(update={"oidc_client_id": "another"}), "alice").token
    async with wired(settings) as check:
        assert check is not None
        assert (await check.verify(token)).account == "alice"
        with pytest.raises(Unauthorized, match="another client"):
            await check.verify(theirs)
    async with httpx.AsyncClient() as http:
        other = OidcSignIn(
            provider.issuer, "firebreak", http, audience="https://elsewhere.example", roles=ROLES
        )
        with pytest.raises(Unauthorized, match="audience"):
            await other.verify(token)
    with oidc_provider() as impostor:
        foreign = settings.model_copy(update={"oidc_issuer": impostor.issuer})
        stranger = login(foreign, "alice").token
        async with wired(settings) as check:
            assert check is not None
            with pytest.raises(Unauthorized):
                await check.verify(stranger)
