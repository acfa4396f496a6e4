"""Who is on call by a schedule in PagerDuty.

PagerDuty REST API v2, "List all of the on-calls": GET /oncalls with classic pagination. Written
from the documentation and not run against PagerDuty. Unconfirmed: that a schedule which no
escalation policy uses gives no on-calls at all.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from firebreak.contracts.people import OnCall
from firebreak.domain.rota import PagerDutySchedule
from firebreak.errors import Rejected
from integrations.network.rest import Answer, Rest, Shape, Window
from integrations.network.rest_auth import Key

_PAGE = 100  # the most that classic pagination gives at once
_MOST_PAGES = 20
_ACCEPT = "application/vnd.pagerduty+json;version=2"

_Id = Annotated[str, Field(min_length=1, max_length=100)]


class _Schedule(Shape):
    id: _Id


class _User(Shape):
    """``email`` is there because the request includes users."""

    id: _Id
    email: str = Field(default="", max_length=320)


class _OnCall(Shape):
    """``schedule`` null: by the escalation policy itself; a null time: without begin or end."""

    user: _User
    schedule: _Schedule | None
    start: AwareDatetime | None
    end: AwareDatetime | None


class _Page(Shape):
    oncalls: tuple[_OnCall, ...] = Field(max_length=_PAGE)
    more: bool


class PagerDutyOnCall:
    """An OnCallSource over one schedule.

    Raises:
        DefinitionError: ``ca_file`` holds no certificate.
    """

    def __init__(self, schedule: PagerDutySchedule) -> None:
        self._schedule = schedule
        self._rest = Rest("PagerDuty", schedule, Key(schedule.token, "Token token="))

    async def on_call(self, since: datetime, until: datetime) -> Sequence[OnCall]:
        """See OnCallSource. Whoever is on call by several escalation policies comes once."""
        window = Window.of(self._schedule.timeout_s)
        found: dict[OnCall, None] = {}
        for number in range(_MOST_PAGES):
            page = (await self._page(since, until, number, window)).shaped(_Page)
            found.update((call, None) for one in page.oncalls if (call := self._call(one)))
            if not page.more:
                return tuple(found)
        raise Rejected(f"PagerDuty lists more than {_MOST_PAGES * _PAGE} on-calls for one schedule")

    async def close(self) -> None:
        """See OnCallSource."""
        await self._rest.close()

    async def _page(self, since: datetime, until: datetime, number: int, window: Window) -> Answer:
        params: dict[str, str | int] = {
            "schedule_ids[]": self._schedule.schedule,
            "include[]": "users",
            "since": since.astimezone(UTC).isoformat(timespec="seconds"),
            "until": until.astimezone(UTC).isoformat(timespec="seconds"),
            "time_zone": "UTC",
            "limit": _PAGE,
            "offset": number * _PAGE,
        }
        headers = {"Accept": _ACCEPT}
        return await self._rest.read("GET", "/oncalls", window, params=params, headers=headers)

    def _call(self, one: _OnCall) -> OnCall | None:
        """What counts of an answer: nobody is on duty by a schedule that was not asked for."""
        if one.schedule is None or one.schedule.id != self._schedule.schedule:
            return None
        return OnCall(one.user.id, one.user.email, one.start, one.end)
