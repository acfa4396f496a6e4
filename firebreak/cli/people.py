"""People on the command line: who there is and what they may be now. Needs no server."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import typer
from rich.console import Group
from rich.text import Text

from firebreak import logs
from firebreak.cli.configuration import load_settings
from firebreak.cli.exits import Exit, ProblemError
from firebreak.cli.screen import JsonFlag, clean, show, tabulate
from firebreak.domain.people import Gate, Person, Principal, Terms
from firebreak.domain.rota import Rota
from firebreak.errors import DefinitionError
from firebreak.people.book import People, load
from firebreak.people.directory import PeopleDirectory
from firebreak.people.live import LivePeople
from firebreak.people.quorums import Shortage, shortages
from firebreak.people.roster import RotaRoster
from firebreak.people.shifts import shifts
from firebreak.playbook.catalogue import SHIPPED
from firebreak.playbook.library import Library
from firebreak.playbook.program import Approve
from firebreak.policy.cedar import CedarPolicy
from firebreak.policy.files import shipped
from firebreak.policy.vocabulary import Vocabulary
from integrations.oncall.pagerduty import PagerDutyOnCall

T = TypeVar("T")

_HOLES_WITHIN = timedelta(weeks=4)

app = typer.Typer()

Where = Annotated[
    Path | None, typer.Argument(metavar="[FILE]", help="A people file; else the settings' own.")
]


@app.callback(invoke_without_command=True)
def people(context: typer.Context, *, as_json: JsonFlag = False) -> None:
    """List people with the roles of now; check the people file."""
    if context.invoked_subcommand is None:
        _list(as_json=as_json)


@app.command("list")
def list_people(*, as_json: JsonFlag = False) -> None:
    """List everyone, with the roles they hold at this moment. `firebreak people` does the same."""
    _list(as_json=as_json)


@app.command()
def check(file: Where = None, *, as_json: JsonFlag = False) -> None:
    """Find what is wrong with a people file, holes in its rotas, and approvals it cannot give."""
    path = file or people_file()
    try:
        found = load(path)
    except DefinitionError as error:
        problems = str(error).splitlines()
        body: dict[str, Any] = {"file": str(path), "problems": problems}
        show(body, Group(*(Text(clean(line)) for line in problems)), as_json=as_json)
        raise typer.Exit(Exit.USAGE) from error
    holes = _holes(found, datetime.now(UTC))
    short = [_short(shortage) for shortage in shortages(found, _wanted())]
    counted = f"{len(found.persons)} people and {len(found.rotas)} rotas checked, no problems"
    body = {
        "file": str(path),
        "people": len(found.persons),
        "rotas": len(found.rotas),
        "problems": [],
        "holes": holes,
        "short": short,
    }
    told = [*map(_hole, holes), *(each["problem"] for each in short)]
    show(body, Group(Text(counted), *(Text(clean(line)) for line in told)), as_json=as_json)


def people_file() -> Path:
    """The people file of the settings. Raises ProblemError when they name none."""
    path = load_settings().people_file
    if path is None:
        raise ProblemError(
            "there is no people file: every API token is a person of its own",
            "set FIREBREAK_PEOPLE_FILE; docs/how-to/people-and-on-call.md shows one",
            error="definition",
        )
    return path


def ask(question: Callable[[LivePeople, RotaRoster], Awaitable[T]]) -> T:
    """Ask the people file, and the schedules it names. Raises DefinitionError."""
    path = people_file()
    logs.configure(load_settings())  # what is wrong with a schedule goes to standard error

    async def run() -> T:
        found = LivePeople.load(path)
        roster = RotaRoster(found, PagerDutyOnCall)
        try:
            return await question(found, roster)
        finally:
            await roster.close()

    return asyncio.run(run())


def who_is(account: str, at: datetime) -> Principal:
    """The person with that id or token name, and their roles then. Raises ProblemError."""

    async def question(found: LivePeople, roster: RotaRoster) -> Principal | None:
        return await PeopleDirectory(found, roster).principal("token", account, at)

    principal = ask(question)
    if principal is None:
        raise ProblemError(
            f"the people file knows nobody by the id or token name {account!r}",
            "firebreak people list shows who there is",
            error="not-found",
        )
    return principal


def _list(*, as_json: bool) -> None:
    async def question(found: LivePeople, roster: RotaRoster) -> list[dict[str, Any]]:
        known, now = found.current(), datetime.now(UTC)
        everyone = known.persons.values()
        return [_row(person, await roster.roles(known, person, now)) for person in everyone]

    rows = ask(question)
    columns = ("id", "name", "roles now", "teams", "e-mail", "accounts")
    table = tabulate(columns, [_cells(row) for row in rows], "the people file lists nobody")
    show({"people": rows}, table, as_json=as_json)


def _row(person: Person, roles: frozenset[str]) -> dict[str, Any]:
    return {**person.to_json(), "roles": sorted(person.roles), "roles_now": sorted(roles)}


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    accounts = [f"{name}:{each}" for name, found in row["accounts"].items() for each in found]
    lists = (row["roles_now"], row["teams"], row["emails"], accounts)
    return (row["id"], row["name"], *(", ".join(each) for each in lists))


def _holes(found: People, now: datetime) -> list[dict[str, str]]:
    """When nobody is on duty by the file itself, and the fallback is."""
    return [
        {"role": rota.role, "from": _local(shift.since, rota), "to": _local(shift.until, rota)}
        for rota in found.rotas.values()
        if rota.layers
        for shift in shifts(rota, now, now + _HOLES_WITHIN)
        if shift.duty.by == "fallback"
    ]


def _local(at: datetime, rota: Rota) -> str:
    return at.astimezone(ZoneInfo(rota.time_zone)).isoformat(timespec="minutes")


def _hole(hole: dict[str, str]) -> str:
    return f"{hole['role']}: only the fallback from {hole['from']} to {hole['to']}"


def _wanted() -> Iterator[tuple[str, Terms]]:
    """Whom the policies and playbooks of the settings ask. Raises DefinitionError."""
    settings = load_settings()
    policy = CedarPolicy.load(settings.policy_file or shipped(), Vocabulary(SHIPPED))
    for rule in policy.policies.rules:
        yield f"policy {rule.id}", rule.terms
    for program in Library.load(settings.playbook_dirs, SHIPPED).programs():
        for step in program.every_step():
            if isinstance(step, Approve):
                gate = Gate(role=step.role, quorum=step.quorum, within_s=step.within_s)
                yield f"{program.name} step {step.id}", Terms(gates=(gate,), levels=step.levels)


def _short(shortage: Shortage) -> dict[str, Any]:
    gate = shortage.gate
    few = f"at most {shortage.most} can answer" if shortage.most else "nobody can answer"
    return {
        "asked_by": shortage.asked_by,
        "role": gate.role,
        "quorum": gate.quorum,
        "most": shortage.most,
        "problem": f"{shortage.asked_by} asks for {gate.quorum} {gate.role}, and {few}: "
        "it will always be denied",
    }
