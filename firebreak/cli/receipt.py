"""Receipts on the command line: verified with nothing but the file and the public key."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from firebreak.cli.exits import Exit, ProblemError
from firebreak.cli.screen import JsonFlag, clean, show
from firebreak.cli.timeline import BAD, GOOD, QUIET, render
from firebreak.domain.record import Entry
from firebreak.errors import BadInput, DefinitionError
from firebreak.ledger.envelope import MAX_BYTES, read_canonical, read_envelope
from firebreak.ledger.signing import read_public_key
from firebreak.ledger.verification import Report, verify
from firebreak.telling.peek import Json, get, items, text

receipt_app = typer.Typer(no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="The receipt.")]


@receipt_app.callback()
def receipt() -> None:
    """Show and verify signed receipts."""


@receipt_app.command("verify")
def verify_receipt(
    file: File,
    *,
    public_key: Annotated[
        Path, typer.Option("--public-key", metavar="PEM", help="Key of who should have signed it.")
    ],
    as_json: JsonFlag = False,
) -> None:
    """Verify a receipt offline. Exit code 0: it holds; 1: it does not; 2: nothing could be read."""
    content = _read(file)
    try:
        key = read_public_key(_read(public_key))
    except DefinitionError as error:
        raise ProblemError(
            f"{public_key}: {error}",
            "the key lies in the state directory of who signed, as receipt-key.pub.pem",
            code=Exit.USAGE,
        ) from error
    report = verify(content, key)
    show({"valid": report.valid, **report.to_json()}, _verdict(file, report), as_json=as_json)
    raise typer.Exit(Exit.DONE if report.valid else Exit.NOT_DONE)


@receipt_app.command("show")
def show_receipt(file: File, *, as_json: JsonFlag = False) -> None:
    """Show what a receipt says, without checking that any of it is true."""
    warning = Text("Not verified: `firebreak receipt verify` says whether this holds.\n", BAD)
    try:
        said = get(read_canonical(read_envelope(_read(file)).body()), "predicate")
        story = _story(said)
    except (BadInput, ValidationError) as error:
        raise ProblemError(f"{file} is no receipt: {error}", code=Exit.USAGE) from error
    show(said, Group(warning, story), as_json=as_json)


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as source:
            return source.read(MAX_BYTES + 1)
    except OSError as error:
        raise ProblemError(f"{file} cannot be read: {error.strerror}", code=Exit.USAGE) from error


def _verdict(file: Path, report: Report) -> RenderableType:
    checks = Table.grid(padding=(0, 2))
    for check in report.checks:
        mark = Text("ok", GOOD) if check.ok else Text("FAILED", BAD)
        checks.add_row(mark, Text(check.name, "bold"), Text(clean(check.message)))
    if report.predicate is None:
        verdict = Text.assemble(("INVALID", BAD), f"  {clean(file)} proves nothing.")
        return Group(checks, Text(), verdict)
    verdict = Text.assemble(("VALID", GOOD), f"  signed by key {report.keyid}")
    return Group(checks, Text(), verdict, Text(), _story(report.predicate))


def _story(said: Json) -> RenderableType:
    entries = [Entry.model_validate(entry) for entry in items(said, "entries")]
    lines = [render(entry, entries[0].at) for entry in entries]
    facts = _facts(get(said, "summary"))
    if entries:
        zone = f"below, on this machine's clock, {entries[0].at.astimezone():%Z}"
        facts.add_row(Text("the story", QUIET), Text(zone))
    return Group(facts, Text(), *lines)


def _facts(summary: Json) -> Table:
    contained = get(summary, "contained") is True
    # Of the past, as the record is: what holds now no receipt can say.
    seen = Text("contained", GOOD) if contained else Text("not contained", BAD)
    facts = {
        "incident": f"{text(summary, 'incident')}: {text(summary, 'title')}",
        "device": " ".join(text(summary, "device", name) for name in ("id", "mac", "site")),
        "asked by": _because(summary),
        "playbook": _playbook(summary),
        "policy": text(summary, "policy"),
        "result": Text.assemble(f"{clean(text(summary, 'status'))}, the device was ", seen),
        "detected": _moment(summary, "detected"),
        "opened": _moment(summary, "opened"),
        "contained": _moment(summary, "contained")
        + _took(summary, detect_to_contain="detection", open_to_contain="opening"),
        "recovered": _moment(summary, "recovered")
        + _took(summary, contain_to_recover="containment", detect_to_recover="detection"),
    }
    table = Table.grid(padding=(0, 2))
    for name, fact in facts.items():
        told = fact if isinstance(fact, Text) else Text(clean(fact))
        table.add_row(Text(name, QUIET), told if told.plain else Text("-", QUIET))
    return table


def _because(summary: Json) -> str:
    reason = text(summary, "reason")
    return text(summary, "requester") + (f", because: {reason}" if reason else "")


def _playbook(summary: Json) -> str:
    playbook = get(summary, "playbook")
    return f"{text(playbook, 'name')} v{text(playbook, 'version')} {text(playbook, 'digest')}"


def _moment(summary: Json, name: str) -> str:
    """A time as it was signed: in UTC."""
    return text(summary, "times", name).replace("T", " ").replace("Z", " UTC")


def _took(summary: Json, **spans: str) -> str:
    """How long after something it was, for each span that is known."""
    known = {what: get(summary, "seconds", name) for name, what in spans.items()}
    return "".join(
        f", {took:.1f} s after {what}"
        for what, took in known.items()
        if isinstance(took, int | float)
    )
