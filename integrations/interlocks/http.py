"""A value in a JSON document behind a URL: occupancy, a brownout flag, a gateway to the process."""

import httpx

from firebreak.domain.interlock import CalendarInterlock, HttpInterlock
from firebreak.domain.reading import Reading
from integrations.interlocks.json_value import find, moment, parse
from integrations.network.rest import Rest, Window
from integrations.network.rest_auth import Basic, Key


class HttpSource:
    """Reads one interlock of kind ``http``.

    Raises:
        DefinitionError: ``ca_file`` holds no certificate.
    """

    def __init__(self, interlock: HttpInterlock) -> None:
        self._interlock = interlock
        self._rest = Rest(f"the source of {interlock.id}", interlock, _credential(interlock))

    async def read(self) -> Reading:
        """See StateSource."""
        what = self._interlock
        place = what.url.partition("?")[0]  # a query may hold a key
        answer = await self._rest.read("GET", "", Window.of(what.timeout_s))
        document = parse(answer.content, place)
        return Reading(
            value=find(document, what.value, place),
            at=moment(find(document, what.timestamp, place), what.timestamp_unit),
            where=f"{place} {what.value}",
        )

    async def close(self) -> None:
        """See StateSource."""
        await self._rest.close()


def _credential(interlock: HttpInterlock) -> httpx.Auth:
    if interlock.username is not None and interlock.password is not None:
        return Basic(interlock.username, interlock.password)
    return bearer(interlock)


def bearer(interlock: HttpInterlock | CalendarInterlock) -> httpx.Auth:
    """The interlock's token on every request; nothing when it has none."""
    return Key(interlock.token, "Bearer ") if interlock.token is not None else httpx.Auth()
