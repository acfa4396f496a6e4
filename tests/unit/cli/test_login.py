"""Signing in on the command line: only the answer to this very request counts."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from firebreak.cli.callback import Callback
from firebreak.cli.exits import Exit, ProblemError
from firebreak.cli.signin import SignedIn, fresh_token, sign_in
from firebreak.cli.token_files import sign_in_file, write_token
from firebreak.settings import Settings
from tests.unit.cli.conftest import Call, StubApi

ME = {
    "principal": {"id": "alice", "roles": ["on-call"], "kind": "person"},
    "name": "",
    "via": "oidc",
}


def unsigned(**claims: Any) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.e30"


@pytest.fixture
def provider(api: StubApi) -> StubApi:
    """A provider's documents; its issuer is the stub's address."""
    document = {
        "issuer": api.url,
        "authorization_endpoint": f"{api.url}/authorize",
        "token_endpoint": f"{api.url}/token",
    }
    api.answer("GET", "/.well-known/openid-configuration", document)
    return api


@pytest.fixture
def settings(provider: StubApi, state_dir: Path) -> Settings:
    return Settings(state_dir=state_dir, oidc_issuer=provider.url, oidc_client_id="firebreak")


@contextmanager
def person(answer: Callable[[dict[str, str]], dict[str, str]]) -> Iterator[Callable[[str], None]]:
    """Somebody before a browser, who comes back with what ``answer`` makes of the request."""
    threads = []

    def bring(url: str) -> None:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}

        def come_back() -> None:
            httpx.get(asked["redirect_uri"], params=answer(asked))

        threads.append(threading.Thread(target=come_back))
        threads[-1].start()

    yield bring
    for thread in threads:
        thread.join()


def test_a_sign_in_asks_with_pkce_state_and_nonce_and_keeps_the_token(
    provider: StubApi, settings: Settings
) -> None:
    asked: dict[str, str] = {}

    def answer(request: dict[str, str]) -> dict[str, str]:
        asked.update(request)
        claims = {"iss": provider.url, "aud": "firebreak", "nonce": request["nonce"]}
        ends = time.time() + 600
        tokens = {"id_token": unsigned(**claims, exp=ends), "refresh_token": "again"}
        provider.answer("POST", "/token", tokens)
        return {"code": "c0de", "state": request["state"], "iss": provider.url}

    with person(answer) as bring:
        kept = sign_in(settings, bring, port=0, within_s=10)
    assert kept.refresh_token == "again"
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert len(asked["state"]) >= 32
    form = parse_qs(provider.requests[-1].body.decode())
    assert form["code"] == ["c0de"]
    assert form["code_verifier"][0] not in asked.values()


@pytest.mark.parametrize(
    "wrong",
    [{"nonce": "another"}, {"iss": "https://evil.example"}, {"aud": "another"}, {"nonce": None}],
    ids=str,
)
def test_an_answer_to_another_sign_in_is_not_taken(
    provider: StubApi, settings: Settings, wrong: dict[str, Any]
) -> None:
    def answer(request: dict[str, str]) -> dict[str, str]:
        claims = {"iss": provider.url, "aud": "firebreak", "nonce": request["nonce"], **wrong}
        provider.answer("POST", "/token", {"id_token": unsigned(**claims, exp=time.time() + 600)})
        return {"code": "c0de", "state": request["state"]}

    with person(answer) as bring, pytest.raises(ProblemError, match="another sign-in"):
        sign_in(settings, bring, port=0, within_s=10)


def test_a_redirect_with_another_state_changes_nothing() -> None:
    with Callback(0, "right") as callback:
        said: list[int] = []

        def browser() -> None:
            for state in ("wrong", "r\u0456ght", "", "right"):
                query = {"state": state, "code": state}
                said.append(httpx.get(callback.url, params=query).status_code)

        thread = threading.Thread(target=browser)
        thread.start()
        assert callback.wait(10)["code"] == "right"
        thread.join()
    assert said == [404, 404, 404, 200]


def test_nobody_coming_back_ends_the_wait() -> None:
    with Callback(0, "right") as callback, pytest.raises(ProblemError, match="nobody signed in"):
        callback.wait(0.05)


@pytest.mark.parametrize(
    "back",
    [{"error": "access_denied"}, {"code": "c", "iss": "https://evil.example"}, {}],
    ids=str,
)
def test_a_refusal_or_another_provider_is_said(
    settings: Settings, provider: StubApi, back: dict[str, str]
) -> None:
    with (
        person(lambda request: {**back, "state": request["state"]}) as bring,
        pytest.raises(ProblemError) as problem,
    ):
        sign_in(settings, bring, port=0, within_s=10)
    assert problem.value.code is Exit.NOT_ALLOWED
    assert not any(request.path == "/token" for request in provider.requests)


@pytest.mark.parametrize("issuer", ["", "http://id.plant.example", "https://127.0.0.1:1"])
def test_a_provider_that_is_not_set_or_not_safe_is_not_asked(
    settings: Settings, issuer: str
) -> None:
    changed = settings.model_copy(update={"oidc_issuer": issuer})
    with pytest.raises(ProblemError):
        sign_in(changed, lambda _: None, port=0, within_s=1)


def kept(settings: Settings, *, left_s: float, refresh: str = "again") -> Path:
    file = sign_in_file(settings)
    made = SignedIn(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        token="old",
        refresh_token=refresh,
        expires_at=time.time() + left_s,
    )
    write_token(file, json.dumps(made.to_json()))
    return file


def test_a_token_that_is_about_to_end_is_renewed_once(
    provider: StubApi, settings: Settings
) -> None:
    assert fresh_token(settings, kept(settings, left_s=600)) == "old"
    file = kept(settings, left_s=30)
    new = unsigned(iss=provider.url, aud="firebreak", exp=time.time() + 600)
    provider.answer("POST", "/token", {"id_token": new})
    assert [fresh_token(settings, file) for _ in range(3)] == [new] * 3
    assert sum(request.path == "/token" for request in provider.requests) == 1
    assert json.loads(file.read_text())["refresh_token"] == "again"


@pytest.mark.parametrize("refresh", ["", "used up"])
def test_a_sign_in_that_has_ended_says_so(
    provider: StubApi, settings: Settings, refresh: str
) -> None:
    provider.answer("POST", "/token", {"error": "invalid_grant"}, status=400)
    with pytest.raises(ProblemError) as problem:
        fresh_token(settings, kept(settings, left_s=0, refresh=refresh))
    assert problem.value.code is Exit.NOT_ALLOWED
    assert "firebreak login" in problem.value.hint
    assert "used up" not in str(problem.value)


def test_after_a_sign_in_commands_are_this_persons_until_they_sign_out(
    api: StubApi, settings: Settings, call: Call
) -> None:
    api.answer("GET", "/whoami", ME)
    kept(settings, left_s=600)
    assert call("whoami").stdout == "alice (person, by oidc): on-call\n"
    call("whoami", "--as", "oncall")
    assert json.loads(call("logout", "--json").stdout) == {"signed_out": True}
    assert json.loads(call("logout", "--json").stdout) == {"signed_out": False}
    assert json.loads(call("whoami", "--json").stdout) == ME
    tokens = [request.token for request in api.requests if request.path == "/whoami"]
    assert tokens == ["old", "secret-of-oncall", "secret-of-admin"]


def test_a_sign_in_file_that_is_broken_is_named(state_dir: Path, api: StubApi, call: Call) -> None:
    (state_dir / "sign-in.json").write_text("{")
    refused = call("whoami")
    assert refused.exit_code == Exit.NOT_ALLOWED
    assert "sign-in.json cannot be read" in refused.stderr
    assert not api.requests


def test_the_audit_log_is_asked_for_as_said(api: StubApi, call: Call) -> None:
    line = {
        "n": 7,
        "at": "2026-01-05T10:00:00Z",
        "principal": "alice",
        "via": "slack",
        "action": "decide_approval",
        "target": "inc-1.1",
        "status": 0,
        "detail": "\x1b[2J",
    }
    api.answer("GET", "/audit", {"lines": [line]})
    shown = call("audit", "--since", "24h", "--who", "alice", "--action", "decide_approval")
    assert "no end" in shown.stdout
    assert "\x1b" not in shown.stdout
    query = api.requests[0].query
    assert (query["who"], query["action"], query["limit"]) == ("alice", "decide_approval", "50")
    assert query["since"].endswith("+00:00")
    assert json.loads(call("audit", "--json").stdout) == [line]
