"""Cisco ISE: an ANC policy is assigned to a MAC address, and ISE re-authorizes its session.

Source: Cisco ISE ERS API, resources ancendpoint (Cisco's Go and Python SDKs, 3.x). An endpoint has
at most one ANC policy. A filter for the MAC address is not offered (SDK: only ``name``), and ISE
answers a wrong one with 400, so the list is read.
"""

from http import HTTPStatus

from pydantic import Field, ValidationError

from firebreak.domain.base import JsonObject
from firebreak.domain.device import normalize_mac
from firebreak.domain.estate import IseNac
from firebreak.errors import OutcomeUnknown, Rejected
from integrations.network.nac.ise_sessions import IseSessions, Session
from integrations.network.nac.source import NacSource, Sight, Standing
from integrations.network.rest import Answer, Rest, Shape, Window, segment
from integrations.network.rest_auth import Basic

_ENDPOINTS = "/ers/config/ancendpoint"
_CSRF = "X-CSRF-TOKEN"
_PAGE = 100  # the largest page ERS gives


class _Resource(Shape):
    id: str = Field(min_length=1, max_length=128)
    name: str = ""


class _SearchResult(Shape):
    total: int = Field(ge=0)
    resources: tuple[_Resource, ...] = ()


class _Listing(Shape):
    result: _SearchResult = Field(alias="SearchResult")


class _Endpoint(Shape):
    mac: str = Field(alias="macAddress")
    policy: str = Field(alias="policyName", min_length=1, max_length=128)


class _Detail(Shape):
    endpoint: _Endpoint = Field(alias="ErsAncEndpoint")


class _Refusal(Shape):
    response: JsonObject = Field(alias="ERSResponse")


class IseAnc(NacSource):
    """One site's ISE. Records: ``{"policy": "Quarantine" | null, "quarantined": bool}``.

    Raises:
        DefinitionError: the CA file holds no certificate.
    """

    adapter = "ise"
    key = "policy"
    noun = "ANC policy"

    def __init__(
        self, site: str, api: IseNac, *, deadline_s: float = 30.0, settle_s: float = 10.0
    ) -> None:
        system = f"ISE of site {site}"
        rest = Rest(system, api, Basic(api.username, api.password))
        super().__init__(
            system,
            rest,
            api.policy,
            secrets=(api.password,),
            deadline_s=deadline_s,
            settle_s=settle_s,
        )
        self._profile = api.profile
        self._csrf: str | None = None
        self._sessions: IseSessions | None = None
        if api.mnt_url is not None:
            self._sessions = IseSessions(rest.beside(f"MnT of site {site}", api.mnt_url))

    async def _see(self, mac: str, window: Window) -> Sight:
        policy = await self._policy(mac, window)
        told = f"{self.system} has {self._named(Standing(policy, quarantined=False))} for {mac}"
        session = await self._sessions.of(mac, window) if self._sessions else None
        standing = Standing(policy, self._in_quarantine(policy, session))
        if self._sessions is None:
            return Sight(standing, (told,))
        if session is None:
            return Sight(standing, (told, f"MnT has no session of {mac}"), sighted=False)
        where = f"MnT has a session of {mac} on {session.place}"
        return Sight(standing, (told, f"{where} with {', '.join(session.profiles) or 'nothing'}"))

    def _in_quarantine(self, policy: str | None, session: Session | None) -> bool:
        if session is None or self._profile is None:
            return policy == self.assigns
        return self._profile in session.profiles

    async def _policy(self, mac: str, window: Window) -> str | None:
        """The ANC policy of a MAC address."""
        policy, pages = await self._listed(mac, window)
        if policy is None and pages > 1:
            # An entry that went while the pages were read moves all behind it to earlier pages.
            policy, _ = await self._listed(mac, window)
        return policy

    async def _listed(self, mac: str, window: Window) -> tuple[str | None, int]:
        page = pages = 1
        while page <= pages:
            answer = await self._get(_ENDPOINTS, window, {"size": _PAGE, "page": page})
            listing = answer.shaped(_Listing).result
            for resource in listing.resources:
                policy = await self._policy_of(resource, mac, window)
                if policy is not None:
                    return policy, pages
            pages = -(-listing.total // _PAGE) if listing.resources else page
            page += 1
        return None, pages

    async def _policy_of(self, resource: _Resource, mac: str, window: Window) -> str | None:
        """The policy of a listed endpoint, when it is the one with this MAC address."""
        if _mac(resource.name) not in {None, mac}:
            return None
        answer = await self._get(f"{_ENDPOINTS}/{segment(resource.id)}", window)
        if answer.status == HTTPStatus.NOT_FOUND:
            return None  # cleared since it was listed
        endpoint = answer.shaped(_Detail).endpoint
        return endpoint.policy if _mac(endpoint.mac) == mac else None

    async def _get(self, path: str, window: Window, params: dict[str, int] | None = None) -> Answer:
        answer = await self._rest.read(
            "GET",
            path,
            window,
            headers={_CSRF: "fetch"},
            params=params,
            accept=(HTTPStatus.NOT_FOUND,) if params is None else (),
        )
        self._csrf = answer.headers.get(_CSRF, self._csrf)
        return answer

    async def _assign(self, mac: str, what: str, window: Window) -> None:
        await self._put("apply", mac, what, window)

    async def _clear(self, mac: str, what: str, window: Window) -> None:
        await self._put("clear", mac, what, window)

    async def _put(self, verb: str, mac: str, policy: str, window: Window) -> None:
        answer = await self._rest.write(
            "PUT",
            f"{_ENDPOINTS}/{verb}",
            window,
            headers={_CSRF: self._csrf} if self._csrf else None,
            json={
                "OperationAdditionalData": {
                    "additionalData": [
                        {"name": "macAddress", "value": mac.upper()},
                        {"name": "policyName", "value": policy},
                    ]
                }
            },
            accept=(HTTPStatus.INTERNAL_SERVER_ERROR,),
        )
        if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _refused(answer)

    async def _reevaluate(self, mac: str, window: Window) -> None:
        if self._sessions is not None:
            await self._sessions.reauthenticate(mac, window)


def _refused(answer: Answer) -> Rejected | OutcomeUnknown:
    """ISE says no to ANC calls with 500 and an ERSResponse; any other 500 says nothing."""
    try:
        _Refusal.model_validate_json(answer.content)
    except ValidationError:
        return OutcomeUnknown(f"{answer.system} answered {answer.status} to a change")
    return Rejected(f"{answer.system} refused: {answer.reason}")


def _mac(text: str) -> str | None:
    try:
        return normalize_mac(text)
    except ValueError:
        return None
