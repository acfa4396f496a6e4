"""What the interlocks say at this moment: read from here, with or without a server."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from firebreak.cli.client import AsName, connect, many
from firebreak.cli.estate_file import load_estate
from firebreak.cli.exits import ProblemError
from firebreak.cli.screen import JsonFlag, show, tabulate
from firebreak.domain.hold import Hold
from firebreak.errors import Unreachable
from firebreak.policy.interlocks import Verdict
from firebreak.wiring.interlocks import build
from integrations.inventory.yaml_file import YamlInventory
from integrations.probe.sentinel import SentinelProbe

app = typer.Typer()


@app.command()
def interlocks(
    device: Annotated[
        str | None, typer.Argument(metavar="[DEVICE]", help="Only those that protect this device.")
    ] = None,
    *,
    as_name: AsName = None,
    as_json: JsonFlag = False,
) -> None:
    """Read the interlocks now: who may be acted on, and why not.

    They are read from this machine, as the estate file says; a worker elsewhere may see more or
    less. Only redundancy needs the server: it knows the holds.
    """
    inventory = load_estate()
    verdicts = asyncio.run(_look(inventory, device, as_name))
    table = tabulate(
        ("id", "state", "kind", "protects", "what it says", "contact"),
        [
            (each.id, _state(each), each.kind, each.protects, _words(each), each.contact)
            for each in verdicts
        ],
        f"no interlock protects {device}" if device else "the estate has no interlocks",
    )
    show([each.to_json() for each in verdicts], table, as_json=as_json)


async def _look(
    inventory: YamlInventory, name: str | None, as_name: str | None
) -> Sequence[Verdict]:
    device = inventory.device(name) if name is not None else None
    estate = inventory.estate
    probe = SentinelProbe({site.id: site.sentinel for site in estate.sites})

    async def holds() -> Sequence[Hold]:
        return await asyncio.to_thread(_holds, as_name)

    guard = build(estate, holds, devices=inventory.devices, probe=probe)
    try:
        return await guard.look(device)
    finally:
        await guard.close()


def _holds(as_name: str | None) -> Sequence[Hold]:
    try:
        with connect(as_name) as api:
            return many(Hold, api.get("/holds"), "holds")
    except ProblemError as problem:
        raise Unreachable(f"the holds are not known: {problem.message}") from problem


def _state(verdict: Verdict) -> Text:
    return Text("ENGAGED", style="bold red") if verdict.engaged else Text("free", style="green")


def _words(verdict: Verdict) -> str:
    return f"{verdict.summary}: {verdict.reason}" if verdict.engaged else verdict.reason
