"""Who is on duty, and who comes next. Needs no server; PagerDuty's schedules are asked there."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.text import Text

from firebreak.cli.exits import ProblemError
from firebreak.cli.people import ask
from firebreak.cli.screen import JsonFlag, show, tabulate
from firebreak.domain.rota import Rota
from firebreak.errors import FirebreakError
from firebreak.people.book import People
from firebreak.people.live import LivePeople
from firebreak.people.roster import RotaRoster
from firebreak.people.shifts import Shift, shifts

_YEARS = range(2000, 2200)  # what a rota can be worked out for without end of the calendar
_TIME = "%a %Y-%m-%d %H:%M %Z"

app = typer.Typer()

At = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="When, like 2026-01-31T03:00 on the rota's clock; else now."),
]
Role = Annotated[str | None, typer.Option(metavar="ROLE", help="Only the rota of this role.")]
Days = Annotated[int, typer.Option(min=1, max=60, help="How far ahead to look.")]


@app.command("on-call")
def on_call(*, at: At = None, role: Role = None, days: Days = 7, as_json: JsonFlag = False) -> None:
    """Show who is on duty, why, and the next handoffs."""

    async def question(found: LivePeople, roster: RotaRoster) -> list[dict[str, Any]]:
        rotas = _rotas(found.current(), role)
        return [await _rota(roster, rota, at, timedelta(days=days)) for rota in rotas]

    rows = ask(question)
    cells = [cell for row in rows for cell in _cells(row)]
    columns = ("role", "from", "to", "on duty", "by")
    show({"rotas": rows}, tabulate(columns, cells, "the people file has no rotas"), as_json=as_json)


def _rotas(people: People, role: str | None) -> list[Rota]:
    if role is None:
        return list(people.rotas.values())
    if role not in people.rotas:
        given = ", ".join(people.rotas) or "none"
        raise ProblemError(
            f"no rota gives out the role {role!r}; there is: {given}",
            "`firebreak on-call` without --role shows every rota",
            error="not-found",
        )
    return [people.rotas[role]]


async def _rota(
    roster: RotaRoster, rota: Rota, written: str | None, ahead: timedelta
) -> dict[str, Any]:
    since = _moment(written, rota.time_zone)
    problem = ""
    try:
        found = await roster.shifts(rota.role, since, since + ahead)
    except FirebreakError as error:
        # What the server would do without an earlier answer: overrides, and else the fallback.
        found, problem = shifts(rota, since, since + ahead), str(error)
    return {
        "role": rota.role,
        "time_zone": rota.time_zone,
        "at": since.isoformat(),
        "shifts": [_shift(shift, rota) for shift in found],
        "problem": problem,
    }


def _shift(shift: Shift, rota: Rota) -> dict[str, Any]:
    zone = ZoneInfo(rota.time_zone)
    return {
        "from": shift.since.astimezone(zone).isoformat(),
        "to": shift.until.astimezone(zone).isoformat(),
        "who": list(shift.duty.who),
        "by": shift.duty.by,
    }


def _cells(row: dict[str, Any]) -> Iterable[tuple[object, ...]]:
    zone = ZoneInfo(row["time_zone"])
    for number, shift in enumerate(row["shifts"]):
        since, until = (
            datetime.fromisoformat(shift[edge]).astimezone(zone).strftime(_TIME)
            for edge in ("from", "to")
        )
        by = Text(shift["by"], style="yellow" if shift["by"] == "fallback" else "")
        yield (row["role"] if number == 0 else "", since, until, ", ".join(shift["who"]), by)
    if row["problem"]:
        yield ("", "", "", "", Text(f"not asked: {row['problem']}", style="bold red"))


def _moment(written: str | None, zone: str) -> datetime:
    if written is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        moment = None
    if moment is None or moment.year not in _YEARS:
        raise ProblemError(
            f"{written!r} is no time", "write it like 2026-01-31T03:00", error="bad-input"
        )
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
