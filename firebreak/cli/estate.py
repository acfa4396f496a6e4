"""What is in force, and on which devices."""

import typer
from rich.text import Text

from firebreak.cli.client import AsName, connect, many
from firebreak.cli.durations import moment
from firebreak.cli.screen import JsonFlag, show, tabulate
from firebreak.domain.device import Device
from firebreak.domain.hold import Hold, HoldState

app = typer.Typer()

_STYLES = {HoldState.ACTIVE: "green", HoldState.STUCK: "bold red", HoldState.PENDING: "yellow"}


@app.command()
def holds(*, as_name: AsName = None, as_json: JsonFlag = False) -> None:
    """List what is in force, the soonest to expire first."""
    with connect(as_name) as api:
        rows = many(Hold, api.get("/holds"), "holds")
    table = tabulate(
        ("device", "action", "state", "until", "owner", "incident", "what"),
        [
            (
                row.device,
                row.action,
                Text(row.state.value, style=_STYLES.get(row.state, "")),
                moment(row.expires_at),
                row.owner,
                row.incident,
                row.detail or row.plan.summary,
            )
            for row in rows
        ],
        "nothing is in force",
    )
    show([row.to_json() for row in rows], table, as_json=as_json)


@app.command()
def devices(*, as_name: AsName = None, as_json: JsonFlag = False) -> None:
    """List the devices of the estate."""
    with connect(as_name) as api:
        rows = many(Device, api.get("/devices"), "devices")
    table = tabulate(
        ("id", "name", "class", "site", "ip", "mac", "criticality", "safety", "attached"),
        [
            (
                row.id,
                row.name,
                row.device_class,
                row.site,
                row.ip or "",
                row.mac,
                row.criticality.value,
                row.safety.value,
                f"{row.attached.switch} {row.attached.port}" if row.attached else "unknown",
            )
            for row in rows
        ],
        "the estate file lists no devices",
    )
    show([row.to_json() for row in rows], table, as_json=as_json)
