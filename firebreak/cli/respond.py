"""Starts responses, ends and extends holds: what changes something on the estate."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.text import Text

from firebreak.cli.assignments import assignments
from firebreak.cli.client import Api, AsName, connect, one, part, path
from firebreak.cli.durations import moment, seconds
from firebreak.cli.exits import Exit, ProblemError
from firebreak.cli.follow import watch
from firebreak.cli.screen import JsonFlag, clean, progress, show
from firebreak.cli.timeline import render_rung
from firebreak.contracts.engine import Started
from firebreak.contracts.ledger import IncidentRow
from firebreak.domain.hold import Hold

app = typer.Typer()

DeviceId = Annotated[str, typer.Argument(metavar="DEVICE", help="Id of the device in the estate.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it goes into the record.")]
Wait = Annotated[bool, typer.Option("--wait", help="Follow the response until it is closed.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done; change nothing.")]
ActionName = Annotated[str, typer.Option("--action", help="Which of the device's holds.")]

QUARANTINE = "network.quarantine"

_LOOK_S = 5.0


@app.command()
def run(
    playbook: Annotated[str, typer.Argument(metavar="PLAYBOOK", help="Name of the playbook.")],
    *,
    device: Annotated[str, typer.Option("--device", help="Id of the device in the estate.")],
    reason: Reason,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="An input; JSON, or else text."),
    ] = None,
    dry_run: DryRun = False,
    wait: Wait = False,
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """Start a playbook for a device."""
    inputs = assignments(values)
    request = {"playbook": playbook, "device": device, "reason": reason, "inputs": inputs}
    with connect(as_name) as api:
        _respond(api, request, _How(dry_run, wait, as_json))


@app.command()
def isolate(
    device: DeviceId,
    *,
    reason: Reason,
    dry_run: DryRun = False,
    wait: Wait = False,
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """Put a device into quarantine, for a limited time."""
    request = {"playbook": "isolate", "device": device, "reason": reason, "inputs": {}}
    with connect(as_name) as api:
        _respond(api, request, _How(dry_run, wait, as_json, must_contain=True))


@app.command()
def release(
    device: DeviceId,
    *,
    reason: Reason,
    action: ActionName = QUARANTINE,
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """End a hold now: put back what was there, and prove it."""
    with connect(as_name) as api:
        answer = api.post(path("holds", device, action, "release"), {"reason": reason})
    hold = one(Hold, answer)
    said = f"{hold.id} is {hold.state.value}: {hold.plan.way_back or hold.plan.summary}"
    show(hold.to_json(), Text(clean(said)), as_json=as_json)
    if hold.state.value != "released":
        raise typer.Exit(Exit.NOT_DONE)


@app.command()
def extend(
    device: DeviceId,
    *,
    by: Annotated[str, typer.Option("--by", metavar="DURATION", help="How much longer: 2h, 90m.")],
    reason: Reason,
    action: ActionName = QUARANTINE,
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """Move the expiry of a hold."""
    body = {"reason": reason, "by_s": seconds(by)}
    with connect(as_name) as api:
        hold = one(Hold, api.post(path("holds", device, action, "extend"), body))
    until = f"until {moment(hold.expires_at)}" if hold.expires_at else "without an end"
    show(hold.to_json(), Text(clean(f"{hold.id} holds {until}")), as_json=as_json)


@dataclass(frozen=True)
class _How:
    """What to do with a response besides starting it."""

    dry_run: bool
    wait: bool
    as_json: bool
    must_contain: bool = False


def _respond(api: Api, request: dict[str, Any], how: _How) -> None:
    if how.dry_run:
        _show_plans(api.post("/responses", {**request, "dry_run": True}), as_json=how.as_json)
        return
    before = _newest(api, request["playbook"], request["device"])
    started = one(Started, api.post("/responses", {**request, "dry_run": False}))
    joined = None if before is None else started.incident == before
    said = f"{started.incident} {_BEGUN[joined]}; `firebreak incident show {started.incident}`"
    told = Text(clean(said))
    if joined:
        told.append(f"\n{_JOINED}")
    if not how.wait:
        show({**started.to_json(), "joined": joined}, told, as_json=how.as_json)
        return
    if joined:
        progress().print(told)
    row = watch(api, started.incident, as_json=how.as_json)
    if row.status != "completed" or (how.must_contain and not row.contained):
        raise typer.Exit(Exit.NOT_DONE)


# By whether the response was there before; None: that could not be read.
_BEGUN = {False: "has begun", True: "ran already", None: "runs"}
_JOINED = (
    "you have joined it: you count among those who asked for it now, "
    "and whoever asked cannot approve"
)


def _newest(api: Api, playbook: str, device: str) -> str | None:
    """The newest incident of that playbook and device, "" without one; None: it cannot be read.

    Nothing that only reads may keep a response from being started, or hold it up for long.
    """
    try:
        answer = api.get_soon(path("incidents", "respond", playbook, device), _LOOK_S)
    except ProblemError as problem:
        return "" if problem.code is Exit.NOT_FOUND else None
    return one(IncidentRow, part(answer, "incident")).id


def _show_plans(answer: Any, *, as_json: bool) -> None:
    plans = part(answer, "plans")
    told = [render_rung(plan) for plan in plans]
    show(answer, Group(*told) if told else Text("nothing would be done"), as_json=as_json)
