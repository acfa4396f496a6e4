"""A schedule kept elsewhere is asked seldom, and an outage there is bridged, but not for ever."""

import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from firebreak.contracts.people import OnCall
from firebreak.errors import DefinitionError, FirebreakError, RateLimited, Unreachable
from firebreak.people import standing
from firebreak.people.standing import StandingOnCall
from tests.unit.people.writing import Clock, Schedule, utc

NOON = utc("2026-01-05T12:00")
CALL = OnCall("PUSERA", "", None, None)


def made(schedule: Schedule, clock: Clock) -> StandingOnCall:
    return StandingOnCall("the schedule", lambda: schedule, cache_s=60, keep_s=3600, clock=clock)


async def test_an_answer_is_kept_for_a_short_time_and_no_longer() -> None:
    schedule, clock = Schedule(CALL), Clock()
    standing_ = made(schedule, clock)
    for at in (0, 30, 59):
        clock.now = 1000 + at
        assert await standing_.at(NOON) == (CALL,)
    assert len(schedule.asked) == 1
    clock.now = 1060
    schedule.calls = []
    assert await standing_.at(NOON) == ()
    assert len(schedule.asked) == 2


async def test_many_who_ask_at_once_ask_once() -> None:
    schedule = Schedule(CALL)
    standing_ = made(schedule, Clock())
    found = await asyncio.gather(*(standing_.at(NOON) for _ in range(50)))
    assert found == [(CALL,)] * 50
    assert len(schedule.asked) == 1


@pytest.mark.parametrize("by", [timedelta(hours=5), timedelta(days=-3)])
async def test_a_system_clock_that_leaps_is_asked_about_anew(by: timedelta) -> None:
    schedule = Schedule(CALL)
    standing_ = made(schedule, Clock())
    await standing_.at(NOON)
    await standing_.at(NOON + by)
    (since, until) = schedule.asked[1]
    assert since <= NOON + by < until


async def test_during_an_outage_the_last_answer_counts_until_it_is_too_old() -> None:
    schedule, clock = Schedule(CALL), Clock()
    standing_ = made(schedule, clock)
    await standing_.at(NOON)
    schedule.failure = Unreachable("down")
    for after, known in ((60, (CALL,)), (1800, (CALL,)), (3599, (CALL,)), (3600, None)):
        clock.now = 1000 + after
        at = NOON + timedelta(seconds=min(after, 3590))
        assert await standing_.at(at) == known
    schedule.failure = None
    clock.now += standing.RETRY_S
    assert await standing_.at(NOON) == (CALL,)


async def test_a_clock_set_back_does_not_make_an_old_answer_young() -> None:
    schedule, clock = Schedule(CALL), Clock()
    standing_ = made(schedule, clock)
    await standing_.at(NOON)
    schedule.failure = Unreachable("down")
    clock.now += 3600
    assert await standing_.at(NOON - timedelta(minutes=10)) is None


async def test_an_outage_is_said_loudly_and_not_felt_with_every_question() -> None:
    schedule, clock = Schedule(CALL, failure=Unreachable("down")), Clock()
    standing_ = made(schedule, clock)
    with capture_logs() as logged:
        for _ in range(20):
            assert await standing_.at(NOON) is None
        clock.now += standing.RETRY_S
        schedule.failure = None
        assert await standing_.at(NOON) == (CALL,)
    assert len(schedule.asked) == 2
    assert [line["log_level"] for line in logged] == ["error", "warning"]
    assert "the fallback is on duty" in logged[0]["event"]


async def test_patience_that_is_asked_for_is_given() -> None:
    schedule, clock = Schedule(CALL, failure=RateLimited("slow down", 120.0)), Clock()
    standing_ = made(schedule, clock)
    for after, asked in ((0, 1), (119, 1), (120, 2)):
        clock.now = 1000 + after
        await standing_.at(NOON)
        assert len(schedule.asked) == asked


async def test_a_schedule_that_cannot_even_be_built_leads_to_the_fallback() -> None:
    def broken() -> Schedule:
        raise DefinitionError("no CA certificate")

    standing_ = StandingOnCall("it", broken, cache_s=60, keep_s=3600, clock=Clock())
    assert await standing_.at(NOON) is None
    with pytest.raises(FirebreakError):
        standing_.source()
    await standing_.close()
