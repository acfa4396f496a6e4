"""What a people file may say, and the line that each error points at."""

from pathlib import Path

import pytest

from firebreak.errors import DefinitionError
from firebreak.people.book import load
from tests.unit.people.writing import PAGERDUTY, PEOPLE, ROTAS, write


def problem(folder: Path, text: str) -> str:
    with pytest.raises(DefinitionError) as caught:
        load(write(folder, text))
    return str(caught.value).replace(f"{folder}/", "")


def test_a_person_has_one_id_and_many_accounts(tmp_path: Path) -> None:
    people = load(write(tmp_path, PEOPLE + ROTAS))
    assert list(people.persons) == ["ops-a", "ops-b", "lead"]
    accounts = [("token", "oncall"), ("token", "ops-a"), ("slack", "U0OPSA"), ("oidc", "sub-a")]
    accounts += [("pagerduty", "PUSERA"), ("email", "ops-a@EXAMPLE.com")]
    owners = [people.owner(*account) for account in accounts]
    assert [owner.id for owner in owners if owner] == ["ops-a"] * len(accounts)
    assert people.persons["ops-a"].teams == {"night"}


@pytest.mark.parametrize(
    ("provider", "account"),
    [
        ("token", "OnCall"),
        ("token", "The first"),
        ("slack", "ops-a"),
        ("slack", "u0opsa"),
        ("oidc", "sub-\N{CYRILLIC SMALL LETTER A}"),
        ("token", "\N{CYRILLIC SMALL LETTER O}ncall"),
        ("token", "oncall\n"),
        ("token", "oncall\N{ZERO WIDTH SPACE}"),
        ("slack", "\N{FULLWIDTH LATIN CAPITAL LETTER U}0OPSA"),
        ("email", "ops-b@example.com\x00"),
        ("email", "op\N{LATIN SMALL LETTER LONG S}-b@example.com"),
        ("email", "The first"),
        ("name", "The first"),
        ("", ""),
    ],
)
def test_a_name_that_only_looks_like_an_account_is_nobodys(
    tmp_path: Path, provider: str, account: str
) -> None:
    assert load(write(tmp_path, PEOPLE)).owner(provider, account) is None


def test_letters_that_fold_into_ours_are_somebody_elses(tmp_path: Path) -> None:
    people = load(write(tmp_path, PEOPLE.replace("ops-b@", "desk@")))
    assert people.owner("email", "DESK@example.com") is people.persons["ops-b"]
    assert "DES\N{KELVIN SIGN}".lower() == "desk"
    assert people.owner("email", "DES\N{KELVIN SIGN}@example.com") is None


SECOND = PEOPLE.replace("  - id: ops-b\n", "  - id: ops-b\n    accounts: {%s}\n")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (SECOND % "slack: [U0OPSA]", "people.yaml:9: people[1].accounts.slack[0]: U0OPSA is ops-a"),
        (SECOND % "slack: [u0opsa]", "u0opsa is ops-a's already"),
        (SECOND % "token: [ops-a]", "ops-a is ops-a's already"),
        (SECOND % "token: [lead]", "lead is lead's already"),
        (SECOND % "token: [ONCALL]", "ONCALL is ops-a's already"),
        (SECOND % "slack: [\N{CYRILLIC CAPITAL LETTER U}1]", "must be plain ASCII without blanks"),
        (SECOND % "oidc: ['a b']", "must be plain ASCII without blanks"),
        (SECOND % "oidc: [12]", "must be text; put it in quotes"),
        (SECOND % "teams: [U1]", "accounts.teams: is no field of this"),
        (PEOPLE.replace("ops-b@", "ops-a@"), "ops-a@example.com is ops-a's already"),
        (PEOPLE.replace("ops-b@", "OPS-A@"), "OPS-A@example.com is ops-a's already"),
        (PEOPLE.replace("ops-b@", "\N{CYRILLIC SMALL LETTER O}ps@"), "people[1].emails[0]"),
        (PEOPLE.replace("ops-b@", "ops b@"), "people[1].emails[0]"),
        (PEOPLE.replace("id: ops-b", "id: ops-a"), "people[1].id: ops-a is the id of two people"),
        (PEOPLE.replace("id: ops-b", "id: nobody"), "nobody is what the engine itself is"),
        (PEOPLE.replace("id: ops-b", "id: automation"), "automation is what the engine itself is"),
        (PEOPLE.replace("id: ops-b", "id: Ops-b"), "people[1].id"),
        (PEOPLE.replace("id: ops-b", "id: 'source:x'"), "people[1].id"),
        (PEOPLE.replace("id: ops-b", "id: \N{CYRILLIC SMALL LETTER O}ps-b"), "people[1].id"),
        ("people: []\n", "people"),
        (
            PEOPLE.replace("[soc-lead, analyst]", "[automation]"),
            "roles[0]: automation is the engine",
        ),
        (PEOPLE.replace("[soc-lead, analyst]", "[service]"), "roles[0]: service is the engine"),
        (
            PEOPLE + ROTAS.replace("on-call", "automation"),
            "rotas[0].role: automation is the engine",
        ),
        (PEOPLE.replace("roles: [soc-lead, analyst]", "roles: [on-call]") + ROTAS, "a rota gives"),
        (PEOPLE + ROTAS.replace("[ops-a, ops-b]", "[ops-a, ops-x]"), "ops-x is nobody in this"),
        (PEOPLE + ROTAS.replace("[lead]", "[ops-y]"), "rotas[0].fallback[0]: ops-y is nobody"),
        (PEOPLE + ROTAS.replace("[lead]", "[]"), "rotas[0].fallback"),
        (PEOPLE + ROTAS.replace("    fallback: [lead]\n", ""), "rotas[0].fallback: is required"),
        (PEOPLE + ROTAS.replace("Europe/Berlin", "Europe/Bonn"), "'Europe/Bonn' is no time zone"),
        (PEOPLE + ROTAS.replace("Europe/Berlin", "../../etc/passwd"), "is no time zone"),
        (PEOPLE + ROTAS.replace("    time_zone: Europe/Berlin\n", ""), "say by whose clock"),
        (PEOPLE + ROTAS + ROTAS.removeprefix("rotas:\n"), "on-call is given out by two rotas"),
        (PEOPLE + ROTAS.replace("daily", "hourly"), "layers[0].rotation: write daily, weekly"),
        (PEOPLE + ROTAS.replace("daily", "0h"), "write daily, weekly"),
        (PEOPLE + ROTAS.replace("daily", "1345h"), "write daily, weekly"),
        (PEOPLE + ROTAS.replace("daily", "9999h"), "write daily, weekly"),
        (PEOPLE + ROTAS.replace("daily", "12"), "write daily, weekly"),
        (PEOPLE + ROTAS.replace("daily", '12h, handoff: "10:00"'), "rotations of whole days"),
        (PEOPLE + ROTAS.replace("daily", 'daily, handoff: "25:00"'), "handoff: hour must be in"),
        (PEOPLE + ROTAS.replace("2026-01-05T09:00", "2026-02-30T09:00"), "layers[0].start: day is"),
        (PEOPLE + ROTAS.replace("2026-01-05T09:00", "'2026-01-05'"), "write it like 2026-01-31"),
        (PEOPLE + ROTAS.replace("T09:00", "T09:00+01:00"), "by the clock of the rota's time zone"),
        (PEOPLE + ROTAS.replace("members: [ops-a, ops-b]", "members: []"), "members"),
        (PEOPLE + ROTAS.replace("daily", "daily, only: {}"), "only: say when: days, from, to"),
        (
            PEOPLE + ROTAS + "    overrides:\n"
            "      - {from: 2026-02-02T09:00, to: 2026-02-02T09:00, person: lead}\n",
            "overrides[0]: it ends before it begins",
        ),
        (
            PEOPLE + ROTAS + "    overrides:\n"
            "      - {from: 2026-02-01T09:00, to: 2026-02-02T09:00, person: ops-z}\n",
            "overrides[0].person: ops-z is nobody",
        ),
        (PEOPLE + ROTAS + "    pagerduty: {schedule: P1, token: env:T}\n", "give either layers or"),
        (PEOPLE + PAGERDUTY.replace("env:PD_TOKEN", "u+abc"), "pagerduty.token"),
        (PEOPLE + PAGERDUTY.replace("PSCHED1", "../users"), "pagerduty.schedule"),
        (
            PEOPLE + PAGERDUTY.replace("{sch", "{url: 'http://pd.example', sch"),
            "pagerduty.url",
        ),
    ],
)
def test_what_cannot_be_is_refused_where_it_stands(tmp_path: Path, text: str, says: str) -> None:
    found = problem(tmp_path, text)
    assert says in found
    assert found.startswith("people.yaml:")


def test_every_problem_is_said_at_once(tmp_path: Path) -> None:
    text = PEOPLE.replace("ops-b@", "ops-a@") + ROTAS.replace("[lead]", "[ops-y, ops-z]")
    assert len(problem(tmp_path, text).splitlines()) == 3


def test_a_secret_pasted_in_place_of_its_reference_is_not_repeated(tmp_path: Path) -> None:
    text = PEOPLE + PAGERDUTY.replace("env:PD_TOKEN", "u+s3cret-key")
    assert "s3cret" not in problem(tmp_path, text)


def test_the_same_account_written_twice_by_its_owner_is_no_harm(tmp_path: Path) -> None:
    people = load(write(tmp_path, PEOPLE.replace("[oncall]", "[oncall, ops-a]")))
    assert people.persons["ops-a"].accounts["token"] == ("ops-a", "oncall")
