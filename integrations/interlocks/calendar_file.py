"""Change windows and freezes from an iCalendar file or URL."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from firebreak.domain.interlock import CalendarInterlock
from firebreak.domain.reading import Reading
from firebreak.errors import Rejected, Unreachable
from integrations.interlocks.calendar_rules import MAX_BYTES, ChangeCalendar
from integrations.interlocks.http import bearer
from integrations.network.rest import Rest, Window

Clock = Callable[[], datetime]


class CalendarSource:
    """Reads one interlock of kind ``calendar``: whether now is within one of its events.

    The file is read at every look; it is small, and an edit counts at once. Working out recurrences
    takes a thread of its own: a hostile calendar can keep that busy, and nothing else.

    Args:
        interlock: where the calendar is.
        clock: the time now, aware.

    Raises:
        DefinitionError: ``ca_file`` holds no certificate.
    """

    def __init__(self, interlock: CalendarInterlock, clock: Clock) -> None:
        self._interlock = interlock
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"interlock-{interlock.id}")
        self._rest: Rest | None = None
        if interlock.url is not None:
            self._rest = Rest(
                f"the calendar of {interlock.id}", _Place(interlock), bearer(interlock)
            )

    async def read(self) -> Reading:
        """See StateSource."""
        body = await self._fetched() if self._rest is not None else None
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._look, body)

    async def close(self) -> None:
        """See StateSource."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        if self._rest is not None:
            await self._rest.close()

    async def _fetched(self) -> bytes:
        assert self._rest is not None  # noqa: S101 - only called with a URL
        answer = await self._rest.read(
            "GET",
            "",
            Window.of(self._interlock.timeout_s),
            headers={"Accept": "text/calendar"},
        )
        return answer.content

    def _look(self, body: bytes | None) -> Reading:
        what = self._interlock
        now = self._clock()
        place, written = (what.url or "").partition("?")[0], now
        if body is None:
            place = what.file or ""
            body, written = _file(Path(place))
        calendar = ChangeCalendar(body, place, ZoneInfo(what.time_zone))
        event = calendar.at(now, tentative=what.rule == "never-within")
        within = f"in {event!r}" if event is not None else "in no event"
        return Reading(event is not None, written, f"{place}: {within}; within an event")


class _Place:
    """A calendar's URL in the shape that Rest takes."""

    def __init__(self, interlock: CalendarInterlock) -> None:
        self.url = interlock.url or ""
        self.ca_file = interlock.ca_file
        self.timeout_s = interlock.timeout_s


def _file(path: Path) -> tuple[bytes, datetime]:
    """The content, at most one byte too much, and when it was written."""
    try:
        with path.open("rb") as file:
            body = file.read(MAX_BYTES + 1)
        return body, datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError as error:
        raise Rejected(f"there is no calendar {path}") from error
    except OSError as error:
        raise Unreachable(f"the calendar {path} cannot be read: {error.strerror}") from error
