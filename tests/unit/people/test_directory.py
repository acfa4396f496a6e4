"""One principal behind every account, with the roles of the moment and no others."""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from firebreak.contracts.people import Directory, OnCall, Roster
from firebreak.domain.people import Principal
from firebreak.domain.rota import PagerDutySchedule
from firebreak.errors import Unreachable
from firebreak.people.directory import PeopleDirectory
from firebreak.people.live import LivePeople
from firebreak.people.nobody import NobodyKnown
from firebreak.people.roster import RotaRoster
from firebreak.settings import Settings
from firebreak.wiring.people import load_people
from tests.unit.people.writing import PAGERDUTY, PEOPLE, ROTAS, Schedule, utc, write

FIRST = utc("2026-01-05T12:00")  # ops-a's turn
SECOND = FIRST + timedelta(days=1)  # ops-b's
Everyone = tuple[Directory, Roster, LivePeople]


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Everyone]:
    def make(text: str = PEOPLE + ROTAS, schedule: Schedule | None = None) -> Everyone:
        def connect(_: PagerDutySchedule) -> Schedule:
            assert schedule is not None
            return schedule

        people = LivePeople.load(write(tmp_path, text))
        roster = RotaRoster(people, connect)
        return PeopleDirectory(people, roster), roster, people

    return make


async def roles(directory: Directory, person: str, at: datetime) -> list[str]:
    claimed = Principal(id=person, roles=frozenset({"admin", "on-call"}))
    return sorted((await directory.current(claimed, at)).roles)


async def test_two_accounts_of_one_person_are_one_principal(made: Callable[..., Everyone]) -> None:
    directory, _, _ = made()
    accounts = [("token", "oncall"), ("slack", "U0OPSA"), ("email", "OPS-A@EXAMPLE.COM")]
    found = [await directory.principal(*account, FIRST) for account in accounts]
    wanted = Principal(id="ops-a", roles=frozenset({"analyst", "on-call"}))
    assert found == [wanted] * 3
    assert await directory.principal("slack", "The first", FIRST) is None


async def test_a_role_of_a_rota_comes_and_goes_with_the_turn(made: Callable[..., Everyone]) -> None:
    directory, roster, _ = made()
    assert await roles(directory, "ops-a", FIRST) == ["analyst", "on-call"]
    assert await roles(directory, "ops-a", SECOND) == ["analyst"]
    assert await roles(directory, "ops-b", FIRST) == []
    assert await roles(directory, "ops-b", SECOND) == ["on-call"]
    assert await roster.on_duty("on-call", SECOND) == ("ops-b",)


async def test_in_a_hole_the_fallback_has_the_role_and_nobody_else(
    made: Callable[..., Everyone],
) -> None:
    directory, roster, _ = made()
    early = utc("2025-12-31T12:00")
    assert await roster.on_duty("on-call", early) == ("lead",)
    assert await roles(directory, "lead", early) == ["analyst", "on-call", "soc-lead"]
    assert await roles(directory, "lead", FIRST) == ["analyst", "soc-lead"]
    assert await roles(directory, "ops-a", early) == ["analyst"]


async def test_a_role_without_a_rota_asks_all_who_have_it_as_the_file_lists_them(
    made: Callable[..., Everyone],
) -> None:
    _, roster, _ = made()
    assert await roster.on_duty("analyst", FIRST) == ("ops-a", "lead")
    assert await roster.on_duty("nobody-has-this", FIRST) == ()


async def test_a_person_who_is_not_in_the_file_has_no_roles_and_a_service_keeps_its_own(
    made: Callable[..., Everyone],
) -> None:
    directory, _, _ = made()
    assert await roles(directory, "admin", FIRST) == []
    service = Principal(id="ops-a", kind="automation", roles=frozenset({"automation"}))
    assert await directory.current(service, FIRST) is service


async def test_roles_taken_away_are_gone_while_the_token_lives(
    made: Callable[..., Everyone],
) -> None:
    directory, roster, people = made()
    before = people.path.read_text()
    people.path.write_text(before.replace("roles: [soc-lead, analyst]", "roles: [analyst]"))
    people.refresh()
    assert await roles(directory, "lead", FIRST) == ["analyst"]
    gone = before.replace("id: lead", "id: other").replace("[lead]", "[other]")
    people.path.write_text(gone)
    people.refresh()
    assert await roles(directory, "lead", FIRST) == []
    assert directory.person("lead") is None
    assert await roster.on_duty("on-call", utc("2025-12-31T12:00")) == ("other",)


async def test_a_broken_file_changes_nothing_and_says_so(made: Callable[..., Everyone]) -> None:
    directory, _, people = made()
    assert isinstance(directory, PeopleDirectory)
    good = people.path.read_text()
    for bad in ("people: [", "", good + "x: 1\n", good.replace("[ops-a, ops-b]", "[ops-x]")):
        people.path.write_text(bad)
        with capture_logs() as logged:
            people.refresh()
        assert [line["log_level"] for line in logged] == ["error"]
        assert directory.problem is not None
        assert await roles(directory, "ops-a", FIRST) == ["analyst", "on-call"]
    people.path.unlink()
    people.refresh()
    assert "cannot be read" in (directory.problem or "")
    assert await roles(directory, "ops-a", FIRST) == ["analyst", "on-call"]
    people.path.write_text(good)
    people.refresh()
    assert directory.problem is None


async def test_pagerdutys_users_are_people_by_their_id_or_their_address(
    made: Callable[..., Everyone],
) -> None:
    schedule = Schedule(
        OnCall("PNOBODY", "who@example.com", None, None),
        OnCall("PUSERB", "ops-b@Example.com", None, FIRST + timedelta(hours=1)),
        OnCall("PUSERA", "ops-b@example.com", None, FIRST + timedelta(hours=1)),
    )
    directory, roster, _ = made(PEOPLE + PAGERDUTY, schedule)
    with capture_logs() as logged:
        for _ in range(3):
            assert await roster.on_duty("on-call", FIRST) == ("ops-b", "ops-a")
    assert [line["pagerduty"] for line in logged] == ["PNOBODY"]
    assert await roles(directory, "ops-b", FIRST) == ["on-call"]
    assert await roster.on_duty("on-call", FIRST + timedelta(hours=2)) == ("lead",)


async def test_when_pagerduty_cannot_be_asked_the_fallback_is_on_duty(
    made: Callable[..., Everyone],
) -> None:
    schedule = Schedule(failure=Unreachable("down"))
    directory, roster, _ = made(PEOPLE + PAGERDUTY, schedule)
    assert await roster.on_duty("on-call", FIRST) == ("lead",)
    assert await roles(directory, "ops-a", FIRST) == ["analyst"]
    assert isinstance(roster, RotaRoster)
    await roster.close()
    assert schedule.closed


async def test_without_a_people_file_tokens_say_what_their_owners_may_do(tmp_path: Path) -> None:
    everyone = load_people(Settings(state_dir=tmp_path))
    directory, roster = everyone
    assert isinstance(directory, NobodyKnown)
    admin = Principal(id="admin", roles=frozenset({"admin"}))
    assert await directory.current(admin, FIRST) is admin
    assert await directory.principal("token", "admin", FIRST) is None
    assert directory.person("admin") is None
    assert await roster.on_duty("admin", FIRST) == ()
    await everyone.close()


async def test_the_file_of_the_settings_is_wired(tmp_path: Path) -> None:
    path = write(tmp_path, PEOPLE + PAGERDUTY)
    everyone = load_people(Settings(state_dir=tmp_path, people_file=path))
    assert everyone.directory.person("ops-a") is not None
    assert await everyone.roster.on_duty("soc-lead", FIRST) == ("lead",)
    await everyone.close()


def test_a_file_that_was_only_touched_is_no_news(made: Callable[..., Everyone]) -> None:
    _, _, people = made()
    os.utime(people.path, (1, 1))
    before = people.current()
    people.refresh()
    people.refresh()
    assert people.problem is None
    assert people.current().persons == before.persons
