"""How a credential gets onto a request. Secrets are resolved when a request is made, never held."""

from collections.abc import AsyncGenerator, Callable, Generator
from http import HTTPStatus

import httpx

from firebreak.domain.base import SecretRef
from firebreak.errors import AuthFailed
from integrations.network.rest_answers import judge
from integrations.secrets import resolve


class Basic(httpx.Auth):
    """HTTP Basic (RFC 7617) with the password behind a reference."""

    def __init__(self, username: str, password: SecretRef) -> None:
        self._username = username
        self._password = password

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Raises AuthFailed when there is no such secret."""
        yield from httpx.BasicAuth(self._username, resolve(self._password)).auth_flow(request)


class Key(httpx.Auth):
    """A secret that is sent as it is: ``Authorization: <prefix><key>``."""

    def __init__(self, key: SecretRef, prefix: str = "") -> None:
        self._key = key
        self._prefix = prefix

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Raises AuthFailed when there is no such secret."""
        request.headers["Authorization"] = self._prefix + resolve(self._key)
        yield request


class LoginToken(httpx.Auth):
    """A token that a login gives: kept until it is refused with 401, then asked for once more.

    Args:
        system: what errors call it.
        login: builds the login request, whose answer judges the credential; resolves secrets.
        token: reads the token from the answer. Raises Rejected when it is not there.
        prefix: goes before the token in the Authorization header.
    """

    def __init__(
        self,
        system: str,
        login: Callable[[], httpx.Request],
        token: Callable[[httpx.Response], str],
        prefix: str = "",
    ) -> None:
        self._system = system
        self._login = login
        self._read = token
        self._prefix = prefix
        self._token: str | None = None

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Raises what the login was answered with. What is refused with 401 was not carried out."""
        for _ in range(2):
            if self._token is None:
                answer = yield self._login()
                await answer.aread()
                self._judge(answer)
                self._token = self._read(answer)
            used = self._token
            request.headers["Authorization"] = self._prefix + used
            response = yield request
            if response.status_code != HTTPStatus.UNAUTHORIZED:
                return
            if self._token == used:
                self._token = None

    def _judge(self, answer: httpx.Response) -> None:
        """Any refusal of a login is one of the credential, and its reason could quote that."""
        patience = answer.status_code == HTTPStatus.TOO_MANY_REQUESTS
        if answer.is_client_error and not patience:
            raise AuthFailed(f"{self._system} answered {answer.status_code} to the login")
        judge(self._system, answer, changes=False)
