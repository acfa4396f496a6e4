"""A schedule kept elsewhere, asked seldom, and what is known of it while nobody answers there."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from firebreak.contracts.people import OnCall, OnCallSource
from firebreak.errors import FirebreakError, RateLimited

RETRY_S = 30.0  # after a failure, so that an outage is not felt with every question
_BEFORE = timedelta(hours=1)  # what is asked about may have been a while ago

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Answer:
    calls: tuple[OnCall, ...]
    since: datetime
    until: datetime
    taken: float  # monotonic

    def covers(self, at: datetime) -> bool:
        return self.since <= at < self.until


class StandingOnCall:
    """One source and its last answer.

    Every answer is about the next ``keep_s`` seconds too, so during an outage the handoffs go on as
    they were known. Its age is told by a clock that nobody sets.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], OnCallSource],
        *,
        cache_s: float,
        keep_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``cache_s``: asked again after that; ``keep_s``: counts no longer than that.

        ``name`` is what log lines call it.
        """
        self._name = name
        self._connect = connect
        self._source: OnCallSource | None = None
        self._cache_s = cache_s
        self._keep_s = keep_s
        self._clock = clock
        self._answer: _Answer | None = None
        self._not_before = 0.0  # while it fails
        self._failing = False
        self._turn = asyncio.Lock()

    def source(self) -> OnCallSource:
        """The source itself. Raises DefinitionError when what is configured cannot be used."""
        if self._source is None:
            self._source = self._connect()
        return self._source

    async def at(self, moment: datetime) -> Sequence[OnCall] | None:
        """Who is on call then and around then; None when nobody can say any more."""
        async with self._turn:
            if self._is_due(moment):
                await self._ask(moment)
            return self._known(moment)

    async def close(self) -> None:
        """Let go of the source."""
        if self._source is not None:
            await self._source.close()

    def _is_due(self, moment: datetime) -> bool:
        now = self._clock()
        if self._failing:
            return now >= self._not_before
        answer = self._answer
        return answer is None or not answer.covers(moment) or now - answer.taken >= self._cache_s

    async def _ask(self, moment: datetime) -> None:
        since, until = moment - _BEFORE, moment + timedelta(seconds=self._keep_s)
        taken = self._clock()  # before the question: an answer is never younger than it seems
        try:
            calls = await self.source().on_call(since, until)
        except FirebreakError as error:
            wait = error.after_s if isinstance(error, RateLimited) else 0.0
            self._not_before = self._clock() + max(RETRY_S, wait)
            self._failing = True
            self._complain(moment, error)
            return
        if self._failing:
            _log.warning("the on-call schedule answers again", source=self._name)
        self._failing = False
        self._answer = _Answer(tuple(calls), since, until, taken)

    def _known(self, moment: datetime) -> Sequence[OnCall] | None:
        answer = self._answer
        if answer is None or not answer.covers(moment):
            return None
        return answer.calls if self._clock() - answer.taken < self._keep_s else None

    def _complain(self, moment: datetime, error: FirebreakError) -> None:
        known = self._known(moment) is not None
        _log.error(
            "the on-call schedule cannot be asked; "
            + ("its last answer still counts" if known else "the fallback is on duty"),
            source=self._name,
            error=error.code,
            problem=str(error)[:500],
        )
