"""Signing in at an OpenID provider: authorization code with PKCE, and keeping the token fresh.

What the server accepts is the server's to check (``server/oidc.py``). Here a token is only believed
to come from the provider that was asked, over TLS, in answer to this very request.
"""

import fcntl
import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from pathlib import Path
from secrets import token_urlsafe
from typing import Any
from urllib.parse import quote_plus

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from pydantic import ValidationError

from firebreak.cli.callback import Callback
from firebreak.cli.exits import ProblemError
from firebreak.cli.token_files import write_token
from firebreak.domain.base import Model
from firebreak.errors import FirebreakError
from firebreak.settings import Settings
from firebreak.urls import checked_url
from integrations import secrets

EARLY_S = 60  # before its end a token is replaced
_AGAIN = "`firebreak login` signs in again"


class SignedIn(Model):
    """What is kept on this machine, for its owner alone. ``expires_at``: Unix seconds."""

    issuer: str
    client_id: str
    token: str
    refresh_token: str
    expires_at: float


def sign_in(
    settings: Settings, show: Callable[[str], None], *, port: int, within_s: float
) -> SignedIn:
    """Let ``show`` bring a person to the provider's page, and wait for them to come back.

    Raises:
        ProblemError: there is no provider, they did not come back, or something does not fit.
    """
    if not settings.oidc_issuer or not settings.oidc_client_id:
        raise ProblemError(
            "no OpenID provider is set",
            "set FIREBREAK_OIDC_ISSUER and FIREBREAK_OIDC_CLIENT_ID, or use an API token",
            error="definition",
        )
    state, nonce, verifier = token_urlsafe(32), token_urlsafe(32), token_urlsafe(48)
    with httpx.Client(timeout=10) as http, Callback(port, state) as callback:
        provider = _discover(http, settings.oidc_issuer)
        show(
            prepare_grant_uri(
                _endpoint(provider, "authorization_endpoint"),
                settings.oidc_client_id,
                "code",
                redirect_uri=callback.url,
                scope=settings.oidc_scopes,
                state=state,
                nonce=nonce,
                code_challenge=create_s256_code_challenge(verifier),
                code_challenge_method="S256",
                resource=settings.oidc_audience or None,
            )
        )
        back = _checked(callback.wait(within_s), settings.oidc_issuer)
        form = {"grant_type": "authorization_code", "code": back, "redirect_uri": callback.url}
        form["code_verifier"] = verifier
        answer = _ask(http, _endpoint(provider, "token_endpoint"), settings, form)
    _check_id_token(answer.get("id_token"), settings, nonce)
    return _kept(answer, settings, "")


def fresh_token(settings: Settings, file: Path) -> str:
    """The token of the sign-in that ``file`` keeps, renewed when it is about to end.

    Raises:
        ProblemError: the sign-in has ended.
    """
    with file.with_suffix(".lock").open("w") as lock:  # a refresh token may be good for one use
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = read(file)
        if kept.expires_at - time.time() > EARLY_S:
            return kept.token
        if (kept.issuer, kept.client_id) != (settings.oidc_issuer, settings.oidc_client_id):
            raise ProblemError("the sign-in is for another provider", _AGAIN, error="unauthorized")
        renewed = _renewed(settings, kept)
        write_token(file, json.dumps(renewed.to_json()))
        return renewed.token


def read(file: Path) -> SignedIn:
    """What ``file`` keeps. Raises ProblemError."""
    try:
        return SignedIn.model_validate_json(file.read_text(encoding="ascii"))
    except (OSError, ValidationError, UnicodeDecodeError) as error:
        raise ProblemError(f"{file} cannot be read", _AGAIN, error="unauthorized") from error


def _renewed(settings: Settings, kept: SignedIn) -> SignedIn:
    if not kept.refresh_token:
        raise ProblemError("the sign-in has ended", _AGAIN, error="unauthorized")
    form = {"grant_type": "refresh_token", "refresh_token": kept.refresh_token}
    with httpx.Client(timeout=10) as http:
        endpoint = _endpoint(_discover(http, kept.issuer), "token_endpoint")
        answer = _ask(http, endpoint, settings, form)
    if "id_token" in answer:
        _check_id_token(answer["id_token"], settings, nonce=None)
    return _kept(answer, settings, kept.refresh_token)


def _discover(http: httpx.Client, issuer: str) -> dict[str, Any]:
    try:
        url = f"{checked_url(issuer).rstrip('/')}/.well-known/openid-configuration"
        found = http.get(url).raise_for_status().json()
        if isinstance(found, dict) and found.get("issuer") == issuer:
            return found
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise _away(issuer) from error
    raise _away(issuer)


def _endpoint(provider: dict[str, Any], name: str) -> str:
    try:
        return checked_url(provider.get(name))
    except ValueError as error:
        raise ProblemError(f"the provider's {name} is not reached by https") from error


def _ask(http: httpx.Client, url: str, settings: Settings, form: dict[str, str]) -> dict[str, Any]:
    """The token endpoint's answer (RFC 6749, 4.1.3 and 6; RFC 8707)."""
    form = {**form, "client_id": settings.oidc_client_id}
    if settings.oidc_audience:
        form["resource"] = settings.oidc_audience
    auth = httpx.Auth()  # none
    if settings.oidc_client_secret:
        secret = _secret(settings.oidc_client_secret)
        auth = httpx.BasicAuth(quote_plus(settings.oidc_client_id), quote_plus(secret))
    try:
        answer = http.post(url, data=form, auth=auth)
        found = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise _away(settings.oidc_issuer) from error
    if answer.is_success and isinstance(found, dict):
        return found
    why = found.get("error") if isinstance(found, dict) else answer.status_code
    raise ProblemError(f"the provider refuses: {why}", _AGAIN, error="unauthorized")


def _secret(reference: str) -> str:
    try:
        return secrets.resolve(reference)
    except FirebreakError as error:
        raise ProblemError(f"FIREBREAK_OIDC_CLIENT_SECRET: {error}", error="definition") from error


def _checked(back: dict[str, str], issuer: str) -> str:
    """The code of the redirect; its state is right already. ``iss``: RFC 9207."""
    if back.get("iss", issuer) != issuer:
        raise ProblemError("another provider answered the sign-in", _AGAIN, error="unauthorized")
    if "code" not in back:
        why = back.get("error", "no code came back")
        raise ProblemError(f"the provider refuses: {why}", _AGAIN, error="unauthorized")
    return back["code"]


def _check_id_token(token: object, settings: Settings, nonce: str | None) -> None:
    """OpenID Connect Core 3.1.3.7; TLS to the token endpoint stands for its signature (item 6)."""
    claims = _claims(token)
    audience = claims.get("aud")
    mine = settings.oidc_client_id in (audience if isinstance(audience, list) else [audience])
    asked = nonce is None or claims.get("nonce") == nonce
    if not (claims.get("iss") == settings.oidc_issuer and mine and asked):
        raise ProblemError(
            "the provider's answer belongs to another sign-in", _AGAIN, error="unauthorized"
        )


def _claims(token: object) -> dict[str, Any]:
    try:
        part = str(token).split(".")[1]
        found = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _kept(answer: dict[str, Any], settings: Settings, refresh_token: str) -> SignedIn:
    """With an audience the access token is for the API; without one the ID token has to do."""
    name = "access_token" if settings.oidc_audience else "id_token"
    token = answer.get(name)
    if not isinstance(token, str):
        raise ProblemError(f"the provider gave no {name}", _AGAIN, error="unauthorized")
    ends = _claims(token).get("exp")
    return SignedIn(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        token=token,
        refresh_token=str(answer.get("refresh_token") or refresh_token),
        expires_at=float(ends) if isinstance(ends, (int, float)) else time.time(),
    )


def _away(issuer: str) -> ProblemError:
    return ProblemError(
        f"the OpenID provider {issuer} does not answer as one",
        "check FIREBREAK_OIDC_ISSUER: it is compared exactly, and must be https",
        error="unreachable",
    )
