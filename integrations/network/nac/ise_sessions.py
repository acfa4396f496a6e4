"""Cisco ISE's monitoring node (MnT): what a session was really authorized for.

Source: Cisco ISE API reference guide, "Session management" and "Change of authorization" REST APIs.
MnT speaks XML only. What is in an answer was written by another system and may quote a device.
"""

from dataclasses import dataclass
from http import HTTPStatus
from xml.etree import ElementTree as ET

from firebreak.errors import Rejected, Unreachable
from integrations.network.rest import Answer, Rest, Window, segment
from integrations.network.rest_answers import plain

_MOST_CHARS = 2**18
_LAST = 1  # REAUTH_TYPE_LAST: with the method that succeeded last
_XML = {"Accept": "application/xml"}


@dataclass(frozen=True)
class Session:
    """A session MnT knows: the authorization profiles it got, and the node that serves it."""

    profiles: tuple[str, ...]
    server: str
    place: str


class IseSessions:
    """The sessions as the MnT node has them."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def of(self, mac: str, window: Window) -> Session | None:
        """The session of a MAC address, or None when there is none.

        Raises:
            Unreachable, AuthFailed, RateLimited, Rejected: see Rest.read.
        """
        answer = await self._rest.read(
            "GET",
            f"/admin/API/mnt/Session/MACAddress/{segment(mac.upper())}",
            window,
            headers=_XML,
            accept=(HTTPStatus.NOT_FOUND, HTTPStatus.INTERNAL_SERVER_ERROR),
        )
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        fields = _fields(answer)
        if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            # MnT has no other way to say it: 500, and this text (seen in the field).
            if "not available" in fields.get("internal-error-info", ""):
                return None
            raise Unreachable(f"{answer.system} answered {answer.status}")
        if fields.get("acct_status_type") == "Stop":  # unconfirmed: ended sessions are kept a while
            return None
        place = f"{fields.get('nas_ip_address', '?')} {fields.get('nas_port_id', '?')}"
        profiles = [p.strip() for p in fields.get("selected_azn_profiles", "").split(",")]
        return Session(tuple(p for p in profiles if p), fields.get("acs_server", ""), place)

    async def reauthenticate(self, mac: str, window: Window) -> None:
        """Have the session, if there is one, authenticate again (CoA by its own node).

        Raises:
            Rejected: MnT says it was not done.
            Unreachable, OutcomeUnknown, AuthFailed, RateLimited: see Rest.write.
        """
        session = await self.of(mac, window)
        if session is None or not session.server:
            return
        answer = await self._rest.write(
            "GET",  # Cisco's own choice, for something that does change the world
            f"/admin/API/mnt/CoA/Reauth/{segment(session.server)}/{segment(mac.upper())}/{_LAST}",
            window,
            headers=_XML,
        )
        if _fields(answer).get("results") != "true":
            raise Rejected(f"{answer.system} did not make {mac} authenticate again")


def _fields(answer: Answer) -> dict[str, str]:
    """The leaves under the root. Raises Rejected when it is no XML, or XML with a DTD."""
    try:
        text = answer.content.decode("utf-8")
        if len(text) > _MOST_CHARS or "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise Rejected(f"{answer.system} answered with XML that is too large or has a DTD")
        # Without a DTD there are no entities but XML's own five, so nothing can grow or be fetched.
        root = ET.fromstring(text)  # noqa: S314 - see the line above
    except (UnicodeDecodeError, ET.ParseError) as error:
        raise Rejected(f"{answer.system} answered with something that is not XML") from error
    return {child.tag: plain(child.text or "") for child in root}
