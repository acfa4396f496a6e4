"""People on the command line: who there is and what they may be now. Needs no server."""

import asyncio
from collections.abc import Awaitable, Callable
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
from firebreak.domain.people import Person
from firebreak.domain.rota import Rota
from firebreak.errors import DefinitionError
from firebreak.people.book import People, load
from firebreak.people.live import LivePeople
from firebreak.people.roster import RotaRoster
from firebreak.people.shifts import shifts
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
    """Find what is wrong with a people file, with file and line, and when its rotas have holes."""
    path = file or people_file()
    try:
        found = load(path)
    except DefinitionError as error:
        problems = str(error).splitlines()
        body: dict[str, Any] = {"file": str(path), "problems": problems}
        show(body, Group(*(Text(clean(line)) for line in problems)), as_json=as_json)
        raise typer.Exit(Exit.USAGE) from error
    holes = _holes(found, datetime.now(UTC))
    counted = f"{len(found.persons)} people and {len(found.rotas)} rotas checked, no problems"
    body = {
        "file": str(path),
        "people": len(found.persons),
        "rotas": len(found.rotas),
        "problems": [],
        "holes": holes,
    }
    show(body, Group(Text(counted), *(Text(_hole(hole)) for hole in holes)), as_json=as_json)


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
