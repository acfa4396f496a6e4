"""Tokens of an OpenID provider, forged in every way: only the one that is right counts."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey
from pydantic import ValidationError
from structlog.testing import capture_logs

from firebreak.errors import DefinitionError, Unauthorized, Unreachable
from firebreak.server import jwks
from firebreak.server.oidc import OidcSignIn
from firebreak.settings import Settings

ISSUER = "https://id.plant.example"
AUDIENCE = "https://firebreak.plant.example"
CLIENT = "firebreak"


@dataclass
class Issuer:
    """A provider's two documents, and its keys."""

    rsa: RSAKey = field(default_factory=lambda: rsa("r1"))
    ec: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "e1"}))
    says: str = ISSUER
    up: bool = True
    asked: list[str] = field(default_factory=list)
    more: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if not self.up:
            raise httpx.ConnectError("down", request=request)
        if request.url.path == "/.well-known/openid-configuration":
            body: dict[str, Any] = {"issuer": self.says, "jwks_uri": f"{ISSUER}/keys"}
        else:
            public = [key.as_dict(private=False) for key in (self.rsa, self.ec)]
            body = {"keys": [*public, *self.more]}
        return httpx.Response(200, json=body)


def rsa(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid})


@pytest.fixture(scope="module")
def keys() -> tuple[RSAKey, RSAKey]:
    return rsa("r1"), rsa("r2")


@pytest.fixture
def issuer(keys: tuple[RSAKey, RSAKey]) -> Issuer:
    return Issuer(rsa=keys[0])


@pytest.fixture
async def check(issuer: Issuer) -> AsyncIterator[OidcSignIn]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(issuer.answer)) as http:
        yield OidcSignIn(ISSUER, CLIENT, http, audience=AUDIENCE, roles={"soc": ("analyst",)})


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    said = {
        "iss": ISSUER,
        "sub": "alice",
        "aud": AUDIENCE,
        "client_id": CLIENT,
        "iat": now,
        "exp": now + 300,
        "groups": ["soc"],
    }
    return {name: value for name, value in {**said, **changes}.items() if value is not None}


def signed(key: Key, said: dict[str, Any], alg: str = "RS256", **header: Any) -> str:
    return jwt.encode({"alg": alg, "kid": key.kid, **header}, said, key, algorithms=[alg])


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def test_the_right_token_counts_by_either_kind_of_key(
    check: OidcSignIn, issuer: Issuer
) -> None:
    for key, alg in ((issuer.rsa, "RS256"), (issuer.ec, "ES256")):
        found = await check.verify(signed(key, claims(), alg, typ="at+jwt"))
        assert (found.provider, found.account, found.scopes) == ("oidc", "alice", None)
        assert (found.principal.id, found.principal.kind) == ("oidc:alice", "person")
        assert found.principal.roles == {"analyst"}
    assert len(issuer.asked) == 2  # once for both


NOW = int(time.time())
WRONG: list[dict[str, Any]] = [
    {"iss": "https://id.plant.example.evil"},
    {"iss": ISSUER + "/"},
    {"iss": None},
    {"iss": [ISSUER]},
    {"aud": "https://elsewhere.example"},
    {"aud": None},
    {"aud": []},
    {"aud": {"a": AUDIENCE}},
    {"aud": [AUDIENCE, "https://elsewhere.example"], "client_id": None},
    {"client_id": "another"},
    {"azp": "another"},
    {"azp": {"a": 1}},
    {"exp": NOW - 60},
    {"exp": None},
    {"exp": "soon"},
    {"exp": True},
    {"nbf": NOW + 86400},
    {"iat": NOW + 86400},
    {"iat": None},
    {"sub": None},
    {"sub": ""},
    {"sub": 7},
    {"sub": "x" * 200},
    {"sub": "al\u202eice"},
    {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
]


@pytest.mark.parametrize("changes", WRONG, ids=", ".join)
async def test_a_claim_that_is_wrong_is_refused(
    check: OidcSignIn, issuer: Issuer, changes: dict[str, Any]
) -> None:
    with pytest.raises(Unauthorized):
        await check.verify(signed(issuer.rsa, claims(**changes)))


async def test_clocks_may_differ_a_little(check: OidcSignIn, issuer: Issuer) -> None:
    now = int(time.time())
    await check.verify(signed(issuer.rsa, claims(exp=now - 10, iat=now + 10, nbf=now + 10)))


async def test_no_signature_is_no_token(check: OidcSignIn, issuer: Issuer) -> None:
    unsigned: list[Any] = ["none", "None", "NONE", "", None, [], {}, 7]
    for alg in unsigned:
        with pytest.raises(Unauthorized):
            await check.verify(f"{part({'alg': alg, 'kid': 'r1'})}.{part(claims())}.")
    header, body, signature = signed(issuer.rsa, claims()).split(".")
    for forged in (f"{header}.{body}.", f"{header}.{part(claims(sub='bob'))}.{signature}"):
        with pytest.raises(Unauthorized):
            await check.verify(forged)


async def test_the_public_key_is_no_shared_secret(check: OidcSignIn, issuer: Issuer) -> None:
    for alg in ("HS256", "HS384", "HS512"):
        for secret in (
            issuer.rsa.as_pem(private=False),
            json.dumps(issuer.rsa.as_dict(private=False)).encode(),
        ):
            said = f"{part({'alg': alg, 'kid': 'r1'})}.{part(claims())}"
            mac = hmac.new(secret, said.encode(), getattr(hashlib, f"sha{alg[2:]}")).digest()
            sealed = base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
            with pytest.raises(Unauthorized):
                await check.verify(f"{said}.{sealed}")


async def test_a_key_of_ones_own_is_not_the_providers(
    check: OidcSignIn, issuer: Issuer, keys: tuple[RSAKey, RSAKey]
) -> None:
    mine = keys[1]
    public = mine.as_dict(private=False)
    for header in ({"kid": "r1"}, {"kid": "r2"}, {"kid": "e1"}, {"kid": "r1", "jwk": public}):
        with pytest.raises(Unauthorized):
            await check.verify(signed(mine, claims(), **header))
    with pytest.raises(Unauthorized):
        await check.verify(signed(mine, claims(), kid="r1", jku="https://evil.example/keys"))
    assert set(issuer.asked) == {"/.well-known/openid-configuration", "/keys"}


@pytest.mark.parametrize("typ", ["logout+jwt", "secevent+jwt", "dpop+jwt"])
async def test_other_kinds_of_tokens_are_refused(
    check: OidcSignIn, issuer: Issuer, typ: str
) -> None:
    with pytest.raises(Unauthorized):
        await check.verify(signed(issuer.rsa, claims(), typ=typ))


HOSTILE = [
    "..",
    "a.b.c",
    "." * 2 + "\u202e",
    part("text") + ".e30.e30",
    part([]) + ".e30.e30",
    base64.urlsafe_b64encode(b"[" * 5000).decode() + ".e30.e30",
    part({"alg": "RS256", "kid": "r1", "crit": ["b64"], "b64": False}) + ".e30.e30",
    part({"alg": "RS256", "kid": "r1"}) + ".!!!.e30",
    part({"alg": "RS256", "kid": {"$gt": ""}}) + ".e30.e30",
    "a" * 9000 + "..",
]


@pytest.mark.parametrize("token", HOSTILE, ids=range(len(HOSTILE)))
async def test_garbage_is_refused_as_such(check: OidcSignIn, token: str) -> None:
    with pytest.raises(Unauthorized):
        await check.verify(token)


async def test_groups_of_any_other_shape_give_no_roles(check: OidcSignIn, issuer: Issuer) -> None:
    for groups in (None, "soc", {"soc": True}, [["soc"], 7, {}], ["SOC", "s\u043ec"], []):
        found = await check.verify(signed(issuer.rsa, claims(groups=groups)))
        assert found.principal.roles == frozenset()


async def test_an_address_counts_only_when_it_is_verified(
    check: OidcSignIn, issuer: Issuer
) -> None:
    for verified in (False, None, "true", 1, [True]):
        said = claims(email="a@plant.example", email_verified=verified)
        assert (await check.verify(signed(issuer.rsa, said))).email == ""
    said = claims(email="a@plant.example", email_verified=True)
    assert (await check.verify(signed(issuer.rsa, said))).email == "a@plant.example"


async def test_unknown_keys_do_not_make_a_storm_of_requests(
    check: OidcSignIn, issuer: Issuer, keys: tuple[RSAKey, RSAKey]
) -> None:
    await check.verify(signed(issuer.rsa, claims()))
    for n in range(20):
        with pytest.raises(Unauthorized):
            await check.verify(signed(keys[1], claims(), kid=f"x{n}"))
    assert len(issuer.asked) == 2


async def test_a_new_key_is_found_and_an_old_one_forgotten(
    check: OidcSignIn,
    issuer: Issuer,
    keys: tuple[RSAKey, RSAKey],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jwks, "AGAIN_S", 0)
    await check.verify(signed(issuer.rsa, claims()))
    issuer.rsa = keys[1]
    await check.verify(signed(keys[1], claims()))
    with pytest.raises(Unauthorized):
        await check.verify(signed(keys[0], claims()))


async def test_known_keys_count_while_the_provider_is_down_but_not_for_ever(
    check: OidcSignIn, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "AGAIN_S", 0)
    issuer.up = False
    with capture_logs() as logged, pytest.raises(Unreachable):
        await check.verify(signed(issuer.rsa, claims()))
    assert [line["log_level"] for line in logged] == ["error"]
    issuer.up = True
    await check.verify(signed(issuer.rsa, claims()))
    issuer.up = False
    monkeypatch.setattr(jwks, "FRESH_S", -1)
    await check.verify(signed(issuer.rsa, claims()))
    monkeypatch.setattr(jwks, "KEPT_S", -1)
    with pytest.raises(Unreachable):
        await check.verify(signed(issuer.rsa, claims()))


async def test_a_document_of_another_issuer_is_not_believed(
    check: OidcSignIn, issuer: Issuer
) -> None:
    issuer.says = "https://evil.example"
    with pytest.raises(Unreachable):
        await check.verify(signed(issuer.rsa, claims()))


async def test_shared_secrets_among_the_providers_keys_are_passed_over(
    check: OidcSignIn, issuer: Issuer
) -> None:
    issuer.more = [{"kty": "oct", "k": "c2VjcmV0", "kid": "o1"}, {"kty": "what"}, {}]
    await check.verify(signed(issuer.rsa, claims()))


@pytest.mark.parametrize(
    ("url", "client"), [("http://id.plant.example", "x"), ("ftp://x", "x"), (ISSUER, "")]
)
async def test_a_provider_that_cannot_be_trusted_is_refused_at_the_start(
    url: str, client: str
) -> None:
    async with httpx.AsyncClient() as http:
        with pytest.raises(DefinitionError):
            OidcSignIn(url, client, http, roles={})


def test_roles_of_groups_are_read_as_pairs_or_json(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in (
        "soc=analyst, soc=on-call,cn=a=soc-lead",
        '{"soc": ["analyst", "on-call"], "cn=a": "soc-lead"}',
    ):
        monkeypatch.setenv("FIREBREAK_OIDC_ROLES", text)
        assert Settings().oidc_roles == {"soc": ("analyst", "on-call"), "cn=a": ("soc-lead",)}


@pytest.mark.parametrize(
    "text", ["soc", "=x", "soc=", "a=automation", "a=service", "a=source:x", "{]"]
)
def test_a_group_can_make_no_machine_of_anybody(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("FIREBREAK_OIDC_ROLES", text)
    with pytest.raises(ValidationError):
        Settings()
